"""Random masks of 0 and 1, drawn from the bits of a generator: a third of the time that floats to compare with take."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.memory import Shape

WORD_BITS = 64  # of the generator's raw output (PCG64)
TOLERANCE = 1e-3  # relative error of the rate up to which 16 bits an entry are enough; else 32


class RandomMask:
    """Entries that are False with probability `rate`, independently, and True otherwise.

    Each entry compares 16 random bits (32 for rates that 16 bits do not resolve) with a threshold, so that the rate is
    rounded to a multiple of 2⁻¹⁶ (2⁻³²). Nothing is drawn for a rate of 0.
    """

    def __init__(self, generators: Sequence[np.random.Generator], rate: float | Array, shape: Shape) -> None:
        """shape: of the mask of one network; each of a stack of networks has its own generator, and perhaps rate."""
        rates = np.broadcast_to(np.asarray(rate, float).reshape(-1), len(generators)).tolist()
        self._ndim = len(shape)
        self._draws = [drawing(generator, one, shape) for generator, one in zip(generators, rates, strict=True)]

    def draw(self, out: Array) -> Array:
        """Fill `out` (..., *shape), bool, with a new mask."""
        parts = (out,) if out.ndim == self._ndim else out
        for draw, part in zip(self._draws, parts, strict=True):
            draw(part)
        return out


def drawing(generator: np.random.Generator, rate: float, shape: Shape) -> Callable[[Array], object]:
    """A function that fills a bool array of this shape with a new mask."""
    if rate == 0.0:
        return lambda out: out.fill(True)
    bits = 16 if abs(round(rate * 2**16) / 2**16 - rate) <= TOLERANCE * min(rate, 1.0 - rate) else 32
    dtype: type[np.unsignedinteger] = np.uint16 if bits == 16 else np.uint32
    threshold = dtype(min(round(rate * 2**bits), 2**bits - 1))
    size = prod(shape)
    words, random_raw = -(-size * bits // WORD_BITS), generator.bit_generator.random_raw

    def draw(out: Array) -> None:
        np.greater_equal(random_raw(words).view(dtype)[:size].reshape(shape), threshold, out=out)

    return draw
