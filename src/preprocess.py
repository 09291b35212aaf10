"""From stored faces to what a network reads: scaling, augmentation, the training stream.

Geometry is in pixel centres: pixel i of a row lies at x = i. One affine map a face, applied once to the stored pixels
and to its points, does all of scale, rotation, shear, shift and mirroring, so that nothing is interpolated twice.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from src.alignment import into_squares
from src.labels import FLIP_ORDER, FRAME


def to_input(images: np.ndarray, side: int) -> np.ndarray:
    """uint8 (n, h, w), grey 0..255 -> float32 (n, side, side, 1), grey 0..1, resized bilinearly where sides differ."""
    if images.shape[1:3] != (side, side):
        shrinks = images.shape[1] > side
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        images = np.stack([cv2.resize(image, (side, side), interpolation=how) for image in images])
    return images[..., None].astype(np.float32) / 255


def flip_keypoints(keypoints_px: np.ndarray, side: int = FRAME) -> np.ndarray:
    """Points (n, 15, 2) px, NaN allowed, of mirrored faces: x becomes side - 1 - x, left and right change names."""
    flipped = keypoints_px[:, list(FLIP_ORDER)].copy()
    flipped[..., 0] = side - 1 - flipped[..., 0]
    return flipped


def flip_faces(images: np.ndarray, keypoints_px: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mirrors faces (n, h, w) or (n, h, w, 1) of any dtype with their points (n, 15, 2), px of the same pixels."""
    return images[:, :, ::-1].copy(), flip_keypoints(keypoints_px, images.shape[2])


# ---------------------------------------------------------------- augmentation


@dataclass(frozen=True)
class Augment:
    """How far a training face may be changed. Ranges are symmetric uniform; a probability is per face."""

    rotation_deg: float = 0.0
    zoom: float = 0.0  # scale from 1/(1+zoom) to 1+zoom
    shift: float = 0.0  # share of the side
    shear: float = 0.0  # tangent
    flip: float = 0.0  # probability
    swap_sides: bool = True  # False repeats the original study's error: mirrored faces keep the old point names
    brighten: float = 0.0  # probability of a gain of 1.5 to 2, the original study's
    gain: float = 0.0  # contrast: factor from 1/(1+gain) to 1+gain around the face's mean
    offset: float = 0.0  # brightness, grey levels of 0..255
    blur: float = 0.0  # probability of a Gaussian blur, sigma 0.5 to 1.5 px at side 96
    shrink: float = 0.0  # probability of shrinking to 24..72 px of 96 and enlarging again
    noise: float = 0.0  # probability of Gaussian noise, sigma 2 to 12 grey levels
    erase: float = 0.0  # probability of a grey rectangle, 2 to 20 % of the face


KEYPOINT_AUGMENTS = {
    "none": Augment(),
    "baseline": Augment(flip=1 / 3, brighten=1 / 3),
    "unswapped": Augment(flip=1 / 3, brighten=1 / 3, swap_sides=False),
    "mild": Augment(rotation_deg=10, zoom=0.1, shift=0.04, flip=0.5, gain=0.25, offset=15),
    "moderate": Augment(
        rotation_deg=20,
        zoom=0.15,
        shift=0.06,
        flip=0.5,
        gain=0.4,
        offset=25,
        blur=0.1,
        shrink=0.2,
        noise=0.1,
        erase=0.1,
    ),
    "strong": Augment(
        rotation_deg=40,
        zoom=0.25,
        shift=0.1,
        flip=0.5,
        gain=0.6,
        offset=40,
        blur=0.2,
        shrink=0.3,
        noise=0.25,
        erase=0.3,
    ),
}
# With crop_px 40 of 48, a shift of a tenth reaches every square of the face.
_CROPS = Augment(rotation_deg=10, zoom=0.1, shift=0.1, flip=0.5, gain=0.25, offset=12, erase=0.25)
EMOTION_AUGMENTS = {
    "none": Augment(),
    "baseline": Augment(rotation_deg=15, zoom=0.1, shift=0.1, shear=0.1, flip=0.5),
    "crops": _CROPS,
    "rough": replace(_CROPS, blur=0.1, shrink=0.1, noise=0.15),
    "moderate": Augment(rotation_deg=12, zoom=0.12, shift=0.07, flip=0.5, gain=0.25, offset=12, erase=0.25),
}


