"""CSV files of faces -> table: the text columns as strings, the grey values as images, the rows with errors.

A row holds thousands of grey values as text. Many rows are read at once, on all cores; only rows that this fast way
does not understand are read number by number, which also finds what is wrong with them.
"""

import contextlib
import csv
import mmap
import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import xxhash
from tqdm import tqdm

from src.files import replacing, shown

# What a file is that starts with these bytes.
NO_CSV = {
    b"\x1f\x8b": "is packed with gzip; unpack it first",
    b"PK\x03\x04": "is a ZIP archive or a workbook; unpack it, or save it as CSV",
    b"\xff\xfe": "is text in UTF-16; save it in UTF-8",
    b"\xfe\xff": "is text in UTF-16; save it in UTF-8",
}
BLOCK = 1 << 20  # bytes of text that a thread reads at once: fewer, and threads wait for each other more often
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is no picture is said in our own words


class DataError(ValueError):
    """A data file that cannot be used; the message is one sentence which names file, row and remedy."""


@dataclass(frozen=True)
class FaceTable:
    """A CSV file of faces, row by row, good and bad."""

    path: Path
    frame: pd.DataFrame  # the other known columns, stripped strings; its index is the line in the file, header = line 1
    images: np.ndarray  # (rows, side, side) uint8, grey 0..255; zeros where the grey values are in error
    faults: np.ndarray  # (rows,) object, what is wrong with a row, "" where nothing is

    def numbers(self, columns: tuple[str, ...]) -> pd.DataFrame:
        """Columns as float64, NaN where empty; text that is not a number is noted as a fault."""
        text = self.frame[list(columns)]
        values = text.apply(pd.to_numeric, errors="coerce").astype(np.float64)
        self.note(values.isna() & ~text.isin(["", "nan", "NaN"]), "is not a number")
        return values

    def note(self, bad: pd.DataFrame, complaint: str) -> None:
        """Note as faults, in words, the cells of `frame` where `bad` is true; the first fault of a row stays."""
        for row, column in np.argwhere(bad.to_numpy()):
            name = bad.columns[column]
            self.faults[row] = self.faults[row] or f"{name} {self.frame[name].iloc[row]!r:.40} {complaint}"

    def note_unless_in(self, column: str, names: Iterable[str]) -> None:
        """Note as faults the cells of a column, if there is one, that are none of the names."""
        if column in self.frame:
            self.note(~self.frame[[column]].isin(list(names)), f"is none of {', '.join(names)}")

    def good_rows(self, strict: bool) -> np.ndarray:
        """Mask (rows,) of the rows without a fault; a warning tells how many others there are.

        Raises DataError if there are others and `strict`, or if no row is good.
        """
        good = self.faults == ""
        if good.any() and self.images.max() <= 1:
            first = f"{shown(self.path)}, line {self.frame.index[0]}"
            raise DataError(f"{first}: no grey value of this row or any other is above 1; multiply 0..1 by 255.")
        if good.all():
            return good
        first, count = np.argmin(good), np.count_nonzero(~good)
        fault = f"{shown(self.path)}, line {self.frame.index[first]}: {self.faults[first]}"
        if strict or not good.any():
            others = f" ({count} rows have errors)" if count > 1 else ""
            raise DataError(f"{fault}{others}; correct the file, or load it with strict=False to drop such rows.")
        warnings.warn(f"{fault}; {count} of {len(good)} rows dropped.", stacklevel=5)
        return good


def map_file(path: Path) -> mmap.mmap:
    """The content of a file, read-only, mapped into memory; DataError if there is none that can be read."""
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError:
        reason = "is missing; write it with `python DownloadData.py`"
    except OSError as error:
        reason = f"cannot be read ({error.strerror}); mend this and call again"
    except ValueError:  # an empty file cannot be mapped
        reason = "is empty; write it with `python DownloadData.py`"
    raise DataError(f"{shown(path)} {reason}.")


