"""A large folder read by the program itself: every file accounted for, memory that does not grow.

    python benchmarks/check_folder.py [--files 1000] [--save]

Makes the folder: photos of the portrait that scikit-image ships, in many sizes; 5 % broken, 5 % faceless, 1 % no
pictures. Then reads it and compares the peak memory of the first tenth of the files with that of the last.
"""

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from PIL import Image
from results import save

from src.predict import __main__ as shell
from src.predict.photos import read_photo
from src.predict.reader import FaceReader

ALLOWED = 1.10  # peak of the last tenth, in units of the first's


def make_folder(folder: Path, files: int) -> dict[str, int]:
    """Fills the folder; how many files of each kind there are."""
    portrait, rng = Image.fromarray(read_photo(shell.PORTRAIT)), np.random.default_rng(0)
    counts = {"broken": files // 20, "faceless": files // 20, "no picture": files // 100}
    kinds = [kind for kind, count in counts.items() for _ in range(count)]
    kinds = np.array(kinds + ["photo"] * (files - len(kinds)))
    for i, kind in enumerate(rng.permutation(kinds)):
        path = folder / f"{i % 10}" / f"{i:05}.jpg"
        path.parent.mkdir(exist_ok=True)
        side = int(rng.integers(256, 1024))
        if kind == "no picture":
            path.write_text("no picture")
        elif kind == "faceless":
            Image.new("RGB", (side, 300), (90, 120, 60)).save(path)
        else:
            portrait.resize((side, side)).save(path)
        if kind == "broken":
            path.write_bytes(path.read_bytes()[:2000])
    return {**counts, "photo": files - sum(counts.values())}


class Watched(shell.Run):
    """A run that notes the memory in use, MB, after each file."""

    def _read_file(self, path: Path, reason: str) -> None:
        super()._read_file(path, reason)
        self.memory.append(psutil.Process().memory_info().rss / 1e6)


def check(folder: Path, files: int) -> dict:
    """What was made, what the table accounts for, and the memory."""
    made = make_folder(folder / "photos", files)
    run = Watched(FaceReader(), folder / "faces.csv", resume=False)
    run.memory = []
    run.read_files([folder / "photos"], folder / "board.png")
    run.table.close()
    table, tenth = pd.read_csv(folder / "faces.csv"), files // 10
    first, last = max(run.memory[:tenth]), max(run.memory[-tenth:])
    reasons = table.groupby("file")["reason"].first().fillna("").str
    counted = {
        "broken": reasons.contains("cannot be read").sum(),
        "faceless": reasons.contains(shell.NO_FACE).sum(),
        "no picture": reasons.contains("is not a picture").sum(),
        "photo": (reasons.len() == 0).sum(),
    }
    return {
        "files": files,
        "made": made,
        "counted": {kind: int(count) for kind, count in counted.items()},
        "first_tenth_mb": first,
        "last_tenth_mb": last,
        "ratio": last / first,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=1000)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        (Path(name) / "photos").mkdir()
        figures = check(Path(name), options.files)
    print(json.dumps(figures, indent=1))
    if options.save:
        save("folder", figures)
    if figures["made"] != figures["counted"] or figures["ratio"] > ALLOWED:
        sys.exit("A file is not accounted for, or memory grows.")


if __name__ == "__main__":
    main()
