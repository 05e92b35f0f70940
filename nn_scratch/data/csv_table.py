"""Tables of text: .csv and .tsv, also packed (.csv.gz).

A clean table of numbers is read at the speed of C by `np.loadtxt`. Everything else (text columns, missing values,
quoted cells) is read cell by cell, which also finds the line and the column of whatever is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np

from nn_scratch.data.csv_cells import AnyReader, CategoryReader, ColumnReader, LabelReader, NumberReader
from nn_scratch.data.csv_layout import Layout, Record, find_layout
from nn_scratch.data.missing import leave_out
from nn_scratch.data.problems import FILL_IN, FILL_IN_TARGET, refuse, within_float32
from nn_scratch.data.table import Array, Column, Missing, Table, Task
from nn_scratch.data.targets import EXACT, check_weights, settle_task
from nn_scratch.errors import UserError
from nn_scratch.wording import did_you_mean, listed, plural, quoted

CHUNK_CELLS = 8192  # read at a time, so few that their texts stay in the cache

NO_WEIGHT = "write one; 0 leaves the row out of the loss"

ColumnName = str | int  # as in the header, or counted from 0
Target = ColumnName | list[ColumnName] | None


@dataclass(frozen=True)
class Cells:
    """What the readers made of a file."""

    values: Array  # (rows, readers) float64: numbers, or codes of categories; NaN where missing
    categories: tuple[tuple[str, ...], ...]  # of each reader; () for numbers
    lines: Array  # (rows,) int64: the file's line of each row


def read_csv(
    path: Path,
    *,
    target: Target,
    task: Task | Literal["auto"],
    missing: Missing,
    ignore: list[str],
    weight: ColumnName | None = None,
) -> Table:
    """The table of a file with a target; `weight` is the column of row weights.

    A column that holds text alone becomes one feature a text; numbers and text together are refused.
    """
    layout = find_layout(path)
    places = {name: place for place, name in enumerate(layout.names, start=1)}
    for name in ignore:
        if name not in places:
            raise UserError(f"{path}:1: data.ignore: no column {quoted(name)}{did_you_mean(name, places)}")
    weights = [] if weight is None else [_find_column(path, "data.weight", layout.names, weight)]
    for name in weights:
        if name in ignore:
            raise UserError(f"{path}:1: data.weight and data.ignore both name {quoted(name)}; take it out of one")
    used = [name for name in layout.names if name not in (*ignore, *weights)]
    targets = _find_targets(path, layout.names, used, ignore, target)
    features = [name for name in used if name not in targets]
    if not features:
        raise UserError(
            f"{path}:1: no column but {listed(targets)}: a table needs features beside its target "
            "(columns are separated by commas, semicolons or tabs)"
        )
    fill_in, fill_in_target = (FILL_IN, FILL_IN_TARGET) if missing == "error" else (None, None)
    readers: list[ColumnReader] = [AnyReader(name, places[name], fill_in) for name in features]
    for name in targets:
        readers.append(_target_reader(name, places[name], fill_in_target, task, alone=len(targets) == 1))
    readers += [NumberReader(name, places[name], NO_WEIGHT if missing == "error" else None) for name in weights]
    cells = read_cells(layout, readers, need_lines=False)
    columns = tuple(Column(name, found) for name, found in zip(features, cells.categories, strict=False))
    X, y, notices = leave_out(
        expand(cells.values[:, : len(features)], columns), cells.values[:, len(features) :], missing, str(path)
    )
    row_weights = check_weights(y[:, -1], weights[0], str(path)) if weights else None
    last = len(features) + len(targets) - 1
    y, settled, class_names, rule = settle_task(y[:, : len(targets)], cells.categories[last], task, tuple(targets))
    return Table(
        X=X,
        y=y,
        weights=row_weights,
        weight_name=weights[0] if weights else "",
        task=settled,
        columns=columns,
        target_names=tuple(targets),
        origin=str(path),
        class_names=class_names,
        missing=missing,
        task_rule=rule,
        notices=(*layout.notices, *_told(path, columns, cells.values), *notices),
    )


def _find_column(path: Path, key: str, names: tuple[str, ...], wanted: ColumnName) -> str:
    if str(wanted) in names:
        return str(wanted)
    if isinstance(wanted, str):
        raise UserError(f"{path}:1: {key}: no column {quoted(wanted)}{did_you_mean(wanted, names)}")
    if not -len(names) <= wanted < len(names):
        raise UserError(f"{path}:1: {key}: no column {wanted}; they are counted from 0 to {len(names) - 1}")
    return names[wanted]


def _find_targets(path: Path, names: tuple[str, ...], used: list[str], ignore: list[str], target: Target) -> list[str]:
    if target is None:
        return used[-1:]
    found = []
    for wanted in target if isinstance(target, list) else [target]:
        name = _find_column(path, "data.target", names, wanted)
        if name not in used:
            other = "data.ignore" if name in ignore else "data.weight"
            raise UserError(f"{path}:1: data.target and {other} both name {quoted(name)}; take it out of one")
        if name not in found:
            found.append(name)
    return found


def _target_reader(
    name: str, place: int, fill_in: str | None, task: Task | Literal["auto"], alone: bool
) -> ColumnReader:
    if task == "classification" and alone:
        return LabelReader(name, place, fill_in)
    if task == "regression" or not alone:
        return NumberReader(name, place, fill_in)
    mixed = "write one, or set data.task: classification if the values are classes"
    return AnyReader(name, place, fill_in, max_categories=None, mixed=mixed)


def _told(path: Path, columns: tuple[Column, ...], values: Array) -> list[str]:
    notices = []
    for j, column in enumerate(columns):
        if column.categories:
            notices.append(
                f"{path}: column {quoted(column.name)} is text: {len(column.categories)} features of 0 or 1, one for "
                f"{listed(column.categories)}"
            )
        elif _counts_the_rows(values[:, j]):
            notices.append(
                f"{path}: column {quoted(column.name)} only counts the rows, which says nothing about new ones; "
                f"to leave it out, write data.ignore: [{column.name}]"
            )
    return notices


def _counts_the_rows(values: Array) -> bool:
    if len(values) < 10 or values[1] - values[0] != 1 or values[-1] - values[0] != len(values) - 1:
        return False
    return bool(np.all(np.diff(values) == 1))


@dataclass(frozen=True)
class NewRows:
    """Rows of a file whose columns are known from training."""

    X: Array  # (rows, features) float64, NaN where a value is missing and may be
    targets: Array  # (rows, targets) float64, codes of the categories where they are text; (rows, 0) if not read
    target_categories: tuple[str, ...]
    weights: Array | None  # (rows,) float64
    lines: Array  # (rows,) int64
    notices: tuple[str, ...]


def read_new_rows(
    path: Path,
    columns: tuple[Column, ...],
    *,
    fill_in: str | None,
    target_names: tuple[str, ...] = (),
    task: Task | None = None,
    fill_in_target: str | None = None,
    weight: str = "",
) -> NewRows:
    """Rows in the columns of training, found by name; without a header, in their order.

    fill_in: what to do about missing values, None where they may be.
    task: read the targets too; without it they need not be there, and are not looked at if they are.
    weight: the column of row weights, read where it is there.
    """
    layout = find_layout(path, known={*(column.name for column in columns), *target_names})
    places = {name: place for place, name in enumerate(layout.names, start=1)}
    names = [column.name for column in columns] + (list(target_names) if task else [])
    notices = layout.notices
    if not layout.has_header and len(layout.names) == len(names):
        places = {name: place for place, name in enumerate(names, start=1)}
        notices = (f"{path}: no header: the columns are taken in the order of training",)
    absent = [name for name in names if name not in places]
    if absent and not layout.has_header:
        raise UserError(
            f"{path}:1: no header, and {plural(len(layout.names), 'column')} where {len(names)} are wanted; write a "
            f"header that names {listed(names)}"
        )
    if absent:
        raise refuse((f"{path}:1: no column {quoted(n)}{did_you_mean(n, places)}" for n in absent), len(absent))
    unused = [name for name in layout.names if layout.has_header and name not in (*names, *target_names, weight)]
    if unused:
        notices = (*notices, f"{path}: not used in training, and ignored: {listed(unused)}")
    readers: list[ColumnReader] = [
        CategoryReader(column.name, places[column.name], fill_in, column.categories)
        if column.categories
        else NumberReader(column.name, places[column.name], fill_in)
        for column in columns
    ]
    if task:
        for name in target_names:
            readers.append(_target_reader(name, places[name], fill_in_target, task, alone=len(target_names) == 1))
    weighted = weight in places
    if weighted:
        readers.append(NumberReader(weight, places[weight], NO_WEIGHT))
    cells = read_cells(layout, readers, need_lines=True)
    n, stop = len(columns), len(readers) - weighted
    return NewRows(
        X=expand(cells.values[:, :n], columns),
        targets=cells.values[:, n:stop],
        target_categories=cells.categories[stop - 1] if task else (),
        weights=check_weights(cells.values[:, -1], weight, str(path)) if weighted else None,
        lines=cells.lines,
        notices=notices,
    )


def expand(values: Array, columns: tuple[Column, ...]) -> Array:
    """(rows, columns) of numbers and codes to (rows, features): a code becomes 1 in its category's feature, else 0."""
    if not any(column.categories for column in columns):
        return values
    X = np.zeros((len(values), sum(len(column.feature_names) for column in columns)))
    start = 0
    for j, column in enumerate(columns):
        if not column.categories:
            X[:, start] = values[:, j]
            start += 1
            continue
        stop = start + len(column.categories)
        there = np.flatnonzero(~np.isnan(values[:, j]))
        X[there, start + values[there, j].astype(np.int64)] = 1.0
        X[np.isnan(values[:, j]), start:stop] = np.nan
        start = stop
    return X


