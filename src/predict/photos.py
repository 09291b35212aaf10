"""Files and folders in, pictures out: what a path means, a picture in any format, its grey."""

import os
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
from PIL import Image, ImageOps

from src.files import shown

try:
    import pillow_heif  # optional: `pip install pillow-heif`
except ImportError:
    pillow_heif = None

# What Pillow may try; its other readers take text for pictures or start programs.
FORMATS = ("AVIF", "BMP", "GIF", "JPEG", "JPEG2000", "PNG", "PPM", "TIFF", "WEBP")
SEVERAL_FRAMES = ("AVIF", "GIF", "PNG", "TIFF", "WEBP")  # formats whose other frames are pictures, not thumbnails
VIDEOS = (
    ".3g2", ".3gp", ".asf", ".avi", ".divx", ".f4v", ".flv", ".m2ts", ".m2v", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg",
    ".mpg", ".mts", ".mxf", ".ogm", ".ogv", ".rm", ".rmvb", ".ts", ".vob", ".webm", ".wmv",
)  # fmt: skip
# Red and blue weigh the same, so that the order blue, green, red gives the same grey; green as in ITU-R 601.
GREY = np.array([[0.2065, 0.587, 0.2065]])

# Which value is white where more than 8 bits are stored: of floating numbers, 8, 10, 12 and 16 bits. The first one that
# none exceeds is taken.
TOPS = (1, 255, 1023, 4095, 65535)
SUBFILE_TYPE, BITS, PHOTOMETRIC, ORIENTATION = 254, 258, 262, 274  # tags of a TIFF, the last of EXIF too

Image.init()  # loads the readers of all formats, so that they can be chosen by name
if pillow_heif:
    pillow_heif.register_heif_opener()
    FORMATS += ("HEIF",)


class PhotoError(Exception):
    """A file that is no readable picture; the message is one sentence with the remedy."""


def files_in(paths: Iterable[Path], skip: Iterable[Path] = ()) -> Iterator[tuple[Path, str]]:
    """Every file that the paths mean, folders by name and recursively, each with why it cannot be read ("": it can).

    Links to folders are followed, but no folder is read twice. skip: files and folders left out, such as the run's own.
    """
    skipped, seen = {path.resolve() for path in skip}, {}
    for path in paths:
        files = _walk(path, skipped, seen)
        first = next(files, (path, "holds no file to read: give another folder"))
        yield first
        yield from files


def _walk(path: Path, skipped: set[Path], seen: dict[Path, Path]) -> Iterator[tuple[Path, str]]:
    try:
        real = Path(os.path.realpath(path, strict=True))  # as Path.resolve, which raises RuntimeError before 3.13
        if real in skipped:
            return
        if real in seen:
            yield path, f"is a folder that was read as {shown(seen[real])}: remove the link"
        elif path.is_dir():
            seen[real] = path
            for entry in sorted(path.iterdir()):
                yield from _walk(entry, skipped, seen)
        else:
            yield path, "" if path.is_file() else "is no regular file: leave it out"
    except OSError as error:
        yield path, why_not_opened(error)


def why_not_opened(error: OSError) -> str:
    """What is wrong with a path that the system cannot open or read: no permission, a drive that is gone."""
    if isinstance(error, FileNotFoundError):
        return "does not exist: check the name"
    if isinstance(error, IsADirectoryError):
        return "is a folder: give the files in it"
    return f"cannot be opened ({error.strerror}): check its permissions, links and drive"


# ---------------------------------------------------------------- pictures


def read_photo(source: Path | str | BinaryIO, name: str = "") -> np.ndarray:
    """The picture in a file as a viewer shows it: uint8 (height, width, 3), red, green, blue.

    source: path, or an open file, which messages call `name`. The EXIF orientation is applied; values of more than 8
    bits are scaled to 0..255; transparent parts become white; of several frames or pages the first is read, see
    `other_frames`. PhotoError if the file is missing, no picture, damaged, or larger than Pillow's limit (some 179
    million pixels).
    """
    try:
        if isinstance(source, str | Path):
            name = shown(source)
            with Path(source).open("rb") as file:
                return read_photo(file, name)
        # Pillow warns of large pictures and odd EXIF that it reads all the same.
        with warnings.catch_warnings(action="ignore"), Image.open(source, formats=FORMATS) as image:
            return _as_rgb(image, source)
    except PhotoError:  # of the call above
        raise
    except Image.UnidentifiedImageError as error:
        raise PhotoError(f"{name} {_what_it_is(source)}") from error
    except Image.DecompressionBombError as error:
        raise PhotoError(f"{name} has too many pixels: give it smaller") from error
    except MemoryError as error:
        raise PhotoError(f"{name} needs too much memory: give it smaller") from error
    except Exception as error:  # a damaged file makes a decoder raise nearly anything
        if isinstance(error, OSError) and error.errno is not None:
            raise PhotoError(f"{name} {why_not_opened(error)}") from error
        reason = str(error) or type(error).__name__
        raise PhotoError(f"{name} cannot be read ({reason}): save it anew as JPEG or PNG") from error


