import os
from pathlib import Path

import pytest

from src.predict.photos import files_in


def touch(*paths: Path):
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_folders_are_read_by_name_to_their_last_file(tmp_path):
    names = ["b/2.jpg", "b/1.jpg", "b/deep/er/x y é.png", "a.jpg", "-board.png", "b/notes.txt"]
    touch(*(tmp_path / name for name in names))
    found = list(files_in([tmp_path]))
    assert [str(path.relative_to(tmp_path)) for path, _ in found] == [
        "-board.png", "a.jpg", "b/1.jpg", "b/2.jpg", "b/deep/er/x y é.png", "b/notes.txt",
    ]  # fmt: skip
    assert {reason for _, reason in found} == {""}


def test_a_loop_of_folders_ends_with_a_reason(tmp_path):
    touch(tmp_path / "a/1.jpg", tmp_path / "b/2.jpg")
    (tmp_path / "a/up").symlink_to(tmp_path)
    (tmp_path / "a/to_b").symlink_to(tmp_path / "b")
    (tmp_path / "b/to_a").symlink_to(tmp_path / "a")
    (tmp_path / "self").symlink_to(tmp_path / "self")
    found = {str(path.relative_to(tmp_path)): reason for path, reason in files_in([tmp_path])}
    assert found["a/1.jpg"] == found["a/to_b/2.jpg"] == ""
    assert "was read as" in found["a/up"] and "remove the link" in found["a/to_b/to_a"] and "was read as" in found["b"]
    assert "check its permissions and links" in found["self"]
    assert len(found) == 6


def test_what_is_no_file_has_its_reason(tmp_path):
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "broken.jpg").symlink_to(tmp_path / "nowhere")
    found = dict(files_in([tmp_path, tmp_path / "missing.jpg"]))
    assert found[tmp_path / "pipe.jpg"] == "is no regular file: leave it out"
    assert found[tmp_path / "broken.jpg"] == found[tmp_path / "missing.jpg"] == "does not exist: check the name"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_closed_folder_has_its_reason(tmp_path):
    (tmp_path / "closed").mkdir(mode=0)
    ((_, reason),) = files_in([tmp_path / "closed"])
    assert "cannot be opened (Permission denied)" in reason


def test_what_the_run_writes_is_left_out(tmp_path):
    touch(tmp_path / "1.jpg", tmp_path / "faces.csv", tmp_path / "videos/1.mp4")
    skip = [tmp_path / "faces.csv", tmp_path / "videos", tmp_path / "not_yet.png"]
    assert list(files_in([tmp_path], skip)) == [(tmp_path / "1.jpg", "")]


def test_a_name_of_any_bytes_is_listed(tmp_path):
    name = os.fsencode(tmp_path) + b"/\xff.jpg"
    os.close(os.open(name, os.O_CREAT))
    ((path, reason),) = files_in([tmp_path])
    assert os.fsencode(path) == name and not reason
