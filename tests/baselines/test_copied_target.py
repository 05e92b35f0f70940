"""Which columns are taken for copies of the target."""

from __future__ import annotations

import dataclasses
from math import comb
from typing import Any

import numpy as np
import pytest

from nn_scratch.baselines.copied_target import chance_of_a_copy, copied_target
from nn_scratch.data.prepare import Data, prepare
from nn_scratch.data.tables import load_table


def with_column(source: str | dict[str, Any], make: Any) -> Data:
    """A data set whose first feature is replaced by what `make` makes of the target and a generator."""
    rng = np.random.default_rng(0)
    table = load_table(source, rng=rng)
    X = np.array(table.X, np.float64)
    X[:, 0] = make(np.asarray(table.y, np.float64).reshape(len(X), -1)[:, 0], rng, X[:, 0])
    return prepare(
        dataclasses.replace(table, X=X),
        split={"train": 0.7, "val": 0.15, "test": 0.15},
        shuffle=True,
        stratify=True,
        scale="standard",
        target_scale="standard",
        rng=np.random.default_rng(0),
        dtype=np.float64,
    )


def exact(y: np.ndarray, rng: np.random.Generator, column: np.ndarray) -> np.ndarray:
    return y


def noisy(y: np.ndarray, rng: np.random.Generator, column: np.ndarray) -> np.ndarray:
    return y + 0.02 * np.ptp(y) * rng.normal(size=len(y))


def untouched(y: np.ndarray, rng: np.random.Generator, column: np.ndarray) -> np.ndarray:
    return column


@pytest.mark.parametrize("source", ["iris", "wine", "breast_cancer", "diabetes", "digits"])
@pytest.mark.parametrize("make", [exact, noisy])
def test_a_copy_is_found_with_and_without_noise(source: str, make: Any) -> None:
    data = with_column(source, make)
    found = copied_target(data)
    assert found is not None
    assert found["column"] == data.feature_names[0]
    assert found["without"] < 0.99
    if make is noisy:
        assert not found["exact"]


@pytest.mark.parametrize(
    "source",
    ["iris", "wine", "breast_cancer", "diabetes", "digits", {"type": "blobs", "rows": 300, "classes": 3, "noise": 0.3}],
)
def test_honest_columns_are_left_alone(source: str | dict[str, Any]) -> None:
    assert copied_target(with_column(source, untouched)) is None


def test_a_target_that_every_column_holds_is_no_leak() -> None:
    table = load_table("iris", rng=np.random.default_rng(0))
    y = np.asarray(table.y, np.float64)
    same = dataclasses.replace(table, X=np.stack([y] * table.X.shape[1], axis=1))
    data = prepare(
        same,
        split={"train": 0.7, "val": 0.15, "test": 0.15},
        shuffle=True,
        stratify=True,
        scale="standard",
        target_scale="standard",
        rng=np.random.default_rng(0),
        dtype=np.float64,
    )
    assert copied_target(data) is None


def of_two_classes(X: np.ndarray, y: np.ndarray) -> Data:
    table = dataclasses.replace(
        load_table({"type": "moons", "rows": len(y)}, rng=np.random.default_rng(0)), X=np.zeros((len(y), 2)), y=y
    )
    names = [f"x{j}" for j in range(X.shape[1])]
    columns = tuple(dataclasses.replace(table.columns[0], name=name) for name in names)
    return prepare(
        dataclasses.replace(table, X=X, columns=columns),
        split={"train": 0.7, "val": 0.15, "test": 0.15},
        shuffle=True,
        stratify=True,
        scale="standard",
        target_scale="standard",
        rng=np.random.default_rng(0),
        dtype=np.float64,
    )


def test_a_copy_gives_each_class_one_value_and_a_column_that_determines_it_may_have_more() -> None:
    rng = np.random.default_rng(1)
    y = np.repeat([0, 1], 30)
    X = rng.normal(size=(60, 4))
    X[:, 2] = np.where(y == 0, 7.0, 3.0)
    found = copied_target(of_two_classes(X, y))
    assert found is not None
    assert (found["column"], found["kind"], found["exact"]) == ("x2", "share", True)
    X[:, 2] = np.where(y == 0, rng.choice([7.0, 9.0], 60), 3.0)  # say, which of three machines a row is of
    assert copied_target(of_two_classes(X, y)) is None


@pytest.mark.parametrize(("rare", "found"), [(1, False), (10, True)])
def test_with_few_rows_of_a_class_a_column_may_go_with_it_by_chance(rare: int, found: bool) -> None:
    y = np.where(np.arange(40) < rare, 1, 0)
    X = np.random.default_rng(1).normal(size=(40, 4))
    X[:, 0] = y
    data = of_two_classes(X, y)
    assert (copied_target(data) is not None) is found
    # under permutation, with 5 columns: 5 x 2 orders of the classes over (40 choose rare) arrangements
    assert chance_of_a_copy(y, 5) == pytest.approx(min(1.0, 10 / comb(40, rare)))
