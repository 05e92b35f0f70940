"""Scores: those of every epoch in NumPy, and the reports of a finished run with scikit-learn."""

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

LOWER_IS_BETTER = frozenset({"loss", "rmse", "mae", "log_loss"})


def lower_is_better(column: str) -> bool:
    """Whether a column of metrics.csv ("val_loss", "train_accuracy") is better when it is lower."""
    return column.split("_", 1)[1] in LOWER_IS_BETTER


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
    """scikit-learn's scores of (rows,) class indices against (rows, classes) probabilities.

    accuracy, balanced_accuracy, macro_f1, recall a class, log_loss, roc_auc (one against the rest, macro mean; None
    where a class is missing from these rows, and for more than MAX_RANKED classes, each of which sorts all rows).
    """
    from sklearn import metrics

    labels = np.arange(len(class_names))
    predicted = probabilities.argmax(axis=1)
    present = np.unique(true)
    recall = metrics.recall_score(true, predicted, labels=labels, average=None, zero_division=np.nan)
    roc_auc = None
    if len(present) == len(class_names) <= MAX_RANKED:
        scores = probabilities[:, 1] if len(class_names) == 2 else probabilities
        roc_auc = float(metrics.roc_auc_score(true, scores, multi_class="ovr", labels=labels))
    return {
        "accuracy": float(metrics.accuracy_score(true, predicted)),
        "balanced_accuracy": class_scores(true, predicted)["balanced_accuracy"],
        "macro_f1": float(metrics.f1_score(true, predicted, labels=present, average="macro", zero_division=0)),
        "log_loss": float(metrics.log_loss(true, probabilities.astype(np.float64), labels=labels)),
        "roc_auc": roc_auc,
        "recall": {
            name: (None if np.isnan(share) else float(share)) for name, share in zip(class_names, recall, strict=True)
        },
    }


def regression_report(true: Array, predicted: Array) -> dict[str, Any]:
    """R², RMSE and MAE of (rows, targets), in the target's own units."""
    from sklearn import metrics

    return {**regression_scores(true, predicted), "mae": float(metrics.mean_absolute_error(true, predicted))}


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
    """The scores of `label_scores`, and scikit-learn's of each label by itself, as means over the labels.

    macro_f1; recall a label (None where no row has it); log_loss; roc_auc (None where a label is in all rows or none).
    """
    from sklearn import metrics

    true = true.astype(np.int64)
    said = (probabilities >= 0.5).astype(np.int64)
    recall = metrics.recall_score(true, said, average=None, zero_division=np.nan)
    both = [0 < column.sum() < len(column) for column in true.T]
    losses = [metrics.log_loss(y, p, labels=[0, 1]) for y, p in zip(true.T, probabilities.T, strict=True)]
    return {
        **label_scores(true, probabilities),
        "macro_f1": float(metrics.f1_score(true, said, average="macro", zero_division=0)),
        "log_loss": float(np.mean(losses)),
        "roc_auc": float(metrics.roc_auc_score(true, probabilities)) if all(both) else None,
        "recall": {
            name: (None if np.isnan(share) else float(share)) for name, share in zip(names, recall, strict=True)
        },
    }
