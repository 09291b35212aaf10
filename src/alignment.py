"""Where to look: the square of a face that brings it part of the way to the mean face, in size, turn and place.

A *glimpse* is that square, float (n, 4), px of the stored face: x, y of its middle, and the step (dx, dy) from one of
its px to the next on its right. Points are complex numbers here, x + iy: multiplying by one turns and scales. The fit
of one set of points to another is that of Umeyama 1991, "Least-squares estimation of transformation parameters between
two point patterns". `src/looking.py` does the same within a network.
"""

import numpy as np

from src.labels import FRAME

# How far towards the mean face in size, turn and place: what was best on validation (weights/EXPERIMENTS.md).
HALFWAY, PLACE = 0.5, 0.25


def glimpses(
    points_px: np.ndarray,
    mean_px: np.ndarray,
    side: int,
    towards: tuple[float, float, float] = (HALFWAY, HALFWAY, PLACE),
) -> np.ndarray:
    """Points (n, k, 2), mean points (k, 2), px of the 96x96 frame -> glimpses at faces of `side` px, float64 (n, 4).

    towards: shares of the way to the mean face in size, turn and place; 0 leaves a face as it is.
    """
    points, mean = (it[..., 0] + 1j * it[..., 1] for it in (points_px, mean_px))
    centres, centre = points.mean(axis=1), mean.mean()
    from_centre = points - centres[:, None]
    fit = (from_centre.conj() * (mean - centre)).sum(axis=1) / (abs(from_centre) ** 2).sum(axis=1)
    size, turn, place = towards
    step = abs(fit) ** -size * np.exp(-1j * turn * np.angle(fit))
    middle = (FRAME - 1) / 2 * (1 + 1j)
    looked_at = centres + step * (middle - centres - place * (centre - centres))
    looked_at = (looked_at + 0.5 + 0.5j) * side / FRAME - (0.5 + 0.5j)
    return np.stack([looked_at.real, looked_at.imag, step.real, step.imag], axis=1)


def into_squares(glimpses_px: np.ndarray, side: int) -> np.ndarray:
    """Maps from px of the stored faces to px of the squares of `side` px that glimpses (n, 4) see: (n, 3, 3)."""
    x, y, dx, dy = glimpses_px.T
    linear = 1 / (dx + 1j * dy)
    offset = (side - 1) / 2 * (1 + 1j) - linear * (x + 1j * y)
    maps = np.zeros((len(linear), 3, 3))
    maps[:, 0, 0] = maps[:, 1, 1] = linear.real
    maps[:, 1, 0], maps[:, 0, 1] = linear.imag, -linear.imag
    maps[:, 0, 2], maps[:, 1, 2], maps[:, 2, 2] = offset.real, offset.imag, 1
    return maps
