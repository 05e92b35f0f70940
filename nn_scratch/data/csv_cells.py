"""One column of a text table: its cells to numbers, and what is wrong with them, cell by cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from nn_scratch.data.csv_layout import Record, number
from nn_scratch.data.problems import LARGEST, SHOWN, listed, within_float32
from nn_scratch.data.table import Array

MAX_CATEGORIES = 100  # of a text column; more look like identifiers or free text
MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "null", "?"})
# 1,234  1,5  1 234.5: numbers to a person, but not to `float`
WRITTEN_OTHERWISE = re.compile(r"[+-]?\d[\d.]*(?:[,'_ \u00a0\u202f]\d+)+(?:\.\d+)?")


@dataclass
class Finds:
    """How often something was met, and where first."""

    total: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)  # line, cell

    def add(self, record: Record, place: int, cell: str) -> None:
        self.total += 1
        if len(self.first) < SHOWN:
            line, cells = record
            self.first.append((line + sum(before.count("\n") for before in cells[: place - 1]), cell))


class ColumnReader:
    """Reads a column chunk by chunk.

    `place` is the column's in the file, from 1. `fill_in` says what to do about a missing value; None allows them.
    """

    def __init__(self, name: str, place: int, fill_in: str | None) -> None:
        self.name = name
        self.place = place
        self.fill_in = fill_in
        self.missing = Finds()
        self.infinite = Finds()

    def read(self, cells: Sequence[str], chunk: Sequence[Record]) -> Array:
        """(rows,) numbers, or codes of text; NaN where a value is missing or wrong."""
        values = np.full(len(cells), np.nan)
        for i, cell in enumerate(cells):
            text = cell.strip()
            if text.lower() in MISSING_WORDS:
                self.missing.add(chunk[i], self.place, text)
            else:
                values[i] = self.value(text, chunk[i])
        return values

    def value(self, text: str, record: Record) -> float:
        raise NotImplementedError

    def finish(self, values: Array) -> tuple[str, ...]:
        """Make the codes in `values` (rows,) those of the sorted categories, which are returned; () for numbers."""
        return ()

    def problems(self) -> Iterator[tuple[Finds, str]]:
        """What was found wrong, and how to go on after "'the cell' in column 'its name' "."""
        if self.fill_in:
            yield self.missing, f"is no value; {self.fill_in}"
            yield self.infinite, f"is not finite; {self.fill_in}"


class NumberReader(ColumnReader):
    """Numbers and nothing else."""

    def __init__(self, name: str, place: int, fill_in: str | None) -> None:
        super().__init__(name, place, fill_in)
        self.numbers = Finds()
        self.texts = Finds()
        self.too_large = Finds()

    def read(self, cells: Sequence[str], chunk: Sequence[Record]) -> Array:
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            return super().read(cells, chunk)
        if not within_float32(values) or "_" in "".join(cells):
            return super().read(cells, chunk)
        for i in range(min(len(cells), SHOWN - len(self.numbers.first))):
            self.numbers.add(chunk[i], self.place, cells[i])
            self.numbers.total -= 1
        self.numbers.total += len(cells)
        return values

    def value(self, text: str, record: Record) -> float:
        value = number(text)
        if value is None:
            self.texts.add(record, self.place, text)
            return self.text_value(text)
        if math.isinf(value):
            self.infinite.add(record, self.place, text)
            return math.nan
        if abs(value) > LARGEST:
            self.too_large.add(record, self.place, text)
        self.numbers.add(record, self.place, text)
        return value

    def text_value(self, text: str) -> float:
        return math.nan

    def problems(self) -> Iterator[tuple[Finds, str]]:
        yield from super().problems()
        yield self.too_large, "is beyond the numbers of float32 (3.4e38); rescale the column"
        yield from self.text_problems()

    def text_problems(self) -> Iterator[tuple[Finds, str]]:
        yield self.texts, "is not a number; write one"


class AnyReader(NumberReader):
    """Numbers; or, where no cell holds one, categories.

    `max_categories` None allows any number of them; `mixed` ends the message about a column that holds both.
    """

    def __init__(
        self, name: str, place: int, fill_in: str | None, max_categories: int | None = MAX_CATEGORIES, mixed: str = ""
    ) -> None:
        super().__init__(name, place, fill_in)
        self.max_categories = max_categories
        self.mixed = mixed or "write one, as 1234.5, or leave the column out with data.ignore"
        self.codes: dict[str, int] = {}

    def text_value(self, text: str) -> float:
        return self.codes.setdefault(text, len(self.codes))

    def finish(self, values: Array) -> tuple[str, ...]:
        return () if self.numbers.total else sort_codes(self.codes, values)

    def text_problems(self) -> Iterator[tuple[Finds, str]]:
        if self.numbers.total and self.texts.total > self.numbers.total:
            yield self.numbers, f"is a number, and most of the column is text; {self.mixed}"
        elif self.numbers.total:
            yield self.texts, f"is not a number; {self.mixed}"
        elif any(WRITTEN_OTHERWISE.fullmatch(text) for text in self.codes):
            yield self.texts, "is text; write numbers as 1234.5"
        elif self.max_categories is not None and len(self.codes) > self.max_categories:
            yield (
                Finds(1, self.texts.first[:1]),
                f"is one of {len(self.codes):,} different texts, as identifiers and free text are; "
                "leave the column out with data.ignore",
            )
        elif not self.texts.total and not self.fill_in:
            yield (
                Finds(1, self.missing.first[:1]),
                "is no value, nor is any other; leave the column out with data.ignore",
            )


class LabelReader(ColumnReader):
    """Classes, whatever the cells hold."""

    def __init__(self, name: str, place: int, fill_in: str | None) -> None:
        super().__init__(name, place, fill_in)
        self.codes: dict[str, int] = {}

    def value(self, text: str, record: Record) -> float:
        return self.codes.setdefault(text, len(self.codes))

    def finish(self, values: Array) -> tuple[str, ...]:
        """As numbers where every label is one: 1 and 1.0 are the same class."""
        numbers = [number(label) for label in self.codes]
        if all(value is not None and math.isfinite(value) for value in numbers):
            there = ~np.isnan(values)
            values[there] = np.array(numbers, dtype=np.float64)[values[there].astype(np.int64)]
            return ()
        return sort_codes(self.codes, values)


class CategoryReader(ColumnReader):
    """Categories that are known."""

    def __init__(self, name: str, place: int, fill_in: str | None, categories: tuple[str, ...]) -> None:
        super().__init__(name, place, fill_in)
        self.categories = categories
        self.codes = {category: code for code, category in enumerate(categories)}
        self.unknown = Finds()

    def value(self, text: str, record: Record) -> float:
        code = self.codes.get(text)
        if code is None:
            self.unknown.add(record, self.place, text)
            return math.nan
        return code

    def finish(self, values: Array) -> tuple[str, ...]:
        return self.categories

    def problems(self) -> Iterator[tuple[Finds, str]]:
        yield from super().problems()
        yield self.unknown, f"is none of the categories trained on: {listed(self.categories, shown=10)}"


def sort_codes(codes: dict[str, int], values: Array) -> tuple[str, ...]:
    """Codes in the order of first appearance to codes in the order of the sorted texts, in place; the sorted texts."""
    categories = sorted(codes)
    rank = np.empty(len(codes))
    rank[[codes[category] for category in categories]] = np.arange(len(codes))
    there = ~np.isnan(values)
    values[there] = rank[values[there].astype(np.int64)]
    return tuple(categories)
