"""Files that grow, and files that appear whole: what a kill, a power cut or a full disk leaves is readable.

All that is written of a run goes through the few system calls at the end of this module. Contents are synced to the
disk before a rename gives them their name, so that even after a power cut a name stands for the old file or the new.

A `.npy` log is one plain file whose first axis grows: rows are written behind the last ones, then the header is
written anew in its place. Until both are done the file still reads as it was. How many rows count is said by
commit.json, never by a header.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from io import BufferedWriter, BytesIO, RawIOBase
from math import prod
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import DTypeLike

from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import first_line, printable, utf8

KINDS = (
    (stat.S_ISLNK, "a symbolic link"),
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
)

OF_THE_MACHINE = frozenset(
    {errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ESTALE}
)

WRITE_BYTES = 1 << 20  # at a time, of files that appear whole

OPEN_FILES = 200  # of logs, at most; more are opened again when written
SYNC_THREADS = 16  # that wait for the disk side by side

HEADER_BYTES = 256  # room for the longest shape; a multiple of 64, as the format requires


@contextmanager
def disk_errors(path: Path, needed: int | None = None) -> Iterator[None]:
    """Turn an OSError into one line that names the path, the cause and the bytes that were to be written."""
    try:
        yield
    except OSError as error:
        reasons = {
            errno.ENOSPC: "no space left on the disk",
            errno.EDQUOT: "the disk quota is used up",
            errno.EFBIG: "the file would be larger than the limit on file sizes",
            errno.EACCES: "permission denied",
            errno.EPERM: "not permitted",
            errno.EROFS: "the file system is read-only",
            errno.ENOENT: "no such file" if path.parent.is_dir() else "the folder is gone",
            errno.EEXIST: "something else of that name is there",
            errno.ENOTDIR: "not in a folder",
            errno.ELOOP: "a symbolic link is not followed",
            errno.EMFILE: "too many files are open; raise the limit (ulimit -n)",
        }
        reason = reasons.get(error.errno or 0, error.strerror or str(error))
        wanted = "" if needed is None else f"; {needed:,} bytes were to be written"
        raise EnvironmentFailure(f"{path}: {reason}{wanted}") from None


def write_whole(path: Path, write: Callable[[IO[bytes]], Any]) -> None:
    """Write a file that appears when it is whole; `write` is given a file in memory first."""
    content = BytesIO()
    write(content)
    write_bytes(path, content.getvalue())


def check_output(path: Path, inputs: Iterable[Path] = ()) -> None:
    """Raise UserError where a file that the user names for output must not be written.

    A new file, or a regular file that is not one of `inputs` (by another name or a hard link, too), may be. Folders,
    devices, pipes and symbolic links are refused: a rename would put a file in their place.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise UserError(f"{path}: no such folder: {path.parent}") from None
        return
    except (OSError, ValueError) as error:  # a part of the path is a file, or no name at all
        raise UserError(f"{printable(str(path))}: cannot be written ({first_line(error)})") from None
    if not stat.S_ISREG(found.st_mode):
        kind = next((word for test, word in KINDS if test(found.st_mode)), "no regular file")
        raise UserError(f"{path}: is {kind}, which is not replaced; name a new file or a regular one")
    for read in inputs:
        with suppress(OSError):
            if os.path.samestat(found, read.stat()):
                raise UserError(f"{path}: is read by this command, and would be replaced; name another file")


def write_output(path: Path, content: bytes, inputs: Iterable[Path] = ()) -> None:
    """Write a file that the user names, whole or not at all; UserError as `check_output`."""
    check_output(path, inputs)
    write_bytes(path, content)


def make_folder(folder: Path) -> None:
    """Make a folder to write into, with its parents, unless it is there; a symbolic link in its place is refused."""
    with disk_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        if folder.is_symlink():
            raise OSError(errno.ELOOP, "a symbolic link is not followed")


def write_bytes(path: Path, content: bytes) -> None:
    renamed_when_whole(path, lambda file: file.write(content), len(content))


def write_text(path: Path, text: str) -> None:
    """Write a page or a document as `utf8` encodes it: what names it holds cannot make it fail."""
    write_bytes(path, utf8(text))


def write_npz(path: Path, arrays: Mapping[str, Array]) -> None:
    if any(np.asarray(values).dtype.hasobject for values in arrays.values()):
        raise ValueError("objects are not written: they would be pickled")
    needed = sum(np.asarray(values).nbytes for values in arrays.values())
    # without allow_pickle=False, which NumPy 2.0 would take for an array of that name
    renamed_when_whole(path, lambda file: np.savez(file, **arrays), needed)  # type: ignore[arg-type]


