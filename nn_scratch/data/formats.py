"""Tables in other formats than text: Parquet and Feather (pyarrow), Excel (openpyxl), JSON lines."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.data.columns import Coded
from nn_scratch.data.csv_cells import CellBatch, Source, TextSource
from nn_scratch.data.csv_layout import TextFile, encoding_notices, find_layout, inspect
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.optional import optional
from nn_scratch.wording import first_line, quoted

BATCH_ROWS = 8192
TEXT = (".csv", ".tsv", ".txt", ".csv.gz", ".tsv.gz", ".txt.gz")
JSON_LINES = (".jsonl", ".ndjson", ".jsonl.gz", ".ndjson.gz")
ARROW = (".parquet", ".pq", ".feather", ".arrow")
EXCEL = (".xlsx", ".xlsm")
NAMED_COLUMNS = (*TEXT, *JSON_LINES, *ARROW, *EXCEL)


def has_named_columns(path: Path) -> bool:
    """Whether a file's name has the suffix of a table whose columns have names."""
    return path.name.lower().endswith(NAMED_COLUMNS)


def open_table(path: Path, known: Collection[str] = ()) -> Source:
    """The source of a file of named columns, by its name; `known`: names by which a header is recognized."""
    name = path.name.lower()
    if name.endswith(JSON_LINES):
        return JsonLinesSource.open(path)
    if name.endswith(ARROW):
        return ArrowSource.open(path)
    if name.endswith(EXCEL):
        return ExcelSource.open(path)
    return TextSource(find_layout(path, known))


@dataclass(frozen=True)
class RecordSource:
    """The base class of the formats below: names, and rows that are named by their number."""

    path: Path
    names: tuple[str, ...]
    notices: tuple[str, ...]

    has_header = True
    delimiter = ","

    def unnamed(self) -> Collection[str]:
        return ()

    def zero_led(self) -> Mapping[int, str]:
        return {}

    def numbers(self) -> Array | None:
        return None

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        raise NotImplementedError

    def locate(self, cells: Collection[tuple[int, int]]) -> dict[tuple[int, int], tuple[str, str]]:
        """Rows are counted from 1 and have no lines: "row 7"."""
        found = {}
        wanted = sorted(cells)
        places = sorted({place for _, place in wanted})
        start = 0
        for batch in self.batches(places):
            for row, place in wanted:
                if start <= row < start + len(batch[0]):
                    column = batch[places.index(place)]
                    value = (
                        column.texts[column.codes[row - start]] if isinstance(column, Coded) else column[row - start]
                    )
                    found[row, place] = f"row {row + 1}", value if isinstance(value, str) else f"{value:g}"
            start += len(batch[0])
        return found


def check_names(path: Path, names: Sequence[Any]) -> tuple[str, ...]:
    """The columns' names as text; UserError where there are none, or one stands twice."""
    texts = tuple(" ".join(str(name).split()) for name in names)
    if not texts:
        raise UserError(f"{path}: the table has no columns")
    for i, name in enumerate(texts):
        if name in texts[:i]:
            raise UserError(f"{path}: two columns have the name {quoted(name)}; give one another")
    return texts


def text_of(value: Any) -> str:
    """A value as a text file would have it; nothing for None."""
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return str(int(value))
    return value if isinstance(value, str) else json.dumps(value) if isinstance(value, (list, dict)) else str(value)


# ---- JSON lines ----


@dataclass(frozen=True)
class JsonLinesSource(RecordSource):
    """An object a line; the columns are the keys of the first thousand lines, in the order in which they come."""

    file: TextFile

    @classmethod
    def open(cls, path: Path) -> JsonLinesSource:
        file = inspect(path)
        names: dict[str, None] = {}
        for row in islice(json_rows(file), 1000):
            names |= dict.fromkeys(row)
        if not names:
            raise UserError(f"{path}: the file is empty; write an object a line")
        return cls(path, check_names(path, list(names)), encoding_notices(file), file)

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        rows = json_rows(self.file)
        keys = [self.names[place] for place in places]
        while chunk := list(islice(rows, BATCH_ROWS)):
            yield [[text_of(row.get(key)) for row in chunk] for key in keys]


def json_rows(file: TextFile) -> Iterator[dict[str, Any]]:
    path = file.path
    with file.open() as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{path}:{number}: not JSON ({first_line(error)}); write an object a line") from None
            if not isinstance(row, dict):
                raise UserError(f"{path}:{number}: {quoted(line.strip())} is no object; write {{name: value, ...}}")
            yield {" ".join(str(key).split()): value for key, value in row.items()}


