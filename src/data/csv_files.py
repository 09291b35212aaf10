"""CSV files of faces -> table: the text columns as strings, the grey values as images, the rows with errors.

A row holds thousands of grey values as text. They are read many rows at a time, on all cores (`grey_text.py`); only
rows that this fast way does not understand are read number by number, which also finds what is wrong with them.
"""

import contextlib
import csv
import mmap
import os
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np
import pandas as pd
import xxhash
from tqdm import tqdm

from src.files import shown

BLOCK = 1 << 20  # bytes of text that a thread reads at once: fewer, and threads wait for each other more often


class DataError(ValueError):
    """A data file that cannot be used; the message is one sentence which names file, row and remedy."""


@dataclass(frozen=True)
class FaceTable:
    """A CSV file of faces, row by row, good and bad.

    frame: the columns other than the image, stripped strings; its index is the line in the file, header = line 1.
    images: (rows, side, side) uint8, grey 0..255; zeros where the grey values are in error.
    faults: line -> what is wrong there.
    """

    path: Path
    frame: pd.DataFrame
    images: np.ndarray
    faults: dict[int, str]

    def numbers(self, columns: tuple[str, ...]) -> pd.DataFrame:
        """Columns as float64, NaN where empty; text that is not a number is noted as a fault."""
        text = self.frame[list(columns)]
        cells = text.to_numpy(object)
        try:
            return pd.DataFrame(np.where(cells == "", "nan", cells).astype(np.float64), text.index, columns)
        except ValueError:
            values = text.apply(pd.to_numeric, errors="coerce").astype(np.float64)
            self.note(values.isna() & ~text.isin(["", "nan", "NaN"]), "is not a number")
            return values

    def note(self, bad: pd.DataFrame, complaint: str) -> None:
        """Note as faults, in words, the cells of `frame` where `bad` is true; the first fault of a row stays."""
        for row, column in np.argwhere(bad.to_numpy()):
            line, name = int(bad.index[row]), bad.columns[column]
            self.faults.setdefault(line, f"{name} {self.frame.loc[line, name]!r:.40} {complaint}")

    def good_rows(self, strict: bool) -> np.ndarray:
        """Mask (rows,) of the rows without a fault.

        Raises
        ------
        DataError
            If a row has a fault and `strict`, or if no row is good. Else a warning tells how many are dropped.
        """
        good = ~self.frame.index.isin(list(self.faults))
        if good.all():
            return good
        line, reason = min(self.faults.items())
        first = f"{shown(self.path)}, line {line}: {reason}"
        count = len(self.faults)
        if strict or not good.any():
            others = f" ({count} rows have errors)" if count > 1 else ""
            raise DataError(f"{first}{others}; correct the file, or load it with strict=False to drop such rows.")
        warnings.warn(f"{first}; {count} of {len(good)} rows dropped.", stacklevel=5)
        return good


def map_file(path: Path) -> mmap.mmap:
    """The content of a file, read-only, mapped into memory.

    Raises
    ------
    DataError
        If the file is missing, cannot be read or is empty.
    """
    try:
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size:
                return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except OSError as error:
        reason = f"cannot be read ({error.strerror})"
    else:
        reason = "is empty"
    raise DataError(f"{shown(path)} {reason}; write it with `python DownloadData.py`.")


def read_face_table(
    path: Path, content: mmap.mmap, image_column: str, side: int, required: tuple[str, ...]
) -> FaceTable:
    """Read the CSV file `path`, mapped as `content`: `image_column` holds side*side grey values a row.

    Grey values are whole numbers 0..255 separated by spaces. Spaces and quotes around names and fields are
    forgiven, empty lines skipped. Rows with another number of fields or of grey values, or with grey values that
    are no such numbers, are noted as faults.

    Raises
    ------
    DataError
        If the file lacks a column of `required` or the image's, or holds no row.
    """
    start = content.find(b"\n") + 1 or len(content)
    names = _names(path, content[:start], (*required, image_column))
    image_at = names.index(image_column)
    spans = _spans(content, start)
    _let_memory_stay()
    read = partial(_read_block, content, count=len(names), image_at=image_at, side=side)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        progress = tqdm(pool.map(read, spans), f"read {path.name}", len(spans), unit=" blocks", delay=2)
        blocks = list(progress)
    lines, rows, faults = [], [], {}
    next_line = 2
    for block in blocks:
        lines += [next_line + line for line in block.lines]
        rows += block.rows
        faults |= {next_line + line: reason for line, reason in block.faults.items()}
        next_line += block.length
    if not rows:
        raise DataError(f"{shown(path)} holds no rows; write it again with `python DownloadData.py`.")
    del names[image_at]
    images = np.concatenate([block.images for block in blocks])
    return FaceTable(path, pd.DataFrame(rows, lines, names, dtype=str), images, faults)


