"""Files of named columns to tables: the source's cells, their types, the target, the table.

A text file's way is layout (csv_layout), cells (csv_cells), column types (column_types), table (here); other formats
join it at the cells (formats).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from nn_scratch.data.column_types import ColumnOptions, Typed, TypeFinder, check_kinds, counts_the_rows, find_decimal
from nn_scratch.data.columns import Column, texts_of
from nn_scratch.data.csv_cells import Cells, RawColumn, Source, extent_of, read_cells
from nn_scratch.data.missing import leave_out
from nn_scratch.data.moments import row_blocks
from nn_scratch.data.notation import TOTALS, number
from nn_scratch.data.problems import FILL_IN, FILL_IN_TARGET
from nn_scratch.data.table import Groups, Missing, Table, Task
from nn_scratch.data.targets import (
    EXACT,
    MAX_CLASSES_OF_NUMBERS,
    check_weights,
    one_spelling,
    settle_task,
    task_notice,
)
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.wording import did_you_mean, listed, plural, quoted

ColumnName = str | int  # as in the header, or counted from 0
Target = ColumnName | list[ColumnName] | None
MOST_NOTICES = 20  # with a line of their own each; of more, their number

SHOWN_LINES = 5  # of rows that are left out
FEWEST_ABOVE_TOTAL = 3  # rows
NO_WEIGHT = "write one; 0 leaves the row out of the loss"


@dataclass(frozen=True)
class Roles:
    """The role of each column of a file; names as in the header."""

    features: list[str]
    targets: list[str]
    weight: str | None
    by: str | None


def read_table(
    source: Source,
    *,
    target: Target,
    task: Task | Literal["auto"],
    missing: Missing,
    ignore: Sequence[str],
    weight: ColumnName | None = None,
    by: ColumnName | None = None,
    options: ColumnOptions,
) -> Table:
    """The table of a file with a target; `weight` is the column of row weights, `by` that of groups or times."""
    path = source.path
    roles = find_roles(source, target, ignore, weight, by, options)
    names = {*roles.features, *roles.targets} | {name for name in (roles.weight, roles.by) if name is not None}
    cells, options = _read(source, names, roles, task, options)
    cells, no_rows = _without_headers_and_totals(cells, refuse=missing == "error")
    raw = {column.name: column for column in cells.columns}
    finder = TypeFinder(cells, options, options.decimal or ".", FILL_IN if missing == "error" else None)
    typed = [finder.find(raw[name]) for name in roles.features]
    kept, left_out = _without_useless(path, typed, roles)
    targets = TargetReader(finder, task, alone=len(roles.targets) == 1, refuse_gaps=missing == "error")
    read = [targets.read(raw[name], options.kinds.get(name)) for name in roles.targets]
    weights = [] if roles.weight is None else [_weights(finder, raw[roles.weight], missing)]
    finder.problems.raise_any()
    groups = None if roles.by is None else _groups(finder.find(raw[roles.by]), roles.by)
    stacked = [column.values for column in read] + weights + ([] if groups is None else [groups.values])
    X, y, notices = leave_out(_values(cells, kept), np.column_stack(stacked), missing, str(path))
    n = len(read)
    row_weights = check_weights(y[:, n], roles.weight or "", str(path)) if weights else None
    numeric = [j for j, column in enumerate(kept) if column.column.kind != "text"]
    y_values, settled, class_names, rule = settle_task(
        y[:, :n], read[-1].categories, task, tuple(roles.targets), X if len(numeric) == len(kept) else X[:, numeric]
    )
    more_notices = [
        *source.notices,
        *(f"{path}: {line}: left out" for line in no_rows),
        *_column_notices(path, kept, left_out),
        *_target_notices(source, roles, target, targets),
    ]
    if task == "auto" and n == 1 and not read[0].categories and "whole number" in rule:
        more_notices.append(task_notice(settled, len(np.unique(y[:, 0])), rule))
    return Table(
        X=X,
        y=y_values,
        weights=row_weights,
        weight_name=roles.weight or "",
        task=settled,
        columns=tuple(column.column for column in kept),
        target_names=tuple(roles.targets),
        origin=str(path),
        class_names=class_names,
        missing=missing,
        task_rule=rule,
        groups=None if groups is None else replace(groups, values=y[:, -1].astype(np.int64)),
        na_values=tuple(str(word) for word in options.na_values),
        target_styles=tuple(column.style for column in read) if any(column.style for column in read) else (),
        left_out=tuple((column.column.name, column.left_out) for column in left_out),
        notices=(*more_notices, *notices),
    )


def find_roles(
    source: Source,
    target: Target,
    ignore: Sequence[str],
    weight: ColumnName | None,
    by: ColumnName | None,
    options: ColumnOptions,
) -> Roles:
    path, names = source.path, source.names
    for name in ignore:
        if name not in names:
            raise UserError(f"{path}:1: data.ignore: no column {quoted(name)}{did_you_mean(name, names)}")
    check_kinds(path, options.kinds, names)
    ignored = {*ignore, *(name for name, kind in options.kinds.items() if kind == "ignore")}
    others = {}
    for key, wanted in (("data.weight", weight), ("data.split.by", by)):
        if wanted is None:
            continue
        name = others[key] = _find_column(path, key, names, wanted)
        if name in ignored and key == "data.weight":
            raise UserError(f"{path}:1: {key} and data.ignore both name {quoted(name)}; take it out of one")
    weight_name, by_name = others.get("data.weight"), others.get("data.split.by")
    used = [name for name in names if name not in ignored and name != weight_name]
    keys = {name: key for key, name in others.items()}
    candidates = [name for name in used if name != by_name]
    if target is None:  # a line that ends with a comma has a last column without a name
        unnamed = source.unnamed()
        targets = ([name for name in candidates if name not in unnamed] or candidates)[-1:]
    else:
        targets = _find_targets(path, names, candidates, ignored, keys, target)
    features = [name for name in used if name not in targets and (name != by_name or name in options.kinds)]
    if not features:
        raise UserError(
            f"{path}:1: no column but {listed(targets)}: a table needs features beside its target "
            "(columns are separated by commas, semicolons, tabs or vertical bars)"
        )
    return Roles(features, targets, weight_name, by_name)


def _find_column(path: Path, key: str, names: tuple[str, ...], wanted: ColumnName) -> str:
    if str(wanted) in names:
        return str(wanted)
    if isinstance(wanted, str):
        raise UserError(f"{path}:1: {key}: no column {quoted(wanted)}{did_you_mean(wanted, names)}")
    if not -len(names) <= wanted < len(names):
        raise UserError(f"{path}:1: {key}: no column {wanted}; they are counted from 0 to {len(names) - 1}")
    return names[wanted]


def _find_targets(
    path: Path,
    names: tuple[str, ...],
    used: list[str],
    ignored: Collection[str],
    others: Mapping[str, str],
    target: ColumnName | list[ColumnName],
) -> list[str]:
    found = []
    for wanted in target if isinstance(target, list) else [target]:
        name = _find_column(path, "data.target", names, wanted)
        if name not in used:
            other = "data.ignore" if name in ignored else others.get(name, "another key")
            raise UserError(f"{path}:1: data.target and {other} both name {quoted(name)}; take it out of one")
        if name not in found:
            found.append(name)
    return found


def _read(
    source: Source, names: Collection[str], roles: Roles, task: Task | Literal["auto"], options: ColumnOptions
) -> tuple[Cells, ColumnOptions]:
    """The cells, and the options with the decimal separator that the file turns out to have."""
    as_text = {name for name, kind in options.kinds.items() if kind in ("text", "date") and name in names}
    cells = read_cells(source, names, as_text, options.nothing)
    if task == "classification" and len(roles.targets) == 1:
        raw = next(column for column in cells.columns if column.name == roles.targets[0])
        if raw.numbers is not None and (np.abs(raw.numbers) > EXACT).any():  # as texts such labels stay apart
            as_text |= set(roles.targets)
            cells = read_cells(source, names, as_text, options.nothing)
    decimal = options.decimal or find_decimal(cells)
    if decimal == ",":  # 1.234 is no fraction then
        fractions = {
            raw.name
            for raw in cells.columns
            if raw.numbers is not None and np.any(raw.numbers[np.isfinite(raw.numbers)] % 1)
        }
        if fractions:
            cells = read_cells(source, names, as_text | fractions, options.nothing)
    return cells, replace(options, decimal=decimal)


def _without_headers_and_totals(cells: Cells, refuse: bool) -> tuple[Cells, list[str]]:
    """The cells with those of rows that are none as missing, so that such a row has no target and is left out.

    Such rows are the header again, which stands between files that were joined, a first row of units, and a last row of
    totals. refuse: raise UserError for them.
    """
    without, notices = _blanked_where_no_rows(cells)
    if notices and refuse:
        where = cells.source.path
        raise UserError([f"{where}: {line}; remove it, or set data.missing: auto to leave it out" for line in notices])
    return without, notices


def _blanked_where_no_rows(cells: Cells) -> tuple[Cells, list[str]]:
    notices = []
    texts = [raw for raw in cells.columns if raw.numbers is None]
    if cells.source.has_header and len(texts) == len(cells.columns) and cells.rows:
        again = np.ones(cells.rows, dtype=bool)
        for raw in texts:
            codes = [code for code, text in enumerate(raw.texts) if " ".join(text.split()) == raw.name]
            again &= np.isin(raw.codes, codes)
        rows = np.flatnonzero(again)
        if len(rows):
            cells = _blanked(cells, rows)
            notices.append(f"the header stands among the rows again, {_lines_of(cells, rows)}")
    if cells.source.has_header and (units := _units_below_header(cells, texts)):
        first = np.array([0])
        notices.append(f"the first row, {_lines_of(cells, first)}, holds units ({listed(units)})")
        cells = _blanked(cells, first)
        texts = [raw for raw in cells.columns if raw.numbers is None]
    last = np.array([cells.rows - 1])
    for raw in texts:
        word = raw.texts[raw.codes[-1]].strip() if len(raw.codes) > FEWEST_ABOVE_TOTAL else ""
        if word.lower() in TOTALS and np.count_nonzero(raw.codes == raw.codes[-1]) == 1:
            notices.append(f"the last row, {_lines_of(cells, last)}, holds totals ({quoted(word)})")
            return _blanked(cells, last), notices
    return cells, notices


def _units_below_header(cells: Cells, texts: Sequence[RawColumn]) -> list[str]:
    """The words of a first row that describes columns of numbers, such as cm and kg; [] where the first row is one.

    Every column of numbers in all other rows has to be without a number in it, and two of them to have a word.
    """
    if cells.rows <= FEWEST_ABOVE_TOTAL:
        return []
    units = []
    for raw in cells.columns:
        if raw.numbers is not None:
            if not np.isnan(raw.numbers[0]):
                return []
            continue
        first, others = raw.texts[raw.codes[0]].strip(), set(np.unique(raw.codes[1:]).tolist())
        there = [text for code, text in enumerate(raw.texts) if code in others and text.strip()]
        if there and all(number(text) is not None for text in there):
            if number(first) is not None:
                return []
            units += [first] if first else []
    return units if len(units) > 1 else []


def _blanked(cells: Cells, rows: Array) -> Cells:
    """The cells with these rows empty."""
    columns = []
    for raw in cells.columns:
        if raw.numbers is not None:
            numbers = raw.numbers.astype(np.float64)
            numbers[rows] = np.nan
            columns.append(replace(raw, numbers=numbers, extent=extent_of(numbers)))
            continue
        codes = raw.codes.copy()
        codes[rows] = len(raw.texts)
        left = set(np.unique(codes).tolist())
        texts = [text if code in left else "" for code, text in enumerate(raw.texts)]
        columns.append(replace(raw, codes=codes, texts=[*texts, ""]))
    return replace(cells, columns=tuple(columns), matrix=None)


def _lines_of(cells: Cells, rows: Array) -> str:
    """`line 7`, `lines 7 and 9`; `row 7` of a file without lines."""
    located = cells.source.locate({(int(row), 0) for row in rows[:SHOWN_LINES]})
    places = [located[int(row), 0][0].partition(":")[0] for row in rows[:SHOWN_LINES]]
    if places[0].startswith("row"):
        places = [place.removeprefix("row ") for place in places]
        word = "row"
    else:
        word = "line"
    more = len(rows) - len(places)
    named = [*places, f"{more:,} more"] if more else places
    return f"{word} {places[0]}" if len(rows) == 1 else f"{word}s {', '.join(named[:-1])} and {named[-1]}"


def _without_useless(path: Path, typed: list[Typed], roles: Roles) -> tuple[list[Typed], list[Typed]]:
    kept = [column for column in typed if not column.left_out]
    left_out = [column for column in typed if column.left_out]
    if not kept:
        reasons = "; ".join(f"{quoted(column.column.name)} {column.left_out}" for column in left_out[:5])
        raise UserError(
            f"{path}: no column but {listed(roles.targets)} is of use: {reasons}; data.columns sets what a column holds"
        )
    return kept, left_out


def _values(cells: Cells, kept: list[Typed]) -> Array:
    """(rows, columns) float64, without a copy where the file's own array will do."""
    places = [column.raw.place for column in kept]
    if cells.matrix is not None and all(column.values is column.raw.numbers for column in kept):
        if places == list(range(places[0], places[0] + len(places))):
            return cells.matrix[:, places[0] : places[-1] + 1]
        return cells.matrix[:, places]
    X = np.empty((cells.rows, len(kept)))
    for part in row_blocks(cells.rows, len(kept)):
        for j, column in enumerate(kept):
            X[part, j] = column.values[part]
    return X


