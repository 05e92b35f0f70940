"""Scores of every epoch, and the reports of a finished run."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def rounded(value: Any) -> Any:
    """For JSON: floats with six significant digits, None for those that are not finite; arrays as lists.

    Mappings and lists are rounded entry by entry; what is no number stays as it is.
    """
    if isinstance(value, Mapping):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, np.ndarray):
        return rounded(value.tolist())
    if isinstance(value, list):
        return [rounded(entry) for entry in value]
    if isinstance(value, float | np.floating):
        return float(f"{value:.6g}") if isfinite(value) else None
    return value


MAX_RANKED = 1000  # classes whose ROC is computed
EPSILON = 2.220446049250313e-16  # the smallest probability in a log loss: the resolution of float64

LOWER_IS_BETTER = frozenset({"loss", "rmse", "mae", "log_loss"})


def lower_is_better(column: str) -> bool:
    """Whether a column of metrics.csv ("val_loss", "train_accuracy") is better when it is lower."""
    return column.partition("_")[2] in LOWER_IS_BETTER


def confusion_counts(true: Array, predicted: Array, classes: int) -> Array:
    """(classes, classes) int64: entry (i, j) counts the rows of class i that are predicted as class j."""
    return np.bincount(true * classes + predicted, minlength=classes * classes).reshape(classes, classes)


def class_scores(true: Array, predicted: Array) -> dict[str, float]:
    """Accuracy and balanced accuracy of (rows,) class indices, as `accuracy_from` and `balanced_accuracy_from`.

    Takes memory for the rows and the classes, not for their confusion.
    """
    if not len(true):
        return {"accuracy": nan, "balanced_accuracy": nan}
    right = true == predicted
    rows = np.bincount(true)
    present = rows > 0
    hits = np.bincount(true[right], minlength=len(rows))
    return {
        "accuracy": float(right.sum() / len(true)),
        "balanced_accuracy": float(np.mean(hits[present] / rows[present])),
    }


def accuracy_from(confusion: Array) -> float:
    """Share of rows that are predicted correctly; nan without rows."""
    total = confusion.sum()
    return float(np.trace(confusion) / total) if total else nan


def balanced_accuracy_from(confusion: Array) -> float:
    """Mean recall over the classes that occur; nan without rows."""
    rows = confusion.sum(axis=1)
    present = rows > 0
    if not present.any():
        return nan
    return float(np.mean(np.diag(confusion)[present] / rows[present]))


def regression_scores(true: Array, predicted: Array) -> dict[str, float]:
    """RMSE in the target's own units and R², for (rows, targets); R² is nan under two rows.

    Of several targets both are the mean of the targets' own, as scikit-learn's root_mean_squared_error and r2_score.
    Scores of no rows are nan. A target that never changes has no variance to explain: R² is 0 for it, or 1 where
    every prediction is exact.
    """
    if not len(true):
        return {"rmse": nan, "r2": nan}
    error = ((true - predicted) ** 2).sum(axis=0)
    spread = ((true - true.mean(axis=0)) ** 2).sum(axis=0)
    r2 = np.where(spread > 0, 1.0 - error / np.where(spread > 0, spread, 1.0), np.where(error > 0, 0.0, 1.0))
    return {
        "rmse": float(np.sqrt(error / len(true)).mean()),
        "r2": float(r2.mean()) if len(true) > 1 else nan,
    }


def classification_report(true: Array, probabilities: Array, class_names: tuple[str, ...]) -> dict[str, Any]:
    """The scores of (rows,) class indices against (rows, classes) probabilities.

    accuracy, balanced_accuracy, macro_f1 (over the classes of these rows), recall a class, log_loss, roc_auc (one
    against the rest, macro mean; None where a class is missing from these rows, and for more than MAX_RANKED classes,
    each of which sorts all rows). They equal scikit-learn's, whose functions copy and check a million rows so often
    that they take ten times as long as these.
    """
    k = len(class_names)
    predicted = probabilities.argmax(axis=1)
    rows, assigned = np.bincount(true, minlength=k), np.bincount(predicted, minlength=k)
    hits = np.bincount(true[true == predicted], minlength=k)
    present = rows > 0
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, f1 = hits / rows, 2 * hits / (rows + assigned)
    roc_auc = None
    if 2 <= np.count_nonzero(present) == k <= MAX_RANKED:
        ranked = [1] if k == 2 else range(k)
        roc_auc = float(np.mean([area_under_curve(probabilities[:, c], true == c) for c in ranked]))
    return {
        **class_scores(true, predicted),
        "macro_f1": float(f1[present].mean()) if len(true) else nan,
        "log_loss": log_loss(true, probabilities),
        "roc_auc": roc_auc,
        "recall": {
            name: float(share) if there else None
            for name, share, there in zip(class_names, recall, present, strict=True)
        },
    }


def log_loss(true: Array, probabilities: Array) -> float:
    """Mean of -log p of the true class; p at least the resolution of float64, so that it is finite."""
    p = probabilities[np.arange(len(true)), true].astype(np.float64)
    return float(-np.log(np.clip(p, EPSILON, 1 - EPSILON)).mean()) if len(true) else nan


def area_under_curve(scores: Array, positive: Array) -> float:
    """Area under the ROC curve: the probability that a positive row scores above a negative one, ties counting half.

    scores (rows,), positive (rows,) bool, some of each. Mann and Whitney 1947; Hanley and McNeil 1982.
    """
    above, below = np.sort(scores[positive]), np.sort(scores[~positive])
    won = np.searchsorted(below, above, side="left").sum()
    tied = np.searchsorted(below, above, side="right").sum() - won
    return float((won + tied / 2) / len(above) / len(below))


def regression_report(true: Array, predicted: Array) -> dict[str, Any]:
    """R², RMSE and MAE of (rows, targets), in the target's own units."""
    return {**regression_scores(true, predicted), "mae": float(np.abs(true - predicted).mean()) if len(true) else nan}