@dataclass(frozen=True)
class _Block:
    """Some lines of a file, counted from 0: how many, which hold a row, their fields, images and faults."""

    length: int
    lines: list[int]
    rows: list[list[str]]
    images: np.ndarray
    faults: dict[int, str]


def _read_block(content: mmap.mmap, span: slice, count: int, image_at: int, side: int) -> _Block:
    lines, rows, texts, faults = [], [], [], {}
    length = 0
    for line, row in enumerate(_lines(content[span])):
        length = line + 1
        if not row.strip():
            continue
        others, image = _fields(row, count, image_at) or ([""] * (count - 1), None)
        if image is None:
            faults[line] = f"{row.count(b',') + 1} fields where the header names {count}"
        lines.append(line)
        rows.append(others)
        texts.append((image or b"").strip())
    values, reasons = parse_rows(texts, side * side)
    for row, reason in reasons.items():
        faults.setdefault(lines[row], reason)
    return _Block(length, lines, rows, values.reshape(-1, side, side), faults)


def _names(path: Path, header: bytes, required: tuple[str, ...]) -> list[str]:
    names = [_text(name) for name in _quoted_fields(header.removeprefix(b"\xef\xbb\xbf"))]
    if missing := [name for name in required if name not in names]:
        raise DataError(
            f"{shown(path)}, line 1: column {missing[0]} is missing; name the columns as in Kaggle's files, or"
            " write the file again with `python DownloadData.py`."
        )
    return names


def _let_memory_stay() -> None:
    """Free a large array: from then on glibc keeps memory of that size for the next block.

    Before, it may give the memory of each block back to the system, which makes reading half as fast.
    """
    np.empty(1 << 24, np.uint8)


def _spans(content: mmap.mmap, start: int) -> list[slice]:
    """Cut the content from `start` on into blocks of whole lines."""
    spans = []
    while start < len(content):
        stop = content.find(b"\n", start + BLOCK) + 1 or len(content)
        spans.append(slice(start, stop))
        start = stop
    return spans


