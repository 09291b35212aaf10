import numpy as np
import pytest

from src.data import csv_files as grey_text
from src.data.csv_files import parse_rows

COUNT = 6


def test_plain_rows_are_read_exactly_by_the_fast_way(monkeypatch):
    monkeypatch.delattr(grey_text, "_parse_row")
    values = np.random.default_rng(0).integers(0, 256, (400, 64), dtype=np.uint8)
    values[:4] = np.arange(256).reshape(4, 64)
    for rows in (values, values[:1], values[:7]):
        parsed, faults = parse_rows([" ".join(map(str, row)).encode() for row in rows], 64)
        assert parsed.dtype == np.uint8
        assert not faults
        np.testing.assert_array_equal(parsed, rows)


@pytest.mark.parametrize("text", [b"1  20 255 0 7 9", b"01 20 255 000 7 9", b"1\t20 255 0 7\x0b9"])
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
    for row, text in enumerate(texts):
        assert (row in faults) == (len(text.split()) != COUNT)
