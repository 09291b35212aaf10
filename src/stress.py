"""Known changes to test faces, and what they do to the points: how far a network bends before it breaks."""

import cv2
import keras
import numpy as np

from src.datasets import Keypoints
from src.labels import FRAME
from src.metrics import nme_percent, point_errors_px
from src.predict import predict_keypoints
from src.preprocess import flip_keypoints, warp_faces


def rotated(faces: Keypoints, degrees: float) -> tuple[np.ndarray, np.ndarray]:
    """Faces turned in the plane about the middle of their frame, clockwise, with the surroundings that are stored.

    Returns images uint8 (n, 96, 96) and the turned points (n, 15, 2) px.
    """
    centre, angle = (FRAME - 1) / 2, np.deg2rad(degrees)
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    moved = np.column_stack([turn, centre - turn @ [centre, centre]])
    images = warp_faces(faces.stored, np.broadcast_to(moved, (len(faces), 2, 3)), FRAME, FRAME)
    return images, (faces.keypoints_px @ turn.T + moved[:, 2]).astype(np.float32)


def shrunk(images: np.ndarray, side: int) -> np.ndarray:
    """Faces shrunk to `side` px and enlarged again: uint8 (n, h, h) -> uint8 (n, h, h)."""
    whole = images.shape[1:]
    return np.stack(
        [cv2.resize(cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA), whole) for face in images]
    )


def mirror_distance_px(model: keras.Model, images: np.ndarray) -> float:
    """Mean distance, px, between a face's points and those of its mirror image, mirrored back; one pass each."""
    there = predict_keypoints(model, images, mirror=False)
    back = flip_keypoints(predict_keypoints(model, images[:, :, ::-1], mirror=False))
    return float(point_errors_px(there, back).mean())


def keypoint_stress(model: keras.Model, faces: Keypoints, degrees: float = 30, side: int = FRAME // 2) -> dict:
    """Mean NME in percent (mirror averaged) of faces turned either way and of shrunk faces, and mirror distance."""

    def score(images, keypoints_px):
        return float(np.nanmean(nme_percent(predict_keypoints(model, images), keypoints_px)))

    return {
        "nme_percent_rotated": [score(*rotated(faces, sign * degrees)) for sign in (-1, 1)],
        "rotated_degrees": [-degrees, degrees],
        "nme_percent_shrunk": score(shrunk(faces.images, side), faces.keypoints_px),
        "shrunk_to_px": side,
        "mirror_distance_px": mirror_distance_px(model, faces.images),
    }
