"""How much each searched key decides about the score: functional ANOVA on a random forest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_scratch.experiments.sweeps.rows import Row
from nn_scratch.experiments.sweeps.space import Dimension

FEWEST_TRIALS = 8  # with a score, below which a forest is not informative
TREES = 200
SAMPLES = 256  # points of the space over which the other keys are averaged
STEPS = 24  # values of a key at which the average is taken
ABSENT = -1.0  # the coordinate of a key that a trial did not search


def importance(dimensions: Sequence[Dimension], rows: Sequence[Row]) -> dict[str, float]:
    """By key, the share of the score's variance over the space that the key explains by itself, between 0 and 1.

    The shares sum to at most about 1; what is left are interactions of keys. Empty where there are too few trials.
    Source: Hutter, Hoos and Leyton-Brown 2014, An efficient approach for assessing hyperparameter importance; here the
    marginals of the forest are averaged over random points instead of integrated.
    """
    scored = [row for row in rows if np.isfinite(row.mean)]
    if len(scored) < FEWEST_TRIALS:
        return {}
    from sklearn.ensemble import RandomForestRegressor

    X = np.array(
        [[coordinate(d, row.values[d.key]) if d.key in row.values else ABSENT for d in dimensions] for row in scored]
    )
    y = np.array([row.mean for row in scored])
    forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=0).fit(X, y)
    points = np.random.default_rng(0).random((SAMPLES, len(dimensions)))
    total = float(np.var(forest.predict(points)))
    if total == 0.0:
        return dict.fromkeys((d.key for d in dimensions), 0.0)
    found = {}
    for axis, dimension in enumerate(dimensions):
        places = np.linspace(0.0, 1.0, STEPS)
        moved = np.repeat(points[None], STEPS, axis=0)
        moved[:, :, axis] = places[:, None]
        marginal = forest.predict(moved.reshape(-1, len(dimensions))).reshape(STEPS, SAMPLES).mean(axis=1)
        found[dimension.key] = min(1.0, float(np.var(marginal)) / total)
    return found


def place(dimension: Dimension, row: Row) -> float:
    return coordinate(dimension, row.values[dimension.key]) if dimension.key in row.values else ABSENT


def coordinate(dimension: Dimension, value: Any) -> float:
    """The place of a value between 0, the lowest or the first choice, and 1, the highest or the last."""
    if dimension.choices:
        return dimension.choices.index(value) / max(1, len(dimension.choices) - 1)
    ends = np.array([dimension.low, value, dimension.high], float)
    low, at, high = np.log(ends) if dimension.logarithmic else ends
    return float((at - low) / (high - low))
