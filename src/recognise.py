"""Files that the user already has: recognised by name, validated by loading, copied to where the study reads."""

import shutil
from collections.abc import Callable
from pathlib import Path
from zipfile import BadZipFile, ZipFile

from src.datasets import DataError, load_emotions, load_keypoints
from src.paths import EMOTIONS_CSV, KEYPOINTS_CSV, shown
from src.sources import SourceError, replacing

# Name in the study -> names that it may have at the user's, the first one present is taken; how it is validated.
KINDS = {
    KEYPOINTS_CSV.name: (("data.csv", "training.csv", "training.zip"), load_keypoints),
    EMOTIONS_CSV.name: (("icml_face_data.csv", "fer2013.csv"), load_emotions),
}


def adopt(source: Path, folder: Path) -> list[str]:
    """Copy the user's keypoint and emotion files from `source` into `folder`; return the names of what was taken.

    Raises
    ------
    SourceError
        If there is no known file, or one is not valid; that one is then not copied.
    """
    taken = []
    for target, (names, load) in KINDS.items():
        file = next((source / name for name in names if (source / name).is_file()), None)
        if file is None:
            continue
        _take(file, folder, target, load)
        taken.append(file.name)
    if not taken:
        known = ", ".join(name for names, _ in KINDS.values() for name in names)
        raise SourceError(f"{shown(source)} holds none of {known}; put one of them there.")
    return taken


def _take(file: Path, folder: Path, target: str, load: Callable) -> None:
    """Copy one file, validate the copy, and only then put it into its place."""
    incoming = folder / "incoming"
    copy = incoming / target
    try:
        with replacing(copy) as part:
            _copy(file, part)
        load(copy, strict=True)
        if target == KEYPOINTS_CSV.name:
            (folder / "wide_faces.npz").unlink(missing_ok=True)  # the surroundings of other faces
        copy.replace(folder / target)
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
