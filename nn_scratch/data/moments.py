"""Mean, spread and range of features, in one pass over the rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nn_scratch.data.columns import Encoder
from nn_scratch.metrics import Array

BLOCK = 1 << 17  # values at a time: 1 MB of float64, which stays in the cache


def row_blocks(n_rows: int, n_features: int) -> Iterator[slice]:
    """Slices of rows that together are all, small enough that temporary arrays of their size cost nothing."""
    step = max(1, BLOCK // n_features)
    for start in range(0, n_rows, step):
        yield slice(start, min(start + step, n_rows))


@dataclass(frozen=True)
class Moments:
    """Of each feature, (features,) float64, over the values that are there; NaN where none is."""

    n: Array  # how many values are there
    mean: Array
    std: Array  # of the values themselves: divided by n, not n - 1
    min: Array
    max: Array
    missing: Array  # int64: how many values are not there

    @property
    def constant(self) -> Array:
        """Where no value differs from another by more than the rounding of float64."""
        with np.errstate(invalid="ignore"):
            constant: Array = self.max - self.min <= 1e-15 * np.maximum(abs(self.max), abs(self.min))
        return constant


def moments(X: Array, rows: Array, encode: Encoder | None = None) -> Moments:
    """Of X[rows], X (all rows, features) of any number type with NaN for missing values; with `encode`, of what it
    makes of X (all rows, columns).

    Blocks of rows are joined by the update of Chan, Golub and LeVeque (1979), so that the number of rows costs no
    accuracy; and all is measured from the mean of the first block, so that a far-off mean costs none.
    """
    n_features = X.shape[1] if encode is None else encode.n_features
    n = np.zeros(n_features)
    mean = np.zeros(n_features)
    squares = np.zeros(n_features)  # Σ (x - mean)²
    low, high = np.full(n_features, np.inf), np.full(n_features, -np.inf)
    origin: Array | None = None
    for part in row_blocks(len(rows), n_features):
        block = X[rows[part]].astype(np.float64) if encode is None else encode(X[rows[part]])
        there = ~np.isnan(block)
        m = there.sum(axis=0)
        np.fmin(low, np.fmin.reduce(block, axis=0), out=low)
        np.fmax(high, np.fmax.reduce(block, axis=0), out=high)
        np.copyto(block, 0.0, where=~there)
        if origin is None:
            origin = block.sum(axis=0) / np.maximum(m, 1)
        block -= origin  # exact where the values are near it
        np.copyto(block, 0.0, where=~there)
        block_mean = block.sum(axis=0) / np.maximum(m, 1)
        block -= block_mean
        np.copyto(block, 0.0, where=~there)
        delta = block_mean - mean
        total = np.maximum(n + m, 1)
        squares += np.einsum("ij,ij->j", block, block) + delta**2 * (n * m / total)
        mean += delta * (m / total)
        n += m
    mean += 0.0 if origin is None else origin
    empty = n == 0
    for statistic in (mean, low, high):
        statistic[empty] = np.nan
    return Moments(
        n=n,
        mean=mean,
        std=np.where(empty, np.nan, np.sqrt(squares / np.maximum(n, 1))),
        min=low,
        max=high,
        missing=(len(rows) - n).astype(np.int64),
    )
