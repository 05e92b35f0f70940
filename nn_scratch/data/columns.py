"""A column of a table: what its values mean, and the features that are made from it.

A source sets a column's name, kind and, for text, its categories. `fit` adds what depends on the training rows: which
categories have a feature, whether missing values are marked, which parts of a date vary. A fitted column turns cells
of new rows into values (`read`) and values into features (`encode`), and is plain data, stored without pickling.

scikit-learn's SimpleImputer, OneHotEncoder and StandardScaler do the same on whole arrays of objects, and the tests
hold ours to them; but fitted ones can be stored with pickle alone, and importing them takes about a second.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from nn_scratch.data.notation import any_date, clock_of, date_of, date_parts, number, written_number
from nn_scratch.metrics import Array

Kind = Literal["number", "boolean", "text", "date", "time"]

OTHER, NOTHING = "(other)", "(missing)"
# of a text column; of more categories the most frequent keep one each, the rest share another; bounds memory
MAX_FEATURES = 50
FEWEST_GAPS = 5  # missing and other rows, each, from which a mark for missing values is considered; by hand
SIGNIFICANT = 2.58  # standard errors: one in a hundred by chance; scipy.stats.norm.ppf(0.995)


@dataclass(frozen=True)
class Column:
    """One column of the user's table.

    Its values are float64: a number as it is; 0 and 1 for no and yes; text as an index into `categories`; a date in
    days since 1970-01-01; a time of day in hours. NaN is missing.
    """

    name: str
    categories: tuple[str, ...] = ()
    kind: Kind = "number"
    style: str = (
        ""  # how cells are written: "." or "," in numbers, then their unit; "no|yes"; a style of notation.DATES
    )
    # what fitting adds
    counts: tuple[int, ...] = ()  # training rows of each category
    other: bool = False  # a feature for all other categories
    gap: bool = False  # missing text is a category of its own
    marked: bool = False  # a feature that is 1 where the value is missing
    parts: tuple[str, ...] = ()  # of a date: those that vary
    start: float = 0.0  # of a date: the first of the training rows

    def __post_init__(self) -> None:
        if self.categories and self.kind == "number":
            object.__setattr__(self, "kind", "text")

    @property
    def feature_names(self) -> tuple[str, ...]:
        if self.kind == "text":
            extra = (OTHER,) * self.other + (NOTHING,) * self.gap
            names = tuple(f"{self.name}={category}" for category in (*self.categories, *extra))
        else:
            names = tuple(f"{self.name}.{part}" for part in self.parts) or (self.name,)
        return (*names, f"{self.name} is missing") if self.marked else names

    @property
    def is_plain(self) -> bool:
        """Whether its values are its one feature."""
        return self.kind != "text" and not self.marked and not self.parts

    def encode(self, values: Array, out: Array) -> None:
        """Values (rows,) to the features `out` (rows, features), NaN where they are to be filled in."""
        nothing = np.isnan(values)
        if self.kind == "text":
            n = len(self.categories)
            codes = np.where(nothing, -1, values).astype(np.int64)
            known = np.flatnonzero((codes >= 0) & (codes < n))
            out[...] = 0.0
            out[known, codes[known]] = 1.0
            if self.other:
                out[codes >= n, n] = 1.0
            out[nothing, n + self.other if self.gap else slice(None)] = 1.0 if self.gap else math.nan
        elif self.parts:
            found = date_parts(np.where(nothing, 0.0, values))
            found["days"] = values - self.start
            for j, part in enumerate(self.parts):
                out[:, j] = found[part]
            out[nothing] = math.nan
        else:
            out[:, 0] = values
        if self.marked:
            out[:, -1] = nothing

    # ---- cells of new rows ----

    def read(self, cells: Sequence[str] | Coded | Array, nothing: frozenset[str]) -> Array:
        """Texts, or numbers of a file that has such, to values (rows,); infinite where one cannot be read.

        A text that is none of the categories is their number. nothing: what stands for a missing value, in lower case.
        """
        if isinstance(cells, Coded):
            values = self.read(cells.texts, nothing)
            return values[cells.codes]
        if isinstance(cells, np.ndarray):
            if self.kind in ("number", "boolean"):
                return cells
            cells = texts_of(cells)
        if self.kind == "number" and not self.style.startswith(","):
            numbers = numbers_of(cells, nothing)
            if numbers is not None:
                return numbers
        return np.fromiter(map(Judged(self.judge(), nothing).__getitem__, cells), np.float64, len(cells))

    def judge(self) -> Callable[[str], float | None]:
        """The value of a text that is not missing; None if it has none."""
        if self.kind == "text":
            codes = {category: float(code) for code, category in enumerate(self.categories)}
            return partial(_code, codes, float(len(codes)))
        if self.kind == "boolean":
            no, yes = self.style.split("|")
            return partial(_yes_or_no, {no: 0.0, yes: 1.0, "0": 0.0, "1": 1.0})
        if self.kind == "date":
            return any_date if self.style == "compact" else partial(_date, self.style)
        return clock_of if self.kind == "time" else partial(_number, self.style)

    def to_plain(self) -> dict[str, Any]:
        """All that differs from the defaults, as JSON has it."""
        return {
            field.name: getattr(self, field.name)
            for field in fields(self)
            if field.name == "name" or getattr(self, field.name) != field.default
        }

    @classmethod
    def from_plain(cls, plain: Any) -> Column:
        """The inverse of `to_plain`, also of [name, categories] as version 0.1.0 wrote it; raises for anything else."""
        if isinstance(plain, list):
            name, categories = plain
            plain = {"name": name, "categories": categories, "kind": "text" if categories else "number"}
        given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in plain.items()}
        column = cls(**given)
        texts = (column.name, column.kind, column.style, *column.categories, *column.parts)
        flags = (column.other, column.gap, column.marked)
        if not all(isinstance(text, str) for text in texts) or not all(isinstance(flag, bool) for flag in flags):
            raise TypeError(f"{column.name!r} is no column: a name, a category or a mark of another type")
        parts = {"year", "month", "day", "weekday", "hour", "days"}
        if column.kind not in ("number", "boolean", "text", "date", "time") or not set(column.parts) <= parts:
            raise ValueError(f"{column.kind!r} is no kind of column")
        if not math.isfinite(column.start) or (column.kind == "boolean" and column.style.count("|") != 1):
            raise ValueError(f"{column.name!r} does not fit together")
        column.judge()("0")
        return column


@dataclass(frozen=True)
class Coded:
    """Texts of some rows, each once, and which of them each row has."""

    texts: list[str]
    codes: Array  # (rows,) int32

    def __len__(self) -> int:
        return len(self.codes)


class Judged(dict[str, float]):
    """The value of each text of a column, found once: NaN if it is missing, infinite if it means nothing."""

    def __init__(self, judge: Callable[[str], float | None], nothing: frozenset[str]) -> None:
        super().__init__()
        self.judge, self.nothing = judge, nothing

    def __missing__(self, cell: str) -> float:
        text = cell.strip()
        if text.lower() in self.nothing:
            value: float | None = math.nan
        else:
            value = self.judge(text)
        if len(self) < 100_000:  # more are not worth their memory
            self[cell] = math.inf if value is None else value
        return math.inf if value is None else value


def _code(codes: Mapping[str, float], unknown: float, text: str) -> float:
    return codes.get(text, unknown)


def _yes_or_no(words: Mapping[str, float], text: str) -> float | None:
    return words.get(text.lower())


def _date(style: str, text: str) -> float | None:
    found = date_of(text, style)
    return date_of(text, "year first") if found is None else found


def _number(style: str, text: str) -> float | None:
    style, unit = style[:1], style[1:]
    if unit and text.endswith(unit):
        text = text[: -len(unit)].rstrip()
    if style == ",":
        found = written_number(text, ",")
        return written_number(text, ".") if found is None else found
    found = number(text)
    return written_number(text) if found is None else found


def numbers_of(cells: Sequence[str], nothing: frozenset[str]) -> Array | None:
    """Texts as numbers (rows,), NaN where one is missing; None where one is neither."""
    try:
        values = np.fromiter(map(float, cells), np.float64, len(cells))
    except ValueError:
        gaps = {cell for cell in set(cells) if cell.strip().lower() in nothing}
        if not gaps:
            return None
        try:
            values = np.fromiter(
                map(float, ["nan" if cell in gaps else cell for cell in cells]), np.float64, len(cells)
            )
        except ValueError:
            return None
    return None if "_" in "".join(cells) else values


def texts_of(numbers: Array) -> list[str]:
    """Numbers as a text file would have them: whole ones without a point, a missing one as nothing."""
    return [
        "" if math.isnan(value) else str(int(value)) if value.is_integer() else repr(value)
        for value in numbers.tolist()
    ]


def number_columns(names: Iterable[str]) -> tuple[Column, ...]:
    return tuple(Column(name) for name in names)


# ---- fitting on the training rows ----


def fit(column: Column, values: Array, y: Array, is_class: bool, mark: bool) -> Column:
    """The column with what the training rows decide.

    values, y: (training rows,) of the column and of the target (class indices or a quantity). mark: whether missing
    values may get a category or a feature of their own.
    """
    nothing = np.isnan(values)
    if column.kind == "text":
        return _fit_text(column, values[~nothing].astype(np.int64), gap=mark and bool(nothing.any()))
    marked = mark and says_something(nothing, y, is_class)
    if column.kind != "date" or nothing.all():
        return replace(column, marked=marked)
    there = values[~nothing]
    found = {"days": there, **date_parts(there)}
    parts = tuple(part for part, numbers in found.items() if np.ptp(numbers) > 0)
    return replace(column, marked=marked, parts=parts or ("days",), start=float(there.min()))


def _fit_text(column: Column, codes: Array, gap: bool) -> Column:
    counts = np.bincount(codes, minlength=len(column.categories))
    kept = np.flatnonzero(counts)
    if len(kept) > MAX_FEATURES:
        kept = np.sort(np.argsort(-counts, kind="stable")[: MAX_FEATURES - 1])
    return replace(
        column,
        categories=tuple(column.categories[code] for code in kept),
        counts=tuple(int(counts[code]) for code in kept),
        other=bool(len(kept) < np.count_nonzero(counts)),
        gap=gap,
    )


def says_something(nothing: Array, y: Array, is_class: bool) -> bool:
    """Whether a target is another where a value is missing: beyond what one column in a hundred shows by chance.

    nothing (rows,) bool. Classes: the largest difference of a class's share between the rows with and without, in its
    standard errors; a quantity: the difference of the means, likewise (Welch). Corrected for the number of classes.
    """
    n_gaps = int(nothing.sum())
    if min(n_gaps, len(nothing) - n_gaps) < FEWEST_GAPS:
        return False
    if is_class:
        k = int(y.max()) + 1
        gaps, others = np.bincount(y[nothing], minlength=k), np.bincount(y[~nothing], minlength=k)
        share = (gaps + others) / len(y)
        errors = np.sqrt(share * (1 - share) * (1 / n_gaps + 1 / (len(y) - n_gaps)))
        difference = np.abs(gaps / n_gaps - others / (len(y) - n_gaps))
        return bool(np.any(difference > (SIGNIFICANT + math.log(max(1, k / 2)) / 2) * np.maximum(errors, 1e-12)))
    with_gap, without = y[nothing], y[~nothing]
    error = math.sqrt(with_gap.var(ddof=1) / n_gaps + without.var(ddof=1) / len(without))
    return bool(abs(with_gap.mean() - without.mean()) > SIGNIFICANT * error > 0)


def recoded(before: Sequence[Column], after: Sequence[Column], X: Array) -> Array:
    """X (rows, columns) with the codes of text columns counted in the fitted categories; X itself where none is."""
    texts = [j for j, column in enumerate(after) if column.kind == "text" and column.categories != before[j].categories]
    if not texts:
        return X
    X = X.copy()
    for j in texts:
        places = {category: code for code, category in enumerate(after[j].categories)}
        # and behind them the categories that occur in separate test rows alone
        code = np.array([*(places.get(category, len(places)) for category in before[j].categories), len(places)], float)
        there = np.flatnonzero(~np.isnan(X[:, j]))
        X[there, j] = code[X[there, j].astype(np.int64)]
    return X


class Encoder:
    """All columns of a table at once: blocks of values to blocks of features."""

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = columns
        self.is_plain = all(column.is_plain for column in columns)
        widths = [1 if column.is_plain else len(column.feature_names) for column in columns]
        ends = np.cumsum(widths)
        self.n_features = int(ends[-1]) if len(widths) else 0
        plain = np.array([column.is_plain for column in columns], dtype=bool)
        self._plain, self._plain_features = np.flatnonzero(plain), ends[plain] - 1
        self._others = [(j, slice(int(ends[j]) - widths[j], int(ends[j]))) for j in np.flatnonzero(~plain).tolist()]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Encoder) and self.columns == other.columns

    __hash__ = None  # type: ignore[assignment]

    def __call__(self, X: Array) -> Array:
        """X (rows, columns) to (rows, features) float64, NaN where to be filled in; a copy in any case."""
        block = X.astype(np.float64)
        if self.is_plain:
            return block
        E = np.empty((len(X), self.n_features))
        E[:, self._plain_features] = block[:, self._plain]
        for j, place in self._others:
            self.columns[j].encode(block[:, j], E[:, place])
        return E
