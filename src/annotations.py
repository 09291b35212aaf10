"""The faces that HELEN and the YouTube frames annotate: image, 68 landmarks, split and subject of each."""

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from src.archives import Archive, File
from src.sources import SourceError

# Share of the subjects in each split; the rest is for training.
YOUTUBE_SPLITS = {"Test": 0.15, "Validation": 0.15}
HELEN_SPLITS = {"Validation": 0.12}


@dataclass(frozen=True)
class Face:
    """A row of data.csv before its image is read."""

    image: str  # path in the repository
    points: np.ndarray  # 68 landmarks, (68, 2) float64, photo pixels counted from 0
    usage: str
    subject: str


def helen_faces(archive: Archive) -> list[Face]:
    """HELEN's trainset, then its testset, each sorted by file name; a subject is a photo, with all its faces.

    Raises
    ------
    SourceError
        If a `.pts` file is malformed.
    """
    points = {file.name.removesuffix(".pts") + ".jpg": parse_pts(file) for file in archive.files(".pts")}
    train = sorted(image for image in points if image.startswith("helen/trainset/"))
    test = sorted(points.keys() - set(train))
    splits = split_subjects((_subject("helen", image) for image in train), HELEN_SPLITS)
    splits |= {_subject("helen", image): "HelenTest" for image in test}  # a photo is never in two splits
    return _faces("helen", {image: points[image] for image in train + test}, splits)


def youtube_faces(archive: Archive) -> list[Face]:
    """The annotated YouTube frames, training then test table, each sorted by file name; split anew by person.

    Raises
    ------
    SourceError
        If a table is malformed.
    """
    tables = {file.name: file for file in archive.files(".csv")}
    points = {}
    for part in ("training", "test"):
        table = parse_keypoint_table(tables[f"data/{part}_frames_keypoints.csv"])
        points |= {f"data/{part}/{name}": table[name] for name in sorted(table)}
    splits = split_subjects((_subject("youtube", image) for image in points), YOUTUBE_SPLITS)
    return _faces("youtube", points, splits)


def parse_pts(file: File) -> np.ndarray:
    """The landmarks of a 300-W `.pts` file, with or without its header, counted from 0: (68, 2) float64."""
    try:
        body = file.content.decode("ascii")
        if "{" in body:
            body = body[body.index("{") + 1 : body.rindex("}")]
        rows = [line.split() for line in body.splitlines() if line.strip()]
        return _checked(np.array(rows, float)) - 1  # 300-W counts pixels from 1
    except ValueError as error:
        raise SourceError(
            f"{file.name} is not 68 lines `x y` ({error}); correct it or take the pinned archive."
        ) from error


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
                f"{file.name} line {number}, {name}, is not an image and its 68 points x,y ({error}); correct it"
                " or take the pinned archive."
            ) from error
    return table


def split_subjects(subjects: Iterable[str], shares: dict[str, float]) -> dict[str, str]:
    """The split of each subject: drawn in the order of the names' hashes, so that it needs no seed."""
    drawn = sorted(set(subjects), key=lambda subject: hashlib.sha256(subject.encode()).digest())
    splits = dict.fromkeys(drawn, "Training")
    start = 0
    for usage, share in shares.items():
        stop = start + round(share * len(drawn))
        splits |= dict.fromkeys(drawn[start:stop], usage)
        start = stop
    return splits


def _checked(points: np.ndarray) -> np.ndarray:
    if points.shape != (68, 2):
        raise ValueError(f"the points found have the shape {points.shape}")
    if not np.isfinite(points).all() or not np.ptp(points, axis=0).any():
        raise ValueError("the points are not finite or lie on one spot")
    return points


def _subject(source: str, image: str) -> str:
    """`source/name`: the name of the image file without its folder and the number at its end."""
    return f"{source}/{re.sub(r'_[0-9]+$', '', PurePosixPath(image).stem)}"


def _faces(source: str, points: dict[str, np.ndarray], splits: dict[str, str]) -> list[Face]:
    subjects = (_subject(source, image) for image in points)
    return [
        Face(image, xy, splits[subject], subject) for (image, xy), subject in zip(points.items(), subjects, strict=True)
    ]
