"""Columns of plain decimals, as `-12.34`, from bytes to numbers by arithmetic on whole blocks.

Every number is what float() makes of it: its digits are a whole number below 2^53, and its power of ten is exact, so
that their quotient is the nearest float64 (Clinger 1990).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress

import numpy as np

from nn_scratch.data.byte_cells import ByteCells
from nn_scratch.metrics import Array

LONGEST = 15  # characters of a number; as many digits are below 2^53
ZERO, POINT, MINUS = map(ord, "0.-")
POWERS = 10.0 ** np.arange(LONGEST + 1)
SIGNS = np.array([1.0, -1.0])
PLACES = np.arange(LONGEST + 1, dtype=np.uint8)[:, np.newaxis]


def plain_decimals(cells: ByteCells, places: Sequence[int]) -> dict[int, Array]:
    """The numbers (rows,) of the columns at these places that hold nothing else; NaN where a cell is empty."""
    chosen = list(places)
    starts, lengths = cells.starts[chosen].ravel(), cells.lengths[chosen].ravel()
    longest = min(LONGEST, int(lengths.max(initial=1)))
    at, digits = starts + lengths, np.zeros((1 << (longest - 1).bit_length(), len(starts)), np.uint8)
    for row in digits[:longest]:  # a row a place, counted from the right
        at -= 1
        cells.letters.take(at, out=row, mode="clip")
    digits -= ZERO
    few = np.minimum(lengths, LONGEST + 1).astype(np.uint8)
    digits *= PLACES[: len(digits)] < few
    negative = cells.letters.take(starts) == MINUS
    points = digits == np.uint8(POINT - ZERO & 255)
    n_points = points.sum(axis=0, dtype=np.uint8)
    odd = digits > 9
    n_odd = n_points + negative
    is_number = (n_points <= 1) & (odd.sum(axis=0, dtype=np.uint8) == n_odd) & (few > n_odd) & (few <= LONGEST)
    empty = few == 0
    plain = (is_number | empty).reshape(len(chosen), cells.rows).all(axis=1)
    if not plain.all():
        return plain_decimals(cells, list(compress(chosen, plain)))
    digits *= ~odd
    values = _whole_numbers(digits)
    place = (points * PLACES[: len(digits)]).sum(axis=0, dtype=np.uint8)
    scale = POWERS.take(place, mode="clip")
    values -= np.floor(values / (10 * scale)) * (9 * scale * n_points)  # without the place of the point itself
    values /= scale
    values *= SIGNS.take(negative, mode="clip")
    values[empty] = np.nan
    return dict(zip(chosen, values.reshape(len(chosen), cells.rows), strict=True))


def _whole_numbers(digits: Array) -> Array:
    """Digits (places, n) uint8, counted from the right, to the numbers (n,) float64 that they make; 16 places at most.

    Neighbours make digits of the base squared, of as many bits as that takes, until there are two.
    """
    for base, kind in ((10, np.uint8), (100, np.uint16), (10_000, np.uint32)):
        if len(digits) > 1:
            higher: Array = digits[1::2].astype(kind)
            digits = higher * kind(base) + digits[::2]
    values: Array = digits[0].astype(np.float64)
    return values if len(digits) == 1 else values + digits[1] * 1e8
