"""The two CSV files -> typed arrays with splits, repeats across them found; the synthetic sample in the same form."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd

from src.data.csv_files import DataError, checksum, load_cached, map_file, read_face_table, save_cached
from src.data.emotion_columns import read_labels, read_vote_columns
from src.data.sample import draw_faces
from src.data.splits import deal, deal_groups, row_hashes
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV, shown
from src.labels import EMOTIONS, FER_SIDE, FRAME, KEYPOINT_COLUMNS, LANDMARKS, VOTES

FORMAT = 3  # of the cached arrays; a new number when the same file is to give other arrays
MARGIN = 8  # px that a keypoint may lie outside the frame
WIDE_FILE = "wide_faces.npz"  # beside data.csv
WIDE = 144  # side of the faces in wide_faces.npz: the frame and half its width around it

KEYPOINT_SHARES = {"Training": 0.7, "Validation": 0.15, "Test": 0.15}
EMOTION_SHARES = {"Training": 0.8, "PublicTest": 0.1, "PrivateTest": 0.1}
SAMPLE_EMOTION_SHARES = dict(zip(EMOTION_SHARES, KEYPOINT_SHARES.values(), strict=True))


def photo_numbers(images: Iterable[np.ndarray]) -> np.ndarray:
    """A number for each image, int (n,): the same for images that are equal byte for byte."""
    return pd.factorize(pd.Series([image.tobytes() for image in images], dtype=object))[0]


def drop_repeats(images: np.ndarray, usage: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Which rows of FER2013 to keep so that no validation or test image stands in an earlier split.

    images: (n, 48, 48) uint8, repeats are equal byte for byte; usage: str (n,). The test split stays whole, and so
    do repeats within a split. Returns (keep, counts): bool (n,), and what was counted, in words -> number of rows.
    """
    ids = photo_numbers(images)
    splits = train, public, private = [usage == name for name in ("Training", "PublicTest", "PrivateTest")]
    in_train, in_public, in_private = (np.isin(ids, ids[split]) for split in splits)
    drop_train, drop_public = train & (in_public | in_private), public & in_private
    keep = ~(drop_train | drop_public)
    counted = {
        "PrivateTest images repeated in Training": private & in_train,
        "PublicTest images repeated in Training": public & in_train,
        "PrivateTest images repeated in PublicTest": private & in_public,
        "Training rows dropped": drop_train,
        "PublicTest rows dropped": drop_public,
    }
    counts = {words: int(np.count_nonzero(rows)) for words, rows in counted.items()}
    distinct = sum(len(np.unique(ids[keep & split])) for split in splits)
    return keep, counts | {"repeats within a split kept": int(np.count_nonzero(keep)) - distinct}


class _Faces:
    """Rows of `images` with `usage`, the split of each."""

    usages: ClassVar[tuple[str, ...]]  # the names of its splits

    def __len__(self) -> int:
        return len(self.images)

    def split(self, usage: str) -> Self:
        """The rows of one usage, of which there may be none; raises ValueError for a name that is none of `usages`."""
        if usage not in self.usages:
            raise ValueError(f"There is no split {usage!r}; take one of {', '.join(self.usages)}.")
        return take_rows(self, self.usage == usage)


@dataclass(frozen=True, eq=False)
class Keypoints(_Faces):
    """Faces with keypoints; n rows in the order of their file.

    images: uint8 (n, 96, 96), grey 0..255; read-only when just loaded.
    keypoints_px: float32 (n, 15, 2), x and y in pixels of the 96x96 frame, pixel centres at 0..95, in the order of
        `labels.KEYPOINTS`; both NaN where a point is not annotated.
    usage: str (n,), one of Training, Validation, Test, HelenTest.
    subject: str (n,), whose face it is; no subject stands in two usages.
    wide: uint8 (n, 144, 144), the same faces with 24 px of surroundings on each side, or None.
    landmarks_px: float32 (n, 68, 2), all points that the archives annotate, px of the 96x96 frame, in the order of the
        300-W data sets, or None.
    """

    usages = (*KEYPOINT_SHARES, "HelenTest")

    images: np.ndarray
    keypoints_px: np.ndarray
    usage: np.ndarray
    subject: np.ndarray
    wide: np.ndarray | None = None
    landmarks_px: np.ndarray | None = None

    @property
    def stored(self) -> np.ndarray:
        """What augmentation starts from: `wide` where there is one, so that turned faces show it, else `images`."""
        return self.images if self.wide is None else self.wide

    @property
    def source(self) -> np.ndarray:
        """The data set that each face comes from, str (n,): what stands before the slash of its subject, or "other"."""
        return np.array([name.partition("/")[0] if "/" in name else "other" for name in self.subject], str)


