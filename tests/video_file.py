"""Small videos of the kinds that people have."""

from fractions import Fraction

import av
import numpy as np

RATE, SOUND_RATE = 25, 48_000
# Containers by their ending, each with a codec of picture and of sound that is usual in it.
KINDS = {
    "mp4": ("libx264", "aac"), "mov": ("mjpeg", "pcm_s16le"), "3gp": ("libx264", "aac"), "ogv": ("libvpx", "libopus"),
    "mkv": ("libx264", "flac"), "avi": ("libx264", "libmp3lame"), "webm": ("libvpx-vp9", "libopus"),
    "wmv": ("wmv2", "libmp3lame"), "flv": ("libx264", "aac"), "mpg": ("mpeg2video", "mp2"), "ts": ("libx264", "aac"),
    "m2ts": ("libx264", "ac3"),
}  # fmt: skip
PIXELS = {"mjpeg": "yuvj420p"}


def write(
    path,
    frames,
    codec="libx264",
    sound=None,
    times=None,
    options=None,
    turn=None,
    first_s=0,
    title="",
    layout="stereo",
    **settings,
):
    """frames: uint8 (h, w, 3); times: of them, ms (25 a second); sound: codec of a tone as long; turn: for players."""
    frames = list(frames)
    even_times = times is None
    times = [round(1000 * (first_s + i / RATE)) for i in range(len(frames))] if even_times else times
    with av.open(str(path), "w", container_options=options or {}) as file:
        file.metadata["title"] = title
        height, width = frames[0].shape[:2]
        video = file.add_stream(codec, RATE, width=width, height=height, pix_fmt=PIXELS.get(codec, "yuv420p"))
        video.gop_size = 10
        if not even_times:
            video.codec_context.time_base = Fraction(1, 1000)
        for name, value in settings.items():
            setattr(video, name, value)
        if turn:
            video.set_display_rotation(*turn)
        audio = file.add_stream(sound, SOUND_RATE, layout=layout) if sound else None
        for frame, ms in zip(frames, times, strict=True):
            picture = av.VideoFrame.from_ndarray(frame)
            picture.pts, picture.time_base = ms, Fraction(1, 1000)
            file.mux(video.encode(picture))
            if audio:
                file.mux(audio.encode(_tone(round((ms / 1000) * SOUND_RATE), SOUND_RATE // RATE, layout)))
        for stream in file.streams:
            file.mux(stream.encode())


def _tone(start, count, layout):
    wave = 8000 * np.sin(2 * np.pi * 440 / SOUND_RATE * np.arange(start, start + count))
    samples = av.AudioFrame.from_ndarray(wave.astype(np.int16).repeat(1 + (layout == "stereo"))[None], "s16", layout)
    samples.pts, samples.sample_rate, samples.time_base = start, SOUND_RATE, Fraction(1, SOUND_RATE)
    return samples
