"""How many faces a second the shipped networks read, beside the original study's, in one run.

All take turns in every round; the ratio of the medians is the result.
"""

import statistics
from functools import partial

import keras
import numpy as np
from results import run, seconds, take_turns

from src.files import WEIGHTS
from src.models.layers import AlignedCrop
from src.models.resnet import baseline_emotions, baseline_keypoints
from src.predict.networks import face_side, load_network, reads_points

BATCHES = (1, 64)


def some_inputs(model: keras.Model, batch: int) -> np.ndarray | list[np.ndarray]:
    """A batch of faces drawn at random, and the mean face's keypoints where the network reads such."""
    faces = np.random.default_rng(0).random((batch, face_side(model), face_side(model), 1), np.float32)
    if not reads_points(model):
        return faces
    crop = next(layer for layer in model.layers if isinstance(layer, AlignedCrop))
    return [faces, np.tile(np.float32(crop.mean_px), (batch, 1))]


def multiply_adds(model: keras.Model) -> int:
    """Of all convolutions, Dense layers and the products of `AlignedCrop`, for one face."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, AlignedCrop):
            total += 4 * (len(layer.mean_px) + 2 * layer.side**2)
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            total += int(np.prod(layer.output.shape[1:-1], dtype=int) * np.prod(layer.kernel.shape))
    return total


def measure(rounds: int) -> dict:
    """A row a network and batch: faces a second (median), and how many times faster than the task's baseline."""
    models = {
        "keypoints baseline": baseline_keypoints(),  # its weights do not matter for speed
        "keypoints": load_network(WEIGHTS, "keypoints", "keras"),
        "emotions baseline": baseline_emotions(),
        "emotions": load_network(WEIGHTS, "emotions", "keras"),
    }
    rows = []
    for batch in BATCHES:
        ways = {}
        for name, model in models.items():
            ways[name] = partial(seconds, model.predict_on_batch, some_inputs(model, batch))
            ways[name]()  # the first call builds the graph
        times = take_turns(ways, rounds, f"batch of {batch}")
        speed = {name: batch / statistics.median(its) for name, its in times.items()}
        for name, model in models.items():
            faster = speed[name] / speed[f"{name.split()[0]} baseline"]
            work = {"parameters": model.count_params(), "multiply_adds": multiply_adds(model)}
            rows.append(
                {"network": name, "batch": batch, "faces_per_second": speed[name], "times_faster": faster, **work}
            )
    return {"networks": rows}


if __name__ == "__main__":
    run("networks", __doc__, measure, rounds=15)
