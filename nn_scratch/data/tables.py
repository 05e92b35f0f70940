"""From what the config names to a table: a built-in data set, or a file of any known format."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nn_scratch.data import array_files, csv_table, idx
from nn_scratch.data.csv_table import ColumnName, Target
from nn_scratch.data.missing import leave_out
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.problems import FILL_IN, FILL_IN_TARGET, LARGEST
from nn_scratch.data.sources import SOURCES
from nn_scratch.data.table import Array, Missing, Table, Task
from nn_scratch.data.targets import check_classes, index_labels
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.wording import did_you_mean, plural, quoted

Named = str | Mapping[str, Any]  # "digits", "table.csv", {"type": "moons", "noise": 0.2}
FORMATS = ".csv, .tsv (also packed: .csv.gz), .npz, .npy, or a folder of IDX files"
NO_MEAN = "write one; the model knows no mean to fill in, since it was trained without data.missing: mean"


def load_table(
    source: Named,
    *,
    target: Target = None,
    task: Task | Literal["auto"] = "auto",
    missing: Missing = "error",
    ignore: Sequence[str] = (),
    weight: ColumnName | None = None,
    test_source: Named | None = None,
    rng: np.random.Generator,
) -> Table:
    """The table that `source` names, with its test rows if it brings any or `test_source` names them.

    source: a built-in data set by name or as a mapping with its parameters, or a path (from the current directory).
    target: the column of a text table to predict, by name or counted from 0; several for a regression of several
    outputs; None: the last. ignore: columns of a text table to leave out. weight: the column of a text table, or the
    array of an .npz, that says how much each row counts. rng: for the synthetic sources.
    Raises UserError for whatever is wrong with the data, EnvironmentFailure if a file may not be read.
    """
    table = _load(source, target, task, missing, ignore, weight, rng)
    if len(table.X) < 2:
        raise UserError(f"{table.origin}: 1 row; bring more, to train on and to validate with")
    if table.task == "classification":
        check_classes(table.class_names, len(table.y), table.target_name, table.origin)
    if test_source is not None:
        table = replace(table, test=_load_test(test_source, table, target, ignore, rng))
    return table if table.test is None else _same_classes(table, table.test)


def _load(
    source: Named,
    target: Target,
    task: Task | Literal["auto"],
    missing: Missing,
    ignore: Sequence[str],
    weight: ColumnName | None,
    rng: np.random.Generator,
) -> Table:
    if not isinstance(source, str) or source in SOURCES:
        table = _load_built_in(source, rng)
    else:
        path = find(source)
        with reading(path):
            kind = format_of(path)
            if kind == "csv":
                return csv_table.read_csv(
                    path, target=target, task=task, missing=missing, ignore=list(ignore), weight=weight
                )
            if kind == "npz":
                table = array_files.read_npz(path, task=task, missing=missing, weight=weight)
            elif kind == "npy":
                table = array_files.read_npy(path, task=task, missing=missing)
            else:
                table = idx.read_idx_folder(path)
    if weight is not None and table.weights is None:
        raise UserError(
            f"data.weight: {table.origin} has no column of weights; write null, or bring a .csv with one, or an .npz "
            "with an array of them"
        )
    for key, given in (("target", target is not None), ("ignore", bool(ignore))):
        if given:
            told = f"data.{key} has no effect: it names columns of a text table, and {table.origin} is none"
            table = replace(table, notices=(*table.notices, told))
    return _as_task(table, task)


def _load_built_in(source: Named, rng: np.random.Generator) -> Table:
    parameters = {"type": source} if isinstance(source, str) else dict(source)
    table = SOURCES.create(parameters.pop("type"), **parameters).load(rng)
    if table.X.dtype.kind == "f" and not (abs(table.X) <= LARGEST).all():
        raise UserError(
            f"data.source: {table.origin} with scale and offset like these is beyond the numbers of float32"
        )
    return table


def _as_task(table: Table, task: Task | Literal["auto"]) -> Table:
    """The table with the task that is asked for, where it can be had."""
    if task == "auto" or task == table.task:
        return table
    if task == "multi_label":
        raise UserError(f"data.task: {table.origin} has one target; multi_label needs columns of 0 and 1")
    if task == "classification":
        y, class_names = index_labels(table.y[:, 0])
        return replace(table, task=task, y=y, class_names=class_names, task_rule="data.task: classification")
    try:
        values = np.array([float(name) for name in table.class_names])
    except ValueError:
        raise UserError(
            f"{table.origin}: {table.target_name!r} holds classes, {quoted(table.class_names[0])} for one; "
            "data.task: regression needs numbers"
        ) from None
    test = None if table.test is None else _as_task(table.test, task)
    y = values[table.y][:, np.newaxis]
    return replace(table, task=task, y=y, class_names=(), task_rule="data.task: regression", test=test)


# ---- files ----


def expanded(name: str | os.PathLike[str]) -> Path:
    """The path with `~` and `~user` written out; UserError where there is no such user."""
    try:
        return Path(name).expanduser()
    except RuntimeError:
        raise UserError(f"{name}: no such file: no home folder is known for {Path(name).parts[0]}") from None


def find(name: str | os.PathLike[str]) -> Path:
    """The path of this name, which exists; UserError tells what is like it."""
    path = expanded(name)
    if path.exists():
        return path
    if path.parent.is_dir():
        there = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
        near = did_you_mean(path.name, there) if there else ""
        raise UserError(f"{path}: no such file{near if near.startswith('; did') else ''}")
    raise UserError(f"{path}: no such file; there is no folder {path.parent} either")


def format_of(path: Path) -> Literal["csv", "npz", "npy", "idx"]:
    """The format of a file, by its name."""
    if path.is_dir() or idx.NAME.fullmatch(path.name):
        return "idx"
    if not path.is_file():
        raise UserError(f"{path}: neither a file nor a folder; the formats are {FORMATS}")
    name = path.name.lower()
    if name.endswith((".csv", ".tsv", ".csv.gz", ".tsv.gz")):
        return "csv"
    if name.endswith(".npz"):
        return "npz"
    if name.endswith(".npy"):
        return "npy"
    raise UserError(f"{path}: a file of unknown format; the formats are {FORMATS}")


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Failures of the machine in the words of one line."""
    try:
        yield
    except OSError as error:
        raise EnvironmentFailure(f"{error.filename or path}: cannot be read ({error.strerror or error})") from None
    except MemoryError:
        raise EnvironmentFailure(f"{path}: too large for this machine's memory") from None


