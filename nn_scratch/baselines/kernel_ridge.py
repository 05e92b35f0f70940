"""Kernel ridge regression as a baseline: its scores on the same rows, with the split in use and with a random one.

Kernel ridge regression (Saunders et al. 1998): no step size, no initial weights, one solution, and leave-one-out
predictions in closed form. If a network falls far behind it, the network is at fault; if the random split scores far
better than the one in use, the split is; if rows with a wide margin are misclassified, the labels are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import (
    MAX_CLASSES,
    MAX_FEATURES,
    inverse_frequency,
    main_score,
    sample_rows,
    scores,
    standardized,
)
from nn_scratch.data.prepare import Data, Part
from nn_scratch.metrics import Array, rounded

MAX_ROWS = 700  # inverting their kernel matrix takes some 20 ms; bounds time
WIDTHS = (0.12, 0.35, 1.0)  # of the kernel, in units of the typical distance between rows; by hand
PENALTIES = (0.03, 0.5)  # of the ridge, tried with each width; by hand
CERTAIN = 1 / 3  # the share of rows, those of the widest margin, whose labels should be right; by hand


@once_per_split
def kernel_ridge_report(data: Data, *, list_suspects: bool = False) -> dict[str, Any]:
    """Scores of kernel ridge regression: balanced accuracy for classes (each class weighing the same), else R².

    pooled          leave-one-out, over a random sample of all parts: what a random split would give
    split           fitted on rows of train, scored on rows of val and test, as the network is
    rows, split_rows   how many rows each is measured on
    certain_errors  classes: among the third of the pooled rows with the widest margin, the share that is misclassified
    surest_errors   classes: the same among the sixth with the widest margin. Where classes overlap, errors get rarer
                    the wider the margin; where labels are wrong, they do not
    margin_accuracy    classes: plain accuracy of the pooled rows
    suspects        on demand: the rows behind certain_errors, by their numbers in the source, widest margin first
    """
    parts = (data.train, data.val, data.test)
    y = np.concatenate([part.y for part in parts])
    few = data.task == "classification" and len(data.class_names) <= MAX_CLASSES
    kept = sample_rows(len(y), MAX_ROWS, y if few else None)
    if len(kept) < 10 or len(data.class_names) > MAX_CLASSES:
        return {"rows": len(kept)}
    X, part = _gather(parts, kept)
    y = y[kept]
    T, weights = _targets(data, y)
    D = _distances(standardized([X], X)[0])
    width, penalty, F = _best_left_out(data, y, D, T, weights)
    found: dict[str, Any] = {"rows": len(X), "pooled": _score(data, y, F)}
    if data.task == "classification":
        numbers = np.concatenate([part.rows for part in parts])[kept]
        found |= _margin_errors(y, F, numbers if list_suspects else None)
    fit, held = np.flatnonzero(part == 0), np.flatnonzero(part > 0)
    found["split_rows"] = len(held)
    if len(held) > 1 and len(fit) > 5:
        K = np.exp(-D / (2 * width**2))
        alpha = np.linalg.solve(K[np.ix_(fit, fit)] + np.diag(penalty / weights[fit]), T[fit])
        found["split"] = _score(data, y[held], K[np.ix_(held, fit)] @ alpha + _offset(data, y))
    return found


def _gather(parts: Sequence[Part], kept: Array) -> tuple[Array, Array]:
    """Rows of the parts, numbered through from the first part to the last: X float64, and the part each is of."""
    ends = np.cumsum([len(part) for part in parts])
    part_of = np.searchsorted(ends, kept, side="right")
    X = np.empty((len(kept), min(MAX_FEATURES, parts[0].X.shape[1])))
    for number, part in enumerate(parts):
        here = part_of == number
        X[here] = part.X[kept[here] - (ends[number] - len(part)), :MAX_FEATURES]
    return X, part_of


def _distances(X: Array) -> Array:
    """Squared distances between rows, (rows, rows), over their median."""
    squares = np.einsum("ij,ij->i", X, X)
    D: Array = np.maximum(squares[:, np.newaxis] + squares - 2 * X @ X.T, 0.0)
    D /= float(np.median(D)) or 1.0
    return D


def _targets(data: Data, y: Array) -> tuple[Array, Array]:
    """Centred targets (rows, outputs), one-hot for classes; and (rows,) weights by which classes count the same."""
    if data.task == "classification":
        return np.eye(len(data.class_names))[y] - 1.0 / len(np.unique(y)), inverse_frequency(y, len(data.class_names))
    return y - _offset(data, y), np.ones(len(y))


def _offset(data: Data, y: Array) -> Array:
    """The offset that `_targets` subtracts from numbers; none for classes, which are compared by argmax."""
    return np.zeros(1) if data.task == "classification" else y.mean(axis=0)


def _best_left_out(data: Data, y: Array, D: Array, T: Array, weights: Array) -> tuple[float, float, Array]:
    """The width and the penalty of the best leave-one-out score, and its predictions (rows, outputs)."""
    found: list[tuple[float, float, float, Array]] = []
    for width in WIDTHS:
        K = np.exp(-D / (2 * width**2))
        for penalty in PENALTIES:
            F = _left_out(K, T, weights, penalty) + _offset(data, y)
            found.append((_score(data, y, F) or 0.0, width, penalty, F))
    _, width, penalty, F = max(found, key=lambda entry: entry[0])
    return width, penalty, F


def _left_out(K: Array, T: Array, weights: Array, penalty: float) -> Array:
    """Each row's prediction by a model fitted without it, (rows, outputs)."""
    inverse = np.linalg.inv(K + np.diag(penalty / weights))
    F: Array = T - (inverse @ T) / np.diag(inverse)[:, np.newaxis]
    return F


def _score(data: Data, y: Array, F: Array) -> float | None:
    return scores(data, y, F.argmax(axis=1) if data.task == "classification" else F)[main_score(data)]


def _margin_errors(y: Array, F: Array, numbers: Array | None) -> dict[str, Any]:
    """Errors among the rows with the widest margin; numbers: of the rows in the source, to list the suspects."""
    ranked = np.sort(F, axis=1)
    margin = ranked[:, -1] - ranked[:, -2]
    wrong = F.argmax(axis=1) != y
    certain = np.argsort(-margin, kind="stable")[: max(1, round(CERTAIN * len(y)))]
    found: dict[str, Any] = {
        "certain_errors": rounded(float(wrong[certain].mean())),
        "surest_errors": rounded(float(wrong[certain[: max(1, len(certain) // 2)]].mean())),
        "margin_accuracy": rounded(float(1 - wrong.mean())),
    }
    if numbers is not None:
        found["suspects"] = numbers[certain[wrong[certain]]].tolist()
    return found
