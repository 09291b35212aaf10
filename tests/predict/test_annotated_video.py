import os
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import video_file
from fake_reader import RATE, FakeReader, moving, picture

from src.predict.media import opened
from src.predict.photos import PhotoError
from src.predict.video import MADE_BY, AnnotatedVideo, Video, is_annotated

NO_FACES = pd.DataFrame()


class FromCamera(AnnotatedVideo):
    """Of frames whose times the test gives."""

    def __init__(self, path):
        super().__init__(path, SimpleNamespace(path=None, rate=None, start_s=0.0, time_s=0.0))

    def add_at(self, time_s, picture, table=NO_FACES):
        self._video.time_s = time_s
        self.add(picture, table)


def copy(source, target, frames=None):
    """The annotated copy of a video, or of its first frames."""
    video = Video(source)
    mp4 = AnnotatedVideo(target, video)
    for _, (_, shown) in zip(range(frames or 10_000), video, strict=False):
        mp4.add(shown, NO_FACES)
    mp4.close()
    video.close()
    return mp4


def sound(path):
    """Bytes and times of the packets of a file's sound."""
    with opened(path) as file:
        packets = [packet for packet in file.demux(audio=0) if packet.size]
        return [bytes(packet) for packet in packets], [float(packet.pts * packet.time_base) for packet in packets]


