"""Pictures without a face that can be read, made from photographs and at random: what no answer should be sure of."""

import cv2
import numpy as np

from src.data.datasets import Keypoints
from src.faces import crop_squares
from src.labels import FRAME

LETTERS = "abcdefghijklmnopqrstuvwxyz ABCDEFGHIJKLMNOPQRSTUVWXYZ 0123456789 .,;"


def without_a_face(photographs: Keypoints, count: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Eight kinds of pictures without a face, `count` of each at random: kind, in words -> uint8 (count, 96, 96).

    Those of one grey go from black to white.
    """
    rng = np.random.default_rng(seed)
    rows = rng.choice(len(photographs), count)
    faces, stored = photographs.images[rows], photographs.stored[rows]
    return {
        "one grey": np.stack([np.full((FRAME, FRAME), it, np.uint8) for it in np.linspace(0, 255, count)]),
        "noise": _noise(count, rng),
        "text": np.stack([_text(rng) for _ in range(count)]),
        "photos without people": faceless_squares(count, seed),
        "beside a face": np.stack([_corner(it, rng) for it in stored]),
        "scrambled faces": scrambled(faces, seed),
        "half faces": np.stack([_half(it, rng) for it in faces]),
        "upside down": np.stack([it[::-1, :: rng.choice([-1, 1])] for it in faces]),
    }


def _noise(count: int, rng: np.random.Generator) -> np.ndarray:
    """Of the finest grain and coarser ones."""
    sides = rng.choice([FRAME, FRAME // 4, FRAME // 12], count)
    grains = (rng.integers(0, 256, (side, side), np.uint8) for side in sides)
    return np.stack([cv2.resize(it, (FRAME, FRAME), interpolation=cv2.INTER_CUBIC) for it in grains])


def _text(rng: np.random.Generator) -> np.ndarray:
    page = np.full((FRAME, FRAME), rng.integers(150, 256), np.uint8)
    size, ink = rng.uniform(0.3, 0.9), int(rng.integers(0, 100))
    for line in range(12, FRAME + 12, round(10 + 20 * size)):
        words = "".join(rng.choice(list(LETTERS), 24))
        cv2.putText(page, words, (int(rng.integers(-10, 5)), line), int(rng.integers(0, 6)), size, ink, 1, cv2.LINE_AA)
    return page


def _corner(stored: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The outermost quarter of the side, in one of the corners, enlarged."""
    side = len(stored) // 4
    top, left = rng.choice([0, len(stored) - side], 2)
    return cv2.resize(stored[top : top + side, left : left + side], (FRAME, FRAME), interpolation=cv2.INTER_CUBIC)


def _half(face: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A half of a face, left or right; the other half is the rim of the picture, going on, or one grey."""
    half = face[:, : FRAME // 2] if rng.random() < 0.5 else face[:, FRAME // 2 :]
    filled = half[:, :1] if rng.random() < 0.5 else np.full((FRAME, 1), rng.integers(0, 256), np.uint8)
    return np.hstack([np.repeat(filled, FRAME // 2, axis=1), half][:: rng.choice([-1, 1])])


def scrambled(images: np.ndarray, seed: int = 0) -> np.ndarray:
    """What has the grey values of faces and is none: the 4x4 tiles of each, shuffled; uint8 (n, 96, 96) both."""
    side, rng = FRAME // 4, np.random.default_rng(seed)
    tiles = images.reshape(-1, 4, side, 4, side).swapaxes(2, 3).reshape(-1, 16, side, side)
    shuffled = rng.permuted(np.broadcast_to(np.arange(16), (len(tiles), 16)), axis=1)
    tiles = np.take_along_axis(tiles, shuffled[..., None, None], axis=1)
    return tiles.reshape(-1, 4, 4, side, side).swapaxes(2, 3).reshape(images.shape)


def faceless_squares(count: int, seed: int = 0) -> np.ndarray:
    """Squares cut out at random from scikit-learn's two photos, a temple and a flower: (count, 96, 96)."""
    from sklearn.datasets import load_sample_images

    photos = [cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY) for photo in load_sample_images().images]
    rng, cut = np.random.default_rng(seed), []
    for i in range(count):
        photo, side = photos[i % len(photos)], rng.uniform(40, 300)
        x, y = (rng.uniform(side / 2, length - side / 2) for length in photo.shape[::-1])
        cut.append(crop_squares(photo, np.array([[x, y, side]]))[0])
    return np.stack(cut)
