"""The table of faces as a file that grows: a row a face, whole rows only, to be continued after an interruption."""

import csv
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pandas as pd
import portalocker

from src.files import shown
from src.labels import ANSWER_COLUMNS, BOX_COLUMNS, FOUND_COLUMNS, KEYPOINT_COLUMNS

# frame and time (seconds) are those of a video; reason tells why a file or a frame has no face, or was read in part.
COLUMNS = ("file", "frame", "time", "face", *BOX_COLUMNS, *KEYPOINT_COLUMNS)
COLUMNS += (*FOUND_COLUMNS, *ANSWER_COLUMNS, "reason")
HEADER = ",".join(COLUMNS) + "\n"
OURS = ",".join(COLUMNS[:8]).encode()  # how a table of this program begins, of an older version too


class FaceTable:
    """Appends rows to a CSV file, which no other run may write meanwhile.

    resume: keep the rows of an earlier run. Those of its last file may be incomplete: they go, and that file is not
    among `done`, the files that the table holds. ValueError where another run writes the table, or it is another
    table; OSError where it cannot be written.
    """

    def __init__(self, path: Path, *, resume: bool = False):
        self.path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._out = path.open("a+b", buffering=0)
        except OSError as error:
            raise OSError(f"{shown(path)} cannot be written ({error.strerror}): give another --csv") from error
        try:
            portalocker.lock(self._out, portalocker.LOCK_EX | portalocker.LOCK_NB)
            self._check(resume=resume)
            self._end, self.done = _whole_files(path) if resume else (0, set())
            self._out.truncate(self._end)
            if not self._end:
                self._write(HEADER)
        except portalocker.LockException as error:
            self.close()
            raise ValueError(f"{shown(path)} is written by another run: wait for it or give another --csv") from error
        except BaseException:
            self.close()
            raise

    def _check(self, *, resume: bool) -> None:
        self._out.seek(0)
        begin = self._out.readline()
        if begin and not begin.startswith(OURS):
            raise ValueError(f"{shown(self.path)} is there already and no table of this program: give another --csv")
        if begin and resume and begin != HEADER.encode():
            raise ValueError(f"{shown(self.path)} is of another version of this program: leave --resume out")

    def add(self, faces: pd.DataFrame | None, reason: str = "", **same) -> None:
        """A row a face; without faces (none, or None) one row with the reason.

        faces: any of COLUMNS, the others stay empty; same: a column's value in all these rows, such as `file`.
        """
        if faces is None or faces.empty:
            self._write(_line({"reason": reason, **same}))
            return
        rows = faces.assign(**same).reindex(columns=COLUMNS)
        text = rows.to_csv(index=False, header=False, float_format="%.4f")
        if "\r" in text:  # which pandas takes for the end of a row, unless it is quoted
            text = rows.to_csv(index=False, header=False, float_format="%.4f", quoting=csv.QUOTE_ALL)
        self._write(text)

    def _write(self, text: str) -> None:
        rest = content = text.encode()
        try:
            while rest:
                rest = rest[self._out.write(rest) :]
        except OSError as error:
            with suppress(OSError):  # the drive may be gone
                self._out.truncate(self._end)
            raise OSError(
                f"{shown(self.path)} could not be written ({error.strerror}): free space or give another --csv; "
                "the same command with --resume goes on"
            ) from error
        self._end += len(content)

    def close(self) -> None:
        self._out.close()


def _line(values: dict) -> str:
    """One row as pandas would write it, which takes pandas longer than finding out that a file is no picture."""
    cells = ["" if pd.isna(it) else it for it in (values.get(name, "") for name in COLUMNS)]
    cells = [f"{it:.4f}" if isinstance(it, float) else str(it) for it in cells]
    quoting = csv.QUOTE_ALL if any("\r" in it for it in cells) else csv.QUOTE_MINIMAL
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n", quoting=quoting).writerow(cells)
    return line.getvalue()


def _whole_files(path: Path) -> tuple[int, set[str]]:
    """Where the rows of the last file begin, bytes, and the names of the other files."""
    names, last, begin = set(), "file", 0  # as in the header
    for start, row in _rows(path):
        if len(row) != len(COLUMNS):
            break
        if row[0] != last:
            names.add(last)
            last, begin = row[0], start
    return begin, names - {"file"}


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each row and where it begins in the file, bytes."""
    end = 0

    def lines(file) -> Iterator[str]:
        nonlocal end
        for line in file:
            end += len(line)
            yield line.decode(errors="replace")

    with path.open("rb") as file:
        start = 0
        for row in csv.reader(lines(file)):
            yield start, row
            start = end
