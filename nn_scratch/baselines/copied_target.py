"""A column that holds the target: a copy of it, exact or with noise, or a function of it.

A network that is given such a column scores high and fails on new rows, where the column is not known. Three
relations between one column and the target are measured, on the rows of all parts (Kaufman et al. 2012):

share   classes, a column of few values: the share of rows whose class is the most frequent one of their value, and
        whose value the most frequent one of their class: a copy gives each class one value. A column that gives some
        class several may determine it, as an address or a measurement does, and be known before it
ratio   classes, a numeric column: the correlation ratio, the variance between classes over the variance (Fisher 1925)
r2      a numeric target: the squared correlation of the values or, if larger, of their ranks (Spearman 1904)
"""

from __future__ import annotations

from dataclasses import replace
from math import lgamma, log, sqrt
from typing import Any

import numpy as np

from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import MAX_FEATURES, sample_rows
from nn_scratch.data.prepare import Data
from nn_scratch.metrics import Array

MAX_ROWS = 5000  # bounds time
MAX_VALUES = 1_000_000  # of a part; bounds time
# The limits leave room for noise of 2 % of the range, which costs at most 0.01 of the ratio where the rarer of two
# classes has 5 % of the rows, and lie above what columns without leakage reach (iris, petal length: a ratio of 0.94).
SHARE, RATIO, R2 = 0.995, 0.97, 0.985  # by hand
NOISE = 0.025  # standard deviation of what the classes, or a line, leave over, in units of the range; by hand
# a column with so little noise is a copy of a skewed target if it explains this much, and the others; by hand
SKEWED_R2 = 0.85
CLEAR = 0.05  # together at least this much less; by hand
FEWEST_COLUMNS = 3  # of two columns, one may well be all that the target depends on; by hand
CHANCE = 0.001  # that some column goes with the classes although the target is drawn independently of it; by hand
FEW_COPIES = 0.1  # share of the columns that may be copies; if more are, the target is simply that easy; by hand


@once_per_split
def copied_target(data: Data) -> dict[str, Any] | None:
    """The column that comes closest to a copy of the target, if one is close enough to be one; else None.

    {"column", "kind": "share", "ratio" or "r2", "value", "limit", "exact", "without"}: `without` is the score of kernel
    ridge regression on the other columns (None if there are none). Tables of fewer than three columns are not
    examined, nor are several targets, nor so few rows, or rows of rare classes, that some column may go with them by
    chance. Of more than 1,000 features the first 1,000 are examined.
    """
    groups = column_groups(data)
    if len(groups) < FEWEST_COLUMNS or data.task == "multi_label" or len(data.train) < 10 or data.train.y[0].size > 1:
        return None
    X, y = all_rows(data)
    if data.task == "classification" and chance_of_a_copy(y, len(groups)) > CHANCE:
        return None
    found: list[dict[str, Any]] = []
    for name, features in groups.items():
        relation = of_classes if data.task == "classification" else of_numbers
        measured = relation(X[:, features], y)
        if measured is not None:
            found.append({"column": name, **measured})
    if not found or sum(entry["value"] >= entry["limit"] for entry in found) > max(2, FEW_COPIES * len(groups)):
        return None
    best = max(found, key=lambda entry: (entry["value"] >= entry["limit"], entry["value"]))
    certain = best["value"] >= best["limit"]
    if not certain and not (best["kind"] == "r2" and best["value"] >= SKEWED_R2 and best["noise"] <= NOISE):
        return None
    best["without"] = score_without(data, groups[best["column"]])
    if not certain and best["value"] - (best["without"] or 0.0) < CLEAR:
        return None
    return best


def column_groups(data: Data) -> dict[str, list[int]]:
    """The features that each column of the table became, by its name."""
    groups: dict[str, list[int]] = {}
    at = 0
    for column in data.preprocessing.columns:
        features = range(at, at + len(column.feature_names))
        at = features.stop
        if at <= MAX_FEATURES:
            groups[column.name] = list(features)
    return groups


