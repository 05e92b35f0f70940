"""Rows that are arrays already: split and scaled by the caller."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from nn_scratch.data.prepare import Data, Part
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.table import Task, number_columns
from nn_scratch.metrics import Array


def data_from_arrays(
    X: Array,
    y: Array,
    weights: Array | None,
    *,
    train_rows: int,
    task: Task,
    class_names: Sequence[str],
    target_names: Sequence[str],
    feature_names: Sequence[str],
    dtype: Any = np.float32,
) -> Data:
    """The first `train_rows` rows for training, the others for validation, none for the test; nothing is scaled.

    X: (rows, features) finite numbers. y: (rows,) class indices, or (rows, outputs) numbers, both in the order of
    `class_names` or `target_names`. weights: (rows,), how much each row counts in the loss; None: all alike.
    The data card is empty: a run's folder needs one, which `prepare` makes.
    """
    n_features = X.shape[1]
    outputs = 0 if task == "classification" else len(target_names)
    preprocessing = Preprocessing(
        task=task,
        columns=number_columns(feature_names),
        target_names=tuple(target_names),
        class_names=tuple(class_names),
        image_shape=None,
        scale_kind="none",
        offset=np.zeros(n_features),
        scale=np.ones(n_features),
        fill=None,
        target_offset=np.zeros(outputs),
        target_scale=np.ones(outputs),
    )

    def part(rows: slice) -> Part:
        taken = X[rows]
        inputs = np.ones((len(taken), n_features + 1), dtype)
        inputs[:, :-1] = taken
        return Part(
            inputs=inputs,
            y=y[rows] if task == "classification" else y[rows].astype(dtype),
            weights=None if weights is None else weights[rows],
            rows=np.arange(len(X))[rows],
        )

    return Data(
        train=part(slice(0, train_rows)),
        val=part(slice(train_rows, None)),
        test=part(slice(0, 0)),
        preprocessing=preprocessing,
        card={},
        notices=(),
        origin="arrays",
    )
