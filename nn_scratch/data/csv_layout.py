"""How a text file is laid out: its encoding, comments, what separates its columns, whether it has a header.

Nothing here reads the values: csv_cells.py does.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import re
import zlib
from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain, count, islice, takewhile
from pathlib import Path
from typing import IO, cast

from nn_scratch.data.notation import number
from nn_scratch.data.problems import SHOWN, is_bomb, refuse
from nn_scratch.data.table import numbered_names
from nn_scratch.errors import UserError
from nn_scratch.wording import plural, quoted

MAX_RECORD = 16 << 20  # characters or bytes of one row: a million columns; each cell takes 60 bytes of memory
TITLE_HEAD = 20  # rows, looked at to find out whether a title stands above the header
HEAD_CELLS = 2_000_000
HEAD = 1000  # rows, of at most HEAD_CELLS cells together, looked at to find out whether the first line is a header
DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
COMMENT = "#"
ZERO_LED = re.compile(r"0[0-9]+")
SEP = re.compile(r'"?sep=.?"?')  # Excel's own line above a header

Record = tuple[int, list[str]]  # the file's line on which it begins, counted from 1; its cells


@dataclass(frozen=True)
class TextFile:
    """A file whose bytes are known to be text."""

    path: Path
    encoding: str
    size: int  # bytes, unpacked
    lines: int  # as an editor counts them
    line_ends: int  # carriage returns and line feeds: never fewer than there are rows
    has_quotes: bool

    def open(self) -> IO[str]:
        opened = gzip.open if is_packed(self.path) else open
        return cast("IO[str]", opened(self.path, "rt", encoding=self.encoding, newline=""))

    @property
    def block_encoding(self) -> str:
        """The encoding of `blocks_of_lines`, in which a byte below 128 is always that ASCII character."""
        return "utf-8" if self.encoding == "utf-8-sig" else self.encoding

    def blocks_of_lines(self, skip: int, size: int) -> Iterator[bytes]:
        """The lines below the first `skip`, about `size` bytes at a time, all ended by a line feed.

        Nothing where the lines that are skipped end in another way, nor in UTF-16.
        """
        if self.encoding == "utf-16":
            return
        opened = gzip.open if is_packed(self.path) else open
        with cast("IO[bytes]", opened(self.path, "rb")) as file:
            head = b"".join(islice(file, skip))
            if head.count(b"\r") != head.count(b"\r\n"):
                return
            block = file.read(size).removeprefix(b"" if skip else codecs.BOM_UTF8)
            while block:
                block += file.readline()
                block = block.replace(b"\r\n", b"\n") if b"\r" in block else block
                yield block if block.endswith(b"\n") else block + b"\n"
                block = file.read(size)


def is_packed(path: Path) -> bool:
    return path.suffix.lower() == ".gz"


def inspect(path: Path) -> TextFile:
    """Read the bytes once: find the encoding, refuse what is no text, and packed files that unpack to gigabytes."""
    packed = path.stat().st_size if is_packed(path) else None
    # utf-8-sig: a byte order mark is no part of the first name
    encoding = "utf-8-sig"
    decoder: codecs.IncrementalDecoder = codecs.getincrementaldecoder("utf-8")()
    size = line_feeds = returns = unended = 0
    has_quotes = False
    block = b""
    for block in _blocks(path):
        if not size and block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            encoding, decoder = "utf-16", codecs.getincrementaldecoder("utf-16")()
        size += len(block)
        try:
            text = decoder.decode(block)
        except UnicodeDecodeError:
            if encoding == "utf-16":
                raise UserError(f"{path}: the text begins as UTF-16 and is none; save it as UTF-8") from None
            encoding, decoder = "cp1252", codecs.getincrementaldecoder("latin-1")()
        if encoding == "utf-16":
            block = text.encode(errors="replace")
        if b"\0" in block:
            line = line_feeds + block.count(b"\n", 0, block.index(b"\0")) + 1
            raise UserError(f"{path}:{line}: a NUL byte, which no text holds; is this a CSV file?")
        last_end = max(block.rfind(b"\n"), block.rfind(b"\r"))
        unended = len(block) - last_end - 1 + (unended if last_end < 0 else 0)
        if unended > MAX_RECORD:
            raise too_long(path, line_feeds + block.count(b"\n") + 1)
        line_feeds += block.count(b"\n")
        returns += block.count(b"\r")
        has_quotes = has_quotes or b'"' in block
        if packed is not None and is_bomb(packed, size):
            raise UserError(f"{path}: {packed:,} bytes that unpack to more than {size:,}; unpack the file yourself")
    if decoder.getstate()[0]:
        if encoding == "utf-16":
            raise UserError(f"{path}:{line_feeds + 1}: the file ends within a character; save the file as UTF-8")
        encoding = "cp1252"
    if encoding == "cp1252" and not _is_windows(path):
        encoding = "latin-1"
    lines = line_feeds + (not block.endswith(b"\n"))
    return TextFile(path, encoding, size, lines, line_feeds + returns, has_quotes)


def _is_windows(path: Path) -> bool:
    """Whether every byte is a letter of Windows-1252, which leaves five without a meaning."""
    return not any(byte in block for block in _blocks(path) for byte in (b"\x81", b"\x8d", b"\x8f", b"\x90", b"\x9d"))


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


def records(path: Path, lines: Iterable[str], delimiter: str, skip: int = 0) -> Iterator[Record]:
    """The rows that are not blank, each with its line; a quoted cell may hold delimiters and line ends.

    skip: how many lines at the beginning are passed over.
    """
    read, end = 0, skip
    lines = islice(lines, skip, None)

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
        line, end, read = end + 1, skip + reader.line_num, 0
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
    """Where the rows of a file begin, how they fall into cells, and what the columns are called."""

    file: TextFile
    delimiter: str
    names: tuple[str, ...]  # of the columns, x1, x2, ... where there is no header
    has_header: bool
    header_end: int  # the line on which the header ends, or the comments before the rows; 0 without either
    width: int  # cells a row: one more than names where every line ends with a delimiter
    notices: tuple[str, ...]
    unnamed: frozenset[str] = frozenset()  # columns without a name in the header
    zero_led: Mapping[int, str] = field(default_factory=dict)  # by column, a cell of its first rows such as 01067

    def records(self) -> Iterator[Record]:
        """The rows below the header, with their lines; those of another width as well, comments not."""
        with self.file.open() as lines:
            for record in records(self.file.path, lines, self.delimiter, self.header_end):
                if len(record[1]) == self.width or not record[1][0].startswith(COMMENT):
                    yield record

    def chunks(self, rows: int, skip: int = 0) -> Iterator[list[list[str]]]:
        """The rows below the header, `rows` at a time, all of one width; UserError names the first that are not.

        skip: how many rows at the beginning, each on a line of its own, are passed over.
        """
        if self.file.has_quotes:
            cells = (cells for _, cells in islice(self.records(), skip, None))
            yield from iter(lambda: self._checked(list(islice(cells, rows))), [])
            return
        with self.file.open() as lines:
            reader = csv.reader(islice(lines, self.header_end + skip, None), delimiter=self.delimiter, strict=True)
            while True:
                try:
                    chunk = list(islice(reader, rows))
                except csv.Error:
                    deque(self.records(), maxlen=0)  # raises it with its line
                    raise
                if not chunk:
                    return
                if not set(map(len, chunk)) <= {self.width} or self.width == 1:
                    chunk = [
                        cells
                        for cells in chunk
                        if len(cells) > 1 or (cells and cells[0].strip())
                        if len(cells) == self.width or not cells[0].startswith(COMMENT)
                    ]
                if chunk:
                    yield self._checked(chunk)

    def _checked(self, chunk: list[list[str]]) -> list[list[str]]:
        if set(map(len, chunk)) <= {self.width}:
            return chunk
        n, total = len(self.names), 0
        how = f"a row has {n} (one that holds a {quoted(self.delimiter)} is put in quotes)"
        problems = []
        for line, cells in self.records():
            if len(cells) != self.width:
                total += 1
                if total <= SHOWN:
                    place = min(len(cells), n) + 1
                    problems.append(
                        f"{self.file.path}:{line}:{place}: {plural(len(cells), 'value')} on this line; {how}"
                    )
        raise refuse(problems, total)

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        """Of cells (row, column), both from 0: their place in the file, "line:column", and their text."""
        wanted: dict[int, list[int]] = {}
        for row, column in cells:
            wanted.setdefault(row, []).append(column)
        found = {}
        for row, (line, values) in enumerate(islice(self.records(), max(wanted, default=-1) + 1)):
            for column in wanted.get(row, ()):
                begins = line + sum(before.count("\n") for before in values[:column])
                found[row, column] = f"{begins}:{column + 1}", values[column].strip()
        return found


def find_layout(path: Path, known: Collection[str] = ()) -> Layout:
    """How a file is laid out; with the names of columns that are `known`, a header is a line that has one of these."""
    file = inspect(path)
    comments = _comments(file)
    skip = _title_end(file, comments, known)
    delimiter = _find_delimiter(file, skip)
    with file.open() as lines:
        head = _head(records(path, lines, delimiter, skip))
    if not head:
        raise UserError(f"{path}: the file is empty; write a header with the columns' names, and a line for each row")
    notices = _file_notices(file, delimiter, comments, skip - comments)
    line, first = head[0]
    commented = _commented_header(file, delimiter, skip, head, known) if 0 < comments == skip else None
    has_header = commented is not None or _is_header(path, head, known)
    if commented is not None:
        line, first, header_end = skip, commented, skip
    else:
        header_end = line + sum(cell.count("\n") for cell in first) if has_header else skip
        head = head[1:] if has_header else head
    if has_header and not head:
        raise UserError(f"{path}:{line}: a header and no rows; write a line for each row")
    width = len(first)
    if not has_header:
        if width > 1 and not any(cells[-1].strip() for _, cells in head if len(cells) == width):
            first = first[:-1]
        names = numbered_names(len(first))
        notices.append(f"{path}: no header, so the first line is a row, and the columns are called x1 to {names[-1]}")
        return Layout(file, delimiter, names, False, header_end, width, tuple(notices), zero_led=_zero_led(head))
    if all(len(cells) == width + 1 and not cells[-1].strip() for _, cells in head):
        width += 1  # every row ends with a delimiter
    names = _names(path, line, first, head, notices)
    unnamed = frozenset(name for name, given in zip(names, first, strict=True) if not given.strip())
    return Layout(file, delimiter, names, True, header_end, width, tuple(notices), unnamed, _zero_led(head))


def _zero_led(head: Sequence[Record]) -> dict[int, str]:
    """By the column's place, the first cell that is a whole number written with a zero before it, as codes are."""
    found: dict[int, str] = {}
    for _, cells in head:
        for place, cell in enumerate(cells):
            if cell[:1] in ("0", " ") and place not in found and ZERO_LED.fullmatch(cell.strip()):
                found[place] = cell.strip()
    return found


