"""From a table to training data: rows split into three parts, features and targets scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from hashlib import blake2b
from typing import Any, cast

import numpy as np

from nn_scratch.data.card import make_card, on_disk_notice
from nn_scratch.data.columns import Encoder, fit, recoded
from nn_scratch.data.mapped_rows import InputRows, on_disk
from nn_scratch.data.moments import Moments, moments, row_blocks
from nn_scratch.data.preprocessing import Preprocessing, Scale, offset_and_scale
from nn_scratch.data.problems import SHOWN, refuse
from nn_scratch.data.split import Fold, class_notices, split_rows
from nn_scratch.data.table import Table, Task
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import listed, plural, quoted

MOST_NOTICES = 20  # with a line of their own each; of more, their number


@dataclass(frozen=True)
class Part:
    """The rows of one split, in the order in which they are held (training may shuffle them every epoch)."""

    inputs: Array  # (rows, features + 1) scaled, of the dtype of training; the last column is ones, for the biases
    # of a file that does not fit into memory InputRows, which are indexed like an array
    y: Array  # classification: (rows,) int64 class indices; regression: (rows, outputs) scaled, of the same dtype
    weights: Array | None  # (rows,) float64: how much each row counts in the loss; None: all alike
    rows: Array  # (rows,) int64: numbers of the rows in the source, from 0 (of test rows of their own: in their source)

    @property
    def X(self) -> Array:
        """(rows, features): the inputs without the ones."""
        return self.inputs[:, :-1]

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True)
class Data:
    """The data as training uses it."""

    train: Part
    val: Part
    test: Part
    preprocessing: Preprocessing
    card: dict[str, Any]  # data.json
    notices: tuple[str, ...]  # notices for the user, a line each
    origin: str

    @property
    def task(self) -> Task:
        return self.preprocessing.task

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.preprocessing.class_names

    @property
    def feature_names(self) -> tuple[str, ...]:
        return self.preprocessing.feature_names

    @property
    def target_names(self) -> tuple[str, ...]:
        return self.preprocessing.target_names

    @property
    def image_shape(self) -> tuple[int, int] | None:
        return self.preprocessing.image_shape

    @cached_property
    def digest(self) -> str:
        """A hash of all values, their split, and the names of columns and classes; notices have no part in it."""
        used = self.preprocessing
        arrays: list[Any] = [values for part in (self.train, self.val, self.test) for values in vars(part).values()]
        arrays += [value for value in vars(used).values() if isinstance(value, np.ndarray)]
        found = blake2b(repr((used.task, used.columns, used.target_names, used.class_names)).encode(), digest_size=20)
        for values in arrays:
            found.update(repr(None if values is None else (values.dtype.str, values.shape)).encode())
            if on_disk(values):
                found.update(values.identity())
            elif values is not None and values.size:
                found.update(np.ascontiguousarray(values).data)
        return found.hexdigest()


def prepare(
    table: Table,
    *,
    split: Mapping[str, float],
    shuffle: bool,
    stratify: bool,
    scale: Scale,
    target_scale: Scale,
    rng: np.random.Generator,
    dtype: Any = np.float32,
    fold: Fold | None = None,
) -> Data:
    """Split the rows, fit columns and scaling on those that train, and gather each part scaled.

    split: shares "val" and "test" of the rows; train gets the rest. A table with test rows of its own (IDX folders,
    data.test_source) keeps them for the test; its other rows are parted into train and val, val getting its share of
    them. rng: decides who goes where, and nothing else. dtype: of the features, and of the targets of a regression.
    fold: which of how many folds is the test, instead of a share of the rows.
    """
    classes = table.y if table.task == "classification" else None
    rows, notices = _split(table, split, shuffle=shuffle, stratify=stratify, fold=fold, rng=rng)
    table, more_notices = fitted(table, rows["train"])
    sources = {part: table.test if part == "test" and table.test is not None else table for part in rows}
    if classes is not None:
        notices += class_notices({part: sources[part].y[rows[part]] for part in rows}, table.class_names)
    encode = Encoder(table.columns)
    measured = {part: moments(sources[part].X, rows[part], encode) for part in rows}
    preprocessing = _fit_scales(table, measured["train"], scale, target_scale, table.y[rows["train"]])
    notices += [*more_notices, *_missing_notices(table), *_constant_notices(table, measured["train"], preprocessing)]
    notices += _target_notices(table, preprocessing, rows["train"])
    _refuse_overflow(table, measured, preprocessing, np.finfo(dtype).max)

    _refuse_no_weight(table, rows["train"])

    def part(name: str) -> Part:
        X, y, weights = sources[name].X, sources[name].y[rows[name]], sources[name].weights
        return Part(
            inputs=scaled_inputs(X, rows[name], preprocessing, dtype),
            y=y if classes is not None else preprocessing.target_transform(y, dtype),
            weights=None if weights is None else weights[rows[name]],
            rows=rows[name],
        )

    if on_disk(table.X):
        notices.append(on_disk_notice(table.origin, sum(map(len, rows.values()))))
    card = make_card(
        table, rows, measured, preprocessing, shuffled=shuffle, stratified=shuffle and stratify and classes is not None
    )
    return Data(
        train=part("train"),
        val=part("val"),
        test=part("test"),
        preprocessing=preprocessing,
        card={**card, "notices": notices},
        notices=tuple(notices),
        origin=table.origin,
    )


def _split(
    table: Table,
    shares: Mapping[str, float],
    *,
    shuffle: bool,
    stratify: bool,
    fold: Fold | None,
    rng: np.random.Generator,
) -> tuple[dict[str, Array], list[str]]:
    """The row numbers of each part, and the notices of the table and of the split; arguments as of `prepare`."""
    own_test, notices = table.test, list(table.notices)
    if own_test is not None:
        if fold is not None:
            raise UserError(f"data.split.folds: the test rows are those of {own_test.origin}; write folds: null")
        notices += own_test.notices
        if shares["test"] > 0:
            notices.append(
                f"the test rows are {plural(len(own_test.X), 'row')} of {own_test.origin}; data.split.test has no "
                "effect, and its rows train"
            )
    found = split_rows(
        len(table.X),
        val=shares["val"],
        test=0.0 if own_test is not None else shares["test"],
        shuffle=shuffle,
        classes=table.y if stratify and table.task == "classification" else None,
        groups=table.groups,
        fold=fold,
        rng=rng,
    )
    test = found.test if own_test is None else np.arange(len(own_test.X))
    return {"train": found.train, "val": found.val, "test": test}, [*notices, *found.notices]


def scaled_inputs(X: Array, rows: Array, preprocessing: Preprocessing, dtype: Any) -> Array:
    """The rows of X with these numbers as the network takes them; rows on disk are scaled as they are read."""
    if on_disk(X):
        return cast("Array", InputRows(X, rows, preprocessing, dtype))
    inputs = np.ones((len(rows), preprocessing.n_features + 1), dtype)
    preprocessing.transform(X, rows, out=inputs[:, :-1])
    return inputs


def fitted(table: Table, train: Array) -> tuple[Table, list[str]]:
    """The table with its columns fitted on the rows `train`, its values coded accordingly; and the notices.

    Columns without any value in these rows are left out.
    """
    n = len(train)
    gaps = _gaps(table.X, train)
    empty = np.flatnonzero(gaps == n)
    more_notices: list[str] = []
    if len(empty):
        names = [table.columns[j].name for j in empty]
        if table.missing != "auto" or len(empty) == len(table.columns):
            raise UserError(
                f"{table.origin}: no training row has a value of {listed(names)}; data.ignore leaves it out"
            )
        more_notices.append(f"{table.origin}: left out, since no training row has a value: {listed(names)}")
        kept = np.flatnonzero(gaps < n)
        table, gaps = _with_columns(table, kept), gaps[kept]
    y = table.y[train] if table.y.ndim == 1 else table.y[train, 0]
    mark = table.missing == "auto"
    columns = tuple(
        column
        if column.kind not in ("text", "date") and not gap
        else fit(column, table.X[train, j].astype(np.float64), y, table.task == "classification", mark)
        for j, (column, gap) in enumerate(zip(table.columns, gaps.tolist(), strict=True))
    )
    test = table.test
    if test is not None:
        test = replace(test, X=recoded(table.columns, columns, test.X), columns=columns)
    return replace(table, X=recoded(table.columns, columns, table.X), columns=columns, test=test), more_notices


def _gaps(X: Array, rows: Array) -> Array:
    """(columns,) how many of these rows have no value."""
    gaps = np.zeros(X.shape[1], dtype=np.int64)
    if X.dtype.kind == "f":
        for part in row_blocks(len(rows), X.shape[1]):
            gaps += np.isnan(X[rows[part]]).sum(axis=0)
    return gaps


def _with_columns(table: Table, kept: Array) -> Table:
    columns = tuple(table.columns[j] for j in kept)
    test = None if table.test is None else replace(table.test, X=table.test.X[:, kept], columns=columns)
    return replace(table, X=table.X[:, kept], columns=columns, test=test, image_shape=None)


def _fit_scales(table: Table, train: Moments, scale: Scale, target_scale: Scale, y: Array) -> Preprocessing:
    fill = None
    if table.missing != "error":
        fill = train.mean
        # Means that are filled in leave the mean as it is, and lessen the spread.
        train = replace(train, std=train.std * np.sqrt(1 - train.missing / len(y)))
    offset, factor = offset_and_scale(scale, train)
    target_offset = target_factor = np.empty(0)
    if table.task != "classification":
        kind = target_scale if table.task == "regression" else "none"
        target_offset, target_factor = offset_and_scale(kind, moments(y, np.arange(len(y))))
    return Preprocessing(
        task=table.task,
        columns=table.columns,
        target_names=table.target_names,
        class_names=table.class_names,
        image_shape=table.image_shape,
        scale_kind=scale,
        offset=offset,
        scale=factor,
        fill=fill,
        target_offset=target_offset,
        target_scale=target_factor,
        na_values=table.na_values,
        target_styles=table.target_styles,
    )


def _missing_notices(table: Table) -> list[str]:
    """One line a column with missing values, of all rows."""
    rows = len(table.X)
    gaps = _gaps(table.X, np.arange(rows))
    if table.test is not None:
        rows += len(table.test.X)
        gaps = gaps + _gaps(table.test.X, np.arange(len(table.test.X)))
    notices = []
    for j in np.flatnonzero(gaps):
        column = table.columns[j]
        how = "filled with the mean"
        if column.kind == "text":
            how = "a category of its own" if column.gap else "filled with the shares of the categories"
        elif column.marked:
            how += f", and marked in a feature of its own, {quoted(column.feature_names[-1])}"
        notices.append(f"{column.name}: {gaps[j]:,} of {rows:,} missing, {how}")
    if len(notices) > MOST_NOTICES:
        notices = [
            *notices[:MOST_NOTICES],
            f"and {len(notices) - MOST_NOTICES:,} more columns with missing values: {int(gaps.sum()):,} in all",
        ]
    return notices


def _constant_notices(table: Table, train: Moments, preprocessing: Preprocessing) -> list[str]:
    names = preprocessing.feature_names
    constant = [names[i] for i in np.flatnonzero(train.constant)]
    if not constant:
        return []
    become = " and become 0" if preprocessing.scale_kind != "none" else ""
    which = "1 feature is" if len(constant) == 1 else f"{len(constant):,} features are"
    return [f"{which} constant in the training rows{become}: {listed(constant)}"]


def _target_notices(table: Table, preprocessing: Preprocessing, train: Array) -> list[str]:
    if table.task == "classification":
        return []
    notices = []
    for name, all_values, values in zip(table.target_names, table.y.T, table.y[train].T, strict=True):
        if np.all(all_values == all_values[0]):
            raise UserError(f"{table.origin}: every row has {name!r} = {all_values[0]:g}; there is nothing to predict")
        if np.all(values == values[0]):
            notices.append(f"every row to train on has {name!r} = {values[0]:g}: nothing else can be learned")
    return notices


def _refuse_no_weight(table: Table, train: Array) -> None:
    """Raise UserError where every training row has weight 0."""
    if table.weights is not None and not table.weights[train].any():
        raise UserError(
            f"{table.origin}: data.weight: {quoted(table.weight_name)} is 0 in every row to train on; nothing would "
            "be learned"
        )


def _refuse_overflow(
    table: Table, measured: Mapping[str, Moments], preprocessing: Preprocessing, largest: float
) -> None:
    """Raise UserError for features that scaling would make infinite."""
    with np.errstate(over="ignore", invalid="ignore"):
        reached = np.fmax.reduce(
            [
                np.abs((extreme - preprocessing.offset) / preprocessing.scale)
                for part in measured.values()
                for extreme in (part.min, part.max)
            ]
        )
    too_large = np.flatnonzero(reached > largest)
    if len(too_large):
        raise refuse(
            (
                f"{table.origin}: {quoted(preprocessing.feature_names[i])} is {reached[i]:.3g} when scaled, beyond "
                "what training can hold: it hardly changes in the training rows, and then does; "
                "leave it out by data.ignore"
                for i in too_large[:SHOWN]
            ),
            len(too_large),
        )