# ---- test rows of their own ----


def _load_test(source: Named, table: Table, target: Target, ignore: Sequence[str], rng: np.random.Generator) -> Table:
    """Test rows in the columns of `table`."""
    if isinstance(source, str) and source not in SOURCES:
        path = find(source)
        with reading(path):
            if format_of(path) == "csv":
                return _read_test_csv(path, table)
    # What has no effect has been told of the training rows.
    test = _load(source, None, table.task, table.missing, (), None, rng)
    if any(column.categories for column in table.columns):
        raise UserError(f"data.test_source: {table.origin} has columns of text, so its test rows have to be a .csv too")
    if test.X.shape[1] != table.X.shape[1]:
        raise UserError(
            f"data.test_source: {test.origin} has {plural(test.X.shape[1], 'feature')}, and {table.origin} "
            f"{table.X.shape[1]:,}; they have to be the same"
        )
    if table.task != "classification" and test.y.shape[1] != table.y.shape[1]:
        raise UserError(
            f"data.test_source: {test.origin} has {plural(test.y.shape[1], 'target')}, and {table.origin} "
            f"{table.y.shape[1]}; they have to be the same"
        )
    if table.weights is not None:
        told = f"{test.origin}: its weights are not read: all its rows count the same in the loss"
        return replace(test, notices=(*test.notices, told))
    return test


