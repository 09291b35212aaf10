"""Grey values written as text, `70 80 255 ...`, -> uint8, many rows at a time."""

import numpy as np

SPACE, NINE = b" 9"
# What the codes that _parse_plain makes of the characters of a number stand for. Only "1" and "2" count as hundreds:
# a greater digit is an error, which must come out too small.
TENS_ONES = bytes(10 * (code // 16 - 3) + code % 16 if 48 <= code < 208 else 0 for code in range(256))
HUNDREDS = bytes({ord("1") + 16: 100, ord("2") + 16: 200}.get(code, 0) for code in range(256))


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
    numbers = np.count_nonzero(is_end)
    if numbers != len(texts) * count or numbers + 3 + np.count_nonzero(digit_bit) != len(chars):
        return None
    if chars.min() < SPACE or chars.max() > NINE or np.any(is_end[1:] & is_end[:-1]):
        return None
    tens_ones = chars[1:-2] * np.uint8(16)  # a space and "0" become 0
    tens_ones += chars[2:-1]
    tens_ones *= is_end.view(np.uint8)
    hundreds = chars[:-3] + digit_bit[1:-2]  # without the bit, the character belongs to the number before
    hundreds *= is_end.view(np.uint8)
    values = (_nonzero(tens_ones, TENS_ONES) + _nonzero(hundreds, HUNDREDS)).reshape(-1, count)
    # What is too long for its value is found by its length: leading zeros, more than three digits, and numbers
    # above 255, for those have come out below 100. So is a number that belongs to another row.
    further_digits = (values > 9).view(np.uint8) + (values > 99).view(np.uint8)
    lengths = 2 * count - 1 + np.sum(further_digits, axis=1, dtype=np.uint32)
    return values if lengths.tolist() == [len(text) for text in texts] else None


def _nonzero(values: np.ndarray, table: bytes) -> np.ndarray:
    """What is not 0, looked up in `table`, of uint8 (2n,) where at most one of each pair is not 0.

    Three times as fast as `values[values != 0]`: half the length, and bytes.translate to leave the zeros out.
    """
    pairs = values.view(np.uint16)
    folded = pairs >> np.uint16(8)
    folded |= pairs
    return np.frombuffer(folded.astype(np.uint8).tobytes().translate(table, b"\0"), np.uint8)
