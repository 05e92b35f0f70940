"""What simple models make of the same data: the level that a network has to beat.

Fitted on at most 5,000 training rows and scored on at most 5,000 rows of each other part. scikit-learn is imported
here, so this is for the end of training.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from nn_scratch.data.card import rounded
from nn_scratch.data.prepare import Data, Part
from nn_scratch.data.table import Array
from nn_scratch.metrics import accuracy_from, balanced_accuracy_from, confusion_counts, regression_scores

MAX_ROWS = 5000
MAX_WORK = 200_000_000  # rows x features x outputs: about ten seconds of logistic regression at the very most
MAX_FEATURES = 1000  # looked at one by one
BINS = 32

Predict = Callable[[Array], Array]


def baselines(data: Data) -> dict[str, Any]:
    """Scores by model and part, for the card: {"linear": {"val": {"accuracy": ...}, ...}, ...}.

    constant  always the most frequent class, or the mean
    linear    logistic regression, or ridge regression; on features standardised by themselves, whatever data.scale is
    knn       the five nearest training rows, on the same features
    best_feature   the one feature that predicts best by itself (see `best_feature`), whose score near 1 is suspicious

    Classification: accuracy and balanced_accuracy; regression: rmse in the target's own units, and r2. null for parts
    without rows. The same for the same data; `rows` says how many were used.
    """
    outputs = max(1, len(data.class_names) or len(data.target_names))
    n_train = max(200, min(MAX_ROWS, MAX_WORK // (len(data.feature_names) * outputs)))
    X, y = _some(data, data.train, n_train)
    others = {name: _some(data, part, MAX_ROWS) for name, part in (("val", data.val), ("test", data.test))}
    result: dict[str, Any] = {"rows": {"train": len(X), **{name: len(part[0]) for name, part in others.items()}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the solver's, that it stopped before the last digit
        for name, predict in _models(data, X, y).items():
            result[name] = {
                part: _scores(data, y_part, predict(X_part)) if len(X_part) else None
                for part, (X_part, y_part) in others.items()
            }
    result["best_feature"] = best_feature(data)
    return result


def _some(data: Data, part: Part, most: int) -> tuple[Array, Array]:
    """At most so many rows, drawn evenly; targets of a regression in their own units."""
    rows = np.unique(np.linspace(0, len(part) - 1, min(most, len(part))).round().astype(np.int64))
    y = part.y[rows]
    # float64 for all: where neighbours are sought among numbers of another type, all distances stand in memory at once
    return part.X[rows].astype(np.float64), y if data.task == "classification" else data.preprocessing.target_inverse(y)


def _scores(data: Data, true: Array, predicted: Array) -> dict[str, float]:
    if data.task == "classification":
        confusion = confusion_counts(true, predicted, len(data.class_names))
        scores = {"accuracy": accuracy_from(confusion), "balanced_accuracy": balanced_accuracy_from(confusion)}
    else:
        scores = regression_scores(true, predicted.reshape(true.shape))
    return {name: rounded(score) for name, score in scores.items()}


def _models(data: Data, X: Array, y: Array) -> dict[str, Predict]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if data.task == "classification":
        constant: Any = np.bincount(y).argmax()
        models = [LogisticRegression(max_iter=100), KNeighborsClassifier(min(5, len(X)))]
    else:
        constant = y.mean(axis=0)
        models = [Ridge(), KNeighborsRegressor(min(5, len(X)))]

    def always(rows: Array) -> Array:
        return np.broadcast_to(constant, (len(rows), *np.shape(constant)))

    if data.task == "classification" and len(np.unique(y)) == 1:  # all that any model can say then
        return {"constant": always, "linear": always, "knn": always}
    fitted = [make_pipeline(StandardScaler(), model).fit(X, y) for model in models]
    return {"constant": always, "linear": fitted[0].predict, "knn": fitted[1].predict}


def best_feature(data: Data) -> dict[str, Any] | None:
    """The feature that alone predicts best on val (on test where val is empty), and its score there.

    Predicted is the most frequent class, or the mean target, of the training rows in the same of up to 32 equally
    full bins of the feature. A copy of the target, or a number that was only known once the target was, scores near 1.
    {"feature", "part", "balanced_accuracy" or "r2"}; None where there is no row to score. Of more than 1,000
    features the first are looked at.
    """
    name, part = ("val", data.val) if len(data.val) else ("test", data.test)
    if not len(part):
        return None
    X, y = _some(data, data.train, MAX_ROWS)
    X_other, y_other = _some(data, part, MAX_ROWS)
    kind = "balanced_accuracy" if data.task == "classification" else "r2"
    scores = []
    for j in range(min(X.shape[1], MAX_FEATURES)):
        values = np.unique(X[:, j])
        if len(values) > BINS:
            values = np.unique(np.quantile(X[:, j], np.linspace(0, 1, BINS + 1)[1:-1]))
            edges = values
        else:
            edges = (values[1:] + values[:-1]) / 2
        bins, bins_other = np.searchsorted(edges, X[:, j]), np.searchsorted(edges, X_other[:, j])
        scores.append(_scores(data, y_other, _by_bin(data, bins, y, len(edges) + 1)[bins_other])[kind])
    best = int(np.argmax([-np.inf if score is None else score for score in scores]))
    return {"feature": data.feature_names[best], "part": name, kind: scores[best]}


def _by_bin(data: Data, bins: Array, y: Array, n_bins: int) -> Array:
    """What to predict in each bin: (bins,) classes, or (bins, outputs) means."""
    if data.task == "classification":
        k = len(data.class_names)
        counts = np.bincount(bins * k + y, minlength=n_bins * k).reshape(n_bins, k)
        most: Array = counts.argmax(axis=1)
        return most
    sums = np.stack([np.bincount(bins, column, n_bins) for column in y.T], axis=1)
    means: Array = sums / np.maximum(np.bincount(bins, minlength=n_bins), 1)[:, np.newaxis]
    return means
