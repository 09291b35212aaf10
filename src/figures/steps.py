"""The way of one face from the photo to the answer, in one figure."""

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from src.faces import box_edges
from src.figures import OTHER, RIGHT
from src.figures.pictures import mark_points, part_legend
from src.labels import EMOTIONS


def from_photo_to_answer(
    grey: np.ndarray,
    box_px: np.ndarray,
    squares: np.ndarray,
    face: np.ndarray,
    points_px: np.ndarray,
    aligned: np.ndarray,
    probabilities: np.ndarray,
) -> Figure:
    """Five panels: the detector's box, the squares, the keypoints, the aligned crop, the five probabilities.

    grey: uint8 (h, w); box_px: left, top, right, bottom; squares: (2, 3), by the box and by the keypoints, px of grey;
    face: uint8 (96, 96); points_px: (15, 2) px of the face; aligned: uint8 (s, s); probabilities: (5,).
    """
    figure, panels = plt.subplot_mosaic("1123;1145", figsize=(10, 5.6), layout="constrained")
    for name, image in zip("1234", (grey, grey, face, aligned), strict=True):
        panels[name].imshow(image, cmap="gray", vmin=0, vmax=255)
        panels[name].axis("off")
    names = ("detector's box", "square by the box", "square by the keypoints")
    _frame(panels["1"], box_px, names[0], ":")
    for name, edges, style in zip(names, (box_px, *box_edges(squares)), (":", "--", "-"), strict=True):
        _frame(panels["2"], edges, name, style)
    (x, y), half = squares[1, :2], 0.75 * squares[:, 2].max()
    panels["2"].set(xlim=(x - half, x + half), ylim=(y + half, y - half))
    mark_points(panels["3"], points_px, size=22)
    colours = np.where(probabilities == probabilities.max(), RIGHT, OTHER)
    panels["5"].barh(EMOTIONS, probabilities, color=colours)
    panels["5"].set(xlim=(0, 1), xlabel="probability", ylim=(len(EMOTIONS) - 0.5, -0.5))
    panels["5"].spines[["top", "right"]].set_visible(False)
    titles = ("the face found", "the square cut out", "the keypoints", "turned and scaled", "the answer")
    for (number, panel), title in zip(panels.items(), titles, strict=True):
        panel.set_title(f"{number} · {title}")
    handles = [*panels["2"].patches, *part_legend()]
    figure.legend(handles=handles, loc="outside lower center", ncol=7, frameon=False)
    return figure


def _frame(axis, edges: np.ndarray, name: str, style: str) -> None:
    left, top, right, bottom = edges
    size = (right - left, bottom - top)
    axis.add_patch(plt.Rectangle((left, top), *size, fill=False, color=RIGHT, lw=2, ls=style, label=name))
