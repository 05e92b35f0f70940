"""Tables of NumPy: .npz with X and y, .npy with the target as its last column.

A file may come from anyone. Nothing is unpickled, and no array is allocated before its header has been compared with
the bytes that are there.
"""

from __future__ import annotations

import errno
import zipfile
import zlib
from dataclasses import replace
from math import prod
from pathlib import Path
from typing import IO, Any, Literal, cast

import numpy as np

from nn_scratch.data.free_memory import free_memory
from nn_scratch.data.mapped_rows import MappedRows, blocks_of, on_disk
from nn_scratch.data.missing import leave_out
from nn_scratch.data.problems import FILL_IN, FILL_IN_TARGET, LARGEST, SHOWN, is_bomb, refuse, within_float32
from nn_scratch.data.table import Missing, Table, Task, number_columns, numbered_names
from nn_scratch.data.targets import EXACT, check_weights, index_labels, infer_task, settle_task, task_notice
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import plural

# What zipfile and NumPy raise on bytes that are no zip file or no array.
BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    ValueError,
    NotImplementedError,
    RuntimeError,
    OverflowError,
    OSError,
)

NAMES = "feature_names"  # the array of an .npz that names the columns of X
MEMORY_NEEDED = 3  # times the array itself, that training takes in memory: its rows, these scaled, what is made of them


def read_npz(path: Path, *, task: Task | Literal["auto"], missing: Missing, weight: str | int | None = None) -> Table:
    """X (rows, features) and y; whole numbers, true and false, and text are classes, unless `task` is given.

    weight: the name of the array (rows,) of row weights. An array `feature_names` (features,) of text names the columns
    of X; without one they are x1, x2, ...
    """
    weighs = None if weight is None else str(weight)
    arrays = load_arrays(path, ("X", "y") if weighs is None else ("X", "y", weighs), optional=(NAMES,))
    X, y = check_features(path, arrays["X"], "X"), arrays["y"]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0]
    is_text = y.dtype.kind in "SU"
    if y.ndim not in (1, 1 if is_text else 2) or y.dtype.kind not in "biufSU":
        raise UserError(f"{path}: y is {_what(y)}; it has to be (rows,) numbers or text, or (rows, targets) numbers")
    if len(X) != len(y):
        raise UserError(f"{path}: X has {plural(len(X), 'row')} and y has {len(y):,}; they have to be of one length")
    weights = np.ones(len(X)) if weighs is None else _row_weights(path, arrays[weighs], len(X), weighs)
    if is_text and task in ("regression", "multi_label"):
        raise UserError(f"{path}: y is text; data.task: {task} needs numbers")
    _settle_values(path, X, "X", FILL_IN if missing == "error" else None)
    if y.dtype.kind != "f" and task not in ("regression", "multi_label"):
        if y.ndim == 2:
            raise UserError(
                f"{path}: y is {_what(y)}; classes are one number a row, as y.argmax(axis=1) gives; for labels of "
                "their own, 0 or 1 each, write data.task: multi_label"
            )
        return _named(path, _classes(path, X, y, weights, weighs, missing), arrays)
    values = y.astype(np.float64).reshape(len(y), -1)
    _settle_values(path, values, "y", FILL_IN_TARGET if missing == "error" else None)
    X, kept, notices = leave_out(X, np.column_stack([values, weights]), missing, str(path))
    values, weights = kept[:, :-1], kept[:, -1]
    rule = f"data.task: {task}"
    if task == "auto":
        task, rule = "regression", "y holds floats"
        if values.shape[1] == 1 and infer_task(values[:, 0], "y")[0] == "classification":
            notice = (
                f"{path}: y holds floats, so they are quantities; set data.task: classification if they are classes"
            )
            notices = (*notices, notice)
    names = numbered_names(values.shape[1], "y") if values.shape[1] > 1 else ("y",)
    values, task, class_names, _ = settle_task(values, (), task, names)
    table = _named(path, _table(path, X, values, task, class_names, names, missing, rule, notices), arrays)
    return table if weighs is None else replace(table, weights=weights, weight_name=weighs)


