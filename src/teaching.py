"""Networks trained before, as a start and as teachers: their kept weights, their answers, labels with these in them."""

from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from src.networks import load_keras
from src.paths import shown
from src.recipes import Recipe


def trainings(names: str | None, folder: Path) -> list[Path]:
    """The folders of trainings of the same run, named in one string."""
    return [folder.parent / name for name in (names or "").split()]


def mean_network(folders: list[Path]) -> keras.Model:
    """The network of trainings of one kind, with the mean of their kept weights ("model soups", Wortsman et al. 2022).

    FileNotFoundError: a folder holds no weights.
    """
    for folder in folders:
        if not (folder / "best.weights.h5").exists():
            raise FileNotFoundError(f"{shown(folder)} holds no weights to go on from: train recipe {folder.name} first")
    networks = [load_keras(folder / "model.json", folder / "best.weights.h5") for folder in folders]
    weights = zip(*(network.get_weights() for network in networks), strict=True)
    networks[0].set_weights([np.mean(arrays, axis=0) for arrays in weights])
    return networks[0]


def teachers(recipe: Recipe, folder: Path) -> list[keras.Model]:
    """The networks that answer in a training in `folder`, in its recipe's `teacher` separated by commas."""
    return [mean_network(trainings(names, folder)) for names in recipe.teacher.split(",")]


def answers_to_batches(networks: list[keras.Model], shape: tuple[int, ...], *, mirrored: bool = False):
    """The mean of the networks' answers to batches of this shape as a function on arrays, compiled once.

    mirrored: the mean over faces and mirrored faces, which suits emotions, not keypoints; compiled without XLA, which
    is slower in bfloat16 (see `in_precision`).
    """

    def mean(faces):
        views = (faces, faces[:, :, ::-1]) if mirrored else (faces,)
        answers = [network(view, training=False) for network in networks for view in views]
        return tf.add_n(answers) / len(answers)

    answers = tf.function(mean, input_signature=[tf.TensorSpec(shape, tf.float32)], jit_compile=not mirrored)
    return lambda faces: answers(faces).numpy()


def in_precision(network: keras.Model, precision: str) -> keras.Model:
    """The same network, made to compute in a recipe's `precision`, but for the last layer, which stays float32."""
    for layer in network.layers[:-1]:
        layer.dtype_policy = keras.dtype_policies.get(precision)
    return network


def taught_points(points: np.ndarray, answers: np.ndarray, share: float) -> np.ndarray:
    """Points with `share` of a teacher's answers in them, its answers alone where nobody marked any: (n, 30) px."""
    return np.where(np.isnan(points), answers, (1 - share) * points + share * answers)


def mirrored_answers(network: keras.Model, faces: np.ndarray) -> np.ndarray:
    """What the network says of faces, float32 (n, side, side, 1), mirror averaged: float32 (n, classes)."""
    return sum(network.predict(view, batch_size=256, verbose=0) for view in (faces, faces[:, :, ::-1])) / 2


def on_squares(network: keras.Model) -> keras.Model:
    """The layers that read the squares that a network trains on, instead of whole faces."""
    return keras.Model(network.get_layer("standardize").input, network.output)
