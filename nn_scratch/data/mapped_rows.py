"""Rows of an .npy file that stay on disk: read as they are needed, through memory maps of parts of the file.

They stand where an array (rows, columns) stands and are indexed like one. `rows[numbers]` and `rows[a:b]` read rows
into memory; a selection of columns, `rows[:, columns]`, or a mask, `rows[mask]`, is another view of the file. Only a
window of the file is mapped at a time, so neither the address space nor the resident memory grows with the file.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from copy import copy
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from nn_scratch.data.moments import row_blocks
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array

if TYPE_CHECKING:
    from nn_scratch.data.preprocessing import Preprocessing

WINDOW = 1 << 26  # bytes mapped at a time; more of files of over 2 GB, so that they have at most about 32 windows


class LazyRows:
    """A stand-in for an array (rows, columns) whose rows are not in memory.

    A subclass gives `_read`; `dtype` is that of the arrays that are read.
    """

    ndim = 2
    __iter__ = None  # row by row would take an hour where blocks take a second

    def __init__(self, n_rows: int, n_columns: int, dtype: Any) -> None:
        self._numbers: Array | None = None  # of the rows of a view; None: all, in their order
        self._columns: Array | None = None  # of a view; None: all
        self._n_rows, self._n_columns = n_rows, n_columns
        self.dtype = np.dtype(dtype)

    def _read(self, numbers: Array) -> Array:
        """A new array (rows, all columns) of the rows with these numbers."""
        raise NotImplementedError

    def _read_range(self, start: int, stop: int) -> Array:
        return self._read(np.arange(start, stop))

    def __len__(self) -> int:
        return self._n_rows if self._numbers is None else len(self._numbers)

    @property
    def shape(self) -> tuple[int, int]:
        return len(self), self._n_columns if self._columns is None else len(self._columns)

    @property
    def size(self) -> int:
        return self.shape[0] * self.shape[1]

    def __getitem__(self, key: Any) -> Any:
        rows, columns = key if isinstance(key, tuple) else (key, slice(None))
        if isinstance(columns, (int, np.integer)):  # a column by itself is in memory
            chosen = self._with_columns([int(columns)])
            parts = [chosen[part, :][:, 0] for part in row_blocks(len(self), self._n_columns)]
            found = np.concatenate(parts) if parts else np.empty(0, self.dtype)
            return found if isinstance(rows, slice) and rows == slice(None) else found[rows]
        view = self if isinstance(columns, slice) and columns == slice(None) else self._with_columns(columns)
        if isinstance(rows, np.ndarray) and rows.dtype == bool:
            return view._with_rows(np.flatnonzero(rows))
        if isinstance(rows, slice) and rows == slice(None):
            return view
        return view._in_memory(rows)

    def __array__(self, *arguments: Any, **options: Any) -> Array:
        raise TypeError("rows on disk are read a block at a time (blocks_of), not as one array")

    def identity(self) -> bytes:
        """An identity of these rows without reading them: their source, and their indices."""
        chosen = [None if one is None else one.tobytes() for one in (self._numbers, self._columns)]
        return repr((type(self).__name__, self.dtype.str, self.shape, chosen, *self._origin())).encode()

    def _origin(self) -> tuple[object, ...]:
        raise NotImplementedError

    def take(self, rows: Array, axis: int, out: Array, mode: str) -> Array:
        """As of an array, for axis 0."""
        out[...] = self._in_memory(rows)
        return out

    def _with_columns(self, columns: Any) -> LazyRows:
        view = copy(self)
        there = np.arange(self._n_columns) if self._columns is None else self._columns
        view._columns = there[columns]
        return view

    def _with_rows(self, rows: Array) -> LazyRows:
        view = copy(self)
        view._numbers = rows if self._numbers is None else self._numbers[rows]
        return view

    def _in_memory(self, rows: Any) -> Array:
        if isinstance(rows, slice):
            start, stop, step = rows.indices(len(self))
            if step == 1 and self._numbers is None:
                found = self._read_range(start, max(start, stop))
                return found if self._columns is None else found.take(self._columns, axis=1)
            rows = np.arange(start, stop, step)
        rows = np.asarray(rows, dtype=np.int64)
        rows = np.where(rows < 0, rows + len(self), rows)
        found = self._read(rows if self._numbers is None else self._numbers[rows])
        return found if self._columns is None else found.take(self._columns, axis=1)


class MappedRows(LazyRows):
    """The rows of an .npy file of numbers in C order, as uint8, float32 or float64; infinite values are NaN."""

    def __init__(self, path: Path, offset: int, shape: tuple[int, int], stored: np.dtype[Any], dtype: Any) -> None:
        """offset: bytes before the first row; stored: the type of the numbers in the file."""
        super().__init__(*shape, dtype)
        self._path, self._offset, self._stored = path.absolute(), offset, stored
        self._row_bytes = shape[1] * stored.itemsize
        self._size = offset + shape[0] * self._row_bytes
        self._window = max(WINDOW, self._size // 32) // self._row_bytes + 1  # rows

    def _read(self, numbers: Array) -> Array:
        found = np.empty((len(numbers), self._n_columns), self.dtype)
        order = np.argsort(numbers, kind="stable")
        ordered = numbers[order]
        windows = np.unique(ordered // self._window)
        ends = np.searchsorted(ordered, (windows + 1) * self._window)
        start = 0
        with self._opened() as file:
            for stop in ends.tolist():
                here = ordered[start:stop]
                with self._mapped(file, int(here[0]), int(here[-1]) + 1) as window:
                    found[order[start:stop]] = window.rows()[here - here[0]]
                start = stop
        return self._settled(found)

    def _origin(self) -> tuple[object, ...]:
        return str(self._path), self._path.stat().st_mtime_ns, self._size

    def _read_range(self, start: int, stop: int) -> Array:
        found = np.empty((stop - start, self._n_columns), self.dtype)
        if stop > start:
            with self._opened() as file:
                for at in range(start, stop, self._window):
                    end = min(stop, at + self._window)
                    with self._mapped(file, at, end) as window:
                        found[at - start : end - start] = window.rows()
        return self._settled(found)

    def _settled(self, values: Array) -> Array:
        if values.dtype.kind == "f" and not np.isfinite(values.sum()):
            values[np.isinf(values)] = np.nan
        return values

    def _opened(self) -> Any:
        file = self._path.open("rb")
        if os.fstat(file.fileno()).st_size < self._size:  # to read behind the end of a map would end the process
            file.close()
            raise UserError(f"{self._path}: the file has become shorter while it was read; leave it as it is")
        return file

    def _mapped(self, file: Any, start: int, stop: int) -> Window:
        return Window(file, self._offset + start * self._row_bytes, (stop - start, self._n_columns), self._stored)


class Window:
    """Some consecutive rows of a file, mapped while the context lasts."""

    def __init__(self, file: Any, offset: int, shape: tuple[int, int], dtype: np.dtype[Any]) -> None:
        begin = offset - offset % mmap.ALLOCATIONGRANULARITY
        length = offset - begin + shape[0] * shape[1] * dtype.itemsize
        self._map = mmap.mmap(file.fileno(), length, access=mmap.ACCESS_READ, offset=begin)
        self._shape, self._dtype, self._skip = shape, dtype, offset - begin

    def __enter__(self) -> Window:
        return self

    def rows(self) -> Array:
        """(rows, columns) of the map; not to be kept."""
        return np.frombuffer(self._map, self._dtype, self._shape[0] * self._shape[1], self._skip).reshape(self._shape)

    def __exit__(self, *exception: object) -> None:
        self._map.close()


class InputRows(LazyRows):
    """Rows of a file as the network takes them: scaled, the last column ones."""

    def __init__(self, X: Array, rows: Array, preprocessing: Preprocessing, dtype: Any) -> None:
        """X: (rows, columns) on disk; rows: the numbers of those that are taken."""
        super().__init__(len(rows), preprocessing.n_features + 1, dtype)
        self._X, self._rows, self._preprocessing = X, rows, preprocessing
        self._zeros: Array | None = None

    def _read(self, numbers: Array) -> Array:
        found = np.ones((len(numbers), self._n_columns), self.dtype)
        self._preprocessing.transform(self._X, self._rows[numbers], out=found[:, :-1])
        if self._zeros is not None:
            found[:, self._zeros] = 0.0
        return found

    def _origin(self) -> tuple[object, ...]:
        source: Any = self._X
        zeros = None if self._zeros is None else self._zeros.tobytes()
        return source.identity(), sha256(self._rows.tobytes()).digest(), zeros

    def with_zeros(self, columns: Any) -> InputRows:
        """The same rows with 0 in these columns."""
        view: InputRows = copy(self)
        view._zeros = np.asarray(columns, dtype=np.int64)
        return view


def with_zeros(inputs: Array, columns: Any) -> Array:
    """The rows (rows, columns) with 0 in some columns; `inputs` stay as they are."""
    rows: Any = inputs
    if isinstance(rows, InputRows):
        return cast("Array", rows.with_zeros(columns))
    changed = inputs.copy()
    changed[:, columns] = 0.0
    return changed


def on_disk(X: Any) -> bool:
    """Whether what stands for an array is rows that are read from disk."""
    return isinstance(X, LazyRows)


def blocks_of(X: Any) -> Iterator[tuple[slice, Array]]:
    """Consecutive rows of an array, or of rows on disk, in memory: a slice and its rows."""
    for part in row_blocks(len(X), max(1, X.shape[1])):
        yield part, X[part]
