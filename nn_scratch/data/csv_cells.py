"""The cells of a text file, column by column: numbers where every cell is one, else texts by their codes."""

from __future__ import annotations

import gc
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nn_scratch.data.byte_cells import ByteCells, TextCoder, find_cells
from nn_scratch.data.columns import Coded, numbers_of, texts_of
from nn_scratch.data.csv_layout import Layout
from nn_scratch.data.moments import row_blocks
from nn_scratch.data.plain_decimals import plain_decimals
from nn_scratch.metrics import Array

CHUNK_CELLS = 32768  # read at a time, so few that their texts stay in the cache
BLOCK_BYTES = 1 << 18  # of lines that are read at a time, so few that what is made of them stays in the cache
BYTES_A_COLUMN = 2048  # of them at least, so that there are rows enough to each step of the work
QUICK_WIDTH = 1000  # columns
NO_CODES = np.empty(0, dtype=np.int32)
NO_EXTENT = (math.nan, math.nan)


@dataclass(frozen=True)
class RawColumn:
    """A column as it was written.

    Either `numbers` (rows,) float64, NaN where one is missing; or `codes` (rows,) int32 that index `texts`.
    """

    name: str
    place: int  # in the file, from 0
    numbers: Array | None
    texts: Sequence[str] = ()
    codes: Array = field(default_factory=lambda: NO_CODES)
    extent: tuple[float, float] = NO_EXTENT  # the lowest and the highest of the numbers


CellBatch = Sequence[str] | Coded | Array


class Source(Protocol):
    """A file whose rows fall into named columns: text, or another format (see formats.py)."""

    @property
    def path(self) -> Path: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def has_header(self) -> bool: ...
    @property
    def delimiter(self) -> str: ...
    @property
    def notices(self) -> tuple[str, ...]: ...

    def unnamed(self) -> Collection[str]:
        """Columns that got their names from their places."""
        ...

    def zero_led(self) -> Mapping[int, str]:
        """By the column's place, a cell of its first rows that is a whole number with a zero before it: 01067."""
        ...

    def numbers(self) -> Array | None:
        """(rows, columns) float64 if that can be had at once, and every cell is a number; else None."""
        ...

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        """The columns at these places, some rows at a time: texts, or numbers (rows,) with NaN where one is missing.

        as_text: those of the places whose cells have to stay as they are written.
        """
        ...

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        """Of cells (row, column), both from 0: their place as messages have it, "line:column", and their text."""
        ...


@dataclass(frozen=True)
class Cells:
    """Some columns of a file."""

    source: Source
    columns: tuple[RawColumn, ...]
    rows: int
    matrix: Array | None  # (rows, columns of the file) where `numbers` are its columns


class Interned(dict[str, int]):
    """A code for every different text, in the order of first appearance."""

    def __missing__(self, text: str) -> int:
        code = self[text] = len(self)
        return code


class ColumnReader:
    """Gathers the cells of a column chunk by chunk, as numbers while they are some."""

    def __init__(self, name: str, place: int, nothing: frozenset[str], as_text: bool) -> None:
        self.name, self.place, self.nothing, self.as_text = name, place, nothing, as_text
        self.numbers: list[Array] = []
        self.codes: list[Array] = []
        self.interned = Interned()

    def add(self, cells: CellBatch) -> None:
        if isinstance(cells, Coded):
            self._add_coded(cells)
            return
        if not self.as_text and not self.codes:
            values = cells if isinstance(cells, np.ndarray) else numbers_of(cells, self.nothing)
            if values is not None:
                self.numbers.append(values)
                return
        texts = texts_of(cells) if isinstance(cells, np.ndarray) else cells
        self.codes.append(np.fromiter(map(self.interned.__getitem__, texts), np.int32, len(texts)))

    def _add_coded(self, cells: Coded) -> None:
        if not self.as_text and not self.codes:
            values = numbers_of(cells.texts, self.nothing)
            if values is not None:
                self.numbers.append(values[cells.codes])
                return
        own = np.fromiter(map(self.interned.__getitem__, cells.texts), np.int32, len(cells.texts))
        self.codes.append(own[cells.codes])

    @property
    def is_torn(self) -> bool:
        """Whether texts came after cells that were taken for numbers: it has to be read again, as text."""
        return bool(self.numbers and self.codes)

    def column(self) -> RawColumn:
        if self.codes:
            return RawColumn(self.name, self.place, None, list(self.interned), np.concatenate(self.codes))
        numbers = np.concatenate(self.numbers) if self.numbers else np.empty(0)
        self.numbers = []
        return RawColumn(self.name, self.place, numbers, extent=extent_of(numbers))


