"""Tables of plain decimals, as `-12.34`, from bytes to numbers by arithmetic on whole blocks.

Every number is what float() makes of it: its digits are a whole number below 2^53, and its power of ten is exact, so
that their quotient is the nearest float64 (Clinger 1990).
"""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array

LONGEST = 15  # characters of a number; as many digits are below 2^53
ZERO, POINT, MINUS, LINE_END = map(ord, "0.-\n")
POWERS = 10.0 ** np.arange(LONGEST + 1)
PLACES = np.arange(LONGEST, dtype=np.uint8)[:, np.newaxis]


def plain_decimals(block: bytes, delimiter: str, width: int) -> Array | None:
    """The numbers (rows, width) of whole lines; None where a cell is written in another way, or lines differ in width.

    block: lines that all end with a line feed.
    """
    letters = np.frombuffer(block, np.uint8)
    is_end = letters == LINE_END
    n_rows = np.count_nonzero(is_end)
    is_end |= letters == ord(delimiter)
    ends = np.flatnonzero(is_end)
    if len(ends) != n_rows * width or np.any(letters[ends[width - 1 :: width]] != LINE_END):
        return None
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    longest = int(lengths.max(initial=0))
    if not 0 < longest <= LONGEST or not lengths.min():
        return None
    at, digits = ends.copy(), np.empty((longest, len(ends)), np.uint8)
    for row in digits:  # a row a place, counted from the right
        at -= 1
        letters.take(at, out=row, mode="clip")
    digits -= ZERO
    lengths = lengths.astype(np.uint8)
    digits *= PLACES[:longest] < lengths
    negative = letters.take(starts) == MINUS
    points = digits == np.uint8(POINT - ZERO & 255)
    n_points = points.sum(axis=0, dtype=np.uint8)
    odd = digits > 9
    n_odd = n_points + negative
    if n_points.max() > 1 or np.any(odd.sum(axis=0, dtype=np.uint8) != n_odd) or np.any(lengths <= n_odd):
        return None  # another character, or no digit
    digits[odd] = 0
    values = np.zeros(len(ends))
    for row in digits[::-1]:
        values *= 10.0
        values += row
    place = (points * PLACES[:longest]).sum(axis=0, dtype=np.uint8)
    above = POWERS[place + 1]
    scale = POWERS[place]
    whole = np.floor(values / above)
    np.copyto(values, (values - whole * (above - scale)) / scale, where=n_points.astype(bool))
    np.negative(values, out=values, where=negative)
    return values.reshape(n_rows, width)
