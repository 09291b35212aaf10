import datetime
import io

import numpy as np
import pytest
from fake_reader import FakeReader, picture
from PIL import Image

from src.predict.photos import PhotoError
from src.study import notebooks
from src.study.notebooks import above, check_parameters, file_name, folder_name, names_of, one_of, whole

ONE = picture((80, 60, 40, 200))
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


# ---------------------------------------------------------------- the photo booth


@pytest.fixture
def shown(monkeypatch):
    """The figures that were displayed."""
    shown = []
    monkeypatch.setattr(notebooks, "display", shown.append)
    return shown


def buttons(**options):
    row, _ = notebooks.photo_booth(FakeReader(), **options).children
    return row.children


def uploaded(content, name="me.jpg"):
    when = datetime.datetime.now(datetime.UTC)
    file = {"name": name, "type": "image/jpeg", "size": len(content), "last_modified": when}
    return ({**file, "content": memoryview(content)},)


def titles(figure):
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def test_each_upload_redraws_the_board(shown):
    upload, _ = buttons()
    for grey, emotion in ((200, "happiness"), (110, "anger")):
        content = io.BytesIO()
        Image.fromarray(picture((80, 60, 40, grey))).save(content, "PNG")
        upload.value = uploaded(content.getvalue())
        assert titles(shown[-1]) == [f"0: {emotion} 80%"]
    assert len(shown) == 2


def test_an_upload_that_is_no_picture_is_said_in_words(shown, capsys):
    upload, _ = buttons()
    upload.value = uploaded(b"not a picture", "notes.txt")
    assert "notes.txt is not a picture" in capsys.readouterr().out and not shown


def test_the_camera_button_reads_one_picture(shown, monkeypatch):
    monkeypatch.setattr(notebooks, "camera_photo", lambda camera: ONE if camera == 3 else None)
    _, take = buttons(camera=3)
    take.click()
    assert titles(shown[0]) == ["0: happiness 80%"]


def test_a_missing_camera_is_said_in_words(shown, capsys):
    _, take = buttons(camera=97)
    take.click()
    assert "There is no camera 97" in capsys.readouterr().out and not shown


class FakeVideo:
    def __init__(self, pictures):
        self.pictures, self.closed = pictures, False

    def __iter__(self):
        return iter(enumerate(self.pictures))

    def close(self):
        self.closed = True


def test_a_camera_is_given_time_for_its_exposure_and_closed(monkeypatch):
    video = FakeVideo([np.full((4, 4, 3), i, np.uint8) for i in range(50)])
    monkeypatch.setattr(notebooks, "Video", lambda camera: video)
    assert notebooks.camera_photo(0)[0, 0, 0] == notebooks.WARM_UP - 1 and video.closed
    monkeypatch.setattr(notebooks, "Video", lambda camera: FakeVideo([]))
    with pytest.raises(PhotoError, match="Camera 2 gives no picture"):
        notebooks.camera_photo(2)
