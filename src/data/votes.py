"""FERPlus: what ten people each saw in every face of FER2013, joined to our rows and to those of Kaggle's file.

FERPlus (Barsoum et al. 2016, MIT licence) lists its votes in the row order of Kaggle's `fer2013.csv`. The archive that
we fetch has the same faces under other names, as JPEG files; `ferplus_rows.npz` says which row belongs to which. It was
found by the pixels, as

python -m src.data.votes FOLDER

finds it again: FOLDER holds the faces as PNG files named as in FERPlus (fer0000000.png, ...), which FERPlus's own
script writes from Kaggle's file. Of equal pictures in a split, which one has which row is arbitrary.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from src.data.archives import FER2013, UPSTREAM, Archive, Source, SourceError, open_archive, read_table, replacing
from src.data.convert import FER_PARTS, fer2013_rows
from src.data.csv_files import column_names, map_file
from src.data.datasets import Emotions
from src.files import DATA, shown
from src.labels import FER_SIDE, VOTES_OF

VOTES_CSV = "fer2013new.csv"
HEADER = "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF"
INDEX = Path(__file__).with_name("ferplus_rows.npz")
CLOSE = 5.0  # grey values, root mean square: JPEG changes a face by about 2
AGREEMENT = 0.4  # share of labels that most people see: 0.64 in the right order, 0.18 in another
BLOCK = 1024  # faces compared at once


class VoteTable(NamedTuple):
    """The rows of `fer2013new.csv`.

    usage: str (n,), the split; names: str (n,), PNG file, "" where FERPlus has none; votes: uint8 (n, 10), in the order
    of `labels.VOTES`, at least one in each row.
    """

    usage: np.ndarray
    names: np.ndarray
    votes: np.ndarray


def read_votes(name: str, content: bytes) -> VoteTable:
    """Read the content of a `fer2013new.csv`, called `name` in messages; SourceError if a row is malformed."""
    header, *lines = content.decode("utf-8-sig", "replace").splitlines() or [""]
    rows = [line.split(",") for line in lines]
    faults = ((number, _fault(row)) for number, row in enumerate(rows, 2))
    bad = (1, f"the columns are not {HEADER}") if header != HEADER else next((it for it in faults if it[1]), None)
    if bad or not rows:
        line, fault = bad or (2, "there are no rows")
        raise SourceError(f"{name}, line {line}: {fault}; take {VOTES_CSV} from microsoft/FERPlus.")
    usage, names, *counts = zip(*rows, strict=True)
    return VoteTable(np.array(usage), np.array(names), np.array(counts, np.uint8).T)


def _fault(row: list[str]) -> str:
    usage, counts = row[0], row[2:]
    if len(row) != HEADER.count(",") + 1:
        return f"{len(row)} fields where the header names {HEADER.count(',') + 1}"
    if usage not in FER_PARTS:
        return f"Usage {usage!r:.40} is none of {', '.join(FER_PARTS)}"
    if strange := [text for text in counts if not re.fullmatch("[0-9]{1,3}", text) or int(text) > 255]:
        return f"{strange[0]!r:.40} is no whole number of 0..255"
    return "" if any(map(int, counts)) else "there is no vote"


# ---------------------------------------------------------------- our archive


def archive_votes(fer2013: Archive, ferplus: Archive) -> np.ndarray | None:
    """The votes on each row of `convert.fer2013_rows`, uint8 (n, 10), all 0 where no row of FERPlus is the face's.

    None where `ferplus_rows.npz` was made of other archives than these two, which must have been verified.
    """
    with np.load(INDEX) as index:
        rows, contents = index["rows"], index["contents"].tolist()
    if contents != _contents(fer2013.source, ferplus.source):
        return None
    votes = _vote_table(ferplus).votes[rows]
    votes[rows < 0] = 0
    return votes


def _vote_table(ferplus: Archive) -> VoteTable:
    file = next(ferplus.files(VOTES_CSV))
    return read_votes(f"{file.name} in {shown(ferplus.path)}", file.content)


def _contents(fer2013: Source, ferplus: Source) -> list[str]:
    """The git object ids of the faces and the votes that an index is about: other contents have other ids."""
    return [*(fer2013.git_objects[path] for path in FER2013.git_objects), ferplus.git_objects[VOTES_CSV]]


# ---------------------------------------------------------------- Kaggle's file


def join_votes(faces: Emotions, file: Path, votes_file: Path) -> np.ndarray:
    """The votes of FERPlus's `votes_file`, uint8 (n, 10), row by row those on the faces of Kaggle's `file`.

    Raises SourceError if the rows of the two do not belong together.
    """
    table = read_votes(shown(votes_file), votes_file.read_bytes())
    remedy = f"take Kaggle's file as it is, or take {VOTES_CSV} away"
    if "Usage" not in column_names(map_file(file)):
        raise SourceError(f"{shown(file)} has no column Usage to compare with {shown(votes_file)}; {remedy}.")
    both = min(len(faces), len(table.usage))
    other = np.append(faces.usage[:both] != table.usage[:both], len(faces) != len(table.usage))
    if other.any():
        raise SourceError(
            f"{shown(file)}, row {other.argmax() + 1}: its Usage is not that of the same row of {shown(votes_file)}"
            f" ({len(faces)} and {len(table.usage)} rows without header); {remedy}."
        )
    # Our own file has the same splits, but sorts its rows otherwise.
    if np.mean(table.votes[:, VOTES_OF].argmax(axis=1) == faces.labels) < AGREEMENT:
        raise SourceError(f"{shown(file)} has not the row order of {shown(votes_file)}: labels disagree; {remedy}.")
    return table.votes


# ---------------------------------------------------------------- how the index is found


def find_rows(folder: Path, fer2013: Archive, ferplus: Archive) -> np.ndarray:
    """The row of FERPlus that belongs to each row of `convert.fer2013_rows`, int32 (n,); -1 where none does.

    folder: has FERPlus's PNG files, also in folders below. Raises SourceError if one is missing or is not 48x48.
    """
    faces, table = fer2013_rows(fer2013), _vote_table(ferplus)
    pixels = np.stack([np.frombuffer(face.pixels, np.uint8) for face in faces])
    files = {path.name: path for path in folder.rglob("*.png")}
    rows = np.full(len(faces), -1, np.int32)
    for usage in FER_PARTS:
        ours = np.flatnonzero([face.usage == usage for face in faces])
        theirs = np.flatnonzero((table.usage == usage) & (table.names != ""))
        pictures = [_read_picture(files.get(name, folder / name)) for name in table.names[theirs]]
        found = match(pixels[ours], np.reshape(pictures, (-1, FER_SIDE**2)))
        rows[ours[found >= 0]] = theirs[found[found >= 0]]
    return rows


def _read_picture(path: Path) -> np.ndarray:
    picture = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    if picture is None or picture.shape != (FER_SIDE, FER_SIDE):
        raise SourceError(f"{shown(path)} is no picture of 48x48 pixels; write FERPlus's PNG files there again.")
    return picture


def match(faces: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    """The picture that is the same as each face, int (n,), -1 for none: uint8 (n, pixels) and (m, pixels), grey 0..255.

    Two are the same if each is the other's nearest, and their root mean square difference is below CLOSE. Of equal
    faces, the first has the first of equal pictures, the second the second; no picture is given twice.
    """
    face, face_is = np.unique(faces, axis=0, return_inverse=True)
    picture, picture_is = np.unique(pictures, axis=0, return_inverse=True)
    found = np.full(len(faces), -1)
    if not len(faces) or not len(pictures):
        return found
    there, distance = _nearest(face, picture)
    back, _ = _nearest(picture, face)
    for one in np.flatnonzero((back[there] == np.arange(len(face))) & (distance < CLOSE)):
        ours, theirs = np.flatnonzero(face_is == one), np.flatnonzero(picture_is == there[one])
        found[ours[: len(theirs)]] = theirs[: len(ours)]
    return found


def _nearest(rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of `others` to each row, int (n,), and how far it is, root mean square (n,), grey values."""
    others = others.astype(np.float32) - 128  # around 0, so that little is lost in float32
    squares = (others**2).sum(axis=1)
    nearest, distance = np.empty(len(rows), int), np.empty(len(rows))
    for start in range(0, len(rows), BLOCK):
        block = rows[start : start + BLOCK].astype(np.float32) - 128
        rest = squares - 2 * block @ others.T  # of the squared distance, what depends on the other
        nearest[start : start + BLOCK] = rest.argmin(axis=1)
        distance[start : start + BLOCK] = rest.min(axis=1) + (block**2).sum(axis=1)
    return nearest, np.sqrt(np.maximum(distance, 0) / rows.shape[1])


def write_index(rows: np.ndarray, fer2013: Source, ferplus: Source) -> None:
    """Write `ferplus_rows.npz`: the rows that `find_rows` gives, and what they are about."""
    with replacing(INDEX) as part:
        np.savez_compressed(part, rows=rows, contents=_contents(fer2013, ferplus))


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="folder of FERPlus's PNG files")
    parser.add_argument("--sources", type=Path, metavar="FILE", help="JSON table of other sources")
    options = parser.parse_args(arguments)
    try:
        fer2013, *_, ferplus = read_table(options.sources) if options.sources else UPSTREAM
        fer2013, ferplus = (open_archive(source, DATA / "archives") for source in (fer2013, ferplus))
        rows = find_rows(options.folder, fer2013, ferplus)
        write_index(rows, fer2013.source, ferplus.source)
    except SourceError as error:
        print(f"Error: {error}", file=sys.stderr)
        return 1
    print(f"{shown(INDEX)}: {np.count_nonzero(rows >= 0):,} of {len(rows):,} faces have a row of FERPlus")
    return 0


if __name__ == "__main__":
    sys.exit(main())
