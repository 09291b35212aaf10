import pytest

from src.data.datasets import sample_keypoints
from src.study.notebooks import (
    above,
    check_faces,
    check_parameters,
    file_name,
    folder_name,
    names_of,
    one_of,
    whole,
)

RULES = {
    "data": one_of("sample", "real"),
    "run": folder_name,
    "recipes": names_of(("small", "compact")),
    "epochs": whole(1, or_none=True),
    "learning_rate": above(0, or_none=True),
}
GOOD = {"data": "sample", "run": "quick", "recipes": "small compact", "epochs": None, "learning_rate": 1e-3}


def check(injected="", **changes):
    """As in a notebook where papermill injected a cell."""
    check_parameters({**GOOD, **changes, "In": ["", "import os", f"# Parameters\n{injected}\n"]}, **RULES)


def test_good_parameters_pass():
    check('data = "sample"\nrun = "full-2_b"', run="full-2_b", epochs=3, learning_rate=1)
    check_parameters(GOOD, **RULES)


def test_an_unknown_name_is_refused_with_the_one_that_was_meant():
    with pytest.raises(ValueError, match=r"no parameter 'learning_rat'; did you mean learning_rate\?"):
        check("learning_rat = 0.1")
    with pytest.raises(ValueError, match="no parameter 'xyz'; there are: data, run, recipes, epochs, learning_rate"):
        check("data = 'real'\nxyz = 1")


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("data", "reel", r"data is 'reel'; it may be 'sample' or 'real'\."),
        ("run", "../up", "run is '../up'; it must be a folder name"),
        ("run", "", "folder name"),
        ("recipes", "small big", "must be names out of small, compact, separated by spaces"),
        ("recipes", "small small", "must be names out of"),
        ("recipes", "", "must be names out of"),
        ("epochs", 0, "epochs is 0; it must be a whole number of at least 1 or None"),
        ("epochs", 2.0, "whole number"),
        ("epochs", True, "whole number"),
        ("learning_rate", 0, "learning_rate is 0; it must be a number above 0 or None"),
        ("learning_rate", float("nan"), "number above 0"),
        ("learning_rate", "0.1", "number above 0"),
    ],
)
def test_a_wrong_value_is_refused_in_words(name, value, words):
    with pytest.raises(ValueError, match=words):
        check(**{name: value})


def test_a_file_is_there_or_none_is_given(tmp_path):
    (tmp_path / "me.jpg").touch()
    for path in ("", str(tmp_path / "me.jpg")):
        check_parameters({"photo": path}, photo=file_name)
    for wrong in (str(tmp_path), str(tmp_path / "you.jpg"), 7):
        with pytest.raises(ValueError, match="it must be the path of a file, or empty"):
            check_parameters({"photo": wrong}, photo=file_name)


def test_what_the_data_lacks_is_said_and_what_is_needed_must_be_there(capsys):
    faces = sample_keypoints(40, seed=0)
    check_faces(faces, "Training", "Validation")
    said = "Keypoints cannot be tested on HELEN's photos: there are no such faces in HelenTest.\n"
    assert capsys.readouterr().out == said
    with pytest.raises(ValueError, match=r"^This notebook needs Training and HelenTest faces; write a file"):
        check_faces(faces.split("Test"), "Training", "Test", "HelenTest")


# ---------------------------------------------------------------- the board of a photo
