import io
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from fake_reader import bomb, picture
from live.looking_reader import LookingReader
from PIL import Image

from src.figures.board import is_made_here
from src.live import booth
from src.live.booth import PhotoBooth, backends_of, camera_photo, example, write_new
from src.predict.networks import digest_of
from src.predict.photos import PhotoError

ONE, TWO = picture((80, 60, 40, 200)), picture((40, 60, 40, 110), (120, 60, 30, 230))
AT_REST = {"blur": 0, "light": 1, "turn": 0}


class Page:
    """Asks a booth as booth.js does; `ask` gives the answer and its pictures."""

    def __init__(self, folder, **options):
        self.booth = PhotoBooth(folder, folder / "own_photo", LookingReader(), **options)
        self.booth.send = lambda answer, pictures: setattr(self, "answer", (answer, pictures))

    def ask(self, ask, buffers=(), **question):
        self.booth._asked(None, {"ask": ask, "id": "7", **question}, list(buffers))
        assert self.answer[0].pop("id") == "7"
        return self.answer

    def upload(self, content, name="me.png", part=1000):
        for number, start in enumerate(range(0, len(content), part)):
            assert self.ask("part", [memoryview(content[start : start + part])], number=number) == ({}, [])
        return self.ask("file", name=name)


@pytest.fixture
def page(tmp_path):
    return Page(tmp_path)


def as_file(photo, ending="PNG"):
    content = io.BytesIO()
    Image.fromarray(photo).save(content, ending)
    return content.getvalue()


def opened(content):
    return cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)


# ---------------------------------------------------------------- photos


def test_a_file_in_parts_is_read_and_its_faces_are_shown(page):
    answer, pictures = page.upload(as_file(ONE), part=100)
    (face,) = answer["faces"]
    assert (answer["width"], answer["height"], answer["first"], answer["note"]) == (160, 120, 0, "")
    assert (face["face"], face["emotion"], face["sure"], face["confidence"]) == (0, "happiness", True, 0.8)
    assert face["shares"] == [0.05, 0.05, 0.05, 0.8, 0.05]
    assert face["box"] == [59.5, 39.5, 99.5, 79.5] and np.shape(face["points"]) == (15, 2)
    photo, crop = map(opened, pictures)
    assert photo.shape == (120, 160, 3) and crop.shape == (96, 96, 3)
    assert abs(photo[60, 80].astype(int) - 200).max() < 5 and abs(crop[48, 48].astype(int) - 200).max() < 5


def test_the_faces_of_several_photos_are_counted_on(page):
    page.upload(as_file(ONE))
    answer, pictures = page.upload(as_file(TWO), "two <b>.png")
    assert answer["first"] == 1 and len(pictures) == 3
    assert [face["emotion"] for face in answer["faces"]] == ["anger", "surprise"]
    assert "two &lt;b&gt;.png" in answer["table"] and answer["table"].count("<tr>") == 3


def test_a_large_photo_is_sent_small(page):
    answer, (photo,) = page.upload(as_file(np.full((1000, 3000, 3), 20, np.uint8)))
    assert opened(photo).shape == (400, 1200, 3) and answer["width"] == 3000 and answer["faces"] == []


def test_of_an_animation_the_first_frame_is_read(page):
    frames = [Image.fromarray(it) for it in (ONE, TWO)]
    content = io.BytesIO()
    frames[0].save(content, "GIF", save_all=True, append_images=frames[1:])
    answer, _ = page.upload(content.getvalue(), "wave.gif")
    assert len(answer["faces"]) == 1 and "the first of 2 frames was read" in answer["note"]


def test_bad_files_are_told_in_a_sentence_and_the_others_read(page, tmp_path):
    bomb(tmp_path / "bomb.png")
    for content, name, words in [
        (b"just a text", "notes.jpg", "notes.jpg is not a picture: give"),
        (b"", "empty.jpg", "empty.jpg is empty: copy it again"),
        ((tmp_path / "bomb.png").read_bytes(), "bomb.png", "bomb.png has too many pixels: give it smaller"),
    ]:
        answer, pictures = page.upload(content, name)
        assert answer["problem"].startswith(words) and not pictures
    assert len(page.upload(as_file(ONE))[0]["faces"]) == 1
    _, (table,) = page.ask("save", board=False)
    rows = pd.read_csv(io.BytesIO(table), keep_default_na=False)
    assert b"\nme.png,,,0,59.5000," in table  # a whole number beside rows without one
    assert rows["file"].tolist() == ["notes.jpg", "empty.jpg", "bomb.png", "me.png"]
    assert rows["reason"][2].startswith("bomb.png has too many pixels") and rows["emotion"][3] == "happiness"


