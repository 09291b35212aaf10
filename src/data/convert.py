"""Public archives -> the study's two CSV files: the faces that HELEN and the YouTube frames annotate, and FER2013's."""

import csv
import hashlib
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import cv2
import numpy as np
from tqdm import tqdm

from src.data.archives import Archive, File, SourceError, replacing
from src.data.datasets import WIDE, WIDE_FILE, Emotions
from src.data.emotion_columns import write_codes
from src.data.splits import deal
from src.faces import crop_face
from src.files import shown
from src.labels import ALL_EMOTIONS, FER_CODES, FER_SIDE, FRAME, KEYPOINT_COLUMNS, LANDMARKS, LANDMARKS_OF, VOTES

# Share of the subjects in each split.
YOUTUBE_SHARES = {"Test": 0.15, "Validation": 0.15, "Training": 0.7}
HELEN_SHARES = {"Validation": 0.12, "Training": 0.88}

# Folders of the FER2013 archive: parts with their official split, classes in the order of their codes 0..6.
FER_PARTS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
FER_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
_DECIMALS = [str(value) for value in range(256)]  # looked up, as `str` takes four times as long


@dataclass(frozen=True)
class Face:
    """A row of data.csv before its image is read."""

    image: str  # path in the repository
    points: np.ndarray  # 68 landmarks, (68, 2) float64, photo pixels counted from 0
    usage: str
    subject: str


class EmotionRow(NamedTuple):
    """A row of icml_face_data.csv."""

    code: int  # index into `labels.FER_CODES`
    usage: str
    pixels: bytes  # 48x48 grey values


def fifteen_points(points68: np.ndarray) -> np.ndarray:
    """The 15 keypoints, (..., 15, 2) float32 in the order of `labels.KEYPOINTS`, of 68 landmarks (..., 68, 2)."""
    means = [points68[..., landmarks, :].mean(axis=-2) for landmarks in LANDMARKS_OF]
    return np.stack(means, axis=-2).astype(np.float32)


# ---------------------------------------------------------------- which faces there are


def helen_faces(archive: Archive) -> list[Face]:
    """HELEN's trainset, then its testset, each sorted by file name; a subject is a photo, with all its faces.

    Raises SourceError if a `.pts` file is malformed.
    """
    points = {file.name.removesuffix(".pts") + ".jpg": parse_pts(file) for file in archive.files(".pts")}
    train = sorted(image for image in points if image.startswith("helen/trainset/"))
    test = sorted(points.keys() - set(train))
    subjects = _subjects("helen", train + test)
    splits = split_subjects((subjects[image] for image in train), HELEN_SHARES)
    splits |= {subjects[image]: "HelenTest" for image in test}  # a photo is never in two splits
    return [Face(image, points[image], splits[subject], subject) for image, subject in subjects.items()]


def youtube_faces(archive: Archive) -> list[Face]:
    """The annotated YouTube frames, training then test table, each sorted by file name; split anew by person.

    Raises SourceError if a table is malformed.
    """
    tables = {file.name: file for file in archive.files(".csv")}
    points = {}
    for part in ("training", "test"):
        table = parse_keypoint_table(tables[f"data/{part}_frames_keypoints.csv"])
        points |= {f"data/{part}/{name}": table[name] for name in sorted(table)}
    subjects = _subjects("youtube", points)
    splits = split_subjects(subjects.values(), YOUTUBE_SHARES)
    return [Face(image, points[image], splits[subject], subject) for image, subject in subjects.items()]


def parse_pts(file: File) -> np.ndarray:
    """The landmarks of a 300-W `.pts` file, with or without its header, counted from 0: (68, 2) float64."""
    try:
        body = file.content.decode("ascii")
        if "{" in body:
            body = body[body.index("{") + 1 : body.rindex("}")]
        rows = [line.split() for line in body.splitlines() if line.strip()]
        return _checked(np.array(rows, float)) - 1  # 300-W counts pixels from 1
    except ValueError as error:
        raise SourceError(f"{file.name} is not 68 lines `x y` ({error}); take the pinned archive.") from error


