"""From what the config names to a table: a built-in data set, or a file of any known format."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from nn_scratch.data import array_files, idx
from nn_scratch.data.column_types import ColumnOptions, TypeFinder
from nn_scratch.data.columns import Column
from nn_scratch.data.csv_cells import Cells, ColumnReader, Source
from nn_scratch.data.file_table import ColumnName, Target, TargetReader, read_table
from nn_scratch.data.formats import has_named_columns, open_table
from nn_scratch.data.missing import leave_out
from nn_scratch.data.moments import row_blocks
from nn_scratch.data.new_rows import Block, RowReader
from nn_scratch.data.notation import Decimal
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.problems import FILL_IN, LARGEST
from nn_scratch.data.sources import SOURCES
from nn_scratch.data.table import Missing, Table, Task
from nn_scratch.data.targets import check_classes, check_weights, index_labels, one_spelling
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.metrics import Array
from nn_scratch.paths import expanded
from nn_scratch.wording import did_you_mean, plural, quoted

Named = str | Mapping[str, Any]  # "digits", "table.csv", {"type": "moons", "noise": 0.2}
FORMATS = ".csv, .tsv (also packed: .csv.gz), .jsonl, .parquet, .feather, .xlsx, .npz, .npy, or a folder of IDX files"
NO_MEAN = "write one; the model has no value to fill in, since it was trained with data.missing: error"


def load_table(
    source: Named,
    *,
    target: Target = None,
    task: Task | Literal["auto"] = "auto",
    missing: Missing = "auto",
    ignore: Sequence[str] = (),
    weight: ColumnName | None = None,
    by: ColumnName | None = None,
    options: ColumnOptions = ColumnOptions(),  # noqa: B008 (it is immutable)
    test_source: Named | None = None,
    rng: np.random.Generator,
) -> Table:
    """The table that `source` names, with its test rows if it brings any or `test_source` names them.

    source: a built-in data set by name or as a mapping with its parameters, or a path (from the current directory).
    target: the column to predict of a file with named columns, by name or counted from 0; several for a regression of
    several outputs; None: the last. ignore: columns to leave out. weight: the column, or the array of an .npz, that
    is how much each row counts. by: the column of the groups or times that the split keeps. options: of the columns.
    rng: for the synthetic sources.
    Raises UserError for errors in the data, EnvironmentFailure if a file may not be read.
    """
    if isinstance(source, str) and source not in SOURCES and has_named_columns(path := find(source)) and path.is_file():
        with reading(path):
            table = read_table(
                open_table(path),
                target=target,
                task=task,
                missing=missing,
                ignore=ignore,
                weight=weight,
                by=by,
                options=options,
            )
    else:
        table = _load(source, task, missing, weight, rng)
        named = {"target": target is not None, "ignore": bool(ignore), "columns": bool(options.kinds)}
        more_notices = [
            f"data.{key} has no effect: it names columns of a file, and those of {table.origin} have no names"
            for key, given in named.items()
            if given
        ]
        table = replace(table, notices=(*table.notices, *more_notices))
        if by is not None:
            raise UserError(f"data.split.by: {table.origin} has no columns with names; write null")
    if len(table.X) < 2:
        raise UserError(f"{table.origin}: 1 row; bring more, to train on and to validate with")
    if table.task == "classification":
        check_classes(table.class_names, len(table.y), table.target_name, table.origin, table.notices)
    if test_source is not None:
        table = replace(table, test=_load_test(test_source, table, options, rng))
    return table if table.test is None else _same_classes(table, table.test)


def _load(
    source: Named,
    task: Task | Literal["auto"],
    missing: Missing,
    weight: ColumnName | None,
    rng: np.random.Generator,
) -> Table:
    """A table whose columns have no names of their own."""
    if not isinstance(source, str) or source in SOURCES:
        table = _load_built_in(source, rng)
    else:
        path = find(source)
        with reading(path):
            kind = format_of(path)
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
    """The table with the requested task, where the target allows it."""
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


def find(name: str | os.PathLike[str]) -> Path:
    """The path of this name, which exists; UserError suggests similar names."""
    path = expanded(name)
    if path.exists():
        return path
    if path.parent.is_dir():
        there = [entry.name for entry in path.parent.iterdir() if not entry.name.startswith(".")]
        near = did_you_mean(path.name, there) if there else ""
        raise UserError(f"{path}: no such file{near if near.startswith('; did') else ''}")
    raise UserError(f"{path}: no such file; there is no folder {path.parent} either")


def format_of(path: Path) -> Literal["columns", "npz", "npy", "idx"]:
    """The format of a file, by its name."""
    if path.is_dir() or idx.NAME.fullmatch(path.name):
        return "idx"
    if not path.is_file():
        raise UserError(f"{path}: neither a file nor a folder; the formats are {FORMATS}")
    name = path.name.lower()
    if has_named_columns(path):
        return "columns"
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


def _load_test(source: Named, table: Table, options: ColumnOptions, rng: np.random.Generator) -> Table:
    """Test rows in the columns of `table`."""
    if isinstance(source, str) and source not in SOURCES:
        path = find(source)
        with reading(path):
            if format_of(path) == "columns":
                return _read_test_table(path, table, options)
    # What has no effect was reported for the training rows.
    test = _load(source, table.task, table.missing, None, rng)
    if any(column.kind != "number" for column in table.columns):
        raise UserError(
            f"data.test_source: {table.origin} has columns of text, so its test rows have to be a table with names too"
        )
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
        notice = f"{test.origin}: its weights are not read: all its rows count the same in the loss"
        return replace(test, notices=(*test.notices, notice))
    return test


def _read_test_table(path: Path, table: Table, options: ColumnOptions) -> Table:
    source = open_table(path, known={*table.feature_names, *table.target_names})
    reader = RowReader(
        source,
        table.columns,
        table.target_names,
        need_targets=True,
        weight=table.weight_name,
        na_values=[str(word) for word in options.na_values],
    )
    blocks = list(reader.blocks())
    if not blocks:
        raise UserError(f"{path}: no rows; write a line for each")
    if table.missing == "error":
        reader.refuse_odd(("missing", "unreadable"), f"; {FILL_IN}")
    y, categories, label_notices = _targets_of(source, reader, blocks, table, options)
    weights = np.ones(reader.rows)
    notices: list[str] = [*reader.notices, *reader.column_notices(), *label_notices]
    if reader.weight is not None:
        cells = [block.weights for block in blocks if block.weights is not None]
        weights = np.concatenate([Column(table.weight_name).read(block, reader.nothing) for block in cells])
        if not np.isfinite(weights).all():
            row = int(np.flatnonzero(~np.isfinite(weights))[0])
            raise UserError(f"{path}: data.weight: {table.weight_name!r} holds no number in row {row + 1:,}")
        weights = check_weights(weights, table.weight_name, str(path))
    elif table.weights is not None:
        notices.append(f"{path}: no column {quoted(table.weight_name)}: its rows all count the same in the loss")
    X = np.concatenate([block.X for block in blocks])
    X, kept, more_notices = leave_out(X, np.column_stack([*y, weights]), table.missing, str(path))
    values, weights = kept[:, :-1], kept[:, -1]
    class_names: tuple[str, ...] = ()
    if table.task == "classification":
        names = np.array(categories)
        values, class_names = index_labels(names[values[:, 0].astype(np.int64)] if len(names) else values[:, 0])
    return replace(
        table,
        X=X,
        y=values,
        weights=None if reader.weight is None else weights,
        class_names=class_names,
        origin=str(path),
        groups=None,
        notices=(*notices, *more_notices),
    )


def _targets_of(
    source: Source, reader: RowReader, blocks: Sequence[Block], table: Table, options: ColumnOptions
) -> tuple[list[Array], tuple[str, ...], list[str]]:
    """The targets (rows,) of test rows, the categories that the last one's values are codes of, and notices."""
    raw = []
    for i, (name, place) in enumerate(zip(table.target_names, reader.targets, strict=True)):
        column = ColumnReader(name, place, reader.nothing, as_text=table.task == "classification")
        for block in blocks:
            column.add(block.targets[i])
        raw.append(column.column())
    known: tuple[Decimal, ...] = tuple("," if style.startswith(",") else "." for style in table.target_styles)
    decimal: Decimal = options.decimal or (known[0] if known else ".")
    finder = TypeFinder(Cells(source, tuple(raw), reader.rows, None), options, decimal, None)
    targets = TargetReader(
        finder,
        table.task,
        alone=len(raw) == 1,
        refuse_gaps=table.missing == "error",
        known=table.class_names,
    )
    read = [targets.read(column, "number" if table.task != "classification" else None) for column in raw]
    finder.problems.raise_any()
    categories = _as_in_training(read[-1].categories, table, options)
    return [column.values for column in read], categories, targets.notices


