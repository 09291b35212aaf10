"""The figures: arrays in, a matplotlib Figure out. Colours are told apart by colour-blind readers too."""

import math
from dataclasses import dataclass, field

import cv2
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from src.faces import crop_squares, squares_of_edges, to_frame
from src.figures import PART_COLOURS, RIGHT, WRONG, probability_bars
from src.figures import save_figure as save_figure  # notebooks take it from here
from src.labels import BOX_COLUMNS, FRAME, KEYPOINT_COLUMNS, KEYPOINTS, PARTS


def _show(axis, image: np.ndarray) -> None:
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
    axis.set_xticks([])
    axis.set_yticks([])
    for side in axis.spines.values():
        side.set_visible(False)


def _mark(axis, keypoints_px: np.ndarray, scale: float = 1.0, size: float = 14) -> None:
    """Draws one face's points: (15, 2) px of the 96 frame; `scale`: side of the shown picture / 96."""
    shown_px = (keypoints_px + 0.5) * scale - 0.5
    for part, colour in PART_COLOURS.items():
        x, y = shown_px[list(PARTS[part])].T
        axis.scatter(x, y, s=size, c=colour, edgecolors="black", linewidths=0.5)
    # A point may lie outside its picture; the picture keeps its size all the same.
    axis.set(xlim=(-0.5, FRAME * scale - 0.5), ylim=(FRAME * scale - 0.5, -0.5))


