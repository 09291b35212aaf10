"""Thousands of damaged files: each gets a row or a sentence, nothing crashes, stalls, grows or is half written.

Makes small pictures, videos and CSV files, changes bits in them, cuts them, puts pieces of others into them. The
program reads pictures and videos as one folder; DownloadData.py takes the CSV files, a folder each. File i depends on
the seed and i alone: `damaged_file` makes it again.
"""

import io
import re
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import get_context
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import psutil
from PIL import Image
from results import parse
from tqdm import tqdm

from src.files import ROOT
from src.predict.photos import read_photo
from src.predict.program import PORTRAIT

sys.path.append(str(ROOT))  # for what is no package: the command, and the small files of the tests
import DownloadData
from tests import face_files, tiny_mirror, video_file

STALL_S = 20  # that one file may take
ALLOWED = 1.10  # median memory of the last tenth, in units of the first's
# The first tenth begins when every decoder has been loaded. The very first file is blank and large, px: the detector
# keeps buffers of the largest size that it has met, and a damaged header may ask for that at any time.
WARM_UP, LARGE = 0.1, (3000, 2000)
SHARES = {"picture": 0.82, "video": 0.08, "csv": 0.1}  # of the inputs
SIDE = 64  # px of pictures and videos
PICTURES = (
    ("jpg", "RGB", {}), ("jpg", "L", {"progressive": True}), ("png", "RGB", {}), ("png", "I;16", {}),
    ("png", "P", {"transparency": 3}), ("webp", "RGB", {}), ("webp", "RGBA", {"lossless": True}),
    ("webp", "RGB", {"save_all": True}), ("tif", "RGB", {}), ("tif", "I;16", {"compression": "tiff_lzw"}),
    ("tif", "RGB", {"compression": "jpeg"}), ("tif", "L", {"compression": "tiff_adobe_deflate"}), ("gif", "P", {}),
    ("gif", "RGB", {"save_all": True}),
)  # fmt: skip
VIDEOS = (("libx264", "aac"), ("libx264", None), ("mpeg4", "libmp3lame"))
# What is put in besides pieces of files.
WORDS = (
    b"\0", b'"', b"\n", b"\r", b",", b"-", b"\xff\xff\xff\x7f", b"nan", b"-inf", b"1e999", b"9" * 5000, b"\xd9\xa0",
)  # fmt: skip
SUMMARIES = {"data.csv": DownloadData.keypoint_summary, "icml_face_data.csv": DownloadData.emotion_summary}


def seeds(folder: Path) -> dict[str, list[dict[str, bytes]]]:
    """Kind -> its whole inputs, each files by name; of pictures and videos the name is only the ending."""
    face = Image.fromarray(read_photo(PORTRAIT)[:220, 120:340]).resize((SIDE, SIDE + 8))
    pictures, videos = [], []
    for ending, mode, options in PICTURES:
        file, more = io.BytesIO(), {"append_images": [face.rotate(90)]} if "save_all" in options else {}
        picture = face.convert("L").convert(mode) if mode == "I;16" else face.convert(mode)
        picture.save(file, {"jpg": "JPEG", "tif": "TIFF"}.get(ending, ending), **options, **more)
        pictures.append({f".{ending}": file.getvalue()})
    for number, (codec, sound) in enumerate(VIDEOS):
        path, frames = folder / f"{number}.mp4", [np.asarray(face.rotate(turn)) for turn in range(0, 30, 5)]
        video_file.write(path, frames, codec, sound, options={"movflags": "faststart"} if number else {})
        videos.append({".mp4": path.read_bytes()})
    usages = ["Training"] * 4 + ["PublicTest"] + ["PrivateTest"] * 2  # as those of the votes
    emotions = face_files.write_emotions(folder, [0, 3, 2, 6, 3, 5, 4], usages).read_bytes()
    keypoints = face_files.write_keypoints(folder, face_files.keypoint_rows()[:4]).read_bytes()
    with ZipFile(folder / "packed.zip", "w", ZIP_DEFLATED) as packed:
        packed.writestr("training.csv", keypoints)
    tables = [{"data.csv": keypoints}, {"training.zip": (folder / "packed.zip").read_bytes()}]
    tables += [{"icml_face_data.csv": emotions}]
    tables += [{"fer2013.csv": emotions, "fer2013new.csv": tiny_mirror.FERPLUS_CSV.encode()}]
    return {"picture": pictures, "video": videos, "csv": tables}


def damaged(content: bytes, others: list[bytes], rng: np.random.Generator) -> bytes:
    """Bits and bytes changed, the end or a piece cut off, or a piece of another file or a word put in."""

    def place(length: int) -> int:  # half of them near the beginning, where a header is
        return int(length ** rng.random()) - 1 if rng.random() < 0.5 else int(rng.integers(length))

    start, way, some = place(len(content)), rng.integers(4), int(2 ** rng.uniform(0, 10))
    if way == 0:
        changed = bytearray(content)
        for _ in range(rng.geometric(0.4)):
            changed[place(len(content))] ^= int(rng.choice([1, 2, 4, 8, 16, 32, 64, 128, rng.integers(256)]))
        return bytes(changed)
    if way == 1:
        return content[:start] + content[len(content) if rng.random() < 0.5 else start + some :]
    piece = WORDS[rng.integers(len(WORDS))]
    if rng.random() < 0.5:
        other = others[rng.integers(len(others))]
        piece = other[place(len(other)) :][:some]
    return content[:start] + piece + content[start + (len(piece) if way == 2 else 0) :]