def _as_in_training(categories: tuple[str, ...], table: Table, options: ColumnOptions) -> tuple[str, ...]:
    """Labels in the spelling of training, where they differ in case alone."""
    if options.labels_exact:
        return categories
    known = [*table.class_names, *(label for label in categories if label not in table.class_names)]
    called = one_spelling(known, [len(known) - i for i in range(len(known))])
    return tuple(called.get(label, label) for label in categories)


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
class NewRows:
    """Rows to predict, a block at a time."""

    blocks: Callable[[], Iterator[Block]]  # raw, as Preprocessing.transform takes them
    notices: tuple[str, ...]  # what is known before the first block
    reader: RowReader | None  # of a file with named columns: counts what is odd in its cells
    locate: Callable[[int], str]  # of a row's number, from 0: the place of its line


@dataclass(frozen=True)
class Rows:
    """Rows to predict, all at once."""

    X: Array  # (rows, columns) raw, as Preprocessing.transform takes it
    lines: Array  # (rows,) int64: the line of each in a text file, else its number, from 1
    notices: tuple[str, ...]


def open_rows(path: str | os.PathLike[str], preprocessing: Preprocessing, strict: bool = False) -> NewRows:
    """The rows of a file in any format that data.source takes, which may differ from that of the training data.

    Columns with names are found by them; the target may be there or not. Of a folder of IDX files the test images are
    taken where there are any; a single file of images will do as well. strict: refuse what would be filled in.
    """
    place = find(path)
    with reading(place):
        if format_of(place) == "columns":
            return _open_table_rows(place, preprocessing, strict)
        if any(column.kind != "number" for column in preprocessing.columns):
            raise UserError(f"{place}: the model was trained on columns of text; give it a .csv file with these")
        notices: tuple[str, ...] = ()
        if format_of(place) == "idx":
            X, notices = _read_images(place, preprocessing)
        else:
            may_be_missing = preprocessing.fill is not None and not strict
            X = array_files.read_features(
                place,
                len(preprocessing.columns),
                len(preprocessing.target_names),
                None
                if may_be_missing
                else NO_MEAN
                if preprocessing.fill is None
                else "write one, or leave out --strict",
            )
    missing = sum(int(np.isnan(block.X).sum()) for block in _array_blocks(X)) if X.dtype.kind == "f" else 0
    if missing:
        notices = (*notices, f"{place}: {plural(missing, 'missing value')} filled in with the training rows' mean")
    return NewRows(lambda: _array_blocks(X), notices, None, lambda row: f"{place}:{row + 1}")


