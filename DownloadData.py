"""Fetch the public data, verify it, and write data/data.csv and data/icml_face_data.csv.

python DownloadData.py                       from GitHub (see src/data/archives.py)
python DownloadData.py --sources FILE        from archives that a table of sources lists
python DownloadData.py --from DIR            from files at hand: Kaggle's training.csv, fer2013.csv, ... and, if there,
                                             FERPlus's fer2013new.csv, the votes on the faces of fer2013.csv
python DownloadData.py --from DIR --codes five    the emotion codes 0..4 are the original study's, not Kaggle's

What is already there and verified is not fetched again; after an interruption the same command goes on.
"""

import argparse
import shutil
import sys
import zlib
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd

from src.data.archives import UPSTREAM, Source, SourceError, open_archive, read_table, replacing
from src.data.convert import emotion_rows, fer2013_rows, write_emotions, write_keypoints
from src.data.datasets import (
    WIDE_FILE,
    DataError,
    Emotions,
    Keypoints,
    drop_repeats,
    load_bare_keypoints,
    load_repeated_emotions,
    photo_numbers,
)
from src.data.emotion_columns import CODES
from src.data.gaps import gaps
from src.data.votes import VOTES_CSV, archive_votes, join_votes
from src.files import DATA, EMOTIONS_CSV, KEYPOINTS_CSV, shown
from src.labels import ALL_EMOTIONS

# Names that the two files may have at the user's; the first one present is taken.
KEYPOINT_FILES = ("data.csv", "training.csv", "training.zip")
EMOTION_FILES = ("icml_face_data.csv", "fer2013.csv")


def build(sources: tuple[Source, ...], folder: Path) -> None:
    """Fetch and verify all archives, then write the data files into `folder`."""
    fer2013, helen, youtube, ferplus = (open_archive(source, folder / "archives") for source in sources)
    write_keypoints(helen, youtube, folder)
    votes = archive_votes(fer2013, ferplus)
    if votes is None:
        print(f"{shown(fer2013.path)} is another archive than the one whose votes are known: no votes are written.")
    write_emotions(folder / EMOTIONS_CSV.name, fer2013_rows(fer2013), votes)


# ---------------------------------------------------------------- files at hand


def adopt(source: Path, folder: Path, codes: str | None = None) -> list[str]:
    """Copy the user's keypoint and emotion files from `source` into `folder`; return the names of what was taken.

    codes: as in `load_repeated_emotions`. Raises SourceError or DataError if there is no known file, or one is not
    valid; that one is then not copied.
    """
    if not source.is_dir():
        raise SourceError(f"{shown(source)} is no folder; give the folder that holds your files.")
    keypoints, emotions = (
        next((source / name for name in names if (source / name).is_file()), None)
        for names in (KEYPOINT_FILES, EMOTION_FILES)
    )
    for ours in (folder, folder / KEYPOINTS_CSV.name, folder / EMOTIONS_CSV.name):
        if same := next((it for it in (source, keypoints, emotions) if it and _are_one(it, ours)), None):
            raise SourceError(f"{shown(same)} is where the data is written; put your files into another folder.")
    if not keypoints and not emotions:
        known = ", ".join(KEYPOINT_FILES + EMOTION_FILES)
        raise SourceError(f"{shown(source)} holds none of {known}; put one of them there, unpacked.")
    taken = [_take_keypoints(keypoints, folder / KEYPOINTS_CSV.name)] if keypoints else []
    return taken + (_take_emotions(emotions, folder / EMOTIONS_CSV.name, codes) if emotions else [])


def _are_one(path: Path, other: Path) -> bool:
    path, other = path.resolve(), other.resolve()
    return path.exists() and other.exists() and path.samefile(other)


def _take_keypoints(file: Path, target: Path) -> str:
    with replacing(target) as part:
        _copy(file, part)
        try:
            load_bare_keypoints(part)
        except DataError as error:
            raise SourceError(str(error).replace(shown(part), shown(file))) from error
        target.with_name(WIDE_FILE).unlink(missing_ok=True)  # the surroundings of other faces
    return file.name


