"""Loading the two CSV files: parsed (cold), from the cache, and in the original study's way, side by side.

    python benchmarks/bench_load.py [--data-dir DIR] [--repeats 3] [--save]

Works on copies in a temporary folder; where DIR lacks a file, drawn faces take its place. All three ways find the
file in the system's page cache. Cold includes the checks and writing the cache.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from results import save
from tqdm import tqdm

from src.data.datasets import load_emotions, load_keypoints, sample_emotions, sample_keypoints
from src.labels import ALL_EMOTIONS, FER_CODES, FER_SIDE, FRAME, KEYPOINT_COLUMNS
from src.files import DATA, EMOTIONS_CSV, KEYPOINTS_CSV

SAMPLE = 1000  # drawn faces a file
WAYS = ("seed", "cold", "cached")


@dataclass(frozen=True)
class Case:
    name: str  # of the file
    load: Callable[[Path], object]
    load_as_seed: Callable[[Path], object]
    write_sample: Callable[[Path], None]


def seed_keypoints(path: Path) -> pd.Series:
    """The original study's way: each row's text is split and converted."""
    texts = pd.read_csv(path)["Image"]
    return texts.apply(lambda text: np.array(text.split(" "), int).reshape(FRAME, FRAME))


def seed_emotions(path: Path) -> pd.Series:
    """The original study's way: each row's text is split, converted and enlarged to 96x96."""
    texts = pd.read_csv(path)[" pixels"]
    images = texts.apply(lambda text: np.array(text.split(" "), int).reshape(FER_SIDE, FER_SIDE))
    return images.apply(lambda image: cv2.resize(image.astype(np.uint8), (FRAME, FRAME)))


def write_sample_keypoints(path: Path) -> None:
    faces = sample_keypoints(SAMPLE, seed=0)
    frame = pd.DataFrame(faces.keypoints_px.reshape(SAMPLE, -1), columns=KEYPOINT_COLUMNS)
    frame.assign(Image=_texts(faces.images), Usage=faces.usage, Subject=faces.subject).to_csv(path, index=False)


def write_sample_emotions(path: Path) -> None:
    faces = sample_emotions(SAMPLE, seed=0)
    codes = [FER_CODES.index(ALL_EMOTIONS[label]) for label in faces.labels]
    pd.DataFrame({"emotion": codes, " Usage": faces.usage, " pixels": _texts(faces.images)}).to_csv(path, index=False)


def _texts(images: np.ndarray) -> list[str]:
    return [" ".join(map(str, image)) for image in images.reshape(len(images), -1).tolist()]


CASES = (
    Case(KEYPOINTS_CSV.name, load_keypoints, seed_keypoints, write_sample_keypoints),
    Case(EMOTIONS_CSV.name, load_emotions, seed_emotions, write_sample_emotions),
)


def seconds(load: Callable[[Path], object], path: Path) -> float:
    start = time.perf_counter()
    load(path)
    return time.perf_counter() - start


def measure(case: Case, data_dir: Path, repeats: int) -> dict:
    """Medians in seconds over `repeats` rounds of the three ways, one after the other."""
    with tempfile.TemporaryDirectory() as folder:
        source, path = data_dir / case.name, Path(folder) / case.name
        if source.exists():
            shutil.copyfile(source, path)
        else:
            case.write_sample(path)
        times = {way: [] for way in WAYS}
        for _ in tqdm(range(repeats), case.name, unit=" rounds"):
            times["seed"].append(seconds(case.load_as_seed, path))
            for cached in set(Path(folder).iterdir()) - {path}:
                cached.unlink()
            times["cold"].append(seconds(case.load, path))
            times["cached"].append(seconds(case.load, path))
        medians = {way: statistics.median(values) for way, values in times.items()}
        rows, size = len(case.load(path)), path.stat().st_size
    faces = "real" if source.exists() else "drawn"
    return with_ratios({"file": case.name, "faces": faces, "rows": rows, "megabytes": size / 1e6, **medians})


def with_ratios(result: dict) -> dict:
    """The result and how many times faster than the seed's way the two others are."""
    return result | {f"{way}_times_faster": result["seed"] / result[way] for way in ("cold", "cached")}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", type=Path, default=DATA, help="where the CSV files are")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    results = [measure(case, options.data_dir, options.repeats) for case in CASES]
    total = {name: sum(result[name] for result in results) for name in ("rows", "megabytes", *WAYS)}
    results.append({"file": "both", **with_ratios(total)})
    print(pd.DataFrame(results).fillna("").to_string(index=False, float_format="{:.3f}".format))
    if options.save:
        save("load", {"seconds": results})


if __name__ == "__main__":
    main()
