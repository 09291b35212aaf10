"""On validation: how far towards the mean face an emotion network's faces should be brought, without training anew.

    python benchmarks/emotion_glimpses.py [--run full] [--recipe compact_third] [--out glimpses.json]

Needs the run's trained networks, that of the recipe and the keypoint network. The mean face is that of the validation
faces, while a network that looks has its training faces'. The test split stays closed.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss
from tqdm import tqdm

from src.faces import glimpses
from src.metrics.calibration import fit_temperature, five_probabilities
from src.training.recipes import EMOTION_NETWORKS
from src.labels import EMOTIONS, FER_SIDE
from src.metrics.scores import emotion_scores
from src.predict.networks import KEYPOINTS, load_keras, load_network
from src.files import RUNS
from src.predict.reader import predict_keypoints
from src.training.augmentation import Augment, augment_faces
from src.training.recipes import Recipe
from src.training.records import EMOTIONS as EMOTION_TASK
from src.training.records import trainings
from src.files import write_json
from src.data.datasets import read_emotions

# Shares of the way in size, turn and place.
WAYS = {
    "none": (0, 0, 0),
    "size, halfway": (0.5, 0, 0),
    "size, all the way": (1, 0, 0),
    "size and turn, halfway": (0.5, 0.5, 0),
    "size and turn halfway, place a quarter": (0.5, 0.5, 0.25),
    "size, turn and place, halfway": (0.5, 0.5, 0.5),
    "size, turn and place, all the way": (1, 1, 1),
}


def scores(network, recipe: Recipe, faces, seen: np.ndarray) -> dict:
    """Mirror averaged scores on the squares seen, sampled as in training; cross-entropy after a temperature."""
    squares, _ = augment_faces(
        faces.images, None, Augment(), np.random.default_rng(0), side=recipe.crop_px, glimpses_px=seen
    )
    outputs = sum(network.predict(it, batch_size=128, verbose=0) for it in (squares, squares[:, :, ::-1])) / 2
    score = emotion_scores(five_probabilities(outputs), faces.labels, EMOTIONS)
    fitted = five_probabilities(outputs, fit_temperature(outputs, faces.labels))
    return {
        "mirror averaged": score["accuracy"],
        "macro-F1": score["macro_f1"],
        "cross-entropy": float(log_loss(faces.labels, fitted)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="full")
    parser.add_argument("--recipe", default="compact_third")
    parser.add_argument("--out", type=Path, help="JSON file to write the table to")
    options = parser.parse_args()
    folder = RUNS / options.run / EMOTION_TASK.name / options.recipe
    recipe = Recipe(**trainings(options.run, EMOTION_TASK)[options.recipe]["recipe"])
    network = EMOTION_NETWORKS[recipe.network](recipe.seed, recipe.classes, side=None)
    network.set_weights(load_keras(folder / "model.json", folder / "best.weights.h5").get_weights())
    faces = read_emotions("real", 0, 0).split("PublicTest").five()
    points = predict_keypoints(load_network(RUNS / options.run, KEYPOINTS, "keras"), faces.images)
    rows = {}
    for name, towards in tqdm(WAYS.items(), "ways", unit=" ways"):
        seen = glimpses(points, points.mean(axis=0), FER_SIDE, towards)
        rows[name] = scores(network, recipe, faces, seen)
    print(pd.DataFrame(rows).T.round(4).to_string())
    if options.out:
        write_json(options.out, {"recipe": options.recipe, "ways": rows})


if __name__ == "__main__":
    main()
