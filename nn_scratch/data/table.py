"""A table of data as its source gives it: before missing values, splits and scaling."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal

from numpy.typing import NDArray

# multi_label: several yes-no questions a row, each a column of 0 and 1; of a regression it has the shape of the target
Task = Literal["classification", "regression", "multi_label"]
Missing = Literal["error", "drop", "mean"]
Array = NDArray[Any]


@dataclass(frozen=True)
class Column:
    """One column of the user's table, and the features it becomes.

    A number is one feature. Text (`categories`) becomes one feature a category: 1 in its rows, 0 elsewhere.
    """

    name: str
    categories: tuple[str, ...] = ()

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(f"{self.name}={category}" for category in self.categories) or (self.name,)


def number_columns(names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


def numbered_names(number: int, letter: str = "x") -> tuple[str, ...]:
    """x1, x2, ...: for tables that name no columns."""
    return tuple(f"{letter}{i}" for i in range(1, number + 1))


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    return tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))


@dataclass(frozen=True)
class Table:
    """Rows in the order of the source, values in the source's own units."""

    X: Array  # (rows, features) float32 or float64, NaN where missing; images stay uint8
    y: Array  # classification: (rows,) int64, indices into class_names; else (rows, outputs) float64
    task: Task
    columns: tuple[Column, ...]
    target_names: tuple[str, ...]
    origin: str  # "built in: digits", or the path
    class_names: tuple[str, ...] = ()  # () but for classification
    image_shape: tuple[int, int] | None = None  # (height, width)
    test: Table | None = None  # rows kept apart for the test: same columns, same classes
    missing: Missing = "error"  # what becomes of NaN in X
    weights: Array | None = None  # (rows,) float64, 0 or more: how much each row counts in the loss; None: all alike
    weight_name: str = ""  # the column they come from
    task_rule: str = ""  # why `task: auto` came out as it did
    notices: tuple[str, ...] = field(default=())

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(name for column in self.columns for name in column.feature_names)

    @property
    def target_name(self) -> str:
        return ", ".join(self.target_names)
