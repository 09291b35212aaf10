"""From 68 landmarks to the study's 15 keypoints, and from a photo to the 96x96 frame.

A coordinate names pixel centres: (0, 0) is the centre of the top left pixel, whose area reaches from -0.5 to 0.5.
"""

import numpy as np

from src.labels import FRAME

# The 68 landmarks (300-W order, from 0) whose mean is each point of `labels.KEYPOINTS`.
_SOURCES = (
    *(range(42, 48), range(36, 42)),  # eye centres: left, right
    *([42], [45], [39], [36]),  # eye corners: left inner, left outer, right inner, right outer
    *([22], [26], [21], [17]),  # brow ends, in the same order
    *([30], [54], [48], [51], [57]),  # nose tip, left and right mouth corner, top lip, bottom lip
)
# Side of the square crop, in units of the larger side of the landmarks' bounding box.
CROP_SCALE = 1.25


def fifteen_points(points68: np.ndarray) -> np.ndarray:
    """The 15 keypoints, (15, 2) float32 in the order of `labels.KEYPOINTS`, of 68 landmarks (68, 2)."""
    return np.stack([points68[list(sources)].mean(axis=0) for sources in _SOURCES]).astype(np.float32)


def crop_face(
    image: np.ndarray, points68: np.ndarray, side: int = FRAME, margin: float = 1.0
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the face out as a square, averaged by area; outside the photo its border is repeated.

    Parameters
    ----------
    image : (height, width) uint8, grey
    points68 : (68, 2), photo pixels counted from 0
    side : side of the face frame in its own pixels
    margin : how much wider than the face frame the crop is; the scale stays that of the frame

    Returns
    -------
    crop : (side * margin, side * margin) uint8; the face frame is its centre
    points : (68, 2) float32, pixels of the face frame, whatever the margin

    Raises
    ------
    ValueError
        If all landmarks lie on one spot.
    """
    low, high = points68.min(axis=0), points68.max(axis=0)
    scale = CROP_SCALE * (high - low).max() / side  # photo pixels to one pixel of the crop
    if not scale > 0:
        raise ValueError("the landmarks lie on one spot")
    centre = (low + high) / 2
    points = (points68 - centre) / scale + (side - 1) / 2
    return crop_square(image, centre, scale, round(side * margin)), points.astype(np.float32)


def crop_square(image: np.ndarray, centre: np.ndarray, scale: float, count: int) -> np.ndarray:
    """A square cut out of uint8 (height, width) around `centre` (x, y), px -> uint8 (count, count), averaged by area.

    scale: pixels of the image to one of the crop. Outside the image its border is repeated.
    """
    rows = _average(image, centre[1], scale, count)
    return np.rint(_average(rows.T, centre[0], scale, count).T).astype(np.uint8)


def _average(image: np.ndarray, centre: float, scale: float, count: int) -> np.ndarray:
    """Means over `count` strips along the first axis, `scale` pixels wide each, around `centre`: (count, width).

    The sum up to an edge is the sum of the whole pixels before it and the covered share of the pixel it falls in;
    the first and the last pixel of the image reach on for ever.
    """
    edges = centre + 0.5 + scale * (np.arange(count + 1) - count / 2)  # pixel j reaches from j to j + 1 here
    pixel = np.clip(np.floor(edges), 0, len(image) - 1).astype(int)
    first, last = pixel[0], pixel[-1]
    sums = np.cumsum(image[first : last + 1], axis=0, dtype=np.float64)[pixel - first]
    sums -= (pixel + 1 - edges)[:, None] * image[pixel]
    return np.diff(sums, axis=0) / scale
