"""The cells of a text file, column by column: numbers where every cell is one, else texts by their codes."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from nn_scratch.data.columns import numbers_of, texts_of
from nn_scratch.data.csv_layout import Layout
from nn_scratch.data.table import Array

CHUNK_CELLS = 32768  # read at a time, so few that their texts stay in the cache
NO_CODES = np.empty(0, dtype=np.int32)


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

    def numbers(self) -> Array | None:
        """(rows, columns) float64 if that can be had at once, and every cell is a number; else None."""
        ...

    def batches(self, places: Sequence[int]) -> Iterator[list[Sequence[str] | Array]]:
        """The columns at these places, some rows at a time: texts, or numbers (rows,) with NaN where one is missing."""
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

    def add(self, cells: Sequence[str] | Array) -> None:
        if not self.as_text and not self.codes:
            values = cells if isinstance(cells, np.ndarray) else numbers_of(cells, self.nothing)
            if values is not None:
                self.numbers.append(values)
                return
        texts = texts_of(cells) if isinstance(cells, np.ndarray) else cells
        self.codes.append(np.fromiter(map(self.interned.__getitem__, texts), np.int32, len(texts)))

    @property
    def is_torn(self) -> bool:
        """Whether texts came after cells that were taken for numbers: it has to be read again, as text."""
        return bool(self.numbers and self.codes)

    def column(self) -> RawColumn:
        if self.codes:
            return RawColumn(self.name, self.place, None, list(self.interned), np.concatenate(self.codes))
        numbers = np.concatenate(self.numbers) if self.numbers else np.empty(0)
        self.numbers = []
        return RawColumn(self.name, self.place, numbers)


def read_cells(source: Source, names: Collection[str], as_text: Collection[str], nothing: frozenset[str]) -> Cells:
    """The columns of these names, in the file's order.

    as_text: those whose cells have to stay as they are written. nothing: what stands for a missing value.
    """
    places = [(name, place) for place, name in enumerate(source.names) if name in names]
    matrix = None if any(name in as_text for name, _ in places) else source.numbers()
    if matrix is not None:
        columns = tuple(RawColumn(name, place, matrix[:, place]) for name, place in places)
        return Cells(source, columns, len(matrix), matrix)
    readers = [ColumnReader(name, place, nothing, name in as_text) for name, place in places]
    rows = _read(source, readers)
    torn = [i for i, reader in enumerate(readers) if reader.is_torn]
    if torn:
        for i in torn:
            readers[i] = ColumnReader(readers[i].name, readers[i].place, nothing, as_text=True)
        _read(source, [readers[i] for i in torn])
    return Cells(source, tuple(reader.column() for reader in readers), rows, None)


def _read(source: Source, readers: Sequence[ColumnReader]) -> int:
    rows = 0
    with no_collection():
        for batch in source.batches([reader.place for reader in readers]):
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

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        return self.layout.locate(cells)

    def batches(self, places: Sequence[int]) -> Iterator[list[Sequence[str] | Array]]:
        width = self.layout.width
        for chunk in self.layout.chunks(max(1, min(64, 100 * CHUNK_CELLS // width), CHUNK_CELLS // width)):
            columns = list(zip(*chunk, strict=True))
            yield [columns[place] for place in places]

    def numbers(self) -> Array | None:
        """At the speed of C."""
        layout, file = self.layout, self.layout.file
        if file.has_quotes or layout.width != len(layout.names):
            return None
        try:
            values: Array = np.loadtxt(
                str(file.path.absolute()),  # a name alone might be taken for an address on the web
                delimiter=layout.delimiter,
                comments=None,
                ndmin=2,
                skiprows=layout.header_end,
                encoding=file.encoding,
            )
        except (ValueError, OverflowError):
            return None
        return values if values.shape[1] == layout.width else None
