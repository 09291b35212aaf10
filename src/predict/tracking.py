"""Which face of a frame is which face of the frames before."""

import itertools
from collections import deque
from dataclasses import dataclass, field

import numpy as np

from src.faces import box_edges

WINDOW_S = 0.5  # the emotion network's outputs are averaged over this time
PATIENCE_S = 1.0  # a face that was out of sight for no longer keeps its id
OVERLAP = 0.1  # intersection over union from which two squares may be the same face
# How much of the difference between a square and where it was expected goes into the place and into the speed.
TO_PLACE, TO_SPEED = 0.6, 0.15


@dataclass
class _Track:
    id: int
    square: np.ndarray
    seen_s: float
    speed: np.ndarray = field(default_factory=lambda: np.zeros(3))  # of the square's values, a second
    outputs: deque = field(default_factory=deque)  # (time, outputs of the emotion network)

    def expected(self, time_s: float) -> np.ndarray:
        return self.square + self.speed * (time_s - self.seen_s)

    def see(self, square: np.ndarray, time_s: float) -> None:
        expected, passed_s = self.expected(time_s), time_s - self.seen_s
        self.square, self.seen_s = expected + TO_PLACE * (square - expected), time_s
        if passed_s > 0:
            self.speed[:2] += TO_SPEED * (square - expected)[:2] / passed_s  # a size does not grow on


class FaceTracks:
    """The faces of one video or camera.

    The squares of a frame and those that are expected, if each face moves on as it did, are paired so that their
    overlap is largest in all (Bewley et al. 2016, "Simple online and realtime tracking", with a simpler filter).
    """

    def __init__(self):
        self._tracks: list[_Track] = []
        self._ids = itertools.count()

    def update(self, squares: np.ndarray, outputs: np.ndarray, time_s: float) -> tuple[list[int], np.ndarray]:
        """The faces of one frame -> the id of each, and its outputs averaged over the window, as `outputs`.

        squares (n, 3), px; outputs (n, 5 or 7); time_s: of the frame, not before that of the last call.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= PATIENCE_S]
        tracks = self._matched(squares, time_s)
        for track, square, output in zip(tracks, squares, outputs, strict=True):
            track.see(square, time_s)
            track.outputs.append((time_s, output))
            while time_s - track.outputs[0][0] > WINDOW_S:
                track.outputs.popleft()
        smooth = [np.mean([output for _, output in track.outputs], axis=0) for track in tracks]
        return [track.id for track in tracks], np.reshape(smooth, outputs.shape)

    def _matched(self, squares: np.ndarray, time_s: float) -> list[_Track]:
        """The track of each square, a new one where none fits."""
        from scipy.optimize import linear_sum_assignment  # takes a second to import, which a photo need not wait for

        expected = np.array([track.expected(time_s) for track in self._tracks]).reshape(-1, 3)
        overlap = overlaps(expected, squares)
        pairs = zip(*linear_sum_assignment(-overlap), strict=True)
        found = {j: self._tracks[i] for i, j in pairs if overlap[i, j] >= OVERLAP}
        for j, square in enumerate(squares):
            if j not in found:
                found[j] = _Track(next(self._ids), square, time_s)
                self._tracks.append(found[j])
        return [found[j] for j in range(len(squares))]


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each square of a (n, 3) with each of b (m, 3): (n, m), 0..1."""
    edges_a, edges_b = box_edges(a)[:, None], box_edges(b)
    sides = np.minimum(edges_a[..., 2:], edges_b[..., 2:]) - np.maximum(edges_a[..., :2], edges_b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    return shared / (a[:, None, 2] ** 2 + b[:, 2] ** 2 - shared)
