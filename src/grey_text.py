"""Grey values written as text, `70 80 255 ...`, -> uint8, many rows at a time."""

import cv2
import numpy as np

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
