"""Faces or a photo in, one table out: `FaceReader().read_faces(faces)`, `FaceReader().read_photo("me.jpg")`.

`python -m src.predict PATH...` does it for photos, folders, videos and a camera.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import pandas as pd

from src.faces import box_edges, crop_squares, flip_keypoints, to_input, to_photo
from src.files import WEIGHTS, shown
from src.labels import BOX_COLUMNS, EMOTIONS, FLIP_ORDER, FRAME, KEYPOINT_COLUMNS, KEYPOINTS
from src.metrics.calibration import Calibration, FaceScore, calibrated, sure_scores
from src.predict import networks
from src.predict.networks import Network, face_side, reads_points
from src.predict.photos import FaceDetector, read_photo, squares_from_boxes, squares_from_points, to_grey

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


@dataclass(frozen=True)
class FoundFaces:
    """The n faces of one picture, as the networks leave them."""

    squares: np.ndarray  # (n, 3) float64, centre x, centre y, side; px of the picture
    points: np.ndarray  # (n, 15, 2), px of the picture
    face_scores: np.ndarray  # (n,), 0..1
    outputs: np.ndarray  # (n, 5 or 7), the emotion network's


def read_calibration(folder: Path) -> Calibration:
    """What was fitted for the emotion network of a folder. FileNotFoundError, ValueError: it is missing, or too old."""
    path = folder / "calibration.json"
    if not path.exists():
        raise FileNotFoundError(f"{shown(path)} is missing: run notebook 03 for this folder or restore the file")
    try:
        return Calibration(**json.loads(path.read_text()))
    except TypeError as error:
        raise ValueError(f"{shown(path)} was written by another version: run notebook 03 for this folder") from error


def read_face_score(folder: Path) -> FaceScore | None:
    """What was fitted for the keypoint network of a folder; None where the folder has none."""
    path = folder / "face_score.json"
    return FaceScore(**json.loads(path.read_text())) if path.exists() else None


class FaceReader:
    """Both models behind one call.

    folder: where the models are, such as the shipped `weights/` or a run's `runs/quick`. backend: "onnx", "litert" or
    "keras", which give the same table; by default onnx where the folder holds both models in that format, else keras.
    FileNotFoundError where a model or the calibration is missing: without the latter all answers would be sure;
    ValueError where the calibration is of another version.
    """

    def __init__(self, folder: Path | str = WEIGHTS, backend: str | None = None):
        folder = Path(folder)
        backend = backend or networks.fastest_backend(folder)
        self.keypoints = networks.load_network(folder, networks.KEYPOINTS, backend)
        self.emotions = networks.load_network(folder, networks.EMOTIONS, backend)
        self.calibration = read_calibration(folder)
        self.face_score = read_face_score(folder)

    @classmethod
    def of(
        cls, keypoints: Network, emotions: Network, calibration: Calibration, face_score: FaceScore | None = None
    ) -> "FaceReader":
        """A reader of networks that are loaded already."""
        reader = cls.__new__(cls)
        reader.keypoints, reader.emotions = keypoints, emotions
        reader.calibration, reader.face_score = calibration, face_score
        return reader

    @cached_property
    def detector(self) -> FaceDetector:
        """Finds the faces of a photo; whoever gives cut-out faces never loads it."""
        return FaceDetector()

    def read_faces(self, faces) -> pd.DataFrame:
        """A row a face: 30 keypoint columns (px of the 96x96 frame), face_score, emotion, p_anger …, confidence, sure.

        face_score, 0..1: how far the keypoints can be trusted (to a mean error below 8 % of the eye distance); what is
        no face has a low one. NaN for networks that cannot tell. confidence: the highest of the five probabilities.
        sure: the answer's probability among all emotions that the network knows, times face_score, is high enough.

        faces: (n, h, w) or (n, h, w, 1) or a list of 2-D arrays of any size; grey 0..255. The face should fill the
        picture as in training: a square of 1.25 times the box around brows, chin and jaw.
        """
        return self._table(*self.look_at(as_faces(faces)))

    def look_at(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """What `read_faces` makes its table of: uint8 (n, h, w) -> points (n, 15, 2) px, face scores (n,), outputs.

        Points are in px of the 96x96 frame; outputs (n, 5 or 7) are the emotion network's, not calibrated.
        """
        points, spread, outputs = predict_both(self.keypoints, self.emotions, images)
        return points, self._face_scores(points, spread), outputs

    def _face_scores(self, points: np.ndarray, spread: np.ndarray) -> np.ndarray:
        return np.full(len(points), np.nan) if self.face_score is None else self.face_score.of(points, spread)

    def read_photo(self, photo) -> pd.DataFrame:
        """Every face found in a photo, a row each: file, face, box_left … box_bottom, the columns of `read_faces`.

        photo: path of a file in any common format, or uint8 (h, w) or (h, w, 3). The box is the square that the
        networks read. Box and keypoints are in px of the photo as a viewer shows it, (0, 0) being the centre of the
        top left one; they may lie outside where a face is cut off. PhotoError, ValueError for what is no picture.
        """
        from_file = isinstance(photo, str | Path)
        table = self.found_table(self.find(to_grey(read_photo(photo) if from_file else np.asarray(photo))))
        table.insert(0, "file", str(photo) if from_file else "")
        table.insert(1, "face", range(len(table)))
        return table

    def find(self, grey: np.ndarray) -> FoundFaces:
        """Faces of a picture, uint8 (h, w): a box gives a square, the keypoints in it give the square that is read."""
        squares = squares_from_boxes(self.detector(grey))
        if len(squares):
            first = predict_keypoints(self.keypoints, crop_squares(grey, squares))
            squares = squares_from_points(to_photo(first, squares))
        points, face_scores, outputs = self.look_at(crop_squares(grey, squares))
        return FoundFaces(squares, to_photo(points, squares), face_scores, outputs)

    def found_table(self, found: FoundFaces) -> pd.DataFrame:
        """Box, keypoints and answers of found faces, px of their picture."""
        boxes = pd.DataFrame(box_edges(found.squares), columns=list(BOX_COLUMNS))
        return pd.concat([boxes, self._table(found.points, found.face_scores, found.outputs)], axis=1)

    def _table(self, points: np.ndarray, face_scores: np.ndarray, outputs: np.ndarray) -> pd.DataFrame:
        """Keypoints and answers: points (n, 15, 2), scores (n,), outputs (n, 5 or 7) of the emotion network."""
        probabilities = calibrated(outputs, self.calibration)
        table = pd.DataFrame(points.reshape(-1, len(KEYPOINT_COLUMNS)), columns=list(KEYPOINT_COLUMNS))
        table["face_score"] = face_scores
        table["emotion"] = pd.Series([EMOTIONS[i] for i in probabilities.argmax(axis=1)], dtype="str")
        table[[f"p_{name}" for name in EMOTIONS]] = probabilities
        table["confidence"] = probabilities.max(axis=1, initial=0)
        table["sure"] = sure_scores(outputs, face_scores, self.calibration) >= self.calibration.sure_above
        return table
