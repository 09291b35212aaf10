"""Videos and cameras: frames in, a table a frame and an annotated mp4 out, in memory that does not grow."""

import itertools
import subprocess
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from imageio_ffmpeg import get_ffmpeg_exe

from src.faces import box_edges
from src.figures.pictures import annotated
from src.files import shown
from src.predict.photos import PhotoError, to_grey
from src.predict.reader import FaceReader

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".ogv", ".webm", ".wmv")
USUAL_RATE = 25.0  # frames a second where a file does not tell
WINDOW_S = 0.5  # the emotion network's outputs are averaged over this time
PATIENCE_S = 1.0  # a face that was out of sight for no longer keeps its id
OVERLAP = 0.2  # intersection over union from which two squares may be the same face

# What OpenCV would print about a file or a camera is said in a sentence here.
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)


class Video:
    """An opened video file (Path) or camera (its number). PhotoError where it cannot be opened.

    rate: frames a second, None for a camera; count: of frames as the file's header has it, 0 where unknown.
    """

    def __init__(self, source: Path | int):
        self._is_camera = isinstance(source, int)
        self._capture = cv2.VideoCapture(source if self._is_camera else str(source))
        if not self._capture.isOpened():
            if self._is_camera:
                raise PhotoError(f"There is no camera {source}: plug it in or give another number")
            raise PhotoError(f"{shown(source)} cannot be read as a video: convert it to mp4")
        rate = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate = None if self._is_camera else rate if 1 <= rate <= 240 else USUAL_RATE
        self.count = 0 if self._is_camera else max(0, int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT)))

    def __iter__(self) -> Iterator[tuple[float, np.ndarray]]:
        """Time in s since the first frame, which never runs back, and picture, uint8 (h, w, 3), red, green, blue."""
        start, last = time.monotonic(), 0.0
        while True:
            there, frame = self._capture.read()
            if not there:
                return
            told = self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            last = max(last, time.monotonic() - start if self._is_camera else told)
            yield last, cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        self._capture.release()


def read_frames(reader: FaceReader, video: Video) -> Iterator[tuple[float, np.ndarray, pd.DataFrame]]:
    """Each frame: its time (s), its picture, its faces as `FaceReader.read_photo` gives them, without `file`.

    `face` is an id that stays with a face; its emotion comes from outputs averaged over WINDOW_S.
    """
    tracks = FaceTracks()
    for time_s, picture in video:
        found = reader.find(to_grey(picture))
        ids, smooth = tracks.update(found.squares, found.outputs, time_s)
        yield time_s, picture, reader.found_table(replace(found, outputs=smooth)).assign(face=ids)


@dataclass
class _Track:
    id: int
    square: np.ndarray
    seen_s: float = 0.0
    outputs: deque = field(default_factory=deque)  # (time, outputs of the emotion network)


class FaceTracks:
    """The faces of one video or camera.

    Squares of the last sighting and of this frame are paired so that their overlap is largest in all (Bewley et al.
    2016, "Simple online and realtime tracking", without its motion model: at video rate a face hardly moves).
    """

    def __init__(self):
        self._tracks: list[_Track] = []
        self._ids = itertools.count()

    def update(self, squares: np.ndarray, outputs: np.ndarray, time_s: float) -> tuple[list[int], np.ndarray]:
        """The faces of one frame -> the id of each, and its outputs averaged over the window, as `outputs`.

        squares (n, 3), px; outputs (n, 5 or 7); time_s: of the frame, not before that of the last call.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= PATIENCE_S]
        tracks = self._matched(squares)
        for track, square, output in zip(tracks, squares, outputs, strict=True):
            track.square, track.seen_s = square, time_s
            track.outputs.append((time_s, output))
            while time_s - track.outputs[0][0] > WINDOW_S:
                track.outputs.popleft()
        smooth = [np.mean([output for _, output in track.outputs], axis=0) for track in tracks]
        return [track.id for track in tracks], np.reshape(smooth, outputs.shape)

    def _matched(self, squares: np.ndarray) -> list[_Track]:
        """The track of each square, a new one where none fits."""
        from scipy.optimize import linear_sum_assignment  # takes a second to import, which a photo need not wait for

        overlap = overlaps(np.array([track.square for track in self._tracks]).reshape(-1, 3), squares)
        pairs = zip(*linear_sum_assignment(-overlap), strict=True)
        found = {j: self._tracks[i] for i, j in pairs if overlap[i, j] >= OVERLAP}
        for j, square in enumerate(squares):
            if j not in found:
                found[j] = _Track(next(self._ids), square)
                self._tracks.append(found[j])
        return [found[j] for j in range(len(squares))]


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each square of a (n, 3) with each of b (m, 3): (n, m), 0..1."""
    edges_a, edges_b = box_edges(a)[:, None], box_edges(b)
    sides = np.minimum(edges_a[..., 2:], edges_b[..., 2:]) - np.maximum(edges_a[..., :2], edges_b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    return shared / (a[:, None, 2] ** 2 + b[:, 2] ** 2 - shared)


class AnnotatedVideo:
    """An H.264 mp4 of annotated frames; players and browsers show it. The file is whole once closed.

    rate: frames a second; None gives each frame the time at which it was added.
    """

    def __init__(self, path: Path, rate: float | None):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path, self._rate, self._ffmpeg = path, rate, None

    def add(self, picture: np.ndarray, table: pd.DataFrame) -> None:
        """picture uint8 (h, w, 3), of one size throughout; table: its faces. OSError where it cannot be written."""
        height, width = (side - side % 2 for side in picture.shape[:2])  # the format has even sides
        if self._ffmpeg is None:
            self._ffmpeg = self._start(f"{width}x{height}")
        try:
            self._ffmpeg.stdin.write(np.ascontiguousarray(annotated(picture, table)[:height, :width]))
        except BrokenPipeError as error:
            raise OSError(f"{shown(self._path)} could not be written: free space or give another --csv") from error

    def _start(self, size: str) -> subprocess.Popen:
        pace = ["-r", f"{self._rate:.6f}"] if self._rate else ["-use_wallclock_as_timestamps", "1"]
        frames = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", size, *pace, "-i", "-"]
        film = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-movflags", "+faststart", str(self._path.absolute())]
        command = [get_ffmpeg_exe(), "-y", "-loglevel", "error", *frames, *film]
        # In a session of its own, Ctrl-C does not reach it: it ends when its input ends, and the file is whole.
        return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)

    def close(self) -> None:
        if self._ffmpeg is not None:
            self._ffmpeg.communicate()  # closes its input, where that is not broken, and waits
