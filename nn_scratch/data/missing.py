"""Rows with values missing: left out, or kept to be filled in later."""

from __future__ import annotations

import numpy as np

from nn_scratch.data.mapped_rows import blocks_of
from nn_scratch.data.table import Missing
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import plural


def leave_out(X: Array, targets: Array, missing: Missing, origin: str) -> tuple[Array, Array, tuple[str, ...]]:
    """X (rows, columns) and targets (rows, outputs) without the rows that cannot be used, and the notices about it.

    NaN is missing. Rows without a target always go; those without a feature under `missing: drop`. What is missing
    then is filled in once it is known which rows train, for they decide what it is filled with.
    """
    no_target = np.isnan(targets).any(axis=1)
    no_feature = np.zeros(len(X), dtype=bool)
    if missing == "drop" and X.dtype.kind == "f":
        for part, block in blocks_of(X):
            no_feature[part] = np.isnan(block).any(axis=1)
    kept = ~(no_target | no_feature)
    n_kept = int(kept.sum())
    if n_kept == len(X):
        return X, targets, ()
    if no_target.all():
        raise UserError(f"{origin}: no row has a target, which is never filled in")
    if not n_kept:
        raise UserError(f"{origin}: no row has all its values; data.missing: auto would fill in those of the features")
    if missing == "drop":
        left_out = len(X) - n_kept
        notice = f"{origin}: {left_out:,} of {plural(len(X), 'row')} left out for values missing (data.missing: drop)"
    else:
        notice = (
            f"{origin}: {int(no_target.sum()):,} of {plural(len(X), 'row')} left out for a missing target, which is "
            "never filled in"
        )
    return X[kept], targets[kept], (notice,)
