"""From a table to what is trained on: rows split into three parts, features and targets scaled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nn_scratch.data.card import make_card
from nn_scratch.data.moments import Moments, moments
from nn_scratch.data.preprocessing import Preprocessing, Scale, offset_and_scale
from nn_scratch.data.problems import SHOWN, refuse
from nn_scratch.data.split import class_notices, split_rows
from nn_scratch.data.table import Array, Table, Task
from nn_scratch.errors import UserError
from nn_scratch.wording import listed, plural, quoted


@dataclass(frozen=True)
class Part:
    """The rows of one split, in the order in which they are held (training may shuffle them every epoch)."""

    inputs: Array  # (rows, features + 1) scaled, of the dtype of training; the last column is ones, for the biases
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
    """All that training needs to know of the data."""

    train: Part
    val: Part
    test: Part
    preprocessing: Preprocessing
    card: dict[str, Any]  # data.json
    notices: tuple[str, ...]  # what the user has to be told, a line each
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
) -> Data:
    """Split the rows, fit the scaling on those that train, and gather each part scaled.

    split: shares "val" and "test" of the rows; train gets the rest. A table with test rows of its own (IDX folders,
    data.test_source) keeps them for the test; its other rows are parted into train and val, val getting its share of
    them. rng: decides who goes where, and nothing else. dtype: of the features, and of the targets of a regression.
    """
    own_test = table.test
    notices = list(table.notices)
    if own_test is not None:
        notices += own_test.notices
        if split["test"] > 0:
            notices.append(
                f"the test rows are {plural(len(own_test.X), 'row')} of {own_test.origin}; data.split.test has no "
                "effect, and its rows train"
            )
    classes = table.y if table.task == "classification" else None
    found = split_rows(
        len(table.X),
        val=split["val"],
        test=0.0 if own_test is not None else split["test"],
        shuffle=shuffle,
        classes=classes if stratify else None,
        rng=rng,
    )
    rows = {"train": found.train, "val": found.val, "test": found.test}
    sources = {"train": table, "val": table, "test": table}
    if own_test is not None:
        rows["test"], sources["test"] = np.arange(len(own_test.X)), own_test
    notices += found.notices
    if classes is not None:
        notices += class_notices({part: sources[part].y[rows[part]] for part in rows}, table.class_names)

    measured = {part: moments(sources[part].X, rows[part]) for part in rows}
    preprocessing = _fit(table, measured["train"], scale, target_scale, table.y[rows["train"]])
    notices += _feature_notices(table, measured, preprocessing)
    notices += _target_notices(table, preprocessing, rows["train"])
    _refuse_overflow(table, measured, preprocessing, np.finfo(dtype).max)

    if table.weights is not None and not table.weights[rows["train"]].any():
        raise UserError(
            f"{table.origin}: data.weight: {quoted(table.weight_name)} is 0 in every row to train on; nothing would "
            "be learnt"
        )

    def part(name: str) -> Part:
        X, y, weights = sources[name].X, sources[name].y[rows[name]], sources[name].weights
        inputs = np.ones((len(rows[name]), preprocessing.n_features + 1), dtype)
        preprocessing.transform(X, rows[name], out=inputs[:, :-1])
        return Part(
            inputs=inputs,
            y=y if classes is not None else preprocessing.target_transform(y, dtype),
            weights=None if weights is None else weights[rows[name]],
            rows=rows[name],
        )

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


def _fit(table: Table, train: Moments, scale: Scale, target_scale: Scale, y: Array) -> Preprocessing:
    fill = None
    if table.missing == "mean":
        empty = [name for name, mean in zip(table.feature_names, train.mean, strict=True) if np.isnan(mean)]
        if empty:
            raise UserError(
                f"{table.origin}: no row to train on has a value of {listed(empty)}; data.ignore leaves it out"
            )
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
    )


def _feature_notices(table: Table, measured: Mapping[str, Moments], preprocessing: Preprocessing) -> list[str]:
    notices = []
    names = table.feature_names
    if preprocessing.fill is not None:
        missing: Array = np.sum([part.missing for part in measured.values()], axis=0)
        if total := int(missing.sum()):
            filled = ", ".join(f"{quoted(names[i])} {missing[i]:,}" for i in np.flatnonzero(missing)[:5])
            more = ", ..." if np.count_nonzero(missing) > 5 else ""
            notices.append(f"{plural(total, 'missing value')} filled in with the training rows' mean ({filled}{more})")
    constant = [names[i] for i in np.flatnonzero(measured["train"].constant)]
    if constant:
        become = " and become 0" if preprocessing.scale_kind != "none" else ""
        which = "1 feature is" if len(constant) == 1 else f"{len(constant):,} features are"
        notices.append(f"{which} constant in the training rows{become}: {listed(constant)}")
    return notices


def _target_notices(table: Table, preprocessing: Preprocessing, train: Array) -> list[str]:
    if table.task == "classification":
        return []
    notices = []
    for name, all_values, values in zip(table.target_names, table.y.T, table.y[train].T, strict=True):
        if np.all(all_values == all_values[0]):
            raise UserError(f"{table.origin}: every row has {name!r} = {all_values[0]:g}; there is nothing to predict")
        if np.all(values == values[0]):
            notices.append(f"every row to train on has {name!r} = {values[0]:g}: all that can be learnt is to say so")
    return notices


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
                f"{table.origin}: {quoted(table.feature_names[i])} is {reached[i]:.3g} when scaled, beyond what "
                "training can hold: it hardly changes in the training rows, and then does; leave it out by data.ignore"
                for i in too_large[:SHOWN]
            ),
            len(too_large),
        )