def _target_notices(source: Source, roles: Roles, target: Target, targets: TargetReader) -> list[str]:
    """Those on its labels; and one line where the target is not the last column, though none was named."""
    last = source.names[-1]
    if target is not None or last in roles.targets or last not in source.unnamed() or last not in roles.features:
        return targets.notices
    return [f"{source.path}: the last column has no name: the target is {quoted(roles.targets[0])}", *targets.notices]


def _column_notices(path: Path, kept: list[Typed], left_out: list[Typed]) -> list[str]:
    notices = [
        f"{path}: column {quoted(column.column.name)} is left out: {column.left_out}; to use it, set its type in "
        "data.columns"
        if column.left_out != "has no values"
        else f"{path}: column {quoted(column.column.name)} is left out: it has no values"
        for column in left_out
    ]
    for column in kept:
        if column.note:
            notices.append(f"{path}: column {quoted(column.column.name)} holds {column.note}")
        elif column.column.kind == "number" and counts_the_rows(column.values):
            notices.append(
                f"{path}: column {quoted(column.column.name)} numbers the rows, which is not predictive; "
                f"to leave it out: data.ignore=[{column.column.name}]"
            )
    if len(notices) > MOST_NOTICES:
        notices = [
            *notices[: MOST_NOTICES - 1],
            f"{path}: and {len(notices) - MOST_NOTICES + 1:,} more columns like these",
        ]
    return notices


