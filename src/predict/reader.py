"""Faces or a photo in, one table out: `FaceReader().read_faces(faces)`, `FaceReader().read_photo("me.jpg")`.

`python -m src.predict PATH...` does it for photos, folders, videos and a camera.
"""

import json
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from src.faces import box_edges
from src.files import WEIGHTS, shown
from src.labels import BOX_COLUMNS, EMOTIONS, KEYPOINT_COLUMNS
from src.metrics.calibration import Calibration, FaceScore, calibrated, sure_scores
from src.predict import networks
from src.predict.answers import as_faces, predict_both
from src.predict.detector import FaceDetector
from src.predict.fastest import fastest_backend
from src.predict.networks import Network
from src.predict.photos import read_photo, to_grey
from src.predict.search import FoundFaces, find_all_ways, find_upright, whole_picture


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
    """What was fitted for the keypoint network of a folder; None where the folder has none. ValueError: too old."""
    path = folder / "face_score.json"
    try:
        return FaceScore(**json.loads(path.read_text())) if path.exists() else None
    except TypeError as error:
        raise ValueError(f"{shown(path)} was written by another version: run notebook 02 for this folder") from error


class FaceReader:
    """Both models behind one call.

    folder: where the models are, such as the shipped `weights/` or a run's `runs/quick`. backend: "onnx", "litert" or
    "keras", which give the same table, or "litert-int8", which gives nearly the same; by default the faster of the
    first two on this computer, of those that the folder has files for, else "keras".
    threads: how many the networks may use, 0: all cores; keras always uses all.
    FileNotFoundError where a model or the calibration is missing: without the latter all answers would be sure;
    ValueError where the calibration is of another version.
    """

    def __init__(self, folder: Path | str = WEIGHTS, backend: str | None = None, threads: int = 0):
        folder = Path(folder)
        backend = backend or fastest_backend(folder, threads)
        self.keypoints = networks.load_network(folder, networks.KEYPOINTS, backend, threads)
        self.emotions = networks.load_network(folder, networks.EMOTIONS, backend, threads)
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

    def read_photo(self, photo, *, faces: bool = False) -> pd.DataFrame:
        """Every face of a photo, a row each: file, face, box_left … box_bottom, the columns of `read_faces`.

        photo: path of a file in any common format, or uint8 (h, w) or (h, w, 3). faces: the picture is a face that is
        cut out already, do not search. The box is the square that the networks read. Box and keypoints are in px of the
        photo as a viewer shows it, (0, 0) being the centre of the top left one; they may lie outside where a face is
        cut off. Before face_score stand found_by, "detector" or "whole picture", and detector_score, 0..1. PhotoError,
        ValueError for what is no picture.
        """
        from_file = isinstance(photo, str | Path)
        grey = to_grey(read_photo(photo) if from_file else np.asarray(photo))
        table = self.found_table(self.find_in_photo(grey, faces=faces))
        table.insert(0, "file", str(photo) if from_file else "")
        table.insert(1, "face", range(len(table)))
        return table

    def find_in_photo(self, grey: np.ndarray, *, faces: bool = False) -> FoundFaces:
        """Faces of a photo, uint8 (h, w): upright, turned, or the photo itself; `faces` as in `read_photo`."""
        return whole_picture(self, grey) if faces else find_all_ways(self, grey)

    def find(self, grey: np.ndarray) -> FoundFaces:
        """Upright faces of a picture, uint8 (h, w), such as a frame of a video: at most the work of `find_in_photo`."""
        return find_upright(self, grey)

    def found_table(self, found: FoundFaces) -> pd.DataFrame:
        """Box, keypoints and answers of found faces, px of their picture."""
        table = pd.DataFrame(box_edges(found.squares), columns=list(BOX_COLUMNS))
        table = pd.concat([table, self._table(found.points, found.face_scores, found.outputs)], axis=1)
        place = table.columns.get_loc("face_score")
        table.insert(place, "found_by", found.found_by)
        table.insert(place + 1, "detector_score", found.detector_scores)
        return table

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
