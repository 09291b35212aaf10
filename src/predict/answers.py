"""What the networks say of faces that are cut out: keypoints, how far their heatmaps spread, emotions."""

import cv2
import numpy as np

from src.faces import flip_keypoints, to_input
from src.labels import EMOTIONS, FLIP_ORDER, FRAME, KEYPOINTS
from src.predict.networks import Network, face_side, reads_points

_BATCH = 128  # faces


def _outputs(model: Network, *inputs: np.ndarray) -> list[np.ndarray]:
    """In batches, each by one call: `model.predict` of Keras sets up a pipeline that takes longer than a face does."""
    parts = [[it[i : i + _BATCH] for it in inputs] for i in range(0, len(inputs[0]), _BATCH)]
    answers = [model.predict_on_batch(part if len(part) > 1 else part[0]) for part in parts]
    answers = [it if isinstance(it, list) else [it] for it in answers]
    return [np.concatenate(output) for output in zip(*answers, strict=True)]


def find_points(model: Network, images: np.ndarray, *, flip: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Keypoints of faces and how far the heatmap of each spreads: uint8 (n, h, w) -> float32 (n, 15, 2), (n, 15).

    Both in px of the 96x96 frame; a network without heatmaps has spreads of NaN. flip: average with what is found in
    the flipped face, twice the work.
    """
    if not len(images):
        return np.zeros((0, len(KEYPOINTS), 2), np.float32), np.zeros((0, len(KEYPOINTS)), np.float32)
    inputs = to_input(images, FRAME)
    points, spread = _points_and_spread(model, inputs)
    if not flip:
        return points, spread
    flipped, its_spread = _points_and_spread(model, inputs[:, :, ::-1])
    return (points + flip_keypoints(flipped)) / 2, (spread + its_spread[:, FLIP_ORDER]) / 2


def _points_and_spread(model: Network, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    points, *spread = _outputs(model, inputs)
    return points.reshape(-1, len(KEYPOINTS), 2), spread[0] if spread else np.full(
        (len(points), len(KEYPOINTS)), np.nan
    )


def predict_keypoints(model: Network, images: np.ndarray, *, flip: bool = True) -> np.ndarray:
    """The keypoints alone of `find_points`: uint8 (n, h, w) -> float32 (n, 15, 2), px of the 96x96 frame."""
    return find_points(model, images, flip=flip)[0]


def predict_emotions(
    model: Network, images: np.ndarray, points_px: np.ndarray | None = None, *, flip: bool = True
) -> np.ndarray:
    """Class probabilities of faces: uint8 (n, h, w) -> float32 (n, 5 or 7), the five emotions first.

    points_px: keypoints (n, 15, 2) of the faces, px of the 96x96 frame; a network of aligned crops needs them, others
    leave them aside. flip: average with the probabilities of the flipped face, twice the work.
    """
    faces = to_input(images, face_side(model))
    inputs, flipped = [faces], [faces[:, :, ::-1]]
    if reads_points(model):
        if points_px is None:
            raise ValueError("This network aligns faces by their keypoints: give points_px, see predict_keypoints")
        for view, points in ((inputs, points_px), (flipped, flip_keypoints(points_px))):
            view.append(points.reshape(len(points), -1).astype(np.float32))
    outputs = _outputs(model, *inputs)[0]
    return (outputs + _outputs(model, *flipped)[0]) / 2 if flip else outputs


def predict_both(
    keypoints: Network, emotions: Network, images: np.ndarray, *, flip: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of faces, uint8 (n, h, w): points and spreads of `find_points`, class probabilities (n, 5 or 7)."""
    points, spread = find_points(keypoints, images, flip=flip)
    if not len(images):
        return points, spread, np.zeros((0, len(EMOTIONS)))
    return points, spread, predict_emotions(emotions, images, points, flip=flip)


def as_faces(faces) -> np.ndarray:
    """One array of faces from what a user may hold: (n, h, w), (n, h, w, 1) or a list of 2-D arrays of any size.

    Grey 0..255 in any number type -> uint8 (n, h, w), faces of unlike sizes brought to (n, 96, 96). ValueError names
    the face that is no grey picture, whose values leave 0..255, or stay within 0..1.
    """
    if isinstance(faces, np.ndarray):
        if faces.ndim == 4 and faces.shape[3] == 1:
            faces = faces[..., 0]
        if faces.ndim != 3:
            raise ValueError(f"faces have shape {faces.shape}; give (n, h, w) or (n, h, w, 1), one grey value a pixel")
    grey = [_as_grey(np.asarray(face), i) for i, face in enumerate(faces)]
    if len({face.shape for face in grey}) > 1:
        grey = [cv2.resize(face, (FRAME, FRAME), interpolation=cv2.INTER_AREA) for face in grey]
    return np.stack(grey) if grey else np.zeros((0, FRAME, FRAME), np.uint8)


def _as_grey(face: np.ndarray, number: int) -> np.ndarray:
    if face.ndim != 2 or 0 in face.shape:
        raise ValueError(f"face {number} has shape {face.shape}; give one grey value a pixel, (height, width)")
    if face.dtype != np.uint8 and not (np.isfinite(face).all() and face.min() >= 0 and face.max() <= 255):
        raise ValueError(f"face {number} holds values outside 0..255; scale it to grey levels of 0..255")
    if 0 < face.max() <= 1 and (face.dtype.kind == "f" or face.min() == 0):  # one grey of 1 is nearly black
        raise ValueError(f"face {number} holds values of 0..1; multiply it by 255")
    return face if face.dtype == np.uint8 else np.round(face).astype(np.uint8)
