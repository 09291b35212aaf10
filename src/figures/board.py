"""The board of one's own photos, and a photo with its faces drawn in: uint8 pictures, drawn by OpenCV and Pillow.

Matplotlib draws what notebooks show; loading it takes longer than reading a photo does, and whoever reads one waits.
"""

import math
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from PIL import Image, ImageColor, ImageDraw, ImageFont, PngImagePlugin

from src.faces import crop_squares, shrunk, squares_of_edges, to_frame
from src.figures import OTHER, PART_COLOURS, RIGHT
from src.files import replacing
from src.labels import BOX_COLUMNS, EMOTIONS, FRAME, KEYPOINT_COLUMNS, KEYPOINTS, PARTS

FACES = 24  # on a board at most
PHOTO_SIDE = 1200  # px of a photo on a board at most
# Of a board, px: a face; its place, with a border; the lines above and below it; the bars; the least height.
_FACE, _CELL, _LINE, _BARS, _HEIGHT = 264, 284, 32, 72, 800
_ROW = _LINE + _FACE + 8 + _BARS + _LINE  # a face, its answer above it and its probabilities below
# Stands in every board's file, so that the program may tell what it can write over; where, depends on the format.
MADE_BY = "made by face-keypoints-and-emotions"
_IN_PNG = PngImagePlugin.PngInfo()
_IN_PNG.add_text("Software", MADE_BY)
ENDINGS = {
    ".png": {"format": "PNG", "pnginfo": _IN_PNG, "compress_level": 1, "compress_type": zlib.Z_RLE},
    ".jpg": {"format": "JPEG", "comment": MADE_BY, "quality": 92},
    ".jpeg": {"format": "JPEG", "comment": MADE_BY, "quality": 92},
    ".pdf": {"format": "PDF", "creator": MADE_BY, "resolution": 150},
}


def save_board(board: Image.Image, path: Path) -> Path:
    """Writes it whole or not at all; the ending, one of ENDINGS, decides the format."""
    with replacing(path) as part:
        board.save(part, **ENDINGS[path.suffix.lower()])
    return path


def is_made_here(path: Path) -> bool:
    """Whether a file was written by `save_board`. OSError where it cannot be read."""
    with path.open("rb") as file:
        begin = file.read(65536)
        file.seek(max(0, path.stat().st_size - 65536))  # a PDF has it in the end
        content = begin + file.read()
    return any(MADE_BY.encode(code) in content for code in ("ascii", "utf-16-be"))


