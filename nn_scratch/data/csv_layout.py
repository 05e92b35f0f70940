"""How a text file is laid out: its encoding, what separates its columns, whether it has a header.

Nothing here reads the values: csv_table.py does.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import zlib
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, count, islice
from pathlib import Path
from typing import IO, cast

from nn_scratch.data.problems import is_bomb
from nn_scratch.data.table import numbered_names
from nn_scratch.errors import UserError
from nn_scratch.wording import plural, quoted

MAX_RECORD = 16 << 20  # characters or bytes of one row: a million columns; each cell takes 60 bytes of memory
HEAD_CELLS = 2_000_000
HEAD = 1000  # rows, of at most HEAD_CELLS cells together, looked at to tell whether the first line is a header
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs"}

Record = tuple[int, list[str]]  # the file's line on which it begins, counted from 1; its cells


@dataclass(frozen=True)
class TextFile:
    """A file whose bytes are known to be text."""

    path: Path
    size: int  # bytes, unpacked
    lines: int  # as an editor counts them
    line_ends: int  # carriage returns and line feeds: never fewer than there are rows
    has_quotes: bool

    def open(self) -> IO[str]:
        # utf-8-sig: a byte order mark is no part of the first name
        opened = gzip.open if is_packed(self.path) else open
        return cast("IO[str]", opened(self.path, "rt", encoding="utf-8-sig", newline=""))


def is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def inspect(path: Path) -> TextFile:
    """Read the bytes once: refuse what is no UTF-8 text, and packed files that unpack to gigabytes."""
    packed = path.stat().st_size if is_packed(path) else None
    decoder = codecs.getincrementaldecoder("utf-8")()
    size = line_feeds = returns = unended = 0
    has_quotes = False
    block = b""
    for block in _blocks(path):
        if not size and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            raise UserError(f"{path}: the text is UTF-16; save it as UTF-8")
        if b"\0" in block:
            line = line_feeds + block.count(b"\n", 0, block.index(b"\0")) + 1
            raise UserError(f"{path}:{line}: a NUL byte, which no text holds; is this a CSV file?")
        try:
            decoder.decode(block)
        except UnicodeDecodeError as error:
            line = line_feeds + error.object.count(b"\n", 0, error.start) + 1
            raise UserError(
                f"{path}:{line}: byte 0x{error.object[error.start]:02x} is not UTF-8 (but Windows-1252 or Latin-1, "
                "perhaps); save the file as UTF-8"
            ) from None
        size += len(block)
        *_, last = block.replace(b"\r", b"\n").rpartition(b"\n")
        unended = len(last) + (unended if len(last) == len(block) else 0)
        if unended > MAX_RECORD:
            raise too_long(path, line_feeds + block.count(b"\n") + 1)
        line_feeds += block.count(b"\n")
        returns += block.count(b"\r")
        has_quotes = has_quotes or b'"' in block
        if packed is not None and is_bomb(packed, size):
            raise UserError(f"{path}: {packed:,} bytes that unpack to more than {size:,}; unpack the file yourself")
    if decoder.getstate()[0]:
        raise UserError(f"{path}:{line_feeds + 1}: the file ends within a character; save the file as UTF-8")
    lines = line_feeds + (not block.endswith(b"\n"))
    return TextFile(path, size, lines, line_feeds + returns, has_quotes)


def _blocks(path: Path) -> Iterator[bytes]:
    if not is_packed(path):
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                yield block
        return
    try:
        with gzip.open(path) as file:
            while block := file.read(1 << 20):
                yield block
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UserError(f"{path}: no whole gzip file ({error}); pack it again") from None


def records(path: Path, lines: Iterable[str], delimiter: str) -> Iterator[Record]:
    """The rows that are not blank, each with its line; a quoted cell may hold delimiters and line ends."""
    read = end = 0

    def bounded() -> Iterator[str]:
        nonlocal read
        for text in lines:
            read += len(text)
            if read > MAX_RECORD:
                raise too_long(path, end + 1)
            yield text

    reader = csv.reader(bounded(), delimiter=delimiter, strict=True)
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UserError(f"{path}:{end + 1}: {_explained(str(error))}") from None
        line, end, read = end + 1, reader.line_num, 0
        if len(cells) > 1 or (cells and cells[0].strip()):
            yield line, cells


def too_long(path: Path, line: int) -> UserError:
    return UserError(
        f"{path}:{line}: a row of more than {MAX_RECORD:,} characters; are its line ends missing, or is a quote "
        '(") opened here and never closed?'
    )


def _explained(error: str) -> str:
    if "unexpected end" in error:
        return 'a quote (") is opened here and never closed; close it, or double a quote that belongs to the text'
    if "expected after" in error:
        return 'text follows a closed quote ("); double a quote that belongs to the text'
    if "field limit" in error:
        return 'a cell of more than 131,072 characters; is a quote (") opened here and never closed?'
    return f"not CSV ({error})"


@dataclass(frozen=True)
class Layout:
    file: TextFile
    delimiter: str
    names: tuple[str, ...]  # of the columns, x1, x2, ... where there is no header
    has_header: bool
    header_end: int  # the line on which the header ends; 0 without one
    notices: tuple[str, ...]

    def rows(self) -> Iterator[Record]:
        """The rows below the header."""
        with self.file.open() as lines:
            yield from islice(records(self.file.path, lines, self.delimiter), int(self.has_header), None)


def find_layout(path: Path, known: Collection[str] = ()) -> Layout:
    """How a file is laid out; with the names of columns that are `known`, a header is a line that has one of these."""
    file = inspect(path)
    delimiter = _find_delimiter(file)
    with file.open() as lines:
        head = _head(records(path, lines, delimiter))
    if not head:
        raise UserError(f"{path}: the file is empty; write a header with the columns' names, and a line for each row")
    notices = []
    if delimiter != "," and not _is_tsv(path):
        notices.append(f"{path}: the columns are separated by {DELIMITERS[delimiter]}")
    line, first = head[0]
    has_header = _is_header(path, head, known)
    if not has_header:
        names = numbered_names(len(first))
        notices.append(f"{path}: no header, so the first line is a row, and the columns are called x1 to {names[-1]}")
        return Layout(file, delimiter, names, False, 0, tuple(notices))
    if len(head) < 2:
        raise UserError(f"{path}:{line}: a header and no rows; write a line for each row")
    given = [" ".join(name.split()) for name in first]
    names = tuple(name or _free_name(i, given) for i, name in enumerate(given, start=1))
    for i, name in enumerate(names, start=1):
        if not given[i - 1]:
            notices.append(f"{path}:{line}:{i}: the column has no name; it is called {name!r}")
    seen: dict[str, int] = {}
    problems = [
        f"{path}:{line}:{i}: column {quoted(name)} has the name of column {seen[name]}; give it another"
        for i, name in enumerate(names, start=1)
        if seen.setdefault(name, i) != i
    ]
    if problems:
        raise UserError(problems)
    header_end = line + sum(cell.count("\n") for cell in first)
    return Layout(file, delimiter, names, True, header_end, tuple(notices))


def _head(rows: Iterator[Record]) -> list[Record]:
    """The first two rows, and more as long as they are within HEAD rows and HEAD_CELLS cells."""
    head: list[Record] = []
    cells = 0
    for record in islice(rows, HEAD):
        head.append(record)
        cells += len(record[1])
        if len(head) > 1 and cells > HEAD_CELLS:
            break
    return head


def _free_name(column: int, taken: Collection[str]) -> str:
    """x1, or where another column is called so, column_1."""
    names = chain([f"x{column}"], (f"column{'_' * n}{column}" for n in count(1)))
    return next(name for name in names if name not in taken)


def _is_tsv(path: Path) -> bool:
    return ".tsv" in path.name.lower()


def _find_delimiter(file: TextFile) -> str:
    """Commas, unless another is the only one by which the first 20 rows fall into equally many columns."""
    if _is_tsv(file.path):
        return "\t"
    widths = {}
    for delimiter in DELIMITERS:
        with file.open() as lines:
            try:
                widths[delimiter] = [len(cells) for _, cells in islice(records(file.path, lines, delimiter), 20)]
            except UserError:  # a quote that makes sense with another delimiter only
                widths[delimiter] = []
    for fits in (
        [d for d, counts in widths.items() if len(set(counts)) == 1 and counts[0] > 1],
        [d for d, counts in widths.items() if counts and counts[0] > 1],
    ):
        if len(fits) == 1:
            return fits[0]
    return ","


def number(cell: str) -> float | None:
    """The number that a cell holds, None for text; nan and inf are numbers here."""
    if "_" in cell:  # Python reads 1_000 as a number; people who write tables do not
        return None
    try:
        return float(cell)
    except ValueError:
        return None


def _is_header(path: Path, head: list[Record], known: Collection[str]) -> bool:
    (line, first), *others = head
    numbers = [number(cell) for cell in first]
    if all(value is None for value in numbers):
        return True
    if known:
        return any(" ".join(cell.split()) in known for cell in first)
    if all(value is not None or not cell.strip() for value, cell in zip(numbers, first, strict=True)):
        return False
    # Both: names such as 2019 and 2020, or a row without a header, with text in it?
    rows = [cells for _, cells in others if len(cells) == len(first)]
    for i, value in enumerate(numbers):
        if value is None and rows and all(number(cells[i]) is not None or not cells[i].strip() for cells in rows):
            return True
    if any(value is None and any(cells[i] == first[i] for cells in rows) for i, value in enumerate(numbers)):
        return False
    a_number = next(cell for cell, value in zip(first, numbers, strict=True) if value is not None)
    a_text = next(cell for cell, value in zip(first, numbers, strict=True) if value is None)
    raise UserError(
        f"{path}:{line}: {quoted(a_number)} is a number and {quoted(a_text)} is text: a header, or the first of "
        f"{plural(len(head), 'row')}? Write a header whose names are no numbers"
    )
