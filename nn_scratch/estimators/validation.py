"""Checks of what is passed to an estimator, with the errors that scikit-learn raises."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import numpy as np
from sklearn.utils.validation import _check_sample_weight

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array


@contextmanager
def errors_as_value_errors() -> Any:
    """Raise errors of parameters or data as ValueError, as scikit-learn does."""
    try:
        yield
    except UserError as error:
        raise ValueError(str(error)) from None


def takes_batches(estimator: Any) -> bool:
    """Whether the solver can go on with a batch at a time; raises AttributeError with the reason."""
    if estimator.solver_in_use == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


def dense(X: Any) -> Array:
    values: Array = X.toarray() if hasattr(X, "toarray") else X
    return values


def dense_targets(y: Any) -> Any:
    return y.toarray() if hasattr(y, "toarray") else y


def checked_weights(sample_weight: Any, X: Array) -> Array:
    weights: Array = np.asarray(_check_sample_weight(sample_weight, X), np.float64)
    if (weights < 0).any():
        raise ValueError("sample_weight must be >= 0 in every row")
    return weights