def _take_emotions(file: Path, target: Path, codes: str | None) -> list[str]:
    """A file whose codes were asked for, or that has votes beside it, is written anew."""
    faces = load_repeated_emotions(file, codes)
    beside = file.with_name(VOTES_CSV)
    if beside.is_file():
        write_emotions(target, emotion_rows(faces), join_votes(faces, file, beside))
        return [file.name, beside.name]
    if codes:
        write_emotions(target, emotion_rows(faces), faces.votes)
    else:
        with replacing(target) as part:
            shutil.copyfile(file, part)
    return [file.name]


def _copy(file: Path, target: Path) -> None:
    if file.suffix != ".zip":
        shutil.copyfile(file, target)
        return
    try:
        with ZipFile(file) as archive, archive.open("training.csv") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (BadZipFile, KeyError, RuntimeError, EOFError, zlib.error) as error:  # RuntimeError: it asks for a password
        raise SourceError(
            f"{shown(file)} is damaged or holds no training.csv ({error}); take it from Kaggle again."
        ) from error


# ---------------------------------------------------------------- what the files hold


def keypoint_summary(path: Path) -> str:
    """Faces by origin and split, people, repeated images and gaps of a keypoint file."""
    faces = load_bare_keypoints(path)
    counts = pd.crosstab(
        faces.source, faces.usage, rownames=["origin"], colnames=["usage"], margins=True, margins_name="all"
    )
    people = pd.Series(faces.subject).groupby(faces.source).nunique()
    return "\n".join(
        [
            f"{shown(path)}: {_count(faces)}",
            counts.to_string(),
            "People (of HELEN and without names: photos): "
            + ", ".join(f"{n} {origin}" for origin, n in people.items()),
            *gaps(faces),
        ]
    )


def emotion_summary(path: Path) -> str:
    """Faces by class and split, with votes, gaps, and images of other splits that stand byte for byte in Training."""
    faces = load_repeated_emotions(path)
    _, repeats = drop_repeats(faces.images, faces.usage)
    emotion = pd.Series(np.array(ALL_EMOTIONS)[faces.labels], name="class")
    counts = pd.crosstab(emotion, pd.Series(faces.usage, name="usage"), margins=True, margins_name="all")
    counts = counts.reindex(index=[*ALL_EMOTIONS, "all"], columns=[*faces.usages, "all"], fill_value=0)
    lines = [f"{shown(path)}: {_count(faces)}", counts.to_string(), *gaps(faces)]
    has_votes = faces.votes is not None and faces.votes.any()
    lines.append(f"{faces.votes.any(axis=1).sum():,} faces have votes" if has_votes else "no votes: labels alone")
    for usage in faces.usages[1:]:
        lines.append(
            f"{repeats[f'{usage} images repeated in Training']} {usage} images stand byte for byte in Training"
        )
    return "\n".join(lines)


def _count(faces: Emotions | Keypoints) -> str:
    distinct = len(np.unique(photo_numbers(faces.images)))
    return f"{len(faces):,} faces, {len(faces) - distinct} repeat another row's image"


# ---------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--sources", type=Path, metavar="FILE", help="JSON table of other sources")
    origin.add_argument("--from", type=Path, metavar="DIR", dest="at_hand", help="folder with files at hand")
    parser.add_argument("--codes", choices=CODES, help="with --from: what the emotion codes are")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", default=DATA, help="where to write (data/)")
    options = parser.parse_args(arguments)
    if options.codes and not options.at_hand:
        parser.error("--codes goes with --from")
    try:
        if options.at_hand:
            print("Taken:", ", ".join(adopt(options.at_hand, options.data_dir, options.codes)))
        else:
            build(read_table(options.sources) if options.sources else UPSTREAM, options.data_dir)
        for name, summary in ((KEYPOINTS_CSV.name, keypoint_summary), (EMOTIONS_CSV.name, emotion_summary)):
            if (options.data_dir / name).exists():
                print(f"\n{summary(options.data_dir / name)}")
    except (SourceError, DataError) as error:
        print(f"Error: {error}", file=sys.stderr)
    except OSError as error:
        print(f"Error: {error}; mend this and call again.", file=sys.stderr)
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on.", file=sys.stderr)
    else:
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main())
