"""Own faces on paper: a photo with what was found in it, and a board of faces with their answers."""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from src.face_table import BOX_COLUMNS
from src.framing import crop_squares, squares_of_edges, to_frame
from src.labels import FRAME, KEYPOINT_COLUMNS, KEYPOINTS, PARTS
from src.marks import PART_COLOURS, RIGHT, probability_bars

FACES = 24  # on a board at most
PHOTO_SIDE = 1200  # px of a photo on the board at most


@dataclass
class Board:
    """Gathers what a board shows, which does not grow with the number of photos: the first faces, the first photo."""

    faces: list[np.ndarray] = field(default_factory=list)  # uint8 (96, 96, 3)
    rows: list[pd.Series] = field(default_factory=list)
    photo: np.ndarray | None = None  # the first photo, annotated
    photos: int = 0

    def add(self, photo: np.ndarray, table: pd.DataFrame) -> None:
        """photo uint8 (h, w, 3); table: its faces, boxes and keypoints in its px."""
        self.photos += 1
        if self.photo is None:
            self.photo = _shrunk(annotated(photo, table))
        table = table.iloc[: FACES - len(self.rows)]
        if len(table):
            squares = squares_of_edges(table[list(BOX_COLUMNS)].to_numpy(float))
            self.faces.extend(crop_squares(photo, squares))
            self.rows.extend(row for _, row in table.iterrows())

    def draw(self, figure: Figure) -> Figure:
        """Fills an empty figure and gives it back. One photo: itself beside its faces; several: their faces."""
        beside, count = self.photos == 1, max(len(self.rows), 1)
        columns = min(math.ceil(count**0.5) if beside else count, 6)
        lines = -(-count // columns)
        height = max(2.75 * lines, 5.5 if beside else 0)
        width = height * min(self.photo.shape[1] / self.photo.shape[0], 2) if beside else 0
        figure.set_size_inches(width + 1.9 * columns, height)
        figure.set_layout_engine("constrained")
        parts = figure.subfigures(1, 2, width_ratios=(width, 1.9 * columns), squeeze=False)[0] if beside else [figure]
        if beside:
            _picture(parts[0].subplots(), self.photo, "bilinear")  # the largest picture: quicker
        self._draw_faces(parts[-1], lines, columns)
        return figure

    def _draw_faces(self, part, lines: int, columns: int) -> None:
        axes = part.subplots(2 * lines, columns, height_ratios=(3.2, 1) * lines, squeeze=False)
        for axis in axes.flat:
            axis.axis("off")
        for i, (face, row) in enumerate(zip(self.faces, self.rows, strict=True)):
            line, column = divmod(i, columns)
            _face(axes[2 * line, column], face, row)
            _bars(axes[2 * line + 1, column], row)
        if not self.rows:
            axes[0, 0].text(0.5, 0.5, "no face found", ha="center", va="center", transform=axes[0, 0].transAxes)


def _shrunk(photo: np.ndarray) -> np.ndarray:
    scale = PHOTO_SIDE / max(photo.shape[:2])
    return photo if scale >= 1 else cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)


def _picture(axis, photo: np.ndarray, interpolation: str = "lanczos") -> None:
    axis.imshow(photo, interpolation=interpolation)
    axis.axis("off")


def _face(axis, face: np.ndarray, row: pd.Series) -> None:
    _picture(axis, face)
    square = squares_of_edges(row[list(BOX_COLUMNS)].to_numpy(float)[None])
    for part, x, y in _points(to_frame(_keypoints(row)[None], square)[0]):
        axis.scatter(x, y, s=13, c=PART_COLOURS[part], edgecolors="black", linewidths=0.5)
    axis.set(xlim=(-0.5, FRAME - 0.5), ylim=(FRAME - 0.5, -0.5))
    axis.set_title(_caption(row), fontsize=9.5, pad=3, fontweight="bold")
    axis.set_anchor("S")


def _bars(axis, row: pd.Series) -> None:
    axis.axis("on")
    probability_bars(axis, row, truth=row["emotion"])  # nobody knows better here
    axis.set(box_aspect=0.3, anchor="N")


def _caption(row: pd.Series) -> str:
    return f"{row['face']}: {row['emotion']} {row['confidence']:.0%}{'' if row['sure'] else ' ?'}"


def _keypoints(row: pd.Series) -> np.ndarray:
    return row[list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(len(KEYPOINTS), 2)


def _points(points: np.ndarray):
    """Part, x, y of each point (15, 2)."""
    return [(part, *points[i]) for part, indices in PARTS.items() for i in indices]


def annotated(photo: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """A copy of a photo, uint8 (h, w, 3), with box, keypoints, number and emotion of each face drawn in."""
    picture = np.ascontiguousarray(photo).copy()
    for _, row in table.iterrows():
        left, top, right, bottom = (round(row[name]) for name in BOX_COLUMNS)
        size = max(right - left, 1)
        cv2.rectangle(picture, (left, top), (right, bottom), _bytes(RIGHT), max(1, size // 80), cv2.LINE_AA)
        for part, x, y in _points(_keypoints(row)):
            centre, radius = (round(16 * x), round(16 * y)), round(max(24, size / 3.5))  # sixteenths of a px
            cv2.circle(picture, centre, radius, _bytes(PART_COLOURS[part]), -1, cv2.LINE_AA, 4)
        origin, scale = (max(left, 0), max(top - 5, 12)), min(max(size / 250, 0.4), photo.shape[1] / 300)
        for colour, width in (((0, 0, 0), 4), ((255, 255, 255), 1)):  # white on black is legible on any photo
            style = (cv2.FONT_HERSHEY_SIMPLEX, scale, colour, max(1, round(width * scale)), cv2.LINE_AA)
            cv2.putText(picture, _caption(row), origin, *style)
    return picture


def _bytes(colour: str) -> tuple[int, ...]:
    return tuple(round(255 * value) for value in to_rgb(colour))
