"""CSV files of faces: what is wrong is said, grey values are read exactly, and the second reading is from the cache."""

import errno
import gzip
import os
import warnings
from pathlib import Path

import numpy as np
import pytest
from face_files import BIG_FACES, FACES, POINTS, RNG, keypoint_rows, text, write, write_emotions, write_keypoints

from src.data import csv_files, datasets
from src.data.csv_files import DataError, parse_rows
from src.data.datasets import load_emotions, load_keypoints
from src.labels import ALL_EMOTIONS

COUNT = 6  # grey values of a short row


def bad_pixels(change):
    return lambda row: row.__setitem__(2, change(row[2]))


EMOTION_ERRORS = {
    "2303 grey values where 2304 belong": bad_pixels(lambda pixels: pixels.rsplit(" ", 1)[0]),
    "2305 grey values where 2304 belong": bad_pixels(lambda pixels: pixels + " 0"),
    "grey value 256 is outside 0..255": bad_pixels(lambda pixels: "256 " + pixels.split(" ", 1)[1]),
    "grey value -1 is outside 0..255": bad_pixels(lambda pixels: "-1 " + pixels.split(" ", 1)[1]),
    "grey value 'x' is not a whole number": bad_pixels(lambda pixels: "x " + pixels.split(" ", 1)[1]),
    "grey value '0.5' is not a whole number (0..1 times 255, rounded, is one)": bad_pixels(lambda _: "0.5 " * 2304),
    "emotion '7' is no emotion code of 0..6": lambda row: row.__setitem__(0, 7),
    "emotion '3.5' is no emotion code of 0..6": lambda row: row.__setitem__(0, "3.5"),
    "emotion '' is no emotion code of 0..6": lambda row: row.__setitem__(0, ""),
    "emotion '3\\x00' is no emotion code of 0..6": lambda row: row.__setitem__(0, "3\0"),
    "emotion 'happy' is no emotion code of 0..6, nor one of anger": lambda row: row.__setitem__(0, "happy"),
    "Usage 'Train' is none of": lambda row: row.__setitem__(1, "Train"),
    "4 fields where the header names 3": lambda row: row.append("more"),
    "2 fields where the header names 3": lambda row: row.pop(1),
    "1 fields where the header names 3": lambda row: row.__setitem__(0, '"3'),  # the quote is never closed
}


@pytest.mark.parametrize("reason", EMOTION_ERRORS)
def test_emotion_row_errors_are_refused_or_dropped(tmp_path, reason):
    rows = [[i % 7, "Training", text(FACES[i])] for i in range(10)]
    EMOTION_ERRORS[reason](rows[4])
    path = write(tmp_path / "faces.csv", ("emotion", " Usage", " pixels"), rows)
    with pytest.raises(DataError) as error:
        load_emotions(path)
    assert str(error.value).startswith(f"{path}, line 6: {reason}")
    assert "strict=False" in str(error.value)
    with pytest.warns(UserWarning, match="line 6: .*; 1 of 10 rows dropped"):
        data = load_emotions(path, strict=False)
    np.testing.assert_array_equal(data.images, np.delete(FACES[:10], 4, axis=0))
    with pytest.raises(DataError):  # what was let pass once is not kept
        load_emotions(path)


@pytest.mark.parametrize(
    ("column", "value", "reason"),
    [
        (3, "103.5", "right_eye_center_y '103.5' is more than 8 px outside the frame"),
        (0, "-8.01", "left_eye_center_x '-8.01' is more than 8 px outside the frame"),
        (0, "inf", "left_eye_center_x 'inf' is more than 8 px outside the frame"),
        (29, "12,5", "34 fields where the header names 33"),
        (29, "12;5", "mouth_center_bottom_lip_y '12;5' is not a number"),
        (31, "PrivateTest", "Usage 'PrivateTest' is none of"),
        (32, "", "Subject '' names nobody"),
    ],
)
def test_keypoint_row_errors_are_refused_or_dropped(tmp_path, column, value, reason):
    rows = keypoint_rows()
    rows[7][column] = value
    path = write_keypoints(tmp_path, rows)
    wide = RNG.integers(0, 256, (12, 144, 144), dtype=np.uint8)
    np.savez(tmp_path / "wide_faces.npz", images=wide, landmarks_px=np.zeros((12, 68, 2), np.float32))
    with pytest.raises(DataError) as error:
        load_keypoints(path)
    assert str(error.value).startswith(f"{path}, line 9: {reason}")
    with pytest.warns(UserWarning, match="1 of 12 rows dropped"):
        data = load_keypoints(path, strict=False)
    np.testing.assert_array_equal(data.images, np.delete(BIG_FACES, 7, axis=0))
    np.testing.assert_array_equal(data.wide, np.delete(wide, 7, axis=0))