def parse_keypoint_table(file: File) -> dict[str, np.ndarray]:
    """Image name -> landmarks, (68, 2) float64 counted from 0, of a table of the YouTube frames."""
    table = {}
    rows = csv.reader(file.content.decode("utf-8", "replace").splitlines()[1:])
    for number, (name, *values) in enumerate(filter(None, rows), 2):
        try:
            if name in table:
                raise ValueError("the name stands twice")
            table[name] = _checked(np.array(values, float).reshape(-1, 2))
        except ValueError as error:
            raise SourceError(
                f"{file.name} line {number}, {name!r:.80}, is not an image and its 68 points x,y ({error}); correct it"
                " or take the pinned archive."
            ) from error
    return table


def _checked(points: np.ndarray) -> np.ndarray:
    if points.shape != (68, 2):
        raise ValueError(f"the points found have the shape {points.shape}")
    if not np.isfinite(points).all() or not np.ptp(points, axis=0).any():
        raise ValueError("the points are not finite or lie on one spot")
    return points


def split_subjects(subjects: Iterable[str], shares: dict[str, float]) -> dict[str, str]:
    """The split of each subject: drawn in the order of the names' hashes, so that it needs no seed."""
    drawn = sorted(set(subjects), key=lambda subject: hashlib.sha256(subject.encode()).digest())
    return dict(zip(drawn, deal(len(drawn), shares).tolist(), strict=True))


def _subjects(source: str, images: Iterable[str]) -> dict[str, str]:
    """The subject of each image, `source/name`: the file's name without its folder and the number at its end."""
    return {image: f"{source}/{re.sub(r'_[0-9]+$', '', PurePosixPath(image).stem)}" for image in images}


# ---------------------------------------------------------------- what is written


def write_keypoints(helen: Archive, youtube: Archive, folder: Path) -> None:
    """Write `data.csv` and, in the same row order, `wide_faces.npz` into `folder`.

    `wide_faces.npz` holds what a CSV file in Kaggle's columns has no place for: `images`, (rows, 144, 144) uint8, each
    face of data.csv with its surroundings, at the same scale (`images[:, 24:120, 24:120]` are the images of data.csv,
    exactly); and `landmarks_px`, (rows, 68, 2) float32, all 68 annotated points, px of the 96x96 frame.

    Raises SourceError if an image is missing or cannot be read, or landmarks are malformed.
    """
    listed = helen_faces(helen), youtube_faces(youtube)
    crops = _crop_all(helen, listed[0]), _crop_all(youtube, listed[1])
    wide, landmarks = (np.concatenate(arrays) for arrays in zip(*crops, strict=True))
    border = (WIDE - FRAME) // 2
    npz = folder / WIDE_FILE
    with replacing(npz) as npz_part:
        with npz_part.open("wb") as out:
            np.savez(out, images=wide, landmarks_px=landmarks)
        with replacing(folder / "data.csv") as csv_part:
            images = wide[:, border:-border, border:-border]
            _write_data_csv(csv_part, listed[0] + listed[1], fifteen_points(landmarks), images)
            npz.unlink(missing_ok=True)  # an old one must never stand beside the new rows


def _crop_all(archive: Archive, faces: list[Face]) -> tuple[np.ndarray, np.ndarray]:
    """Wide crops (n, 144, 144) uint8 and landmarks (n, 68, 2) float32, px of the 96x96 frame, of all faces."""
    rows = {face.image: row for row, face in enumerate(faces)}
    images = np.empty((len(faces), WIDE, WIDE), np.uint8)
    landmarks = np.empty((len(faces), LANDMARKS, 2), np.float32)
    with tqdm(total=len(faces), desc=f"crop {archive.source.repository}", unit=" faces") as bar:
        for file in archive.files(".jpg"):
            if (row := rows.pop(file.name, None)) is not None:
                photo = decode_grey(file.content, file.name)
                images[row], landmarks[row] = crop_face(photo, faces[row].points, margin=WIDE / FRAME)
                bar.update()
    if rows:
        raise archive.refusal(f"has points for {min(rows)}, but not the image")
    return images, landmarks


