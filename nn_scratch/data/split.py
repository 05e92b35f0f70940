"""Which rows train, which validate, which test."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nn_scratch.data.table import Groups
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import listed, plural


@dataclass(frozen=True)
class Fold:
    """One of several folds: the rows of the `number`th (from 1) of `of` are the test."""

    number: int
    of: int


@dataclass(frozen=True)
class Split:
    """Row numbers, int64, of each part, in the order in which the part holds them."""

    train: Array
    val: Array
    test: Array
    notices: tuple[str, ...] = ()


def split_rows(
    n_rows: int,
    *,
    val: float,
    test: float,
    shuffle: bool,
    classes: Array | None,
    rng: np.random.Generator,
    groups: Groups | None = None,
    fold: Fold | None = None,
) -> Split:
    """Give val and test round(share x rows) rows each, and train the rest.

    Without `shuffle` nothing moves: the first rows train, the next validate, the last test. With it every part is
    in random order; `classes` (rows,) indices stratify: each class has its share in each part, to within a row.
    A class keeps a row to train on as long as there is one. Rows of one of `groups` are never parted; groups that are
    times keep their order, the last ones are the test. `fold` takes its rows for the test, and val its share of the
    others.

    scikit-learn's train_test_split does this for two parts, but gives up on a class with one row, and importing it
    takes a second, in which the default run could have been trained.
    """
    if fold is not None:
        return _split_fold(n_rows, fold, val / max(1e-12, 1 - test), shuffle, classes, groups, rng)
    n_val, n_test = round(val * n_rows), round(test * n_rows)
    n_train = n_rows - n_val - n_test
    if n_train < 1:
        raise UserError(
            f"data.split: of {plural(n_rows, 'row')} val gets {n_val} and test {n_test}, which leaves none to train "
            "on; give train a larger share, or bring more rows"
        )
    notices = [
        _empty_part_notice(name, share, n_rows)
        for name, share, size in (("val", val, n_val), ("test", test, n_test))
        if share > 0 and not size
    ]
    if groups is not None:
        split = _split_groups(groups, n_val, n_test, tuple(notices), shuffle, rng)
        return replace(split, notices=(*split.notices, _groups_notice(groups, split)))
    if not shuffle:
        if classes is not None:
            notices.append("data.stratify has no effect: data.shuffle is false, so the rows stay where they are")
        parts = np.split(np.arange(n_rows), [n_train, n_train + n_val])
    elif classes is None:
        parts = np.split(rng.permutation(n_rows), [n_train, n_train + n_val])
    else:
        train, held_out = _draw(np.arange(n_rows), classes, n_val + n_test, rng)
        parts = [train, *_draw(held_out, classes[held_out], n_test, rng, keep_one=False)]
    return Split(parts[0], parts[1], parts[2], tuple(notices))


def _split_groups(
    groups: Groups, n_val: int, n_test: int, notices: tuple[str, ...], shuffle: bool, rng: np.random.Generator
) -> Split:
    """Whole groups, in random order or that of time, to test, then val, as near to their sizes as they fit."""
    values = np.unique(groups.values, return_inverse=True)[1]
    sizes = np.bincount(values)
    if len(sizes) < 1 + (n_val > 0) + (n_test > 0):
        raise UserError(
            f"data.split.by: {groups.name!r} has {plural(len(sizes), 'group')}, fewer than there are parts; name "
            "another column, or set a share of data.split to 0"
        )
    order = np.arange(len(sizes))[::-1] if groups.in_time or not shuffle else rng.permutation(len(sizes))
    ends = np.cumsum(sizes[order])
    n_groups_test = _nearest(ends, n_test, least=int(n_test > 0), most=len(sizes) - 1 - (n_val > 0))
    first = ends[n_groups_test - 1] if n_groups_test else 0
    n_groups_held = n_groups_test + _nearest(
        ends[n_groups_test:] - first, n_val, least=int(n_val > 0), most=len(sizes) - 1 - n_groups_test
    )
    parts = (order[n_groups_held:], order[n_groups_test:n_groups_held], order[:n_groups_test])
    chosen = [np.flatnonzero(np.isin(values, part)) for part in parts]
    if groups.in_time:
        chosen = [rows[np.argsort(values[rows], kind="stable")] for rows in chosen]
    else:
        chosen = [rng.permutation(rows) if shuffle else rows for rows in chosen]
    return Split(chosen[0], chosen[1], chosen[2], notices)


def _empty_part_notice(part: str, share: float, n_rows: int) -> str:
    return f"data.split.{part}: {share:g} of {plural(n_rows, 'row')} is less than one row, so {part} has none"


def _groups_notice(groups: Groups, split: Split) -> str:
    how = (
        "the first rows in time train, the last are the test"
        if groups.in_time
        else f"the {len(np.unique(groups.values)):,} groups are never parted"
    )
    sizes = f"{len(split.train):,} train, {len(split.val):,} val, {len(split.test):,} test"
    return f"data.split.by: {groups.name}: {how} ({sizes})"


def _nearest(ends: Array, wanted: int, least: int, most: int) -> int:
    """How many of the groups that end at these rows come nearest to so many rows."""
    if not wanted:
        return 0
    return min(max(least, 1 + int(np.abs(ends - wanted).argmin())), most)


def _split_fold(
    n_rows: int,
    fold: Fold,
    val: float,
    shuffle: bool,
    classes: Array | None,
    groups: Groups | None,
    rng: np.random.Generator,
) -> Split:
    from sklearn import model_selection  # slow to import, and only folds need it

    from nn_scratch.seeding import random_state

    _check_folds(n_rows, fold, groups)
    mixed: dict[str, Any] = {"shuffle": shuffle, "random_state": random_state(rng) if shuffle else None}
    rows, labels = np.arange(n_rows), classes
    values = None if groups is None else groups.values
    try:
        if groups is not None and groups.in_time:
            rows = np.argsort(groups.values, kind="stable")
            splitter = model_selection.TimeSeriesSplit(fold.of)
        elif groups is not None and classes is not None:
            splitter = model_selection.StratifiedGroupKFold(fold.of, **mixed)
        elif groups is not None:
            splitter = model_selection.GroupKFold(fold.of, **mixed)
        elif classes is not None and shuffle and np.bincount(classes).max() >= fold.of:
            splitter = model_selection.StratifiedKFold(fold.of, **mixed)
        else:
            splitter = model_selection.KFold(fold.of, **mixed)
        with warnings.catch_warnings():  # of classes with fewer rows than folds, which class_notices reports
            warnings.simplefilter("ignore", UserWarning)
            folds = list(splitter.split(rows, labels, values))
    except ValueError as error:
        raise UserError(f"data.split.folds: {fold.of} folds cannot be made ({error})") from None
    train, test = (rows[part] for part in folds[fold.number - 1])
    if groups is None:
        labels = None if classes is None else classes[train]
        inner = split_rows(len(train), val=val, test=0.0, shuffle=shuffle, classes=labels, groups=None, rng=rng)
        return Split(train[inner.train], train[inner.val], test, inner.notices)
    n_val = round(val * len(train))
    if n_val and len(np.unique(groups.values[train])) < 2:
        raise UserError(
            f"data.split.by: {fold.of} folds of {groups.name!r} leave 1 group to train and to validate on; name "
            "another column, or set data.split.val to 0"
        )
    inner = _split_groups(replace(groups, values=groups.values[train]), n_val, 0, (), shuffle, rng)
    split = Split(train[inner.train], train[inner.val], test)
    none = [_empty_part_notice("val", val, len(train))] if val > 0 and not n_val else []
    return replace(split, notices=(*none, _groups_notice(groups, split)))


def _check_folds(n_rows: int, fold: Fold, groups: Groups | None) -> None:
    """Raise UserError where there are more folds than what they are made of."""
    what, there = "rows", n_rows
    if groups is not None and groups.in_time:
        there -= 1  # the first rows are no test
    elif groups is not None:
        what, there = f"groups of {groups.name!r}", len(np.unique(groups.values))
    if fold.of > there:
        raise UserError(f"data.split.folds: {fold.of} folds of {there:,} {what}; write {there:,} or fewer")


def class_notices(parts: Mapping[str, Array], class_names: tuple[str, ...]) -> tuple[str, ...]:
    """Notices of classes that are not in every part; `parts` holds each one's (rows,) class indices."""
    notices = []
    for part, classes in parts.items():
        if not len(classes):
            continue
        there = set(np.unique(classes).tolist())
        absent = [name for k, name in enumerate(class_names) if k not in there]
        if not absent:
            continue
        which = f"class {listed(absent)}" if len(absent) == 1 else f"classes {listed(absent)}"
        if part == "train":
            notices.append(f"no row to train on has the {which}, which cannot be learned")
        else:
            notices.append(f"no row of {part} has the {which}, so its scores do not cover it")
    return tuple(notices)


