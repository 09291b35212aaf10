"""Where things are. No other module knows a folder of the repository."""

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