def other_frames(path: Path | BinaryIO) -> str:
    """What is to be said of the frames or pages of a picture that `read_photo` leaves unread; "": there are none."""
    try:
        with warnings.catch_warnings(action="ignore"), Image.open(path, formats=SEVERAL_FRAMES) as image:
            count = getattr(image, "n_frames", 1)
    except Exception:  # what is wrong with the file, read_photo says
        return ""
    return f"the first of {count} frames was read: save the others as pictures or as an mp4" if count > 1 else ""


def _what_it_is(file: BinaryIO) -> str:
    file.seek(0)
    head = file.read(16)
    if not head:
        return "is empty: copy it again"
    if head[4:8] == b"ftyp" and head[8:12] in (b"heic", b"heix", b"hevc", b"mif1", b"msf1") and not pillow_heif:
        return "is a HEIC picture: install pillow-heif (pip install pillow-heif), or save it as JPEG"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "is a TIFF or raw photo of a kind that is not read, such as floating colour: save it as 8-bit PNG"
    return f"is not a picture: give {', '.join(FORMATS)}"


def _as_rgb(image: Image.Image, file: BinaryIO) -> np.ndarray:
    tags = getattr(image, "tag_v2", {})
    if tags.get(SUBFILE_TYPE, 0) & 1:
        raise ValueError("it is a raw photo, of which only a small preview can be read")
    deep_colour = max(tags.get(BITS, (8,))) > 8 or ";16" in str(image.tile)
    orientation = image.getexif().get(ORIENTATION, 1)  # loads the picture, which forgets its tiles
    if image.mode == "F" or image.mode.startswith("I"):
        image = Image.fromarray(_in_8_bits(np.asarray(image), white_is_zero=tags.get(PHOTOMETRIC) == 0))
    elif deep_colour:
        image = _deep_colour(file)
    image.getexif()[ORIENTATION] = orientation
    image = ImageOps.exif_transpose(image)
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _deep_colour(file: BinaryIO) -> Image.Image:
    """A picture of more than 8 bits a colour, of which Pillow would keep the upper 8, by OpenCV."""
    file.seek(0)
    values = cv2.imdecode(np.frombuffer(file.read(), np.uint8), cv2.IMREAD_UNCHANGED)
    if values is None or values.ndim != 3:
        raise ValueError("its colours have more than 8 bits in an unusual order")
    colours = _in_8_bits(values[..., 2::-1])
    alpha = [values[..., 3:] // 257] if values.shape[2] == 4 else []
    return Image.fromarray(np.concatenate([colours, *alpha], axis=2).astype(np.uint8, copy=False))


def _in_8_bits(values: np.ndarray, *, white_is_zero: bool = False) -> np.ndarray:
    """Numbers of any type, 0 being black, white one of TOPS -> uint8; infinite ones are white."""
    values = np.ascontiguousarray(values, values.dtype.newbyteorder("="))
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        values = np.nan_to_num(values, posinf=values[np.isfinite(values)].max(initial=0), neginf=0)
    low, high = min(0, values.min()), values.max()  # below 0 where a picture was brought to a mean of 0
    top = next((top for top in TOPS if high <= top), high)
    sign, offset = (-1, 255) if white_is_zero else (1, 0)
    scale = 255 / (top - low)
    return cv2.convertScaleAbs(values, alpha=sign * scale, beta=offset - sign * scale * low)


def to_grey(image: np.ndarray) -> np.ndarray:
    """uint8 (h, w) or (h, w, 3) in either order of red, green, blue -> uint8 (h, w). ValueError for anything else."""
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or 0 in image.shape:
        found = f"{image.dtype} {image.shape}"
        raise ValueError(f"a picture of {found} cannot be read; give uint8, (height, width) or (height, width, 3)")
    return image if image.ndim == 2 else cv2.transform(image, GREY)
