"""Videos and cameras: frames in, a table a frame and an annotated mp4 out, in memory that does not grow."""

import time
from collections.abc import Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
from av.container import OutputContainer

from src.figures.board import annotated
from src.files import replacing, shown
from src.predict.media import Clock, decoded, opened
from src.predict.photos import PhotoError, to_grey, why_not_opened
from src.predict.reader import FaceReader
from src.predict.sound import sound_packets
from src.predict.tracking import FaceTracks

LENGTH_TOLD = ("avi", "flv", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2")  # the others' length is an estimate
USUAL_RATE = 25.0  # frames a second where a file does not tell
SPARE_S = 0.2  # and a frame: by so much a whole file may end before its header says
ATTEMPTS = 100  # to read on behind damaged places
MADE_BY = "faces marked by face-keypoints-and-emotions"  # opens the comment in the file
TICK = Fraction(1, 90_000)  # s, in which the frames' times are written
BT709 = 1  # ffmpeg's number of the colours that players take for granted

# What OpenCV would print about a camera is said in a sentence here; PyAV prints nothing.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Video:
    """An opened video file (Path) or camera (its number). PhotoError where it cannot be opened.

    path, rate: of a file, None for a camera; frames a second. count: of frames as the file tells, 0 where unknown.
    start_s: timestamp of the first frame; time_s: time of the last one given, since then. short: in words how a file
    ended early, "" where it is whole; known once its frames are read.
    """

    def __init__(self, source: Path | int):
        self.path = self.rate = None
        self.count, self.start_s, self.time_s, self.short = 0, 0.0, 0.0, ""
        with ExitStack() as opening:
            (self._open_camera if isinstance(source, int) else self._open_file)(source, opening)
            self._opened = opening.pop_all()

    def _open_camera(self, number: int, opening: ExitStack) -> None:
        # To OpenCV, -1 is any camera, and numbers from 100 say how to reach one.
        self._camera = cv2.VideoCapture(number) if 0 <= number < 100 else None
        if self._camera is None or not self._camera.isOpened():
            raise PhotoError(f"There is no camera {number}: plug it in or give another number")
        opening.callback(self._camera.release)

    def _open_file(self, path: Path, opening: ExitStack) -> None:
        self.path = path
        try:
            self._file = opening.enter_context(opened(path))
            self._stream = self._file.streams.best("video")
            self._stream.thread_type = "AUTO"
        except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
            raise PhotoError(f"{shown(path)} {why_not_opened(error)}") from error
        except Exception as error:  # a damaged file raises nearly anything
            raise PhotoError(f"{shown(path)} cannot be read as a video: copy it again or convert it to mp4") from error
        length, rate = self._stream.duration, float(self._stream.average_rate or 0)
        self.rate = rate if 0.01 < rate <= 240 else USUAL_RATE
        self._demuxed = [self._stream] if length else self._file.streams  # those that last so long
        self._length_s = float(length * self._stream.time_base) if length else (self._file.duration or 0) / av.time_base
        if self._file.format.name == "avi":
            self._length_s = self._stream.frames / self.rate  # its duration shrinks with the file
        self.count = self._stream.frames or round(self._length_s * self.rate)
        self._told = self._file.format.name in LENGTH_TOLD

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Time in s since the first frame, which never runs back, and picture, uint8 (h, w, 3), red, green, blue.

        A file's pictures are as players show them: upright, their pixels square.
        """
        return self._camera_frames() if self.path is None else self._file_frames()

    def _camera_frames(self) -> Iterator[tuple[float, np.ndarray]]:
        start = time.monotonic()
        while True:
            there, frame = self._camera.read()
            if not there:
                return
            self.time_s = time.monotonic() - start
            yield self.time_s, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def _file_frames(self) -> Iterator[tuple[float, np.ndarray]]:
        clock, turn, number = Clock(), None, 0
        for frame in self._decoded():
            number += 1
            told = frame.dts if frame.pts is None else frame.pts
            time_s = clock(told, frame.time_base, 1 / self.rate)
            if turn is None:
                self.start_s, turn = time_s, _turn(frame)
            self.time_s = max(self.time_s, time_s - self.start_s)
            self._reached_s = max(self._reached_s, time_s + float(frame.duration * frame.time_base))
            try:
                picture = _picture(frame, self._stream.sample_aspect_ratio, turn)
            except av.FFmpegError as error:  # a size that ffmpeg does not scale
                raise PhotoError(f"{shown(self.path)} cannot be read as a video: convert it to mp4") from error
            yield self.time_s, picture
        if self._broke_off or (self._told and self._length_s - self._reached_s > SPARE_S + 1 / self.rate):
            told, seconds = self._stream.frames, f"{self.time_s:.1f} of {self._length_s:.1f} s"
            of = f"{number} of {told} frames" if told > number else seconds
            self.short = f"ends early: {of} could be read; copy it again"

    def _decoded(self) -> Iterator[av.VideoFrame]:
        """All frames. Notes how far the file's other streams reach, and whether it could not be read on."""
        self._reached_s, self._broke_off = 0.0, True
        for _ in range(ATTEMPTS):
            try:
                for packet in self._file.demux(*self._demuxed):
                    if packet.stream is self._stream:
                        yield from decoded(packet)
                    elif packet.pts is not None:
                        self._reached_s = max(self._reached_s, float(packet.pts * packet.time_base))
                self._broke_off = False
                return
            except Exception:  # a damaged file raises nearly anything
                continue

    def close(self) -> None:
        self._opened.close()


def _turn(frame: av.VideoFrame) -> np.ndarray:
    """The 2x2 matrix by which a frame is turned or mirrored to be upright: columns and rows to columns and rows."""
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return np.eye(2) if matrix is None else np.frombuffer(matrix, np.int32).reshape(3, 3)[:2, :2]


def _picture(frame: av.VideoFrame, aspect: Fraction | None, turn: np.ndarray) -> np.ndarray:
    """uint8 (h, w, 3), turned, in square pixels; aspect: width of the frame's by their height."""
    aspect = aspect if aspect and 1 / 8 < aspect < 8 else 1
    width, height = round(frame.width * max(aspect, 1)), round(frame.height / min(aspect, 1))
    picture = frame.reformat(width, height, "rgb24").to_ndarray()
    if abs(turn[0, 0]) < abs(turn[0, 1]):
        picture, turn = picture.swapaxes(0, 1), turn[::-1]
    return np.ascontiguousarray(picture[:: -1 if turn[1, 1] < 0 else 1, :: -1 if turn[0, 0] < 0 else 1])


def read_frames(reader: FaceReader, video: Video) -> Iterator[tuple[float, np.ndarray, pd.DataFrame]]:
    """Each frame: its time (s), its picture, its faces as `FaceReader.read_photo` gives them, without `file`.

    `face` is an id that stays with a face; its emotion comes from outputs averaged over `tracking.WINDOW_S`.
    """
    tracks = FaceTracks()
    for time_s, picture in video:
        yield time_s, picture, track_faces(reader, tracks, picture, time_s)


def track_faces(reader: FaceReader, tracks: FaceTracks, picture: np.ndarray, time_s: float) -> pd.DataFrame:
    """The faces of one frame, uint8 (h, w, 3), as in `read_frames`; tracks: of the frames before."""
    found = reader.find(to_grey(picture))
    ids, smooth = tracks.update(found.squares, found.outputs, time_s)
    return reader.found_table(replace(found, outputs=smooth)).assign(face=ids)


def is_annotated(path: Path) -> bool:
    """Whether a file was made here, False for one that cannot be read."""
    try:
        with opened(path) as file:
            return file.metadata.get("comment", "").startswith(MADE_BY)
    except Exception:  # a damaged file raises nearly anything
        return False


class AnnotatedVideo:
    """An H.264 mp4 of annotated frames; players and browsers show it. Its file is there, and whole, once closed.

    video: whose sound is taken along and whose rate is told. silent: why sound is missing, in words, or "".
    """

    def __init__(self, path: Path, video: Video):
        self.silent = ""
        self._path, self._video = path, video
        self._film = self._written()
        next(self._film)
        # Ctrl-C reaches the main thread alone: what is written is not broken off, and it goes on beside the reading.
        self._worker, self._job = ThreadPoolExecutor(1), None

    def add(self, picture: np.ndarray, table: pd.DataFrame) -> None:
        """picture uint8 (h, w, 3) of the video's last frame, whose time it gets; table: its faces.

        OSError where the file cannot be written, PhotoError where no mp4 can hold it; it is gone then.
        """
        self._wait()
        self._job = self._worker.submit(self._film.send, (annotated(picture, table), self._video.time_s))

    def close(self) -> None:
        """Makes the file whole, of the frames so far; without any there is none. OSError as in `add`."""
        try:
            self._wait()
            self._job = self._worker.submit(next, self._film, None)
            self._wait()
        finally:
            self._worker.shutdown()

    def _wait(self) -> None:
        job, self._job = self._job, None
        if job is not None:
            job.result()

    def _written(self) -> Generator[None, tuple[np.ndarray, float] | None, None]:
        """Is sent pictures and their times, and None at the end."""
        first = yield
        if first is None:
            return
        try:
            with replacing(self._path) as part:
                options = {"movflags": "faststart"}
                name = str(part.absolute())  # ffmpeg takes some relative ones for addresses
                with av.open(name, "w", "mp4", container_options=options, metadata_errors="replace") as mp4:
                    source = self._video.path.name if self._video.path else "a camera"
                    mp4.metadata["comment"] = f"{MADE_BY}; source: {source}"
                    yield from self._encoded(mp4, *first)
        except (OSError, av.FFmpegError) as error:
            what = f"{shown(self._path)} could not be written ({error.strerror})"
            if isinstance(error, OSError):
                raise OSError(f"{what}: free space or give another --csv") from error
            raise PhotoError(f"{what}: convert the video to an mp4 of usual size") from error

    def _encoded(self, mp4: OutputContainer, picture: np.ndarray, time_s: float) -> Generator:
        """Writes pictures, from the first on, and the sound between them."""
        height, width = (max(2, side) for side in _even(picture).shape[:2])
        rate = Fraction(self._video.rate or USUAL_RATE).limit_denominator(1001)
        stream = mp4.add_stream("libx264", rate, width=width, height=height, time_base=TICK)
        stream.colorspace = stream.color_primaries = stream.color_trc = stream.color_range = BT709
        ticks, given, sound = -1, (picture, time_s), iter(())
        if self._video.path:
            sound = sound_packets(self._video.path, self._video.start_s, mp4)
        waiting = self._next(sound)
        while given is not None:
            picture, time_s = given
            ticks = max(ticks + 1, round(time_s / TICK))
            frame = av.VideoFrame.from_ndarray(_even(picture))
            frame = frame.reformat(width, height, "yuv420p", dst_colorspace="ITU709", dst_color_range="MPEG")
            frame.pts, frame.time_base, frame.duration = ticks, TICK, round(1 / rate / TICK)
            mp4.mux(stream.encode(frame))
            while waiting is not None and waiting[0] <= time_s + 1 / rate:
                with suppress(av.error.InvalidDataError, av.error.ArgumentError):  # a damaged packet
                    mp4.mux(waiting[1])
                waiting = self._next(sound)
            given = yield
        mp4.mux(stream.encode())

    def _next(self, sound: Iterator[tuple[float, av.Packet]]) -> tuple[float, av.Packet] | None:
        try:
            return next(sound, None)
        except ValueError as error:
            self.silent = str(error)
            return None


def _even(picture: np.ndarray) -> np.ndarray:
    """Without an odd last row and column, which the format does not hold."""
    height, width = picture.shape[:2]
    return np.ascontiguousarray(picture[: height - height % 2 or 1, : width - width % 2 or 1])