def read_face_table(path: Path, content, image_column: str, side: int, required: tuple, optional: tuple) -> FaceTable:
    """Read the CSV file `path`, mapped as `content`: `image_column` holds side*side grey values a row.

    Grey values are whole numbers 0..255 separated by spaces. Spaces and quotes around names and fields are forgiven,
    empty lines skipped. Rows with another number of fields or of grey values, or with grey values that are no such
    numbers, are noted as faults. Columns that are neither `required` nor `optional` are not kept. DataError if the file
    lacks the image's column or one of `required`, has a column twice, or holds no row.
    """
    if remedy := next((words for magic, words in NO_CSV.items() if content[: len(magic)] == magic), None):
        raise DataError(f"{shown(path)} {remedy}.")
    start, names = _first_line(content), column_names(content)
    if missing := [name for name in (*required, image_column) if name not in names]:
        raise DataError(
            f"{shown(path)}, line 1: column {missing[0]} is missing; name the columns as in Kaggle's files, or"
            " write the file again with `python DownloadData.py`."
        )
    columns = {name: names.index(name) for name in (*required, *optional) if name in names}
    if twice := [name for name in (*columns, image_column) if names.count(name) > 1]:
        raise DataError(f"{shown(path)}, line 1: column {twice[0]} stands twice; leave one of them.")
    places = _block_places(content, start)
    np.empty(1 << 24, np.uint8)  # freed at once: now glibc keeps memory up to this size, twice as fast as asking anew
    read = partial(_read_block, content, len(names), names.index(image_column), columns, side)
    with ThreadPoolExecutor() as pool:
        blocks = list(tqdm(pool.map(read, places), f"read {shown(path.name)}", len(places), unit=" blocks", delay=2))
    if not any(len(frame) for frame, _, _ in blocks):
        raise DataError(f"{shown(path)} holds no rows; write it again with `python DownloadData.py`.")
    frames, images, faults = zip(*blocks, strict=True)
    return FaceTable(path, pd.concat(frames), np.concatenate(images), np.concatenate(faults))


def column_names(content) -> list[str]:
    """The names in the first line of a CSV file."""
    line = content[: _first_line(content)].removeprefix(b"\xef\xbb\xbf")
    return [name.decode("utf-8", "replace") for name in _fields(line)]


def _first_line(content) -> int:
    """Its length, bytes."""
    return content.find(b"\n") + 1 or len(content)


def _block_places(content: mmap.mmap, start: int) -> list[tuple[int, slice]]:
    """Number of the first line, and place, of blocks of whole lines."""
    places, line = [], 2
    while start < len(content):
        stop = content.find(b"\n", start + BLOCK) + 1 or len(content)
        places.append((line, slice(start, stop)))
        line += content[start:stop].count(b"\n")
        start = stop
    return places


def _read_block(content, width: int, image_at: int, columns: dict[str, int], side: int, place: tuple[int, slice]):
    """`frame`, `images` and `faults`, as of a FaceTable, of a block of lines that have `width` fields."""
    lines, rows, texts, faults = [], [], [], []
    for line, row in enumerate(content[place[1]].split(b"\n"), place[0]):
        if row.strip():
            fields = _fields(row)
            whole = len(fields) == width
            faults.append("" if whole else f"{len(fields)} fields where the header names {width}")
            fields = fields if whole else [b""] * width
            texts.append(fields[image_at])
            rows.append([fields[column].decode("utf-8", "replace") for column in columns.values()])
            lines.append(line)
    values, reasons = parse_rows(texts, side * side)
    faults = [fault or reasons.get(row, "") for row, fault in enumerate(faults)]
    frame = pd.DataFrame(rows, lines, list(columns), dtype=str)
    return frame, values.reshape(-1, side, side), np.array(faults, object)


def _fields(row: bytes) -> list[bytes]:
    """The fields of a line, without spaces and quotes around them; none if the quotes are past understanding."""
    if b'"' not in row:
        return [field.strip() for field in row.split(b",")]
    with contextlib.suppress(csv.Error):
        return [field.strip().encode() for field in next(csv.reader([row.decode("utf-8", "replace")]))]
    return []


