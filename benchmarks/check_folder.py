"""A large folder read by the program itself: every file accounted for, memory that does not grow.

Makes the folder: photos of the portrait that scikit-image ships, in many sizes; 5 % broken, 5 % faceless, 1 % no
pictures. Then reads it and compares the peak memory of the first tenth of the files with that of the last.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from PIL import Image
from results import peak_mb, run

from src.predict.photos import read_photo
from src.predict.program import PORTRAIT
from src.predict.reader import FaceReader
from src.predict.run import NO_FACE, Outputs, Run
from src.predict.table import FaceTable

ALLOWED = 1.10  # peak of the last tenth, in units of the first's
REASONS = {"broken": "cannot be read", "faceless": NO_FACE, "no picture": "is not a picture"}


def make_folder(folder: Path, files: int, picture: np.ndarray, sides: tuple[int, int]) -> dict[str, int]:
    """Fills the folder with a picture of a face in many sizes, px; how many files of each kind there are."""
    portrait, rng = Image.fromarray(picture), np.random.default_rng(0)
    counts = {"broken": files // 20, "faceless": files // 20, "no picture": files // 100}
    counts["photo"] = files - sum(counts.values())
    for i, kind in enumerate(rng.permutation(np.repeat(list(counts), list(counts.values())))):
        path = folder / f"{i % 10}" / f"{i:05}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        side = int(rng.integers(*sides))
        if kind == "no picture":
            path.write_text("no picture")
        elif kind == "faceless":
            Image.new("RGB", (side, 300), (90, 120, 60)).save(path)
        else:
            portrait.resize((side, side)).save(path)
        if kind == "broken":
            path.write_bytes(path.read_bytes()[:1500])
    return counts


class Watched(Run):
    """A run that notes the memory in use, MB, after each file."""

    def _read_file(self, path: Path, reason: str) -> None:
        super()._read_file(path, reason)
        self.memory.append(psutil.Process().memory_info().rss / 1e6)


def measure(files: int) -> dict:
    """What was made, what the table accounts for, and the memory."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        made = make_folder(folder / "photos", files, read_photo(PORTRAIT), (256, 1024))
        outputs = Outputs(folder / "faces.csv", folder / "board.png", [])
        watched = Watched(FaceReader(), outputs, FaceTable(outputs.csv))
        watched.memory = []
        watched.read_files([folder / "photos"])
        watched.table.close()
        table = pd.read_csv(folder / "faces.csv")
    tenth = max(1, files // 10)
    first, last = max(watched.memory[:tenth]), max(watched.memory[-tenth:])
    reasons = table.groupby("file")["reason"].first().fillna("")
    counted = {kind: int(reasons.str.contains(words).sum()) for kind, words in REASONS.items()}
    counted["photo"] = int((reasons == "").sum())
    memory = {"first_tenth_mb": first, "last_tenth_mb": last, "ratio": last / first, "peak_mb": peak_mb()}
    return {"files": files, "made": made, "counted": counted, **memory}


if __name__ == "__main__":
    figures = run("folder", __doc__, measure, files=500)
    if figures["made"] != figures["counted"] or figures["ratio"] > ALLOWED:
        sys.exit("A file is not accounted for, or memory grows.")
