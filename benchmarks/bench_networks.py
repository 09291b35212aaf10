"""How many faces a second the networks read, beside the original study's, in one run.

    python benchmarks/bench_networks.py [--rounds 15] [--save]

All take turns in every round, so that a busy machine slows them alike; the ratio of the medians is the result.
"""

import argparse
import json
import statistics
import time

import keras
import numpy as np
import pandas as pd
from results import save
from tqdm import tqdm

from src.training.recipes import EMOTION_NETWORKS
from src.models.layers import Look
from src.predict.networks import face_side, load_network, reads_points
from src.files import WEIGHTS
from src.training.recipes import KEYPOINT_NETWORKS
from src.training.records import EMOTIONS, KEYPOINTS
from src.study.pipeline import NAMES

BATCHES = (1, 64)


def both_studies() -> dict[tuple[str, str], keras.Model]:
    """The original study's networks, weights drawn by lot, and the shipped ones: (task, name) -> model."""
    found = {}
    for task, build in ((KEYPOINTS, KEYPOINT_NETWORKS["baseline"]), (EMOTIONS, EMOTION_NETWORKS["baseline"])):
        record = json.loads((WEIGHTS / f"{NAMES[task]}.record.json").read_text())
        found[task.name, "baseline"] = build(0) if task is KEYPOINTS else build(0, 5)
        found[task.name, record["recipe"]["network"]] = load_network(WEIGHTS, task.name, "keras")
    return found


def some_inputs(model: keras.Model, batch: int) -> np.ndarray | list[np.ndarray]:
    """A batch of faces drawn by lot, and the mean face's keypoints where the network reads such."""
    faces = np.random.default_rng(0).random((batch, face_side(model), face_side(model), 1), np.float32)
    if not reads_points(model):
        return faces
    look = next(layer for layer in model.layers if isinstance(layer, Look))
    return [faces, np.tile(np.float32(look.mean_px), (batch, 1))]


def seconds(model: keras.Model, inputs: np.ndarray | list[np.ndarray]) -> float:
    start = time.perf_counter()
    model.predict_on_batch(inputs)
    return time.perf_counter() - start


def multiply_adds(model: keras.Model) -> int:
    """Of all convolutions, Dense layers and the products of `Look`, for one face."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, Look):
            total += 4 * (len(layer.mean_px) + 2 * layer.side**2)
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            places = np.prod(layer.output.shape[1:-1], dtype=int)
            total += int(places * np.prod(layer.kernel.shape))
    return total


def measure(models: dict[tuple[str, str], keras.Model], batch: int, rounds: int) -> list[dict]:
    """A row a network: faces a second (median over the rounds), and how many times faster than the baseline."""
    inputs = {key: some_inputs(model, batch) for key, model in models.items()}
    times = {key: [] for key in models}
    for key, model in models.items():
        seconds(model, inputs[key])  # the first call builds the graph
    for _ in tqdm(range(rounds), f"batch of {batch}", unit=" rounds"):
        for key, model in models.items():
            times[key].append(seconds(model, inputs[key]))
    speed = {key: batch / statistics.median(values) for key, values in times.items()}
    return [
        {
            "task": task,
            "network": name,
            "batch": batch,
            "faces_per_second": speed[task, name],
            "times_faster": speed[task, name] / speed[task, "baseline"],
            "parameters": models[task, name].count_params(),
            "multiply_adds": multiply_adds(models[task, name]),
        }
        for task, name in models
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--save", action="store_true", help="keep the figures in benchmarks/results.json")
    options = parser.parse_args()
    models = both_studies()
    rows = [row for batch in BATCHES for row in measure(models, batch, options.rounds)]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))
    if options.save:
        save("networks", {"networks": rows})


if __name__ == "__main__":
    main()
