"""On validation: what part of a face an emotion network reads best, and whether rare emotions should be lifted.

    python benchmarks/emotion_views.py [--run full] [--recipe compact_again] [--out views.json]

Needs the run's trained network. The test split stays closed.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from src.training.recipes import EMOTION_NETWORKS
from src.labels import EMOTIONS
from src.metrics.scores import emotion_scores
from src.predict.networks import load_keras
from src.files import RUNS
from src.predict.reader import predict_emotions
from src.faces import to_input
from src.training.recipes import Recipe
from src.training.records import EMOTIONS as EMOTION_TASK
from src.training.records import trainings
from src.files import write_json
from src.training.tasks import middle
from src.data.datasets import read_emotions

SQUARES = (40, 42, 44, 46, 48)  # px of 48
LIFTS = (0, 0.1, 0.3, 0.5, 0.7, 1)


def accuracy(outputs: np.ndarray, labels: np.ndarray) -> float:
    return float((outputs[:, : len(EMOTIONS)].argmax(axis=1) == labels).mean())


def squares(recipe: Recipe, weights, faces) -> pd.DataFrame:
    """Accuracy by the side of the middle square that is read, in one pass and mirror averaged."""
    network = EMOTION_NETWORKS[recipe.network](recipe.seed, recipe.classes, side=None)
    network.set_weights(weights)
    rows = {}
    for side in SQUARES:
        inputs = middle(to_input(faces.images, 48), side)
        one, other = (network.predict(it, batch_size=128, verbose=0) for it in (inputs, inputs[:, :, ::-1]))
        rows[side] = {
            "one pass": accuracy(one, faces.labels),
            "mirror averaged": accuracy(one + other, faces.labels),
        }
    return pd.DataFrame(rows).T.rename_axis("middle px")


def lifts(outputs: np.ndarray, labels: np.ndarray, shares: np.ndarray) -> pd.DataFrame:
    """Scores where logits lose t times the log of an emotion's share (Menon et al. 2021, logit adjustment)."""
    rows = {}
    for lift in LIFTS:
        lifted = outputs[:, : len(EMOTIONS)] * shares**-lift
        score = emotion_scores(lifted / lifted.sum(axis=1, keepdims=True), labels, EMOTIONS)
        recalls = {f"recall {name}": it["recall"] for name, it in score["classes"].items()}
        rows[lift] = {"accuracy": score["accuracy"], "macro-F1": score["macro_f1"], **recalls}
    return pd.DataFrame(rows).T.rename_axis("t")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="full")
    parser.add_argument("--recipe", default="compact_again")
    parser.add_argument("--out", type=Path, help="JSON file to write the tables to")
    options = parser.parse_args()
    folder = RUNS / options.run / EMOTION_TASK.name / options.recipe
    recipe = Recipe(**trainings(options.run, EMOTION_TASK)[options.recipe]["recipe"])
    network = load_keras(folder / "model.json", folder / "best.weights.h5")
    everyone = read_emotions("real", 0, 0)
    faces, training = everyone.split("PublicTest").five(), everyone.split("Training").five()
    shares = np.bincount(training.labels, minlength=len(EMOTIONS)) / len(training)
    tables = {
        "squares": squares(recipe, network.get_weights(), faces),
        "lifts": lifts(predict_emotions(network, faces.images), faces.labels, shares),
    }
    for table in tables.values():
        print(table.round(4).to_string())
    if options.out:
        write_json(
            options.out, {"recipe": options.recipe, **{name: it.to_dict("index") for name, it in tables.items()}}
        )


if __name__ == "__main__":
    main()
