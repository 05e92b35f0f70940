"""A column that runs with the rows of the source: a count of the rows, or time.

Where the rows stand in an order that has to do with the target, such a column identifies the neighbours of
each row. A random split hides that: every held-out row has neighbours among the training rows, new rows have none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from nn_scratch.baselines.copied_target import column_groups, score_without
from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import sample_rows
from nn_scratch.data.prepare import Data, Part
from nn_scratch.metrics import Array

MAX_ROWS = 2000  # bounds time
FEWEST_ROWS = 50  # of fewer, a correlation varies by 0.14 and more by chance; by hand
ALIKE = 0.5  # correlation of neighbouring rows' targets from which their order is informative; by hand
EARLIER = 0.7  # share of the rows, in their order, that the last ones are predicted from; by hand


@once_per_split
def column_in_row_order(data: Data) -> dict[str, Any] | None:
    """The first column that never falls, or never rises, along the rows of the source, where their order depends on the
    target; else None.

    {"column", "counts": whether it numbers the rows, "correlation": of neighbouring rows' targets, "random": the score
    of kernel ridge regression on rows left out at random, "later": on the last rows, fitted on the earlier ones (None
    where they hold a class that the earlier ones lack), "without": like `random`, without the column}. Test rows of
    their own are left aside.
    """
    parts = [part for part in (data.train, data.val, data.test) if len(part)]
    if data.card.get("split", {}).get("own_test"):
        parts = [part for part in parts if part is not data.test]
    numbers = np.concatenate([part.rows for part in parts])
    y = np.concatenate([part.y.reshape(len(part), -1)[:, 0] for part in parts]).astype(np.float64)
    order = np.argsort(numbers, kind="stable")
    alike = neighbours_alike(y[order])
    if data.task == "multi_label" or len(y) < FEWEST_ROWS or alike < ALIKE:
        return None
    inputs, target = sampled(parts, order)
    groups = column_groups(data)
    for name, features in groups.items():
        x = inputs[:, features[0]]
        steps = np.diff(x)
        if len(features) == 1 and len(np.unique(x)) > len(x) / 2 and ((steps >= 0).all() or (steps <= 0).all()):
            spread = np.ptp(steps / np.diff(np.sort(numbers[order][sample_rows(len(order), MAX_ROWS)])))
            return {
                "column": name,
                "counts": bool(spread <= 1e-4 * abs(steps).mean()),
                "correlation": alike,
                "random": kernel_ridge_report(data).get("pooled"),
                "later": score_of_later_rows(data, inputs, target),
                "without": score_without(data, features),
            }
    return None


def neighbours_alike(y: Array) -> float:
    """Correlation of each value with the next; 0 where all are equal."""
    centred = y - y.mean()
    power = float(centred @ centred)
    return float(centred[1:] @ centred[:-1]) / power if power and len(y) > 1 else 0.0


def sampled(parts: list[Part], order: Array) -> tuple[Array, Array]:
    """Inputs and targets of some rows in the order of the source."""
    chosen = order[sample_rows(len(order), MAX_ROWS)]
    ends = np.cumsum([len(part) for part in parts])
    part_of = np.searchsorted(ends, chosen, side="right")
    inputs = np.empty((len(chosen), parts[0].inputs.shape[1]))
    target = np.empty((len(chosen), *parts[0].y.shape[1:]), parts[0].y.dtype)
    for number, part in enumerate(parts):
        here = part_of == number
        at = chosen[here] - (ends[number] - len(part))
        inputs[here], target[here] = part.inputs[at], part.y[at]
    return inputs, target


def score_of_later_rows(data: Data, inputs: Array, y: Array) -> float | None:
    """Of kernel ridge regression on the last rows, fitted on the others."""
    cut = round(EARLIER * len(inputs))
    earlier, later = (
        Part(inputs[rows], y[rows], None, np.arange(len(inputs))[rows]) for rows in (slice(0, cut), slice(cut, None))
    )
    if data.task == "classification" and set(later.y.tolist()) - set(earlier.y.tolist()):
        return None
    none = Part(inputs[:0], y[:0], None, np.empty(0, np.int64))
    score = kernel_ridge_report(replace(data, train=earlier, val=later, test=none)).get("split")
    return None if score is None else float(score)
