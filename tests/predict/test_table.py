import csv
import os

import numpy as np
import pandas as pd
import pytest
from fake_reader import FakeReader, picture

from src.files import as_text
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


@pytest.mark.parametrize(
    "values",
    [
        {"file": "a.jpg", "reason": "is no picture"},
        {"file": 'a, "b"\nc.jpg', "reason": "no face"},
        {"file": "Icon\r", "reason": "no face, nowhere"},
        {"file": "v.mp4", "frame": 7, "time": 0.28, "reason": "no face"},
        {"file": "v.mp4", "frame": np.int64(8), "time": np.float64(1 / 3), "reason": "no face"},
        {"file": "v.mp4", "frame": 9, "time": float("nan"), "reason": ""},
        {"file": "0\r", "frame": 9, "time": 3.0, "reason": "no face"},
    ],
)
def test_a_row_without_a_face_is_written_as_pandas_would(tmp_path, values):
    table = FaceTable(tmp_path / "faces.csv")
    table.add(None, **values)
    table.close()
    quoting = csv.QUOTE_ALL if "\r" in values["file"] else csv.QUOTE_MINIMAL
    row = pd.DataFrame([values]).reindex(columns=COLUMNS)
    expected = row.to_csv(index=False, header=False, float_format="%.4f", quoting=quoting, lineterminator="\n")
    assert (tmp_path / "faces.csv").read_bytes().decode() == ",".join(COLUMNS) + "\n" + expected


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
    for name in ("a\nnew line.jpg", "b.jpg", "c\r.jpg", "d.jpg"):
        table.add(faces, file=name)
    table.close()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) - cut])
    table = FaceTable(path, resume=True)
    assert {"a\nnew line.jpg", "b.jpg"} <= table.done and "d.jpg" not in table.done
    for name in ("c\r.jpg", "d.jpg"):
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


@pytest.mark.parametrize("resume", [True, False])
def test_a_file_that_is_another_table_is_never_touched(tmp_path, resume):
    path = tmp_path / "fer2013.csv"
    path.write_text("emotion,pixels\n0,1 2 3\n")
    with pytest.raises(OSError, match=rf"{tmp_path.name} cannot be written \(Is a directory\): give another --csv"):
        FaceTable(tmp_path, resume=resume)
    with pytest.raises(ValueError, match=r"fer2013.csv is there already and no table of this program: give another"):
        FaceTable(path, resume=resume)
    assert path.read_text() == "emotion,pixels\n0,1 2 3\n"


def test_a_table_of_an_older_version_begins_anew_but_is_not_continued(tmp_path, faces):
    path = tmp_path / "faces.csv"
    old = ",".join(name for name in COLUMNS if name != "found_by") + "\n"
    path.write_text(old)
    with pytest.raises(ValueError, match="of another version of this program: leave --resume out"):
        FaceTable(path, resume=True)
    assert path.read_text() == old
    FaceTable(path).close()
    assert path.read_text() == ",".join(COLUMNS) + "\n"


def test_a_table_is_written_by_one_run_at_a_time(tmp_path, faces):
    path = tmp_path / "faces.csv"
    first = FaceTable(path)
    first.add(faces, file="a.jpg")
    content = path.read_bytes()
    for resume in (True, False):
        with pytest.raises(ValueError, match=r"faces.csv is written by another run: wait for it or give another --csv"):
            FaceTable(path, resume=resume)
    assert path.read_bytes() == content
    first.close()
    FaceTable(path, resume=True).close()


def test_a_name_of_any_bytes_is_one_row_and_read_back(tmp_path, faces):
    names = ["Icon\r", "two\nlines", 'a\r\n,"b"', as_text(os.fsdecode(b"caf\xe9.mp4"))]
    table = FaceTable(tmp_path / "faces.csv")
    for name in names:
        table.add(faces[:1], file=name)
        table.add(None, "no face", file=name)
    table.close()
    read = pd.read_csv(tmp_path / "faces.csv")
    assert read["file"].tolist() == [name for name in names for _ in range(2)] and names[3] == "caf\\xe9.mp4"
    assert read["reason"].isna().tolist() == [True, False] * 4 and read["p_sad"].notna().tolist() == [True, False] * 4
    table = FaceTable(tmp_path / "faces.csv", resume=True)
    assert table.done == set(names[:3])
    table.close()


def test_a_full_disk_leaves_whole_rows_and_is_said(tmp_path, faces):
    path = tmp_path / "faces.csv"
    table = FaceTable(path)
    table.add(faces, file="a.jpg")
    whole, out = path.read_bytes(), table._out

    class Full:
        """Takes a part of a row, then has no space."""

        def write(self, content):
            if len(content) < 100:
                raise OSError(28, "No space left on device")
            return out.write(content[: len(content) - 50])

        truncate = out.truncate

    table._out = Full()
    with pytest.raises(OSError, match=r"faces.csv could not be written \(No space left .*\): free .* --resume"):
        table.add(faces, file="b.jpg")
    assert path.read_bytes() == whole
    out.close()