@dataclass(frozen=True, eq=False)
class Emotions(_Faces):
    """Faces with emotions; n rows in the order of their file.

    images: uint8 (n, 48, 48), grey 0..255; read-only when just loaded.
    labels: int8 (n,), indices into `labels.ALL_EMOTIONS`: 0..4 the five of the study, 5 fear, 6 neutral.
    usage: str (n,), one of Training, PublicTest (validation), PrivateTest (test).
    dropped: what was counted when repeated images were removed from the file's rows, in words -> count.
    votes: uint8 (n, 10), how many of FERPlus's people chose each of `labels.VOTES`, all 0 where a face has no votes;
        or None where the file has no columns for them.
    """

    usages = tuple(EMOTION_SHARES)

    images: np.ndarray
    labels: np.ndarray
    usage: np.ndarray
    dropped: dict[str, int]
    votes: np.ndarray | None = None

    def five(self) -> "Emotions":
        """The rows with one of the five emotions, labels 0..4."""
        return take_rows(self, self.labels < len(EMOTIONS))


def take_rows(data, which: np.ndarray):
    """Rows of a data class: `which` is a mask, bool (n,), or row numbers, int."""
    arrays = {name: value[which] for name, value in vars(data).items() if isinstance(value, np.ndarray)}
    return replace(data, **arrays)


def load_keypoints(path: Path, *, strict: bool = True) -> Keypoints:
    """Load a keypoint CSV file: `data.csv` or Kaggle's `training.csv`, with or without `Usage` and `Subject`.

    Without Usage, subjects are dealt to the splits 70/15/15; without Subject, identical images are one subject. The
    faces and landmarks of `wide_faces.npz`, if it lies beside the file, come along. Raises DataError if the file cannot
    be used, a subject stands in two usages, wide_faces.npz does not belong to the file, or a row has an error; with
    `strict=False`, rows with errors are dropped with a warning.
    """
    path = Path(path)
    arrays, kept = _load(path, "keypoints", _parse_keypoints, strict)
    return Keypoints(**arrays, **_read_wide(path, kept))


def load_emotions(path: Path, *, strict: bool = True) -> Emotions:
    """Load an emotion CSV file: Kaggle's `icml_face_data.csv` or `fer2013.csv`, or another one of codes or names.

    Codes that can be read two ways are refused, see `emotion_columns`. Repeats across splits are removed, see
    `drop_repeats`. Without Usage, the images of each emotion are dealt to the splits 80/10/10. Ten columns named as in
    `labels.VOTES`, empty where a face has none, are its votes. `strict` and DataError as in `load_keypoints`.
    """
    arrays, _ = _load(Path(path), "emotions", _parse_unrepeated, strict)
    return Emotions(**arrays | {"dropped": json.loads(arrays["dropped"].item())})


def load_bare_keypoints(path: Path) -> Keypoints:
    """As `load_keypoints`, without the cache and without wide_faces.npz."""
    arrays, _ = _parse_keypoints(path, map_file(path), strict=True)
    return Keypoints(**arrays)


def load_repeated_emotions(path: Path, codes: str | None = None) -> Emotions:
    """All rows of an emotion CSV file, repeats and all: to show what they do, never to train the study's networks.

    codes: "five" or "seven", what the file's codes are where they can be read two ways. Parsed anew each time, without
    a cache. DataError as in `load_emotions`.
    """
    arrays, _ = _parse_emotions(Path(path), map_file(Path(path)), strict=True, codes=codes)
    return Emotions(**arrays, dropped={})


def sample_keypoints(n: int, seed: int) -> Keypoints:
    """`n` synthetic faces with exact keypoints; the first 70 % are Training, then 15 % Validation, 15 % Test."""
    images, keypoints_px, _ = draw_faces(n, seed)
    subject = np.array([f"synthetic/{i}" for i in range(n)], str)
    return Keypoints(images, keypoints_px, deal(n, KEYPOINT_SHARES), subject)


def sample_emotions(n: int, seed: int) -> Emotions:
    """`n` synthetic faces of the five; the first 70 % are Training, then 15 % PublicTest, 15 % PrivateTest."""
    images, _, labels = draw_faces(n, seed)
    factor = FRAME // FER_SIDE
    small = images.reshape(n, FER_SIDE, factor, FER_SIDE, factor).mean(axis=(2, 4)).round().astype(np.uint8)
    return Emotions(small, labels, deal(n, SAMPLE_EMOTION_SHARES), {})


def read_keypoints(data: str, sample_faces: int, seed: int) -> Keypoints:
    """data: "sample" (synthetic faces) or "real" (data/data.csv)."""
    return sample_keypoints(sample_faces, seed) if data == "sample" else load_keypoints(KEYPOINTS_CSV)


def read_emotions(data: str, sample_faces: int, seed: int) -> Emotions:
    """data: "sample" (synthetic faces) or "real" (data/icml_face_data.csv)."""
    return sample_emotions(sample_faces, seed) if data == "sample" else load_emotions(EMOTIONS_CSV)


# ---------------------------------------------------------------- parsing

Parsed = tuple[dict[str, np.ndarray], np.ndarray]  # arrays, mask of the file's rows that had no error