def renamed_when_whole(path: Path, write: Callable[[IO[bytes]], Any], needed: int) -> None:
    """Write a file beside its place and rename it when it is whole, so that no reader finds a partial file.

    needed: how many bytes that takes, for the error on a full disk.
    """
    beside = path.with_name(f"{path.name}.part")
    try:
        with disk_errors(path, needed):
            remove(beside)  # of a process that was killed; or a link to somewhere else
            with BufferedWriter(_Raw(open_raw(beside, os.O_CREAT | os.O_EXCL)), WRITE_BYTES) as file:
                write(file)
                file.flush()
                sync(file.fileno())
            rename(beside, path)
    except BaseException:
        with suppress(OSError):
            remove(beside)
        raise


class _Raw(RawIOBase):
    """A descriptor as the raw file below Python's buffers, written by `write_all`."""

    def __init__(self, file: int) -> None:
        self._file, self._at = file, 0

    def fileno(self) -> int:
        return self._file

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def write(self, content: Any) -> int:
        view = memoryview(content).cast("B")
        write_all(self._file, view, self._at)
        self._at += len(view)
        return len(view)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: os.fstat(self._file).st_size}[whence]
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def close(self) -> None:
        if not self.closed:
            super().close()
            os.close(self._file)


def read_npz(path: Path, names: Sequence[str] | None = None) -> dict[str, Array]:
    """The arrays of a .npz, or some; the file is not trusted: no more memory is taken than the file has bytes.

    For any content the result is arrays of numbers or text, or an exception.
    """
    arrays = {}
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if any(member.compress_type != zipfile.ZIP_STORED for member in members):
            raise ValueError("compressed members are not ours")
        if sum(member.file_size for member in members) > path.stat().st_size:
            raise ValueError("it claims to hold more than its size")
        for member in members:
            if names is not None and member.filename.removesuffix(".npy") not in names:
                continue
            with archive.open(member) as file:
                shape, fortran_order, dtype = read_npy_header(file)
                content = bytearray(file.read())  # which an array can write to
            if len(content) != prod(shape) * dtype.itemsize:
                raise ValueError(f"{member.filename} holds {len(content):,} bytes for shape {shape}, dtype {dtype}")
            order: Literal["F", "C"] = "F" if fortran_order else "C"
            arrays[member.filename.removesuffix(".npy")] = np.frombuffer(content, dtype).reshape(shape, order=order)
    return arrays


def read_npy_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Shape, whether in Fortran's order, and dtype of an array of ours: numbers or text. ValueError for any other."""
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"format version {version}")
    shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=1024)
    if len(shape) > 4 or min(shape, default=0) < 0 or dtype.kind not in "fiubU" or dtype.itemsize == 0:
        raise ValueError(f"no array of numbers or text: shape {shape}, dtype {dtype}")
    return shape, fortran_order, dtype


def write_json(path: Path, content: Any) -> None:
    """JSON that any reader takes: numbers that are not finite become null."""
    text = json.dumps(finite(content), indent=1, ensure_ascii=False, allow_nan=False)
    write_text(path, text + "\n")


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


class OpenFiles:
    """Descriptors of files that are written now and then; of many, those used longest ago are closed in between."""

    def __init__(self, most: int = OPEN_FILES) -> None:
        self._most, self._open = most, OrderedDict[Path, int]()

    def add(self, path: Path, file: int) -> None:
        self._open[path] = file
        while len(self._open) > self._most:
            os.close(self._open.popitem(last=False)[1])

    def of(self, path: Path) -> int:
        """The descriptor of a file that was added; it is valid until the next call."""
        if path not in self._open:
            self.add(path, open_raw(path, 0))
        self._open.move_to_end(path)
        return self._open[path]

    def close(self, path: Path) -> None:
        if path in self._open:
            os.close(self._open.pop(path))


class NpyLog:
    """An array (rows, *shape) on disk that grows by rows; plain `numpy.load` reads it."""

    def __init__(
        self, path: Path, shape: tuple[int, ...], dtype: DTypeLike, *, rows: int, files: OpenFiles | None = None
    ) -> None:
        """rows: how many of the file's rows are kept; the rest is cut off. With 0 the file is made anew.

        files: keeps the file open, together with those of other logs.
        """
        self.path, self.shape, self.dtype, self.rows = path, shape, np.dtype(dtype), rows
        self.row_bytes = int(np.prod(shape, dtype=np.int64)) * self.dtype.itemsize
        header = npy_header((0, *shape), dtype) if rows == 0 else b""
        self._files = files or OpenFiles()
        self._files.add(path, opened(path, header, HEADER_BYTES + rows * self.row_bytes))
        self._synced: int | None = None  # how many rows are counted and on the disk, as far as this process knows

    def append(self, block: Array) -> None:
        """Add rows (n, *shape); they count once `commit` has been called."""
        if not len(block):
            return
        content = np.ascontiguousarray(block, self.dtype)
        with disk_errors(self.path, content.nbytes):
            write_all(self._files.of(self.path), content.data.cast("B"), HEADER_BYTES + self.rows * self.row_bytes)
        self.rows += len(content)

    @property
    def waits(self) -> bool:
        """Whether there is something to commit."""
        return self._synced != self.rows

    def count(self) -> int:
        """Let the header count the rows; returns the descriptor, which is valid until as many other logs are used."""
        with disk_errors(self.path):
            file = self._files.of(self.path)
            write_all(file, npy_header((self.rows, *self.shape), self.dtype), 0)
        self._synced = self.rows
        return file

    def trim(self) -> None:
        """Cut off what stands behind the last row."""
        with disk_errors(self.path):
            cut(self._files.of(self.path), HEADER_BYTES + self.rows * self.row_bytes)

    def close(self) -> None:
        self._files.close(self.path)


