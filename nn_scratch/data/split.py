"""Which rows train, which validate, which test."""

from __future__ import annotations

import numpy as np

from nn_scratch.data.table import Array


def apportion(total: int, weights: Array) -> Array:
    """Whole numbers that sum to `total`, as near to the weights' shares of it as can be (largest remainders)."""
    quota = total * weights / weights.sum()
    counts: Array = np.floor(quota).astype(np.int64)
    counts[np.argsort(counts - quota, kind="stable")[: total - counts.sum()]] += 1
    return counts
