"""What the columns of an emotion file say: emotions by name or by code, whose meaning is never guessed; and votes."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from src.data.csv_files import DataError, FaceTable
from src.files import shown
from src.labels import ALL_EMOTIONS, EMOTIONS, FER_CODES, VOTES

CODES = {"five": EMOTIONS, "seven": FER_CODES}  # what the codes 0.. mean: in the original study's file, in FER2013
LABELS = {name: label for label, name in enumerate(ALL_EMOTIONS)}


def read_two_ways(codes: Iterable[float]) -> bool:
    """Whether emotion codes are in both tables of `CODES`, but do not mean the same there; 0, 1 and 3 do."""
    known = {code for code in codes if code in range(len(FER_CODES))}
    return known <= {*range(len(EMOTIONS))} and any(EMOTIONS[int(code)] != FER_CODES[int(code)] for code in known)


def read_labels(table: FaceTable, reading: str | None) -> np.ndarray:
    """The labels of the column `emotion`, int8 (rows,), indices into `labels.ALL_EMOTIONS`.

    reading: the name in `CODES` of what the codes are, or None. What is neither a code nor the name of an emotion is
    noted as a fault. DataError if the codes can be read two ways and `reading` is None.
    """
    text = table.frame["emotion"]
    codes = pd.to_numeric(text, errors="coerce")
    if reading is None and read_two_ways(codes.unique()):
        raise DataError(
            f"{shown(table.path)} can be read two ways: its codes 2 and 4 are sad and surprise if they are the original"
            " study's five, fear and sad if they are FER2013's seven; put it into a folder of its own and say which,"
            " `python DownloadData.py --from FOLDER --codes five` or `--codes seven`."
        )
    names = CODES[reading or "seven"]
    labels = text.where(codes.isna(), codes.map(dict(enumerate(names)))).map(LABELS)
    table.note(
        labels.isna().to_frame(), f"is no emotion code of 0..{len(names) - 1}, nor one of {', '.join(ALL_EMOTIONS)}"
    )
    return labels.fillna(0).to_numpy(np.int8)


def write_codes(codes: Iterable[int]) -> list[str]:
    """The column `emotion` of FER2013's codes: the codes, or names where they could be read two ways."""
    codes = list(codes)
    return [FER_CODES[code] for code in codes] if read_two_ways(codes) else list(map(str, codes))


def read_vote_columns(table: FaceTable) -> np.ndarray | None:
    """The votes in a table, (rows, 10) floats, which are good where no fault is noted; None without such columns."""
    missing = [name for name in VOTES if name not in table.frame]
    if len(missing) == len(VOTES):
        return None
    if missing:
        raise DataError(
            f"{shown(table.path)}, line 1: column {missing[0]} is missing; give all ten columns of votes, or none."
        )
    counts = table.numbers(VOTES)
    some = counts.notna().any(axis=1).to_numpy()
    table.note(counts.isna() & some[:, None], "is missing beside other votes")
    counts = counts.fillna(0)
    table.note(~counts.isin(range(256)), "is no whole number of 0..255")
    return counts.to_numpy()
