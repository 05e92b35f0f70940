"""What depends on the data alone, not on the network: baselines, checks for leakage, and scores that can be reached.

All of it takes scikit-learn, whose import alone can take longer than the training of a small network. As none of it
depends on the training, a second process can measure it meanwhile.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Any

import numpy as np

from nn_scratch.baselines.copied_target import copied_target
from nn_scratch.baselines.few_columns import telling_columns
from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.plain_network import plain_network
from nn_scratch.baselines.row_order import column_in_row_order
from nn_scratch.baselines.simple import baselines, best_feature
from nn_scratch.data.card import row_hashes
from nn_scratch.data.prepare import Data, Part
from nn_scratch.metrics import Array, rounded
from nn_scratch.runs.files import finite

PROGRESS = logging.getLogger("nn_scratch.progress")
ODD = np.uint64(0x9E3779B97F4A7C15)  # keeps equal hashes of features and target from cancelling
MOST_COMPARED = 20_000_000  # numbers of the training rows, up to which rows are compared one by one


def data_checks(data: Data) -> dict[str, Any]:
    """{"baselines": for run.json, "end": what signals.json says of the data at the end of training, "attainable": the
    scores of kernel ridge regression, "plain_network": those of a network of one hidden layer}. Values as JSON has
    them: it is the same before and after it has been written and read."""
    PROGRESS.info("fitting the baselines")
    simple = baselines(data)
    PROGRESS.info("checking the data for leakage")
    end: dict[str, Any] = {"giveaway": giveaway(data)} if data.card["split"]["own_test"] else {}
    end["repeated_rows"] = repeated_rows(data)
    end["copied_target"] = copied_target(data)
    if end["copied_target"] is None:
        end["telling_columns"] = telling_columns(data)
        end["row_order"] = column_in_row_order(data)
    PROGRESS.info("fitting kernel ridge regression and a plain network, for the diagnosis")
    found = {"end": end, "attainable": kernel_ridge_report(data), "plain_network": plain_network(data)}
    plain: dict[str, Any] = finite({"baselines": simple, **rounded(found)})
    return plain


@once_per_split
def repeated_rows(data: Data) -> dict[str, list[int]]:
    """By part, the positions of the held-out rows whose features and target all equal those of a training row."""

    def keys(part: Part) -> Array:
        y = part.y.reshape(len(part), int(part.y[:1].size)).astype(np.float64)
        every = np.arange(len(part))
        return row_hashes(part.X, every, part.X.dtype) ^ (row_hashes(y, every, y.dtype) * ODD)

    if data.train.X.size > MOST_COMPARED or not len(data.train):
        return {}
    counted = data.card.get("duplicates")  # of rows whose features are equal, with any target
    if counted and not counted["val_in_train"] and not counted["test_in_train"]:
        return {"val": [], "test": []}
    known = np.sort(keys(data.train))

    def repeated(part: Part) -> list[int]:
        if not len(part):
            return []
        found = keys(part)
        at = np.minimum(np.searchsorted(known, found), len(known) - 1)
        return np.flatnonzero(known[at] == found).tolist()

    return {"val": repeated(data.val), "test": repeated(data.test)}


@once_per_split
def giveaway(data: Data) -> dict[str, Any] | None:
    """The feature that predicts best on val by itself, and its score there and on test rows of their own."""
    best = best_feature(data)
    if best is None or best["part"] != "val" or not len(data.test):
        return None
    column = [data.feature_names.index(best["feature"]), -1]  # and the ones
    train, later = (replace(part, inputs=part.inputs[:, column]) for part in (data.train, data.test))
    later_best = best_feature(replace(data, train=train, val=later))
    kind = "balanced_accuracy" if data.task == "classification" else "r2"
    return {"feature": best["feature"], "val": best[kind], "test": later_best[kind] if later_best else None}
