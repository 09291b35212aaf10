"""Pictures of judged faces: bold mistakes, one face under every stress, where a network looks."""

import textwrap

import numpy as np
from matplotlib.figure import Figure

from src.figures.pictures import face_grid, labelled_rows, show_face


def mistakes(images: np.ndarray, titles: list[str], summary: str, columns: int = 4) -> Figure:
    """Wrongly answered faces, uint8 (n, side, side), under n titles of up to three lines; summary: of all of them."""
    figure, axes = face_grid(len(images), columns, 2.2, 2.7)
    for axis, image, title in zip(axes.flat, images, titles, strict=False):
        show_face(axis, image)
        axis.set_title(title, fontsize=8.5, pad=3)
    figure.suptitle(textwrap.fill(summary, 80), fontsize=11)
    figure.subplots_adjust(wspace=0.1, hspace=0.4, top=1 - 1.1 / figure.get_figheight())
    return figure


def stressed(examples: dict[str, np.ndarray], strengths: dict[str, list[str]]) -> Figure:
    """One face under every stress, a column each, the mildest on top, its strength below.

    examples: stress and unit -> uint8 (n, side, side); strengths: the same -> n words.
    """
    lines = len(next(iter(examples.values())))
    figure, axes = face_grid(lines * len(examples), len(examples), 0.88, 1.05)
    for column, (name, faces) in zip(axes.T, examples.items(), strict=True):
        for axis, face, strength in zip(column, faces, strengths[name], strict=True):
            show_face(axis, face)
            axis.set_xlabel(strength, fontsize=9, labelpad=1)
        column[0].set_title("\n".join(textwrap.wrap(name, 10)), fontsize=8)
    figure.subplots_adjust(wspace=0.06, hspace=0.2)
    return figure


def looked_at(rows: dict[str, tuple[np.ndarray, np.ndarray]], titles: list[str]) -> Figure:
    """Faces under a veil that is bright where the network looked, and what the brightness means.

    rows: name -> faces (n, h, h) in 0..255 and maps (n, h, h), each of which is stretched to its own maximum; titles: n
    words over the first row.
    """
    figure = labelled_rows({name: faces for name, (faces, _) in rows.items()}, len(titles), inches=1.5)
    axes = figure.axes
    for axis, seen in zip(axes, np.concatenate([maps for _, maps in rows.values()]), strict=True):
        veil = axis.imshow(seen / (seen.max() or 1), cmap="inferno", vmin=0, vmax=1, alpha=0.5)
    for axis, title in zip(axes, titles, strict=False):
        axis.set_title(title, fontsize=11)
    bar = figure.colorbar(veil, ax=axes, location="bottom", shrink=0.5, aspect=30, pad=0.04)
    bar.set_label("how much a place speaks for the network's own answer; 1: the most in its picture")
    return figure
