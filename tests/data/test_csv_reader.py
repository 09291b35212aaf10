import numpy as np
import pytest
from face_files import (
    BIG_FACES,
    FACES,
    RNG,
    keypoint_rows,
    text,
    write,
    write_keypoints,
)

from src.data.datasets import DataError, load_emotions, load_keypoints


def bad_pixels(change):
    return lambda row: row.__setitem__(2, change(row[2]))


EMOTION_ERRORS = {
    "2303 grey values where 2304 belong": bad_pixels(lambda pixels: pixels.rsplit(" ", 1)[0]),
    "2305 grey values where 2304 belong": bad_pixels(lambda pixels: pixels + " 0"),
    "grey value 256 is outside 0..255": bad_pixels(lambda pixels: "256 " + pixels.split(" ", 1)[1]),
    "grey value -1 is outside 0..255": bad_pixels(lambda pixels: "-1 " + pixels.split(" ", 1)[1]),
    "grey value 'x' is not a whole number": bad_pixels(lambda pixels: "x " + pixels.split(" ", 1)[1]),
    "emotion '7' is no emotion code of 0..6": lambda row: row.__setitem__(0, 7),
    "emotion 'sad' is not a number": lambda row: row.__setitem__(0, "sad"),
    "Usage 'Train' is none of": lambda row: row.__setitem__(1, "Train"),
    "4 fields where the header names 3": lambda row: row.append("more"),
    "2 fields where the header names 3": lambda row: row.pop(1),
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
    np.savez(tmp_path / "wide_faces.npz", images=wide)
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
        (None, "cannot be read"),
        (b"", "is empty"),
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
