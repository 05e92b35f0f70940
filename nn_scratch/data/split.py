"""Which rows train, which validate, which test."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from nn_scratch.data.table import Array
from nn_scratch.errors import UserError
from nn_scratch.wording import listed, plural


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
) -> Split:
    """Give val and test round(share x rows) rows each, and train the rest.

    Without `shuffle` nothing moves: the first rows train, the next validate, the last test. With it every part is
    in random order; `classes` (rows,) indices stratify: each class has its share in each part, to within a row.
    A class keeps a row to train on as long as there is one.

    scikit-learn's train_test_split does this for two parts, but gives up on a class with one row, and importing it
    takes a second, in which the default run could have been trained.
    """
    n_val, n_test = round(val * n_rows), round(test * n_rows)
    n_train = n_rows - n_val - n_test
    if n_train < 1:
        raise UserError(
            f"data.split: of {plural(n_rows, 'row')} val gets {n_val} and test {n_test}, which leaves none to train "
            "on; give train a larger share, or bring more rows"
        )
    notices = [
        f"data.split.{name}: {share:g} of {plural(n_rows, 'row')} is less than one row, so {name} has none"
        for name, share, size in (("val", val, n_val), ("test", test, n_test))
        if share > 0 and not size
    ]
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


def class_notices(parts: Mapping[str, Array], class_names: tuple[str, ...]) -> tuple[str, ...]:
    """What to tell about classes that are not in every part; `parts` holds each one's (rows,) class indices."""
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
            notices.append(f"no row to train on has the {which}, which cannot be learnt")
        else:
            notices.append(f"no row of {part} has the {which}, so its scores say nothing about it")
    return tuple(notices)


def _draw(
    rows: Array, classes: Array, size: int, rng: np.random.Generator, keep_one: bool = True
) -> tuple[Array, Array]:
    """Part `rows` at random into the ones that stay and `size` that go, the classes in equal shares; both shuffled."""
    shuffled = rng.permutation(len(rows))
    by_class = shuffled[np.argsort(classes[shuffled], kind="stable")]
    counts = np.bincount(classes)
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
