"""Random changes to training faces. Geometry is in pixel centres: pixel i of a row lies at x = i.

One affine map a face, applied once to the stored pixels and to its points, does all of scale, rotation, shear, shift
and flip, so that nothing is interpolated twice.
"""

import cv2
import numpy as np

from src.faces import into_middle, warp_faces
from src.labels import FLIP_ORDER, FRAME, KEYPOINTS, LANDMARKS_FLIP_ORDER
from src.training.recipes import Augment

# Of the keypoints and, behind them, the landmarks.
POINTS_FLIP_ORDER = [*FLIP_ORDER, *(len(KEYPOINTS) + i for i in LANDMARKS_FLIP_ORDER)]


def affine_maps(n: int, side: int, augment: Augment, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random maps of a (side, side) frame onto itself, float64 (n, 2, 3), and which of them flip, bool (n,)."""
    angle = np.deg2rad(rng.uniform(-augment.rotation_deg, augment.rotation_deg, n))
    scale = (1 + augment.zoom) ** rng.uniform(-1, 1, n)
    shear = rng.uniform(-augment.shear, augment.shear, n)
    shift = rng.uniform(-augment.shift, augment.shift, (n, 2)) * side
    flipped = rng.random(n) < augment.flip
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.stack([cos, shear * cos - sin, sin, shear * sin + cos], axis=-1).reshape(n, 2, 2)
    linear[flipped, :, 0] *= -1
    centre = (side - 1) / 2
    offset = centre + shift - linear.sum(axis=2) * centre
    return np.concatenate([linear, offset[..., None]], axis=2), flipped


def _degrade(face: np.ndarray, draw: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Focus, resolution, compression, light, noise and occlusion of one face: uint8 (side, side) -> float32, 0..255.

    `draw`: 15 uniform numbers in 0..1; each step uses its own, so that switching one off leaves the others (but where
    a face is erased, which comes from `rng` after the noise) as they were.
    """
    side = face.shape[0]
    if draw[0] < augment.blur:
        face = cv2.GaussianBlur(face, (0, 0), (0.5 + draw[1]) * side / FRAME)
    if draw[2] < augment.shrink:
        small = round((0.25 + 0.5 * draw[3]) * side)
        face = cv2.resize(cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    if draw[12] < augment.jpeg:
        quality = [cv2.IMWRITE_JPEG_QUALITY, round(20 + 60 * draw[13])]
        face = cv2.imdecode(cv2.imencode(".jpg", face, quality)[1], cv2.IMREAD_GRAYSCALE)
    face = face.astype(np.float32)
    if augment.gamma:
        face = 255 * (face / 255) ** np.float32((1 + augment.gamma) ** (2 * draw[14] - 1))
    if augment.gain or augment.offset:
        mean, gain = face.mean(), np.float32((1 + augment.gain) ** (2 * draw[4] - 1))
        face = (face - mean) * gain + mean + np.float32(augment.offset * (2 * draw[5] - 1))
    if draw[6] < augment.noise:
        face += rng.standard_normal(face.shape, np.float32) * np.float32(2 + 10 * draw[7])
    if draw[8] < augment.erase:
        area, aspect = 0.02 + 0.18 * draw[9], 0.5 * 4 ** draw[10]
        h, w = int(side * min(1, np.sqrt(area * aspect))), int(side * min(1, np.sqrt(area / aspect)))
        top, left = int(draw[11] * (side - h)), int(rng.random() * (side - w))
        face[top : top + h, left : left + w] = rng.random() * 255
    return face


def augment_faces(
    images: np.ndarray,
    points_px: np.ndarray | None,
    augment: Augment,
    rng: np.random.Generator,
    *,
    side: int,
    into_frame: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """A batch of stored faces, changed at random.

    images uint8 (n, s, s); points_px (n, k, 2) px of a `side` frame or None: the 15 keypoints, or these and the 68
    landmarks; -> float32 (n, side, side, 1), grey 0..1, and the moved points, float32 (n, k, 2). The same `rng` state
    gives the same bytes. into_frame: maps from stored px to the frame's, (n or 1, 3, 3), see `faces.into_middle` and
    `into_crops`; None: the frame is the picture.
    """
    n, stored = images.shape[:2]
    into_frame = into_middle(stored, side, stored) if into_frame is None else into_frame
    maps, flipped = affine_maps(n, side, augment, rng)
    faces = warp_faces(images, maps, side, into_frame)
    draws = rng.random((n, 15))
    changed = np.empty(faces.shape, np.float32)
    for i, face in enumerate(faces):
        changed[i] = _degrade(face, draws[i], augment, rng)
    if augment.brighten:
        bright = ~flipped & (rng.random(n) < augment.brighten / (1 - augment.flip))
        changed[bright] *= rng.uniform(1.5, 2.0, (bright.sum(), 1, 1)).astype(np.float32)
    inputs = (np.clip(changed, 0, 255) / np.float32(255))[..., None]
    if points_px is None:
        return inputs, None
    moved = points_px @ maps[:, :, :2].swapaxes(1, 2) + maps[:, None, :, 2]
    if augment.swap_sides:
        moved[flipped] = moved[flipped][:, POINTS_FLIP_ORDER[: moved.shape[1]]]
    return inputs, moved.astype(np.float32)
