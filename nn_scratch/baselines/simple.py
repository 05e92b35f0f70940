"""Scores of simple models on the same data: the level that a network has to beat.

Fitted on at most 5,000 training rows and scored on at most 5,000 rows of each other part. scikit-learn's models are
imported here, which takes a while, so this is for the end of training.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import inf
from typing import Any

import numpy as np

from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import MAX_FEATURES, main_score, sample_rows, scores, standardized
from nn_scratch.data.prepare import Data, Part
from nn_scratch.metrics import Array

MAX_ROWS = 5000  # bounds time
MAX_VALUES = 1_000_000  # of a part; bounds time
MAX_WORK = 200_000_000  # rows x features x outputs: about ten seconds of logistic regression at most; bounds time
MOST_IN_TREE = 7  # features; beyond, a tree finds neighbours later than distances to all rows do; bounds time
BINS = 32  # thresholds of a stump, of a feature; bounds time

Predict = Callable[[Array], Array]


@once_per_split
def baselines(data: Data) -> dict[str, Any]:
    """Scores by model and part, for the card: {"linear": {"val": {"accuracy": ...}, ...}, ...}.

    constant  always the most frequent class, or the mean
    linear    logistic regression, or ridge regression; features are standardized, independent of data.scale
    knn       k-nearest neighbours, k = 5, on the same features
    best_feature   the feature that predicts best by itself (see `best_feature`); a score near 1 is suspicious

    Classification: accuracy and balanced_accuracy; regression: rmse in the target's own units, and r2. null for parts
    without rows. The same for the same data; `rows` is how many were used.
    """
    outputs = max(1, len(data.class_names) or len(data.target_names))
    n_train = max(200, min(MAX_ROWS, MAX_WORK // (max(32, len(data.feature_names)) * outputs)))
    X, y = _some(data, data.train, n_train)
    others = {name: _some(data, part, MAX_ROWS) for name, part in (("val", data.val), ("test", data.test))}
    result: dict[str, Any] = {"rows": {"train": len(X), **{name: len(part[0]) for name, part in others.items()}}}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the solver may stop before it has converged to the last digit
        for name, predict in _models(data, X, y).items():
            result[name] = {
                part: scores(data, y_part, predict(X_part)) if len(X_part) else None
                for part, (X_part, y_part) in others.items()
            }
    result["best_feature"] = best_feature(data)
    return result


def _some(data: Data, part: Part, most: int) -> tuple[Array, Array]:
    """X and y of at most `most` rows, fewer of many features; targets of a regression in their own units."""
    rows = sample_rows(len(part), min(most, max(500, MAX_VALUES // len(data.feature_names))))
    y = part.y[rows]
    # float64 for all: where neighbours are sought among numbers of another type, all distances stand in memory at once
    return part.X[rows].astype(np.float64), y if data.task == "classification" else data.preprocessing.target_inverse(y)


def _models(data: Data, X: Array, y: Array) -> dict[str, Predict]:
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

    search = "brute" if X.shape[1] > MOST_IN_TREE else "auto"
    if data.task == "classification":
        constant: Any = np.bincount(y).argmax()
        models = [LogisticRegression(max_iter=100), KNeighborsClassifier(min(5, len(X)), algorithm=search)]
    else:
        constant = y.mean(axis=0)
        models = [Ridge(), KNeighborsRegressor(min(5, len(X)), algorithm=search)]

    def always(rows: Array) -> Array:
        return np.broadcast_to(constant, (len(rows), *np.shape(constant)))

    if data.task == "classification" and len(np.unique(y)) == 1:  # no model can predict another class
        return {"constant": always, "linear": always, "knn": always}

    def on_standardized(model: Any) -> Predict:
        fitted = model.fit(*standardized([X], X, limit=inf), y)
        return lambda rows: fitted.predict(*standardized([rows], X, limit=inf))

    linear, knn = map(on_standardized, models)
    return {"constant": always, "linear": linear, "knn": knn}


def best_feature(data: Data) -> dict[str, Any] | None:
    """The feature that alone predicts best on val (on test where val is empty), and its score there.

    The feature is cut into at most 32 bins of equally many training rows; the prediction is the most frequent class,
    or the mean target, of the training rows in the same bin. A copy of the target, or a quantity that is only known
    once the target is, scores near 1. Returns {"feature", "part", "balanced_accuracy" or "r2"}; None where there is no
    row to score. Of more than 1,000 features the first 1,000 are tried.
    """
    name, part = ("val", data.val) if len(data.val) else ("test", data.test)
    if not len(part):
        return None
    X, y = _some(data, data.train, MAX_ROWS)
    X_other, y_other = _some(data, part, MAX_ROWS)
    kind = main_score(data)
    found = []
    for j in range(min(X.shape[1], MAX_FEATURES)):
        values = np.unique(X[:, j])
        if len(values) > BINS:
            values = np.unique(np.quantile(X[:, j], np.linspace(0, 1, BINS + 1)[1:-1]))
            edges = values
        else:
            edges = (values[1:] + values[:-1]) / 2
        bins, bins_other = np.searchsorted(edges, X[:, j]), np.searchsorted(edges, X_other[:, j])
        found.append(scores(data, y_other, _by_bin(data, bins, y, len(edges) + 1)[bins_other])[kind])
    best = int(np.argmax([-inf if score is None else score for score in found]))
    return {"feature": data.feature_names[best], "part": name, kind: found[best]}


def _by_bin(data: Data, bins: Array, y: Array, n_bins: int) -> Array:
    """The prediction of each bin: (bins,) classes, or (bins, outputs) means."""
    if data.task == "classification":
        k = len(data.class_names)
        counts = np.bincount(bins * k + y, minlength=n_bins * k).reshape(n_bins, k)
        most: Array = counts.argmax(axis=1)
        return most
    sums = np.stack([np.bincount(bins, column, n_bins) for column in y.T], axis=1)
    means: Array = sums / np.maximum(np.bincount(bins, minlength=n_bins), 1)[:, np.newaxis]
    return means
