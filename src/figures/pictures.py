"""Pictures of faces in notebooks, by pyplot."""

import math
import textwrap

import numpy as np
import pandas as pd
from matplotlib import pyplot as plt
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from src.figures import OTHER, PART_COLOURS, RIGHT, WRONG
from src.figures.board import keypoints_of
from src.labels import EMOTIONS, FRAME, KEYPOINTS, PARTS


def face_grid(count: int, columns: int, width: float, height: float):
    """A notebook's figure and its axes, one for each of `count` faces, unseen until `show_face`; inches a face."""
    rows = math.ceil(count / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(columns * width, rows * height), squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    return figure, axes


def show_face(axis, image: np.ndarray) -> None:
    axis.axis("on")
    axis.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="lanczos")
    axis.set(xticks=[], yticks=[])
    axis.spines[:].set_visible(False)


def mark_points(axis, keypoints_px: np.ndarray, scale: float = 1.0, size: float = 14) -> None:
    """Draws one face's points: (15, 2) px of the 96 frame; `scale`: side of the shown picture / 96."""
    shown_px = (keypoints_px + 0.5) * scale - 0.5
    for part, colour in PART_COLOURS.items():
        x, y = shown_px[list(PARTS[part])].T
        axis.scatter(x, y, s=size, c=colour, edgecolors="black", linewidths=0.5)
    # A point may lie outside its picture; the picture keeps its size all the same.
    axis.set(xlim=(-0.5, FRAME * scale - 0.5), ylim=(FRAME * scale - 0.5, -0.5))


def part_legend() -> list[Line2D]:
    style = {"marker": "o", "linestyle": "", "markeredgecolor": "black", "markeredgewidth": 0.5}
    return [Line2D([], [], color=colour, label=part, **style) for part, colour in PART_COLOURS.items()]


# ---------------------------------------------------------------- faces in notebooks