def _lines(block: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(block):
        stop = block.find(b"\n", start) % (len(block) + 1)  # -1, not found, becomes the end
        yield block[start:stop]
        start = stop + 1


def _fields(row: bytes, count: int, image_at: int) -> tuple[list[str], bytes] | None:
    """The fields of a row other than its image, stripped, and the image; None if they are not `count`."""
    if b'"' in row:
        fields = [_text(field) for field in _quoted_fields(row)]
        return (fields, fields.pop(image_at).encode()) if len(fields) == count else None
    # Not `row.split(b",")`: that would look for commas in the image, byte by byte.
    start, stop = 0, len(row)
    for _ in range(image_at):
        start = row.find(b",", start) + 1 or len(row)
    for _ in range(count - image_at - 1):
        stop = row.rfind(b",", start, stop)
    image = row[start:stop]
    others = [field.strip() for field in (row[:start] + row[stop:]).decode("utf-8", "replace").split(",")]
    if len(others) != count or b"," in image:
        return None
    del others[image_at]
    return others, image


def _quoted_fields(row: bytes) -> list[bytes]:
    try:
        return [field.encode() for field in next(csv.reader([row.decode("utf-8", "replace")]))]
    except csv.Error:
        return []


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace").strip()


cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is no picture is said in our own words
SPACE = np.uint8(ord(" "))


def parse_rows(texts: list[bytes], count: int) -> tuple[np.ndarray, dict[int, str]]:
    """Read `count` whole numbers 0..255 a text, separated by white space.

    Returns (values, faults): uint8 (texts, count), zeros where a text is in error, and row -> what is wrong there.
    """
    values = _parse_plain(texts, count) if texts else None
    if values is not None:
        return values, {}
    values, faults = np.zeros((len(texts), count), np.uint8), {}
    for row, text in enumerate(texts):
        try:
            values[row] = _parse_row(text, count)
        except ValueError as error:
            faults[row] = str(error)
    return values, faults


def _parse_row(text: bytes, count: int) -> list[int]:
    """Read a text number by number; raises ValueError with what is wrong."""
    words = text.split()
    for word in words:
        if not word.removeprefix(b"-").isdigit():
            raise ValueError(f"grey value {word.decode('utf-8', 'replace')!r:.40} is not a whole number")
    if len(words) != count:
        raise ValueError(f"{len(words)} grey values where {count} belong")
    values = [int(word) for word in words]
    for value in values:
        if not 0 <= value <= 255:
            raise ValueError(f"grey value {value} is outside 0..255")
    return values


def _parse_plain(texts: list[bytes], count: int) -> np.ndarray | None:
    """Texts as programs write them -> uint8 (texts, count); None when any of them is not like that.

    Plain are `count` whole numbers 0..255 without leading zeros, one space between two. OpenCV reads them all as one
    picture of Netpbm's format P2, which is such text; it does so outside the interpreter's lock, so that threads can
    read side by side. It takes what is no digit for a space, and stops when it has numbers enough.
    """
    header = b"P2 %d %d 65535 " % (count, len(texts))  # of 16 bits, or a number above 255 would become 255
    picture = np.frombuffer(header + b" ".join((*texts, b"")), np.uint8)
    if np.count_nonzero(picture[len(header) :] == SPACE) != len(texts) * count:
        return None
    values = cv2.imdecode(picture, cv2.IMREAD_UNCHANGED)
    if values is None or values.max() > 255:
        return None
    values = values.astype(np.uint8)
    # A text as long as its numbers and the spaces between them has nothing else in it, nor leading zeros; nor did a
    # number too many in one text make up for one too few in another.
    further_digits = (values > 9).view(np.uint8) + (values > 99).view(np.uint8)
    lengths = 2 * count - 1 + cv2.reduce(further_digits, 1, cv2.REDUCE_SUM, dtype=cv2.CV_32S)[:, 0]
    return values if lengths.tolist() == [len(text) for text in texts] else None


def checksum(content) -> str:
    """Length and xxHashes of both halves of a contiguous buffer: tells contents apart at many GB a second."""
    content = memoryview(content).cast("B")
    half = len(content) // 2
    with ThreadPoolExecutor(2) as pool:  # xxhash and the reading of mapped files leave the interpreter free
        return "-".join([str(len(content)), *pool.map(xxhash.xxh3_64_hexdigest, (content[:half], content[half:]))])


class ArrayCache:
    """The cached arrays of the file `path` whose content has the checksum `key`."""

    def __init__(self, path: Path, key: str):
        self.images_file = path.with_name(f"{path.name}.images.npy")
        self.rest_file = path.with_name(f"{path.name}.cache.npz")
        self.key = key

    def load(self) -> dict[str, np.ndarray] | None:
        """The arrays, `images` read-only; None when there are none for this key that are whole."""
        try:
            with self.rest_file.open("rb") as file, np.load(file) as rest:
                arrays = dict(rest)
            if arrays.pop("key").item() != self.key:
                return None
            images = np.load(self.images_file, mmap_mode="r")
            if arrays.pop("images_checksum").item() != checksum(images):
                return None
        except Exception:  # whatever a damaged file leads to
            return None
        return {"images": np.asarray(images), **arrays}

    def save(self, arrays: dict[str, np.ndarray]) -> None:
        """Keep the arrays if the folder can be written to; `images` must be among them."""
        rest = dict(arrays)
        images = rest.pop("images")
        rest |= {"key": np.array(self.key), "images_checksum": np.array(checksum(images))}
        with contextlib.suppress(OSError):
            _replace(self.images_file, lambda file: np.save(file, images))
            _replace(self.rest_file, lambda file: np.savez(file, **rest))


def _replace(path: Path, write: Callable[[BinaryIO], None]) -> None:
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            write(file)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
