"""The table of faces as a file that grows: a row a face, whole rows only, to be continued after an interruption."""

import csv
from pathlib import Path

import pandas as pd

from src.files import replacing
from src.labels import ANSWER_COLUMNS, BOX_COLUMNS, FOUND_COLUMNS, KEYPOINT_COLUMNS

# frame and time (seconds) are those of a video; reason tells why a file or a frame has no face.
COLUMNS = ("file", "frame", "time", "face", *BOX_COLUMNS, *KEYPOINT_COLUMNS)
COLUMNS += (*FOUND_COLUMNS, *ANSWER_COLUMNS, "reason")
_TEXT = {"encoding": "utf-8", "errors": "surrogateescape", "newline": ""}  # file names may hold any bytes


class FaceTable:
    """Appends rows to a CSV file, each call in one write.

    resume: keep the rows of an earlier run. Those of its last file may be incomplete: they go, and that file is not
    among `done`.
    """

    def __init__(self, path: Path, *, resume: bool = False):
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self.done = _keep_whole(path) if resume and path.exists() else set()
        self._out = path.open("a" if self.done else "w", buffering=1, **_TEXT)  # rows are on disk once added
        if not self.done:
            self._out.write(",".join(COLUMNS) + "\n")

    def add(self, faces: pd.DataFrame | None, reason: str = "", **same) -> None:
        """A row a face; without faces (none, or None) one row with the reason.

        faces: any of COLUMNS, the others stay empty; same: a column's value in all these rows, such as `file`.
        """
        rows = pd.DataFrame({"reason": [reason]}) if faces is None or faces.empty else faces
        rows = rows.assign(**same).reindex(columns=COLUMNS)
        self._out.write(rows.to_csv(index=False, header=False, float_format="%.4f"))

    def close(self) -> None:
        self._out.close()


def _keep_whole(path: Path) -> set[str]:
    """Takes the rows of the last file away; the names of the other files. ValueError where it is another table."""
    with path.open(**_TEXT) as table:
        rows = csv.reader(table)
        if tuple(next(rows, ())) != COLUMNS:
            raise ValueError(f"{path} is no table of this program: give another --csv or leave --resume out")
        last = None
        for row in rows:
            last = row[0] if len(row) == len(COLUMNS) else last
    done = set()
    with path.open(**_TEXT) as table, replacing(path) as part, part.open("w", **_TEXT) as kept:
        writer = csv.writer(kept, lineterminator="\n")
        for i, row in enumerate(csv.reader(table)):
            if len(row) == len(COLUMNS) and row[0] != last:
                writer.writerow(row)
                done |= {row[0]} if i else set()
    return done