# ---- Parquet and Feather ----


@dataclass(frozen=True)
class ArrowSource(RecordSource):
    """Columns of Parquet or Feather, read a batch of rows at a time."""

    is_parquet: bool

    @classmethod
    def open(cls, path: Path) -> ArrowSource:
        is_parquet = path.name.lower().endswith((".parquet", ".pq"))
        with arrow_errors(path):
            if is_parquet:
                file = optional("pyarrow.parquet", path).ParquetFile(path)
                names, rows = file.schema_arrow.names, file.metadata.num_rows
            else:
                file = optional("pyarrow.ipc", path).open_file(str(path))
                names = file.schema.names
                rows = sum(file.get_batch(i).num_rows for i in range(file.num_record_batches))
        names = check_names(path, names)
        if not rows:
            raise UserError(f"{path}: names of columns and no rows")
        return cls(path, names, (), is_parquet)

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        wanted = [self._own_names()[place] for place in places]
        for batch in self._record_batches(wanted):
            if batch.num_rows:
                yield [arrow_column(batch.column(batch.schema.get_field_index(name))) for name in wanted]

    def _own_names(self) -> list[str]:
        if self.is_parquet:
            return list(optional("pyarrow.parquet", self.path).ParquetFile(self.path).schema_arrow.names)
        return list(optional("pyarrow.ipc", self.path).open_file(str(self.path)).schema.names)

    def _record_batches(self, wanted: list[str]) -> Iterator[Any]:
        if self.is_parquet:
            file = optional("pyarrow.parquet", self.path).ParquetFile(self.path)
            yield from file.iter_batches(BATCH_ROWS, columns=wanted)
            return
        reader = optional("pyarrow.ipc", self.path).open_file(str(self.path))
        for i in range(reader.num_record_batches):
            yield reader.get_batch(i)


@contextmanager
def arrow_errors(path: Path) -> Iterator[None]:
    """Turn pyarrow's errors about a broken file into one line."""
    broken = optional("pyarrow", path).lib.ArrowException
    try:
        yield
    except broken as error:
        raise UserError(f"{path}: cannot be read as a table ({first_line(error)})") from None


def arrow_column(values: Any) -> Sequence[str] | Array:
    """Numbers as float64 with NaN for null, durations in days; everything else as texts, dates in their ISO form."""
    types = import_module("pyarrow").types
    kind = values.type
    if types.is_dictionary(kind):
        values = values.dictionary_decode()
        kind = values.type
    if types.is_integer(kind) or types.is_floating(kind):
        return np.asarray(values.cast("float64", safe=False).to_numpy(zero_copy_only=False), dtype=np.float64)
    if types.is_duration(kind):
        days = {"s": 86400, "ms": 86400 * 10**3, "us": 86400 * 10**6, "ns": 86400 * 10**9}[kind.unit]
        whole = values.cast("int64").cast("float64", safe=False)
        return np.asarray(whole.to_numpy(zero_copy_only=False), dtype=np.float64) / days
    return [text_of(value) for value in values.to_pylist()]


# ---- Excel ----


@dataclass(frozen=True)
class ExcelSource(RecordSource):
    """The first sheet of a workbook; its first row names the columns."""

    @classmethod
    def open(cls, path: Path) -> ExcelSource:
        header = next(excel_rows(path), None)
        if header is None:
            raise UserError(f"{path}: the first sheet is empty; write the columns' names in its first row")
        while header and header[-1] is None:
            header = header[:-1]
        names = check_names(path, [f"x{i}" if name is None else name for i, name in enumerate(header, 1)])
        source = cls(path, names, ())
        if next(source.batches([0]), None) is None:
            raise UserError(f"{path}: names of columns and no rows")
        return source

    def batches(self, places: Sequence[int], as_text: Collection[int] = ()) -> Iterator[list[CellBatch]]:
        rows = (row for row in islice(excel_rows(self.path), 1, None) if any(value is not None for value in row))
        while chunk := list(islice(rows, BATCH_ROWS)):
            yield [[text_of(row[place] if place < len(row) else None) for row in chunk] for place in places]


def excel_rows(path: Path) -> Iterator[tuple[Any, ...]]:
    library = optional("openpyxl", path)
    try:
        book = library.load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # any exception of its XML parser and of zipfile
        if isinstance(error, OSError) and error.errno:
            raise
        raise UserError(f"{path}: not an Excel workbook ({first_line(error)})") from None
    try:
        yield from book.worksheets[0].iter_rows(values_only=True)
    finally:
        book.close()
