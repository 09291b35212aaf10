"""`python -m src.predict` on one photo, from the call to the written board: seconds, memory, and what is shipped.

The backends take turns (`make export` writes litert's files). The files are in the
system's page cache; *cold* is one run of each after that cache was dropped, which only root can do.
"""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from results import quartiles, run, take_turns

from src.files import ROOT, WEIGHTS
from src.predict.networks import BACKENDS, FILES

CACHE = Path("/proc/sys/vm/drop_caches")
ENDINGS = {"ONNX float32": ".onnx", "Keras": ".weights.h5"}  # of the networks' files in git


def read_portrait(backend: str, folder: Path) -> tuple[float, float]:
    """One run of the program in a process of its own: seconds, and the most memory that it held, MB."""
    outputs = ["--csv", folder / "faces.csv", "--board", folder / "board.png"]
    command = [sys.executable, "-m", "src.predict", *outputs, "--backend", backend]  # without a path: its portrait
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took, process.returncode = time.perf_counter() - start, os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {process.returncode}")
    return took, usage.ru_maxrss * 1024 / 1e6


def cold(backend: str, folder: Path) -> float | None:
    """Seconds with nothing in the page cache; None without the right to drop it."""
    try:
        CACHE.write_text("3")
    except OSError:
        return None
    return read_portrait(backend, folder)[0]


def measure(rounds: int) -> dict:
    with tempfile.TemporaryDirectory() as name:
        folder, rows = Path(name), []
        from_disk = {backend: cold(backend, folder) for backend in BACKENDS}
        ways = {backend: partial(read_portrait, backend, folder) for backend in BACKENDS}
        for backend, its in take_turns(ways, rounds, "one photo").items():
            took, memory = zip(*its, strict=True)
            figures = {"cold_seconds": from_disk[backend], "memory_mb": max(memory)}
            rows.append({"backend": backend, **quartiles(took, "seconds"), **figures})
    return {"one_photo": rows, "shipped_mb": shipped_mb()}


def shipped_mb() -> dict[str, float]:
    """Size of both networks, MB, in every format that git holds."""
    stems = [next(iter(names)) for names in FILES.values()]
    return {
        kind: sum((WEIGHTS / f"{stem}{ending}").stat().st_size for stem in stems) / 1e6
        for kind, ending in ENDINGS.items()
    }


if __name__ == "__main__":
    run("shell", __doc__, measure, rounds=4)
