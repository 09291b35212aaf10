"""How many faces a second the networks read, beside the original study's, in one run.

    python benchmarks/bench_networks.py [--rounds 15] [--save]

Weights do not matter for speed: each network is built anew. All take turns in every round, so that a busy machine
slows them alike; the ratio of the medians is the result.
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

from src.paths import WEIGHTS
from src.recipes import EMOTION_NETWORKS, KEYPOINT_NETWORKS, Recipe
from src.shipping import NAMES

BATCHES = (1, 64)


def networks() -> dict[tuple[str, str], keras.Model]:
    """The original study's networks and the shipped ones: (task, name) -> model."""
    keypoints, emotions = (
        Recipe(**json.loads((WEIGHTS / f"{name}.record.json").read_text())["recipe"]) for name in NAMES.values()
    )
    return {
        ("keypoints", "baseline"): KEYPOINT_NETWORKS["baseline"](0),
        ("keypoints", keypoints.network): KEYPOINT_NETWORKS[keypoints.network](0),
        ("emotions", "baseline"): EMOTION_NETWORKS["baseline"](0, 5),
        ("emotions", emotions.network): EMOTION_NETWORKS[emotions.network](
            0, emotions.classes, reads_px=emotions.reads_px
        ),
    }


def seconds(model: keras.Model, faces: np.ndarray) -> float:
    start = time.perf_counter()
    model.predict_on_batch(faces)
    return time.perf_counter() - start


def multiply_adds(model: keras.Model) -> int:
    """Of all convolutions and Dense layers, for one face."""
    total = 0
    for layer in model.layers:
        if isinstance(layer, keras.layers.Conv2D | keras.layers.Dense):
            places = np.prod(layer.output.shape[1:-1], dtype=int)
            total += int(places * np.prod(layer.kernel.shape))
    return total


def measure(models: dict[tuple[str, str], keras.Model], batch: int, rounds: int) -> list[dict]:
    """A row a network: faces a second (median over the rounds), and how many times faster than the baseline."""
    inputs = {key: np.random.default_rng(0).random((batch, *model.input_shape[1:]), np.float32)
              for key, model in models.items()}  # fmt: skip
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
    models = networks()
    rows = [row for batch in BATCHES for row in measure(models, batch, options.rounds)]
    print(pd.DataFrame(rows).to_string(index=False, float_format="{:.2f}".format))
    if options.save:
        save("networks", {"networks": rows})


if __name__ == "__main__":
    main()
