"""What notebooks need beside the study: a check of their parameters, the source of what runs, notebook 5's booth."""

import ast
import difflib
import inspect
import io
import math
import textwrap
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import Markdown, display

from src.figures.pictures import Board
from src.predict.photos import PhotoError, read_photo
from src.predict.reader import FaceReader
from src.predict.video import Video

Rule = tuple[Callable[[object], bool], str]  # whether a parameter's value is right, and what is said where it is not
WARM_UP = 10  # frames that a camera needs to set its exposure


def one_of(*allowed) -> Rule:
    """The value is one of `allowed`."""
    return (lambda value: value in allowed), f"may be {' or '.join(map(repr, allowed))}"


def names_of(known) -> Rule:
    """One or more names out of `known`, each once, separated by spaces."""
    words = f"must be names out of {', '.join(known)}, separated by spaces"
    return (lambda value: isinstance(value, str) and 0 < len(value.split()) == len({*value.split()} & {*known})), words


def whole(low: int, *, or_none: bool = False) -> Rule:
    """An integer of at least `low` (or None)."""
    words = f"must be a whole number of at least {low}{' or None' if or_none else ''}"
    return (lambda it: (or_none and it is None) or (type(it) is int and it >= low)), words


def above(low: float, *, or_none: bool = False) -> Rule:
    """A number above `low` (or None)."""
    words = f"must be a number above {low}{' or None' if or_none else ''}"
    return (lambda it: (or_none and it is None) or (type(it) in (int, float) and low < it < math.inf)), words


folder_name: Rule = (
    lambda value: isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum(),
    "must be a folder name of letters, digits, - and _",
)
file_name: Rule = (
    lambda value: isinstance(value, str) and (not value or Path(value).is_file()),
    "must be the path of a file, or empty",
)


def source_of(*things: Callable | type) -> Markdown:
    """The code of functions or classes of src/, to be read in a notebook: what is shown is what runs."""
    code = (textwrap.dedent(inspect.getsource(it)).rstrip() for it in things)
    return Markdown("\n".join(f"```python\n{it}\n```" for it in code))


def check_parameters(namespace: dict, **rules: Rule) -> None:
    """Raises ValueError, in one sentence, for a parameter that does not exist or whose value breaks its rule.

    namespace: the notebook's `globals()`, whose `In` holds the cells, papermill's among them.
    """
    injected = "\n".join(cell for cell in namespace.get("In", []) if cell.startswith("# Parameters\n"))
    assigned = [node.id for node in ast.walk(ast.parse(injected)) if isinstance(getattr(node, "ctx", None), ast.Store)]
    for name in sorted(set(assigned) - set(rules)):
        near = difflib.get_close_matches(name, rules, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(rules)}"
        raise ValueError(f"There is no parameter {name!r}; {hint}")
    for name, (is_right, words) in rules.items():
        if not is_right(namespace[name]):
            raise ValueError(f"Parameter {name} is {namespace[name]!r}; it {words}.")


def board_of(photo: np.ndarray, table: pd.DataFrame):
    """The figure of one photo, uint8 (h, w, 3), and its faces as `FaceReader.read_photo` gives them."""
    board = Board()
    board.add(photo, table)
    return board.draw(plt.figure())


def photo_booth(reader: FaceReader, camera: int = 0) -> ipywidgets.VBox:
    """Two buttons and the place where the board appears. The camera is that of the computer that runs the notebook."""
    upload = ipywidgets.FileUpload(accept="image/*", multiple=False, description="Upload a photo")
    take = ipywidgets.Button(description="Camera", icon="camera")
    shown = ipywidgets.Output()

    def show(read: Callable[[], np.ndarray]) -> None:
        shown.clear_output(wait=True)
        with shown:
            try:
                photo = read()
                figure = board_of(photo, reader.read_photo(photo))
                display(figure)
                plt.close(figure)
            except PhotoError as error:
                print(error)

    def uploaded(change) -> None:
        for file in change["new"]:
            show(lambda file=file: read_photo(io.BytesIO(file["content"]), file["name"]))

    upload.observe(uploaded, "value")
    take.on_click(lambda _: show(lambda: camera_photo(camera)))
    return ipywidgets.VBox([ipywidgets.HBox([upload, take]), shown])


def camera_photo(camera: int) -> np.ndarray:
    """One picture of a camera, uint8 (h, w, 3). PhotoError where there is none."""
    with closing(Video(camera)) as video:
        pictures = [picture for _, (_, picture) in zip(range(WARM_UP), video, strict=False)]
    if not pictures:
        raise PhotoError(f"Camera {camera} gives no picture: close the programs that use it")
    return pictures[-1]