def _draw(
    rows: Array, classes: Array, size: int, rng: np.random.Generator, keep_one: bool = True
) -> tuple[Array, Array]:
    """Part `rows` at random into the ones that stay and `size` that go, the classes in equal shares; both shuffled."""
    shuffled = rng.permutation(len(rows))
    counts = np.bincount(classes)
    small = classes.astype(np.min_scalar_type(len(counts)))  # of 16 bits or fewer, which are sorted without comparing
    by_class = shuffled[np.argsort(small[shuffled], kind="stable")]
    # Which class gives the odd row is drawn too, or the first classes would always give it.
    order = rng.permutation(len(counts))
    taken = np.empty_like(counts)
    most = np.maximum(counts - 1, 0) if keep_one and size <= np.maximum(counts - 1, 0).sum() else counts
    taken[order] = apportion(size, counts[order], most[order])
    first = np.repeat(np.cumsum(counts) - counts, counts)  # where the class of each row begins
    goes = np.arange(len(rows)) - first < np.repeat(taken, counts)
    return rows[rng.permutation(by_class[~goes])], rows[rng.permutation(by_class[goes])]


def apportion(total: int, weights: Array, most: Array | None = None) -> Array:
    """Whole numbers that sum to `total`, as near to the weights' shares of it as can be (largest remainders).

    weights: (n,) not all 0; most: (n,) int64, what each may get at most, `total` or more in all.
    """
    quota = total * weights / weights.sum()
    counts: Array = np.floor(quota).astype(np.int64)
    if most is None:
        counts[np.argsort(counts - quota, kind="stable")[: total - counts.sum()]] += 1
        return counts
    counts = np.minimum(counts, most)
    while (rest := total - counts.sum()) > 0:
        # The furthest below their quota come first; those that are full, not at all.
        below = np.where(counts < most, quota - counts, -np.inf)
        candidates = np.argsort(-below, kind="stable")[: min(rest, int((counts < most).sum()))]
        counts[candidates] += 1
    return counts
