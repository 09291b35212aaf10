"""The constants of src/framing.py, from HELEN's trainset: python benchmarks/fit_framing.py [--sources table.json]"""

import argparse
from pathlib import Path

import numpy as np
from bench_photo import helen_archive, helen_photos, labelled_square

from src.predict import photos as framing
from src.predict.photos import FaceDetector
from src.faces import CROP_SCALE
from src.data.convert import fifteen_points


def geometric_mean(ratios: np.ndarray) -> float:
    """Too large by a tenth counts as much as too small by a tenth."""
    return np.exp(np.log(ratios).mean())


def box_constants(boxes: np.ndarray, squares: np.ndarray) -> dict[str, float]:
    """Detected boxes (n, 4) and labelled squares (n, 3) of the same faces."""
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    down = squares[:, 1] - (boxes[:, 1] + boxes[:, 3]) / 2
    return {"BOX_DOWN": np.median(down / size), "BOX_SIDE": geometric_mean(squares[:, 2] / CROP_SCALE / size)}


def point_constants(points: np.ndarray, squares: np.ndarray) -> dict[str, float]:
    """Labelled points (n, 15, 2) and squares (n, 3) of the same faces."""
    middle, size, down, across, aside = framing.face_axes(points)
    offset = squares[:, :2] - middle
    shift = (offset * across).sum(axis=1)
    return {
        "POINTS_DOWN": np.median((offset * down).sum(axis=1) / size),
        "POINTS_SIDE": geometric_mean(squares[:, 2] / CROP_SCALE / size),
        "NOSE_ASIDE": (shift * aside / size**2).sum() / (aside**2 / size**2).sum(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sources", type=Path, metavar="FILE", help="JSON table of archives at hand")
    detector, boxes, labels = FaceDetector(), [], []
    for grey, face in helen_photos(helen_archive(parser.parse_args().sources), "trainset"):
        square = labelled_square(face.points)
        found = detector(grey)
        off = np.abs((found[:, :2] + found[:, 2:]) / 2 - square[:2]).max(axis=1)
        if len(found) and off.min() < square[2] / 4:
            boxes.append(found[off.argmin()])
            labels.append((fifteen_points(face.points), square))
    points, squares = (np.array(part, float) for part in zip(*labels, strict=True))
    for name, value in {**box_constants(np.array(boxes), squares), **point_constants(points, squares)}.items():
        print(f"{name:12} {value:7.3f}   (in use: {getattr(framing, name)})")


if __name__ == "__main__":
    main()
