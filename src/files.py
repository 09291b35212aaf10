"""Where things are, and files written whole or not at all. No other module knows a folder of the repository."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT / "data"
FIGURES = ROOT / "figures"
NOTEBOOKS = ROOT / "notebooks"
PARAMS = ROOT / "params"
RUNS = ROOT / "runs"
WEIGHTS = ROOT / "weights"

KEYPOINTS_CSV = DATA / "data.csv"
EMOTIONS_CSV = DATA / "icml_face_data.csv"


def shown(path: Path) -> str:
    """The path as a reader sees it: relative to the repository where it lies inside it."""
    path = Path(path)
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file beside `path`, of the same ending: takes its place when the block ends well, else goes away."""
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


def write_json(path: Path, content: dict) -> None:
    """Writes JSON whole or not at all."""
    with replacing(path) as part:
        part.write_text(json.dumps(content, indent=1) + "\n")
