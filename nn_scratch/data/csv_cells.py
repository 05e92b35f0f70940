"""The cells of a text file, column by column: numbers where every cell is one, else texts by their codes."""

from __future__ import annotations

import csv
import gc
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from nn_scratch.data.columns import Coded, numbers_of, texts_of
from nn_scratch.data.csv_layout import Layout
from nn_scratch.data.plain_decimals import plain_decimals
from nn_scratch.metrics import Array

CHUNK_CELLS = 32768  # read at a time, so few that their texts stay in the cache
BLOCK_BYTES = 1 << 17  # of lines that are read at a time, so few that what is made of them stays in the cache
QUICK_TEXT = (16, 32, 64, 128)  # letters of a text, at most, that is read the quick way: as few as will do
KNOWN_TEXTS = 5000  # of a column that are remembered from chunk to chunk
QUICK_WIDTH = 1000  # columns
MOST_FAILURES = 20  # of the quick way, after which it costs more than it saves
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

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        return self.layout.locate(cells)

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        width = self.layout.width
        rows = max(1, min(64, 100 * CHUNK_CELLS // width), CHUNK_CELLS // width)
        done = 0
        if not self.layout.file.has_quotes and width <= QUICK_WIDTH:
            reader = QuickReader(self.layout, places, as_text)
            for batch in reader.batches(rows):
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
        if file.encoding == "utf-16":
            return None
        values = np.empty((file.lines - layout.header_end, layout.width))
        rows = 0
        for block in file.blocks_of_lines(layout.header_end, BLOCK_BYTES):
            found = plain_decimals(block, layout.delimiter, layout.width)
            if found is None and not block.strip():
                continue  # blank lines
            if found is None and rows and b"\r" not in block:
                found = _loaded(block.decode(file.encoding).split("\n"), delimiter=layout.delimiter)
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
    """Reads rows without quotes at the speed of C: numbers as such, texts by their codes.

    Which columns hold text is found from the rows themselves.
    """

    def __init__(self, layout: Layout, places: Sequence[int], as_text: Collection[int]) -> None:
        self.layout, self.places = layout, list(places)
        self.text = set(as_text)
        self.letters = QUICK_TEXT[0]
        self.is_done = False  # whether all rows were read
        self.salts = np.random.default_rng(0).integers(0, 2**63, QUICK_TEXT[-1], dtype=np.uint64) * np.uint64(2)
        self.salts += np.uint64(1)
        self.known: dict[int, tuple[Array, list[str]]] = {}  # by place: sorted hashes, and their texts

    def batches(self, rows: int) -> Iterator[list[CellBatch]]:
        """Up to the first rows of another width, or that fail in another way; those left are for the careful way."""
        delimiter, delimiters = self.layout.delimiter, self.layout.width - 1
        failures = 0
        with self.layout.file.open() as lines:
            left = islice(lines, self.layout.header_end, None)
            while chunk := list(islice(left, rows)):
                # As many delimiters as whole rows have, and a last cell in each, which is read: every row is whole.
                whole = "".join(chunk).count(delimiter) == delimiters * len(chunk)
                if not whole or (not delimiters and not all(map(str.strip, chunk))):
                    return
                batch = self._numbers_and_codes(chunk)
                if batch is None:
                    failures += 1
                    batch = None if failures > MOST_FAILURES else self._cells(chunk)
                if batch is None:
                    return
                yield batch
        self.is_done = True

    def _numbers_and_codes(self, chunk: list[str]) -> list[CellBatch] | None:
        kinds = [f"U{self.letters}" if place in self.text else "f8" for place in self.places]
        try:
            cells = np.loadtxt(
                chunk,
                delimiter=self.layout.delimiter,
                comments=None,
                dtype=[*((str(i), kind) for i, kind in enumerate(kinds)), ("last", "U1")],
                usecols=[*self.places, self.layout.width - 1],
                ndmin=1,
            )
        except (ValueError, OverflowError):
            return None
        if len(cells) != len(chunk):
            return None
        batch: list[CellBatch] = []
        for i, place in enumerate(self.places):
            values = np.ascontiguousarray(cells[str(i)])
            if place not in self.text:
                batch.append(values)
                continue
            letters = values.view(np.uint32).reshape(len(values), self.letters)
            if letters[:, -1].any():  # some may have been cut
                if self.letters == QUICK_TEXT[-1]:
                    return None
                self.letters = QUICK_TEXT[QUICK_TEXT.index(self.letters) + 1]
                return self._numbers_and_codes(chunk)
            batch.append(self._coded(place, values, letters.astype(np.uint64) @ self.salts[: self.letters]))
        return batch

    def _coded(self, place: int, texts: Array, hashes: Array) -> Coded:
        """The texts of a column by codes; distinguished by hashes of 64 bits."""
        known, labels = self.known.get(place, (np.empty(0, np.uint64), []))
        new = (
            known[np.minimum(np.searchsorted(known, hashes), len(known) - 1)] != hashes
            if labels
            else np.ones(len(hashes), bool)
        )
        if new.any():
            found, first = np.unique(hashes[new], return_index=True)
            known = np.concatenate([known, found])
            order = np.argsort(known)
            known, unsorted = known[order], labels + texts[new][first].tolist()
            labels = [unsorted[i] for i in order.tolist()]
            if len(labels) <= KNOWN_TEXTS:
                self.known[place] = known, labels
            else:
                self.known.pop(place, None)
        return Coded(labels, np.searchsorted(known, hashes).astype(np.int32))

    def _cells(self, chunk: list[str]) -> list[CellBatch] | None:
        """The cells themselves; columns with one that is no number are text from here on. None for rows not whole."""
        rows = list(csv.reader(chunk, delimiter=self.layout.delimiter))
        if len(rows) != len(chunk) or not set(map(len, rows)) <= {self.layout.width}:
            return None
        columns = list(zip(*rows, strict=True))
        for place in self.places:
            if place not in self.text and numbers_of(columns[place], frozenset()) is None:
                self.text.add(place)
        return [columns[place] for place in self.places]
