"""Video files as PyAV reads them, whatever their container, name or damage."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
from av.container import Flags, InputContainer

# What ffmpeg may try; its other readers take text for pictures or fetch what a playlist names.
FORMATS = ("asf", "avi", "flv", "matroska", "mov", "mpeg", "mpegts", "mpegvideo", "mxf", "ogg", "rm")
BACK_S, AHEAD_S = 1.0, 3600.0  # a timestamp so far from the last one starts a new count


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """A video file for PyAV. OSError, av.FFmpegError: it cannot be opened, is no video."""
    options = {"format_whitelist": ",".join(FORMATS)}
    # Opened here, since ffmpeg takes some names for addresses; a name or a title may hold any bytes.
    with path.open("rb") as data, av.open(data, container_options=options, metadata_errors="replace") as file:
        file.flags &= ~Flags.gen_pts.value  # the timestamps that it makes up for AVI files are wrong
        yield file


def decoded(packet: av.Packet) -> list[av.VideoFrame] | list[av.AudioFrame]:
    """The frames of a packet, none of a damaged one: at an error, a decoder of several threads forgets those before."""
    try:
        return [] if packet.is_corrupt else packet.decode()
    except av.FFmpegError:
        return []


class Clock:
    """Seconds that count on where timestamps are missing, or start anew as in joined files."""

    def __init__(self):
        self._told, self._shift = None, 0.0

    def __call__(self, told: int | None, unit: Fraction, step_s: float) -> float:
        """told: a timestamp in units of so many s; step_s: how long the one before lasts."""
        before = self._told
        if told is None:
            self._told = 0.0 if before is None else before + step_s
        else:
            self._told = float(told * unit)
            if before is not None and not -BACK_S < self._told - before < AHEAD_S:
                self._shift += before + step_s - self._told
        return self._told + self._shift
