"""One face to look at closely: with what is around it, changed by hand, aligned, and where the networks look on it."""

import json
import math
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from src.data.datasets import WIDE
from src.faces import aligned_crops, crop_square, into_crops, into_middle, to_input, warp_faces
from src.labels import FER_SIDE, FRAME
from src.predict.detector import face_axes
from src.predict.networks import EMOTIONS, FILES


def wide_faces(grey: np.ndarray, squares: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """Faces of a photo, uint8 (h, w), with surroundings, upright but for less than 45°: uint8 (n, 144, 144).

    squares (n, 3), points (n, 15, 2), px of the photo.
    """
    faces = np.empty((len(squares), WIDE, WIDE), np.uint8)
    downs = face_axes(points_px)[2]
    for face, (x, y, side), (right, down) in zip(faces, squares, downs, strict=True):
        count = min(FRAME, 2 * math.ceil(side / 2))
        small = crop_square(grey, np.array([x, y]), side / count, count * 3 // 2)
        wide = cv2.resize(small, (WIDE, WIDE), interpolation=cv2.INTER_LINEAR)
        face[:] = np.rot90(wide, -round(math.atan2(right, down) / (math.pi / 2)))
    return faces


def changed(wide: np.ndarray, blur_px: float = 0, light: float = 1, turn: float = 0) -> np.ndarray:
    """The face, uint8 (144, 144) -> (96, 96): turned clockwise by degrees, blurred (sigma), grey values times light."""
    middle = (FRAME - 1) / 2
    turned = cv2.getRotationMatrix2D((middle, middle), -turn, 1)[None]
    face = cv2.GaussianBlur(wide, (0, 0), blur_px) if blur_px else wide
    return cv2.convertScaleAbs(warp_faces(face[None], turned, FRAME, into_middle(WIDE, FRAME, FRAME))[0], alpha=light)


def read_of(folder: Path, face: np.ndarray, points_px: np.ndarray) -> np.ndarray:
    """What the emotion network of a folder reads of a face, uint8 (96, 96), with points (15, 2) px: uint8 (s, s).

    The face in the size that the network takes, or the part of it that its first layers cut out. Keras would say it,
    too, but takes longer to load than a face to read.
    """
    layers = _layers(folder)
    side = layers["InputLayer"]["batch_shape"][1] if layers else FER_SIDE
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    if "Cropping2D" in layers:
        (edge, _), _ = layers["Cropping2D"]["cropping"]
        return small[edge : side - edge, edge : side - edge]
    if "AlignedCrop" not in layers:
        return small
    crop = layers["AlignedCrop"]
    places = aligned_crops(points_px[None], np.reshape(crop["mean_px"], (-1, 2)), side)
    return warp_faces(small[None], into_crops(places, crop["side"])[:, :2], crop["side"], np.eye(3))[0]


@cache
def _layers(folder: Path) -> dict[str, dict]:
    """What the description of an emotion network, if there is one, says of the first layer of each kind."""
    names = (*FILES[EMOTIONS].values(), "model.json")  # the last is that of a single training
    path = next((folder / name for name in names if (folder / name).exists()), None)
    layers = json.loads(path.read_text())["config"]["layers"] if path else []
    return {layer["class_name"]: layer["config"] for layer in reversed(layers)}


def where_they_look(
    keypoints, emotions, face: np.ndarray, points_px: np.ndarray, emotion: int
) -> dict[str, np.ndarray]:
    """What two Keras models look at, by the name of the picture, uint8 (96, 96, 3), blue, green, red.

    The heatmaps of all points, where the network has any, and Grad-CAM of an emotion (its number).
    """
    from src.evaluation.saliency import grad_cam  # TensorFlow takes seconds to load, and few visitors ask
    from src.models.resnet import heatmaps_of

    pictures = {}
    if isinstance(keypoints.output_shape, list):
        heat = heatmaps_of(keypoints, to_input(face[None], FRAME))[0]
        pictures["heatmaps"] = _veiled(face, (heat / heat.max(axis=(1, 2), keepdims=True)).max(axis=0))
    seen = grad_cam(emotions, face[None], np.array([emotion]), points_px[None])[0]
    return {**pictures, "Grad-CAM": _veiled(face, seen)}


def _veiled(face: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """A face, uint8 (96, 96), under a map of any size in 0..1: dark where it is 0."""
    levels = cv2.resize(np.rint(seen * 255).astype(np.uint8), face.shape)
    colours = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)
    return cv2.addWeighted(cv2.cvtColor(face, cv2.COLOR_GRAY2BGR), 0.5, colours, 0.5, 0)
