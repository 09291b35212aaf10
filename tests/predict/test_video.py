import os
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import video_file
from fake_reader import RATE, FakeReader, moving, picture

from src.files import shown
from src.predict.photos import VIDEOS, PhotoError
from src.predict.video import Video, read_frames

FRAMES = 250


def read(path):
    """Times, pictures, and the closed video."""
    video = Video(path)
    times, pictures = zip(*video, strict=True)
    video.close()
    return np.array(times), pictures, video


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "two faces é.mp4"
    video_file.write(path, map(moving, range(FRAMES)))
    return path


def test_frames_come_in_order_with_their_times(path):
    times, pictures, video = read(path)
    assert video.rate == RATE and video.count == FRAMES and video.path == path
    np.testing.assert_allclose(times, np.arange(FRAMES) / RATE, atol=1e-3)
    np.testing.assert_allclose(pictures[40].astype(int), moving(40), atol=60)
    assert pictures[0].dtype == np.uint8 and pictures[0].shape == (120, 160, 3)


@pytest.mark.parametrize("kind", video_file.KINDS)
def test_whole_files_of_every_kind_give_all_frames_and_no_complaint(tmp_path, kind):
    assert f".{kind}" in VIDEOS
    video_file.write(tmp_path / f"v.{kind}", map(moving, range(40)), *video_file.KINDS[kind])
    times, pictures, video = read(tmp_path / f"v.{kind}")
    np.testing.assert_allclose(times, np.arange(40) / RATE, atol=2e-3)
    assert np.abs(pictures[20].astype(int) - moving(20)).mean() < 4
    assert video.short == "" and video.rate == RATE


def test_av1_is_read(tmp_path, monkeypatch):
    if "libsvtav1" not in av.codecs_available:
        pytest.skip("this PyAV cannot write AV1")
    monkeypatch.setenv("SVT_LOG", "0")  # the encoder is quiet
    video_file.write(tmp_path / "v.mp4", map(moving, range(10)), "libsvtav1")
    assert len(read(tmp_path / "v.mp4")[0]) == 10


def test_colours_are_in_the_order_red_green_blue(tmp_path):
    video_file.write(tmp_path / "red.mp4", [np.full((120, 160, 3), (220, 0, 0), np.uint8)] * 5)
    _, pictures, _ = read(tmp_path / "red.mp4")
    assert pictures[0][..., 0].min() > 180 and pictures[0][..., 2].max() < 60


@pytest.mark.parametrize("name", [b"\xff\xfe.mp4", b"a\n%03d: b.mp4", b"x" * 251 + b".mp4"])
def test_any_name_that_the_file_system_allows_is_read(tmp_path, path, name):
    named = tmp_path / os.fsdecode(name)
    try:
        named.write_bytes(path.read_bytes())
    except OSError:
        pytest.skip("this file system does not allow the name")
    assert len(read(named)[0]) == FRAMES


def test_a_title_may_hold_any_bytes(tmp_path):
    video_file.write(tmp_path / "v.mkv", [picture()] * 5, title="QQQQ")
    (tmp_path / "v.mkv").write_bytes((tmp_path / "v.mkv").read_bytes().replace(b"QQQQ", b"\xff\xfe\xff\xfe"))
    assert len(read(tmp_path / "v.mkv")[0]) == 5


# ---------------------------------------------------------------- times


@pytest.mark.parametrize("ending", ["mp4", "mkv"])
def test_frames_keep_their_own_times(tmp_path, ending):
    told = np.array([0, 40, 55, 200, 1200, 1210, 5000])
    video_file.write(tmp_path / f"v.{ending}", [picture()] * 7, times=told + 300)
    times, _, video = read(tmp_path / f"v.{ending}")
    np.testing.assert_allclose(times, told / 1000, atol=2e-3)
    assert video.short == ""


def test_times_count_on_where_two_files_were_joined(tmp_path):
    for name, first_s in (("a", 50), ("b", 2)):
        video_file.write(tmp_path / f"{name}.ts", map(moving, range(40)), sound="aac", first_s=first_s)
    (tmp_path / "ab.ts").write_bytes((tmp_path / "a.ts").read_bytes() + (tmp_path / "b.ts").read_bytes())
    times, _, _ = read(tmp_path / "ab.ts")
    assert len(times) >= 78 and (np.diff(times) >= 0).all()
    assert times[-1] == pytest.approx(79 / RATE, abs=0.2)


# ---------------------------------------------------------------- upright, in square pixels

CORNER = picture((20, 15, 24, 200))  # bright at the upper left