def encoding_notices(file: TextFile) -> tuple[str, ...]:
    """A notice where a file is not UTF-8."""
    called = {"cp1252": "Windows-1252", "latin-1": "Latin-1", "utf-16": "UTF-16"}.get(file.encoding)
    return () if called is None else (f"{file.path}: the text is not UTF-8; it is read as {called}",)


def _file_notices(file: TextFile, delimiter: str, comments: int, titles: int) -> list[str]:
    path, notices = file.path, [*encoding_notices(file)]
    if delimiter != "," and not _is_tsv(path):
        notices.append(f"{path}: the columns are separated by {DELIMITERS[delimiter]}")
    if comments:
        notices.append(f"{path}: {plural(comments, 'line')} before the table left out as comments ({COMMENT})")
    if titles:
        notices.append(f"{path}: {plural(titles, 'line')} before the header left out as a title")
    return notices


def _names(path: Path, line: int, header: list[str], head: list[Record], notices: list[str]) -> tuple[str, ...]:
    """The columns' names, each another one; what had to be changed is added to `notices`."""
    given = [" ".join(name.split()) for name in header]
    taken = set(given)
    names: dict[str, int] = {}
    for i, name in enumerate(given, start=1):
        if not name:
            called = _free_name(i, taken)
            if any(len(cells) >= i and cells[i - 1].strip() for _, cells in head):
                notices.append(f"{path}:{line}:{i}: the column has no name; it is called {called!r}")
        elif name in names:
            called = next(free for n in count(2) if (free := f"{name}_{n}") not in taken)
            notices.append(
                f"{path}:{line}:{i}: column {quoted(name)} has the name of column {names[name]}; it is called "
                f"{quoted(called)}"
            )
        else:
            called = name
        taken.add(called)
        names[called] = i
    return tuple(names)


