"""Faces keep an id from frame to frame, and their answers are averaged over a short window."""

from collections import deque
from dataclasses import dataclass, field

import numpy as np

from src.framing import box_edges

WINDOW_S = 0.5  # the emotion network's outputs are averaged over this time
PATIENCE_S = 1.0  # a face that was out of sight for no longer keeps its id
OVERLAP = 0.2  # intersection over union from which two squares may be the same face


@dataclass
class _Track:
    id: int
    square: np.ndarray
    seen_s: float
    outputs: deque = field(default_factory=deque)  # (time, outputs of the emotion network)


class FaceTracks:
    """The faces of one video or camera.

    Squares of the last sighting and of this frame are paired so that their overlap is largest in all (Bewley et al.
    2016, "Simple online and realtime tracking", without its motion model: at video rate a face hardly moves).
    """

    def __init__(self):
        self._tracks: list[_Track] = []
        self._next_id = 0

    def update(self, squares: np.ndarray, outputs: np.ndarray, time_s: float) -> tuple[list[int], np.ndarray]:
        """The faces of one frame -> the id of each, and its outputs averaged over the window, as `outputs`.

        squares (n, 3), px; outputs (n, 5 or 7); time_s: of the frame, not before that of the last call.
        """
        self._tracks = [track for track in self._tracks if time_s - track.seen_s <= PATIENCE_S]
        tracks = self._matched(squares, time_s)
        for track, output in zip(tracks, outputs, strict=True):
            track.outputs.append((time_s, output))
            while time_s - track.outputs[0][0] > WINDOW_S:
                track.outputs.popleft()
        smooth = [np.mean([output for _, output in track.outputs], axis=0) for track in tracks]
        return [track.id for track in tracks], np.array(smooth).reshape(outputs.shape)

    def _matched(self, squares: np.ndarray, time_s: float) -> list[_Track]:
        """The track of each square, a new one where none fits."""
        known = np.array([track.square for track in self._tracks]).reshape(-1, 3)
        from scipy.optimize import linear_sum_assignment  # takes a second to import, which a photo need not wait for

        overlap = overlaps(known, squares)
        pairs = {
            j: self._tracks[i]
            for i, j in zip(*linear_sum_assignment(-overlap), strict=True)
            if overlap[i, j] >= OVERLAP
        }
        for j, square in enumerate(squares):
            if j not in pairs:
                pairs[j] = _Track(self._next_id, square, time_s)
                self._tracks.append(pairs[j])
                self._next_id += 1
            pairs[j].square, pairs[j].seen_s = square, time_s
        return [pairs[j] for j in range(len(squares))]


def overlaps(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Intersection over union of each square of a (n, 3) with each of b (m, 3): (n, m), 0..1."""
    a, b = box_edges(a)[:, None], box_edges(b)[None]
    sides = np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2])
    shared = np.prod(np.maximum(sides, 0), axis=-1)
    areas = [np.prod(edges[..., 2:] - edges[..., :2], axis=-1) for edges in (a, b)]
    return shared / (areas[0] + areas[1] - shared)
