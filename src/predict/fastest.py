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

MODULES = {"onnx": "onnxruntime", "litert": "ai_edge_litert"}
KEPT = "fastest.json"  # in the folder: what was found, for this computer and these weights
SECONDS = 0.05  # that a backend is measured


def fastest_backend(folder: Path, threads: int = 0) -> str:
    """Of the backends whose files are there, made of the Keras networks beside them; keras where none is."""
    there = [name for name in MODULES if _is_there(folder, name) and find_spec(MODULES[name])]
    if len(there) < 2:
        return there[0] if there else "keras"
    weights = [path for stems in networks.FILES.values() for stem in stems if (path := _weights(folder, stem)).exists()]
    key = {"computer": platform.node(), "threads": threads, "weights": [networks.digest_of(it) for it in weights]}
    with suppress(OSError, ValueError, LookupError, TypeError):
        kept = json.loads((folder / KEPT).read_text())
        if {**key, "backend": kept["backend"]} == kept and kept["backend"] in there:
            return kept["backend"]
    times = {name: seconds_a_face(folder, name, threads) for name in there}
    fastest = min(times, key=times.get)
    with suppress(OSError):  # a folder that cannot be written in is measured every time
        write_json(folder / KEPT, {**key, "backend": fastest})
    return fastest


def _weights(folder: Path, stem: str) -> Path:
    return folder / f"{stem}.weights.h5"


def _is_there(folder: Path, backend: str) -> bool:
    """Whether both networks are there in a backend's format, made of the weights beside them, if there are any."""
    return all(any(_is_new(folder, stem, backend) for stem in stems) for stems in networks.FILES.values())


def _is_new(folder: Path, stem: str, backend: str) -> bool:
    exported, weights = folder / f"{stem}{networks.ENDINGS[backend]}", _weights(folder, stem)
    if not exported.exists():
        return False
    return not weights.exists() or networks.digest_of(weights).encode() in exported.read_bytes()


def seconds_a_face(folder: Path, backend: str, threads: int) -> float:
    """The quickest of some answers for one face, both networks."""
    pair = [networks.load_network(folder, task, backend, threads) for task in networks.FILES]
    face, times = np.full((1, FRAME, FRAME), 128, np.uint8), []
    predict_both(*pair, face, flip=False)  # the first prepares memory
    while sum(times) < SECONDS:
        start = time.perf_counter()
        predict_both(*pair, face, flip=False)
        times.append(time.perf_counter() - start)
    return min(times)
