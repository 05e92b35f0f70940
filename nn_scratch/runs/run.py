"""Reads a run's folder. Nothing in it is trusted: a folder from anywhere gives one line, and runs no code."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from nn_scratch.config.project import OUTPUTS
from nn_scratch.errors import NNScratchError, UserError
from nn_scratch.metrics import Array
from nn_scratch.runs import checkpoint, documents, files
from nn_scratch.runs import folder as folders
from nn_scratch.runs.documents import Document
from nn_scratch.runs.files import read_npy_header, read_npz
from nn_scratch.wording import did_you_mean, first_line, printable, shortened

T = TypeVar("T")

MOST_JSON_BYTES = 64 << 20
MOST_CSV_BYTES = 1 << 30
PLAIN_NAME = re.compile(r"[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*")  # of a file: it stays within its folder

# what a reader may rely on, whichever version wrote the run
METRICS_COLUMNS = ("epoch", "step", "lr", "train_loss", "val_loss")
LAYERS_COLUMNS = (
    "epoch",
    "layer",
    *("W_norm", "W_mean", "W_std", "b_norm", "dW_norm", "dW_mean", "dW_std", "distance"),
    *("A_mean", "A_std", "zero_share", "dead_share", "saturated_share", "update_ratio"),
)
STEPS_COLUMNS = (
    *("step", "epoch", "layer", "loss", "loss_after"),
    *("param_norm", "grad_norm", "update_norm", "update_ratio", "grad_cosine"),
)
TIMES_COLUMNS = ("epoch", "training", "evaluation", "logging")


@dataclass(frozen=True)
class StepLogTable:
    """The rows of step/: the epoch of each, the number of the step and its learning rate; epochs need not rise.

    kinds: "gradient", "update" and the optimizer's slots.
    """

    epochs: tuple[int, ...]
    steps: tuple[int, ...]
    rates: tuple[float, ...]
    kinds: tuple[str, ...]


class Run:
    """The contents of a run's folder, read on access.

    Tensors are memory-mapped and read-only, cut to the rows that commit.json vouches for. Every error is a UserError
    that names the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, run: str | Path, outputs: Path = OUTPUTS) -> Run:
        """A run by its path, or by the name of its folder under outputs/."""
        return cls(folders.find_folder(run, outputs))

    @classmethod
    def newest(cls, outputs: Path = OUTPUTS) -> Run:
        return cls(folders.newest(outputs))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def as_typed(self) -> str:
        """The argument that names the run on the command line."""
        return self.name if self.path.parent == OUTPUTS else folders.shown(self.path)

    # --- documents

    @cached_property
    def info(self) -> dict[str, Any]:
        """run.json: status, scores, times, versions."""
        return self._json("run.json", documents.Info)

    @cached_property
    def card(self) -> dict[str, Any]:
        """data.json: the data card."""
        return self._json("data.json", documents.Card)

    @cached_property
    def signals(self) -> dict[str, Any]:
        """signals.json: what is measured once, at step 0 and at the end; empty where an older run has none."""
        return self._json("signals.json", documents.Signals) if self._file("signals.json").exists() else {}

    @cached_property
    def committed(self) -> dict[str, Any]:
        """commit.json: how many rows of each file are whole."""
        return self._consistent(self._json("commit.json", documents.Commit))

    def ahead(self, written: Mapping[str, Any]) -> Run:
        """The same run as far as its process says that it has written, where that is further than commit.json says."""
        committed, wrong = self.committed, documents.misfit(documents.Commit, written)
        if wrong or written["epoch"] <= committed["epoch"] or written["files"].keys() != committed["files"].keys():
            return self
        further = Run(self.path)
        further.__dict__["committed"] = self._consistent({**committed, **written})
        return further

    def _consistent(self, committed: dict[str, Any]) -> dict[str, Any]:
        """What commit.json says, if its parts fit together."""
        epochs = committed["tensor_epochs"]
        tensors = {name: entry["rows"] for name, entry in committed["files"].items() if name.endswith(".npy")}
        if epochs[:1] not in ([], [0]) or any(epoch <= before for before, epoch in pairwise(epochs)):
            raise self._damaged("commit.json", "tensor_epochs do not rise from 0")
        for name, rows in tensors.items():
            if rows != len(epochs):
                raise self._damaged(
                    "commit.json", f"{printable(shortened(name))} has {rows} rows for {len(epochs)} epochs"
                )
        return committed

    @cached_property
    def diagnosis(self) -> dict[str, Any] | None:
        """diagnosis.json, or None where there is none."""
        return self._json("diagnosis.json", documents.Diagnosis) if self._file("diagnosis.json").exists() else None

    @property
    def labels(self) -> dict[str, Any]:
        """labels.json: the tags and the note that people gave the run; empty where there are none."""
        return self._json("labels.json", documents.Labels) if self._file("labels.json").exists() else {}

    @cached_property
    def config(self) -> dict[str, Any]:
        """param.yaml as plain values, every default written out."""
        from nn_scratch.config.loader import read_yaml
        from nn_scratch.config.resolve import config_from
        from nn_scratch.config.writer import to_plain

        path = self._file("param.yaml")
        value = read_yaml(path)
        try:
            return to_plain(config_from(value))
        except UserError as error:
            raise UserError(f"{path}: {problem}" for problem in error.problems) from None

    # --- tables

    @cached_property
    def metrics(self) -> dict[str, Array]:
        """metrics.csv by column, a row an epoch."""
        table = self._table("metrics.csv", METRICS_COLUMNS)
        if not np.array_equal(table["epoch"], np.arange(1, len(table["epoch"]) + 1)):
            raise self._damaged("metrics.csv", "its epochs are not 1, 2, 3 ...")
        return table

    @cached_property
    def layers(self) -> dict[str, Array]:
        """layers.csv by column, a row an epoch and layer, from epoch 0 on."""
        table = self._table("layers.csv", LAYERS_COLUMNS)
        names = list(dict.fromkeys(table["layer"].tolist()))
        epochs, left = divmod(len(table["layer"]), max(1, len(names)))
        expected = np.repeat(np.arange(epochs), len(names)), np.array(names * epochs, dtype=np.str_)
        if left or not all(map(np.array_equal, (table["epoch"], table["layer"]), expected)):
            raise self._damaged("layers.csv", "it has not one row of each layer an epoch, from epoch 0 on")
        return table

    @cached_property
    def steps(self) -> dict[str, Array]:
        """steps.csv by column, a row a watched step and layer."""
        table = self._table("steps.csv", STEPS_COLUMNS)
        names = self.layer_names
        watched = table["step"][:: max(1, len(names))]
        expected = np.repeat(watched, len(names)), np.array(list(names) * len(watched), dtype=np.str_)
        if not all(map(np.array_equal, (table["step"], table["layer"]), expected)):
            raise self._damaged("steps.csv", "it has not one row of each layer a step")
        return table

    @cached_property
    def times(self) -> dict[str, Array]:
        """times.csv by column, a row an epoch; seconds."""
        return self._table("times.csv", TIMES_COLUMNS, rows=len(self.metrics["epoch"]))

    # --- tensors

    @cached_property
    def epochs(self) -> Array:
        """The epoch of each row of the tensor logs; the first is 0, the initial values."""
        return np.array(self.committed["tensor_epochs"], np.int64)

    @cached_property
    def layer_names(self) -> tuple[str, ...]:
        """The dense layers, in order."""
        names = self.layers["layer"]
        return tuple(dict.fromkeys(names.tolist()))

    @cached_property
    def parameter_names(self) -> tuple[str, ...]:
        """hidden_1.W, hidden_1.b ...: those whose weights or gradients were logged."""
        logged = [name.split("/", 1) for name in self.committed["files"] if name.endswith(".npy")]
        return tuple(
            dict.fromkeys(file.removesuffix(".npy") for kind, file in logged if kind in ("weights", "gradients"))
        )

    def weights(self, parameter: str) -> Array:
        """(rows, inputs, outputs) for a W, (rows, outputs) for a b; row r belongs to `epochs[r]`."""
        return self._tensor("weights", parameter)

    def gradients(self, parameter: str) -> Array:
        """The gradients on the probe rows, of the same shape as `weights`."""
        return self._tensor("gradients", parameter)

    def activations(self, layer: str) -> Array:
        """(rows, probe rows, units)."""
        return self._tensor("activations", layer)

    def state(self, name: str) -> Array:
        """(rows, ...): what a layer keeps without learning it, such as hidden_1.batch_norm.running_mean."""
        return self._tensor("state", name)

    @cached_property
    def step_log(self) -> StepLogTable | None:
        """Of which epochs' last steps the optimizer's part was logged; None where it was not."""
        written = self.committed.get("step_log")
        if not written:
            return None
        epochs, steps, rates, kinds = (written[name] for name in ("epochs", "steps", "rates", "kinds"))
        if not len(epochs) == len(steps) == len(rates) or kinds[:2] != ["gradient", "update"]:
            raise self._damaged("commit.json", "step_log does not fit together")
        return StepLogTable(tuple(epochs), tuple(steps), tuple(rates), tuple(kinds))

    def step(self, kind: str, parameter: str) -> Array:
        """(rows, ...) "gradient", "update" or a slot of the optimizer in the steps that `step_log` lists."""
        log, file = self.step_log, f"step/{kind}/{parameter}.npy"
        if log is None or kind not in log.kinds:
            raise UserError(f"{self.path / file}: not logged")
        path = self._file(file)
        return self.reading(file, lambda: map_rows(path, len(log.epochs)))

    def confusion(self, part: str) -> Array:
        """(rows, classes, classes) counts of "train" (its fixed sample) or "val": true down, predicted across."""
        return self._tensor("confusion", part)

    def has(self, kind: str, name: str) -> bool:
        """Whether a tensor was logged."""
        return f"{kind}/{name}.npy" in self.committed["files"]

    # --- arrays of fixed size

    @cached_property
    def probe(self) -> dict[str, Array]:
        """probe.npz: X (probe rows, features) scaled as trained on, y, rows (their places in the source).

        Runs since 0.2 hold up to 256 validation rows besides: X_val, y_val, rows_val.
        """
        probe = self._npz("probe.npz")
        X, y, rows = (probe.get(name, np.empty(0)) for name in ("X", "y", "rows"))
        fits = X.ndim == 2 and X.size and X.dtype.kind == "f" and y.dtype.kind in "fiu" and rows.dtype.kind in "iu"
        if not fits or not X.shape[:1] == y.shape[:1] == rows.shape:
            raise self._damaged("probe.npz", "it does not hold X, y and rows of the probe")
        if "X_val" in probe:
            X_val, y_val, rows_val = (probe.get(f"{name}_val", np.empty(())) for name in ("X", "y", "rows"))
            fits = X_val.ndim == 2 and X_val.shape[1] == X.shape[1] and X_val.dtype.kind == "f"
            if not fits or not X_val.shape[:1] == y_val.shape[:1] == rows_val.shape:
                raise self._damaged("probe.npz", "its validation rows do not fit together")
        return probe

    @cached_property
    def predictions(self) -> dict[str, Array]:
        """predictions.npz: val_y, val_output, val_rows, and the same of test; empty where training did not end.

        output: probabilities (rows, classes), or values (rows, targets) in the target's own units.
        """
        if not self._file("predictions.npz").exists():
            return {}
        predictions = self._npz("predictions.npz")
        for part in ("val", "test"):
            y, output, rows = (predictions.get(f"{part}_{name}", np.empty(())) for name in ("y", "output", "rows"))
            if not self._predicted(y, output) or rows.shape != y.shape[:1] or rows.dtype.kind not in "iu":
                raise self._damaged("predictions.npz", f"the predictions of {part} do not fit data.json")
        return predictions

    def _predicted(self, y: Array, output: Array) -> bool:
        """Whether these are labels, or values, and what is predicted for them."""
        classes = len(self.card["classes"] or ())
        if output.dtype.kind != "f":
            return False
        if not classes:
            return (
                y.dtype.kind in "fiu" and y.ndim == 2 and y.shape == output.shape == (len(y), len(self.card["target"]))
            )
        known = y.dtype.kind in "iu" and y.ndim == 1 and bool(((y >= 0) & (y < classes)).all())
        return known and output.shape == (len(y), classes)

    @cached_property
    def model(self) -> dict[str, Array]:
        """model.npz: the trained parameters and the preprocessing."""
        return self._npz("model.npz")

    def config_at_commit(self) -> dict[str, Any] | None:
        """The plain values of the config of the last commit; None where an earlier version wrote the run."""
        path = self._file("checkpoint.npz")
        config = self.reading("checkpoint.npz", lambda: checkpoint.load_config(path))
        if config is not None and not isinstance(config, dict):
            raise self._damaged("checkpoint.npz", "config is no mapping")
        return config

    def checkpoint(self, trainer: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """A trainer's state, and what was on disk when it was saved.

        trainer: the state of the trainer that is to take it up; it is an error if it cannot.
        """
        path = self._file("checkpoint.npz")
        state, committed = self.reading("checkpoint.npz", lambda: checkpoint.load(path))
        if trainer is not None:
            self.reading("checkpoint.npz", lambda: checkpoint.check(state, trainer))
        wrong = documents.misfit(documents.Commit, committed)
        if wrong:
            raise self._damaged("checkpoint.npz", wrong)
        return state, committed

    # --- reading

    def reading(self, name: str, read: Callable[[], T]) -> T:
        """Call a reader; any exception that a damaged file causes becomes one line that names the file."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # such as NumPy's of a header written by Python 2
                return read()
        except NNScratchError:
            raise
        except FileNotFoundError:
            raise self._damaged(name, "no such file") from None
        except Exception as error:
            if isinstance(error, OSError) and error.errno in files.OF_THE_MACHINE:
                with files.disk_errors(self.path / name):
                    raise
            raise self._damaged(name, f"cannot be read ({first_line(error)})") from None

    def _file(self, name: str) -> Path:
        """The path of a plain file in the folder, which may be missing; no link leads out of it."""
        parts = name.split("/")
        if not all(PLAIN_NAME.fullmatch(part) for part in parts):
            raise self._damaged("commit.json", f"no name of a file: {printable(shortened(name))}")
        path = self.path
        for depth, part in enumerate(parts, 1):
            path = path / part
            try:
                mode = os.lstat(path).st_mode
            except (FileNotFoundError, NotADirectoryError):
                return self.path / name
            except OSError:
                with files.disk_errors(path):
                    raise
            if stat.S_ISLNK(mode):
                raise self._damaged(name, "a symbolic link is not followed")
            if not (stat.S_ISREG(mode) if depth == len(parts) else stat.S_ISDIR(mode)):
                raise self._damaged(name, "no plain file")
        return path

    def _damaged(self, name: str, reason: str) -> UserError:
        return UserError(f"{self.path / name}: {reason}; train anew, or `train.py --resume` if the run did not end")

    def _bytes(self, name: str, most: int) -> bytes:
        path = self._file(name)

        def read() -> bytes:
            if path.stat().st_size > most:
                raise ValueError(f"larger than {most:,} bytes")
            return path.read_bytes()

        return self.reading(name, read)

    def _json(self, name: str, document: type[Document]) -> dict[str, Any]:
        content = self._bytes(name, MOST_JSON_BYTES)
        value: dict[str, Any] = self.reading(name, lambda: json.loads(content, parse_constant=refuse_constant))
        wrong = documents.misfit(document, value)
        if wrong:
            raise self._damaged(name, printable(shortened(wrong, 200)))
        return value

    def _table(self, name: str, columns: Sequence[str], rows: int | None = None) -> dict[str, Array]:
        content = self._bytes(name, MOST_CSV_BYTES)
        if rows is None:
            rows = self.committed["files"].get(name, {}).get("rows", 0)

        def read() -> dict[str, Array]:
            lines = list(csv.reader(content.decode().splitlines()[: rows + 1]))
            if not lines or len(lines) <= rows:
                raise ValueError(f"{max(0, len(lines) - 1)} rows, and {rows} were committed")
            header, body = lines[0], lines[1:]
            missing = [column for column in columns if column not in header]
            if missing:
                raise ValueError(f"no column {missing[0]}")
            if any(len(line) != len(header) for line in body):
                raise ValueError("rows of unequal length")
            return {column: as_column(column, [line[i] for line in body]) for i, column in enumerate(header)}

        return self.reading(name, read)

    def _tensor(self, kind: str, name: str) -> Array:
        file = f"{kind}/{name}.npy"
        entry = self.committed["files"].get(file)
        if entry is None:
            logged = [known for known in self.committed["files"] if known.startswith(f"{kind}/")]
            raise UserError(f"{self.path / file}: not logged{did_you_mean(file, logged)}")
        path = self._file(file)
        return self.reading(file, lambda: map_rows(path, entry["rows"]))

    def _npz(self, name: str) -> dict[str, Array]:
        path = self._file(name)
        return self.reading(name, lambda: read_npz(path))


def refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def as_column(name: str, values: list[str]) -> Array:
    if name == "layer":
        return np.array(values, dtype=np.str_)
    column = np.array([float(value) if value else np.nan for value in values])
    if name not in ("epoch", "step"):
        return column
    if not ((column >= 0) & (column < documents.MOST_COUNT) & (column == np.floor(column))).all():
        raise ValueError(f"{name}: not whole numbers")
    return column.astype(np.int64)


def map_rows(path: Path, rows: int) -> Array:
    """The first `rows` rows of a .npy log, memory-mapped; ValueError where the file is not one of ours."""
    with path.open("rb") as file:
        shape, fortran_order, dtype = read_npy_header(file)
        offset = file.tell()
    if fortran_order or dtype.kind not in "fi" or not shape or 0 in shape[1:]:
        raise ValueError(f"not a log of numbers: shape {shape}, dtype {dtype}")
    row_bytes = prod(shape[1:]) * dtype.itemsize
    size = path.stat().st_size
    if size < offset + rows * row_bytes:
        raise ValueError(f"{size:,} bytes, too few for the {rows} rows in commit.json")
    if rows == 0:
        return np.empty((0, *shape[1:]), dtype)
    return np.memmap(path, dtype, "r", offset, (rows, *shape[1:]))