# ---- reading ----


def read_cells(layout: Layout, readers: Sequence[ColumnReader], need_lines: bool) -> Cells:
    """The readers' columns, in the readers' order. Raises UserError with the first ten problems of the file."""
    values = _read_numbers(layout, readers)
    if values is not None:
        lines = layout.header_end + np.arange(1, len(values) + 1)
        if not need_lines or lines[-1] == layout.file.lines:  # no blank lines between
            return Cells(values, ((),) * len(readers), lines)
    return _read_carefully(layout, readers)


def _read_numbers(layout: Layout, readers: Sequence[ColumnReader]) -> Array | None:
    """(rows, readers) if every cell of the file is a plain number; else None."""
    if layout.file.has_quotes or any(isinstance(reader, CategoryReader) for reader in readers):
        return None
    try:
        with layout.file.open() as lines:
            for _ in range(layout.header_end):
                next(lines)
            values: Array = np.loadtxt(lines, delimiter=layout.delimiter, comments=None, ndmin=2)
    except ValueError:
        return None
    if values.shape[1] != len(layout.names) or not within_float32(values):
        return None
    if any(isinstance(reader, LabelReader) and np.any(abs(values[:, reader.place - 1]) > EXACT) for reader in readers):
        return None  # as texts such labels stay apart
    order = [reader.place - 1 for reader in readers]
    return values if order == list(range(values.shape[1])) else values[:, order]


