"""On validation: emotion networks of a run, the mean of their weights and that of their answers.

    python benchmarks/emotion_means.py "compact_third" "compact_third trial_cycle_1" [--run full] [--out means.json]

Several recipes in one argument: the mean of their weights; separated by commas: of their answers. Those that look
where the keypoints say are given what the run's keypoint network finds. The test split stays closed.
"""

import argparse
from pathlib import Path

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from tqdm import tqdm

from src.metrics.calibration import fit_temperature, five_probabilities
from src.data.datasets import Emotions
from src.labels import EMOTIONS
from src.metrics.scores import emotion_scores
from src.predict.networks import KEYPOINTS, load_network
from src.files import RUNS
from src.predict.reader import predict_emotions, predict_keypoints
from src.training.records import EMOTIONS as EMOTION_TASK
from src.files import write_json
from src.data.datasets import read_emotions
# DROPPED teaching.mean_network


def judge(networks: list[keras.Model], faces: Emotions, points_px: dict[bool, np.ndarray]) -> dict:
    """Accuracy in one pass; mirror averaged: accuracy, macro-F1, disgust found, cross-entropy at its best temperature.

    points_px: keypoints (n, 15, 2) of the faces, mirror averaged (True) and in one pass (False).
    """
    one, outputs = (
        np.mean([predict_emotions(network, faces.images, points_px[mirror], mirror=mirror) for network in networks], 0)
        for mirror in (False, True)
    )
    score = emotion_scores(five_probabilities(outputs), faces.labels, EMOTIONS)
    fitted = five_probabilities(outputs, fit_temperature(outputs, faces.labels))
    return {
        "one pass": emotion_scores(five_probabilities(one), faces.labels, EMOTIONS)["accuracy"],
        "mirror averaged": score["accuracy"],
        "macro-F1": score["macro_f1"],
        "recall of disgust": score["classes"]["disgust"]["recall"],
        "cross-entropy": float(log_loss(faces.labels, fitted)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recipes", nargs="+", help="a recipe, or several separated by spaces")
    parser.add_argument("--run", default="full")
    parser.add_argument("--out", type=Path, help="JSON file to write the table to")
    options = parser.parse_args()
    faces = read_emotions("real", 0, 0).split("PublicTest").five()
    keypoints = load_network(RUNS / options.run, KEYPOINTS, "keras")
    points_px = {mirror: predict_keypoints(keypoints, faces.images, mirror=mirror) for mirror in (True, False)}
    folder = RUNS / options.run / EMOTION_TASK.name
    rows = {}
    for names in tqdm(options.recipes, unit=" networks"):
        networks = [mean_network([folder / name for name in part.split()]) for part in names.split(",")]
        rows[names] = judge(networks, faces, points_px)
    print(pd.DataFrame(rows).T.round(4).to_string())
    if options.out:
        write_json(options.out, rows)


if __name__ == "__main__":
    main()
