"""Checks a notebook's parameters at its top, so that a wrong name or value is refused in words."""

import ast
import difflib
from pathlib import Path


def one_of(*allowed):
    """Rule: the value is one of `allowed`."""

    def rule(value):
        return None if value in allowed else f"may be {' or '.join(map(repr, allowed))}"

    return rule


def names_of(known):
    """Rule: one or more names out of `known`, separated by spaces."""

    def rule(value):
        words = value.split() if isinstance(value, str) else []
        if words and set(words) <= set(known) and len(set(words)) == len(words):
            return None
        return f"must be names out of {', '.join(known)}, separated by spaces"

    return rule


def whole(low: int, *, or_none: bool = False):
    """Rule: an integer of at least `low` (or None)."""

    def rule(value):
        if (or_none and value is None) or (type(value) is int and value >= low):
            return None
        return f"must be a whole number of at least {low}{' or None' if or_none else ''}"

    return rule


def above(low: float, *, or_none: bool = False):
    """Rule: a number above `low` (or None)."""

    def rule(value):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if (or_none and value is None) or (number and low < value < float("inf")):
            return None
        return f"must be a number above {low}{' or None' if or_none else ''}"

    return rule


def folder_name(value):
    """Rule: a plain folder name."""
    fine = isinstance(value, str) and value.replace("-", "").replace("_", "").isalnum()
    return None if fine else "must be a folder name of letters, digits, - and _"


def file_name(value):
    """Rule: the path of a file, or an empty text for none."""
    fine = isinstance(value, str) and (not value or Path(value).is_file())
    return None if fine else "must be the path of a file, or empty"


def _injected_names(cells: list[str]) -> set[str]:
    """Names assigned by papermill's cell, which begins with the line `# Parameters`."""
    trees = [ast.parse(cell) for cell in cells if cell.startswith("# Parameters\n")]
    targets = [
        target for tree in trees for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
    return {target.id for target in targets if isinstance(target, ast.Name)}


def check_parameters(namespace: dict, **rules) -> None:
    """Raises ValueError, in one sentence, for a parameter that does not exist or whose value breaks its rule.

    namespace: the notebook's `globals()`; rules: name -> function of the value that gives None or what is wrong.
    """
    for name in sorted(_injected_names(namespace.get("In", [])) - set(rules)):
        near = difflib.get_close_matches(name, rules, 1)
        hint = f"did you mean {near[0]}?" if near else f"there are: {', '.join(rules)}"
        raise ValueError(f"There is no parameter {name!r}; {hint}")
    for name, rule in rules.items():
        complaint = rule(namespace[name])
        if complaint:
            raise ValueError(f"Parameter {name} is {namespace[name]!r}; it {complaint}.")
