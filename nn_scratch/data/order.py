"""Whether rows stand in the order of their targets."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_scratch.metrics import Array, rounded


def label_order(y: Array) -> dict[str, Any]:
    """The runs test: runs of equal labels against a random order of the same labels.

    y (rows,) class indices. z: the number of runs less the expected one, in standard deviations; negative where labels
    are grouped; None where every order has as many runs. Wald and Wolfowitz 1940; Mood 1940 for more than two classes.
    """
    n = len(y)
    starts = np.flatnonzero(np.concatenate([[True], y[1:] != y[:-1]]))
    counts = np.bincount(y).astype(np.float64)
    s2, s3 = np.sum(counts**2), np.sum(counts**3)
    expected = n + 1 - s2 / n
    variance = (s2 * (s2 + n * (n + 1)) - 2 * n * s3 - n**3) / (n**2 * (n - 1)) if n > 1 else 0.0
    return {
        "runs": len(starts),
        "expected_runs": rounded(expected),
        "z": rounded((len(starts) - expected) / np.sqrt(variance)) if variance > 1e-12 else None,
        "longest_run": int(np.diff(np.append(starts, n)).max()),
    }


def value_order(y: Array) -> dict[str, Any]:
    """Correlation of neighbouring values, y (rows,); in a random order its standard deviation is 1/√n."""
    centred = y - y.mean()
    power = np.dot(centred, centred)
    if len(y) < 3 or not power:
        return {"correlation": None, "z": None}
    correlation = np.dot(centred[1:], centred[:-1]) / power
    return {"correlation": rounded(correlation), "z": rounded(correlation * np.sqrt(len(y)))}
