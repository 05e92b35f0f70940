"""What is to be predicted: classes or quantities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nn_scratch.data.table import Array, Task
from nn_scratch.errors import UserError
from nn_scratch.wording import listed, plural

MAX_CLASSES_OF_NUMBERS = 20  # more different whole numbers are taken for quantities
MAX_CLASSES = 10_000
EXACT = 2**53  # beyond it float64 no longer tells neighbouring whole numbers apart


def infer_task(values: Array, name: str) -> tuple[Task, str]:
    """What `task: auto` makes of a column of numbers (rows,), and why."""
    if np.any(values != np.rint(values)):
        return "regression", f"{name!r} holds fractions"
    n_different = len(np.unique(values))
    holds = f"{name!r} holds {plural(n_different, 'different whole number')} in {plural(len(values), 'row')}"
    if n_different <= MAX_CLASSES_OF_NUMBERS and 2 * n_different <= len(values):
        if np.abs(values).max() > EXACT:
            raise UserError(
                f"data.task: {name!r} holds whole numbers beyond 2^53, which are not told apart as numbers; write "
                "classification if they are names of classes, regression if they are quantities"
            )
        return "classification", f"{holds} (up to 20, each on 2 rows or more on average, are taken for classes)"
    return "regression", f"{holds} (up to 20, each on 2 rows or more on average, would be taken for classes)"


def index_labels(labels: Array) -> tuple[Array, tuple[str, ...]]:
    """Class indices (rows,) int64 of labels that are text or numbers, and the classes' names in sorted order.

    1.0 and True are called 1.
    """
    values, indices = np.unique(labels, return_inverse=True)
    names = values.tolist()
    if values.dtype.kind == "b" or (values.dtype.kind == "f" and np.all(values == np.rint(values))):
        names = [int(value) for value in names]  # Python's have no bounds
    return indices.astype(np.int64), tuple(str(name) for name in names)


def settle_task(
    values: Array, categories: Sequence[str], task: Task | Literal["auto"], names: tuple[str, ...]
) -> tuple[Array, Task, tuple[str, ...], str]:
    """The target as a Table holds it (`y`, `task`, `class_names`), and why.

    values: (rows, outputs) float64, finite; with `categories`, which are sorted, (rows, 1) codes of these.
    Raises UserError for several targets that are to be classes, and for labels that are not 0 or 1.
    """
    rule = f"data.task: {task}"
    if categories:
        task = "classification"
        codes, indices = np.unique(values[:, 0].astype(np.int64), return_inverse=True)
        y, class_names = indices.astype(np.int64), tuple(categories[code] for code in codes)
        rule = f"{names[0]!r} is text"
    else:
        if task == "multi_label":
            _check_labels(values, names)
            return values, task, (), rule
        if len(names) > 1:
            if task == "classification":
                raise UserError(
                    f"data.target: {listed(names)}: classification has one target; name one, or write data.task: "
                    "multi_label if each is a label of its own, 0 or 1"
                )
            task, rule = "regression", "several targets"
        elif task == "auto":
            task, rule = infer_task(values[:, 0], names[0])
        if task == "regression":
            return values, "regression", (), rule
        y, class_names = index_labels(values[:, 0])
    return y, "classification", class_names, rule


def _check_labels(values: Array, names: tuple[str, ...]) -> None:
    for name, column in zip(names, values.T, strict=True):
        bad = np.flatnonzero((column != 0) & (column != 1))
        if len(bad):
            raise UserError(
                f"data.target: {name!r} holds {column[bad[0]]:g}; the labels of data.task: multi_label are 0 or 1"
            )


def check_weights(weights: Array, name: str, origin: str) -> Array:
    """The weights of rows (rows,) as they are; UserError where they cannot be weights."""
    bad = np.flatnonzero(weights < 0)
    if len(bad):
        raise UserError(
            f"{origin}: data.weight: {name!r} holds {weights[bad[0]]:g} in row {bad[0] + 1:,}; a weight is 0 or more"
        )
    return weights


def check_classes(class_names: Sequence[str], n_rows: int, name: str, origin: str) -> None:
    """Raise UserError where the classes cannot be learnt: a single one, or about as many as rows."""
    if len(class_names) < 2:
        raise UserError(
            f"{origin}: every row has {name!r} = {class_names[0]!r}; classification needs two classes or more"
        )
    if len(class_names) > min(MAX_CLASSES, max(20, n_rows // 2)):
        try:
            float(class_names[0])
            other = "set data.task: regression if they are quantities"
        except ValueError:
            other = "name another column in data.target"
        raise UserError(
            f"{origin}: {name!r} holds {len(class_names):,} different values in {plural(n_rows, 'row')}, too many for "
            f"classes; {other}"
        )
