import os
import warnings

import numpy as np
import pytest
from face_files import (
    BIG_FACES,
    write_emotions,
    write_keypoints,
)

from src.data import datasets
from src.data.datasets import load_emotions, load_keypoints
from src.labels import ALL_EMOTIONS


def assert_same(a, b):
    for name, value in vars(a).items():
        np.testing.assert_array_equal(getattr(b, name), value)


@pytest.fixture
def parses(monkeypatch):
    """Counts how often a file is parsed."""
    calls = []
    parse = datasets.read_face_table
    monkeypatch.setattr(datasets, "read_face_table", lambda *args: calls.append(args) or parse(*args))
    return calls


@pytest.mark.parametrize(
    ("load", "write_file"),
    [
        (load_keypoints, write_keypoints),
        (load_emotions, lambda folder: write_emotions(folder, [3, 2, 1], ["Training", "PublicTest", "Training"])),
    ],
)
def test_second_load_comes_from_the_cache(tmp_path, parses, load, write_file):
    path = write_file(tmp_path)
    first, second = load(path), load(path)
    assert len(parses) == 1
    assert_same(first, second)
    assert type(second.images) is np.ndarray
    assert not first.images.flags.writeable
    assert not second.images.flags.writeable


def test_cache_goes_by_content_not_by_time(tmp_path, parses):
    path = write_emotions(tmp_path, [3, 2], ["Training", "PublicTest"])
    load_emotions(path)
    stat = path.stat()
    path.write_bytes(path.read_bytes().replace(b"3,Training", b"4,Training"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert ALL_EMOTIONS[load_emotions(path).labels[0]] == "sad"
    path.touch()
    load_emotions(path)
    assert len(parses) == 2


def flip_a_byte_in_the_middle(file):
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGE = {
    "flipped": flip_a_byte_in_the_middle,
    "cut": lambda file: file.write_bytes(file.read_bytes()[:-20]),
    "emptied": lambda file: file.write_bytes(b""),
    "garbage": lambda file: file.write_bytes(b"garbage" * 100),
    "missing": lambda file: file.unlink(),
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize("suffix", [".images.npy", ".cache.npz"])
def test_damaged_cache_is_made_again(tmp_path, parses, damage, suffix):
    path = write_keypoints(tmp_path)
    first = load_keypoints(path)
    DAMAGE[damage](tmp_path / f"data.csv{suffix}")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for _ in range(2):
            assert_same(first, load_keypoints(path))
    assert len(parses) == 2


def test_folder_that_takes_no_cache_still_loads(tmp_path, parses):
    path = write_keypoints(tmp_path)
    (tmp_path / "data.csv.images.npy").mkdir()
    for _ in range(2):
        np.testing.assert_array_equal(load_keypoints(path).images, BIG_FACES)
    assert len(parses) == 2
    assert not list(tmp_path.glob("*.part"))
