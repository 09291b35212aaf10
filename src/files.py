"""Where things are, and files written whole or not at all. No other module of src knows a folder of the repository."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Without the repository, the two networks lie in the package, and results go to the folder where one is.
INSTALLED = not (ROOT / "pyproject.toml").exists()
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"
SPEEDS = ROOT / "benchmarks" / "results.json"  # of the last `make bench`
RUNS = Path("runs") if INSTALLED else ROOT / "runs"
WEIGHTS = Path(__file__).with_name("weights") if INSTALLED else ROOT / "weights"

KEYPOINTS_CSV = DATA / "data.csv"
EMOTIONS_CSV = DATA / "icml_face_data.csv"


def shown(path: Path) -> str:
    """The path as a reader sees it, on one line: relative to the repository where it lies inside it."""
    path = Path(path)
    text = as_text(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)
    return re.sub(r"[\x00-\x1f\x7f]", lambda sign: repr(sign[0])[1:-1], text)


def as_text(path: Path) -> str:
    """The path as text that can be written: bytes that are not UTF-8 become \\xNN."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, of the same ending: takes its place when the block ends well, else goes away.

    Of a process that was killed it stays, until the next one writes the same file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"part_{path.name}")
    try:
        yield part
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise


def copy(source: Path, target: Path) -> None:
    """A copy of a file, whole or not at all."""
    with replacing(target) as part:
        shutil.copyfile(source, part)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8 text whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, "utf-8")


def write_json(path: Path, content: dict) -> None:
    """Writes JSON whole or not at all."""
    write_text(path, json.dumps(content, indent=1) + "\n")