@pytest.mark.parametrize("degrees", [0, 90, 180, -90])
@pytest.mark.parametrize("mirrored", [False, True])
def test_pictures_are_upright(tmp_path, degrees, mirrored):
    video_file.write(tmp_path / "v.mp4", [CORNER] * 3, turn=(degrees, mirrored))
    _, pictures, _ = read(tmp_path / "v.mp4")
    turned = np.rot90(CORNER, degrees // 90)
    upright = turned[:, ::-1] if mirrored else turned
    assert pictures[0].shape == upright.shape and np.abs(pictures[0].astype(int) - upright).mean() < 5
    if not mirrored:
        there, frame = cv2.VideoCapture(str(tmp_path / "v.mp4")).read()
        assert there and np.abs(frame.astype(int) - pictures[0]).mean() < 5


@pytest.mark.parametrize(("aspect", "size"), [(2, (120, 320)), (0.5, (240, 160)), (100, (120, 160))])
def test_pixels_are_square(tmp_path, aspect, size):
    video_file.write(tmp_path / "v.mkv", [CORNER] * 3, sample_aspect_ratio=Fraction(aspect))
    _, pictures, _ = read(tmp_path / "v.mkv")
    assert pictures[0].shape == (*size, 3)
    assert pictures[0][size[0] // 8, size[1] // 8].min() > 180 > 40 > pictures[0][size[0] // 2, size[1] // 2].max()


# ---------------------------------------------------------------- faces


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
    video_file.write(tmp_path / "v.mp4", [picture((80, 60, 40, grey)) for grey in greys])
    tables = [faces for _, _, faces in read_frames(FakeReader(), Video(tmp_path / "v.mp4"))]
    assert {name for faces in tables for name in faces["emotion"]} == {"happiness"}
    assert 0.6 < tables[10].loc[0, "confidence"] < tables[9].loc[0, "confidence"]
    for faces in tables:
        assert faces.filter(regex="^p_").to_numpy().sum() == pytest.approx(1)


# ---------------------------------------------------------------- damaged files


def test_a_picture_of_a_size_that_cannot_be_scaled_is_said(tmp_path, monkeypatch):
    video_file.write(tmp_path / "v.mp4", map(moving, range(3)))

    def too_large(*frame):
        raise av.error.ArgumentError(22, "Invalid argument")

    monkeypatch.setattr("src.predict.video._picture", too_large)
    with pytest.raises(PhotoError, match=r"v.mp4 cannot be read as a video: convert it to mp4"):
        list(Video(tmp_path / "v.mp4"))


@pytest.mark.parametrize(
    ("ending", "unit"), [("mp4", "frames"), ("avi", "frames"), ("mkv", "s"), ("webm", "s"), ("flv", "s")]
)
def test_a_file_that_was_cut_gives_its_frames_and_says_so(tmp_path, ending, unit):
    path = tmp_path / f"v.{ending}"
    start = {"movflags": "faststart"} if ending == "mp4" else {}
    video_file.write(path, map(moving, range(40)), *video_file.KINDS[ending], options=start)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 6 // 10])
    times, _, video = read(path)
    assert 5 < len(times) < 36
    number, of, said = video.short.removeprefix("ends early: ").split()[:3]
    assert of == "of" and video.short.endswith(f" {unit} could be read; copy it again")
    assert (int(number), int(said)) == (len(times), 40) if unit == "frames" else float(number) < 1.5 < float(said)


@pytest.mark.parametrize("ending", ["mp4", "mkv", "ts", "avi", "flv"])
def test_damage_in_the_middle_does_not_end_a_file(tmp_path, ending, capfd):
    path = tmp_path / f"v.{ending}"
    video_file.write(path, map(moving, range(60)), "libx264", "libmp3lame")
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(size * 4 // 10)
        file.write(bytes(size // 20))
    times, _, _ = read(path)
    assert 30 < len(times) <= 60 and times[-1] == pytest.approx(59 / RATE, abs=0.2)
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("kind", ["mp4", "mkv", "ts", "avi", "webm", "mpg"])
def test_any_damage_is_read_past_or_said_in_words(tmp_path, kind, capfd):
    path, rng = tmp_path / f"v.{kind}", np.random.default_rng(0)
    video_file.write(path, map(moving, range(15)), *video_file.KINDS[kind])
    whole = np.frombuffer(path.read_bytes(), np.uint8)
    capfd.readouterr()
    for _ in range(15):
        damaged = whole.copy()
        damaged[rng.integers(0, len(whole), 30)] = rng.integers(0, 256, 30)
        path.write_bytes(damaged.tobytes())
        try:
            video = Video(path)
        except PhotoError as error:
            assert shown(path) in str(error)
            continue
        times = [time_s for time_s, _ in video]
        assert times == sorted(times) and video.short.startswith(("ends early: ", "")[video.short == ""])
        video.close()
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content", [b"", b"not a video", b"#EXTM3U\n#EXTINF:1,\nother.ts\n", b"ffconcat version 1.0\nfile v.mp4"]
)
def test_what_is_no_video_is_said_in_words(tmp_path, content):
    (tmp_path / "text.mp4").write_bytes(content)
    with pytest.raises(PhotoError, match=r"text.mp4 cannot be read as a video: copy it again or convert it to mp4"):
        Video(tmp_path / "text.mp4")


def test_a_file_that_is_missing_or_has_only_sound_is_said_in_words(tmp_path):
    with pytest.raises(PhotoError, match=r"none.mp4 does not exist: check the name"):
        Video(tmp_path / "none.mp4")
    video_file.write(tmp_path / "v.mp4", [picture()] * 10, sound="aac")
    with av.open(str(tmp_path / "v.mp4")) as both, av.open(str(tmp_path / "sound.mp4"), "w") as sound:
        stream = sound.add_stream_from_template(both.streams.audio[0])
        for packet in both.demux(audio=0):
            packet.stream = stream
            sound.mux([packet] * bool(packet.size))
    with pytest.raises(PhotoError, match=r"sound.mp4 cannot be read as a video"):
        Video(tmp_path / "sound.mp4")


@pytest.mark.parametrize("number", [97, -1, 2**40])
def test_what_is_no_camera_is_said_in_words(number, capfd):
    with pytest.raises(PhotoError, match=f"There is no camera {number}: plug it in or give another number"):
        Video(number)
    assert capfd.readouterr() == ("", "")