@dataclass
class Board:
    """Gathers what a board shows, which does not grow with the number of photos: the first faces, the first photo."""

    faces: list[np.ndarray] = field(default_factory=list)  # uint8 (96, 96, 3)
    rows: list[pd.Series] = field(default_factory=list)
    photo: np.ndarray | None = None  # the first photo, annotated
    photos: int = 0

    def add(self, photo: np.ndarray, table: pd.DataFrame) -> None:
        """photo uint8 (h, w, 3); table: its faces, boxes and keypoints in its px."""
        self.photos += 1
        if self.photo is None:
            self.photo = shrunk(annotated(photo, table), PHOTO_SIDE)
        table = table.iloc[: FACES - len(self.rows)]
        self.faces.extend(crop_squares(photo, squares_of_edges(table[list(BOX_COLUMNS)].to_numpy(float))))
        self.rows.extend(row for _, row in table.iterrows())

    def draw(self) -> Image.Image:
        """One photo: itself beside its faces; several: their faces."""
        beside, count = self.photos == 1 and self.photo is not None, max(len(self.rows), 1)
        columns = min(math.ceil(count**0.5) if beside else count, 6)
        needed = _ROW * math.ceil(count / columns) + _LINE
        height = max(needed, _HEIGHT if beside else 0)
        top = (height - needed) // 2
        photo = _fitted(self.photo, 2 * height, height) if beside else np.zeros((0, 0, 3), np.uint8)
        width = photo.shape[1] + _CELL * columns
        board = Image.new("RGB", (width, height), "white")
        if beside:
            board.paste(Image.fromarray(photo), (0, (height - photo.shape[0]) // 2))
        draw = ImageDraw.Draw(board)
        for i, (face, row) in enumerate(zip(self.faces, self.rows, strict=True)):
            corner = photo.shape[1] + _CELL * (i % columns) + (_CELL - _FACE) // 2, top + _ROW * (i // columns)
            _draw_answer(board, draw, corner, face, row)
        middle = photo.shape[1] + _CELL * columns / 2
        if self.rows:
            _draw_legend(draw, middle, top + needed - _LINE / 2, columns)
        else:
            draw.text((middle, height / 2), "no face found", "black", ImageFont.load_default(20), "mm")
        return board


def _fitted(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """As large as fits, uint8 (h, w, 3)."""
    scale = min(width / picture.shape[1], height / picture.shape[0])
    size = [max(1, round(scale * side)) for side in picture.shape[1::-1]]
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)


def _draw_answer(board: Image.Image, draw: ImageDraw.ImageDraw, corner: tuple[int, int], face, row: pd.Series) -> None:
    """A face with its points, its answer above it, its probabilities below; corner: left, top, px."""
    left, top = corner
    square = squares_of_edges(row[list(BOX_COLUMNS)].to_numpy(float)[None])
    scale = _FACE / FRAME
    points = (to_frame(keypoints_of(row)[None], square)[0] + 0.5) * scale - 0.5
    large = cv2.resize(face, (_FACE, _FACE), interpolation=cv2.INTER_LANCZOS4)
    for radius, colour in ((5.5, "black"), (4.5, None)):
        _draw_points(large, points, radius, colour)
    style = {"fill": "black", "anchor": "mm"}
    draw.text((left + _FACE / 2, top + _LINE / 2), caption(row), font=ImageFont.load_default(20), **style)
    board.paste(Image.fromarray(large), (left, top + _LINE))
    foot, step = top + _LINE + _FACE + 8 + _BARS, _FACE / len(EMOTIONS)
    draw.line((left, foot - _BARS, left + _FACE, foot - _BARS), OTHER)  # where a probability is 1
    for i, name in enumerate(EMOTIONS):
        middle, height = left + step * (i + 0.5), _BARS * row[f"p_{name}"]
        colour = RIGHT if name == row["emotion"] else OTHER
        if height >= 0.5:
            draw.rectangle((middle - 0.37 * step, foot - height, middle + 0.37 * step, foot), colour)
        draw.text((middle, foot + 12), name[:3], font=ImageFont.load_default(14), **style)
    draw.line((left, foot, left + _FACE, foot), "black")


def _draw_legend(draw: ImageDraw.ImageDraw, middle: float, height: float, columns: int) -> None:
    font, step = ImageFont.load_default(15), min(110, _CELL * columns / len(PART_COLOURS))
    for i, (part, colour) in enumerate(PART_COLOURS.items()):
        x = middle + step * (i - len(PART_COLOURS) / 2) + 4
        draw.ellipse((x, height - 5, x + 10, height + 5), colour, "black")
        draw.text((x + 16, height), part, "black", font, "lm")


def _draw_points(picture: np.ndarray, points_px: np.ndarray, radius: float, colour: str | None = None) -> None:
    """Dots on a picture, (15, 2) px of it, in the colours of their parts or in one."""
    for part, its in PART_COLOURS.items():
        for x, y in points_px[list(PARTS[part])]:  # sixteenths of a px
            place = round(16 * x), round(16 * y)
            cv2.circle(picture, place, round(16 * radius), _bytes(colour or its), -1, cv2.LINE_AA, 4)


def caption(row: pd.Series) -> str:
    share = f"{row['confidence']:.0%}" if row["confidence"] < 0.995 else ">99%"
    return f"{row['face']}: {row['emotion']} {share}{'' if row['sure'] else ' ?'}"


def keypoints_of(row: pd.Series) -> np.ndarray:
    """A row's points, (15, 2) px of the photo."""
    return row[list(KEYPOINT_COLUMNS)].to_numpy(float).reshape(len(KEYPOINTS), 2)


def annotated(photo: np.ndarray, table: pd.DataFrame) -> np.ndarray:
    """A copy of a photo, uint8 (h, w, 3), with box, keypoints, number and emotion of each face drawn in."""
    picture = np.ascontiguousarray(photo).copy()
    for _, row in table.iterrows():
        left, top, right, bottom = (round(row[name]) for name in BOX_COLUMNS)
        size = max(right - left, 1)
        cv2.rectangle(picture, (left, top), (right, bottom), _bytes(RIGHT), max(1, size // 80), cv2.LINE_AA)
        _draw_points(picture, keypoints_of(row), max(1.5, size / 56))
        _draw_caption(picture, row, left, top - 2, min(max(size / 9, 12), max(photo.shape[1] / 10, 1)))
    return picture


def _draw_caption(picture: np.ndarray, row: pd.Series, left: int, foot: int, size: float) -> None:
    """White letters of so many px with a black edge, legible on any photo, that end above `foot`, in the picture."""
    font, edge = ImageFont.load_default(size), max(1, round(size / 10))
    width, height = (it + 2 * edge for it in font.getbbox(caption(row), stroke_width=edge)[2:])
    left, top = max(0, min(left, picture.shape[1] - width)), max(0, min(foot, picture.shape[0]) - height)
    under = picture[top : top + height, left : left + width]
    drawn = Image.fromarray(under)
    ImageDraw.Draw(drawn).text((edge, 0), caption(row), "white", font, stroke_width=edge, stroke_fill="black")
    under[:] = drawn


def _bytes(colour: str) -> tuple[int, int, int]:
    return ImageColor.getrgb(colour)
