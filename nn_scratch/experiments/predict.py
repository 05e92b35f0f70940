"""Predictions for new rows of a file, by a trained network with its own preprocessing, a block of rows at a time."""

from __future__ import annotations

import json
import logging
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import StringIO, TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Protocol, TextIO

import numpy as np

from nn_scratch.data.new_rows import Block
from nn_scratch.data.tables import NewRows, open_rows
from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.experiments.prediction_scores import scores_for
from nn_scratch.metrics import Array
from nn_scratch.optional import optional
from nn_scratch.runs.files import check_output, renamed_when_whole
from nn_scratch.runs.run import Run
from nn_scratch.wording import listed, number_text

PROGRESS = logging.getLogger("nn_scratch.progress")
STANDARD_INPUT = "-"
FIRST_ANNOUNCED = 100_000  # predicted, from which on the number is announced each time it has doubled
SPOOLED = "standard_input.csv"  # its copy
FORMATS = (".csv", ".jsonl", ".ndjson", ".parquet", ".pq")


@dataclass(frozen=True)
class Wanted:
    """The options of `predict`."""

    strict: bool = False  # refuse missing, unreadable and unseen cells
    probabilities: bool = True  # a column a class beside the prediction
    threshold: float | None = None  # of two classes, or of each label: from which probability it is predicted


@dataclass(frozen=True)
class Predicted:
    """The result of predicting a file."""

    rows: int
    notices: tuple[str, ...]  # notices for the user, a line each
    scores: dict[str, float]  # where the target is there; else empty
    scored_rows: int


def predict_to(run: Run, file: str, out: Path | TextIO, wanted: Wanted | None = None) -> Predicted:
    """Write the predictions for every row of a file, or of standard input ("-"), to a file or a stream.

    Columns: `prediction`, then `p(<class>)` for each class; of several labels the prediction is those of a probability
    of the threshold or more, with semicolons between; for a regression one column a target. A stream gets CSV; a file
    CSV, JSON lines or Parquet, by its name. Raises UserError for what the model cannot take, before anything is written
    if `wanted.strict`.
    """
    wanted = Wanted() if wanted is None else wanted
    model = load_model(run)
    check_wanted(model, wanted)
    if isinstance(out, Path) and not out.name.lower().endswith(FORMATS):
        raise UserError(f"{out}: predictions are written as {listed(FORMATS)}; give the file such a name")
    with named_input(file) as path, called_standard_input(path, file):
        read = (path, *(run.path / name for name in ("param.yaml", "model.npz")))
        if not isinstance(out, Path):
            return _predict(model, path, writer_for(out, ".csv", model, wanted), wanted)
        check_output(out, read)  # before the work, and again when it is done
        found: list[Predicted] = []

        def write(stream: IO[bytes]) -> None:
            found.append(_predict(model, path, writer_for(stream, out.suffix.lower(), model, wanted), wanted))
            check_output(out, read)

        renamed_when_whole(out, write, 0)
    return found[0]


@contextmanager
def called_standard_input(path: Path, file: str) -> Iterator[None]:
    """Errors name standard input, not the copy of it."""
    try:
        yield
    except UserError as error:
        if file != STANDARD_INPUT:
            raise
        raise UserError(problem.replace(str(path), "standard input") for problem in error.problems) from None


def check_wanted(model: Model, wanted: Wanted) -> None:
    if wanted.threshold is None:
        return
    if not 0 <= wanted.threshold <= 1:
        raise UserError(f"--threshold {wanted.threshold:g}: write a probability, 0 to 1")
    if model.preprocessing.task == "regression":
        raise UserError("--threshold: a regression has no probabilities; leave it out")
    if len(model.class_names) > 2:
        raise UserError(f"--threshold: is for two classes, and the model has {len(model.class_names)}; leave it out")


