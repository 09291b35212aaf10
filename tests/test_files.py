import json
import os
from pathlib import Path

import pytest

from src.files import ROOT, as_text, shown, write_json


def test_a_json_file_is_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "record.json"
    write_json(path, {"epoch": 1})
    whole = Path.write_text

    def half(self, text, encoding):
        whole(self, text[:3], encoding)
        raise OSError("the disk is full")

    with monkeypatch.context() as patch, pytest.raises(OSError, match="full"):
        patch.setattr(Path, "write_text", half)
        write_json(path, {"epoch": 2})
    assert json.loads(path.read_text()) == {"epoch": 1}
    write_json(path, {"epoch": 3})
    assert json.loads(path.read_text()) == {"epoch": 3} and list(tmp_path.iterdir()) == [path]


def test_a_name_of_any_bytes_is_shown_on_one_line():
    assert shown(ROOT / "data" / "a.csv") == "data/a.csv" and shown("Icon\r") == "Icon\\r"
    odd = os.fsdecode(b"/a/caf\xe9\n.mp4")
    assert shown(odd) == "/a/caf\\xe9\\n.mp4" and as_text(odd) == "/a/caf\\xe9\n.mp4"
    assert as_text("é.jpg") == shown("é.jpg") == "é.jpg"
