"""Parts of the training faces: which one a training leaves out, and what networks say of the part that they never saw.

A network learns wrong labels by heart, and a pupil taught by it takes them over. Of faces that it never saw it cannot
know the labels: its answers show which are doubtful (cross-fitting, as in Northcutt et al. 2021, "Confident learning").
"""

import json
from pathlib import Path

import numpy as np

from src.recipes import Recipe
from src.splits import photo_numbers
from src.teaching import mean_network, mirrored_answers, on_squares, trainings


def part_rows(images: np.ndarray, part: str) -> np.ndarray:
    """Which faces (n, 48, 48) are in a part, named as in "1 of 3", bool (n,); repeats of a face are in the same."""
    number, parts = (int(word) for word in part.split(" of "))
    return photo_numbers(images) % parts == number - 1


def unseen_answers(recipe: Recipe, folder: Path, images: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """What the trainings of the recipe's `folds` say of the faces that each left out, mirror averaged: (n, classes).

    images: the faces, (n, 48, 48); seen: what the networks read of them, float32 (n, side, side, 1). ValueError: a face
    was left out by none of them or by several, or one trained on other emotions, whose faces are dealt otherwise.
    """
    pasts = trainings(recipe.folds, folder)
    answers, times = np.zeros((len(images), recipe.classes), np.float32), np.zeros(len(images), int)
    for past in pasts:
        network = on_squares(mean_network([past]))
        trained = json.loads((past / "record.json").read_text())["recipe"]
        if not trained["left_out"] or trained["classes"] != recipe.classes:
            raise ValueError(f"{past.name} left out no part of the faces of {recipe.classes} emotions: name another")
        rows = part_rows(images, trained["left_out"])
        answers[rows] = mirrored_answers(network, seen[rows])
        times += rows
    if (times != 1).any():
        raise ValueError(f"{recipe.folds} did not each leave out another part of the faces: name all parts' once")
    return answers
