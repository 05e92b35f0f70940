"""Files that grow, and files that appear whole: what a kill, a full disk or a vanished folder leaves is readable.

A `.npy` log is one plain file whose first axis grows: rows are written behind the last ones, then the header is
written anew in its place. Until both are done the file still reads as it was. How many rows count is said by
commit.json, never by a header.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from nn_scratch.errors import EnvironmentFailure

Array = NDArray[Any]

HEADER_BYTES = 256  # room for the longest shape; a multiple of 64, as the format asks


@contextmanager
def disk_errors(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn an OSError into one line that names the path, the cause and the bytes that were to be written."""
    try:
        yield
    except OSError as error:
        where = error.filename or path
        reasons = {
            errno.ENOSPC: "no space left on the disk",
            errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "the file would be larger than the limit on file sizes",
            errno.EACCES: "permission denied",
            errno.EPERM: "not permitted",
            errno.EROFS: "the file system is read-only",
            errno.ENOENT: "the folder is gone",
        }
        reason = reasons.get(error.errno or 0, os.strerror(error.errno or 0))
        wanted = "" if needed is None else f" ({needed:,} bytes were to be written)"
        raise EnvironmentFailure(f"{where}: {reason}{wanted}; what was committed before is kept") from None


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file beside its place and rename it when it is whole, so that its name never stands for half of it."""
    beside = path.with_name(f"{path.name}.part")
    try:
        with disk_errors(path):
            with beside.open("wb") as file:
                write(file)
            beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise


def write_bytes(path: Path, content: bytes) -> None:
    write_whole(path, lambda file: file.write(content))


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    write_whole(path, lambda file: np.savez(file, allow_pickle=False, **arrays))


def write_json(path: Path, content: Any) -> None:
    """JSON that any reader takes: numbers that are not finite become null."""
    text = json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_bytes(path, (text + "\n").encode())


def finite(value: Any) -> Any:
    """The same structure with NumPy's numbers as Python's, and null for nan and infinities, which JSON lacks."""
    if isinstance(value, dict):
        return {str(key): finite(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [finite(entry) for entry in value]
    if isinstance(value, np.ndarray):
        return finite(value.tolist())
    if isinstance(value, np.generic):
        return finite(value.item())
    if isinstance(value, float) and not np.isfinite(value):
        return None
    return value


def npy_header(shape: tuple[int, ...], dtype: DTypeLike) -> bytes:
    """A version 1.0 header of HEADER_BYTES for a C-ordered array."""
    described = {"descr": np.lib.format.dtype_to_descr(np.dtype(dtype)), "fortran_order": False, "shape": shape}
    text = repr(described).encode("latin1")
    prefix = b"\x93NUMPY\x01\x00" + (HEADER_BYTES - 10).to_bytes(2, "little")
    return prefix + text.ljust(HEADER_BYTES - 11) + b"\n"


class NpyLog:
    """An array (rows, *shape) on disk that grows by rows; plain `numpy.load` reads it."""

    def __init__(self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, *, rows: int) -> None:
        """rows: how many of the file's rows are kept; the rest is cut off. With 0 the file is made anew."""
        self.path, self.shape, self.dtype, self.rows = path, shape, np.dtype(dtype), rows
        self.row_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        with disk_errors(path):
            self._file = open_raw(path, new=rows == 0)
            if rows == 0:
                write_all(self._file, npy_header((0, *shape), dtype), 0)
            os.ftruncate(self._file, HEADER_BYTES + rows * self.row_bytes)

    def append(self, block: Array) -> None:
        """Add rows (n, *shape); they count once `commit` has been called."""
        if not len(block):
            return
        content = np.ascontiguousarray(block, self.dtype)
        with disk_errors(self.path, content.nbytes):
            write_all(self._file, content.data.cast("B"), HEADER_BYTES + self.rows * self.row_bytes)
        self.rows += len(content)

    def commit(self) -> None:
        with disk_errors(self.path):
            write_all(self._file, npy_header((self.rows, *self.shape), self.dtype), 0)

    def close(self) -> None:
        os.close(self._file)


class CsvLog:
    """A CSV file that grows by rows: add to `lines`, then `flush`."""

    def __init__(self, path: Path, columns: tuple[str, ...], *, rows: int, size: int) -> None:
        """size: how many bytes hold the header and the `rows` that are kept; the rest is cut off. 0: made anew."""
        self.path, self.columns, self.rows, self.size = path, columns, rows, size
        self.lines: list[str] = []
        with disk_errors(path):
            self._file = open_raw(path, new=size == 0)
            os.ftruncate(self._file, size)
        if size == 0:
            self._write(",".join(columns) + "\n")

    def flush(self) -> None:
        """Write the lines that wait; they count once commit.json says so."""
        if self.lines:
            self._write("\n".join(self.lines) + "\n")
            self.rows += len(self.lines)
            self.lines = []

    def _write(self, text: str) -> None:
        content = text.encode()
        with disk_errors(self.path, len(content)):
            write_all(self._file, content, self.size)
        self.size += len(content)

    def close(self) -> None:
        os.close(self._file)


def open_raw(path: Path, *, new: bool) -> int:
    """A file descriptor for writing at given places; a symbolic link is not followed."""
    flags = os.O_RDWR | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return os.open(path, flags | (os.O_CREAT | os.O_TRUNC if new else 0), 0o644)


def write_all(file: int, content: bytes | memoryview, at: int) -> None:
    """Write at a place until everything is written: on a nearly full disk a call may write less than it was given."""
    os.lseek(file, at, os.SEEK_SET)
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]