def read_cells(source: Source, names: Collection[str], as_text: Collection[str], nothing: frozenset[str]) -> Cells:
    """The columns of these names, in the file's order.

    as_text: those whose cells have to stay as they are written. nothing: what stands for a missing value.
    """
    places = [(name, place) for place, name in enumerate(source.names) if name in names]
    matrix = None if any(name in as_text for name, _ in places) else source.numbers()
    if matrix is not None:
        low, high = _extents(matrix)
        columns = tuple(
            RawColumn(name, place, matrix[:, place], extent=(float(low[place]), float(high[place])))
            for name, place in places
        )
        return Cells(source, columns, len(matrix), matrix)
    readers = [ColumnReader(name, place, nothing, name in as_text) for name, place in places]
    rows = _read(source, readers)
    torn = [i for i, reader in enumerate(readers) if reader.is_torn]
    if torn:
        for i in torn:
            readers[i] = ColumnReader(readers[i].name, readers[i].place, nothing, as_text=True)
        _read(source, [readers[i] for i in torn])
    return Cells(source, tuple(reader.column() for reader in readers), rows, None)


def extent_of(numbers: Array) -> tuple[float, float]:
    """The lowest and the highest of numbers, NaN where there are none."""
    return float(np.fmin.reduce(numbers, initial=math.nan)), float(np.fmax.reduce(numbers, initial=math.nan))


def _extents(matrix: Array) -> tuple[Array, Array]:
    """`extent_of` all columns, in one pass over the rows."""
    low, high = np.full((2, matrix.shape[1]), math.nan)
    for part in row_blocks(*matrix.shape):
        low = np.fmin(low, np.fmin.reduce(matrix[part], axis=0))
        high = np.fmax(high, np.fmax.reduce(matrix[part], axis=0))
    return low, high


def _read(source: Source, readers: Sequence[ColumnReader]) -> int:
    rows = 0
    with no_collection():
        as_text = [reader.place for reader in readers if reader.as_text]
        for batch in source.batches([reader.place for reader in readers], as_text):
            rows += len(batch[0])
            for reader, cells in zip(readers, batch, strict=True):
                reader.add(cells)
    return rows