def all_rows(data: Data) -> tuple[Array, Array]:
    """Rows of all parts, at most MAX_ROWS of each, fewer of many features: features float64, and class indices or the
    first target."""
    most = min(MAX_ROWS, max(500, MAX_VALUES // min(MAX_FEATURES, len(data.feature_names))))
    parts = [(part, sample_rows(len(part), most)) for part in (data.train, data.val, data.test) if len(part)]
    X = np.concatenate([part.X[rows, :MAX_FEATURES] for part, rows in parts]).astype(np.float64)
    y = np.concatenate([part.y[rows] for part, rows in parts])
    return X, y if y.ndim == 1 else y[:, 0].astype(np.float64)


def chance_of_a_copy(y: Array, columns: int) -> float:
    """Probability, at most, that one of so many columns separates the classes exactly, each class with one value, where
    classes are independent of it: orders of the classes over arrangements of the labels, times columns."""
    counts = np.unique(y, return_counts=True)[1]
    arrangements = lgamma(len(y) + 1) - sum(lgamma(count + 1) for count in counts)
    return float(np.exp(min(0.0, log(columns) + lgamma(len(counts) + 1) - arrangements)))


def of_classes(X: Array, y: Array) -> dict[str, Any] | None:
    """How well the column (rows, its features) separates the classes, by `share` or by `ratio`."""
    classes, y = np.unique(y, return_inverse=True)
    k = len(classes)
    if k < 2:
        return None
    values, inverse = np.unique(X, axis=0, return_inverse=True) if X.shape[1] > 1 else np.unique(X, return_inverse=True)
    if len(values) <= k + 1:
        counts = np.bincount(inverse.ravel() * k + y, minlength=len(values) * k).reshape(-1, k)
        of_value, of_class = counts.argmax(axis=1), counts.argmax(axis=0)
        alike = of_value[of_class] == np.arange(k)  # classes with a value of their own
        right = np.where(alike, counts[of_class, np.arange(k)], 0)
        # every class has to be predicted: a value for the frequent one alone gives nothing away
        share = float(np.average([right.sum() / len(y), (right / counts.sum(axis=0)).mean()]))
        return {"kind": "share", "value": share, "limit": SHARE, "exact": bool(share == 1.0)}
    if X.shape[1] > 1:
        return None
    x = X[:, 0]
    sizes = np.bincount(y)
    means = np.bincount(y, weights=x) / sizes
    total = float(((x - x.mean()) ** 2).sum())
    ratio = float((sizes * (means - x.mean()) ** 2).sum()) / total if total > 0 else 0.0
    noise = sqrt(max(0.0, 1 - ratio)) * x.std() / np.ptp(x) if total > 0 else 1.0
    if noise > NOISE:  # clusters that lie far apart, and no copy
        return None
    return {"kind": "ratio", "value": ratio, "limit": RATIO, "exact": False, "noise": float(noise)}


def of_numbers(X: Array, y: Array) -> dict[str, Any] | None:
    """How well the column predicts a number, and the residual of the line through it over the range of the target."""
    if X.shape[1] > 1 or np.ptp(X) == 0 or np.ptp(y) == 0:
        return None
    linear = float(np.corrcoef(X[:, 0], y)[0, 1] ** 2)
    ranks = float(np.corrcoef(ranked(X[:, 0]), ranked(y))[0, 1] ** 2)
    noise = float(np.sqrt(max(0.0, 1 - linear)) * y.std() / np.ptp(y))
    value = max(linear, ranks)
    return {"kind": "r2", "value": value, "limit": R2, "exact": bool(linear > 1 - 1e-9), "noise": noise}


def ranked(x: Array) -> Array:
    """Ranks from 0, ties sharing their mean."""
    values, inverse, counts = np.unique(x, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    middle: Array = ends - (counts + 1) / 2
    return middle[inverse] if len(values) else x


def score_without(data: Data, features: list[int]) -> float | None:
    """The score of kernel ridge regression on all other features."""
    kept = [j for j in range(data.train.inputs.shape[1]) if j not in features]  # the column of ones stays
    if len(kept) < 2:
        return None
    train, val, test = (replace(part, inputs=part.inputs[:, kept]) for part in (data.train, data.val, data.test))
    score = kernel_ridge_report(replace(data, train=train, val=val, test=test)).get("pooled")
    return None if score is None else float(score)