def _named(path: Path, table: Table, arrays: dict[str, Array]) -> Table:
    """The table with the names of its columns, where the file has them."""
    names = arrays.get(NAMES)
    if names is None:
        return table
    features = table.X.shape[1]
    if names.shape != (features,) or names.dtype.kind != "U":
        raise UserError(f"{path}: {NAMES} is {_what(names)}; write {plural(features, 'name')}, as text")
    texts = tuple(str(name) for name in names)
    if "" in texts or len(set(texts)) < len(texts):
        raise UserError(f"{path}: {NAMES}: every column needs a name of its own")
    return replace(table, columns=number_columns(texts))


def _row_weights(path: Path, weights: Array, rows: int, name: str) -> Array:
    if weights.shape not in ((rows,), (rows, 1)) or weights.dtype.kind not in "biuf":
        raise UserError(f"{path}: {name} is {_what(weights)}; weights have to be ({rows},) numbers")
    found = weights.reshape(rows).astype(np.float64)
    if not np.isfinite(found).all():
        row = int(np.flatnonzero(~np.isfinite(found))[0])
        raise UserError(f"{path}: {name}[{row}] = {found[row]} is no weight; write 0 to leave the row out of the loss")
    return check_weights(found, name, str(path))


def _classes(path: Path, X: Array, labels: Array, weights: Array, weighs: str | None, missing: Missing) -> Table:
    rule = "y holds whole numbers"
    nothing = np.zeros(len(labels), dtype=bool)
    if labels.dtype.kind in "SU":
        rule = "y is text"
        try:
            labels = np.char.strip(labels if labels.dtype.kind == "U" else np.char.decode(labels, "utf-8"))
            np.char.encode(labels, "utf-8")  # half of a surrogate pair is no character, and no file could hold it
        except UnicodeDecodeError:
            raise UserError(f"{path}: y holds bytes that are not UTF-8; save it as text, y.astype(str)") from None
        except UnicodeEncodeError as error:
            raise UserError(
                f"{path}: y holds {str(error.object)!r}, which is no valid text; write other labels"
            ) from None
        nothing = labels == ""
        if nothing.any() and missing == "error":
            first = np.flatnonzero(nothing)[:SHOWN]
            raise refuse((f"{path}: y[{row}] = '' is no value; {FILL_IN_TARGET}" for row in first), int(nothing.sum()))
    codes, names = index_labels(labels)
    values = np.column_stack([np.where(nothing, np.nan, codes), weights])
    X, values, notices = leave_out(X, values, missing, str(path))
    y, task, class_names, _ = settle_task(values[:, :1], names, "classification", ("y",))
    table = _table(path, X, y, task, class_names, ("y",), missing, rule, notices)
    return table if weighs is None else replace(table, weights=values[:, 1], weight_name=weighs)


def _table(
    path: Path,
    X: Array,
    y: Array,
    task: Task,
    class_names: tuple[str, ...],
    target_names: tuple[str, ...],
    missing: Missing,
    rule: str,
    notices: tuple[str, ...],
) -> Table:
    return Table(
        X=X,
        y=y,
        task=task,
        columns=number_columns(numbered_names(X.shape[1])),
        target_names=target_names,
        origin=str(path),
        class_names=class_names,
        missing=missing,
        task_rule=rule,
        notices=notices,
    )


def read_npy(path: Path, *, task: Task | Literal["auto"], missing: Missing) -> Table:
    """(rows, features + 1) numbers, the last column the target.

    The features of a file that would not fit into free memory stay on disk (see mapped_rows); the table is the same.
    """
    values, stored = open_npy(path)
    if values.shape[1] < 2:
        raise UserError(f"{path}: the array is {_what(values)}; it needs features, and the target as its last column")
    X, y = values[:, :-1], np.asarray(values[:, -1], np.float64)[:, np.newaxis]
    if stored.kind in "iu" and task != "regression" and (abs(y) > EXACT).any():
        raise UserError(
            f"{path}: the target holds whole numbers beyond 2^53, which float64 cannot represent exactly; save "
            "an .npz with X and y, or write data.task: regression"
        )
    _settle_values(path, X, "the array", FILL_IN if missing == "error" else None)
    _settle_values(path, y, "the target", FILL_IN_TARGET if missing == "error" else None)
    X, y, notices = leave_out(X, y, missing, str(path))
    if on_disk(X):
        notice = (
            f"{path}: {X.size * stored.itemsize / 1e9:.3g} GB of features stay on disk, since memory would not hold "
            "them and what is made of them: they are read as they are needed"
        )
        notices = (notice, *notices)
    name = f"x{values.shape[1]}"
    y, settled, class_names, rule = settle_task(y, (), task, (name,))
    if task == "auto" and "whole number" in rule:
        notices = (*notices, task_notice(settled, len(class_names) or len(np.unique(y)), rule))
    return _table(path, X, y, settled, class_names, (name,), missing, rule, notices)


