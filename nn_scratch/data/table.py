"""A table of data as its source gives it: before missing values, splits and scaling."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from nn_scratch.data.columns import Column, number_columns
from nn_scratch.metrics import Array

# multi_label: several yes-no questions a row, each a column of 0 and 1; of a regression it has the shape of the target
Task = Literal["classification", "regression", "multi_label"]
Missing = Literal["auto", "error", "drop", "mean"]

__all__ = ["Column", "Groups", "Missing", "Table", "Task", "number_columns", "numbered_names", "pixel_names"]


def numbered_names(number: int, letter: str = "x") -> tuple[str, ...]:
    """x1, x2, ...: for tables that name no columns."""
    return tuple(f"{letter}{i}" for i in range(1, number + 1))


def pixel_names(height: int, width: int) -> tuple[str, ...]:
    return tuple(f"pixel_{row}_{column}" for row in range(height) for column in range(width))


@dataclass(frozen=True)
class Groups:
    """The group or the time of each row, from data.split.by."""

    name: str  # of the column
    values: Array  # (rows,) int64: equal for rows that are never parted; ascending with time where `in_time`
    in_time: bool  # whether the rows are split in the order of these, the last ones for the test


@dataclass(frozen=True)
class Table:
    """Rows in the order of the source, values in the source's own units."""

    X: Array  # (rows, columns) float32 or float64 as described in Column, NaN where missing; images stay uint8.
    # Of a file that does not fit into memory LazyRows, which are indexed like an array
    y: Array  # classification: (rows,) int64, indices into class_names; else (rows, outputs) float64
    task: Task
    columns: tuple[Column, ...]
    target_names: tuple[str, ...]
    origin: str  # "built in: digits", or the path
    class_names: tuple[str, ...] = ()  # () but for classification
    image_shape: tuple[int, int] | None = None  # (height, width)
    test: Table | None = None  # rows kept apart for the test: same columns, same classes
    missing: Missing = "error"  # what becomes of NaN in X
    groups: Groups | None = None  # which rows are split together
    weights: Array | None = None  # (rows,) float64, 0 or more: how much each row counts in the loss; None: all alike
    weight_name: str = ""  # the column they come from
    na_values: tuple[str, ...] = ()  # what stands for a missing value in its file, beside notation.MISSING_WORDS
    target_styles: tuple[str, ...] = ()  # how the targets' numbers are written, as Column.style; (): plainly
    left_out: tuple[tuple[str, str], ...] = ()  # columns of the file that are of no use, and why
    task_rule: str = ""  # why `task: auto` came out as it did
    notices: tuple[str, ...] = field(default=())

    @property
    def feature_names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)

    @property
    def target_name(self) -> str:
        return ", ".join(self.target_names)
