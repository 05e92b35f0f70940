"""The types of a file's columns: numbers, text, dates, yes and no, or nothing that a network could use."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from nn_scratch.data.columns import Column, Judged
from nn_scratch.data.csv_cells import Cells, RawColumn, extent_of
from nn_scratch.data.notation import (
    DECIMALS,
    MISSING_WORDS,
    Decimal,
    any_date,
    clock_of,
    date_of,
    date_style,
    has_zone,
    is_full_of_words,
    number,
    says_decimal,
    unit_of,
    written_number,
    yes_and_no,
)
from nn_scratch.data.problems import LARGEST, SHOWN, refuse
from nn_scratch.data.targets import one_spelling
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import did_you_mean, listed, quoted

KINDS = ("text", "date", "number", "ignore")  # what data.columns may say of a column
FEW_NUMBERS = 20  # different ones, up to which a column of numbers and text is text; by hand
FEWEST_WITH_UNIT = 3  # different texts, from which numbers with a unit are numbers rather than categories; by hand
CAMEL_IDENTIFIER = re.compile(r"(?<=[a-z])(?:Id|ID)$")
PLAIN_IDENTIFIER = re.compile(
    r"(?:^|[_\s.-])(?:id|ids|index|idx|nr|no|key|uuid|guid|row|row_?names?)$|^unnamed", re.IGNORECASE
)
MOSTLY = 0.8  # share of the rows with a value of their own from which a column may be an identifier; by hand
FEWEST_ROWS = 10  # from which a column's values can be said to be all different; by hand


NINES = re.compile(r"-9+(?:\.0*)?|99+(?:\.0*)?")


@dataclass(frozen=True)
class ColumnOptions:
    """The options of a table's columns."""

    kinds: Mapping[str, str] = field(default_factory=dict)  # data.columns
    na_values: tuple[str | float, ...] = ()
    decimal: Decimal | None = None  # None: inferred from the file
    labels_exact: bool = False

    @property
    def nothing(self) -> frozenset[str]:
        """The texts that stand for a missing value, in lower case."""
        return MISSING_WORDS | {str(word).strip().lower() for word in self.na_values}

    @property
    def no_numbers(self) -> list[float]:
        """The numbers among them, however they are written."""
        found = (number(str(word)) for word in self.na_values)
        return [value for value in found if value is not None]


@dataclass
class Problems:
    """Problems with cells of a file: in the file's order, the first ten with their places."""

    cells: Cells
    found: list[tuple[int, int, str]] = field(default_factory=list)  # row, place, message with {cell}
    total: int = 0

    def add(self, raw: RawColumn, rows: Array, text: str) -> None:
        """rows: numbers of the rows, from 0; text: what follows "'the cell' in column 'its name' "."""
        self.total += len(rows)
        self.found += [(int(row), raw.place, f" in column {quoted(raw.name)} {text}") for row in rows[:SHOWN]]

    def raise_any(self) -> None:
        if not self.total:
            return
        first = sorted(self.found)[:SHOWN]
        places = self.cells.source.locate({(row, place) for row, place, _ in first})
        lines = []
        for row, place, text in first:
            where, cell = places[row, place]
            lines.append(f"{self.cells.source.path}:{where}: {quoted(cell)}{text}")
        raise refuse(lines, self.total)


@dataclass(frozen=True)
class Typed:
    """A column with its values (rows,) float64, NaN where missing; or why it is left out."""

    raw: RawColumn
    column: Column
    values: Array
    note: str = ""  # one line on how it was read
    left_out: str = ""


def find_decimal(cells: Cells) -> Decimal:
    """The decimal separator of a file, from the numbers that can be read one way only; "." where there are none."""
    votes = {".": 0, ",": 0}
    either = False
    for raw in cells.columns:
        if raw.numbers is not None:
            votes["."] += _has_fractions(raw.numbers[:1000])
            continue
        texts = [text.strip() for text in raw.texts[:1000]]
        found = [says_decimal(text) for text in texts]
        points, commas = found.count("."), found.count(",")
        votes["."] += points > commas
        votes[","] += commas > points
        either = either or any("," in text and written_number(text, ",") is not None for text in texts)
    if votes[","] > votes["."] or (either and not votes["."] and cells.source.delimiter != ","):
        return ","
    return "."


