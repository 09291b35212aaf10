"""The faces of a photo, however it was taken: upright, turned, or nothing but one face that is cut out already."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from src.faces import crop_squares, to_photo
from src.labels import FRAME
from src.predict.answers import predict_keypoints
from src.predict.detector import THRESHOLD, squares_from_boxes, squares_from_points

if TYPE_CHECKING:
    from src.predict.reader import FaceReader

# Face scores: what can be a face, and what ends a search. Of 109 validation photos of HELEN the lowest upright one is
# 0.96; of their 327 turned copies 99 in 100 have less than 0.82.
TRUSTED, SURE = 0.5, 0.9
CUT_OUT = 1.5  # a picture with sides in a larger ratio is no face that was cut out


@dataclass(frozen=True)
class FoundFaces:
    """The n faces of one picture, as the networks leave them."""

    squares: np.ndarray  # (n, 3) float64, centre x, centre y, side; px of the picture
    points: np.ndarray  # (n, 15, 2), px of the picture
    face_scores: np.ndarray  # (n,), 0..1, NaN where the networks cannot tell
    outputs: np.ndarray  # (n, 5 or 7), the emotion network's
    detector_scores: np.ndarray  # (n,), 0..1, NaN where the whole picture is the face
    found_by: str = "detector"  # or "whole picture"

    def trust(self) -> float:
        """The sum of the face scores: of the same faces, it is larger the right way up."""
        return float(np.nansum(self.face_scores))

    def trusted(self, score: float = TRUSTED) -> bool:
        return bool((self.face_scores >= score).any())

    def turned_back(self, quarters: int, height: int, width: int) -> "FoundFaces":
        """From px of `np.rot90(picture, quarters)` to px of the picture, which has that height and width."""
        squares, points = self.squares.copy(), self.points
        for quarter in reversed(range(quarters)):
            right = (height if quarter % 2 else width) - 1
            squares[:, :2], points = _quarter_back(squares[:, :2], right), _quarter_back(points, right)
        return replace(self, squares=squares, points=points)


def _quarter_back(points_px: np.ndarray, right: int) -> np.ndarray:
    return np.stack([right - points_px[..., 1], points_px[..., 0]], axis=-1)


def find_upright(reader: "FaceReader", grey: np.ndarray) -> FoundFaces:
    """Upright faces, uint8 (h, w): a box gives a square, the keypoints in it give the square that is read."""
    return _look_into(reader, grey, *reader.detector(grey))


def _look_into(reader: "FaceReader", grey: np.ndarray, boxes: np.ndarray, scores: np.ndarray) -> FoundFaces:
    is_face = scores >= THRESHOLD
    squares = squares_from_boxes(boxes[is_face])
    if len(squares):
        first = predict_keypoints(reader.keypoints, crop_squares(grey, squares))
        squares = squares_from_points(to_photo(first, squares))
    points, face_scores, outputs = reader.look_at(crop_squares(grey, squares))
    return FoundFaces(squares, to_photo(points, squares), face_scores, outputs, scores[is_face])


def find_all_ways(reader: "FaceReader", grey: np.ndarray) -> FoundFaces:
    """As `find_upright`; where that finds no face for sure, also turned ones, and a face that is the picture.

    Where no way finds one to be trusted, what the detector found upright stays; where that is nothing, a picture no
    larger than a face of the training data is read as a face: it can hardly be anything else.
    """
    boxes, scores = reader.detector(grey)
    found = _look_into(reader, grey, boxes, scores)
    if found.trusted(SURE) or (reader.face_score is None and len(found.squares)):
        return found
    ways = [found, *_find_turned(reader, grey)] if len(boxes) else [found]
    best = max(ways, key=FoundFaces.trust)
    if best.trusted() or max(grey.shape) > CUT_OUT * min(grey.shape):
        return best if best.trusted() else found
    whole = whole_picture(reader, grey)
    small = max(grey.shape) <= FRAME and grey.min() < grey.max()
    return whole if whole.trusted() or (small and not len(found.squares)) else found


def _find_turned(reader: "FaceReader", grey: np.ndarray) -> list[FoundFaces]:
    turned = [find_upright(reader, np.ascontiguousarray(np.rot90(grey, quarters))) for quarters in (1, 2, 3)]
    return [found.turned_back(quarters, *grey.shape) for quarters, found in enumerate(turned, start=1)]


def whole_picture(reader: "FaceReader", grey: np.ndarray) -> FoundFaces:
    """The one face that a picture is, uint8 (h, w): turned so that its face score is best, if that can be trusted."""
    height, width = grey.shape
    square = np.array([[(width - 1) / 2, (height - 1) / 2, np.sqrt(width * height)]])
    face = grey if height == width else crop_squares(grey, square)[0]
    points, scores, outputs = reader.look_at(np.stack([np.rot90(face, quarters) for quarters in range(4)]))
    best = int(scores.argmax()) if (scores >= TRUSTED).any() else 0
    square[:, :2] = square[:, 1::-1] if best % 2 else square[:, :2]  # in px of the turned picture
    (points, scores, outputs) = (it[best : best + 1] for it in (points, scores, outputs))
    found = FoundFaces(square, to_photo(points, square), scores, outputs, np.array([np.nan]), "whole picture")
    return found.turned_back(best, height, width)
