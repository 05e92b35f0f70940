"""Rows of data in the layout that the network reads, and batches of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike

from nn_scratch.metrics import Array

CHUNK_BYTES = 1 << 18  # rows are gathered for several steps at once, as many as stay in the cache
MAX_CHUNK_STEPS = 32


@dataclass(frozen=True)
class Examples:
    """Inputs and targets of some rows.

    inputs: (rows, features + 1), the last column ones: its transpose is a signal (see nn_scratch.nn).
    labels: (rows,) int64, rows of `targets`: the class of each example; None where every row has targets of its own.
    targets: (classes, outputs), what the outputs of each class should be; or (rows, outputs) without labels.
    weights: (rows,) how much each row counts in the loss; None where all count the same.
    """

    inputs: Array
    targets: Array
    labels: Array | None = None
    weights: Array | None = None

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, rows: Array | slice) -> Examples:
        return Examples(
            self.inputs[rows],
            self.targets if self.labels is not None else self.targets[rows],
            None if self.labels is None else self.labels[rows],
            None if self.weights is None else self.weights[rows],
        )

    def batches(self, rows: int) -> Iterator[Batch]:
        """The examples in their own order, `rows` at a time (fewer in the last)."""
        for start in range(0, len(self), rows):
            part = self[start : start + rows]
            targets = part.targets if part.labels is None else part.targets[part.labels]
            yield Batch(part.inputs.T, targets.T, normalized(part.weights, len(part), part.inputs.dtype))


@dataclass(slots=True)
class Batch:
    """The data of one step: a signal X (features + 1, n), targets Y (outputs, n), and the weights of the rows.

    w: 1 / n, an array without axes; or (n,) weights that sum to 1.
    """

    X: Array
    Y: Array
    w: Array

    def __getitem__(self, rows: slice) -> Batch:
        """Some of the rows, with the weights that they have in the whole batch."""
        return Batch(self.X[:, rows], self.Y[:, rows], self.w[rows] if self.w.ndim else self.w)

    def mean(self, losses: Array) -> float:
        """The batch's loss, of the losses (n,) of its rows."""
        return float((losses * self.w).sum())


def normalized(weights: Array | None, rows: int, dtype: DTypeLike) -> Array:
    """Row weights that sum to 1; where they are all zero, so are these. Without weights one number for all."""
    if weights is None:
        return np.array(1.0 / rows, dtype)
    total = weights.sum()
    share: Array = weights / (total if total > 0 else 1.0)
    return share


class Batches:
    """Batches of a fixed size, gathered in a given order into buffers that are reused."""

    def __init__(self, examples: Examples, rows: int) -> None:
        self.examples, self.rows = examples, rows
        row_bytes = examples.inputs[:1].nbytes + examples.targets[:1].nbytes
        self.steps = int(np.clip(CHUNK_BYTES // max(1, row_bytes * rows), 1, MAX_CHUNK_STEPS))
        size = self.steps * rows
        self._inputs = np.empty((size, examples.inputs.shape[1]), examples.inputs.dtype)
        self._targets = np.empty((size, examples.targets.shape[1]), examples.targets.dtype)
        self._labels = np.empty(size, np.int64)
        parts = [slice(start, start + rows) for start in range(0, size, rows)]
        # losses are elementwise: targets have the layout of the outputs, (outputs, rows), each batch contiguous
        self._transposed = np.empty((self.steps, examples.targets.shape[1], rows), examples.targets.dtype)
        self._batches = [
            Batch(self._inputs[part].T, transposed, normalized(None, rows, examples.inputs.dtype))
            for part, transposed in zip(parts, self._transposed, strict=True)
        ]

    def chunk(self, order: Array) -> list[Batch]:
        """The batches of the next `len(order) / rows` steps; they are valid until the next call."""
        examples, size = self.examples, len(order)
        # mode="clip" spares NumPy a check a row; `order` is part of a permutation and in range
        examples.inputs.take(order, axis=0, out=self._inputs[:size], mode="clip")
        targets_of = order
        if examples.labels is not None:
            targets_of = examples.labels.take(order, out=self._labels[:size], mode="clip")
        examples.targets.take(targets_of, axis=0, out=self._targets[:size], mode="clip")
        steps = size // self.rows
        np.copyto(self._transposed[:steps], self._targets[:size].reshape(steps, self.rows, -1).swapaxes(1, 2))
        batches = self._batches[:steps]
        if examples.weights is not None:
            for batch, weights in zip(batches, examples.weights[order].reshape(-1, self.rows), strict=True):
                batch.w = normalized(weights, self.rows, weights.dtype)
        return batches