def _has_fractions(values: Array) -> bool:
    """Whether numbers read with decimal points have other than three decimals: 1.234 may be a thousand and more."""
    values = values[np.isfinite(values)]
    values = values[values != np.rint(values)]
    thousandths = values * 1000
    return bool(np.any((values * 100 == np.rint(values * 100)) | (thousandths != np.rint(thousandths))))


class TypeFinder:
    """Finds the type of each column of a file, or takes it from the config."""

    def __init__(self, cells: Cells, options: ColumnOptions, decimal: Decimal, error_on_gaps: str | None) -> None:
        """error_on_gaps: what to do about a missing value; None where they may be."""
        self.cells, self.options, self.decimal = cells, options, decimal
        self.nothing = options.nothing
        self.fill_in = error_on_gaps
        self.problems = Problems(cells)

    def find(self, raw: RawColumn) -> Typed:
        kind = self.options.kinds.get(raw.name)
        typed = self._numbers(raw) if raw.numbers is not None else self._texts(raw, kind)
        if not typed.left_out and np.isnan(typed.values[:1]).all() and np.isnan(typed.values).all():
            typed = Typed(raw, typed.column, typed.values, left_out="has no values")
        if kind is None and not typed.left_out and (reason := self._is_useless(typed)):
            typed = Typed(raw, typed.column, typed.values, left_out=reason)
        if not typed.left_out and not typed.note and typed.column.kind == "number":
            extent = raw.extent if typed.values is raw.numbers else extent_of(typed.values)
            typed = replace(typed, note=stand_in_note(typed.values, extent))
        if kind is None and not typed.note and typed.column.kind == "number":
            typed = replace(typed, note=code_note(raw.name, self.cells.source.zero_led().get(raw.place)))
        if not typed.left_out and self.fill_in is not None:
            gaps = np.flatnonzero(np.isnan(typed.values))
            if len(gaps):
                self.problems.add(raw, gaps, f"is no value; {self.fill_in}")
        return typed

    def _numbers(self, raw: RawColumn) -> Typed:
        assert raw.numbers is not None
        low, high = raw.extent
        if self.options.no_numbers or low < -LARGEST or high > LARGEST:
            return Typed(raw, Column(raw.name), self.checked_numbers(raw, raw.numbers))
        return Typed(raw, Column(raw.name), raw.numbers)

    def checked_numbers(self, raw: RawColumn, values: Array) -> Array:
        """The numbers without those that stand for nothing; infinite ones are missing, too large ones a problem."""
        for no_number in self.options.no_numbers:
            values = np.where(values == no_number, math.nan, values)
        with np.errstate(invalid="ignore"):
            if (abs(values) > LARGEST).any():
                too_large = np.flatnonzero(np.isfinite(values) & (abs(values) > LARGEST))
                self.problems.add(raw, too_large, "is beyond the numbers of float32 (3.4e38); rescale the column")
                if self.fill_in is not None:
                    self.problems.add(raw, np.flatnonzero(np.isinf(values)), f"is not finite; {self.fill_in}")
                infinite = 0.0 if self.fill_in else math.nan
                values = np.where(np.isinf(values), infinite, np.where(abs(values) > LARGEST, 0.0, values))
        return values

    def _texts(self, raw: RawColumn, kind: str | None) -> Typed:
        texts = [text.strip() for text in raw.texts]
        there = [text for text in dict.fromkeys(texts) if text.lower() not in self.nothing]
        if not there:
            return Typed(raw, Column(raw.name), np.full(len(raw.codes), math.nan), left_out="has no values")
        column, note = self.type_of(raw, there, kind)
        if column.kind == "text":
            categories = sorted(there)
            places = {text: float(code) for code, text in enumerate(categories)}
            table = np.array([places.get(text, math.nan) for text in texts])
            typed = Typed(raw, Column(raw.name, tuple(categories)), table[raw.codes], note + _case_note(categories))
            return typed if kind is not None or not self._is_free_text(typed) else self._left_out(typed)
        judged = Judged(column.judge(), self.nothing)
        table = np.array([judged[text] for text in texts])
        unreadable = {i for i, value in enumerate(table) if math.isinf(value) and not _is_infinite(texts[i])}
        if unreadable:
            rows = np.flatnonzero(np.isin(raw.codes, sorted(unreadable)))
            note = self._unreadable(raw, column, kind, rows) or note
        values = table[raw.codes]
        if column.kind == "number":
            values = self.checked_numbers(raw, np.where(np.isin(raw.codes, sorted(unreadable)), math.nan, values))
        return Typed(raw, column, np.where(np.isinf(values), math.nan, values), note)

    def _unreadable(self, raw: RawColumn, column: Column, kind: str | None, rows: Array) -> str:
        what = f"is no {'number' if column.kind == 'number' else column.kind}"
        if kind is not None or self.fill_in is not None:
            self.problems.add(raw, rows, f"{what}; write one, or name it in data.na_values")
            return ""
        (where, cell), *_ = self.cells.source.locate({(int(rows[0]), raw.place)}).values()
        return (
            f"numbers; {len(rows):,} of {len(raw.codes):,} cells are none and taken for missing values, such as "
            f"{quoted(cell)} (line {where.partition(':')[0]}); for categories: data.columns={{{raw.name}: text}}"
        )

    def type_of(self, raw: RawColumn, texts: Sequence[str], kind: str | None) -> tuple[Column, str]:
        """The column that these different texts make, and its notice."""
        if kind == "text":
            return Column(raw.name, kind="text"), category_count(len(texts))
        if kind == "date":
            return self._date(raw, texts), "dates"
        numbers = [number(text) for text in texts] if self.decimal == "." else [None] * len(texts)
        if kind == "number" or all(value is not None for value in numbers):
            plain = self.decimal == "." and all(value is not None for value in numbers)
            return Column(raw.name, style="" if plain else self.decimal), ""
        written = self._written(texts)
        if written:
            return Column(raw.name, style=written), f"numbers such as {quoted(texts[0])}"
        if (unit := self._unit(texts)) is not None:
            return Column(raw.name, style="".join(unit)), f"numbers such as {quoted(texts[0])}, read without their unit"
        if (words := yes_and_no(texts)) is not None:
            return Column(raw.name, kind="boolean", style="|".join(words)), ""
        if all(clock_of(text) is not None for text in texts):
            return Column(raw.name, kind="time"), "times of day, in hours"
        if (style := date_style(texts)) is not None:
            mixed = style[0] != "year first" and any(date_of(text, "year first") is not None for text in texts)
            note = (
                f"dates, {style[0]}"
                + " or year first" * mixed
                + (" (day and month could be exchanged)" if style[1] else "")
                + (", their times in UTC" if any(has_zone(text, style[0]) for text in texts) else "")
            )
            return Column(raw.name, kind="date", style=style[0]), note
        known = {text for text in texts if written_number(text, self.decimal) is not None}
        if len(known) > FEW_NUMBERS and self._share(raw, known) > 0.5:
            plain = self.decimal == "." and all(number(text) is not None for text in known)
            return Column(raw.name, style="" if plain else self.decimal), ""
        return Column(raw.name, kind="text"), f"text: {category_count(len(texts))}, {listed(sorted(texts))}"

    def _written(self, texts: Sequence[str]) -> Decimal | None:
        """The notation in which all the texts are numbers, the file's before the other."""
        for decimal in sorted(DECIMALS, key=lambda known: known != self.decimal):
            if all(written_number(text, decimal) is not None for text in texts):
                return decimal
        return None

    def _unit(self, texts: Sequence[str]) -> tuple[Decimal, str] | None:
        """The notation and the unit of numbers that all have the same one."""
        if len(texts) < FEWEST_WITH_UNIT:
            return None
        found = ((decimal, unit_of(texts, decimal)) for decimal in sorted(DECIMALS, key=lambda d: d != self.decimal))
        return next((pair for pair in found if pair[1]), None)

    def _share(self, raw: RawColumn, texts: Collection[str]) -> float:
        """How much of the cells that are not missing hold one of the texts."""
        counts = np.bincount(raw.codes, minlength=len(raw.texts))
        cells = [(text.strip(), count) for text, count in zip(raw.texts, counts, strict=True)]
        there = sum(count for text, count in cells if text.lower() not in self.nothing)
        return float(sum(count for text, count in cells if text in texts) / max(1, there))

    def _date(self, raw: RawColumn, texts: Sequence[str]) -> Column:
        style = date_style([text for text in texts if any_date(text) is None] or ["2000-01-01"])
        if all(any_date(text) is not None for text in texts):
            return Column(raw.name, kind="date", style="compact")
        return Column(raw.name, kind="date", style="year first" if style is None else style[0])

    # ---- columns that are not predictive for new rows ----

    def _is_free_text(self, typed: Typed) -> bool:
        n = int((~np.isnan(typed.values)).sum())
        different = len(typed.column.categories)
        return n >= FEWEST_ROWS and different > FEW_NUMBERS and different > n / 2

    def _left_out(self, typed: Typed) -> Typed:
        n = int((~np.isnan(typed.values)).sum())
        what = "free text" if is_full_of_words(typed.column.categories[:100]) else "names or identifiers"
        reason = f"holds {len(typed.column.categories):,} different texts in {n:,} rows: {what}"
        return Typed(typed.raw, typed.column, typed.values, left_out=reason)

    def _is_useless(self, typed: Typed) -> str:
        values, name = typed.values, typed.column.name
        if typed.column.kind != "number" or len(values) < FEWEST_ROWS:
            return ""
        if name in self.cells.source.unnamed() and counts_the_rows(values):
            return "numbers the rows"
        if not is_identifier(name):
            return ""
        there = values[~np.isnan(values)]
        if (there != np.rint(there)).any():
            return ""
        different = len(np.unique(there))
        if different < MOSTLY * len(values):
            return ""
        return f"holds {different:,} different whole numbers in {len(values):,} rows: identifiers"