@pytest.mark.parametrize("size", [(160, 120), (161, 121), (50, 34), (1, 1)])
def test_a_file_is_whole_once_closed_and_suits_every_player(tmp_path, size):
    reader, path = FakeReader(), tmp_path / "new" / "out.mp4"
    mp4 = FromCamera(path)
    for i in range(30):
        frame = picture((25, 17, 20, 150 + i), size=size)
        mp4.add_at(i / RATE, frame, reader.read_photo(frame))
    mp4.close()
    pictures = [shown for _, shown in Video(path)]
    assert len(pictures) == 30 and list(path.parent.iterdir()) == [path]
    assert pictures[0].shape == (*(max(2, side // 2 * 2) for side in size[::-1]), 3)
    with opened(path) as file:
        stream = file.streams.video[0]
        assert (stream.codec.name, stream.pix_fmt, stream.colorspace) == ("h264", "yuv420p", 1)
    content = path.read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")
    if size[0] > 1:
        blue = pictures[5].astype(int)[..., 2] - pictures[5][..., 0]
        assert blue.max() > 40, "the box is blue"


def test_colours_stay(tmp_path):
    mp4, colour = FromCamera(tmp_path / "out.mp4"), (200, 60, 30)
    mp4.add_at(0.0, np.full((720, 1280, 3), colour, np.uint8))
    mp4.close()
    ((_, shown),) = Video(tmp_path / "out.mp4")
    np.testing.assert_allclose(shown.mean(axis=(0, 1)), colour, atol=4)


def test_frames_keep_their_times_and_their_number_where_times_are_equal(tmp_path):
    mp4, times = FromCamera(tmp_path / "out.mp4"), [0, 0.25, 0.25, 0.3, 2.0, 7.125]
    for time_s in times:
        mp4.add_at(time_s, picture())
    mp4.close()
    np.testing.assert_allclose([time_s for time_s, _ in Video(tmp_path / "out.mp4")], times, atol=1e-3)


def test_a_frame_of_another_size_is_fitted_in(tmp_path):
    mp4 = FromCamera(tmp_path / "out.mp4")
    for i, (width, height) in enumerate([(160, 120), (320, 240), (80, 60)]):
        frame = picture((width // 2, height // 2, height // 2, 200), size=(width, height))
        mp4.add_at(i / RATE, frame)
    mp4.close()
    for _, shown in Video(tmp_path / "out.mp4"):
        assert shown.shape == (120, 160, 3) and shown[60, 80].min() > 180 and shown[5, 5].max() < 40


def test_no_frames_write_no_video(tmp_path):
    FromCamera(tmp_path / "out.mp4").close()
    assert list(tmp_path.iterdir()) == []


# ---------------------------------------------------------------- sound


@pytest.mark.parametrize(("ending", "codec"), [("mp4", "aac"), ("mkv", "aac"), ("mkv", "libmp3lame")])
def test_sound_that_every_player_plays_is_copied(tmp_path, ending, codec):
    video_file.write(tmp_path / f"v.{ending}", map(moving, range(40)), sound=codec, first_s=3)
    mp4 = copy(tmp_path / f"v.{ending}", tmp_path / "out.mp4")
    assert mp4.silent == ""
    packets, times = sound(tmp_path / "out.mp4")
    told, _ = sound(tmp_path / f"v.{ending}")
    assert set(packets) <= set(told)
    assert len(told) - 8 <= len(packets) and times == sorted(times)
    assert times[0] == pytest.approx(0, abs=0.05) and times[-1] == pytest.approx(1.6, abs=0.06)


@pytest.mark.parametrize(
    ("ending", "codec"), [("webm", "libopus"), ("mov", "pcm_s16le"), ("mkv", "flac"), ("mpg", "mp2"), ("ts", "aac")]
)
def test_other_sound_is_encoded_as_aac(tmp_path, ending, codec):
    video_file.write(tmp_path / f"v.{ending}", map(moving, range(40)), video_file.KINDS[ending][0], codec)
    assert copy(tmp_path / f"v.{ending}", tmp_path / "out.mp4").silent == ""
    with opened(tmp_path / "out.mp4") as file:
        assert file.streams.audio[0].codec_context.codec.canonical_name == "aac"
        wave = np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)[0]
    assert len(wave) / video_file.SOUND_RATE == pytest.approx(1.6, abs=0.07)
    loudest = np.abs(np.fft.rfft(wave)).argmax() * video_file.SOUND_RATE / len(wave)
    assert loudest == pytest.approx(440, abs=3)


def test_sound_ends_with_the_frames_so_far(tmp_path):
    video_file.write(tmp_path / "v.mp4", map(moving, range(100)), sound="aac")
    copy(tmp_path / "v.mp4", tmp_path / "out.mp4", frames=25)
    assert sound(tmp_path / "out.mp4")[1][-1] == pytest.approx(1, abs=0.06)
    assert len(list(Video(tmp_path / "out.mp4"))) == 25


def test_sound_that_cannot_be_read_is_left_out_in_words(tmp_path):
    video_file.write(tmp_path / "v.mkv", map(moving, range(10)), sound="aac")
    (tmp_path / "v.mkv").write_bytes((tmp_path / "v.mkv").read_bytes().replace(b"A_AAC", b"A_QQQ"))
    assert copy(tmp_path / "v.mkv", tmp_path / "out.mp4").silent == "its sound cannot be read and is left out"
    with opened(tmp_path / "out.mp4") as file:
        assert len(file.streams) == 1
    assert len(list(Video(tmp_path / "out.mp4"))) == 10


def test_sound_that_breaks_off_is_said(tmp_path):
    for name, layout in (("a.ts", "stereo"), ("b.ts", "mono")):
        video_file.write(tmp_path / name, map(moving, range(40)), sound="aac", layout=layout)
    (tmp_path / "v.ts").write_bytes(b"".join((tmp_path / name).read_bytes() for name in ("a.ts", "b.ts")))
    mp4 = copy(tmp_path / "v.ts", tmp_path / "out.mp4")
    assert re.fullmatch(r"its sound breaks off after 1\.\d s", mp4.silent)
    assert len(list(Video(tmp_path / "out.mp4"))) == 80


def test_a_video_without_sound_lacks_none(tmp_path):
    video_file.write(tmp_path / "v.mkv", map(moving, range(10)))
    assert copy(tmp_path / "v.mkv", tmp_path / "out.mp4").silent == ""


# ---------------------------------------------------------------- whole or not at all, and whose


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "part_out.mp4").symlink_to("/dev/full")
    mp4, noise = FromCamera(tmp_path / "out.mp4"), np.random.default_rng(0)
    words = r"out.mp4 could not be written \(No space left on device\): free space or give another --csv"
    with pytest.raises(OSError, match=words):
        for i in range(200):
            mp4.add_at(i / RATE, noise.integers(0, 256, (240, 320, 3), np.uint8))
    mp4.close()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_is_full_at_the_end_leaves_nothing(tmp_path):
    if not Path("/dev/full").exists():
        pytest.skip("this system has no /dev/full")
    (tmp_path / "part_out.mp4").symlink_to("/dev/full")
    mp4 = FromCamera(tmp_path / "out.mp4")
    mp4.add_at(0.0, picture())
    with pytest.raises(OSError, match="No space left on device"):
        mp4.close()
    assert list(tmp_path.iterdir()) == []


def test_a_size_that_no_mp4_holds_is_one_sentence_and_leaves_nothing(tmp_path):
    mp4 = FromCamera(tmp_path / "out.mp4")
    mp4.add_at(0.0, np.zeros((2, 17_000, 3), np.uint8))
    with pytest.raises(PhotoError, match=r"out.mp4 could not be written \(.+\): convert the video"):
        mp4.close()
    assert list(tmp_path.iterdir()) == []


def test_until_it_is_closed_an_older_file_stays(tmp_path):
    (tmp_path / "out.mp4").write_text("older")
    mp4 = FromCamera(tmp_path / "out.mp4")
    mp4.add_at(0.0, picture())
    assert (tmp_path / "out.mp4").read_text() == "older"
    mp4.close()
    assert len(list(Video(tmp_path / "out.mp4"))) == 1


@pytest.mark.parametrize("name", ["v.mp4", os.fsdecode(b"\xff\n: v.mp4")])
def test_a_copy_tells_who_made_it_and_of_what(tmp_path, name):
    video_file.write(tmp_path / "made.mp4", map(moving, range(3)))
    (tmp_path / "made.mp4").rename(tmp_path / name)
    copy(tmp_path / name, tmp_path / f"{name}_faces.mp4")
    assert is_annotated(tmp_path / f"{name}_faces.mp4") and not is_annotated(tmp_path / name)
    with opened(tmp_path / f"{name}_faces.mp4") as file:
        assert file.metadata["comment"] == f"{MADE_BY}; source: {name.encode(errors='replace').decode()}"


def test_other_files_are_not_annotated_whatever_they_hold(tmp_path):
    (tmp_path / "text.mp4").write_text(MADE_BY)
    video_file.write(tmp_path / "v.mp4", [picture()] * 3)
    copy(tmp_path / "v.mp4", tmp_path / "out.mp4")
    (tmp_path / "cut.mp4").write_bytes((tmp_path / "out.mp4").read_bytes()[:200])
    for path in (tmp_path / "text.mp4", tmp_path / "v.mp4", tmp_path / "cut.mp4", tmp_path, tmp_path / "none.mp4"):
        assert not is_annotated(path)
