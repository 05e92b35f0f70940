"""Reads a run's folder. Nothing in it is trusted: a folder from a stranger gives one line, and runs no code."""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Callable
from functools import cached_property
from math import prod
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from nn_scratch.errors import UserError, did_you_mean
from nn_scratch.runs import checkpoint
from nn_scratch.runs import folder as folders

Array = NDArray[Any]
T = TypeVar("T")

MOST_JSON_BYTES = 64 << 20
MOST_CSV_BYTES = 1 << 30


class Run:
    """What a run left behind, read when it is asked for.

    Tensors are memory-mapped and read-only, cut to the rows that commit.json vouches for. Every error is a UserError
    that names the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def open(cls, run: str | Path, outputs: Path = folders.OUTPUTS) -> Run:
        """A run by its path, or by the name of its folder under outputs/."""
        return cls(folders.find_folder(run, outputs))

    @classmethod
    def newest(cls, outputs: Path = folders.OUTPUTS) -> Run:
        return cls(folders.newest(outputs))

    @property
    def name(self) -> str:
        return self.path.resolve().name

    @property
    def as_typed(self) -> str:
        """What a person types to name the run."""
        return self.name if self.path.parent == folders.OUTPUTS else folders.shown(self.path)

    # --- documents

    @cached_property
    def info(self) -> dict[str, Any]:
        """run.json: status, scores, times, versions."""
        return self._json("run.json")

    @cached_property
    def card(self) -> dict[str, Any]:
        """data.json: the data card."""
        return self._json("data.json")

    @cached_property
    def signals(self) -> dict[str, Any]:
        """signals.json: what is measured once, at step 0 and at the end; empty where an older run has none."""
        return self._json("signals.json") if self._file("signals.json").exists() else {}

    @cached_property
    def committed(self) -> dict[str, Any]:
        """commit.json: how many rows of each file are whole."""
        committed = self._json("commit.json")
        epochs = committed.get("tensor_epochs")
        files = committed.get("files")
        if (
            not isinstance(files, dict)
            or not all(isinstance(entry, dict) and is_count(entry.get("rows")) for entry in files.values())
            or not isinstance(epochs, list)
            or not all(is_count(epoch) for epoch in epochs)
        ):
            raise self._damaged("commit.json", "it does not say how many rows are whole")
        return committed

    @cached_property
    def diagnosis(self) -> dict[str, Any] | None:
        """diagnosis.json, or None where there is none."""
        return self._json("diagnosis.json") if self._file("diagnosis.json").exists() else None

    @cached_property
    def config(self) -> dict[str, Any]:
        """param.yaml as plain values, every default written out."""
        from nn_scratch.config.loader import read_yaml

        value = read_yaml(self._file("param.yaml"))
        if not isinstance(value, dict):
            raise self._damaged("param.yaml", "not a mapping")
        return value

    # --- tables

    @cached_property
    def metrics(self) -> dict[str, Array]:
        """metrics.csv by column, a row an epoch."""
        return self._table("metrics.csv")

    @cached_property
    def layers(self) -> dict[str, Array]:
        """layers.csv by column, a row an epoch and layer, from epoch 0 on."""
        return self._table("layers.csv")

    @cached_property
    def steps(self) -> dict[str, Array]:
        """steps.csv by column, a row a watched step and layer."""
        return self._table("steps.csv")

    @cached_property
    def times(self) -> dict[str, Array]:
        """times.csv by column, a row an epoch; seconds."""
        return self._table("times.csv", rows=len(self.metrics["epoch"]))

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

    def confusion(self, part: str) -> Array:
        """(rows, classes, classes) counts of "train" (its fixed sample) or "val": true down, predicted across."""
        return self._tensor("confusion", part)

    def has(self, kind: str, name: str) -> bool:
        """Whether a tensor was logged."""
        return f"{kind}/{name}.npy" in self.committed["files"]

    # --- arrays of fixed size

    @cached_property
    def probe(self) -> dict[str, Array]:
        """probe.npz: X (probe rows, features) scaled as trained on, y, rows (their places in the source)."""
        return self._npz("probe.npz")

    @cached_property
    def predictions(self) -> dict[str, Array]:
        """predictions.npz: val_y, val_output, val_rows, and the same of test; empty where training did not end.

        output: probabilities (rows, classes), or values (rows, targets) in the target's own units.
        """
        return self._npz("predictions.npz") if self._file("predictions.npz").exists() else {}

    @cached_property
    def model(self) -> dict[str, Array]:
        """model.npz: the trained parameters and the preprocessing."""
        return self._npz("model.npz")

    def checkpoint(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """A trainer's state, and what was on disk when it was saved."""
        self._check_zip("checkpoint.npz")
        return self._reading("checkpoint.npz", lambda: checkpoint.load(self._file("checkpoint.npz")))

    # --- reading

    def _file(self, name: str) -> Path:
        path = self.path / name
        if path.is_symlink() or any(part.is_symlink() for part in path.parents if self.path in part.parents):
            raise self._damaged(name, "a symbolic link is not followed")
        return path

    def _damaged(self, name: str, reason: str) -> UserError:
        return UserError(f"{self.path / name}: {reason}; train anew, or `train.py --resume` if the run did not end")

    def _reading(self, name: str, read: Callable[[], T]) -> T:
        """Call a reader; whatever a damaged file makes it raise is told as one line."""
        try:
            return read()
        except FileNotFoundError:
            raise self._damaged(name, "no such file") from None
        except (OSError, ValueError, TypeError, KeyError, EOFError, IndexError, RecursionError, OverflowError) as error:
            raise self._damaged(name, f"cannot be read ({first_line(error)})") from None
        except (zipfile.BadZipFile, NotImplementedError, MemoryError, SyntaxError) as error:
            raise self._damaged(name, f"cannot be read ({first_line(error)})") from None

    def _bytes(self, name: str, most: int) -> bytes:
        path = self._file(name)

        def read() -> bytes:
            if path.stat().st_size > most:
                raise ValueError(f"larger than {most:,} bytes")
            return path.read_bytes()

        return self._reading(name, read)

    def _json(self, name: str) -> dict[str, Any]:
        content = self._bytes(name, MOST_JSON_BYTES)
        value = self._reading(name, lambda: json.loads(content))
        if not isinstance(value, dict):
            raise self._damaged(name, "not a JSON object")
        return value

    def _table(self, name: str, rows: int | None = None) -> dict[str, Array]:
        content = self._bytes(name, MOST_CSV_BYTES)
        if rows is None:
            rows = self.committed["files"].get(name, {}).get("rows", 0)

        def read() -> dict[str, Array]:
            lines = list(csv.reader(content.decode().splitlines()[: rows + 1]))
            header, body = lines[0], lines[1:]
            if len(body) < rows:
                raise ValueError(f"{len(body)} rows, and commit.json speaks of {rows}")
            if any(len(line) != len(header) for line in body):
                raise ValueError("rows of unequal length")
            return {column: as_column(column, [line[i] for line in body]) for i, column in enumerate(header)}

        return self._reading(name, read)

    def _tensor(self, kind: str, name: str) -> Array:
        file = f"{kind}/{name}.npy"
        entry = self.committed["files"].get(file)
        if entry is None:
            logged = [known for known in self.committed["files"] if known.startswith(f"{kind}/")]
            raise UserError(f"{self.path / file}: not logged{did_you_mean(file, logged)}")
        path = self._file(file)
        return self._reading(file, lambda: map_rows(path, entry["rows"]))

    def _npz(self, name: str) -> dict[str, Array]:
        path = self._check_zip(name)

        def read() -> dict[str, Array]:
            with np.load(path, allow_pickle=False) as file:
                return {key: file[key] for key in file.files}

        return self._reading(name, read)

    def _check_zip(self, name: str) -> Path:
        """Refuse archives that unpack to more than they are."""
        path = self._file(name)

        def check() -> None:
            with zipfile.ZipFile(path) as archive:
                members = archive.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                raise ValueError("compressed members are not ours")
            if sum(member.file_size for member in members) > path.stat().st_size:
                raise ValueError("it claims to hold more than its size")

        self._reading(name, check)
        return path


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 53