@contextmanager
def named_input(file: str) -> Iterator[Path]:
    """The path of a file; standard input is copied to disk, since its layout is found before its rows are read."""
    if file != STANDARD_INPUT:
        yield Path(file)
        return
    with TemporaryDirectory(prefix="nn-scratch-") as folder:
        path = Path(folder) / SPOOLED
        with path.open("wb") as copy:
            shutil.copyfileobj(sys.stdin.buffer, copy)
        with path.open("rb") as copy:
            if copy.read(64).lstrip()[:1] == b"{":
                path = path.rename(path.with_suffix(".jsonl"))
        yield path


def _predict(model: Model, path: Path, writer: Writer, wanted: Wanted) -> Predicted:
    PROGRESS.info("predicting")
    rows = open_rows(path, model.preprocessing, wanted.strict)
    scores = scores_for(model.preprocessing) if rows.reader is not None and rows.reader.has_targets else None
    total, next_announced = 0, FIRST_ANNOUNCED
    with writer:
        for block in rows.blocks():
            output = model.predict(block.X)
            if not np.isfinite(output).all():
                raise _not_finite(rows, block, output)
            decided = decide(model, output, wanted.threshold)
            writer.write(decided, output)
            if scores is not None:
                scores.add(block.targets, decided, output)
            total += len(output)
            if total >= next_announced:
                PROGRESS.info(f"predicting, {total:,} rows done")
                next_announced = 2 * total
    notices = [
        notice.replace(str(path), "standard input") if path.name == SPOOLED else notice for notice in rows.notices
    ]
    notices += [] if rows.reader is None else rows.reader.column_notices()
    if wanted.threshold is not None and model.class_names:
        notices.append(f"{model.class_names[1]!r} is predicted from a probability of {wanted.threshold:g}")
    return Predicted(
        total, tuple(notices), {} if scores is None else scores.result(), 0 if scores is None else scores.rows
    )


def _not_finite(rows: NewRows, block: Block, output: Array) -> UserError:
    row = block.start + int(np.flatnonzero(~np.isfinite(output).all(axis=1))[0])
    return UserError(f"{rows.locate(row)}: its prediction is not finite; are these values in the units of training?")


def decide(model: Model, output: Array, threshold: float | None) -> Array:
    """(rows,) class indices; (rows, labels) bool of several labels; the values of a regression."""
    if model.class_names:
        return output.argmax(axis=1) if threshold is None else (output[:, 1] >= threshold).astype(np.int64)
    if model.preprocessing.task == "multi_label":
        return output >= (0.5 if threshold is None else threshold)
    return output


# ---- writers ----


class Writer(Protocol):
    def __enter__(self) -> Any: ...
    def __exit__(self, *exception: object) -> None: ...
    def write(self, decided: Array, output: Array) -> None: ...


def writer_for(stream: Any, suffix: str, model: Model, wanted: Wanted) -> Writer:
    columns = Columns(model, wanted.probabilities)
    if suffix == ".csv":
        return CsvWriter(stream, columns)
    if suffix in (".parquet", ".pq"):
        return ParquetWriter(stream, columns)
    return JsonLinesWriter(stream, columns)


class Columns:
    """Names of the columns of predictions, and their cells."""

    def __init__(self, model: Model, probabilities: bool) -> None:
        preprocessing = model.preprocessing
        self.classes, self.targets, self.task = model.class_names, preprocessing.target_names, preprocessing.task
        of = self.classes or (self.targets if self.task == "multi_label" else ())
        self.probabilities = tuple(f"p({name})" for name in of) if probabilities else ()
        alone = self.task != "regression" or len(self.targets) == 1
        self.predictions = ("prediction",) if alone else tuple(f"prediction({name})" for name in self.targets)

    def labels(self, decided: Array) -> list[str] | None:
        """The predicted class, or the labels, of each row; None for quantities."""
        if self.classes:
            return [self.classes[k] for k in decided.tolist()]
        if self.task == "multi_label":
            return [";".join(name for name, is_set in zip(self.targets, row, strict=True) if is_set) for row in decided]
        return None