@pytest.mark.parametrize(
    ("error", "words"),
    [(MemoryError(), "me.png needs too much memory: give it smaller"), (cv2.error("resize failed"), "resize failed")],
)
def test_what_fails_in_reading_is_told(page, monkeypatch, error, words):
    def fail(photo):
        raise error

    monkeypatch.setattr(page.booth._reader, "read_photo", fail)
    assert words in page.upload(as_file(ONE))[0]["problem"]


def test_a_fault_of_the_program_leaves_the_page_an_answer(page):
    with pytest.raises(IndexError):
        page.ask("face", number=0, face=0, **AT_REST)
    assert page.answer[0]["problem"].startswith("This went wrong")


def test_the_examples(page):
    portrait, drawn, others = map(example, range(3))
    assert portrait.shape == (512, 512, 3) and drawn.shape == (384, 768, 3) and (drawn != others).any()
    assert page.ask("example", number=1)[0]["width"] == 768
    assert [name for name, _ in page.booth.offer["examples"]] == list(booth.EXAMPLES)


def test_booths_share_nothing(page, tmp_path):
    page.upload(as_file(ONE))
    other = Page(tmp_path)
    assert other.upload(as_file(TWO))[0]["first"] == 0
    assert page.upload(as_file(TWO))[0]["first"] == 1


# ---------------------------------------------------------------- cameras


def test_a_face_before_the_camera_keeps_its_number(page, monkeypatch):
    monkeypatch.setattr(booth, "time", SimpleNamespace(monotonic=iter((5.0, 5.1, 5.2)).__next__))
    for x, grey in ((80, 200), (84, 200), (88, 110)):
        answer, pictures = page.ask("frame", [as_file(picture((x, 60, 40, grey)), "JPEG")])
        (face,) = answer["faces"]
        assert face["face"] == 0 and abs(face["box"][0] - (x - 20.5)) < 1 and not pictures
    assert face["emotion"] == "happiness" and face["shares"][0] == pytest.approx(0.3, abs=1e-3)  # of three frames


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
    assert camera_photo(0)[0, 0, 0] == booth.WARM_UP - 1 and video.closed
    monkeypatch.setattr(booth, "Video", lambda camera: FakeVideo([]))
    with pytest.raises(PhotoError, match="Camera 2 gives no picture"):
        camera_photo(2)


def test_the_server_s_camera_is_offered_where_it_is_asked_for(page, tmp_path, monkeypatch):
    assert not page.booth.offer["camera"]
    page = Page(tmp_path, camera=97)
    assert page.booth.offer["camera"] and "There is no camera 97" in page.ask("server")[0]["problem"]
    monkeypatch.setattr(booth, "camera_photo", lambda camera: ONE if camera == 97 else None)
    assert page.ask("server")[0]["faces"][0]["emotion"] == "happiness"


# ---------------------------------------------------------------- one face


def test_a_changed_face_has_another_answer(page):
    page.upload(as_file(ONE))
    page.upload(as_file(TWO))
    answer, pictures = page.ask("face", number=2, face=1, **AT_REST)
    assert (answer["face"], answer["emotion"], answer["box"]) == (1, "surprise", [-0.5, -0.5, 95.5, 95.5])
    face, read = map(opened, pictures)
    assert face.shape == (96, 96, 3) and (face[48, 48] == 230).all() and read.shape == (48, 48, 3)
    answer, (face, _) = page.ask("face", number=2, face=1, **AT_REST | {"light": 0.5})
    assert answer["emotion"] == "anger" and (opened(face)[48, 48] == 115).all()


def test_where_the_networks_look_is_asked_of_the_keras_networks(page, monkeypatch):
    loaded, looks = [], []
    monkeypatch.setattr(booth.networks, "load_network", lambda *given: loaded.append(given) or given[1])
    monkeypatch.setattr(booth.lens, "where_they_look", lambda *given: looks.append(given) or {"heatmaps": ONE})
    page.upload(as_file(ONE))
    for _ in range(2):
        answer, pictures = page.ask("look", number=0, face=0, **AT_REST)
    assert answer == {"names": ["heatmaps"]} and (opened(pictures[0]) == ONE).all()
    assert [given[1:] for given in loaded] == [("keypoints", "keras"), ("emotions", "keras")]  # once
    assert looks[1][:2] == ("keypoints", "emotions") and looks[1][4] == 3  # happiness


