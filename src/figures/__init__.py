"""Figures: arrays and tables in, matplotlib Figure out. Here is what pictures and charts share: colours, bars, saving.

Knows figures but not pyplot, which would make the program that reads one photo wait.
"""

from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from src.files import replacing
from src.labels import EMOTIONS

# Okabe and Ito's palette: told apart by colour-blind readers too.
PART_COLOURS = {"eyes": "#56B4E9", "brows": "#F0E442", "nose": "#CC79A7", "mouth": "#E69F00"}
RIGHT, WRONG, OTHER = "#0072B2", "#D55E00", "#BBBBBB"


def save_figure(figure: Figure, name: str, folder: Path, dpi: int = 150, *, quick: bool = False) -> Path:
    """Writes the figure to `folder/name`, whole or not at all; the ending decides the format.

    quick: leaves empty borders, since to cut them off a figure is drawn twice, and packs a PNG a tenth less tightly.
    """
    path = folder / name
    options = {} if quick else {"bbox_inches": "tight"}
    if quick and path.suffix.lower() == ".png":
        options["pil_kwargs"] = {"compress_level": 3}
    with replacing(path) as part:
        figure.savefig(part, dpi=dpi, facecolor="white", **options)
    return path


def probability_bars(axis, row: pd.Series, truth: str) -> None:
    """The five probabilities of a `FaceReader` row: blue the true one, orange a wrong answer."""
    values = [row[f"p_{name}"] for name in EMOTIONS]
    colours = [RIGHT if name == truth else WRONG if name == row["emotion"] else OTHER for name in EMOTIONS]
    axis.bar(range(len(EMOTIONS)), values, color=colours, width=0.75)
    axis.set_xticks(range(len(EMOTIONS)), [name[:3] for name in EMOTIONS], fontsize=7)
    axis.tick_params(length=0, pad=1)
    axis.set(ylim=(0, 1), yticks=[])
    for side in ("top", "left", "right"):
        axis.spines[side].set_visible(False)
