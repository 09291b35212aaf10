"""A reader without networks: bright squares on a dark ground are its faces, their grey is their emotion."""

import struct
import zlib

import cv2
import numpy as np

from src.faces import to_photo
from src.labels import EMOTIONS
from src.metrics.calibration import Calibration
from src.predict.reader import FaceReader
from src.predict.search import FoundFaces

MEAN_FACE = np.random.default_rng(0).uniform(20, 76, (15, 2))  # px of the 96x96 frame
GREYS = (110, 140, 170, 200, 230)  # of the five emotions
RATE = 25  # frames a second of its videos


class FakeReader(FaceReader):
    def __init__(self):
        self.calibration = Calibration(sure_above=0.5)

    def find_in_photo(self, grey, *, faces=False):
        return self.find(grey)

    def find(self, grey):
        _, _, stats, centres = cv2.connectedComponentsWithStats((grey > 95).astype(np.uint8))
        kept = [i for i in range(1, len(stats)) if stats[i, cv2.CC_STAT_AREA] >= 50]
        squares = np.array([[*centres[i], stats[i, cv2.CC_STAT_WIDTH]] for i in kept], float).reshape(-1, 3)
        shade = np.array([grey[round(y), round(x)] for x, y, _ in squares], float)
        nearest = np.abs(shade[:, None] - GREYS).argmin(axis=1)
        outputs = np.where(np.arange(len(EMOTIONS)) == nearest[:, None], 0.8, 0.05)
        points = to_photo(np.array([MEAN_FACE] * len(squares)).reshape(-1, 15, 2), squares)
        return FoundFaces(squares, points, np.full(len(squares), 0.75), outputs, np.full(len(squares), 0.9))


def picture(*faces, size=(160, 120)):
    """uint8 (h, w, 3), dark, with a bright square for each (x, y, side, grey)."""
    canvas = np.full((size[1], size[0], 3), 20, np.uint8)
    for x, y, side, grey in faces:
        left, top = round(x - side / 2), round(y - side / 2)
        cv2.rectangle(canvas, (left, top), (left + side - 1, top + side - 1), (grey,) * 3, -1)
    return canvas


def moving(number, size=(160, 120)):
    """Frame `number` of 250: two faces that pass each other; the second is away for frames 100 to 109."""
    faces = [(20 + number * 0.45, 30, 24, 200)]
    if not 100 <= number < 110:
        faces.append((140 - number * 0.45, 85, 30, 110))
    return picture(*faces, size=size)


def write_video(path, frames, size=(160, 120)):
    out = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), RATE, size)
    for frame in frames:
        out.write(frame[..., ::-1])
    out.release()


def bomb(path):
    """A PNG of 30,000 x 30,000 px in its header."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    body = b"".join(struct.pack(">I", len(d)) + n + d + struct.pack(">I", zlib.crc32(n + d)) for n, d in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
