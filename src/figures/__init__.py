"""Figures: arrays and tables in, matplotlib Figure out. Here is what pictures and charts share: colours, saving.

Knows figures but not pyplot, which would make the program that reads one photo wait.
"""

from pathlib import Path

from matplotlib.figure import Figure

from src.files import replacing

# Okabe and Ito's palette: told apart by colour-blind readers too.
PART_COLOURS = {"eyes": "#56B4E9", "brows": "#F0E442", "nose": "#CC79A7", "mouth": "#E69F00"}
RIGHT, WRONG, PEOPLE, OTHER = "#0072B2", "#D55E00", "#009E73", "#BBBBBB"


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