class CsvWriter:
    """A header and a line a row; numbers with the digits that float32 holds."""

    def __init__(self, stream: Any, columns: Columns) -> None:
        self.columns = columns
        self._wraps = not isinstance(stream, (StringIO, TextIOWrapper)) and not hasattr(stream, "encoding")
        self._stream: Any = TextIOWrapper(stream, "utf-8", newline="") if self._wraps else stream
        self._quoted: dict[str, str] = {}

    def __enter__(self) -> CsvWriter:
        names = (*self.columns.predictions, *self.columns.probabilities)
        self._stream.write(",".join(map(self._cell, names)) + "\n")
        return self

    def __exit__(self, *exception: object) -> None:
        if self._wraps:
            self._stream.flush()
            self._stream.detach()

    def _cell(self, text: str) -> str:
        """As the csv module quotes it."""
        if text not in self._quoted:
            has_marks = any(mark in text for mark in '",\r\n') or not text
            self._quoted[text] = '"' + text.replace('"', '""') + '"' if has_marks else text
        return self._quoted[text]

    def write(self, decided: Array, output: Array) -> None:
        labels = self.columns.labels(decided)
        n = output.shape[1] if labels is None else len(self.columns.probabilities)
        numbers = ",".join(["%.7g"] * n)
        if labels is None:
            lines = [numbers % tuple(row) for row in output.tolist()]
        elif not n:
            lines = [self._cell(label) for label in labels]
        else:
            form = "%s," + numbers
            cells = [self._cell(label) for label in labels]
            lines = [form % (cell, *row) for cell, row in zip(cells, output.tolist(), strict=True)]
        self._stream.write("\n".join(lines) + "\n")


class JsonLinesWriter:
    """An object a row."""

    def __init__(self, stream: IO[bytes], columns: Columns) -> None:
        self._stream, self.columns = stream, columns

    def __enter__(self) -> JsonLinesWriter:
        return self

    def __exit__(self, *exception: object) -> None:
        pass

    def write(self, decided: Array, output: Array) -> None:
        labels = self.columns.labels(decided)
        keys = self.columns.probabilities if labels is not None else self.columns.predictions
        lines = []
        for i, row in enumerate(output.tolist()):
            numbers = {key: float(f"{value:.7g}") for key, value in zip(keys, row, strict=False)}
            lines.append(json.dumps(numbers if labels is None else {"prediction": labels[i], **numbers}))
        self._stream.write(("\n".join(lines) + "\n").encode())


class ParquetWriter:
    """Text for classes, float64 for numbers; a row group a block."""

    def __init__(self, stream: IO[bytes], columns: Columns) -> None:
        self._stream, self.columns = stream, columns
        path = Path(str(getattr(stream, "name", "predictions.parquet")))
        self._arrow, self._parquet = optional("pyarrow", path), optional("pyarrow.parquet", path)
        self._writer: Any = None

    def __enter__(self) -> ParquetWriter:
        arrow = self._arrow
        kind = arrow.float64() if self.columns.task == "regression" else arrow.string()
        fields = [(name, kind) for name in self.columns.predictions]
        fields += [(name, arrow.float64()) for name in self.columns.probabilities]
        self._schema = arrow.schema(fields)
        self._writer = self._parquet.ParquetWriter(arrow.PythonFile(self._stream, mode="w"), self._schema)
        return self

    def __exit__(self, *exception: object) -> None:
        self._writer.close()

    def write(self, decided: Array, output: Array) -> None:
        labels = self.columns.labels(decided)
        cells: list[Any] = [] if labels is None else [labels]
        n = output.shape[1] if labels is None else len(self.columns.probabilities)
        cells += [np.ascontiguousarray(output[:, j]) for j in range(n)]
        arrays = [self._arrow.array(values, field.type) for values, field in zip(cells, self._schema, strict=True)]
        self._writer.write_batch(self._arrow.record_batch(arrays, schema=self._schema))


def score_line(scores: dict[str, float], rows: int) -> str:
    """The scores of rows that have a target, on one line."""
    return f"{rows:,} rows with a target: " + ", ".join(
        f"{name.replace('_', ' ')} {number_text(value)}" for name, value in scores.items()
    )