def test_line_numbers_count_empty_lines_and_go_on_after_the_first_block(tmp_path):
    rows = [[i % 7, "Training", text(FACES[i % 40])] for i in range(120)]  # about 1 MB
    rows[100][2] = "1 2 3"
    rows.insert(50, ())
    path = write(tmp_path / "faces.csv", ("emotion", "Usage", "pixels"), rows)
    with pytest.raises(DataError, match="line 103: 3 grey values"):
        load_emotions(path)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "is missing; write it with `python DownloadData.py`"),
        (b"", "is empty"),
        (gzip.compress(b"emotion,pixels\n", mtime=0), "is packed with gzip; unpack it first"),
        (b"PK\x03\x04 and so on", "is a ZIP archive or a workbook; unpack it, or save it as CSV"),
        ("emotion,pixels\n".encode("utf-16"), "is text in UTF-16; save it in UTF-8"),
        ("\ufeffemotion,pixels\n".encode("utf-16-be"), "is text in UTF-16; save it in UTF-8"),
        (b"emotion,pixels,emotion\n3,1,3\n", "line 1: column emotion stands twice; leave one of them"),
        (b"emotion,pixels, Usage,Usage\n3,1,,\n", "line 1: column Usage stands twice; leave one of them"),
        (b"emotion, Usage, pixels\n\n", "holds no rows"),
        (b"emotion,Usage\n3,Training\n", "line 1: column pixels is missing"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "line 1: column emotion is missing"),
        (b"emotion,pixels\n3,1 2 3", "line 2: 3 grey values where 2304 belong"),
    ],
)
@pytest.mark.parametrize("strict", [True, False])
def test_unusable_files_are_refused_in_one_sentence(tmp_path, content, reason, strict):
    path = tmp_path / "faces.csv"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=reason) as error:
        load_emotions(path, strict=strict)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_what_hinders_reading_is_told_as_it_is(tmp_path, monkeypatch):
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\); mend this and call again\.$"):
        load_emotions(tmp_path)
    path = write_emotions(tmp_path, [3], ["Training"])

    def refuse(*_):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)  # a folder's owner, such as root, may read whatever its mode says
    with pytest.raises(DataError, match=r"csv cannot be read \(Permission denied\); mend this and call again\.$"):
        load_emotions(path)


def test_a_path_stays_on_one_line(tmp_path):
    with pytest.raises(DataError, match=r"a\\nb\\rc\.csv is missing"):
        load_emotions(tmp_path / "a\nb\rc.csv")


def test_a_million_columns_that_nobody_needs_are_passed_over(tmp_path):
    header, rows = ("emotion", "pixels", *["x"] * 10**6), [(6, text(FACES[0]), *[1] * 10**6)]
    np.testing.assert_array_equal(load_emotions(write(tmp_path / "wide.csv", header, rows)).images, FACES[:1])


# ---------------------------------------------------------------- units


NORMALIZED = "its keypoints are not in px of 96x96, but in 0..1 or -1..1: multiply by 96, or add 1 and multiply by 48"


@pytest.mark.parametrize("change", [lambda px: px / 96, lambda px: px / 48 - 1], ids=["0..1", "-1..1"])
def test_normalized_keypoints_are_refused(tmp_path, change):
    rows = keypoint_rows()
    rows[7][:30] = change(POINTS[7])
    with pytest.raises(DataError, match=f"data.csv, line 9: {NORMALIZED}; correct the file"):
        load_keypoints(write_keypoints(tmp_path, rows))
    for row, points in zip(rows, POINTS, strict=True):
        row[:30] = change(points)
    with pytest.raises(DataError, match=rf"data.csv, line 2: {NORMALIZED} \(12 rows have errors\)"):
        load_keypoints(write_keypoints(tmp_path, rows))


def test_keypoints_in_px_are_never_taken_for_normalized_ones(tmp_path):
    rows = keypoint_rows()
    rows[0][:30] = [0.5] * 29 + [30.0]  # nearly all in the corner
    rows[1][:30] = [0.5, 0.7] + [""] * 28  # one point, and in the corner
    np.testing.assert_array_equal(
        load_keypoints(write_keypoints(tmp_path, rows)).keypoints_px[1, 0], np.float32([0.5, 0.7])
    )