def _case_note(categories: Sequence[str]) -> str:
    """The end of a notice on categories that differ in case alone: Berlin, berlin; "" where none do."""
    groups: dict[str, list[str]] = {}
    for other, name in one_spelling(categories, [0] * len(categories)).items():
        groups.setdefault(name, [name]).append(other)
    if not groups:
        return ""
    first, more = next(iter(groups.values())), f", as do {len(groups) - 1:,} more" * (len(groups) > 1)
    return f"; {listed(sorted(first))} differ in case alone and stay apart{more}: write them alike to make them one"


def stand_in_note(values: Array, extent: tuple[float, float]) -> str:
    """A notice on a number made of nines, such as -999, that is far from all others; "" without one.

    extent: of the values, the lowest and the highest.
    """
    nines = [value for value in dict.fromkeys(extent) if NINES.fullmatch(f"{value:g}")]
    there = values[np.isfinite(values)] if nines else values
    if len(there) < FEWEST_ROWS:
        return ""
    for stand_in in nines:
        others = there[there != stand_in]
        n = len(there) - len(others)
        if n < 2 or len(others) < FEWEST_ROWS:
            continue
        if np.abs(others - stand_in).min() > 2 * np.ptp(others) > 0:
            return (
                f"numbers; {stand_in:g} in {n:,} of {len(values):,} cells is far from all others; if it stands for a "
                f"missing value: data.na_values=[{stand_in:g}]"
            )
    return ""


def code_note(name: str, example: str | None) -> str:
    """A notice on numbers that are written as codes are, with zeros before them; "" without an example of one."""
    if example is None:
        return ""
    return f"numbers; {quoted(example)} is written as codes are; for categories: data.columns={{{name}: text}}"


def category_count(n: int) -> str:
    return "1 category" if n == 1 else f"{n:,} categories"


def is_identifier(name: str) -> bool:
    """Whether a column's name is that of a row number or an identifier."""
    return PLAIN_IDENTIFIER.search(name) is not None or CAMEL_IDENTIFIER.search(name) is not None


def counts_the_rows(values: Array) -> bool:
    """Whether each row's number follows the one before."""
    if len(values) < FEWEST_ROWS or values[1] - values[0] != 1 or values[-1] - values[0] != len(values) - 1:
        return False
    return bool(np.all(np.diff(values) == 1))


def _is_infinite(text: str) -> bool:
    value = number(text)
    return value is not None and math.isinf(value)


def check_kinds(path: object, kinds: Mapping[str, str], names: Collection[str]) -> None:
    """Refuse a name in data.columns that no column has."""
    for name in kinds:
        if name not in names:
            raise UserError(f"{path}:1: data.columns: no column {quoted(name)}{did_you_mean(name, names)}")
