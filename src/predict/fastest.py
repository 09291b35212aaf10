"""Which backend reads a folder's networks where nobody says so: the fastest on this computer of those that are there.

Which one that is depends on the processor. Backends in float32 compete only: they give the same table everywhere.
"""

import json
import platform
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from src.files import write_json
from src.labels import FRAME
from src.predict import networks
from src.predict.answers import predict_both

FLOAT32 = ("onnx", "litert")
MODULES = {"onnx": "onnxruntime", "litert": "ai_edge_litert", "litert-int8": "ai_edge_litert", "keras": "keras"}
KEPT = "fastest.json"  # in the folder: what was found, for this computer and these weights
SECONDS, TURN = 0.1, 5  # that they are measured, at least; answers in a turn, of which the first prepares memory


def fastest_backend(folder: Path, threads: int = 0) -> str:
    """Of the backends whose files are there, made of the Keras networks beside them; keras where none is."""
    there = [name for name in FLOAT32 if can_read(folder, name)]
    if len(there) < 2:
        return there[0] if there else "keras"
    weights = [path for stems in networks.FILES.values() for stem in stems if (path := _weights(folder, stem)).exists()]
    key = {"computer": platform.node(), "threads": threads, "weights": [networks.digest_of(path) for path in weights]}
    with suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads((folder / KEPT).read_text())
        if {**key, "backend": kept["backend"]} == kept and kept["backend"] in there:
            return kept["backend"]
    times = seconds_a_face(folder, there, threads)
    fastest = min(times, key=times.get)
    with suppress(OSError):  # a folder that cannot be written in is measured every time
        write_json(folder / KEPT, {**key, "backend": fastest})
    return fastest


def _weights(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.weights.h5"


def can_read(folder: Path, backend: str) -> bool:
    """Whether a backend is installed, and both networks are there in its format, made of the weights beside them."""

    def is_there(stem: str) -> bool:
        weights = _weights(folder, stem)
        if backend == "keras":
            return weights.exists()
        path = folder / f"{stem}{networks.ENDINGS[backend]}"
        return path.exists() and networks.made_of(path, weights)

    return bool(find_spec(MODULES[backend])) and all(any(map(is_there, stems)) for stems in networks.FILES.values())


def seconds_a_face(folder: Path, backends: list[str], threads: int) -> dict[str, float]:
    """The quickest answer of each for one face, both networks; they take turns, so that a busy moment hits all.

    A turn has some answers, since the threads of the turn before stay awake for a while.
    """
    pairs = {name: [networks.load_network(folder, task, name, threads) for task in networks.FILES] for name in backends}
    face, times = np.full((1, FRAME, FRAME), 128, np.uint8), {name: [] for name in backends}
    end = time.perf_counter() + SECONDS
    while time.perf_counter() < end or not times[backends[-1]]:
        for name, pair in pairs.items():
            for _ in range(TURN):
                start = time.perf_counter()
                predict_both(*pair, face, flip=False)
                times[name].append(time.perf_counter() - start)
    return {name: min(its) for name, its in times.items()}
