"""The constants by which src/predict/detector.py places squares on faces, fitted to HELEN's trainset.

Reads what bench_photo.py reads; of the trainset only the first N photos where --photos N is given.
"""

from pathlib import Path

import numpy as np
from bench_photo import helen_archive, helen_photos, labelled_square
from results import parse

from src.data.convert import fifteen_points
from src.faces import CROP_SCALE
from src.predict import detector as detection


def geometric_mean(ratios: np.ndarray) -> float:
    """Too large by a tenth counts as much as too small by a tenth."""
    return np.exp(np.log(ratios).mean())


def constants(boxes: np.ndarray, points: np.ndarray, squares: np.ndarray) -> dict[str, float]:
    """Of the same faces: detected boxes (n, 4), labelled points (n, 15, 2), labelled squares (n, 3)."""
    size = np.sqrt(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1))
    below = squares[:, 1] - (boxes[:, 1] + boxes[:, 3]) / 2
    fitted = {"BOX_DOWN": np.median(below / size), "BOX_SIDE": geometric_mean(squares[:, 2] / CROP_SCALE / size)}
    middle, size, down, across, aside = detection.face_axes(points)
    offset = squares[:, :2] - middle
    shift = (offset * across).sum(axis=1)
    return fitted | {
        "POINTS_DOWN": np.median((offset * down).sum(axis=1) / size),
        "POINTS_SIDE": geometric_mean(squares[:, 2] / CROP_SCALE / size),
        "NOSE_ASIDE": (shift * aside / size**2).sum() / (aside**2 / size**2).sum(),
    }


def main() -> None:
    options = parse(__doc__, sources=Path, photos=int)
    detector, faces = detection.FaceDetector(), []
    for grey, face in helen_photos(helen_archive(options["sources"]), "trainset", options["photos"]):
        square = labelled_square(face.points)
        found, scores = detector(grey)
        found = found[scores >= detection.THRESHOLD]
        off = np.abs((found[:, :2] + found[:, 2:]) / 2 - square[:2]).max(axis=1)
        if len(found) and off.min() < square[2] / 4:
            faces.append((found[off.argmin()], fifteen_points(face.points), square))
    for name, value in constants(*(np.array(part, float) for part in zip(*faces, strict=True))).items():
        print(f"{name:12} {value:7.3f}   (in use: {getattr(detection, name)})")


if __name__ == "__main__":
    main()
