"""One face to look at closely: with what is around it, changed by hand, aligned, and where the networks look on it."""

import json
import math
from functools import cache
from pathlib import Path

import cv2
import numpy as np

from src.faces import aligned_crops, crop_square, into_crops, into_middle, to_input, warp_faces
from src.labels import FER_SIDE, FRAME
from src.predict.detector import face_axes
from src.predict.networks import EMOTIONS, FILES

WIDE = FRAME * 3 // 2  # px of a face with its surroundings, which come into sight when it is turned


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

    The aligned crop, or the face itself if the folder describes no network that aligns. Keras would say it, too, but
    takes longer to load than a face to read.
    """
    small, crop = cv2.resize(face, (FER_SIDE, FER_SIDE), interpolation=cv2.INTER_AREA), _aligned_crop(folder)
    if crop is None:
        return small
    places = aligned_crops(points_px[None], np.reshape(crop["mean_px"], (-1, 2)), FER_SIDE)
    return warp_faces(small[None], into_crops(places, crop["side"])[:, :2], crop["side"], np.eye(3))[0]


@cache
def _aligned_crop(folder: Path) -> dict | None:
    """side and mean_px of the layer that aligns, if there is one."""
    paths = [folder / name for name in FILES[EMOTIONS].values() if (folder / name).exists()]
    layers = json.loads(paths[0].read_text())["config"]["layers"] if paths else []
    return next((layer["config"] for layer in layers if layer["class_name"] == "AlignedCrop"), None)


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
