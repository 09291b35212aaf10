"""Who goes to which split: dealing by shares, keeping groups together, finding repeats across splits."""

import hashlib
from collections.abc import Iterable

import numpy as np


def row_hashes(contents: Iterable) -> np.ndarray:
    """A hash of each content (bytes, or a contiguous array), str (n,): equal for equal contents."""
    return np.array([hashlib.sha256(content).hexdigest()[:16] for content in contents])


def photo_numbers(images: Iterable[np.ndarray]) -> np.ndarray:
    """A number for each image, int (n,): the same for images that are equal byte for byte."""
    numbers: dict[bytes, int] = {}
    return np.array([numbers.setdefault(image.tobytes(), len(numbers)) for image in images])


def deal(n: int, shares: dict[str, float]) -> np.ndarray:
    """`n` names of splits, str (n,), each its share, one after the other."""
    stops = np.round(np.cumsum(list(shares.values())) * n).astype(int)
    return np.repeat(list(shares), np.diff(stops, prepend=0))


def deal_groups(groups: np.ndarray, strata: np.ndarray, shares: dict[str, float]) -> np.ndarray:
    """Names of splits, str (n,): rows of one group stay together, each stratum gets its shares.

    Groups are dealt in their sorted order, which is random if they are hashes. A group counts for the stratum of
    its first row.
    """
    _, first, member = np.unique(groups, return_index=True, return_inverse=True)
    strata = strata[first]
    usage = np.empty(len(first), np.array(list(shares)).dtype)
    for stratum in np.unique(strata):
        usage[strata == stratum] = deal(np.count_nonzero(strata == stratum), shares)
    return usage[member]


def drop_repeats(images: np.ndarray, usage: np.ndarray) -> tuple[np.ndarray, dict[str, int]]:
    """Which rows of FER2013 to keep so that no validation or test image stands in an earlier split.

    images: (n, 48, 48) uint8, repeats are equal byte for byte; usage: str (n,). The test split stays whole, and so
    do repeats within a split. Returns (keep, counts): bool (n,), and what was counted, in words -> number of rows.
    """
    ids = photo_numbers(images)
    splits = train, public, private = [usage == name for name in ("Training", "PublicTest", "PrivateTest")]
    in_train, in_public, in_private = (np.isin(ids, ids[split]) for split in splits)
    drop_train, drop_public = train & (in_public | in_private), public & in_private
    keep = ~(drop_train | drop_public)
    counted = {
        "PrivateTest images repeated in Training": private & in_train,
        "PublicTest images repeated in Training": public & in_train,
        "PrivateTest images repeated in PublicTest": private & in_public,
        "Training rows dropped": drop_train,
        "PublicTest rows dropped": drop_public,
    }
    counts = {words: int(np.count_nonzero(rows)) for words, rows in counted.items()}
    distinct = sum(len(np.unique(ids[keep & split])) for split in splits)
    return keep, counts | {"repeats within a split kept": int(np.count_nonzero(keep)) - distinct}
