"""Fetch the public data, verify it, and write data/data.csv and data/icml_face_data.csv.

python DownloadData.py                       from GitHub (see src/data/archives.py)
python DownloadData.py --sources FILE        from archives that a table of sources lists
python DownloadData.py --from DIR            from files at hand: Kaggle's training.csv, fer2013.csv, ... and, if there,
                                             FERPlus's fer2013new.csv, the votes on the faces of fer2013.csv

What is already there and verified is not fetched again; after an interruption the same command goes on.
"""

import argparse
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile, ZipFile

import numpy as np
import pandas as pd

from src.data.archives import UPSTREAM, Source, SourceError, open_archive, read_table, replacing
from src.data.convert import fer2013_rows, write_emotions, write_keypoints
from src.data.datasets import DataError, drop_repeats, load_emotions, load_keypoints, load_repeated_emotions
from src.data.votes import VOTES_CSV, archive_votes, write_with_votes
from src.files import DATA, EMOTIONS_CSV, KEYPOINTS_CSV, shown
from src.labels import ALL_EMOTIONS

# Name in the study -> names that it may have at the user's, the first one present is taken; how it is validated.
KINDS = {
    KEYPOINTS_CSV.name: (("data.csv", "training.csv", "training.zip"), load_keypoints),
    EMOTIONS_CSV.name: (("icml_face_data.csv", "fer2013.csv"), load_emotions),
}


def build(sources: tuple[Source, ...], folder: Path) -> None:
    """Fetch and verify all archives, then write the data files into `folder`."""
    fer2013, helen, youtube, ferplus = (open_archive(source, folder / "archives") for source in sources)
    write_keypoints(helen, youtube, folder)
    votes = archive_votes(fer2013, ferplus)
    if votes is None:
        print(f"{shown(fer2013.path)} is another archive than the one whose votes are known: no votes are written.")
    write_emotions(folder / EMOTIONS_CSV.name, fer2013_rows(fer2013), votes)


# ---------------------------------------------------------------- files at hand


def adopt(source: Path, folder: Path) -> list[str]:
    """Copy the user's keypoint and emotion files from `source` into `folder`; return the names of what was taken.

    Raises SourceError if there is no known file, or one is not valid; that one is then not copied.
    """
    taken = []
    for target, (names, load) in KINDS.items():
        file = next((source / name for name in names if (source / name).is_file()), None)
        if file:
            taken += _take(file, folder, target, load)
    if not taken:
        known = ", ".join(name for names, _ in KINDS.values() for name in names)
        raise SourceError(f"{shown(source)} holds none of {known}; put one of them there.")
    return taken


def _take(file: Path, folder: Path, target: str, load: Callable) -> list[str]:
    """Copy one file with the votes beside it, validate the copy, then put it into its place; return what was taken."""
    incoming = folder / "incoming"
    copy, votes = incoming / target, file.with_name(VOTES_CSV)
    has_votes = target == EMOTIONS_CSV.name and votes.is_file()
    try:
        if has_votes:
            write_with_votes(file, votes, copy)
        else:
            with replacing(copy) as part:
                _copy(file, part)
        load(copy)
        if target == KEYPOINTS_CSV.name:
            (folder / "wide_faces.npz").unlink(missing_ok=True)  # the surroundings of other faces
        copy.replace(folder / target)
        return [file.name, votes.name] if has_votes else [file.name]
    except DataError as error:
        raise SourceError(str(error).replace(shown(copy), shown(file))) from error
    finally:
        shutil.rmtree(incoming, ignore_errors=True)


def _copy(file: Path, target: Path) -> None:
    if file.suffix != ".zip":
        shutil.copyfile(file, target)
        return
    try:
        with ZipFile(file) as archive, archive.open("training.csv") as packed, target.open("wb") as out:
            shutil.copyfileobj(packed, out)
    except (BadZipFile, KeyError) as error:
        raise SourceError(
            f"{shown(file)} is damaged or holds no training.csv ({error}); take it from Kaggle again."
        ) from error


# ---------------------------------------------------------------- what the files hold


def keypoint_summary(path: Path) -> str:
    """Faces by origin and split, people and repeated images of a keypoint file."""
    columns = ("Image", "Usage", "Subject")
    table = pd.read_csv(path, usecols=lambda name: name.strip() in columns).rename(columns=str.strip)
    lines = [f"{shown(path)}: {len(table):,} faces, {table.Image.duplicated().sum()} repeat another row's image"]
    if {"Usage", "Subject"} <= set(table):
        origin = table.Subject.str.partition("/")[0].rename("origin")
        lines.append(pd.crosstab(origin, table.Usage, margins=True, margins_name="all").to_string())
        subjects = table.Subject.groupby(origin).nunique()
        people = ", ".join(f"{count} {origin}" for origin, count in subjects.items())
        shared = table[["Subject", "Usage"]].drop_duplicates().Subject.duplicated().sum()
        lines.append(f"People (of HELEN: photos): {people}; in two splits: {shared}")
    return "\n".join(lines)


def emotion_summary(path: Path) -> str:
    """Faces by class and split, faces with votes, and images of other splits that stand byte for byte in Training."""
    faces = load_repeated_emotions(path)
    _, repeats = drop_repeats(faces.images, faces.usage)
    emotion = pd.Series(np.array(ALL_EMOTIONS)[faces.labels], name="class")
    counts = pd.crosstab(emotion, pd.Series(faces.usage, name="usage"), margins=True, margins_name="all")
    counts = counts.reindex(index=[*ALL_EMOTIONS, "all"], columns=[*faces.usages, "all"], fill_value=0)
    repeated = pd.Series([image.tobytes() for image in faces.images]).duplicated().sum()
    lines = [f"{shown(path)}: {len(faces):,} faces, {repeated} repeat another row's image", counts.to_string()]
    has_votes = faces.votes is not None and faces.votes.any()
    lines.append(f"{faces.votes.any(axis=1).sum():,} faces have votes" if has_votes else "no votes: labels alone")
    for usage in faces.usages[1:]:
        lines.append(
            f"{repeats[f'{usage} images repeated in Training']} {usage} images stand byte for byte in Training"
        )
    return "\n".join(lines)


# ---------------------------------------------------------------- the command


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    origin = parser.add_mutually_exclusive_group()
    origin.add_argument("--sources", type=Path, metavar="FILE", help="JSON table of other sources")
    origin.add_argument("--from", type=Path, metavar="DIR", dest="at_hand", help="folder with files at hand")
    parser.add_argument("--data-dir", type=Path, metavar="DIR", default=DATA, help="where to write (data/)")
    options = parser.parse_args(arguments)
    try:
        if options.at_hand:
            print("Taken:", ", ".join(adopt(options.at_hand, options.data_dir)))
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
