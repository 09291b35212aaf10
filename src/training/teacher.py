"""Teacher and student: a small network starts from a larger one, and learns from its answers.

Sources: Hinton et al. 2015 "Distilling the Knowledge in a Neural Network"; Sanh et al. 2019 "DistilBERT" (the student
starts with some of its teacher's layers); Beyer et al. 2022 "Knowledge distillation: A good teacher is patient and
consistent" (both see the same changed picture).
"""

import json
from pathlib import Path
from threading import Lock

import keras
import numpy as np

from src.files import shown
from src.predict.networks import digest_of, load_keras
from src.training.recipes import Recipe

_asking = Lock()


def read_teacher(recipe: Recipe, folder: Path) -> tuple[keras.Model | None, str | None]:
    """The network that a recipe learns from and its weights file's digest, or None twice where there is none.

    folder: of the recipe's own training. FileNotFoundError: the teacher was not trained to its end in the same run.
    """
    if recipe.teacher is None:
        return None, None
    theirs = folder.parent / recipe.teacher
    record, weights = theirs / "record.json", theirs / "best.weights.h5"
    its = json.loads(record.read_text()) if record.exists() and weights.exists() else None
    if its is None or len(its["history"]) < its["recipe"]["epochs"]:
        raise FileNotFoundError(
            f"{shown(theirs)} holds no finished training, and {folder.name} learns from that network: train "
            f"{recipe.teacher} to its end first, in the same run (recipes: {recipe.teacher} {folder.name})"
        )
    return load_keras(theirs / "model.json", weights), digest_of(weights)


def start_from(teacher: keras.Model, student: keras.Model) -> None:
    """Gives each layer of the student the weights of the teacher's layer of that name, where there is one of its shape.

    A student has fewer residual units. A unit adds something to what passes it by, so the other layers still work
    without it, if worse, which is a better start than random weights.
    """
    theirs = {layer.name: layer.get_weights() for layer in teacher.layers}
    for layer in student.layers:
        weights = theirs.get(layer.name, [])
        if [it.shape for it in weights] == [it.shape for it in layer.weights]:
            layer.set_weights(weights)


def ask(teacher: keras.Model, inputs: np.ndarray) -> np.ndarray:
    """What a teacher answers to changed faces, float32 (n, side, side, 1).

    Batches are made in two threads, and under JAX a model's variables are lost where both predict with it at once.
    """
    with _asking:
        return teacher.predict_on_batch(inputs)


def with_teacher(targets: np.ndarray, inputs: np.ndarray, teacher: keras.Model, weight: float) -> np.ndarray:
    """Targets float32 (n, classes), `weight` of each replaced by the teacher's answer to the same changed face.

    inputs: those faces, float32 (n, side, side, 1). The answer says how alike two emotions are on this face, and fits
    the changed picture: it is less sure where the mouth is hidden.
    """
    return np.float32((1 - weight) * targets + weight * ask(teacher, inputs))