def _read_test_csv(path: Path, table: Table) -> Table:
    fill_in, fill_in_target = (FILL_IN, FILL_IN_TARGET) if table.missing == "error" else (None, None)
    rows = csv_table.read_new_rows(
        path,
        table.columns,
        fill_in=fill_in,
        target_names=table.target_names,
        task=table.task,
        fill_in_target=fill_in_target,
        weight=table.weight_name,
    )
    weights = np.ones(len(rows.X)) if rows.weights is None else rows.weights
    X, kept, notices = leave_out(rows.X, np.column_stack([rows.targets, weights]), table.missing, str(path))
    y, weights = kept[:, :-1], kept[:, -1]
    if table.weights is not None and rows.weights is None:
        notices = (*notices, f"{path}: no column {quoted(table.weight_name)}: its rows all count the same in the loss")
    class_names: tuple[str, ...] = ()
    if table.task == "classification":
        names = np.array(rows.target_categories)
        y, class_names = index_labels(names[y[:, 0].astype(np.int64)] if len(names) else y[:, 0])
    return replace(
        table,
        X=X,
        y=y,
        weights=None if rows.weights is None else weights,
        class_names=class_names,
        origin=str(path),
        notices=(*rows.notices, *notices),
    )


def _same_classes(table: Table, test: Table) -> Table:
    """The table and its test rows with one list of classes, those of both."""
    if table.task != "classification" or table.class_names == test.class_names:
        return table
    names = sorted({*table.class_names, *test.class_names}, key=_numbers_first)
    place = {name: k for k, name in enumerate(names)}

    def renamed(part: Table) -> Table:
        indices = np.array([place[name] for name in part.class_names], dtype=np.int64)
        return replace(part, y=indices[part.y], class_names=tuple(names))

    return replace(renamed(table), test=renamed(test))


def _numbers_first(name: str) -> tuple[int, float, str]:
    try:
        return 0, float(name), name
    except ValueError:
        return 1, 0.0, name


# ---- new rows ----


@dataclass(frozen=True)
class Rows:
    """Rows to predict."""

    X: Array  # (rows, features) raw, as Preprocessing.transform takes it
    lines: Array  # (rows,) int64: the line of each in a text file, else its number, from 1
    notices: tuple[str, ...]


def read_rows(path: str | os.PathLike[str], preprocessing: Preprocessing) -> Rows:
    """The rows of a file in any format that data.source takes, whatever format was trained on.

    Columns of a text table are found by name; the target may be there or not. Of a folder of IDX files the test images
    are taken where there are any; a single file of images will do as well.
    """
    place = find(path)
    fill_in = NO_MEAN if preprocessing.fill is None else None
    with reading(place):
        kind = format_of(place)
        if kind == "csv":
            rows = csv_table.read_new_rows(
                place, preprocessing.columns, fill_in=fill_in, target_names=preprocessing.target_names
            )
            return Rows(rows.X, rows.lines, (*rows.notices, *_filled_in(place, rows.X)))
        if any(column.categories for column in preprocessing.columns):
            raise UserError(f"{place}: the model was trained on columns of text; give it a .csv file with these")
        notices: tuple[str, ...] = ()
        if kind == "idx":
            X, notices = _read_images(place, preprocessing)
        else:
            X = array_files.read_features(place, preprocessing.n_features, len(preprocessing.target_names), fill_in)
    return Rows(X, np.arange(1, len(X) + 1), (*notices, *_filled_in(place, X)))


def _filled_in(path: Path, X: Array) -> tuple[str, ...]:
    missing = int(np.isnan(X).sum()) if X.dtype.kind == "f" else 0
    return (f"{path}: {plural(missing, 'missing value')} filled in with the training rows' mean",) if missing else ()


def _read_images(path: Path, preprocessing: Preprocessing) -> tuple[Array, tuple[str, ...]]:
    notices: tuple[str, ...] = ()
    if path.is_dir():
        files = idx.find_files(path)
        images = files.get(("test", "images")) or files.get(("train", "images"))
        if images is None:
            raise UserError(f"{path}: a folder without IDX files; put t10k-images-idx3-ubyte in it, or name a file")
        notices = (f"{path}: the rows are those of {images.name}",)
        path = images
    X, shape = idx.read_images(path)
    if X.shape[1] != preprocessing.n_features:
        raise UserError(
            f"{path}: images of {shape[0]} x {shape[1]}, {X.shape[1]:,} pixels, where training had "
            f"{preprocessing.n_features:,} features"
        )
    return X, notices
