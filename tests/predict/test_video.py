import time

import numpy as np
import pytest
from fake_reader import RATE, FakeReader, moving, picture, write_video

from src.predict.photos import PhotoError
from src.predict.video import PATIENCE_S, WINDOW_S, AnnotatedVideo, FaceTracks, Video, overlaps, read_frames

FRAMES = 250


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "two faces é.mp4"
    write_video(path, map(moving, range(FRAMES)))
    return path


def test_frames_come_in_order_with_their_times(path):
    video = Video(path)
    assert video.rate == RATE and video.count == FRAMES
    times, pictures = zip(*video, strict=True)
    video.close()
    np.testing.assert_allclose(times, np.arange(FRAMES) / RATE, atol=1e-3)
    np.testing.assert_allclose(pictures[40].astype(int), moving(40), atol=60)
    assert pictures[0].dtype == np.uint8 and pictures[0].shape == (120, 160, 3)


def test_colours_are_in_the_order_red_green_blue(tmp_path):
    red = np.zeros((120, 160, 3), np.uint8)
    red[..., 0] = 220
    write_video(tmp_path / "red.mp4", [red] * 5)
    video = Video(tmp_path / "red.mp4")
    _, shown = next(iter(video))
    assert shown[..., 0].min() > 180 and shown[..., 2].max() < 60


def test_ten_seconds_of_two_moving_faces_keep_two_ids(path):
    video = Video(path)
    tables = [faces for _, _, faces in read_frames(FakeReader(), video)]
    video.close()
    assert len(tables) == FRAMES
    for number, faces in enumerate(tables):
        both = not 100 <= number < 110
        assert sorted(faces["face"]) == ([0, 1] if both else [0])
        upper = faces.set_index("face").loc[0]
        assert abs((upper["box_left"] + upper["box_right"]) / 2 - 20 - number * 0.45) < 3
        assert upper["emotion"] == "happiness"


def test_an_answer_is_averaged_over_half_a_second(tmp_path):
    greys = [200] * 10 + [110] + [200] * 10  # one frame of anger amid happiness
    write_video(tmp_path / "v.mp4", [picture((80, 60, 40, grey)) for grey in greys])
    video = Video(tmp_path / "v.mp4")
    tables = [faces for _, _, faces in read_frames(FakeReader(), video)]
    assert {name for faces in tables for name in faces["emotion"]} == {"happiness"}
    assert 0.6 < tables[10].loc[0, "confidence"] < tables[9].loc[0, "confidence"]
    for faces in tables:
        assert faces.filter(regex="^p_").to_numpy().sum() == pytest.approx(1)


@pytest.mark.parametrize("size", [(160, 120), (161, 121), (50, 34)])
def test_an_annotated_video_is_whole_once_closed(tmp_path, size):
    reader, mp4 = FakeReader(), AnnotatedVideo(tmp_path / "new" / "out.mp4", RATE)
    frames = [picture((25, 17, 20, 150 + i), size=size) for i in range(30)]
    for frame in frames:
        mp4.add(frame, reader.read_photo(frame))
    mp4.close()
    written = Video(tmp_path / "new" / "out.mp4")
    pictures = [picture for _, picture in written]
    assert len(pictures) == 30 and written.rate == RATE
    assert pictures[0].shape == (size[1] // 2 * 2, size[0] // 2 * 2, 3)
    blue = pictures[5].astype(int)[..., 2] - pictures[5][..., 0]
    assert blue.max() > 40, "the box is blue"


def test_frames_of_a_camera_play_at_the_pace_they_came(tmp_path):
    reader, mp4 = FakeReader(), AnnotatedVideo(tmp_path / "out.mp4", None)
    for _ in range(8):
        mp4.add(picture(), reader.read_photo(picture()))
        time.sleep(0.25)
    mp4.close()
    times = [time_s for time_s, _ in Video(tmp_path / "out.mp4")]
    assert 1 < times[-1] < 6


def test_no_frames_write_no_video(tmp_path):
    mp4 = AnnotatedVideo(tmp_path / "out.mp4", RATE)
    mp4.close()
    assert not (tmp_path / "out.mp4").exists()


def test_what_is_no_video_and_what_is_no_camera_is_said_in_words(tmp_path):
    (tmp_path / "text.mp4").write_text("not a video")
    with pytest.raises(PhotoError, match=r"text.mp4 cannot be read as a video: convert it to mp4"):
        Video(tmp_path / "text.mp4")
    with pytest.raises(PhotoError, match="There is no camera 97: plug it in or give another number"):
        Video(97)


# ---------------------------------------------------------------- tracks


A, B = np.array([30.0, 30, 20]), np.array([100.0, 30, 20])
OUTPUTS = np.array([[0.6, 0.1, 0.1, 0.1, 0.1], [0.1, 0.1, 0.1, 0.1, 0.6]])
NONE = np.zeros((0, 3)), np.zeros((0, 5))


def test_overlaps_are_those_worked_out_by_hand():
    squares = np.array([[0.0, 0, 2], [1, 0, 2], [10, 10, 2], [0, 0, 1]])
    np.testing.assert_allclose(overlaps(squares[:1], squares), [[1, 1 / 3, 0, 1 / 4]])
    assert overlaps(np.zeros((0, 3)), squares).shape == (0, 4)


def test_ids_stay_with_their_faces_whatever_the_order_of_detection():
    tracks = FaceTracks()
    for step in range(20):
        squares = np.stack([A + [3 * step, 0, 0], B - [3 * step, step, 0]])  # they pass each other at different heights
        order = [0, 1] if step % 2 else [1, 0]
        ids, _ = tracks.update(squares[order], OUTPUTS, step / 25)
        assert ids == ([1, 0] if step % 2 else [0, 1])


def test_a_face_out_of_sight_for_a_moment_keeps_its_id_and_for_long_gets_a_new_one():
    tracks = FaceTracks()
    assert tracks.update(A[None], OUTPUTS[:1], 0.0)[0] == [0]
    ids, smooth = tracks.update(*NONE, 0.3)
    assert ids == [] and smooth.shape == (0, 5)
    assert tracks.update(A[None], OUTPUTS[:1], PATIENCE_S)[0] == [0]
    assert tracks.update(A[None], OUTPUTS[:1], 2.1 * PATIENCE_S)[0] == [1]


def test_outputs_are_averaged_over_the_window_and_no_longer():
    tracks = FaceTracks()
    at = lambda time_s, output: tracks.update(A[None], output[None], time_s)[1][0]  # noqa: E731
    first, second = OUTPUTS
    np.testing.assert_allclose(at(0.0, first), first)
    np.testing.assert_allclose(at(0.8 * WINDOW_S, second), (first + second) / 2)
    np.testing.assert_allclose(at(1.5 * WINDOW_S, second), second)


@pytest.mark.parametrize("classes", [5, 7])
def test_a_face_elsewhere_is_another_and_answers_do_not_mix(classes):
    tracks = FaceTracks()
    outputs = np.eye(classes)[:2]
    tracks.update(A[None], outputs[:1], 0.0)
    ids, smooth = tracks.update(np.stack([B, A]), outputs[::-1], 0.04)
    assert ids == [1, 0]
    np.testing.assert_allclose(smooth, outputs[::-1])


def test_memory_does_not_grow_with_the_frames():
    tracks = FaceTracks()
    for step in range(2000):
        tracks.update(np.array([[50.0 * step, 0, 20]]), OUTPUTS[:1], step / 25)
    assert len(tracks._tracks) <= 25 * PATIENCE_S + 2