def _array_blocks(X: Array) -> Iterator[Block]:
    for part in row_blocks(len(X), max(1, X.shape[1])):
        yield Block(X[part], [], None, part.start)


def _open_table_rows(path: Path, preprocessing: Preprocessing, strict: bool) -> NewRows:
    source = open_table(path, known={*(column.name for column in preprocessing.columns), *preprocessing.target_names})
    reader = RowReader(source, preprocessing.columns, preprocessing.target_names, na_values=preprocessing.na_values)
    if strict or preprocessing.fill is None:
        for _ in reader.blocks():  # refused before anything is written
            pass
        if preprocessing.fill is None:
            reader.refuse_odd(("missing", "unreadable"), f"; {NO_MEAN}")
        if strict:
            reader.refuse_odd(("missing", "unreadable", "unseen"), "; correct it, or leave out --strict")

    def locate(row: int) -> str:
        (where, _), *_ = source.locate({(row, 0)}).values()
        return f"{path}:{where.partition(':')[0]}"

    return NewRows(reader.blocks, reader.notices, reader, locate)


def read_rows(path: str | os.PathLike[str], preprocessing: Preprocessing) -> Rows:
    """The rows of a file at once; see `open_rows`."""
    rows = open_rows(path, preprocessing)
    X = np.concatenate([block.X for block in rows.blocks()])
    more_notices = () if rows.reader is None else rows.reader.column_notices()
    lines = np.arange(1, len(X) + 1)
    if rows.reader is not None:
        located = rows.reader.source.locate({(row, 0) for row in range(len(X))})
        lines = np.array([int(located[row, 0][0].partition(":")[0].removeprefix("row ")) for row in range(len(X))])
    return Rows(X, lines, (*rows.notices, *more_notices))


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
