"""Trains on another machine, such as one with a GPU: the faces go there in one small file, the networks come back.

    python -m src.training.elsewhere pack emotions faces.npz                                here, after `make data`
    KERAS_BACKEND=jax python -m src.training.elsewhere train faces.npz "teacher emotions" fast   there, in a checkout
    python -m zipfile -e fast.zip runs                                                      here

The file holds the training and validation faces; no test face leaves. Notebooks then find the trainings of runs/fast/
done. FER2013's pixels come from JPEG files of quality 95. Saved so once more, one in twenty changes at all, and by 4
grey levels at most; those of the keypoint faces change by 0.8 on average.
"""

import argparse
import json
import math
import sys
import zipfile
from pathlib import Path

import cv2
import numpy as np

from src.data.datasets import Emotions, Keypoints, load_emotions, load_keypoints, take_rows
from src.files import EMOTIONS_CSV, KEYPOINTS_CSV, RUNS, WEIGHTS, replacing, shown
from src.labels import FRAME
from src.predict.networks import load_network
from src.training import records
from src.training.recipes import EMOTION_RECIPES, KEYPOINT_RECIPES, chosen
from src.training.tasks import train_emotions, train_keypoints

TASKS = {"keypoints": (Keypoints, KEYPOINT_RECIPES), "emotions": (Emotions, EMOTION_RECIPES)}
LEARNT_FROM = ("Training", "Validation", "PublicTest")
QUALITY = 95


def sheet_of(faces: np.ndarray) -> bytes:
    """One JPEG of faces side by side, uint8 (n, side, side), a square of them: no header for each."""
    n, side = faces.shape[:2]
    across = math.ceil(math.sqrt(n))
    sheet = np.zeros((across, across, side, side), np.uint8)
    sheet.reshape(-1, side, side)[:n] = faces
    pixels = sheet.swapaxes(1, 2).reshape(across * side, across * side)
    return cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def faces_of(sheet: bytes, n: int, side: int) -> np.ndarray:
    """The first n faces of a sheet, uint8 (n, side, side)."""
    pixels = cv2.imdecode(np.frombuffer(sheet, np.uint8), cv2.IMREAD_GRAYSCALE)
    across = len(pixels) // side
    faces = pixels.reshape(across, side, across, side).swapaxes(1, 2).reshape(-1, side, side)
    return np.ascontiguousarray(faces[:n])


def pack(faces: Keypoints | Emotions, path: Path) -> None:
    """Writes what a training needs of the faces, whole or not at all."""
    learnt_from = take_rows(faces, np.isin(faces.usage, LEARNT_FROM))
    arrays = {name: value for name, value in vars(learnt_from).items() if isinstance(value, np.ndarray)}
    images, wide = arrays.pop("images"), arrays.pop("wide", None)
    stored = images if wide is None else wide
    arrays["sheet"] = np.frombuffer(sheet_of(stored), np.uint8)
    about = {"task": _task_of(faces), "side": stored.shape[1], "dropped": getattr(faces, "dropped", None)}
    with replacing(path) as part, part.open("wb") as file:
        np.savez_compressed(file, about=json.dumps(about), **arrays)


def _task_of(faces: Keypoints | Emotions) -> str:
    return next(task for task, (kind, _) in TASKS.items() if isinstance(faces, kind))


def unpack(path: Path) -> Keypoints | Emotions:
    """The faces of a file that `pack` wrote; ValueError: it is none."""
    try:
        with np.load(path) as file:
            arrays = dict(file)
        about = json.loads(arrays.pop("about").item())
        kind, _ = TASKS[about["task"]]
        stored = faces_of(arrays.pop("sheet").tobytes(), len(arrays["usage"]), about["side"])
    except FileNotFoundError:
        raise
    except Exception as error:  # whatever another file leads to
        command = "python -m src.training.elsewhere pack"
        raise ValueError(f"{shown(path)} does not hold packed faces: write it anew by `{command}`") from error
    if kind is Emotions:
        return Emotions(stored, dropped=about["dropped"], **arrays)
    around = (about["side"] - FRAME) // 2
    if not around:
        return Keypoints(stored, **arrays)
    return Keypoints(stored[:, around:-around, around:-around], wide=stored, **arrays)


def train(path: Path, names: str, run: str) -> Path:
    """Trains recipes, named as in a notebook, into runs/<run>/; returns the zip file of networks and records."""
    if not run or Path(run).name != run:
        raise ValueError(f"run is {run!r}: name a folder of runs/")
    faces = unpack(path)
    task = _task_of(faces)
    known, folder = TASKS[task][1], RUNS / run
    if unknown := [name for name in names.split() if name not in known]:
        raise ValueError(f"recipe {unknown[0]!r} is not in params/recipes.yaml; there are {', '.join(known)}")
    plan = chosen(known, names)
    for name, recipe in plan.items():
        if task == "keypoints":
            train_keypoints(faces, recipe, folder / task / name)
        else:
            found = folder if (folder / records.KEYPOINTS.weights).exists() else WEIGHTS
            keypoints = load_network(found, "keypoints", "keras") if recipe.aligned else None
            train_emotions(faces, recipe, folder / task / name, keypoints)
    with replacing(RUNS / f"{run}.zip") as part, zipfile.ZipFile(part, "w") as archive:
        for name in plan:
            for file in ("model.json", "best.weights.h5"):
                archive.write(folder / task / name / file, f"{run}/{task}/{name}/{file}")
            record = json.loads((folder / task / name / "record.json").read_text())
            # At home the faces are not the packed ones to the bit, and a run may have a keypoint network of its own.
            record["data"] = {
                key: it for key, it in record["data"].items() if key not in ("faces_checksum", "keypoints")
            }
            archive.writestr(f"{run}/{task}/{name}/record.json", json.dumps(record, indent=1) + "\n")
    return RUNS / f"{run}.zip"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    packing = commands.add_parser("pack", help="write the faces of one training into a file")
    packing.add_argument("task", choices=TASKS)
    packing.add_argument("file", type=Path)
    training = commands.add_parser("train", help="train recipes on the faces of such a file")
    training.add_argument("file", type=Path)
    training.add_argument("recipes", help="names out of params/recipes.yaml, separated by spaces")
    training.add_argument("run", help="results go to runs/<run>/ and runs/<run>.zip")
    given = parser.parse_args()
    try:
        run(given)
    except (OSError, ValueError) as error:
        sys.exit(str(error))


def run(given: argparse.Namespace) -> None:
    if given.command == "pack":
        pack(load_keypoints(KEYPOINTS_CSV) if given.task == "keypoints" else load_emotions(EMOTIONS_CSV), given.file)
        print(f"{shown(given.file)}: {given.file.stat().st_size / 1e6:.1f} MB")
    else:
        print(f"Bring back {shown(train(given.file, given.recipes, given.run))}")


if __name__ == "__main__":
    main()