def parse_rows(texts: list[bytes], count: int) -> tuple[np.ndarray, dict[int, str]]:
    """Read `count` whole numbers 0..255 a text, separated by white space.

    Returns (values, faults): uint8 (texts, count), zeros where a text is in error, and row -> what is wrong there.
    """
    if texts and (values := _parse_plain(texts, count)) is not None:
        return values, {}
    values, faults = np.zeros((len(texts), count), np.uint8), {}
    for row, text in enumerate(texts):
        words = text.split()
        if strange := [word for word in words if not word.removeprefix(b"-").isdigit()]:
            word = strange[0].decode("utf-8", "replace")
            faults[row] = f"grey value {word!r:.40} is not a whole number (0..1 times 255, rounded, is one)"
        elif len(words) != count:
            faults[row] = f"{len(words)} grey values where {count} belong"
        elif outside := [word for word in words if not 0 <= float(word) <= 255]:  # int refuses 4300 digits
            faults[row] = f"grey value {outside[0].decode():.40} is outside 0..255"
        else:
            values[row] = list(map(float, words))
    return values, faults


def _parse_plain(texts: list[bytes], count: int) -> np.ndarray | None:
    """Texts as programs write them -> uint8 (texts, count); None when any of them is not like that.

    Plain are `count` whole numbers 0..255 without leading zeros, one space between two. OpenCV reads them all as one
    picture of Netpbm's format P2, which is such text; it does so outside the interpreter's lock, so that threads can
    read side by side. It takes what is no digit for a space, and stops when it has numbers enough.
    """
    header = b"P2 %d %d 65535 " % (count, len(texts))  # of 16 bits, or a number above 255 would become 255
    picture = np.frombuffer(header + b" ".join((*texts, b"")), np.uint8)
    if np.count_nonzero(picture[len(header) :] == ord(" ")) != len(texts) * count:
        return None
    values = cv2.imdecode(picture, cv2.IMREAD_UNCHANGED)
    if values is None or values.max() > 255:
        return None
    values = values.astype(np.uint8)
    # A text as long as its numbers and the spaces between them has nothing else in it, nor leading zeros; nor did a
    # number too many in one text make up for one too few in another.
    further_digits = (values > 9).view(np.uint8) + (values > 99).view(np.uint8)
    lengths = 2 * count - 1 + further_digits.sum(axis=1, dtype=int)
    return values if lengths.tolist() == [len(text) for text in texts] else None


def checksum(content) -> str:
    """Length and xxHashes of both halves of a contiguous buffer: tells contents apart at many GB a second."""
    content = memoryview(content).cast("B")
    half = len(content) // 2
    with ThreadPoolExecutor(2) as pool:  # xxhash and the reading of mapped files leave the interpreter free
        return "-".join([str(len(content)), *pool.map(xxhash.xxh3_64_hexdigest, (content[:half], content[half:]))])


def _cache_files(path: Path) -> tuple[Path, Path]:
    return path.with_name(f"{path.name}.images.npy"), path.with_name(f"{path.name}.cache.npz")


def load_cached(path: Path, key: str) -> dict[str, np.ndarray] | None:
    """The arrays kept for the file `path` under `key`, `images` read-only; None when there are none that are whole."""
    images_file, rest_file = _cache_files(path)
    with contextlib.suppress(Exception):  # whatever a damaged file leads to
        with rest_file.open("rb") as file, np.load(file) as rest:
            arrays = dict(rest)
        images = np.load(images_file, mmap_mode="r")
        if arrays.pop("key").item() == key and arrays.pop("images_checksum").item() == checksum(images):
            return {"images": np.asarray(images), **arrays}
    return None


def save_cached(path: Path, key: str, arrays: dict[str, np.ndarray]) -> None:
    """Keep the arrays, `images` among them, if the folder can be written to; `key` says what they were made from."""
    rest = arrays | {"key": np.array(key), "images_checksum": np.array(checksum(arrays["images"]))}
    images = rest.pop("images")
    images_file, rest_file = _cache_files(path)
    with contextlib.suppress(OSError):
        with replacing(images_file) as part:
            np.save(part, images)
        with replacing(rest_file) as part:
            np.savez(part, **rest)