def _comments(file: TextFile) -> int:
    """How many lines at the beginning are comments."""
    with file.open() as lines:
        n = 0
        for text in lines:
            if not text.startswith(COMMENT) and text.strip():
                break
            n += 1
        else:
            return 0  # nothing else is there
    with file.open() as lines:
        return n if any(text.startswith(COMMENT) for text in islice(lines, n)) else 0


def _title_end(file: TextFile, skip: int, known: Collection[str]) -> int:
    """The last line of a title above the header; `skip` where there is none.

    A title is lines of one text each, above a line of two names or more with a column of numbers below one of them;
    so is the line `sep=;` that Excel writes.
    """
    with file.open() as lines:
        first = next(islice(lines, skip, None), "")
    if SEP.fullmatch(first.strip()):
        return skip + 1
    heads = {}
    for delimiter in DELIMITERS:
        with file.open() as lines, suppress(UserError):  # a quote that makes sense with another delimiter only
            heads[delimiter] = list(islice(records(file.path, lines, delimiter, skip), TITLE_HEAD))
    # Where one delimiter fits all lines, the others are part of the cells.
    fits = [head for head in heads.values() if head and {len(cells) for _, cells in head} == {len(head[0][1])} != {1}]
    for head in fits or heads.values():
        titles = list(takewhile(lambda record: sum(map(bool, map(str.strip, record[1]))) <= 1, head))
        below = head[len(titles) :]
        words = [cell.strip() for _, cells in titles for cell in cells if cell.strip()]
        if words and len(below) > 1 and not any(number(word) is not None or word in known for word in words):
            line, names = below[0]
            if _names_numbers(names, [cells for _, cells in below[1:]]):
                return line - 1
    return skip


