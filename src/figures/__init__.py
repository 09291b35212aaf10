"""Figures: arrays and tables in, matplotlib Figure out. Here is what pictures and charts share: colours, saving.

Knows figures but not pyplot, which would make the program that reads one photo wait.
"""

from pathlib import Path

from matplotlib.figure import Figure

from src.files import replacing

# Okabe and Ito's palette: told apart by colour-blind readers too.
PART_COLOURS = {"eyes": "#56B4E9", "brows": "#F0E442", "nose": "#CC79A7", "mouth": "#E69F00"}
RIGHT, WRONG, PEOPLE, OTHER = "#0072B2", "#D55E00", "#009E73", "#BBBBBB"
# Stands in every figure's file, so that a program may tell what it can write over; where, depends on the format.
MADE_BY = "made by face-keypoints-and-emotions"
MARKS = {
    ".png": {"metadata": {"Software": MADE_BY}},
    ".jpg": {"pil_kwargs": {"comment": MADE_BY}},
    ".jpeg": {"pil_kwargs": {"comment": MADE_BY}},
    ".pdf": {"metadata": {"Creator": MADE_BY}},
}


def save_figure(figure: Figure, name: str, folder: Path, dpi: int = 150, *, quick: bool = False) -> Path:
    """Writes the figure to `folder/name`, whole or not at all; the ending, one of MARKS, decides the format.

    quick: leaves empty borders, since to cut them off a figure is drawn twice, and packs a PNG a tenth less tightly.
    """
    path, ending = folder / name, Path(name).suffix.lower()
    options = MARKS[ending] | ({} if quick else {"bbox_inches": "tight"})
    if quick and ending == ".png":
        options["pil_kwargs"] = {"compress_level": 3}
    with replacing(path) as part:
        figure.savefig(part, dpi=dpi, facecolor="white", **options)
    return path


def is_made_here(path: Path) -> bool:
    """Whether a file was written by `save_figure`. OSError where it cannot be read."""
    with path.open("rb") as file:
        begin = file.read(65536)
        file.seek(max(0, path.stat().st_size - 65536))  # a PDF has it in the end
        return MADE_BY.encode() in begin + file.read()
