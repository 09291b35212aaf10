"""Rows -> splits: each its share, and the rows of a group, such as one person's or one picture's, together."""

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
