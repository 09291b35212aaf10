"""Arrays made from a file, kept beside it: `<file>.images.npy`, read by mapping it, and `<file>.cache.npz`, the rest.

The cache holds for exactly the content that it was made from. It is a convenience only: one that is missing, stale or
damaged is made again, and a folder that cannot be written to goes without.
"""

import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import BinaryIO

import numpy as np
import xxhash


def checksum(content) -> str:
    """Length and xxHashes of both halves of a contiguous buffer: tells contents apart at many GB a second."""
    content = memoryview(content).cast("B")
    half = len(content) // 2
    with ThreadPoolExecutor(2) as pool:  # xxhash and the reading of mapped files leave the interpreter free
        return "-".join([str(len(content)), *pool.map(xxhash.xxh3_64_hexdigest, (content[:half], content[half:]))])


class ArrayCache:
    """The cached arrays of the file `path` whose content has the checksum `key`."""

    def __init__(self, path: Path, key: str):
        self.images_file = path.with_name(f"{path.name}.images.npy")
        self.rest_file = path.with_name(f"{path.name}.cache.npz")
        self.key = key

    def load(self) -> dict[str, np.ndarray] | None:
        """The arrays, `images` read-only; None when there are none for this key that are whole."""
        try:
            with self.rest_file.open("rb") as file, np.load(file) as rest:
                arrays = dict(rest)
            if arrays.pop("key").item() != self.key:
                return None
            images = np.load(self.images_file, mmap_mode="r")
            if arrays.pop("images_checksum").item() != checksum(images):
                return None
        except Exception:  # whatever a damaged file leads to
            return None
        return {"images": np.asarray(images), **arrays}

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Keep the arrays if the folder can be written to; `images` must be among them."""
        rest = dict(arrays)
        images = rest.pop("images")
        rest |= {"key": np.array(self.key), "images_checksum": np.array(checksum(images))}
        with contextlib.suppress(OSError):
            _replace(self.images_file, lambda file: np.save(file, images))
            _replace(self.rest_file, lambda file: np.savez(file, **rest))


def _replace(path: Path, write: Callable[[BinaryIO], None]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
