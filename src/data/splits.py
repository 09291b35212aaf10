"""Rows -> splits: each its share, the rows of a group, such as one person's or one picture's, together; near copies."""

import hashlib
from collections.abc import Iterable

import numpy as np


def row_hashes(contents: Iterable) -> np.ndarray:
    """A hash of each content (bytes, or a contiguous array), str (n,): equal for equal contents."""
    return np.array([hashlib.sha256(content).hexdigest()[:16] for content in contents])


def deal(n: int, shares: dict[str, float]) -> np.ndarray:
    """`n` names of splits, str (n,), each its share, one after the other."""
    stops = np.round(np.cumsum(list(shares.values())) * n).astype(int)
    return np.repeat(list(shares), np.diff(stops, prepend=0))


def deal_groups(groups: np.ndarray, shares: dict[str, float], strata: np.ndarray | int = 0) -> np.ndarray:
    """Names of splits, str (n,): rows of one group stay together, each stratum, if there are several, gets its shares.

    Groups are dealt in sorted order, random if they are hashes; a group counts for the stratum of its first row.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    strata = np.broadcast_to(strata, len(groups))[first]
    usage = np.empty(len(first), np.array(list(shares)).dtype)
    for stratum in np.unique(strata):
        usage[strata == stratum] = deal(np.count_nonzero(strata == stratum), shares)
    return usage[member]


def near_copies(images: np.ndarray, known: np.ndarray, alike: float = 0.97) -> np.ndarray:
    """Which known image shows the same photograph in another crop, size or light: int (n,), -1 where none does.

    images, known: (n, 48, 48) uint8. Shrunk to 12x12 they are compared by correlation. Above 0.97, all of 80 pairs of
    FER2013's faces that we looked at were one photograph.
    """
    its, others = (_shrunk(faces) for faces in (images, known))
    nearest = np.full(len(its), -1)
    for start in range(0, len(its), 512):  # not all pairs at once: 400 MB
        correlation = its[start : start + 512] @ others.T
        best = correlation.argmax(axis=1)
        high = correlation[np.arange(len(best)), best] > alike
        nearest[start : start + 512] = np.where(high, best, -1)
    return nearest


def _shrunk(images: np.ndarray) -> np.ndarray:
    """Means of 4x4 px, (n, 144) float32, of each image with mean 0 and length 1: products are correlations."""
    means = images.reshape(-1, 12, 4, 12, 4).mean(axis=(2, 4), dtype=np.float32).reshape(len(images), -1)
    means -= means.mean(axis=1, keepdims=True)
    return means / np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-6)
