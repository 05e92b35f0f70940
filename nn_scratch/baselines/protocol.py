"""How every baseline chooses rows, scales features and scores predictions."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn_scratch.data.moments import moments
from nn_scratch.data.prepare import Data
from nn_scratch.data.preprocessing import offset_and_scale
from nn_scratch.metrics import Array, class_scores, regression_scores, rounded

MAX_FEATURES = 1000  # a baseline uses the first ones; bounds time
MAX_CLASSES = 1000  # of more, a sample of some hundred or thousand rows is not informative; bounds time
MAX_STANDARDIZED = 8.0  # features are clipped to this, so that no outlier dominates a distance or a gradient; by hand
RARE_ROWS = 60  # rows of a rare class that a sample keeps where its share would be fewer; by hand


def sample_rows(rows: int, most: int, classes: Array | None = None) -> Array:
    """At most `most` of the row numbers 0 to rows - 1, at random without replacement, ascending; always the same ones.

    classes: (rows,) class indices; rare classes then keep up to RARE_ROWS rows, beyond their share of the sample.
    """
    if rows <= most:
        return np.arange(rows)
    shuffled = np.random.default_rng(0).permutation(rows)
    first = np.empty(0, np.int64)
    if classes is not None:
        rare = np.flatnonzero(np.bincount(classes) * most < RARE_ROWS * rows)
        kept = [shuffled[classes[shuffled] == k][:RARE_ROWS] for k in rare]
        first = np.concatenate([*kept, first])[: most // 2]
    head = shuffled[:most]
    return np.sort(np.concatenate([first, head[~np.isin(head, first)][: most - len(first)]]))


def standardized(blocks: Sequence[Array], reference: Array, limit: float = MAX_STANDARDIZED) -> list[Array]:
    """Each block (rows, features), float64, scaled to mean 0 and standard deviation 1 of the reference rows.

    Constant features become 0; values are clipped to ±limit.
    """
    offset, scale = offset_and_scale("standard", moments(reference, np.arange(len(reference))))
    return [np.clip((block - offset) / scale, -limit, limit) for block in blocks]


def inverse_frequency(y: Array, classes: int) -> Array:
    """(rows,) weights of mean 1 by which every class that occurs counts the same."""
    counts = np.bincount(y, minlength=classes)
    weights: Array = len(y) / (np.count_nonzero(counts) * counts[y])
    return weights


def scores(data: Data, true: Array, predicted: Array) -> dict[str, float | None]:
    """Accuracy and balanced accuracy of (rows,) class indices, else rmse and R² of (rows, outputs).

    Six significant digits; None where a score is not defined.
    """
    if data.task == "classification":
        found = class_scores(true, predicted)
    else:
        found = regression_scores(true, predicted.reshape(true.shape))
    return {name: rounded(score) for name, score in found.items()}


def main_score(data: Data) -> str:
    """The score by which baselines and runs are compared: every class counts the same, or R²."""
    return "balanced_accuracy" if data.task == "classification" else "r2"
