"""What is done to the pixels and points of a face, in training and in reading alike: cut, scale, flip, align, input.

A coordinate names pixel centres: (0, 0) is the centre of the top left pixel, whose area reaches from -0.5 to 0.5. A
*square* is (centre x, centre y, side), px of the photo that it is cut from.
"""

import math

import cv2
import numpy as np

from src.labels import FLIP_ORDER, FRAME

# Side of the square that is cut out, in units of the larger side of the box around 68 landmarks.
CROP_SCALE = 1.25


def to_input(images: np.ndarray, side: int) -> np.ndarray:
    """uint8 (n, h, w), grey 0..255 -> float32 (n, side, side, 1), grey 0..1, resized where sides differ."""
    if images.shape[1:3] != (side, side):
        shrinks = images.shape[1] > side
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        images = np.stack([cv2.resize(image, (side, side), interpolation=how) for image in images])
    return images[..., None].astype(np.float32) / 255


def shrunk(image: np.ndarray, long_side: int) -> np.ndarray:
    """A picture, uint8 (h, w) or (h, w, 3), reduced to a long side of so many px, averaged by area; never enlarged."""
    scale = min(1, long_side / max(image.shape[:2]))
    size = [max(1, round(side * scale)) for side in image.shape[1::-1]]
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


# ---------------------------------------------------------------- flip


def flip_keypoints(keypoints_px: np.ndarray, side: int = FRAME) -> np.ndarray:
    """Points (n, 15, 2) px, NaN allowed, of flipped faces: x becomes side - 1 - x, left and right change names."""
    flipped = keypoints_px[:, list(FLIP_ORDER)].copy()
    flipped[..., 0] = side - 1 - flipped[..., 0]
    return flipped


def flip_faces(images: np.ndarray, keypoints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flips faces (n, h, w) or (n, h, w, 1) of any dtype with their points (n, 15, 2), px of the same pixels."""
    return images[:, :, ::-1].copy(), flip_keypoints(keypoints_px, images.shape[2])


# ---------------------------------------------------------------- cut


def crop_face(image: np.ndarray, points68: np.ndarray, margin: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the face out as a square, averaged by area; outside the photo its border is repeated.

    image: uint8 (height, width), grey; points68: (68, 2) px of the image; margin: how much wider than the 96x96 frame
    the crop is, at the same scale. Returns the crop, uint8 (96 * margin, 96 * margin), whose centre is the face frame,
    and the points in px of that frame, float32 (68, 2).

    Raises
    ------
    ValueError
        If all landmarks lie on one spot.
    """
    low, high = points68.min(axis=0), points68.max(axis=0)
    scale = CROP_SCALE * (high - low).max() / FRAME  # photo pixels to one pixel of the crop
    if not scale > 0:
        raise ValueError("the landmarks lie on one spot")
    centre = (low + high) / 2
    points = (points68 - centre) / scale + (FRAME - 1) / 2
    return crop_square(image, centre, scale, round(FRAME * margin)), points.astype(np.float32)


def crop_square(image: np.ndarray, centre: np.ndarray, scale: float, count: int) -> np.ndarray:
    """A square cut out of uint8 (height, width) around `centre` (x, y), px -> uint8 (count, count), averaged by area.

    scale: pixels of the image to one of the crop. Outside the image its border is repeated.
    """
    rows = _strip_means(image, centre[1], scale, count)
    return np.rint(_strip_means(rows.T, centre[0], scale, count).T).astype(np.uint8)


def _strip_means(image: np.ndarray, centre: float, scale: float, count: int) -> np.ndarray:
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


# ---------------------------------------------------------------- align and warp


def aligned_crops(points_px: np.ndarray, mean_px: np.ndarray, side: int) -> np.ndarray:
    """Points (n, k, 2), mean points (k, 2), px of the 96x96 frame -> aligned crops of faces of `side` px, (n, 4).

    An *aligned crop* is turned, scaled and moved so that the points lie on the mean points as well as these three
    allow: x, y of its middle and the step (dx, dy) from one of its px to the next on its right, px of the stored face.
    Points are complex numbers here, x + iy: multiplying by one turns and scales. The fit is Umeyama's (1991,
    "Least-squares estimation of transformation parameters between two point patterns").
    """
    points, mean = (it[..., 0] + 1j * it[..., 1] for it in (points_px, mean_px))
    centres, centre = points.mean(axis=1), mean.mean()
    from_centre = points - centres[:, None]
    step = (abs(from_centre) ** 2).sum(axis=1) / (from_centre.conj() * (mean - centre)).sum(axis=1)
    middles = centres + step * ((FRAME - 1) / 2 * (1 + 1j) - centre)
    middles = (middles + 0.5 + 0.5j) * side / FRAME - (0.5 + 0.5j)
    return np.stack([middles.real, middles.imag, step.real, step.imag], axis=1)


def into_crops(crops_px: np.ndarray, side: int) -> np.ndarray:
    """Maps from px of the stored faces to px of their aligned crops (n, 4), which have `side` px: (n, 3, 3)."""
    x, y, dx, dy = crops_px.T
    linear = 1 / (dx + 1j * dy)
    offset = (side - 1) / 2 * (1 + 1j) - linear * (x + 1j * y)
    maps = np.zeros((len(linear), 3, 3))
    maps[:, 0, 0] = maps[:, 1, 1] = linear.real
    maps[:, 1, 0], maps[:, 0, 1] = linear.imag, -linear.imag
    maps[:, 0, 2], maps[:, 1, 2], maps[:, 2, 2] = offset.real, offset.imag, 1
    return maps


def into_middle(stored_side: int, side: int, frame_in_source: float) -> np.ndarray:
    """Map from px of a stored picture to px of a frame of `side` px in its middle, (1, 3, 3).

    frame_in_source: the frame's width in stored px: all of the picture, or the inner part where surroundings are
    stored too.
    """
    scale = side / frame_in_source
    offset = (0.5 - (stored_side - frame_in_source) / 2) * scale - 0.5
    return np.array([[[scale, 0, offset], [0, scale, offset], [0, 0, 1]]])


def warp_faces(images: np.ndarray, maps: np.ndarray, side: int, into_frame: np.ndarray) -> np.ndarray:
    """uint8 (n, s, s) -> uint8 (n, side, side): the frame, moved by `maps` (n or 1, 2, 3).

    into_frame: map from stored px to the frame's, one for all faces or for each, (n or 1, 3, 3). Outside the stored
    picture its border is repeated.
    """
    warped = np.empty((len(images), side, side), np.uint8)
    for i, whole in enumerate(np.broadcast_to(maps @ into_frame, (len(images), 2, 3))):
        cv2.warpAffine(images[i], whole, (side, side), warped[i], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return warped