def _write_data_csv(path: Path, faces: list[Face], points: np.ndarray, images: np.ndarray) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as out:
        out.write(",".join((*KEYPOINT_COLUMNS, "Image", "Usage", "Subject")) + "\n")
        for face, xy, image in zip(tqdm(faces, "write data.csv", unit=" faces"), points, images, strict=True):
            numbers = ",".join(f"{value:.3f}" for value in xy.ravel())
            out.write(f"{numbers},{_pixel_text(image.tobytes())},{face.usage},{face.subject}\n")


def _pixel_text(pixels: bytes) -> str:
    return " ".join(map(_DECIMALS.__getitem__, pixels))


def fer2013_rows(fer2013: Archive) -> list[EmotionRow]:
    """All faces of the FER2013 archive in the row order of `icml_face_data.csv`: by split, number, code.

    Raises SourceError if an image cannot be read, is not 48x48, or is not named as in FER2013.
    """
    rows = []
    for file in tqdm(fer2013.files(".jpg"), "read FER2013", unit=" faces"):
        image = decode_grey(file.content, file.name)
        if image.shape != (FER_SIDE, FER_SIDE):
            raise SourceError(f"{file.name} in {shown(fer2013.path)} is not 48x48; take the pinned archive.")
        rows.append((_fer_key(file.name), image.tobytes()))
    return [EmotionRow(code, tuple(FER_PARTS)[usage], pixels) for (usage, _, code), pixels in sorted(rows)]


def emotion_rows(faces: Emotions) -> list[EmotionRow]:
    """The rows to write of faces that were loaded, without their votes."""
    codes = [FER_CODES.index(ALL_EMOTIONS[label]) for label in faces.labels]
    return list(map(EmotionRow, codes, faces.usage, (image.tobytes() for image in faces.images)))


def write_emotions(path: Path, rows: Sequence[EmotionRow], votes: np.ndarray | None = None) -> None:
    """Write a CSV file with Kaggle's columns `emotion`, ` Usage`, ` pixels`, and those of `labels.VOTES` behind them.

    Where the codes could be read two ways, names of emotions take their place. votes: uint8 (rows, 10), or None, then
    their columns are left out; a face whose votes are all 0 has empty fields.
    """
    names = () if votes is None else VOTES
    ends = [""] * len(rows) if votes is None else map(_vote_text, votes.tolist())
    with replacing(path) as part, part.open("w", encoding="ascii", newline="\n") as out:
        out.write(",".join(("emotion", " Usage", " pixels", *names)) + "\n")
        emotions = write_codes(row.code for row in rows)
        for emotion, row, end in zip(emotions, tqdm(rows, f"write {path.name}", unit=" faces"), ends, strict=True):
            out.write(f"{emotion},{row.usage},{_pixel_text(row.pixels)}{end}\n")


def _vote_text(counts: list[int]) -> str:
    return "".join(f",{count}" if any(counts) else "," for count in counts)


def _fer_key(name: str) -> tuple[int, int, int]:
    """Split, number and emotion code of `part/class/Usage_number.jpg`: the order of the rows."""
    with suppress(ValueError, KeyError):
        part, emotion, image = name.split("/")
        usage, number = PurePosixPath(image).stem.split("_")
        if FER_PARTS[usage] == part:
            return list(FER_PARTS).index(usage), int(number), FER_CLASSES.index(emotion)
    raise SourceError(f"{name} is not named part/class/Usage_number.jpg as in FER2013; take the pinned archive.")


def decode_grey(content: bytes, name: str) -> np.ndarray:
    """An image file of any format and depth -> grey, (height, width) uint8; SourceError if the bytes are no image.

    The orientation tag is not applied: landmarks belong to the pixels as stored.
    """
    flags = cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION
    image = cv2.imdecode(np.frombuffer(content, np.uint8), flags) if content else None
    if image is None:
        raise SourceError(f"{name} cannot be read as an image; take the pinned archive.")
    return cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
