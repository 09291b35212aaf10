"""On validation: how well ways of calibrating an emotion network do on faces that they were not fitted on.

    python benchmarks/emotion_calibration.py compact_mean compact_flat [--run full] [--out calibration_ways.json]

Ten folds of the faces of the five emotions, drawn three times: every way is fitted on nine and judged on the tenth,
mirror averaged as `FaceReader` answers. The test split stays closed.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from tqdm import tqdm

from src.metrics.calibration import Calibration, calibrated, fit_by_entropy, fit_temperature, five_probabilities
from src.labels import EMOTIONS
from src.metrics.scores import expected_calibration_error
from src.predict.networks import KEYPOINTS, load_network
from src.files import RUNS
from src.predict.reader import predict_emotions, predict_keypoints
from src.training.records import EMOTIONS as EMOTION_TASK
from src.files import write_json
from src.data.datasets import read_emotions
# DROPPED teaching.mean_network

FOLDS, DRAWS = 10, 3


def _fitted(probabilities: Callable, numbers: int) -> Callable:
    """A way of calibrating: probabilities(outputs, numbers) -> (n, 5), whose numbers make the labels likeliest."""

    def way(outputs, labels, others):
        found = minimize(lambda it: log_loss(labels, probabilities(outputs, it)), np.zeros(numbers), method="BFGS").x
        return probabilities(others, found)

    return way


def _by_share(outputs, it):
    """The temperature follows what a seven-way network leaves for the five."""
    share = outputs[:, : len(EMOTIONS)].sum(axis=1, keepdims=True)
    return five_probabilities(outputs, np.exp(it[0]) * np.maximum(share, 1e-6) ** it[1])


def _by_confidence(outputs, it):
    return five_probabilities(outputs, np.exp(it[0] + it[1] * five_probabilities(outputs).max(axis=1, keepdims=True)))


def _with_bias(temperatures: Callable, numbers: int) -> Callable:
    """Besides, a factor for each emotion but the first, which may change answers."""

    def probabilities(outputs, it):
        weighed = temperatures(outputs, it[:numbers]) * np.exp(np.append(0, it[numbers:]))
        return weighed / weighed.sum(axis=1, keepdims=True)

    return _fitted(probabilities, numbers + len(EMOTIONS) - 1)


WAYS = {
    "as trained": lambda outputs, labels, others: five_probabilities(others),
    "one temperature": lambda outputs, labels, others: five_probabilities(others, fit_temperature(outputs, labels)),
    "by entropy": lambda outputs, labels, others: calibrated(others, Calibration(*fit_by_entropy(outputs, labels))),
    "by confidence": _fitted(_by_confidence, 2),
    "by the share of the five": _fitted(_by_share, 2),
    "one temperature, a bias a class": _with_bias(lambda outputs, it: five_probabilities(outputs, np.exp(it[0])), 1),
    "by entropy, a bias a class": _with_bias(
        lambda outputs, it: calibrated(outputs, Calibration(np.exp(it[0]), it[1])), 2
    ),
}


def judge(way: Callable, outputs: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Means over the draws of the folds: cross-entropy, ECE, accuracy, how far mean confidence is above it."""
    scores = []
    for draw in range(DRAWS):
        five = np.empty((len(labels), len(EMOTIONS)))
        for rest, fold in StratifiedKFold(FOLDS, shuffle=True, random_state=draw).split(outputs, labels):
            five[fold] = way(outputs[rest], labels[rest], outputs[fold])
        right = np.mean(five.argmax(axis=1) == labels)
        surplus = five.max(axis=1).mean() - right
        scores.append((log_loss(labels, five), expected_calibration_error(five, labels), right, surplus))
    names = "cross-entropy", "ECE", "accuracy", "confidence above accuracy"
    return dict(zip(names, map(float, np.mean(scores, axis=0)), strict=True))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="+")
    parser.add_argument("--run", default="full")
    parser.add_argument("--out", type=Path, help="JSON file to write the table to")
    options = parser.parse_args()
    faces = read_emotions("real", 0, 0).split("PublicTest").five()
    points_px = predict_keypoints(load_network(RUNS / options.run, KEYPOINTS, "keras"), faces.images)
    found = {}
    for name in options.recipes:
        network = mean_network([RUNS / options.run / EMOTION_TASK.name / name])
        outputs = predict_emotions(network, faces.images, points_px)
        found[name] = {way: judge(it, outputs, faces.labels) for way, it in tqdm(WAYS.items(), name, unit=" ways")}
        print(pd.DataFrame(found[name]).T.round(4).to_string())
    if options.out:
        write_json(options.out, found)


if __name__ == "__main__":
    main()
