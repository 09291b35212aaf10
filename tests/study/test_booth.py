import datetime
import io

import numpy as np
import pytest
from fake_reader import FakeReader, picture
from PIL import Image

from src.study import notebooks as booth
from src.predict.photos import PhotoError

ONE = picture((80, 60, 40, 200))


@pytest.fixture
def shown(monkeypatch):
    """The figures that were displayed."""
    shown = []
    monkeypatch.setattr(booth, "display", shown.append)
    return shown


def buttons(**options):
    row, _ = booth.photo_booth(FakeReader(), **options).children
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
    monkeypatch.setattr(booth, "camera_photo", lambda camera: ONE if camera == 3 else None)
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
    monkeypatch.setattr(booth, "Video", lambda camera: video)
    assert booth.camera_photo(0)[0, 0, 0] == booth.WARM_UP - 1 and video.closed
    monkeypatch.setattr(booth, "Video", lambda camera: FakeVideo([]))
    with pytest.raises(PhotoError, match="Camera 2 gives no picture"):
        booth.camera_photo(2)