def first_line(error: BaseException) -> str:
    return str(error).split("\n", 1)[0][:200] or type(error).__name__


def as_column(name: str, values: list[str]) -> Array:
    if name == "layer":
        return np.array(values, dtype=np.str_)
    column = np.array([float(value) if value else np.nan for value in values])
    return column.astype(np.int64) if name in ("epoch", "step") else column


def map_rows(path: Path, rows: int) -> Array:
    """The first `rows` rows of a .npy log, memory-mapped; ValueError where the file is not one of ours."""
    with path.open("rb") as file:
        version = np.lib.format.read_magic(file)
        if version != (1, 0):
            raise ValueError(f"format version {version}")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file, max_header_size=1024)
        offset = file.tell()
    if fortran_order or dtype.hasobject or dtype.kind not in "fi" or not 1 <= len(shape) <= 4:
        raise ValueError(f"not a log of numbers: shape {shape}, dtype {dtype}")
    row_bytes = prod(shape[1:]) * dtype.itemsize
    if path.stat().st_size < offset + rows * row_bytes:
        raise ValueError(f"{path.stat().st_size:,} bytes, too few for the {rows} rows commit.json speaks of")
    if rows == 0 or row_bytes == 0:
        return np.empty((rows, *shape[1:]), dtype)
    return np.memmap(path, dtype, "r", offset, (rows, *shape[1:]))