def damaged_file(seed: int, number: int, kind: str, whole: dict[str, list[dict[str, bytes]]]) -> dict[str, bytes]:
    """Input `number`, as in `seeds`, one of its files damaged."""
    rng = np.random.default_rng([seed, number])
    files = whole[kind][rng.integers(len(whole[kind]))]
    others = [content for inputs in whole.values() for it in inputs for content in it.values()]
    hit = list(files)[rng.integers(len(files))]
    return files | {hit: damaged(files[hit], others, rng)}


def take(source: Path) -> tuple[bool, str]:
    """Whether DownloadData.py takes a folder, and what is wrong in how it does."""
    out, said = source.with_name(f"{source.name}_out"), io.StringIO()
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(said):
            code = DownloadData.main(["--from", str(source), "--data-dir", str(out)])
        for path in out.iterdir() if out.exists() else ():
            SUMMARIES[path.name](path)  # nothing else may lie there, and this must be whole
    except BaseException:
        return False, f"{source.name}: {traceback.format_exc()}"
    is_sentence = re.fullmatch(r"Error: [^\n]+\.\n", said.getvalue()[said.getvalue().find("Error: ") :])
    return not code, "" if not code or is_sentence else f"{source.name}: {said.getvalue()}"


def watch(child: psutil.Popen, table: Path) -> np.ndarray:
    """A row a file as its rows come, (n, 3): its number, s since the start, memory in MB. Ends a child that stalls."""
    seen, start, end = [(-1, 0.0, 0.0)], time.monotonic(), 0
    while child.poll() is None:
        time.sleep(0.02)
        rows, now = table.read_bytes()[end:] if table.exists() else b"", time.monotonic() - start
        end += len(rows)
        numbers = re.findall(rb"/(\d{5})\.", rows)
        if numbers and int(numbers[-1]) != seen[-1][0]:
            seen.append((int(numbers[-1]), now, child.memory_info().rss / 1e6))
        if now - seen[-1][1] > STALL_S:
            child.kill()
    return np.array(seen)


def read_all(folder: Path, out: Path) -> tuple[dict[str, float], list[str]]:
    """Figures of the program's run through a folder, and what is wrong."""
    command = [sys.executable, "-m", "src.predict", folder, "--csv", out / "faces.csv", "--board", out / "board.png"]
    with (out / "said.txt").open("w+", errors="replace") as said:
        child = psutil.Popen(command, cwd=ROOT, stdout=said, stderr=subprocess.STDOUT)
        seen = watch(child, out / "faces.csv")
        said.seek(0)
        words = said.read()
    table, (number, _, memory) = pd.read_csv(out / "faces.csv"), seen[1:].T
    lost = {str(path) for path in folder.iterdir()} - set(table["file"])
    place = number / number.max()
    first, last = (np.median(memory[(place >= at) & (place <= at + 0.1)]) for at in (WARM_UP, 0.9))
    broken = {
        f"ended with {child.returncode} behind file {seen[-1, 0]:.0f}: {words[-2000:]}": child.returncode,
        f"a traceback: {words}": "Traceback" in words,
        f"{len(lost)} files without a row, such as {min(lost, default='')}": lost,
        "half a file is left": list(out.rglob("part_*")),
        "memory grows, or was not seen": not last <= ALLOWED * first,
    }
    figures = {
        "with a face": table.loc[table["face"].notna(), "file"].nunique(),
        "longest s": np.diff(seen[:, 1]).max(),
    }
    figures |= {"first tenth MB": first, "last tenth MB": last, "peak MB": memory.max()}
    return figures, [fault for fault, is_so in broken.items() if is_so]


if __name__ == "__main__":
    given, start = parse(__doc__, inputs=10_000, seed=0), time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        seeded, photos, tables, out = (Path(name, part) for part in ("seeds", "photos", "csv", "out"))
        for part in (seeded, photos, tables, out):
            part.mkdir()
        whole = seeds(seeded)
        Image.new("RGB", LARGE).save(photos / "00000.jpg")
        kinds = np.random.default_rng(given["seed"]).choice(list(SHARES), given["inputs"], p=list(SHARES.values()))
        for number, kind in enumerate(kinds, 1):
            place = tables / f"{number:05}" if kind == "csv" else photos
            place.mkdir(exist_ok=True)
            for file, content in damaged_file(given["seed"], number, kind, whole).items():
                (place / (file if kind == "csv" else f"{number:05}{file}")).write_bytes(content)
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            folders = sorted(tables.iterdir())
            taken, told = zip(*tqdm(pool.map(take, folders), "take", len(folders), unit=" folders"), strict=True)
        figures, faults = read_all(photos, out)
    faults += filter(None, told)
    print(*faults, sep="\n")
    figures = {**Counter(kinds.tolist()), "csv taken": sum(taken), **figures, "all s": time.monotonic() - start}
    print(", ".join(f"{count:.0f} {what}" for what, count in figures.items()), f"- {len(faults)} faults")
    sys.exit(bool(faults))
