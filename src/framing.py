"""From a detected box to the square that the networks know, and from that square back to the photo.

A square is (centre x, centre y, side), px of the photo in pixel centres. In training it is placed by 68 landmarks, see
`landmarks.crop_face`; here it is estimated, first from the detector's box, then from the 15 keypoints found in it. The
constants come from HELEN's trainset by `benchmarks/fit_framing.py`.
"""

import math

import cv2
import numpy as np

from src.labels import FRAME, KEYPOINTS
from src.landmarks import CROP_SCALE, crop_square

# The 68 landmarks' box by the detector's, in units of the root of its area: how far its centre lies below, its side.
BOX_DOWN, BOX_SIDE = 0.133, 0.888
# The same by the keypoints, in units of their root mean square distance from their mean: how far the centre lies from
# their mean towards the mouth, the side; and how far it lies aside for each pixel that the nose tip is off the midline
# (a head that turns shows more of the cheek it turns away from).
POINTS_DOWN, POINTS_SIDE, NOSE_ASIDE = 0.535, 3.173, -1.84

_EYES = [KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")]
_LIPS = [KEYPOINTS.index("mouth_center_top_lip"), KEYPOINTS.index("mouth_center_bottom_lip")]
_NOSE = KEYPOINTS.index("nose_tip")


def squares_from_boxes(boxes_px: np.ndarray) -> np.ndarray:
    """Detected boxes (n, 4), left, top, right, bottom -> squares (n, 3)."""
    width, height = boxes_px[:, 2] - boxes_px[:, 0], boxes_px[:, 3] - boxes_px[:, 1]
    size = np.sqrt(width * height)
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


def crop_squares(image: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The squares (n, 3) of a grey or colour picture, uint8 (h, w) or (h, w, 3) -> uint8 (n, 96, 96) or (n, 96, 96, 3).

    Averaged by area as in training where the square is larger than 96 px, enlarged bilinearly where it is smaller;
    outside the picture its border is repeated.
    """
    if image.ndim == 3:
        return np.stack([crop_squares(image[..., channel], squares) for channel in range(3)], axis=-1)
    crops = np.empty((len(squares), FRAME, FRAME), np.uint8)
    for crop, (x, y, side) in zip(crops, squares, strict=True):
        count = min(FRAME, math.ceil(side))
        small = crop_square(image, np.array([x, y]), side / count, count)
        cv2.resize(small, (FRAME, FRAME), dst=crop, interpolation=cv2.INTER_LINEAR)
    return crops


def to_photo(points: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """Keypoints (n, 15, 2), px of the 96x96 frame -> px of the photo that the squares (n, 3) were cut from."""
    scale = squares[:, 2, None, None] / FRAME
    return (points - (FRAME - 1) / 2) * scale + squares[:, None, :2]


def to_frame(points_px: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """The inverse of `to_photo`."""
    scale = squares[:, 2, None, None] / FRAME
    return (points_px - squares[:, None, :2]) / scale + (FRAME - 1) / 2


def box_edges(squares: np.ndarray) -> np.ndarray:
    """Squares (n, 3) -> left, top, right, bottom (n, 4)."""
    half = squares[:, 2:] / 2
    return np.hstack([squares[:, :2] - half, squares[:, :2] + half])


def squares_of_edges(edges: np.ndarray) -> np.ndarray:
    """The inverse of `box_edges`."""
    return np.column_stack([(edges[:, :2] + edges[:, 2:]) / 2, edges[:, 2] - edges[:, 0]])