def commit_logs(logs: Iterable[NpyLog], tables: Iterable[CsvLog] = ()) -> None:
    """Bring what waits in logs and tables to the disk, headers included; logs that have not grown are let be."""
    files = {table.path: table.flush() for table in tables}
    waiting = [log for log in logs if log.waits]
    for start in range(0, len(waiting), OPEN_FILES):
        sync_files(files | {log.path: log.count() for log in waiting[start : start + OPEN_FILES]})
        files = {}
    sync_files(files)


class CsvLog:
    """A CSV file that grows by rows: add to `lines`, then `flush`."""

    def __init__(self, path: Path, columns: tuple[str, ...], *, rows: int, size: int) -> None:
        """size: how many bytes hold the header and the `rows` that are kept; the rest is cut off. 0: made anew."""
        self.path, self.columns, self.rows = path, columns, rows
        self.lines: list[str] = []
        header = (",".join(columns) + "\n").encode() if size == 0 else b""
        self.size = size or len(header)
        self._file = opened(path, header, self.size)

    def flush(self) -> int:
        """Write the buffered lines, which count once commit.json includes them; returns the descriptor to sync."""
        if self.lines:
            self._write("\n".join(self.lines) + "\n")
            self.rows += len(self.lines)
            self.lines = []
        return self._file

    def _write(self, text: str) -> None:
        content = text.encode()
        with disk_errors(self.path, len(content)):
            write_all(self._file, content, self.size)
        self.size += len(content)

    def close(self) -> None:
        os.close(self._file)


def opened(path: Path, header: bytes, size: int) -> int:
    """A descriptor of a log of `size` bytes: a new one with its header, or without a header one that is there."""
    with disk_errors(path, len(header) or None):
        file = open_raw(path, os.O_CREAT | os.O_TRUNC if header else 0)
        try:
            write_all(file, header, 0)
            cut(file, size)
        except BaseException:
            os.close(file)
            if header:
                path.unlink(missing_ok=True)
            raise
    return file


def open_raw(path: Path, flags: int) -> int:
    """A descriptor of a plain file, to read and to write at given places; a symbolic link is not followed."""
    for name in ("O_CLOEXEC", "O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"):  # not every system has each
        flags |= getattr(os, name, 0)
    file = os.open(path, flags | os.O_RDWR, 0o644)
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise OSError(errno.EINVAL, "no plain file")
    return file


def cut(file: int, size: int) -> None:
    """Cut a file down to a size, which it must have at the least."""
    if os.fstat(file).st_size < size:
        raise OSError(errno.EINVAL, f"the file is shorter than the {size:,} bytes that were committed")
    os.ftruncate(file, size)


def write_all(file: int, content: bytes | memoryview, at: int) -> None:
    """Write at a place until everything is written: on a nearly full disk a call may write less than it was given."""
    os.lseek(file, at, os.SEEK_SET)
    view = memoryview(content)
    while view:
        view = view[os.write(file, view) :]


def sync(file: int) -> None:
    """Have the system bring a file's contents to the disk itself, not only to its cache."""
    os.fsync(file)


def sync_files(files: Mapping[Path, int]) -> None:
    """Sync several files, given by their descriptors, at once: a file system with a journal then waits for few writes.

    EnvironmentFailure names the file that could not be.
    """

    def one(path: Path, file: int) -> None:
        with disk_errors(path):
            sync(file)

    try:
        with ThreadPoolExecutor(SYNC_THREADS) as pool:
            for _ in pool.map(one, files.keys(), files.values()):
                pass
    except RuntimeError:  # the system starts no more threads: for want of memory, or by a limit
        for path, file in files.items():
            one(path, file)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk: what was made, renamed or removed in it; ignored where the system cannot."""
    if not hasattr(os, "O_DIRECTORY"):  # Windows opens no folders
        return
    with disk_errors(folder):
        file = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            with suppress(OSError):  # some network file systems refuse
                os.fsync(file)
        finally:
            os.close(file)


def rename(path: Path, target: Path) -> None:
    os.replace(path, target)  # noqa: PTH105


def remove(path: Path) -> None:
    """Remove a file or a link, if it is there."""
    with suppress(FileNotFoundError):
        os.unlink(path)  # noqa: PTH108