def _grid(count: int, columns: int, side: float = 1.4, extra: float = 0.0):
    rows = -(-count // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * side, rows * (side + extra)), squeeze=False)
    for axis in axes.flat[count:]:
        axis.axis("off")
    return figure, axes


def labelled_rows(images: dict[str, np.ndarray], columns: int = 8) -> Figure:
    """A row of faces for each name: name -> uint8 (n, side, side)."""
    figure, axes = plt.subplots(len(images), columns, figsize=(columns * 1.15, len(images) * 1.2), squeeze=False)
    for row, (name, faces) in zip(axes, images.items(), strict=True):
        for axis, face in zip(row, faces, strict=False):
            _show(axis, face)
        for axis in row[len(faces) :]:
            axis.axis("off")
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    figure.subplots_adjust(wspace=0.04, hspace=0.04)
    return figure


def faces_with_keypoints(images: np.ndarray, keypoints_px: np.ndarray, titles=None, columns: int = 8) -> Figure:
    """Faces with their points: uint8 (n, side, side), (n, 15, 2) px of the 96 frame; titles: n words or None."""
    figure, axes = _grid(len(images), columns, extra=0.2 if titles is not None else 0)
    for i, (axis, image) in enumerate(zip(axes.flat, images, strict=False)):
        _show(axis, image)
        _mark(axis, keypoints_px[i], image.shape[0] / FRAME)
        if titles is not None:
            axis.set_title(titles[i], fontsize=8, pad=2)
    figure.subplots_adjust(wspace=0.05, hspace=0.05 if titles is None else 0.2, bottom=0.02)
    figure.legend(handles=_part_legend(), loc="upper center", ncol=4, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure


def _part_legend() -> list[Line2D]:
    style = {"marker": "o", "linestyle": "", "markeredgecolor": "black", "markeredgewidth": 0.5}
    return [Line2D([], [], color=colour, label=part, **style) for part, colour in PART_COLOURS.items()]


def left_and_right(images: np.ndarray, keypoints_px: np.ndarray, titles: list[str]) -> Figure:
    """Faces with the points named left, right and neither in three colours: (n, side, side), (n, 15, 2) px of 96."""
    figure, axes = plt.subplots(1, len(images), figsize=(2.6 * len(images), 3.1), squeeze=False)
    colours = {"left": "#56B4E9", "right": "#E69F00", "middle": "#FFFFFF"}
    sides = np.array([name.split("_")[0] if "mouth_" not in name else name.split("_")[1] for name in KEYPOINTS])
    sides[~np.isin(sides, ["left", "right"])] = "middle"
    for axis, image, points, title in zip(axes[0], images, keypoints_px, titles, strict=True):
        _show(axis, image)
        scale = image.shape[0] / FRAME
        for side, colour in colours.items():
            x, y = ((points[sides == side] + 0.5) * scale - 0.5).T
            axis.scatter(
                x,
                y,
                s=26,
                c=colour,
                edgecolors="black",
                linewidths=0.5,
                label="on the midline" if side == "middle" else f"named {side}",
            )
        axis.set_title(title, fontsize=10)
    axes[0][0].legend(fontsize=7, loc="lower left", framealpha=0.8)
    figure.subplots_adjust(wspace=0.06)
    return figure


def keypoint_spread(keypoints_px: np.ndarray, mean_face: np.ndarray) -> Figure:
    """Where the points lie: a dot a point over the mean face, a ring at each mean; (n, 15, 2) px, (96, 96)."""
    figure, axis = plt.subplots(figsize=(5.2, 5.2))
    _show(axis, mean_face)
    for part, colour in PART_COLOURS.items():
        x, y = keypoints_px[:, list(PARTS[part])].reshape(-1, 2).T
        axis.scatter(x, y, s=3, color=colour, alpha=0.12, linewidths=0, rasterized=True)
    _mark(axis, np.nanmean(keypoints_px, axis=0), size=45)
    axis.set(xlim=(-0.5, FRAME - 0.5), ylim=(FRAME - 0.5, -0.5), title="Where the keypoints lie, over the mean face")
    axis.legend(handles=_part_legend(), loc="lower right", framealpha=0.8)
    return figure


def looked_at(rows: dict[str, tuple[np.ndarray, np.ndarray]], titles: list[str]) -> Figure:
    """Faces under a veil that is clear where the network looked.

    rows: name -> faces (n, h, h) in 0..255 and maps (n, h, h) in 0..1; titles: n words over the first row.
    """
    figure, axes = plt.subplots(len(rows), len(titles), figsize=(1.9 * len(titles), 2.05 * len(rows)), squeeze=False)
    for line, (name, (faces, maps)) in zip(axes, rows.items(), strict=True):
        for axis, face, seen in zip(line, faces, maps, strict=True):
            _show(axis, face)
            axis.imshow(seen, cmap="inferno", vmin=0, vmax=1, alpha=0.45)
        line[0].set_ylabel(name)
    for axis, title in zip(axes[0], titles, strict=True):
        axis.set_title(title, fontsize=10)
    figure.subplots_adjust(wspace=0.05, hspace=0.05)
    return figure


def mistakes(images: np.ndarray, table: pd.DataFrame, columns: int = 8) -> Figure:
    """Wrongly answered faces: what the network says, how surely, and the label; a star where the label is doubted.

    images uint8 (n, side, side); table: rows of `evaluation.confident_mistakes` for them.
    """
    figure, axes = _grid(len(images), columns, extra=0.35)
    for axis, image, row in zip(axes.flat, images, table.itertuples(), strict=False):
        _show(axis, image)
        star = " *" if row.label_doubted else ""
        axis.set_title(f"{row.emotion} {row.confidence:.0%}\nlabel: {row.true}{star}", fontsize=8, pad=2)
    figure.subplots_adjust(wspace=0.05, hspace=0.3)
    return figure


def face_board(images: np.ndarray, table: pd.DataFrame, truth: list[str], columns: int = 6) -> Figure:
    """Faces with keypoints, predicted against true emotion and the five probabilities.

    images uint8 (n, side, side); table: rows of `FaceReader.read_faces` for them; truth: n emotion names.
    """
    rows = -(-len(images) // columns)
    figure = plt.figure(figsize=(columns * 1.9, rows * 2.75))
    boxes = figure.add_gridspec(rows, columns, wspace=0.12, hspace=0.28)
    for i, image in enumerate(images):
        face_axis, bar_axis = figure.add_subfigure(boxes[i // columns, i % columns]).subplots(
            2, 1, height_ratios=(3.2, 1), gridspec_kw={"hspace": 0.04, "left": 0.02, "right": 0.98, "top": 0.88}
        )
        row = table.iloc[i]
        _board_face(face_axis, image, row, truth[i])
        probability_bars(bar_axis, row, truth[i])
    figure.legend(handles=_part_legend(), loc="upper center", ncol=4, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure


def _board_face(axis, image: np.ndarray, row: pd.Series, truth: str) -> None:
    _show(axis, image)
    points = row[list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(len(KEYPOINTS), 2)
    _mark(axis, points, image.shape[0] / FRAME, size=13)
    right = row["emotion"] == truth
    title = f"{row['emotion']}" if right else f"{row['emotion']}\n(true: {truth})"
    doubt = "" if row["sure"] else " ?"
    axis.set_title(title + doubt, fontsize=9.5, pad=3, color=RIGHT if right else WRONG, fontweight="bold", va="bottom")


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