def labelled_rows(images: dict[str, np.ndarray], columns: int = 8, inches: float = 1.15) -> Figure:
    """A row of faces for each name, `inches` wide each: name -> uint8 (n, side, side)."""
    figure, axes = face_grid(len(images) * columns, columns, inches, inches)
    for row, (name, faces) in zip(axes, images.items(), strict=True):
        for axis, face in zip(row, faces, strict=False):
            show_face(axis, face)
        row[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    figure.subplots_adjust(wspace=0.04, hspace=0.04)
    return figure


def titled_faces(images: np.ndarray, titles: list[str], columns: int = 8) -> Figure:
    """Faces, uint8 (n, side, side), under n titles."""
    figure, axes = face_grid(len(images), columns, 1.5, 1.9)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        show_face(axis, image)
        axis.set_title(title, fontsize=9, pad=3)
    figure.subplots_adjust(wspace=0.05, hspace=0.25)
    return figure


def faces_with_keypoints(
    images: np.ndarray, keypoints_px: np.ndarray, titles=None, columns: int = 8, rows: tuple[str, ...] = ()
) -> Figure:
    """Faces with their points: uint8 (n, side, side), (n, 15, 2) px of the 96 frame.

    titles: n words or None; rows: the name of each row.
    """
    figure, axes = face_grid(len(images), columns, 1.4, 1.4 if titles is None else 1.6)
    words = [""] * len(images) if titles is None else titles
    for axis, image, points, title in zip(axes.flat, images, keypoints_px, words, strict=False):
        show_face(axis, image)
        mark_points(axis, points, image.shape[0] / FRAME)
        axis.set_title(title, fontsize=8, pad=2)
    for axis, name in zip(axes[:, 0], rows, strict=False):
        axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=11)
    figure.subplots_adjust(wspace=0.05, hspace=0.05 if titles is None else 0.2, bottom=0.02)
    figure.legend(handles=part_legend(), loc="upper center", ncol=4, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure


def true_and_predicted(images: np.ndarray, true_px: np.ndarray, predicted_px: np.ndarray, titles: list[str]) -> Figure:
    """Each true point (ring) joined to the predicted one (dot): (n, side, side), (n, 15, 2) px of 96 twice."""
    figure, axes = face_grid(len(images), 6, 1.55, 1.75)
    marker = {"marker": "o", "ls": ""}
    ring = marker | {"ms": 6, "mfc": "none", "mec": "white", "label": "true point"}
    dot = marker | {"ms": 4, "mfc": RIGHT, "mec": "white", "mew": 0.5, "zorder": 4, "label": "network's point"}
    line = {"color": WRONG, "lw": 1.6, "zorder": 3, "label": "error"}
    for axis, image, true, predicted, title in zip(axes.flat, images, true_px, predicted_px, titles, strict=False):
        true, predicted = ((points + 0.5) * len(image) / FRAME - 0.5 for points in (true, predicted))
        show_face(axis, image)
        axis.plot(*np.stack([true, predicted]).transpose(2, 0, 1), **line)
        axis.plot(*true.T, **ring)
        axis.plot(*predicted.T, **dot)
        axis.set(xlim=(-0.5, len(image) - 0.5), ylim=(len(image) - 0.5, -0.5))
        axis.set_title(title, fontsize=9, pad=2)
    figure.subplots_adjust(wspace=0.05, hspace=0.15, bottom=0.02)
    handles = [Line2D([], [], **it) for it in (ring | {"mec": "grey"}, dot, line)]
    figure.legend(handles=handles, loc="upper center", ncol=3, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure


def heatmaps(image: np.ndarray, maps: dict[str, np.ndarray]) -> Figure:
    """One face under the heatmap of each of some points: uint8 (side, side); name -> probabilities (cells, cells)."""
    figure, axes = face_grid(len(maps), len(maps), 1.6, 2.3)
    for axis, (name, heat) in zip(axes[0], maps.items(), strict=True):
        show_face(axis, image)
        shown = np.ma.masked_less(heat / heat.max(), 0.02)
        extent = (-0.5, len(image) - 0.5, len(image) - 0.5, -0.5)
        heat = axis.imshow(shown, cmap="inferno", alpha=0.75, extent=extent, vmin=0, vmax=1, interpolation="nearest")
        axis.set_title("\n".join(textwrap.wrap(name.replace("_", " "), 14)), fontsize=9, pad=3)
    figure.suptitle("Where the network sees five of the points", y=1.02)
    figure.subplots_adjust(wspace=0.05)
    bar = {"location": "bottom", "shrink": 0.5, "aspect": 30, "pad": 0.04}
    figure.colorbar(heat, ax=axes, label="probability of a cell, that of the likeliest being 1", **bar)
    return figure


def left_and_right(images: np.ndarray, keypoints_px: np.ndarray, titles: list[str]) -> Figure:
    """Faces with the points named left, right and neither in three colours: (n, side, side), (n, 15, 2) px of 96."""
    figure, axes = face_grid(len(images), len(images), 2.1, 2.5)
    colours = {"named left": "#56B4E9", "named right": "#E69F00", "on the midline": "#FFFFFF"}
    sides = ["left" if "left" in name else "right" if "right" in name else "midline" for name in KEYPOINTS]
    for axis, image, points, title in zip(axes[0], images, keypoints_px, titles, strict=True):
        show_face(axis, image)
        for label, colour in colours.items():
            x, y = ((points[[label.endswith(side) for side in sides]] + 0.5) * image.shape[0] / FRAME - 0.5).T
            axis.scatter(x, y, s=30, c=colour, edgecolors="black", linewidths=0.5, label=label)
        axis.set_title(title, fontsize=10)
    figure.suptitle("Left and right in a flipped face", y=1.07)
    figure.subplots_adjust(wspace=0.06, bottom=0.06)
    handles, names = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, names, loc="upper center", ncol=3, frameon=False, bbox_to_anchor=(0.5, 0.02))
    return figure


# ---------------------------------------------------------------- answers: boards, a photo


def _answer_axes(part, count: int, columns: int) -> list[tuple]:
    """Axes for `count` faces, and below each one for its probabilities, in a figure or a part of one."""
    lines = math.ceil(count / columns)
    axes = part.subplots(2 * lines, columns, height_ratios=(3.2, 1) * lines, squeeze=False)
    for axis in axes.flat:
        axis.axis("off")
    return list(zip(axes[::2].flat, axes[1::2].flat, strict=True))


def _answer(axes: tuple, face: np.ndarray, points_px: np.ndarray, row: pd.Series, title: str, truth: str) -> None:
    """A face with its points, (15, 2) px of the 96 frame, and its row's probabilities."""
    above, below = axes
    show_face(above, face)
    mark_points(above, points_px, face.shape[0] / FRAME, size=13)
    colour = RIGHT if row["emotion"] == truth else WRONG
    above.set_title(title, fontsize=9.5, pad=3, color=colour, fontweight="bold")
    above.set_anchor("S")
    below.axis("on")
    places = range(len(EMOTIONS))
    colours = [RIGHT if name == truth else WRONG if name == row["emotion"] else OTHER for name in EMOTIONS]
    below.bar(places, [row[f"p_{name}"] for name in EMOTIONS], color=colours, width=0.75)
    below.set_xticks(places, [name[:3] for name in EMOTIONS], fontsize=7)
    below.tick_params(length=0, pad=1)
    below.set(ylim=(0, 1), yticks=[], box_aspect=0.3, anchor="N")
    below.spines["top"].set_color(OTHER)  # where a probability is 1
    below.spines[["left", "right"]].set_visible(False)


def face_board(images: np.ndarray, table: pd.DataFrame, truth: list[str], columns: int = 7) -> Figure:
    """Faces with keypoints, predicted against true emotion and the five probabilities.

    images uint8 (n, side, side); table: rows of `FaceReader.read_faces` for them; truth: n emotion names.
    """
    figure = plt.figure(figsize=(columns * 1.55, math.ceil(len(images) / columns) * 2.6 + 0.9), layout="constrained")
    axes = _answer_axes(figure, len(images), columns)
    for pair, image, (_, row), name in zip(axes, images, table.iterrows(), truth, strict=False):
        title = row["emotion"] if row["sure"] else f"{row['emotion']} ?"
        title += "" if row["emotion"] == name else f"\n(label: {name})"
        _answer(pair, image, keypoints_of(row), row, title, name)
    words = {RIGHT: "right, or the label", WRONG: "wrong answer, the label below"}
    marks = [Line2D([], [], color=colour, lw=6, label=it) for colour, it in words.items()]
    marks += [Line2D([], [], lw=0, label=it) for it in ("?  not sure", "bars: probability, 0 to the line at 1")]
    lines = [it for pair in zip(part_legend(), marks, strict=True) for it in pair]  # a legend fills column by column
    figure.legend(handles=lines, loc="outside lower center", ncol=4, frameon=False, handlelength=1)
    return figure
