"""Grey values written as text, `70 80 255 ...`, -> uint8, many rows at a time."""

import numpy as np

SPACE, NINE = b" 9"


def parse_rows(texts: list[bytes], count: int) -> tuple[np.ndarray, dict[int, str]]:
    """Read `count` whole numbers 0..255 a text, separated by white space.

    Returns (values, faults): uint8 (texts, count), zeros where a text is in error, and row -> what is wrong there.
    """
    values = _parse_plain(texts, count)
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

    Plain are `count` whole numbers 0..255 without leading zeros, one space between two. A number is computed at the
    space behind it from the three characters before it; this is done at all characters at once, in uint8, which
    wraps, and what is not at such a space is then left out.
    """
    joined = b"   " + b" ".join(texts) + b" "
    joined += b"0" * (len(joined) % 2 == 0)  # _nonzero wants pairs; with no space behind, this is no number
    chars = np.frombuffer(joined, np.uint8)
    is_end = chars[3:] == SPACE
    digit_bit = chars & np.uint8(16)  # set in digits, not in spaces
    spaces = 3 + np.count_nonzero(is_end)
    if spaces + np.count_nonzero(digit_bit) != len(chars) or chars.min() < SPACE or chars.max() > NINE:
        return None
    if np.any(is_end[1:] & is_end[:-1]) or not _all_have(count, is_end, texts):
        return None
    tens_ones = (chars[1:-2] & np.uint8(15)) * np.uint8(10)
    tens_ones += chars[2:-1]  # 48 too much, and so never 0
    tens_ones *= is_end.view(np.uint8)
    hundreds = chars[:-3] + digit_bit[1:-2]  # without the bit, the character belongs to the number before
    hundreds *= is_end.view(np.uint8)
    values = _nonzero(tens_ones) + _nonzero(hundreds, HUNDREDS)
    # What is too long for its value is found by the length of all: leading zeros, more than three digits, and
    # numbers above 255, for those have come out below 100.
    digits = len(values) + np.count_nonzero(values > 9) + np.count_nonzero(values > 99)
    return values.reshape(-1, count) if digits == np.count_nonzero(digit_bit[:-1]) else None


def _all_have(count: int, is_end: np.ndarray, texts: list[bytes]) -> bool:
    """Whether each text holds `count` numbers; `is_end` is true at the space behind a number, text after text."""
    stops = np.cumsum([len(text) + 1 for text in texts]).tolist()
    return all(np.count_nonzero(is_end[a:b]) == count for a, b in zip([0, *stops], stops, strict=False))


# What a hundreds' character with its bit adds to `tens_ones`, where 48 are to be taken off. Only "1" and "2" add
# hundreds: a greater digit is an error, which must come out too small.
HUNDREDS = bytes({ord("1") + 16: 100 - 48, ord("2") + 16: 200 - 48}.get(code, 256 - 48) for code in range(256))


def _nonzero(values: np.ndarray, table: bytes | None = None) -> np.ndarray:
    """What is not 0, looked up in `table`, of uint8 (2n,) where at most one of each pair is not 0.

    Three times as fast as `values[values != 0]`: half the length, and bytes.translate to leave the zeros out.
    """
    pairs = values.view(np.uint16)
    folded = pairs >> np.uint16(8)
    folded |= pairs
    return np.frombuffer(folded.astype(np.uint8).tobytes().translate(table, b"\0"), np.uint8)