def affine_maps(n: int, side: int, augment: Augment, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random maps of a (side, side) frame onto itself, float64 (n, 2, 3), and which of them mirror, bool (n,)."""
    angle = np.deg2rad(rng.uniform(-augment.rotation_deg, augment.rotation_deg, n))
    scale = (1 + augment.zoom) ** rng.uniform(-1, 1, n)
    shear = rng.uniform(-augment.shear, augment.shear, n)
    shift = rng.uniform(-augment.shift, augment.shift, (n, 2)) * side
    mirrored = rng.random(n) < augment.flip
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    linear = np.stack([cos, shear * cos - sin, sin, shear * sin + cos], axis=-1).reshape(n, 2, 2)
    linear[mirrored, :, 0] *= -1
    centre = (side - 1) / 2
    offset = centre + shift - linear.sum(axis=2) * centre
    return np.concatenate([linear, offset[..., None]], axis=2), mirrored


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


def _degrade(face: np.ndarray, draw: np.ndarray, augment: Augment, rng: np.random.Generator) -> np.ndarray:
    """Light, focus, resolution, noise and occlusion of one face: uint8 (side, side) -> float32, 0..255.

    `draw`: 12 uniform numbers in 0..1; each step uses its own, so that switching one off leaves the rest as it was.
    """
    side = face.shape[0]
    if draw[0] < augment.blur:
        face = cv2.GaussianBlur(face, (0, 0), (0.5 + draw[1]) * side / FRAME)
    if draw[2] < augment.shrink:
        small = round((0.25 + 0.5 * draw[3]) * side)
        face = cv2.resize(cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA), (side, side))
    face = face.astype(np.float32)
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
    keypoints_px: np.ndarray | None,
    augment: Augment,
    rng: np.random.Generator,
    *,
    side: int,
    frame_in_source: float | None = None,
    glimpses_px: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray | None]:
    """A batch of stored faces, changed at random.

    images uint8 (n, s, s); keypoints_px (n, 15, 2) px of a `side` frame or None; -> float32 (n, side, side, 1), grey
    0..1, and the moved points, float32 (n, 15, 2). The same `rng` state gives the same bytes. The frame is either in
    the middle, `frame_in_source` stored px wide, or the square that each face's glimpse (n, 4) chooses.
    """
    n, stored = images.shape[:2]
    into_frame = into_middle(stored, side, frame_in_source) if glimpses_px is None else into_squares(glimpses_px, side)
    maps, mirrored = affine_maps(n, side, augment, rng)
    faces = warp_faces(images, maps, side, into_frame)
    draws = rng.random((n, 12))
    changed = np.empty(faces.shape, np.float32)
    for i, face in enumerate(faces):
        changed[i] = _degrade(face, draws[i], augment, rng)
    if augment.brighten:
        bright = ~mirrored & (rng.random(n) < augment.brighten / (1 - augment.flip))
        changed[bright] *= rng.uniform(1.5, 2.0, (bright.sum(), 1, 1)).astype(np.float32)
    inputs = (np.clip(changed, 0, 255) / np.float32(255))[..., None]
    if keypoints_px is None:
        return inputs, None
    moved = keypoints_px @ maps[:, :, :2].swapaxes(1, 2) + maps[:, None, :, 2]
    if augment.swap_sides:
        moved[mirrored] = moved[mirrored][:, list(FLIP_ORDER)]
    return inputs, moved.astype(np.float32)


def mix_faces(
    inputs: np.ndarray, targets: np.ndarray, alpha: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """mixup (Zhang et al. 2018): each face and its target blended with another's of the batch, the share Beta(alpha).

    inputs float32 (n, side, side, 1), targets float32 (n, classes); the same shapes back.
    """
    share = rng.beta(alpha, alpha, len(inputs)).astype(np.float32)
    other = rng.permutation(len(inputs))
    mixed = inputs * share[:, None, None, None] + inputs[other] * (1 - share)[:, None, None, None]
    return mixed, targets * share[:, None] + targets[other] * (1 - share)[:, None]


# ---------------------------------------------------------------- training stream


def training_stream(make_batch, n: int, batch_size: int, *, epochs: int, first_epoch: int, seed: int, shapes):
    """A tf.data stream of augmented batches that depends on nothing but (seed, epoch, step): it resumes anywhere.

    make_batch(indices, rng) -> (inputs, targets), float32 arrays; shapes: their shapes without the batch axis.
    Each epoch is one shuffled pass over the n faces; the last, incomplete batch is left out. Batches are prepared in
    background threads. Returns (dataset, steps in an epoch).
    """
    import tensorflow as tf

    steps = n // batch_size
    if not steps:
        raise ValueError(f"{n} training faces do not fill one batch of {batch_size}: lower batch_size")

    def batch_at(step):
        epoch, place = divmod(int(step), steps)
        order = np.random.default_rng([seed, epoch]).permutation(n)
        indices = order[place * batch_size : (place + 1) * batch_size]
        return make_batch(indices, np.random.default_rng([seed, epoch, place]))

    def prepared(step):
        batch = tf.numpy_function(batch_at, [step], (tf.float32, tf.float32), stateful=False)
        for tensor, shape in zip(batch, shapes, strict=True):
            tensor.set_shape((batch_size, *shape))
        return batch

    dataset = tf.data.Dataset.range(first_epoch * steps, epochs * steps)
    dataset = dataset.map(prepared, num_parallel_calls=2, deterministic=True).prefetch(4)
    options = tf.data.Options()
    options.threading.private_threadpool_size = 2  # TensorFlow's own pool has one thread, see src/__init__.py
    options.autotune.enabled = False  # there is nothing to tune, and its thread can be slow to end
    return dataset.with_options(options), steps
