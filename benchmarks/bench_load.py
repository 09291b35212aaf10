"""Loading the two CSV files: parsed (cold), from the cache, and in the original study's way, side by side.

Works on copies in a temporary folder. All three ways find the file in the system's page cache. Cold includes the checks
and writing the cache.
"""

import shutil
import statistics
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from results import run, seconds, take_turns

from src.data.datasets import load_emotions, load_keypoints
from src.files import DATA, EMOTIONS_CSV, KEYPOINTS_CSV
from src.labels import FER_SIDE, FRAME

# File -> what loads it, its column of pictures, and their side in px.
FILES = {
    KEYPOINTS_CSV.name: (load_keypoints, "Image", FRAME),
    EMOTIONS_CSV.name: (load_emotions, " pixels", FER_SIDE),
}


def load_as_original(path: Path, column: str, side: int) -> pd.Series:
    """The original study's way: each row's text is split and converted, emotions are enlarged to 96x96."""
    images = pd.read_csv(path)[column].apply(lambda text: np.array(text.split(" "), int).reshape(side, side))
    return images if side == FRAME else images.apply(lambda it: cv2.resize(it.astype(np.uint8), (FRAME, FRAME)))


def measure_file(source: Path, folder: Path, rounds: int) -> dict:
    """Medians in seconds over the rounds of the three ways."""
    path, (load, column, side) = folder / source.name, FILES[source.name]
    if not source.exists():
        sys.exit(f"{source} is missing: run `make data` first")
    shutil.copyfile(source, path)

    def cold() -> float:
        for cached in set(folder.iterdir()) - {path}:
            cached.unlink()
        return seconds(load, path)

    ways = {
        "original": lambda: seconds(load_as_original, path, column, side),
        "cold": cold,
        "cached": lambda: seconds(load, path),
    }
    medians = {way: statistics.median(its) for way, its in take_turns(ways, rounds, source.name).items()}
    return {"file": source.name, "rows": len(load(path)), "megabytes": path.stat().st_size / 1e6, **medians}


def measure(data_dir: Path, rounds: int) -> dict:
    rows = []
    for name in FILES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure_file(data_dir / name, Path(folder), rounds))
    names = ("rows", "megabytes", "original", "cold", "cached")
    rows.append({"file": "both", **{name: sum(row[name] for row in rows) for name in names}})
    for row in rows:
        row |= {f"{way}_times_faster": row["original"] / row[way] for way in ("cold", "cached")}
    return {"seconds": rows}


if __name__ == "__main__":
    run("load", __doc__, measure, data_dir=DATA, rounds=3)
