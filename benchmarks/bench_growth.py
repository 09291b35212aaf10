"""How time and memory grow: with the faces of a photo, the photos and files of a folder, the rows of a CSV file.

Each point has a process of its own. Time begins when the networks are loaded and the files lie there; memory is the
most that the process held. A line, seconds = before + each * n, is fitted so that every point weighs the same in
percent; *deviation* is that of the point that lies furthest from it.

Faces: 10 to 500 copies of one, some 35 px wide, in a photo of 2000x1600, which is searched twice for such small ones;
median of three readings. Photos: links to one face of 96x96 px, read as with --faces. Files: the same, but 99 in 100
are no pictures; each has its row in the table. Rows: CSV files of synthetic faces, no two the same, without a cache;
fewer than asked for where disk or memory are too small.
"""

import json
import shutil
import statistics
import tempfile
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import psutil
from matplotlib.figure import Figure
from PIL import Image
from results import peak_mb, run, seconds
from tables import RESULTS
from tqdm import tqdm

from src.data.datasets import load_emotions, sample_emotions
from src.figures import RIGHT, WRONG, save_figure
from src.predict.photos import read_photo
from src.predict.program import PORTRAIT
from src.predict.reader import FaceReader
from src.predict.run import Outputs, Run
from src.predict.table import FaceTable

FACE = slice(22, 212), slice(130, 320)  # where it lies in the portrait, px
CELL, BORDER, COLUMNS, LINES = 80, 8, 25, 20  # px of a place for a face, around the face; places
PHOTO_IN = 100  # files
DRAWN = 500  # faces for a CSV file; each row changes three grey values of one
# What a row takes, bytes: of disk, the text and the cached arrays; of memory, the arrays and their copies.
DISK_A_ROW, MEMORY_A_ROW = 13_000, 12_000


def face() -> Image.Image:
    return Image.fromarray(read_photo(PORTRAIT)[FACE])


def point(count: int, took: float) -> dict[str, float]:
    """count: how many were read."""
    return {"n": count, "seconds": took, "ms_each": 1e3 * took / count, "memory_mb": peak_mb()}


# ---------------------------------------------------------------- each in a process of its own


def faces(count: int) -> dict[str, float]:
    photo = np.full((LINES * CELL, COLUMNS * CELL, 3), 128, np.uint8)
    cells = photo.reshape(LINES, CELL, COLUMNS, CELL, 3).swapaxes(1, 2)[:, :, BORDER:-BORDER, BORDER:-BORDER]
    places = np.random.default_rng(0).permutation(LINES * COLUMNS)[:count]
    cells[np.divmod(places, COLUMNS)] = np.asarray(face().resize(cells.shape[3:1:-1]))
    reader = FaceReader()
    found = len(reader.read_photo(photo))
    return point(found, statistics.median(seconds(reader.read_photo, photo) for _ in range(3)))


def photos(count: int) -> dict[str, float]:
    return folder(count, photo_in=1)


def files(count: int) -> dict[str, float]:
    return folder(count, PHOTO_IN)


def folder(count: int, photo_in: int) -> dict[str, float]:
    """A folder of links: one in `photo_in` to a photo, the others to what is no picture."""
    with tempfile.TemporaryDirectory() as name:
        place, inside = Path(name), Path(name, "photos")
        inside.mkdir()
        face().resize((96, 96)).save(place / "face.jpg")
        (place / "no picture.jpg").write_text("no picture")
        for i in range(count):
            (inside / f"{i:06}.jpg").symlink_to(place / ("no picture.jpg" if i % photo_in else "face.jpg"))
        outputs = Outputs(place / "faces.csv", place / "board.png", [])
        reading = Run(FaceReader(), outputs, FaceTable(outputs.csv), faces=True)
        took = seconds(reading.read_files, [inside])
        reading.table.close()
        with outputs.csv.open() as table:
            return point(sum(1 for _ in table) - 1, took)


def rows(count: int) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        path = Path(name, "icml_face_data.csv")
        write_rows(path, count)
        loaded = []
        took = seconds(lambda: loaded.append(load_emotions(path)))
        return point(len(loaded[0]), took)