def _load(path: Path, kind: str, parse: Callable[..., Parsed], strict: bool) -> Parsed:
    """The arrays of a file, from its cache if there; a file with errors is never cached."""
    content = map_file(path)
    key = f"{kind}-{FORMAT}-{checksum(content)}"
    if arrays := load_cached(path, key):
        return arrays, np.ones(len(arrays["images"]), bool)
    arrays, good = parse(path, content, strict)
    arrays["images"].setflags(write=False)  # as they are when they come from the cache
    if good.all():
        save_cached(path, key, arrays)
    return arrays, good


def _parse_keypoints(path, content, strict: bool) -> Parsed:
    table = read_face_table(path, content, "Image", FRAME, KEYPOINT_COLUMNS, ("Usage", "Subject"))
    numbers = table.numbers(KEYPOINT_COLUMNS)
    table.note((numbers < -MARGIN) | (numbers > FRAME - 1 + MARGIN), f"is more than {MARGIN} px outside the frame")
    # A point may lie in the corner, two of a face do not.
    normalized = (numbers.count(axis=1) >= 4) & (numbers.abs().max(axis=1) <= 2) & (table.faults == "")
    remedy = f"multiply by {FRAME}, or add 1 and multiply by {FRAME // 2}"
    table.faults[normalized] = f"its keypoints are not in px of {FRAME}x{FRAME}, but in 0..1 or -1..1: {remedy}"
    table.note_unless_in("Usage", Keypoints.usages)
    if "Subject" in table.frame:
        table.note(table.frame[["Subject"]] == "", "names nobody")
    good = table.good_rows(strict)
    images, frame = table.images[good], table.frame[good]
    keypoints = numbers.to_numpy(np.float32)[good].reshape(-1, len(KEYPOINT_COLUMNS) // 2, 2)
    keypoints[np.isnan(keypoints).any(axis=2)] = np.nan
    has_subject = "Subject" in frame
    groups = row_hashes(frame["Subject"].str.encode("utf-8") if has_subject else images)
    subject = frame["Subject"].to_numpy(str) if has_subject else np.char.add("row/", groups)
    usage = frame["Usage"].to_numpy(str) if "Usage" in frame else deal_groups(groups, KEYPOINT_SHARES)
    _check_subjects(path, frame.index, subject, usage)
    return {"images": images, "keypoints_px": keypoints, "usage": usage, "subject": subject}, good


def _check_subjects(path: Path, lines: pd.Index, subject: np.ndarray, usage: np.ndarray) -> None:
    rows = pd.DataFrame({"line": lines, "subject": subject, "usage": usage}).drop_duplicates(["subject", "usage"])
    twice = rows[rows["subject"].duplicated(keep=False)]
    if len(twice):
        first, second = twice[twice["subject"] == twice["subject"].iloc[0]].head(2).itertuples()
        raise DataError(
            f"{shown(path)}, lines {first.line} and {second.line}: subject {first.subject!r:.40} stands in"
            f" {first.usage} and in {second.usage}; give all rows of a subject the same Usage."
        )


def _read_wide(path: Path, kept: np.ndarray) -> dict[str, np.ndarray]:
    """The kept rows of wide_faces.npz beside the file, as `Keypoints` names them; nothing without it."""
    file = path.with_name(WIDE_FILE)
    if not file.exists():
        return {}
    try:
        with file.open("rb") as stream, np.load(stream) as arrays:
            wide, landmarks = arrays["images"], arrays["landmarks_px"]
    except Exception as error:  # whatever a damaged file leads to
        reason = f"cannot be read ({type(error).__name__})"
    else:
        needed = {"images": ((len(kept), WIDE, WIDE), "uint8"), "landmarks_px": ((len(kept), LANDMARKS, 2), "float32")}
        found = {"images": (wide.shape, str(wide.dtype)), "landmarks_px": (landmarks.shape, str(landmarks.dtype))}
        if found == needed:
            arrays = {"wide": wide, "landmarks_px": landmarks}
            return arrays if kept.all() else {name: array[kept] for name, array in arrays.items()}
        reason = f"holds {found} where {shown(path)} needs {needed}"
    raise DataError(f"{shown(file)} {reason}; delete it, or write both files again with `python DownloadData.py`.")


def _parse_emotions(path, content, strict: bool, codes: str | None = None) -> Parsed:
    table = read_face_table(path, content, "pixels", FER_SIDE, ("emotion",), ("Usage", *VOTES))
    labels = read_labels(table, codes)
    table.note_unless_in("Usage", Emotions.usages)
    votes = read_vote_columns(table)
    good = table.good_rows(strict)
    images, frame, labels = table.images[good], table.frame[good], labels[good]
    has_usage = "Usage" in frame
    usage = frame["Usage"].to_numpy(str) if has_usage else deal_groups(row_hashes(images), EMOTION_SHARES, labels)
    arrays = {"images": images, "labels": labels, "usage": usage}
    return arrays if votes is None else arrays | {"votes": votes[good].astype(np.uint8)}, good


def _parse_unrepeated(path, content, strict: bool) -> Parsed:
    arrays, good = _parse_emotions(path, content, strict)
    unique, dropped = drop_repeats(arrays["images"], arrays["usage"])
    arrays = {name: array[unique] for name, array in arrays.items()}
    return arrays | {"dropped": np.array(json.dumps(dropped))}, good
