"""Files and arrays to pictures: the one place that decodes photos and turns colour into grey."""

import warnings
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps

from src.paths import shown

# What Pillow may try; its other readers take text for pictures or start programs.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
# Red and blue weigh the same, so that the order blue, green, red gives the same grey; green as in ITU-R 601.
GREY = np.array([[0.2065, 0.587, 0.2065]])

Image.init()  # loads the readers of all formats, so that they can be chosen by name


class PhotoError(Exception):
    """A file that is no readable picture; the message is one sentence with the remedy."""


def read_photo(path: Path | str) -> np.ndarray:
    """The picture in a file as a viewer shows it: uint8 (height, width, 3), red, green, blue.

    The EXIF orientation is applied; 16-bit and floating values are scaled to 0..255; transparent parts become white;
    of several frames or pages the first is read.

    Raises
    ------
    PhotoError
        If the file is missing, no picture, damaged, or larger than Pillow's limit (some 179 million pixels).
    """
    path = Path(path)
    if not path.is_file():
        raise PhotoError(f"{shown(path)} is no file: check the name")
    if not path.stat().st_size:
        raise PhotoError(f"{shown(path)} is empty: copy it again")
    return decode_photo(path, shown(path))


def decode_photo(source: Path | BinaryIO, name: str) -> np.ndarray:
    """As `read_photo`, from a path or an open file; `name` is what messages call it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd EXIF that it reads all the same
            with Image.open(source, formats=FORMATS) as image:
                return np.array(_as_rgb(ImageOps.exif_transpose(image)))
    except Image.UnidentifiedImageError as error:
        raise PhotoError(f"{name} is not a picture: give {', '.join(FORMATS)}") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{name} has too many pixels: give it smaller") from error
    except Exception as error:  # a damaged file makes a decoder raise nearly anything
        reason = str(error) or type(error).__name__
        raise PhotoError(f"{name} cannot be read ({reason}): save it anew as JPEG or PNG") from error


def _as_rgb(image: Image.Image) -> Image.Image:
    if image.mode == "F" or image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image), image.mode)).convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _eight_bits(values: np.ndarray, mode: str) -> np.ndarray:
    """Grey of 16 bits (modes I) or of floating numbers (mode F, scale 1, 255 or 65535) -> uint8 0..255."""
    values = np.nan_to_num(values.astype(np.float64))
    scales = (1, 255, 65535) if mode == "F" else (65535,)
    top = next((scale for scale in scales if values.max() <= scale), values.max())
    return np.rint(np.clip(values / top, 0, 1) * 255).astype(np.uint8)


def to_grey(image: np.ndarray) -> np.ndarray:
    """uint8 (h, w) or (h, w, 3) in either order of red, green, blue -> uint8 (h, w). ValueError for anything else."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        shape = f"{image.dtype} {image.shape}"
        raise ValueError(f"a picture of {shape} cannot be read; give uint8, (height, width) or (height, width, 3)")
    return image if image.ndim == 2 else cv2.transform(image, GREY)
