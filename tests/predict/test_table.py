import csv
import os

import numpy as np
import pandas as pd
import pytest
from fake_reader import FakeReader, picture

from src.predict.table import COLUMNS, FaceTable

TWO = picture((30, 40, 20, 200), (100, 60, 30, 110))


@pytest.fixture
def faces():
    return FakeReader().read_photo(TWO)


def test_a_row_a_face_and_a_row_a_reason(tmp_path, faces):
    table = FaceTable(tmp_path / "new" / "faces.csv")
    table.add(faces, file="a, b.jpg")
    table.add(None, "c.jpg is empty: copy it again", file="c.jpg")
    table.close()
    read = pd.read_csv(tmp_path / "new" / "faces.csv")
    assert tuple(read) == COLUMNS and read["file"].tolist() == ["a, b.jpg", "a, b.jpg", "c.jpg"]
    assert read["face"].tolist()[:2] == [0, 1] and read["emotion"].tolist()[:2] == ["happiness", "anger"]
    assert read.loc[:1, "reason"].isna().all() and read.loc[2, "reason"] == "c.jpg is empty: copy it again"
    assert read.loc[2, "emotion":"sure"].isna().all()
    np.testing.assert_allclose(read.loc[:1, "box_left":"box_bottom"], faces.loc[:, "box_left":"box_bottom"], atol=1e-4)


def test_rows_are_on_disk_as_soon_as_they_are_added(tmp_path, faces):
    table = FaceTable(tmp_path / "faces.csv")
    table.add(faces, "none", file="v.mp4", frame=7, time=0.28)
    table.add(faces[:0], "none", file="v.mp4", frame=8, time=0.32)
    read = pd.read_csv(tmp_path / "faces.csv")
    assert read["frame"].tolist() == [7, 7, 8] and read["time"].tolist() == [0.28, 0.28, 0.32]
    assert read["reason"].isna().tolist() == [True, True, False]
    table.close()


@pytest.mark.parametrize("cut", [0, 1, 40, 300])
def test_resume_keeps_whole_files_and_reads_the_last_one_again(tmp_path, faces, cut):
    path = tmp_path / "faces.csv"
    table = FaceTable(path)
    for name in ("a\nnew line.jpg", "b.jpg", os.fsdecode(b"\xff.jpg"), "d.jpg"):
        table.add(faces, file=name)
    table.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    table = FaceTable(path, resume=True)
    assert {"a\nnew line.jpg", "b.jpg"} <= table.done and "d.jpg" not in table.done
    for name in (os.fsdecode(b"\xff.jpg"), "d.jpg"):
        if name not in table.done:
            table.add(faces, file=name)
    table.close()
    assert path.read_bytes() == whole


def test_resume_without_a_table_begins_one_and_without_resume_a_table_begins_anew(tmp_path, faces):
    path = tmp_path / "faces.csv"
    for resume in (True, False):
        table = FaceTable(path, resume=resume)
        assert table.done == set()
        table.add(faces, file="a.jpg")
        table.close()
        with path.open() as lines:
            assert len(list(csv.reader(lines))) == 3


def test_resume_refuses_another_table(tmp_path):
    (tmp_path / "other.csv").write_text("name,age\nme,7\n")
    with pytest.raises(ValueError, match=r"other.csv is no table of this program: give another --csv"):
        FaceTable(tmp_path / "other.csv", resume=True)
    assert (tmp_path / "other.csv").read_text() == "name,age\nme,7\n"
