"""Which square of a face an emotion network reads while it trains, and that square of unchanged faces."""

import numpy as np
from tqdm import tqdm

from src.alignment import glimpses
from src.array_cache import checksum
from src.datasets import Emotions
from src.labels import FER_SIDE
from src.networks import Network
from src.predict import predict_keypoints
from src.preprocess import EMOTION_AUGMENTS, augment_faces, to_input
from src.recipes import Recipe

_found: dict = {}  # what a keypoint network found in faces: every recipe of a notebook asks for the same


def points_px(keypoints: Network, images: np.ndarray) -> np.ndarray:
    """What the keypoint network finds, mirror averaged: (n, 15, 2) px of the 96x96 frame; of the same faces, once."""
    key = keypoints, checksum(images)
    if key not in _found:
        starts = tqdm(range(0, len(images), 256), "keypoints", unit=" batches")
        points = [predict_keypoints(keypoints, images[start : start + 256]) for start in starts]
        _found[key] = np.concatenate(points)
    return _found[key]


def middle(images: np.ndarray, side: int) -> np.ndarray:
    """The middle square of each face: (n, s, s) or (n, s, s, 1) -> (n, side, side) or (n, side, side, 1)."""
    edge = (images.shape[1] - side) // 2
    return images[:, edge : edge + side, edge : edge + side]


def seen_squares(images: np.ndarray, recipe: Recipe, whole: int, glimpses_px: np.ndarray | None) -> np.ndarray:
    """What of the faces the layers in training would be given, unchanged: float32 (n, side, side, 1)."""
    if glimpses_px is not None:
        still, rng = EMOTION_AUGMENTS["none"], np.random.default_rng(0)
        return augment_faces(images, None, still, rng, side=recipe.crop_px, glimpses_px=glimpses_px)[0]
    faces = to_input(images, whole)
    return middle(faces, recipe.reads_px) if recipe.reads_px and recipe.crop_px else faces


def glimpses_of(recipe: Recipe, keypoints: Network | None, *splits: Emotions) -> tuple[list, list | None]:
    """Where the recipe's network looks in the faces of each split, (n, 4) px, and the mean face of the first, 30 px.

    None for each where it always reads the middle.
    """
    if not recipe.looks:
        return [None] * len(splits), None
    if keypoints is None:
        raise ValueError("This recipe reads the square that the keypoints choose: train a keypoint network first")
    points = [points_px(keypoints, split.images) for split in splits]
    mean = points[0].mean(axis=0)
    return [glimpses(it, mean, FER_SIDE) for it in points], mean.ravel().tolist()