@contextmanager
def no_collection() -> Iterator[None]:
    """Without the garbage collector, which would look through millions of cells again and again."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


@dataclass(frozen=True)
class TextSource:
    """The rows of a text file."""

    layout: Layout

    @property
    def path(self) -> Path:
        return self.layout.file.path

    @property
    def names(self) -> tuple[str, ...]:
        return self.layout.names

    @property
    def has_header(self) -> bool:
        return self.layout.has_header

    @property
    def delimiter(self) -> str:
        return self.layout.delimiter

    @property
    def notices(self) -> tuple[str, ...]:
        return self.layout.notices

    def unnamed(self) -> Collection[str]:
        return self.layout.unnamed

    def zero_led(self) -> Mapping[int, str]:
        return self.layout.zero_led

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        return self.layout.locate(cells)

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        width = self.layout.width
        rows = max(1, min(64, 100 * CHUNK_CELLS // width), CHUNK_CELLS // width)
        done = 0
        if not self.layout.file.has_quotes and width <= QUICK_WIDTH:
            reader = QuickReader(self.layout, places, as_text)
            for batch in reader.batches():
                done += len(batch[0])
                yield batch
            if reader.is_done:
                return
        for chunk in self.layout.chunks(rows, done):
            columns = list(zip(*chunk, strict=True))
            yield [columns[place] for place in places]

    def numbers(self) -> Array | None:
        """At the speed of C."""
        layout, file = self.layout, self.layout.file
        if file.has_quotes or layout.width != len(layout.names):
            return None
        values = self._plain_numbers()
        if values is None:
            values = _loaded(
                str(file.path.absolute()),  # a name alone might be taken for an address on the web
                delimiter=layout.delimiter,
                skiprows=layout.header_end,
                encoding=file.encoding,
            )
        return values if values is not None and values.shape[1] == layout.width else None

    def _plain_numbers(self) -> Array | None:
        """(rows, columns) of a file whose first rows are plain decimals; None of another, or of one with text."""
        layout, file = self.layout, self.layout.file
        values = np.empty((file.lines - layout.header_end, layout.width))
        rows = 0
        for block in file.blocks_of_lines(layout.header_end, BLOCK_BYTES):
            cells = find_cells(block, layout.delimiter, layout.width)
            columns = {} if cells is None else plain_decimals(cells, range(layout.width))
            if cells is not None and len(columns) == layout.width:
                np.stack(list(columns.values()), axis=1, out=values[rows : rows + cells.rows])
                rows += cells.rows
                continue
            if not block.strip():
                continue  # blank lines
            found = None
            if rows and b"\r" not in block:
                found = _loaded(block.decode(file.block_encoding).split("\n"), delimiter=layout.delimiter)
            if found is None or found.shape[1] != layout.width:
                return None
            values[rows : rows + len(found)] = found
            rows += len(found)
        return values[:rows] if rows else None


def _loaded(source: str | list[str], **how: Any) -> Array | None:
    try:
        values: Array = np.loadtxt(source, comments=None, ndmin=2, **how)
    except (ValueError, OverflowError):
        return None
    return values


class QuickReader:
    """Reads rows without quotes block by block, from the bytes: numbers as such, texts by their codes.

    Which columns hold text is found from the rows themselves.
    """

    def __init__(self, layout: Layout, places: Sequence[int], as_text: Collection[int]) -> None:
        self.layout, self.places = layout, list(places)
        self.encoding = layout.file.block_encoding
        self.coders = {place: TextCoder(self.encoding) for place in as_text}
        self.odd: set[int] = set()  # columns of numbers in another notation, in the block before
        self.is_done = False  # whether all rows were read

    def batches(self) -> Iterator[list[CellBatch]]:
        """Up to the first rows of another width, or that are blank; those left are for the careful way."""
        layout = self.layout
        size = max(BLOCK_BYTES, BYTES_A_COLUMN * layout.width)
        for block in layout.file.blocks_of_lines(layout.header_end, size):
            cells = find_cells(block, layout.delimiter, layout.width)
            if cells is None or (layout.width == 1 and not all(map(str.strip, cells.texts(0, self.encoding)))):
                self.is_done = False
                return
            self.is_done = True
            yield self._columns(cells)

    def _columns(self, cells: ByteCells) -> list[CellBatch]:
        numbers = [place for place in dict.fromkeys(self.places) if place not in self.coders]
        found: dict[int, CellBatch] = {
            **plain_decimals(cells, [place for place in numbers if place not in self.odd]),
            **plain_decimals(cells, [place for place in numbers if place in self.odd]),
        }
        self.odd = {place for place in numbers if place not in found}
        for place in self.odd:
            values = self._other_numbers(cells.texts(place, self.encoding))
            if values is None:
                self.coders[place] = TextCoder(self.encoding)
            else:
                found[place] = values
        return [found[place] if place in found else self.coders[place](cells, place) for place in self.places]

    def _other_numbers(self, texts: list[str]) -> Array | None:
        """Numbers in the notation of programs; None of other texts."""
        values = _loaded([text or "nan" for text in texts], delimiter=self.layout.delimiter)
        if values is not None and values.shape == (len(texts), 1):
            return values[:, 0]
        return numbers_of(texts, frozenset([""]))
