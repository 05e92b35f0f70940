"""The target: classes or quantities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from nn_scratch.data.table import Task
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import listed, plural, quoted

MAX_CLASSES_OF_NUMBERS = 20  # more different whole numbers are taken for quantities; by hand
SURE_CLASSES = 5  # up to which whole numbers are always classes; by hand
# share of the variation between values that a straight line explains, from which they are quantities; by hand
ORDERED = 0.5
# times as many rows as the rarest value that the most frequent has in a distribution with one peak; by hand
PEAKED = 3.0
MOST_ROWS = 20_000  # that are looked at for order; bounds time
MAX_CLASSES = 10_000  # of a classification; bounds memory
EXACT = 2**53  # beyond it float64 does not represent every whole number; IEEE 754-2019


def infer_task(values: Array, name: str, X: Array | None = None) -> tuple[Task, str]:
    """The task that `task: auto` infers from a column of numbers (rows,), and the reason.

    Whole numbers are classes if they are at most 20 different ones, each on 2 rows or more on average, close to each
    other from about 0 on, and either up to 5 or not in order. They are in order where the other columns change along
    them, and, if more than 10, where their frequencies have one peak.

    X: (rows, columns) numbers that show whether the values are in order, NaN where missing.
    """
    if np.any(values != np.rint(values)):
        return "regression", f"{name!r} holds fractions"
    different, codes = np.unique(values, return_inverse=True)
    k = len(different)
    holds = f"{name!r} holds {plural(k, 'different whole number')} in {plural(len(values), 'row')}"
    if k > MAX_CLASSES_OF_NUMBERS:
        return "regression", f"{holds}, more than {MAX_CLASSES_OF_NUMBERS}"
    if 2 * k > len(values):
        return "regression", f"{holds}, most of them once"
    if np.abs(values).max() > EXACT:
        raise UserError(
            f"data.task: {name!r} holds whole numbers beyond 2^53, which float64 cannot represent exactly; write "
            "classification if they are names of classes, regression if they are quantities"
        )
    if k > SURE_CLASSES:
        if not _are_codes(different):
            return "regression", f"{holds}, spread over {different[0]:g} to {different[-1]:g} as quantities are"
        share = None if X is None else order_of_values(X, codes, different)
        if share is not None and share > ORDERED:
            return "regression", f"{holds}, in order: the other columns change along them"
        if k > 10 and _has_one_peak(np.bincount(codes)):
            return "regression", f"{holds}, in order: their frequencies have one peak, as counts have"
    return "classification", holds


def _are_codes(different: Array) -> bool:
    """Whether sorted whole numbers lie as the codes of classes do: close to each other, from about 0."""
    return bool(-1 <= different[0] <= 10 and different[-1] - different[0] < 2 * len(different))


def order_of_values(X: Array, codes: Array, different: Array) -> float | None:
    """How much of the variation between whole numbers a straight line explains: 0 to 1.

    Over all columns, the variance that a line explains by that which the means of the values explain (r² by η²), each
    less what chance gives. None where the columns are not informative.
    """
    step = max(1, len(codes) // MOST_ROWS)
    X, codes = X[::step].astype(np.float64), codes[::step]
    n, k = len(codes), len(different)
    there = ~np.isnan(X)
    X = np.where(there, X, np.nansum(X, axis=0) / np.maximum(1, there.sum(axis=0)))
    X = X - X.mean(axis=0)
    total = np.einsum("ij,ij->j", X, X)
    X, total = X[:, total > 0], total[total > 0]
    counts = np.bincount(codes, minlength=k)
    sums = np.zeros((k, X.shape[1]))
    np.add.at(sums, codes, X)
    between = (sums**2 / np.maximum(counts, 1)[:, np.newaxis]).sum(axis=0) / total
    line = different - (counts * different).sum() / n
    linear = (line @ sums) ** 2 / ((counts * line**2).sum() * total)
    explained = float((between - (k - 1) / n).sum())
    if explained < 3 * np.sqrt(2 * (k - 1) * max(1, X.shape[1])) / n:
        return None
    return float((linear - 1 / n).sum()) / explained


def _has_one_peak(counts: Array) -> bool:
    """Whether frequencies rise to one peak and fall from it, by more than chance, as those of a count do."""
    noise = 2 * np.sqrt(counts[1:] + counts[:-1])
    steps = np.diff(counts)
    signs = np.sign(steps[np.abs(steps) > noise])
    turns = np.count_nonzero(np.diff(signs))
    return bool(counts.max() > PEAKED * counts.min() and (turns == 0 or (turns == 1 and signs[0] > 0)))


def task_notice(task: Task, n_different: int, rule: str) -> str:
    """One line on whole numbers: what they were taken for, why, and how to have the opposite."""
    taken, opposite = ("classes", "a quantity") if task == "classification" else ("a quantity", "classes")
    other = "regression" if task == "classification" else "classification"
    return f"{n_different:,} whole numbers taken as {taken}; for {opposite}: data.task={other} ({rule})"


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
    values: Array,
    categories: Sequence[str],
    task: Task | Literal["auto"],
    names: tuple[str, ...],
    X: Array | None = None,
) -> tuple[Array, Task, tuple[str, ...], str]:
    """The target as a Table holds it (`y`, `task`, `class_names`), and why.

    values: (rows, outputs) float64, finite; with `categories`, which are sorted, (rows, 1) codes of these.
    X: (rows, columns) numbers, which show whether whole numbers are in order.
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
            task, rule = infer_task(values[:, 0], names[0], X)
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


def check_classes(class_names: Sequence[str], n_rows: int, name: str, origin: str, notices: Sequence[str] = ()) -> None:
    """Raise UserError where the classes cannot be learned: a single one, or about as many as rows.

    notices: of the table; those on labels taken for missing values say why there is a single class.
    """
    if len(class_names) < 2:
        missing = [notice for notice in notices if notice.startswith(f"{origin}: column {quoted(name)}: ")]
        problem = f"{origin}: every row has {name!r} = {class_names[0]!r}; classification needs two classes or more"
        raise UserError([problem, *missing])
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


# ---- labels that are one class ----


def one_spelling(labels: Sequence[str], counts: Sequence[int]) -> dict[str, str]:
    """For each label that is another's in other letters (yes, Yes, YES), the most frequent of them: the class's name.

    Capitals within a word (hId beside hid) are names of their own, not a matter of typing.
    """
    alike: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        if label in (label.lower(), label.upper(), label.capitalize(), label.title()):
            alike.setdefault(" ".join(label.lower().split()), []).append(i)
    called: dict[str, str] = {}
    for places in alike.values():
        if len(places) > 1:
            best = max(places, key=lambda i: (counts[i], -i))
            called |= {labels[i]: labels[best] for i in places if i != best}
    return called