def _read_carefully(layout: Layout, readers: Sequence[ColumnReader]) -> Cells:
    width = len(layout.names)
    # No file has more rows than this; memory that is not written to costs nothing, and is given back below.
    most = min(layout.file.line_ends + 1, layout.file.size // width + 1)
    values = np.empty((most, len(readers)))
    lines = np.empty(most, dtype=np.int64)
    ragged: list[Record] = []
    n_ragged = n = 0
    rows = layout.rows()
    while chunk := list(islice(rows, max(1, min(64, 100 * CHUNK_CELLS // width), CHUNK_CELLS // width))):
        whole = [record for record in chunk if len(record[1]) == width]
        n_ragged += len(chunk) - len(whole)
        ragged += [record for record in chunk if len(record[1]) != width][: 10 - len(ragged)]
        if not whole:
            continue
        columns = list(zip(*(cells for _, cells in whole), strict=True))
        for j, reader in enumerate(readers):
            values[n : n + len(whole), j] = reader.read(columns[reader.place - 1], whole)
        lines[n : n + len(whole)] = [line for line, _ in whole]
        n += len(whole)
    _refuse_problems(layout, readers, ragged, n_ragged)
    values.resize((n, len(readers)), refcheck=False)
    return Cells(values, tuple(reader.finish(values[:, j]) for j, reader in enumerate(readers)), lines[:n].copy())


def _refuse_problems(layout: Layout, readers: Sequence[ColumnReader], ragged: list[Record], n_ragged: int) -> None:
    path, width = layout.file.path, len(layout.names)
    how = f"a row has {width} (one that holds a {quoted(layout.delimiter)} is put in quotes)"
    problems = [
        (line, min(len(cells), width) + 1, f"{plural(len(cells), 'value')} on this line; {how}")
        for line, cells in ragged
    ]
    total = n_ragged
    for reader in readers:
        for finds, rest in reader.problems():
            total += finds.total
            problems += [
                (line, reader.place, f"{quoted(cell)} in column {quoted(reader.name)} {rest}")
                for line, cell in finds.first
            ]
    if problems:
        raise refuse((f"{path}:{line}:{place}: {text}" for line, place, text in sorted(problems)), total)
