"""Small CSV files of random faces for the tests."""

import numpy as np

from src.labels import KEYPOINT_COLUMNS

RNG = np.random.default_rng(0)
FACES = RNG.integers(0, 256, (40, 48, 48), dtype=np.uint8)
BIG_FACES = RNG.integers(0, 256, (12, 96, 96), dtype=np.uint8)
POINTS = RNG.uniform(-7, 102, (12, 30)).round(3)
USAGES = ["Training", "Validation", "Test", "HelenTest"] * 3
SUBJECTS = [f"{usage} person {i // 8}" for i, usage in enumerate(USAGES)]


def text(image) -> str:
    return " ".join(map(str, image.ravel()))


def write(path, header, rows, end="\n"):
    path.write_bytes("".join(",".join(map(str, row)) + end for row in (header, *rows)).encode())
    return path


def write_keypoints(folder, rows=None, columns=("Image", "Usage", "Subject")):
    return write(folder / "data.csv", (*KEYPOINT_COLUMNS, *columns), keypoint_rows() if rows is None else rows)


def keypoint_rows(columns=("Image", "Usage", "Subject")):
    fields = {"Image": [text(image) for image in BIG_FACES], "Usage": USAGES, "Subject": SUBJECTS}
    return [[*POINTS[i], *(fields[name][i] for name in columns)] for i in range(len(POINTS))]


def write_emotions(folder, codes, usage, images=FACES):
    rows = [(code, name, text(image)) for code, name, image in zip(codes, usage, images, strict=False)]
    return write(folder / "icml_face_data.csv", ("emotion", " Usage", " pixels"), rows)
