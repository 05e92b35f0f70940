"""The arrays a bound layer works in: views of the network's vectors, and buffers allocated once for a batch size."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

Array = NDArray[Any]


@dataclass
class Scratch:
    """Work space that the layers of one graph share; its content is valid within one call only."""

    dtype: DTypeLike
    pools: dict[tuple[str, str], Array] = field(default_factory=dict)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Zeros, not to be written to. NumPy compares with an array of zeros faster than with the scalar 0."""
        return self._slice("zeros", shape, self.dtype)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike | None = None) -> Array:
        """Space for an intermediate result, valid within the call."""
        return self._slice("work", shape, self.dtype if dtype is None else dtype)

    def _slice(self, use: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        key, size = (use, np.dtype(dtype).str), prod(shape)
        if key not in self.pools or self.pools[key].size < size:
            self.pools[key] = np.zeros(size, dtype)
        return self.pools[key][:size].reshape(shape)


@dataclass
class Memory:
    """What the network hands a layer when it binds it to a batch size.

    parameters, gradients, state: the layer's blocks, views of the network's flat vectors, by name.
    rows: the number of examples a call works on. training: dropout drops, normalization measures the batch.
    generator: for the layers that draw random numbers. needs_dX: whether ∂L/∂X is used.
    """

    rows: int
    dtype: DTypeLike
    training: bool
    generator: np.random.Generator
    scratch: Scratch
    parameters: Mapping[str, Array] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    needs_dX: bool = True

    @classmethod
    def for_rows(cls, rows: int, dtype: DTypeLike) -> Memory:
        """Memory for a loss, which has no parameters and draws no random numbers."""
        return cls(rows, dtype, True, np.random.default_rng(0), Scratch(dtype))

    def signal(self, features: int) -> Array:
        """A buffer for a layer's output, (features + 1, rows): the last row holds the ones that multiply a bias."""
        return np.ones((features + 1, self.rows), self.dtype)

    def empty(self, *shape: int) -> Array:
        return np.empty(shape, self.dtype)
