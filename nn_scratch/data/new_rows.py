"""New rows of a file in the columns of training: found by name, in any order, a block at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np

from nn_scratch.data.columns import Coded, Column, texts_of
from nn_scratch.data.csv_cells import CellBatch, Source, no_collection
from nn_scratch.data.notation import MISSING_WORDS, TOTALS
from nn_scratch.data.problems import LARGEST, SHOWN, refuse
from nn_scratch.metrics import Array
from nn_scratch.wording import did_you_mean, listed, plural, quoted

MOST_NOTICES = 20

T = TypeVar("T")


@dataclass
class Odd:
    """Cells of a column that are not as training knew them: how many, and the first."""

    missing: int = 0
    unseen: int = 0
    unreadable: int = 0
    first: dict[str, int] = field(default_factory=dict)  # what -> row

    def count(self, what: str, rows: Array, start: int) -> None:
        if len(rows):
            setattr(self, what, getattr(self, what) + len(rows))
            self.first.setdefault(what, start + int(rows[0]))


@dataclass(frozen=True)
class Block:
    """Some rows, one after the other."""

    X: Array  # (rows, columns) float64 as described in Column; NaN where missing
    targets: list[CellBatch]  # the target columns as they are written; () if they are not there
    weights: CellBatch | None
    start: int  # number of the first row, from 0


class RowReader:
    """Reads a file in the columns of training, block by block, and counts what is odd in them."""

    def __init__(
        self,
        source: Source,
        columns: Sequence[Column],
        target_names: Sequence[str] = (),
        *,
        need_targets: bool = False,
        weight: str = "",
        na_values: Sequence[str] = (),
    ) -> None:
        """need_targets: whether the targets have to be there. Raises UserError for columns that are not."""
        self.source, self.columns = source, tuple(columns)
        self.nothing = MISSING_WORDS | {word.strip().lower() for word in na_values}
        self.odd = [Odd() for _ in columns]
        self.rows = 0
        self.totals: int | None = None  # the last row, where it holds totals
        places = {name: place for place, name in enumerate(source.names)}
        names = [column.name for column in columns] + (list(target_names) if need_targets else [])
        notices = list(source.notices)
        if not source.has_header and len(source.names) == len(names):
            places = {name: place for place, name in enumerate(names)}
            notices = [f"{source.path}: no header: the columns are taken in the order of training"]
        absent = [name for name in names if name not in places]
        if absent and not source.has_header:
            raise refuse(
                [
                    f"{source.path}:1: no header, and {plural(len(source.names), 'column')} where {len(names)} are "
                    f"wanted; write a header that names {listed(names)}"
                ],
                1,
            )
        if absent:
            raise refuse(
                (f"{source.path}:1: no column {quoted(n)}{did_you_mean(n, places)}" for n in absent), len(absent)
            )
        known = {*names, *target_names, weight}
        unnamed = source.unnamed()
        unused = [name for name in source.names if source.has_header and name not in known and name not in unnamed]
        if unused:
            notices.append(f"{source.path}: not used in training, and ignored: {listed(unused)}")
        self.notices = tuple(notices)
        self.targets = [places[name] for name in target_names if name in places]
        self.has_targets = len(self.targets) == len(target_names) > 0
        self.places = [places[column.name] for column in columns]
        self.weight = places.get(weight)

    def blocks(self) -> Iterator[Block]:
        """All rows, in their order; counts what is odd anew. A last row of totals has no target."""
        self.odd = [Odd() for _ in self.columns]
        self.rows, self.totals = 0, None
        wanted = [*self.places, *(self.targets if self.has_targets else [])]
        wanted += [] if self.weight is None else [self.weight]
        n = len(self.columns)
        stop = n + len(self.targets) if self.has_targets else n
        with no_collection():
            plain = {
                place
                for place, column in zip(self.places, self.columns, strict=True)
                if column.kind == "number" and not column.style.startswith(",")
            }
            batches = self.source.batches(wanted, [place for place in wanted if place not in plain])
            for batch, is_last in with_last(batches):
                rows = len(batch[0])
                if is_last and self._ends_with_totals(batch):
                    self.totals = self.rows + rows - 1
                    batch = [*batch[:n], *map(without_last, batch[n:stop]), *batch[stop:]]
                X = np.empty((rows, n))
                for j, column in enumerate(self.columns):
                    X[:, j] = self._values(column, batch[j], self.odd[j])
                weights = None if self.weight is None else batch[-1]
                yield Block(X, batch[n:stop], weights, self.rows)
                self.rows += rows

    def _ends_with_totals(self, batch: Sequence[CellBatch]) -> bool:
        """Whether the last row holds totals, as training understands it: by a word that is no category."""
        for column, cells in zip(self.columns, batch, strict=False):
            if column.kind != "text":
                continue
            word = last_text(cells).lower()
            if word in TOTALS and word not in map(str.lower, column.categories):
                return True
        return False

    def _values(self, column: Column, cells: CellBatch, odd: Odd) -> Array:
        values = column.read(cells, self.nothing)
        if column.kind == "text":
            odd.count("unseen", np.flatnonzero(values >= len(column.categories)), self.rows)
        else:
            with np.errstate(invalid="ignore"):
                bad = abs(values) > LARGEST
            if bad.any():
                odd.count("unreadable", np.flatnonzero(bad), self.rows)
                values = np.where(bad, np.nan, values)
                odd.count("missing", np.flatnonzero(np.isnan(values) & ~bad), self.rows)
                return values
        odd.count("missing", np.flatnonzero(np.isnan(values)), self.rows)
        return values

    # ---- notices on the rows read so far ----

    def refuse_odd(self, kinds: Sequence[str], rest: str) -> None:
        """Raise UserError with the first cell of each column that is odd in one of these ways, with its place."""
        found = []
        total = 0
        for j, odd in enumerate(self.odd):
            for kind in kinds:
                if getattr(odd, kind):
                    total += getattr(odd, kind)
                    found.append((odd.first[kind], self.places[j], j, kind))
        if not total:
            return
        first = sorted(found)[:SHOWN]
        located = self.source.locate({(row, place) for row, place, _, _ in first})
        lines = []
        for row, place, j, kind in first:
            where, cell = located[row, place]
            column = self.columns[j]
            what = {
                "missing": "is no value",
                "unseen": f"is none of the categories trained on: {listed(column.categories, shown=10)}",
                "unreadable": f"is no {column.kind} that training could take",
            }[kind]
            n = getattr(self.odd[j], kind)
            more = f", nor are {n - 1:,} more cells" if n > 1 else ""
            lines.append(
                f"{self.source.path}:{where}: {quoted(cell)} in column {quoted(column.name)} {what}{more}{rest}"
            )
        raise refuse(lines, len(found))

    def column_notices(self) -> list[str]:
        """One line a column: what was done with odd cells; and one on a last row of totals."""
        lines = []
        if self.totals is not None:
            (where, _), *_ = self.source.locate({(self.totals, self.places[0])}).values()
            line = where.partition(":")[0]
            line = line if line.startswith("row") else f"line {line}"
            lines.append(f"the last row, {line}, holds totals, which training leaves out: its target is not compared")
        for column, odd in zip(self.columns, self.odd, strict=True):
            of = f"of {self.rows:,}"
            if odd.missing:
                how = "a category of its own" if column.gap else "filled in as in training"
                lines.append(f"{column.name}: {odd.missing:,} {of} missing, {how}")
            if odd.unreadable:
                lines.append(
                    f"{column.name}: {odd.unreadable:,} {of} not a {column.kind}{self._first(column, 'unreadable')}, "
                    "filled in as missing"
                )
            if odd.unseen:
                how = "counted among the others" if column.other else "all its features are 0"
                lines.append(
                    f"{column.name}: {odd.unseen:,} {of} not seen in training{self._first(column, 'unseen')}, {how}"
                )
        if len(lines) > MOST_NOTICES:
            lines = [*lines[:MOST_NOTICES], f"and {len(lines) - MOST_NOTICES:,} lines more like these"]
        return lines

    def _first(self, column: Column, kind: str) -> str:
        j = self.columns.index(column)
        row = self.odd[j].first[kind]
        where, cell = self.source.locate({(row, self.places[j])})[row, self.places[j]]
        return f" ({quoted(cell)} in line {where.partition(':')[0]})"


def with_last(batches: Iterable[T]) -> Iterator[tuple[T, bool]]:
    """Each one, and whether it is the last."""
    iterator = iter(batches)
    for batch in iterator:
        for following in iterator:
            yield batch, False
            batch = following
        yield batch, True


def last_text(cells: CellBatch) -> str:
    if isinstance(cells, Coded):
        return cells.texts[int(cells.codes[-1])].strip()
    texts: list[str] = texts_of(cells[-1:]) if isinstance(cells, np.ndarray) else list(cells[-1:])
    return texts[-1].strip()


def without_last(cells: CellBatch) -> CellBatch:
    """The cells, the last of them empty."""
    if isinstance(cells, Coded):
        return Coded([*cells.texts, ""], np.append(cells.codes[:-1], len(cells.texts)).astype(cells.codes.dtype))
    if isinstance(cells, np.ndarray):
        return np.append(cells[:-1], np.nan)
    return [*cells[:-1], ""]
