"""Random masks of 0 and 1, drawn from the bits of a generator: a third of the time that floats to compare with take."""

from __future__ import annotations

import numpy as np

from nn_scratch.nn.memory import Array

WORD_BITS = 64  # of the generator's raw output (PCG64)
TOLERANCE = 1e-3  # relative error of the rate up to which 16 bits an entry are enough; else 32


class RandomMask:
    """Entries that are False with probability `rate`, independently, and True otherwise.

    Each entry compares 16 random bits (32 for rates that 16 bits do not resolve) with a threshold, so that `rate` is
    rounded to a multiple of 2⁻¹⁶ (2⁻³²); `rate` holds the rounded probability.
    """

    def __init__(self, generator: np.random.Generator, rate: float, shape: tuple[int, ...]) -> None:
        dtype: type[np.unsignedinteger] = np.uint16
        bits = 16
        if abs(round(rate * 2**bits) / 2**bits - rate) > TOLERANCE * min(rate, 1.0 - rate):
            dtype, bits = np.uint32, 32
        self._threshold = dtype(min(round(rate * 2**bits), 2**bits - 1))
        self.rate = int(self._threshold) / 2**bits
        self._draw = generator.bit_generator.random_raw
        size = int(np.prod(shape))
        self._words, self._size = -(-size * bits // WORD_BITS), size
        self._dtype, self._shape = dtype, shape

    def draw(self, out: Array) -> Array:
        """Fill `out`, bool and of the mask's shape, with a new mask."""
        bits = self._draw(self._words).view(self._dtype)[: self._size].reshape(self._shape)
        return np.greater_equal(bits, self._threshold, out=out)