def read_features(path: Path, n_features: int, n_targets: int, fill_in: str | None) -> Array:
    """X (rows, features) of new rows; y in an .npz is not looked at, nor are the last columns of an .npy too many.

    The rows of an .npy stay on disk.
    """
    if path.suffix.lower() == ".npz":
        X = check_features(path, load_arrays(path, ("X",))["X"], "X")
    else:
        X, _ = open_npy(path, in_memory=False)
        if X.shape[1] == n_features + n_targets:
            X = X[:, :n_features]
    if X.shape[1] != n_features:
        raise UserError(f"{path}: {plural(X.shape[1], 'feature')} where training had {n_features:,}")
    _settle_values(path, X, "X", fill_in)
    return X


def check_features(path: Path, X: Array, name: str, convert: bool = True) -> Array:
    """X (rows, features) as uint8, float32 or float64; UserError if it is no table of numbers."""
    if X.ndim != 2 or X.dtype.kind not in "biuf" or 0 in X.shape:
        how = " (reshape(len(X), -1) makes images rows)" if X.ndim > 2 else ""
        raise UserError(f"{path}: {name} is {_what(X)}; it has to be (rows, features) numbers{how}")
    if X.dtype.kind == "b" and convert:
        return X.view(np.uint8)
    return X.astype(kept_type(X.dtype), copy=False) if convert else X


def kept_type(stored: np.dtype[Any]) -> np.dtype[Any]:
    """The type in which features are held: uint8, float32 or float64."""
    if stored.kind == "b":
        return np.dtype(np.uint8)
    if stored in (np.dtype(np.uint8), np.dtype(np.float32), np.dtype(np.float64)):
        return stored
    return np.dtype(np.float32 if stored == np.float16 else np.float64)


def _settle_values(path: Path, values: Array, name: str, fill_in: str | None) -> None:
    """Raise UserError for numbers that float32 cannot hold and, with `fill_in`, for missing ones.

    Without it infinite values are made NaN, in place: they are as good as missing (rows on disk are read so).
    """
    if values.dtype.kind != "f":
        return
    problems: list[str] = []
    total = 0
    for part, block in blocks_of(values):
        if within_float32(block):
            continue
        if fill_in is None:
            block[np.isinf(block)] = np.nan
        bad = np.abs(block) > LARGEST
        if fill_in is not None:
            bad |= np.isnan(block)
        total += int(bad.sum())
        for row, column in np.argwhere(bad)[: SHOWN - len(problems)].tolist():
            value = block[row, column]
            if np.isfinite(value):
                rest = "is beyond the numbers of float32 (3.4e38); rescale it"
            else:
                rest = f"is no value; {fill_in}"
            problems.append(f"{path}: {name}{[part.start + row, column]} = {value} {rest}")
    if problems:
        raise refuse(problems, total)


# ---- arrays from files that may hold anything ----


