"""The arrays a bound layer works in: views of the network's vectors, and buffers allocated once for a batch size."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import prod

import numpy as np
from numpy.typing import DTypeLike

from nn_scratch.metrics import Array

Shape = tuple[int, ...]


@dataclass
class Scratch:
    """Work space that the layers of one graph share; its content is valid within one call only.

    stack: () for one network; (K,) for K networks whose arrays have a leading axis more (see `NetworkStack`).
    """

    dtype: DTypeLike
    stack: Shape = ()
    pools: dict[tuple[str, str], Array] = field(default_factory=dict)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        """Zeros, not to be written to. NumPy compares with an array of zeros faster than with the scalar 0."""
        return self._slice("zeros", self.stack + shape, self.dtype)

    def empty(self, shape: tuple[int, ...], dtype: DTypeLike | None = None, parts: int | None = None) -> Array:
        """Space for an intermediate result, valid within the call; or for several (`parts`) side by side."""
        dtype = self.dtype if dtype is None else dtype
        if parts is None:
            return self._slice("work", self.stack + shape, dtype)
        return self._slice("work", (parts, *self.stack, *shape), dtype)

    def _slice(self, use: str, shape: tuple[int, ...], dtype: DTypeLike) -> Array:
        key, size = (use, np.dtype(dtype).str), prod(shape)
        if key not in self.pools or self.pools[key].size < size:
            self.pools[key] = np.zeros(size, dtype)
        return self.pools[key][:size].reshape(shape)


@dataclass
class Memory:
    """The buffers that the network hands a layer when it binds it to a batch size.

    parameters, gradients, state: the layer's blocks, views of the network's flat vectors, by name.
    rows: the number of examples a call works on. training: dropout drops, normalization measures the batch.
    generators: for the layers that draw random numbers, one a network. needs_dX: whether ∂L/∂X is used.
    product: the matrix product (A, B, out=). With a stack of networks every array has a leading axis more: blocks,
    buffers and signals, which layers index from the end (X[..., :-1, :]).
    """

    rows: int
    dtype: DTypeLike
    training: bool
    generators: Sequence[np.random.Generator]
    scratch: Scratch
    parameters: Mapping[str, Array] = field(default_factory=dict)
    gradients: Mapping[str, Array] = field(default_factory=dict)
    state: Mapping[str, Array] = field(default_factory=dict)
    needs_dX: bool = True

    @classmethod
    def for_rows(cls, rows: int, dtype: DTypeLike, stack: Shape = ()) -> Memory:
        """Memory for a loss, which has no parameters and draws no random numbers."""
        return cls(rows, dtype, True, (), Scratch(dtype, stack))

    @property
    def stacked(self) -> bool:
        return bool(self.scratch.stack)

    @property
    def product(self) -> Callable[..., Array]:
        return np.matmul if self.scratch.stack else np.ndarray.dot

    def sum_rows(self) -> Callable[[Array, Array], Array]:
        """A function (A, out) that writes the sums over the rows of A (features, rows) into `out` (features,)."""
        ones = np.ones(self.rows, self.dtype)
        product = np.matmul if self.scratch.stack else np.dot
        return lambda A, out: product(A, ones, out=out)

    def signal(self, features: int) -> Array:
        """A buffer for a layer's output, (features + 1, rows): the last row holds the ones that multiply a bias."""
        return np.ones((*self.scratch.stack, features + 1, self.rows), self.dtype)

    def empty(self, *shape: int, dtype: DTypeLike | None = None) -> Array:
        return np.empty(self.scratch.stack + shape, self.dtype if dtype is None else dtype)
