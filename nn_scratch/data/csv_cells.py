"""One column of a text table: its cells to numbers, and what is wrong with them, cell by cell."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from nn_scratch.data.csv_layout import Record, number
from nn_scratch.data.problems import LARGEST, SHOWN, within_float32
from nn_scratch.data.table import Array
from nn_scratch.data.targets import EXACT
from nn_scratch.wording import listed

MAX_CATEGORIES = 100  # of a text column; more look like identifiers or free text
MISSING_WORDS = frozenset({"", "nan", "na", "n/a", "null", "?"})
# 1,234  1,5  1 234.5: numbers to a person, but not to `float`
WRITTEN_OTHERWISE = re.compile(r"[+-]?\d[\d.]*(?:[,'_ \u00a0\u202f]\d+)+(?:\.\d+)?")


@dataclass
class Finds:
    """How often something was met, and where first."""

    total: int = 0
    first: list[tuple[int, str]] = field(default_factory=list)  # line, cell

    def remember(self, record: Record, place: int, cell: str) -> None:
        """Keep where the cell stands, if it is among the first."""
        if len(self.first) < SHOWN:
            line, cells = record
            self.first.append((line + sum(before.count("\n") for before in cells[: place - 1]), cell))


class ColumnReader:
    """Reads a column chunk by chunk.

    `place` is the column's in the file, from 1. `fill_in` says what to do about a missing value; None allows them.
    A subclass says in `judge` what a text is.
    """

    def __init__(self, name: str, place: int, fill_in: str | None) -> None:
        self.name = name
        self.place = place
        self.fill_in = fill_in
        self.missing = Finds()
        self.infinite = Finds()
        self.texts = Finds()

    def read(self, cells: Sequence[str], chunk: Sequence[Record]) -> Array:
        """(rows,) numbers, or codes of text; NaN where a value is missing or wrong."""
        values = np.empty(len(cells))
        judged: dict[str, tuple[float, Finds]] = {}  # cells repeat, in columns of text above all
        for i, cell in enumerate(cells):
            judgement = judged.get(cell)
            if judgement is None:
                text = cell.strip()
                judgement = (math.nan, self.missing) if text.lower() in MISSING_WORDS else self.judge(text)
                judged[cell] = judgement
            values[i], finds = judgement
            finds.total += 1
            if len(finds.first) < SHOWN:
                finds.remember(chunk[i], self.place, cell.strip())
        return values

    def judge(self, text: str) -> tuple[float, Finds]:
        """The value or the code of a text that is not missing, and among which finds it counts."""
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
        self.too_large = Finds()

    def read(self, cells: Sequence[str], chunk: Sequence[Record]) -> Array:
        try:
            values = np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            return super().read(cells, chunk)
        if not within_float32(values) or "_" in "".join(cells):
            return super().read(cells, chunk)
        self.numbers.total += len(cells)
        for record, cell in zip(chunk[:SHOWN], cells, strict=False):
            self.numbers.remember(record, self.place, cell.strip())
        return values

    def judge(self, text: str) -> tuple[float, Finds]:
        value = number(text)
        if value is None:
            return self.text_value(text), self.texts
        if math.isinf(value):
            return math.nan, self.infinite
        return value, self.too_large if abs(value) > LARGEST else self.numbers

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
        return sort_codes(self.codes, values) if self.codes else ()

    def text_problems(self) -> Iterator[tuple[Finds, str]]:
        if self.numbers.total and self.texts.total > self.numbers.total:
            yield self.numbers, f"is a number, and most of the column is text; {self.mixed}"
        elif self.numbers.total or self.too_large.total:
            yield self.texts, f"is not a number; {self.mixed}"
        elif any(WRITTEN_OTHERWISE.fullmatch(text) for text in self.codes):
            yield self.texts, "is text; write numbers as 1234.5"
        elif self.max_categories is not None and len(self.codes) > self.max_categories:
            yield (
                Finds(1, self.texts.first[:1]),
                f"is one of {len(self.codes):,} different texts, as identifiers and free text are; "
                "leave the column out with data.ignore",
            )
        elif not (self.texts.total or self.too_large.total or self.fill_in):
            yield (
                Finds(1, (self.missing.first + self.infinite.first)[:1]),
                "is no value, nor is any other; leave the column out with data.ignore",
            )


class LabelReader(ColumnReader):
    """Classes, whatever the cells hold."""

    def __init__(self, name: str, place: int, fill_in: str | None) -> None:
        super().__init__(name, place, fill_in)
        self.codes: dict[str, int] = {}

    def judge(self, text: str) -> tuple[float, Finds]:
        return self.codes.setdefault(text, len(self.codes)), self.texts

    def finish(self, values: Array) -> tuple[str, ...]:
        """As numbers where every label is one that float64 holds exactly: 1 and 1.0 are the same class."""
        numbers = [number(label) for label in self.codes]
        if all(value is not None and abs(value) <= EXACT for value in numbers):
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

    def judge(self, text: str) -> tuple[float, Finds]:
        code = self.codes.get(text)
        return (math.nan, self.unknown) if code is None else (code, self.texts)

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
