"""Figures: arrays and tables in, matplotlib Figure out; `board` draws without matplotlib, which is slow to load.

Here is what all share: colours, saving.
"""

from pathlib import Path

from src.files import replacing

# Okabe and Ito's palette: told apart by colour-blind readers too.
PART_COLOURS = {"eyes": "#56B4E9", "brows": "#F0E442", "nose": "#CC79A7", "mouth": "#E69F00"}
RIGHT, WRONG, PEOPLE, OTHER = "#0072B2", "#D55E00", "#009E73", "#BBBBBB"


def save_figure(figure, name: str, folder: Path, dpi: int = 150) -> Path:
    """Writes a matplotlib figure to `folder/name`, whole or not at all; the ending, png or jpg, decides the format."""
    path = folder / name
    with replacing(path) as part:
        figure.savefig(part, dpi=dpi, facecolor="white", bbox_inches="tight")
    return path