def open_npy(path: Path, in_memory: bool | None = None) -> tuple[Array, np.dtype[Any]]:
    """The numbers (rows, columns) of an .npy file, and the type in which they are stored.

    in_memory: false leaves the rows on disk (if they lie there one after the other, in C order); None decides by the
    memory that is free: an array is read where three times its size would fit.
    """
    with path.open("rb") as file:
        size = path.stat().st_size
        shape, is_fortran, stored, offset = _read_header(path, file, size, "the file")
        checked = check_features(path, np.broadcast_to(np.empty((), stored), shape), "the array", convert=False)
        kept = kept_type(checked.dtype)
        if in_memory is None:
            free = free_memory()
            needed = prod(shape) * (kept.itemsize + (stored.itemsize if kept != stored else 0))
            in_memory = free is None or MEMORY_NEEDED * needed <= free
            if not in_memory and is_fortran:
                raise UserError(
                    f"{path}: {size / 1e9:.3g} GB in Fortran order do not fit into memory, and only rows in C order "
                    "can stay on disk; save np.ascontiguousarray of it"
                )
        if not in_memory and not is_fortran:
            return cast("Array", MappedRows(path, offset, (shape[0], shape[1]), stored, kept)), stored
        return check_features(path, _load_array(path, file, size, "the file"), "the array"), stored


def load_arrays(path: Path, names: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Array]:
    """The arrays of these names in an .npz file, and of those that are optional the ones that are there."""
    arrays = {}
    try:
        with zipfile.ZipFile(path) as archive:
            there = {Path(info.filename).stem: info for info in archive.infolist() if info.filename.endswith(".npy")}
            absent = [name for name in names if name not in there]
            if absent:
                raise UserError(
                    f"{path}: no array {' and no array '.join(absent)} in it (it holds {', '.join(there) or 'none'}); "
                    f"save it with np.savez(path, {', '.join(f'{name}={name}' for name in names)})"
                )
            for name in (*names, *(name for name in optional if name in there)):
                info = there[name]
                if is_bomb(info.compress_size, info.file_size):
                    raise UserError(
                        f"{path}: {name} is {info.compress_size:,} bytes that unpack to {info.file_size:,}; if that is "
                        "right, save it with np.savez, unpacked"
                    )
                with archive.open(info) as member:
                    arrays[name] = _load_array(path, member, info.file_size, name)
    except BROKEN as error:
        if _is_the_machines(error):
            raise
        raise UserError(f"{path}: no whole .npz file ({_first_line(error)}); save it again with np.savez") from None
    return arrays


def _read_header(path: Path, file: IO[bytes], size: int, name: str) -> tuple[tuple[int, ...], bool, Any, int]:
    """Shape, whether in Fortran order, type and start of the array at the start of `file`, which holds `size` bytes."""
    try:
        version = np.lib.format.read_magic(file)
        read_header = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        if version not in read_header:
            raise UserError(
                f"{path}: {name} is in .npy format {version}, which is not known; save it again with np.save"
            )
        shape, is_fortran, dtype = read_header[version](file)
        if dtype.hasobject:
            raise UserError(
                f"{path}: {name} holds Python objects, which only unpickling could read; save it with a dtype of "
                "numbers or text (np.asarray(values, dtype=float), labels.astype(str))"
            )
        there, wanted = size - file.tell(), prod(shape) * dtype.itemsize
        if there != wanted or min(shape, default=0) < 0:
            raise UserError(
                f"{path}: {name} is to be {shape} {dtype}, {wanted:,} bytes, but {there:,} are there; it is broken"
            )
    except BROKEN as error:
        raise _broken(path, name, error) from None
    return shape, is_fortran, dtype, file.tell()


def _load_array(path: Path, file: IO[bytes], size: int, name: str) -> Array:
    """The array at the start of `file`, which holds `size` bytes."""
    file.seek(0)
    _read_header(path, file, size, name)
    try:
        file.seek(0)
        return np.lib.format.read_array(file, allow_pickle=False)
    except BROKEN as error:
        raise _broken(path, name, error) from None


def _broken(path: Path, name: str, error: Exception) -> Exception:
    """The error to raise for bytes that are no array, or for a disk that failed."""
    if _is_the_machines(error):
        return error
    return UserError(f"{path}: {name} is no NumPy array ({_first_line(error)}); save it again with NumPy")


def _is_the_machines(error: Exception) -> bool:
    """Whether the disk failed or refused, rather than the bytes being wrong (seeking where they lead is EINVAL)."""
    return isinstance(error, OSError) and error.errno not in (None, errno.EINVAL)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _what(array: Array) -> str:
    return f"{array.shape} {array.dtype}"