def write_rows(path: Path, count: int) -> None:
    """A row at a time: its number, in base 256, is its first three grey values; codes are FER2013's seven."""
    drawn = sample_emotions(DRAWN, seed=0)
    ends = [" ".join(map(str, image.ravel()[3:])) for image in drawn.images]
    with path.open("w") as file:
        file.write("emotion, Usage, pixels\n")
        for i in range(count):
            grey = f"{i >> 16} {i >> 8 & 255} {i & 255} {ends[i % DRAWN]}"
            file.write(f"{i % 7},{drawn.usage[i % DRAWN]},{grey}\n")


# ---------------------------------------------------------------- lines


def steps(first: int, last: int) -> list[int]:
    """Ten times as many each time, and the last."""
    return [*(first * 10**k for k in range(10) if first * 10**k < last), last]


def rows_that_fit(wanted: int) -> int:
    disk = shutil.disk_usage(tempfile.gettempdir()).free // DISK_A_ROW
    return min(wanted, disk, psutil.virtual_memory().available // MEMORY_A_ROW)


def line(points: list[dict]) -> dict[str, float]:
    n, took = (np.array([it[name] for it in points], float) for name in ("n", "seconds"))
    each, before = np.polyfit(n, took, 1, w=1 / took)
    return {"each": each, "before": before, "deviation": np.abs(took / (before + each * n) - 1).max()}


def measure(most_faces: int, most_photos: int, most_files: int, most_rows: int) -> dict:
    counts = {
        faces: [*(it for it in (10, 50, 100, 200) if it < most_faces), most_faces],
        photos: steps(10, most_photos),
        files: steps(PHOTO_IN, most_files),
        rows: steps(1000, rows_that_fit(most_rows)),
    }
    points, lines = [], []
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as process:
        for way, its in counts.items():
            name = way.__name__
            found = list(tqdm(process.map(way, its), name, len(its), unit=" points"))
            if [it["n"] for it in found] != its:
                raise RuntimeError(f"of {its} {name} these were read: {[it['n'] for it in found]}")
            points += [{"read": name, **it} for it in found]
            lines.append({"read": name, "points": len(its), **line(found)})
    return {"points": points, "lines": lines}


def draw(points: list[dict], lines: list[dict]) -> Figure:
    """Seconds with the fitted line, beneath them memory: a panel each for faces, photos and files, rows."""
    panels = {"faces in a photo": ("faces",), "files in a folder": ("photos", "files"), "rows of a CSV file": ("rows",)}
    figure = Figure(figsize=(8, 4.6), layout="constrained")
    axes = figure.subplots(2, len(panels), sharex="col", height_ratios=(3, 2))
    fitted = {it["read"]: it for it in lines}
    for (above, below), (title, names) in zip(axes.T, panels.items(), strict=True):
        for name, colour in zip(names, (RIGHT, WRONG), strict=False):
            measured = [it for it in points if it["read"] == name]
            n, took, memory = ([it[key] for it in measured] for key in ("n", "seconds", "memory_mb"))
            along = np.geomspace(n[0], n[-1])
            above.loglog(along, fitted[name]["before"] + fitted[name]["each"] * along, color=colour, lw=1)
            above.loglog(n, took, "o", color=colour, label=name)
            below.semilogx(n, memory, "o-", color=colour, lw=1)
        above.set(title=title)
        below.set(ylim=(0, None), xlabel="n")
        if len(names) > 1:
            above.legend(frameon=False)
    axes[0, 0].set_ylabel("seconds")
    axes[1, 0].set_ylabel("memory, MB")
    for axis in axes.flat:
        axis.spines[["top", "right"]].set_visible(False)
    return figure


if __name__ == "__main__":
    run("growth", __doc__, measure, most_faces=500, most_photos=1000, most_files=100_000, most_rows=1_000_000)
    if saved := json.loads(RESULTS.read_text()).get("growth"):
        save_figure(draw(saved["points"], saved["lines"]), "growth.png", RESULTS.parent, dpi=100)
