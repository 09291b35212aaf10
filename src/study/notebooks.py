"""What notebooks need beside the study: a check of their parameters, the source of what runs."""

import ast
import difflib
import inspect
import math
import textwrap
from collections.abc import Callable
from pathlib import Path

from IPython.display import Markdown

from src.data.datasets import Emotions, Keypoints
from src.data.gaps import gaps

Rule = tuple[Callable[[object], bool], str]  # whether a parameter's value is right, and what is said where it is not


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


def check_faces(faces: Emotions | Keypoints, *needed: str) -> None:
    """Print what the data lacks; raises ValueError, in one sentence, if a split that the notebook needs is empty."""
    for sentence in gaps(faces):
        print(sentence)
    if missing := [usage for usage in needed if not len(faces.split(usage))]:
        raise ValueError(
            f"This notebook needs {' and '.join(missing)} faces; write a file with `python DownloadData.py`."
        )
