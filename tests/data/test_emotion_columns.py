"""Emotion codes: read where they mean one thing, refused where they could mean two, written so that they mean one."""

import pytest
from face_files import FACES, text, write

from src.data.convert import emotion_rows, write_emotions
from src.data.csv_files import DataError
from src.data.datasets import load_emotions, load_repeated_emotions
from src.data.emotion_columns import read_two_ways, write_codes
from src.labels import ALL_EMOTIONS, EMOTIONS, FER_CODES

BOTH = "codes 2 and 4 are sad and surprise if they are the original study's five, fear and sad if they are FER2013's"


def emotion_file(folder, codes, usage="Training"):
    rows = [(code, *([usage] if usage else []), text(FACES[i])) for i, code in enumerate(codes)]
    return write(folder / "fer2013.csv", ("emotion", *(["Usage"] if usage else []), "pixels"), rows)


def names(faces):
    return [ALL_EMOTIONS[label] for label in faces.labels]


@pytest.mark.parametrize(
    ("codes", "two"),
    [
        ({0, 1, 2, 3, 4}, True),
        ({4}, True),
        ({2.0, 0.0}, True),
        ({2, 9, float("nan")}, True),
        ({0, 1, 3}, False),  # the same in both
        ({0, 2, 5}, False),
        ({0, 4, 6}, False),
        (set(), False),
    ],
)
def test_codes_that_could_mean_two_things(codes, two):
    assert read_two_ways(codes) == two


@pytest.mark.parametrize("usage", ["Training", None])
@pytest.mark.parametrize("codes", [range(5), ["0.0", "2.0"], [4, "happiness"]])
def test_a_file_that_can_be_read_two_ways_is_refused_everywhere(tmp_path, codes, usage):
    path = emotion_file(tmp_path, codes, usage)
    for load in (load_emotions, load_repeated_emotions, lambda path: load_emotions(path, strict=False)):
        with pytest.raises(DataError, match=BOTH) as error:
            load(path)
        assert str(error.value).startswith(f"{path} can be read two ways")
        assert str(error.value).endswith("`python DownloadData.py --from FOLDER --codes five` or `--codes seven`.")


@pytest.mark.parametrize(
    ("codes", "expected"),
    [
        (range(7), FER_CODES),
        ([0, 3], ["anger", "happiness"]),
        (["3.0", "5.00", "6"], ["happiness", "surprise", "neutral"]),
        (["sad", "fear", "happiness"], ["sad", "fear", "happiness"]),
        (["sad", 0, 5], ["sad", "anger", "surprise"]),
    ],
)
@pytest.mark.parametrize("usage", ["Training", None])
def test_a_file_that_can_be_read_one_way_is_read(tmp_path, codes, expected, usage):
    path = emotion_file(tmp_path, codes, usage)
    assert names(load_repeated_emotions(path)) == names(load_emotions(path)) == list(expected)


@pytest.mark.parametrize(("reading", "meaning"), [("five", EMOTIONS), ("seven", FER_CODES[:5])])
def test_who_says_what_the_codes_are_is_believed_and_need_not_say_it_again(tmp_path, reading, meaning):
    faces = load_repeated_emotions(emotion_file(tmp_path, range(5)), reading)
    assert names(faces) == list(meaning)
    target = tmp_path / "written.csv"
    write_emotions(target, emotion_rows(faces), faces.votes)
    assert names(load_emotions(target)) == names(load_repeated_emotions(target)) == list(meaning)


def test_codes_that_contradict_what_they_are_said_to_be_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"line 7: emotion '5' is no emotion code of 0..4, nor one of anger"):
        load_repeated_emotions(emotion_file(tmp_path, range(7)), "five")


def test_names_are_written_only_where_codes_could_be_read_two_ways():
    assert write_codes([0, 6, 4]) == ["0", "6", "4"]
    assert write_codes([3, 0, 1]) == ["3", "0", "1"]
    assert write_codes(iter([3, 4, 2])) == ["happiness", "sad", "fear"]