def test_grey_values_of_0_and_1_are_refused_but_a_black_face_is_not(tmp_path):
    images = FACES[:3] // 128
    path = write_emotions(tmp_path, [0, 3, 6], ["Training"] * 3, images)
    with pytest.raises(DataError, match=r"line 2: no grey value of this row or any other is above 1; multiply 0..1 by"):
        load_emotions(path)
    images[2] = FACES[2]
    np.testing.assert_array_equal(
        load_emotions(write_emotions(tmp_path, [0, 3, 6], ["Training"] * 3, images)).images, images
    )


# ---------------------------------------------------------------- grey values


def test_plain_rows_are_read_exactly_by_the_fast_way():
    values = np.random.default_rng(0).integers(0, 256, (400, 64), dtype=np.uint8)
    values[:4] = np.arange(256).reshape(4, 64)
    for rows in (values, values[:1], values[:7]):
        texts = [" ".join(map(str, row)).encode() for row in rows]
        parsed, faults = parse_rows(texts, 64)
        assert parsed.dtype == np.uint8
        assert not faults
        np.testing.assert_array_equal(csv_files._parse_plain(texts, 64), rows)
        np.testing.assert_array_equal(parsed, rows)


@pytest.mark.parametrize(
    "text", [b"1  20 255 0 7 9", b"01 20 255 000 7 9", b"1\t20 255 0 7\x0b9", b"0" * 5000 + b"1 20 255 0 7 9"]
)
def test_unusual_but_clear_rows_are_read(text):
    parsed, faults = parse_rows([b"9 8 7 6 5 4", text], COUNT)
    assert not faults
    np.testing.assert_array_equal(parsed, [[9, 8, 7, 6, 5, 4], [1, 20, 255, 0, 7, 9]])


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"1 2 3 4 5", "5 grey values where 6 belong"),
        (b"1 2 3 4 5 6 7", "7 grey values where 6 belong"),
        (b"", "0 grey values where 6 belong"),
        (b"1 2 256 4 5 6", "256 is outside 0..255"),
        (b"1 2 299 4 5 6", "299 is outside 0..255"),
        (b"1 2 300 4 5 6", "300 is outside 0..255"),
        (b"1 2 999 4 5 6", "999 is outside 0..255"),
        (b"1 2 1001 4 5 6", "1001 is outside 0..255"),
        (b"1 2 99999999999 4 5 6", "99999999999 is outside 0..255"),
        (b"1 2 " + b"9" * 5000 + b" 4 5 6", f"grey value {'9' * 40} is outside 0..255"),
        (b"1 2 65546 4 5 6", "65546 is outside 0..255"),
        (b"1 2 -3 4 5 6", "-3 is outside 0..255"),
        (b"1 2.3 4 5 6", "'2.3' is not a whole number"),
        (b"1 2 3 4 5 6.", "'6.' is not a whole number"),
        (b"1 2 nan 4 5 6", "'nan' is not a whole number"),
        (b"1 2 \x133 4 5 6", "is not a whole number"),
        (b"1 2 3_0 4 5 6", "'3_0' is not a whole number"),
        (b"1,2 3 4 5 6", "'1,2' is not a whole number"),
        (b"# 2 3 4 5 6", "'#' is not a whole number"),
    ],
)
def test_a_row_in_error_is_named_and_leaves_the_others_alone(text, reason, capfd):
    parsed, faults = parse_rows([b"10 20 30 40 50 60", text, b"255 0 255 0 255 0"], COUNT)
    assert list(faults) == [1]
    assert reason in faults[1]
    np.testing.assert_array_equal(parsed[[0, 2]], [[10, 20, 30, 40, 50, 60], [255, 0, 255, 0, 255, 0]])
    assert capfd.readouterr() == ("", "")  # OpenCV, too, keeps quiet


@pytest.mark.parametrize(
    "texts",
    [
        [b"1 2 3 4 5", b"1 2 3 4 5 6 7"],
        [b"001 2 3 4 5", b"1 2 3 4 5 6 7"],
        [b"1 2 3 4 5 6 7", b"1 2 3  4 5"],
        [b"07  1 2 3 4", b"1 2 3 4 5 6"],
        [b"1,2 3 4 5 6", b"1 2 3 4 5  6"],
        [b"1 2 3 4 5 6", b"1.2 3 4 5 6"],
    ],
)
def test_errors_of_two_rows_do_not_cancel_out(texts):
    _, faults = parse_rows(texts, COUNT)
    assert faults
    for row, words in enumerate(map(bytes.split, texts)):
        assert (row in faults) == (len(words) != COUNT)


# ---------------------------------------------------------------- cache


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
        (load_emotions, lambda folder: write_emotions(folder, [3, 6, 1], ["Training", "PublicTest", "Training"])),
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
    path = write_emotions(tmp_path, [3, 6], ["Training", "PublicTest"])
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
    assert not list(tmp_path.glob("part_*"))