def label_scores(true: Array, probabilities: Array) -> dict[str, float]:
    """Of (rows, labels) 0 or 1 and the probabilities of 1: accuracy over all of them, exact_match (share of rows with
    every label correct), and R² (mean over the labels); nan without rows."""
    if not len(true):
        return {"accuracy": nan, "exact_match": nan, "r2": nan}
    right = (probabilities >= 0.5) == (true >= 0.5)
    return {
        "accuracy": float(right.mean()),
        "exact_match": float(right.all(axis=1).mean()),
        "r2": regression_scores(true, probabilities)["r2"],
    }


def label_report(true: Array, probabilities: Array, names: tuple[str, ...]) -> dict[str, Any]:
    """The scores of `label_scores`, and those of each label by itself, as means over the labels.

    macro_f1; recall a label (None where no row has it); log_loss; roc_auc (None where a label is in all rows or none).
    """
    is_true, is_predicted = true >= 0.5, probabilities >= 0.5
    rows, hits = is_true.sum(axis=0), (is_true & is_predicted).sum(axis=0)
    p = np.where(is_true, probabilities, 1 - probabilities)
    both = (rows > 0) & (rows < len(true))
    with np.errstate(invalid="ignore"):
        f1 = np.nan_to_num(2 * hits / (rows + is_predicted.sum(axis=0)))
    areas = [area_under_curve(*column) for column in zip(probabilities.T, is_true.T, strict=True)] if both.all() else []
    return {
        **label_scores(true, probabilities),
        "macro_f1": float(f1.mean()),
        "log_loss": float(-np.log(np.clip(p.astype(np.float64), EPSILON, 1 - EPSILON)).mean()),
        "roc_auc": float(np.mean(areas)) if areas else None,
        "recall": {name: float(hit / n) if n else None for name, hit, n in zip(names, hits, rows, strict=True)},
    }