# ---- targets ----


@dataclass(frozen=True)
class TargetColumn:
    values: Array  # (rows,) float64: numbers, or codes of the categories; NaN where missing
    categories: tuple[str, ...]  # sorted; () for numbers
    style: str = ""  # of numbers, as Column.style


class TargetReader:
    """Reads columns to predict: classes where one holds text, else numbers."""

    def __init__(
        self,
        finder: TypeFinder,
        task: Task | Literal["auto"],
        alone: bool,
        refuse_gaps: bool,
        known: Collection[str] = (),
    ) -> None:
        """known: classes of training, which are labels even where they are words for a missing value."""
        self.finder, self.task, self.alone, self.refuse_gaps, self.known = finder, task, alone, refuse_gaps, known
        self.notices: list[str] = []

    def read(self, raw: RawColumn, kind: str | None) -> TargetColumn:
        wants_classes = self.alone and (self.task == "classification" or kind == "text")
        if raw.numbers is not None:
            column = TargetColumn(self.finder.checked_numbers(raw, raw.numbers), ())
            if wants_classes and kind == "text":
                column = self._labels(raw, kind)
        else:
            column = self._labels(raw, kind) if wants_classes else self._texts(raw, kind)
        if np.isnan(column.values).all():
            raise UserError(
                f"{self.finder.cells.source.path}: column {quoted(raw.name)}, the target, has no values; name another "
                "in data.target"
            )
        if self.refuse_gaps:
            gaps = np.flatnonzero(np.isnan(column.values))
            self.finder.problems.add(raw, gaps, f"is no value; {FILL_IN_TARGET}")
        return column

    def _texts(self, raw: RawColumn, kind: str | None) -> TargetColumn:
        texts = [text.strip() for text in raw.texts]
        there = [text for text in dict.fromkeys(texts) if text.lower() not in self.finder.nothing]
        column = self.finder.type_of(raw, there, "number" if kind == "number" else None)[0] if there else Column("")
        few = len(column.style) > 1 and len(there) <= MAX_CLASSES_OF_NUMBERS  # with a unit: 3 stars, 4 stars, 5 stars
        judge = column.judge() if column.kind == "number" and not (few and kind is None) else number
        numbers = {text for text in there if judge(text) is not None}
        may_be_text = self.task == "auto" and self.alone and kind != "number"
        if may_be_text and (not numbers or (len(numbers) <= MAX_CLASSES_OF_NUMBERS and len(numbers) < len(there))):
            return self._labels(raw, kind)
        values = np.array([judge(text) if text in numbers else np.nan for text in texts], dtype=np.float64)
        wrong = [i for i, text in enumerate(texts) if text not in numbers and text.lower() not in self.finder.nothing]
        if wrong:
            how = ", or set data.task: classification if the values are classes" if may_be_text else ""
            rows = np.flatnonzero(np.isin(raw.codes, wrong))
            self.finder.problems.add(raw, rows, f"is not a number; write one{how}")
            values[wrong] = 0.0
        if column.style:
            self.notices.append(
                f"{self.finder.cells.source.path}: column {quoted(raw.name)} holds numbers such as {quoted(there[0])}"
            )
        return TargetColumn(self.finder.checked_numbers(raw, values[raw.codes]), (), column.style)

    def _labels(self, raw: RawColumn, kind: str | None) -> TargetColumn:
        """Classes, for cells of any content."""
        texts = texts_of(np.unique(raw.numbers)) if raw.numbers is not None else list(raw.texts)
        codes = np.unique(raw.numbers, return_inverse=True)[1] if raw.numbers is not None else raw.codes
        labels = [text.strip() for text in texts]
        nothing = self._missing_labels(raw, labels, codes, kind)
        there = [label for label in dict.fromkeys(labels) if label not in nothing]
        numbers = {label: number(label) for label in there}
        if there and all(value is not None and abs(value) <= EXACT for value in numbers.values()):
            found = [numbers.get(label) for label in labels]  # 1 and 1.0 are the same class
            values = np.array([np.nan if value is None else value for value in found], dtype=np.float64)
            return TargetColumn(values[codes], ())
        called = {} if self.finder.options.labels_exact else self._one_spelling(raw, labels, there, codes)
        classes = sorted({called.get(label, label) for label in there})
        places = {label: float(code) for code, label in enumerate(classes)}
        values = np.array([places.get(called.get(label, label), np.nan) for label in labels])
        return TargetColumn(values[codes], tuple(classes))

    def _missing_labels(self, raw: RawColumn, labels: list[str], codes: Array, kind: str | None) -> set[str]:
        """Those of the labels that stand for a missing value; reports the words among them.

        "None" is a class where it is the column's only word for a missing value and on as many rows as the rarest of
        the others. With a type of text in data.columns every word is a class but those of data.na_values.
        """
        counts = dict.fromkeys(labels, 0)
        for label, count in zip(labels, np.bincount(codes, minlength=len(labels)).tolist(), strict=True):
            counts[label] += count
        where = f"{self.finder.cells.source.path}: column {quoted(raw.name)}"
        own = {str(word).strip().lower() for word in self.finder.options.na_values}
        nothing = {label for label in labels if label.lower() in self.finder.nothing}
        words = {label for label in nothing if label and label.lower() not in own}
        if kind == "text":
            return nothing - words
        nothing -= words & {*self.known}
        others = [count for label, count in counts.items() if label not in nothing and count]
        for word in sorted(words & nothing):
            if nothing == words == {word} and word.lower() == "none" and others and counts[word] >= min(others):
                self.notices.append(
                    f"{where}: {quoted(word)} is a class, of {plural(counts[word], 'row')}; for a missing value: "
                    f"data.na_values=[{word}]"
                )
                return set()
            self.notices.append(
                f"{where}: {quoted(word)} is a missing value, in {plural(counts[word], 'row')}; for a class: "
                f"data.columns={{{raw.name}: text}}"
            )
        return nothing

    def _one_spelling(self, raw: RawColumn, labels: list[str], there: list[str], codes: Array) -> dict[str, str]:
        counts = dict.fromkeys(there, 0)
        for label, count in zip(labels, np.bincount(codes, minlength=len(labels)).tolist(), strict=True):
            if label in counts:
                counts[label] += count
        called = one_spelling(there, [counts[label] for label in there])
        for best in dict.fromkeys(called.values()):
            others = [label for label in there if called.get(label) == best]
            self.notices.append(
                f"{self.finder.cells.source.path}: column {quoted(raw.name)}: the labels {listed([best, *others])} are "
                f"one class, {quoted(best)}; to keep them apart: data.labels=exact"
            )
        return called


def _weights(finder: TypeFinder, raw: RawColumn, missing: Missing) -> Array:
    typed = finder.find(raw) if raw.numbers is None else None
    if typed is not None and (typed.column.kind != "number" or typed.left_out):
        finder.problems.add(raw, np.arange(min(1, len(raw.codes))), f"is not a number; {NO_WEIGHT}")
        return np.zeros(len(raw.codes))
    values = finder.checked_numbers(raw, raw.numbers) if typed is None else typed.values  # type: ignore[arg-type]
    if missing in ("auto", "error"):  # a weight cannot be guessed
        finder.problems.add(raw, np.flatnonzero(np.isnan(values)), f"is no value; {NO_WEIGHT}")
    return values


def _groups(typed: Typed, name: str) -> Groups:
    """Equal values are one group, rows without a value one more; dates and times are in their order."""
    values = np.unique(typed.values, return_inverse=True)[1]
    return Groups(name, values.astype(np.float64), in_time=typed.column.kind in ("date", "time"))