def _names_numbers(names: list[str], rows: list[list[str]]) -> bool:
    """Whether a line is the header of the rows below it, of two columns or more: names, one of them of numbers."""
    if len(names) < 2 or not all(name.strip() and number(name) is None for name in names):
        return False
    if any(len(cells) != len(names) for cells in rows):
        return False
    columns = ([cell for cell in cells if cell.strip()] for cells in zip(*rows, strict=True))
    return any(cells and all(number(cell) is not None for cell in cells) for cells in columns)


def _commented_header(
    file: TextFile, delimiter: str, skip: int, head: list[Record], known: Collection[str]
) -> list[str] | None:
    """The cells of the last comment where they name the columns, as NumPy's savetxt writes a header."""
    with file.open() as lines:
        last = list(islice(lines, skip))[-1]
    cells = next(csv.reader([last.removeprefix(COMMENT)], delimiter=delimiter), [])
    if len(cells) != len(head[0][1]) or not all(cell.strip() and number(cell) is None for cell in cells):
        return None
    if len(cells) == 1 and not known:
        return None
    if all(number(cell) is None for cell in head[0][1]) and any(
        all(number(row[i]) is not None for _, row in head[1:] if len(row) == len(cells)) for i in range(len(cells))
    ):
        return None  # a header of its own follows
    return cells


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


def _find_delimiter(file: TextFile, skip: int) -> str:
    """Commas, unless another is the only one by which the first 20 rows fall into equally many columns."""
    if _is_tsv(file.path):
        return "\t"
    widths = {}
    for delimiter in DELIMITERS:
        with file.open() as lines:
            try:
                widths[delimiter] = [len(cells) for _, cells in islice(records(file.path, lines, delimiter, skip), 20)]
            except UserError:  # a quote that makes sense with another delimiter only
                widths[delimiter] = []
    for fits in (
        [d for d, counts in widths.items() if len(set(counts)) == 1 and counts[0] > 1],
        [d for d, counts in widths.items() if counts and counts[0] > 1],
    ):
        if len(fits) == 1:
            return fits[0]
    return ","


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
