"""What a smooth model reaches on the same rows, with the split as it is and with one drawn at random.

Kernel ridge regression (Saunders et al. 1998): no step size, no initial weights, one right answer, and scores without
each row in closed form. Where a network falls far behind it, the network is at fault; where the random split is far
better than the one in use, the split is; where rows that look certain are wrong, the labels are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_scratch.data.card import rounded
from nn_scratch.data.prepare import Data, Part
from nn_scratch.data.table import Array
from nn_scratch.metrics import balanced_accuracy_from, confusion_counts

MOST_ROWS = 700  # their inverse takes some 20 ms
MOST_FEATURES = 1000
RARE_ROWS = 60  # rows of a rare class that are kept, where they are more than its share
WIDTHS = (0.12, 0.35, 1.0)  # of the kernel, in units of the typical distance between rows
PENALTIES = (0.03, 0.5)
CERTAIN = 1 / 3  # the share of rows, those of the widest margin, whose labels ought to be right


def kernel_ridge_report(data: Data, *, list_suspects: bool = False) -> dict[str, Any]:
    """Scores of kernel ridge regression: balanced accuracy for classes (each class weighing the same), else R².

    pooled          without each row itself, over a random sample of all parts: what a random split would give
    split           fitted on rows of train, scored on rows of val and test, as the network is
    rows, split_rows   how many rows each is measured on
    certain_errors  classes: among the third of the pooled rows with the widest margin, the share with another label
    surest_errors   classes: the same among the sixth with the widest margin. Where classes overlap, errors get rarer
                    the wider the margin; where labels are wrong, they do not
    margin_accuracy    classes: plain accuracy of the pooled rows
    suspects        on demand: the rows behind certain_errors, by their numbers in the source, the surest first
    """
    rng = np.random.default_rng(0)
    parts = (data.train, data.val, data.test)
    y = np.concatenate([part.y for part in parts])
    kept = _sample(y if data.task == "classification" else None, rng, len(y))
    numbers = np.concatenate([part.rows for part in parts])[kept]
    X, part = _gather(parts, kept)
    X, y = _scaled(X), y[kept]
    if len(X) < 10:
        return {"rows": len(X)}
    if data.task == "classification":
        labels: Array | None = y
        T, weights = _class_targets(y, len(data.class_names))
    else:
        labels, T, weights = None, y - y.mean(axis=0), np.ones(len(y))
    D = _distances(X)
    best, best_score, best_F = (WIDTHS[0], PENALTIES[0]), -np.inf, T
    for width in WIDTHS:
        K = np.exp(-D / (2 * width**2))
        for penalty in PENALTIES:
            F = _left_out(K, T, weights, penalty)
            score = _score(T, F, labels)
            if score > best_score:
                best, best_score, best_F = (width, penalty), score, F
    found: dict[str, Any] = {"rows": len(X), "pooled": rounded(best_score)}
    if labels is not None:
        ranked = np.sort(best_F, axis=1)
        margin = ranked[:, -1] - ranked[:, -2]
        wrong = best_F.argmax(axis=1) != labels
        certain = np.argsort(-margin, kind="stable")[: max(1, round(CERTAIN * len(X)))]
        found["certain_errors"] = rounded(float(wrong[certain].mean()))
        found["surest_errors"] = rounded(float(wrong[certain[: max(1, len(certain) // 2)]].mean()))
        found["margin_accuracy"] = rounded(float(1 - wrong.mean()))
        if list_suspects:
            found["suspects"] = numbers[certain[wrong[certain]]].tolist()
    fit, held = np.flatnonzero(part == 0), np.flatnonzero(part > 0)
    found["split_rows"] = len(held)
    if len(held) > 1 and len(fit) > 5:
        K = np.exp(-D / (2 * best[0] ** 2))
        alpha = np.linalg.solve(K[np.ix_(fit, fit)] + np.diag(best[1] / weights[fit]), T[fit])
        F = K[np.ix_(held, fit)] @ alpha
        found["split"] = rounded(_score(T[held], F, None if labels is None else labels[held]))
    return found


def _gather(parts: Sequence[Part], kept: Array) -> tuple[Array, Array]:
    """Rows of the parts, numbered through from the first part to the last: X float64, and the part each is of."""
    ends = np.cumsum([len(part) for part in parts])
    part_of = np.searchsorted(ends, kept, side="right")
    X = np.empty((len(kept), min(MOST_FEATURES, parts[0].X.shape[1])))
    for number, part in enumerate(parts):
        here = part_of == number
        X[here] = part.X[kept[here] - (ends[number] - len(part)), :MOST_FEATURES]
    return X, part_of


def _sample(y: Array | None, rng: np.random.Generator, rows: int) -> Array:
    """At most MOST_ROWS row numbers at random, with more of rare classes than their share."""
    shuffled = rng.permutation(rows)
    if rows <= MOST_ROWS:
        return shuffled
    if y is None:
        return shuffled[:MOST_ROWS]
    rare = [
        shuffled[y[shuffled] == k][:RARE_ROWS] for k in np.flatnonzero(np.bincount(y) * MOST_ROWS < RARE_ROWS * rows)
    ]
    first = np.concatenate([*rare, np.empty(0, np.int64)])[: MOST_ROWS // 2]
    rest = shuffled[~np.isin(shuffled, first)]
    return np.concatenate([first, rest[: MOST_ROWS - len(first)]])


def _scaled(X: Array) -> Array:
    spread = X.std(axis=0)
    scaled: Array = (X - X.mean(axis=0)) / np.where(spread > 1e-12 * (1 + np.abs(X).max(axis=0)), spread, np.inf)
    clipped: Array = np.clip(scaled, -8, 8)
    return clipped


def _distances(X: Array) -> Array:
    """Squared distances between rows, (rows, rows), over their median."""
    squares = np.einsum("ij,ij->i", X, X)
    D: Array = np.maximum(squares[:, np.newaxis] + squares - 2 * X @ X.T, 0.0)
    D /= float(np.median(D)) or 1.0
    return D


def _class_targets(y: Array, classes: int) -> tuple[Array, Array]:
    """Targets (rows, classes), 1 for the own class and 0 elsewhere, centred; and weights that make classes equal."""
    counts = np.bincount(y, minlength=classes)
    there = np.count_nonzero(counts)
    weights = len(y) / (there * counts[y])
    return np.eye(classes)[y] - 1.0 / there, weights


def _left_out(K: Array, T: Array, weights: Array, penalty: float) -> Array:
    """Each row's prediction by a model fitted without it, (rows, outputs)."""
    inverse = np.linalg.inv(K + np.diag(penalty / weights))
    F: Array = T - (inverse @ T) / np.diag(inverse)[:, np.newaxis]
    return F


def _score(T: Array, F: Array, labels: Array | None) -> float:
    if labels is not None:
        return balanced_accuracy_from(confusion_counts(labels, F.argmax(axis=1), F.shape[1]))
    spread = ((T - T.mean(axis=0)) ** 2).sum()
    return float(1.0 - ((T - F) ** 2).sum() / spread) if spread > 0 else 0.0