# ---------------------------------------------------------------- choices


def networks_in(folder, *endings):
    for ending in endings:
        for stem in ("detection", "emotion"):
            (folder / (stem + ending)).touch()


def test_the_backends_that_are_there_are_offered_the_default_first(tmp_path, monkeypatch):
    networks_in(tmp_path, ".weights.h5")
    assert backends_of(tmp_path) == ["keras"]
    (tmp_path / "detection.tflite").touch()
    networks_in(tmp_path, ".onnx")
    assert backends_of(tmp_path) == ["keras"], "made of other weights"
    for path in tmp_path.glob("*.onnx"):
        path.write_text(digest_of(path.with_name(f"{path.stem}.weights.h5")))
    assert backends_of(tmp_path) == ["onnx", "keras"]
    networks_in(tmp_path, ".tflite")
    assert backends_of(tmp_path) == ["onnx", "keras"]
    for path in tmp_path.glob("*.tflite"):
        path.write_text(digest_of(path.with_name(f"{path.stem}.weights.h5")))
    monkeypatch.setattr(booth, "fastest_backend", lambda _: "onnx")
    assert Page(tmp_path).booth.offer["backends"] == {"ours": ["onnx", "litert", "keras"]}


def test_the_original_s_networks_are_offered_where_a_run_has_them(tmp_path, monkeypatch):
    monkeypatch.setattr(booth, "RUNS", tmp_path)
    (tmp_path / "full/keypoints/baseline").mkdir(parents=True)
    (tmp_path / "full/keypoints/baseline/best.weights.h5").touch()
    assert list(Page(tmp_path).booth.offer["backends"]) == ["ours"]
    (tmp_path / "full/emotions/baseline").mkdir(parents=True)
    (tmp_path / "full/emotions/baseline/best.weights.h5").touch()
    assert Page(tmp_path).booth.offer["backends"]["the original's"] == ["keras"]


def test_other_networks_start_from_nothing(page, tmp_path, monkeypatch):
    page.upload(as_file(ONE))
    given, original = [], LookingReader()
    original.keypoints, original.emotions = "original keypoints", "original emotions"
    monkeypatch.setattr(booth, "FaceReader", lambda *it: given.append(it) or LookingReader())
    assert page.ask("choose", networks="ours", backend="litert") == ({}, [])
    assert given == [(tmp_path, "litert")] and page.upload(as_file(TWO))[0]["first"] == 0
    monkeypatch.setattr("src.evaluation.score_card.baseline_reader", lambda run: original if run == "full" else None)
    page.ask("choose", networks="the original's", backend="keras")
    assert page.booth._reader is original and page.booth._keras == ["original keypoints", "original emotions"]
    missing = page.ask("choose", networks="ours", backend="onnx")
    assert missing == ({}, []) and page.booth._keras is None


def test_networks_that_do_not_load_are_told(page):
    assert "holds no detection.onnx" in page.ask("choose", networks="ours", backend="onnx")[0]["problem"]


# ---------------------------------------------------------------- saving


def test_board_and_table_are_saved_under_names_that_are_free(page, tmp_path):
    page.upload(as_file(TWO))
    folder = tmp_path / "own_photo"
    folder.mkdir()
    (folder / "board.png").write_text("somebody's")
    answer, (board,) = page.ask("save", board=True)
    assert answer == {"name": "board.png", "path": str(folder / "board_2.png")}
    assert (folder / "board.png").read_text() == "somebody's" and (folder / "board_2.png").read_bytes() == board
    assert is_made_here(folder / "board_2.png")
    assert opened(board).shape[0] > 500
    answer, (table,) = page.ask("save", board=False)
    assert answer["path"] == str(folder / "faces.csv") and (folder / "faces.csv").read_bytes() == table
    rows = pd.read_csv(io.BytesIO(table))
    assert rows["emotion"].tolist() == ["anger", "surprise"] and rows["box_left"].tolist() == [19.5, 104.5]
    page.ask("clear")
    page.upload(as_file(ONE))
    _, (table,) = page.ask("save", board=False)
    assert len(pd.read_csv(io.BytesIO(table))) == 1 and (folder / "faces_2.csv").exists()


def test_a_full_disk_leaves_no_half_file(tmp_path, monkeypatch):
    class Full(io.BytesIO):
        def write(self, content):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(booth.Path, "open", lambda path, mode: path.touch() or Full())
    with pytest.raises(OSError, match="No space left"):
        write_new(tmp_path, "board.png", b"picture")
    assert not list(tmp_path.iterdir())
