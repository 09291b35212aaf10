"""CSV files of faces -> table: the text columns as strings, the grey values as images, the rows with errors.

A row holds thousands of grey values as text. They are read with whole-array arithmetic, many rows at a time; only
rows that this fast way does not understand are read number by number, which also finds what is wrong with them.
"""

import csv
import io
import mmap
import os
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from src.grey_text import parse_rows
from src.paths import shown

BLOCK = 1 << 18  # bytes of text read at once: what it becomes stays in the processor's cache


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
    layout = _Layout(names, names.index(image_column), side * side)
    line, lines, rows, values, faults = 2, [], [], [], {}
    spans = _spans(content, start)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = pool.map(lambda span: layout.read(content[span]), spans)
        for block in tqdm(blocks, f"read {path.name}", len(spans), unit=" blocks", delay=2):
            lines += [line + offset for offset in block.offsets]
            rows += block.rows
            values.append(block.values)
            faults |= {line + offset: reason for offset, reason in block.faults.items()}
            line += block.lines
    if not rows:
        raise DataError(f"{shown(path)} holds no rows; write it again with `python DownloadData.py`.")
    del names[layout.image_at]
    frame = pd.DataFrame(rows, index=lines, columns=names, dtype=str)
    return FaceTable(path, frame, np.concatenate(values).reshape(-1, side, side), faults)


def _names(path: Path, header: bytes, required: tuple[str, ...]) -> list[str]:
    names = [_text(name) for name in _quoted_fields(header.removeprefix(b"\xef\xbb\xbf"))]
    if missing := [name for name in required if name not in names]:
        raise DataError(
            f"{shown(path)}, line 1: column {missing[0]} is missing; name the columns as in Kaggle's files, or"
            " write the file again with `python DownloadData.py`."
        )
    return names


def _spans(content: mmap.mmap, start: int) -> list[slice]:
    """Cut the content from `start` on into blocks of whole lines."""
    spans = []
    while start < len(content):
        stop = content.find(b"\n", start + BLOCK) + 1 or len(content)
        spans.append(slice(start, stop))
        start = stop
    return spans


@dataclass(frozen=True)
class _Block:
    """Some lines of a file: for each row its offset from the first line, its text fields and its grey values."""

    lines: int
    offsets: list[int]
    rows: list[list[str]]
    values: np.ndarray
    faults: dict[int, str]


@dataclass(frozen=True)
class _Layout:
    names: list[str]
    image_at: int
    count: int  # of grey values in a row

    def read(self, text: bytes) -> _Block:
        lines = io.BytesIO(text).readlines()
        offsets, rows, images, faults = [], [], [], {}
        for offset, line in enumerate(lines):
            if line.isspace():
                continue
            fields = self._fields(line)
            if len(fields) != len(self.names) or b"," in fields[self.image_at]:
                faults[offset] = f"{line.count(b',') + 1} fields where the header names {len(self.names)}"
                fields = [b""] * len(self.names)
            images.append(fields.pop(self.image_at).strip())
            rows.append([_text(field) for field in fields])
            offsets.append(offset)
        values, reasons = parse_rows(images, self.count)
        faults = {offsets[row]: reason for row, reason in reasons.items()} | faults
        return _Block(len(lines), offsets, rows, values, faults)

    def _fields(self, line: bytes) -> list[bytes]:
        if b'"' in line:
            return _quoted_fields(line)
        # Not `line.split(b",")`: that would look for commas in the image, byte by byte.
        *before, rest = line.split(b",", self.image_at)
        return before + rest.rsplit(b",", len(self.names) - self.image_at - 1)


def _quoted_fields(line: bytes) -> list[bytes]:
    try:
        return [field.encode() for field in next(csv.reader([line.decode("utf-8", "replace")]))]
    except csv.Error:
        return []


def _text(field: bytes) -> str:
    return field.decode("utf-8", "replace").strip()
