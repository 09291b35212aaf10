"""`python -m src.predict` on one photo, from the call to the written board: seconds, memory, and what is shipped.

    python benchmarks/bench_shell.py [--rounds 7] [--save]

The default, onnx, and the other backends take turns (`make export` writes litert's files). The files are in the
system's page cache; *cold* is one run of each after that cache was dropped, which only root can do.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from results import save
from tqdm import tqdm

# DROPPED src.light
from src.files import ROOT, WEIGHTS
from src.predict.__main__ import PORTRAIT
from src.study.pipeline import NAMES

BACKENDS = ("onnx", "litert", "keras")
CACHE = Path("/proc/sys/vm/drop_caches")
FILES = {  # folder of a pair of networks, and how the names of its files end
    "ONNX float32": (WEIGHTS, ".onnx"),
    "ONNX int8": (WEIGHTS, ".int8.onnx"),
    "Keras": (WEIGHTS, ".weights.h5"),
    "light pair, ONNX float32": (light.FOLDER, ".onnx"),
}


def read_portrait(backend: str, folder: Path) -> dict:
    """One run of the program in a process of its own: seconds and the most memory that it held, MB."""
    outputs = ["--csv", folder / "faces.csv", "--board", folder / "board.png"]
    command = [sys.executable, "-m", "src.predict", PORTRAIT, *outputs, "--backend", backend]
    start, memory = time.perf_counter(), 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            memory = max(memory, resident(watched))
            time.sleep(0.02)
        seconds = time.perf_counter() - start
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return {"seconds": seconds, "memory_mb": memory / 1e6}


def resident(process: psutil.Process) -> int:
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # it has ended in the meantime
        return 0


def cold(backend: str, folder: Path) -> float | None:
    """Seconds with nothing in the page cache; None without the right to drop it."""
    try:
        CACHE.write_text("3")
    except OSError:
        return None
    return read_portrait(backend, folder)["seconds"]


def measure(rounds: int) -> list[dict]:
    """A row a backend."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        from_disk = {backend: cold(backend, folder) for backend in BACKENDS}
        runs = {backend: [] for backend in BACKENDS}
        for _ in tqdm(range(rounds), "one photo", unit=" rounds"):
            for backend in BACKENDS:
                runs[backend].append(read_portrait(backend, folder))
    rows = []
    for backend, its in runs.items():
        low, middle, high = np.percentile([it["seconds"] for it in its], [25, 50, 75])
        warm = {"seconds": middle, "quartile_25": low, "quartile_75": high}
        peak = max(it["memory_mb"] for it in its)
        rows.append({"backend": backend, **warm, "cold_seconds": from_disk[backend], "memory_mb": peak})
    return rows


def shipped_mb() -> dict[str, float]:
    """Size of both networks, MB, in every format that is there."""
    files = {kind: [folder / (name + ending) for name in NAMES.values()] for kind, (folder, ending) in FILES.items()}
    there = {kind: paths for kind, paths in files.items() if all(path.exists() for path in paths)}
    return {kind: sum(path.stat().st_size for path in paths) / 1e6 for kind, paths in there.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    rows, sizes = measure(options.rounds), shipped_mb()
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))
    print(", ".join(f"{kind} {size:.1f} MB" for kind, size in sizes.items()))
    if options.save:
        save("shell", {"one_photo": rows, "shipped_mb": sizes})


if __name__ == "__main__":
    main()
