"""Writes a run's folder while it trains.

Rows are kept in memory for up to a second and written together: where an epoch lasts a millisecond, a write each would
cost more than the training. A commit goes: rows, then headers, then the checkpoint, then commit.json by rename. A kill
at any moment leaves commit.json, or the checkpoint, speaking of rows that are whole.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from math import ceil, inf, nan
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.evaluate import ClassScore
from nn_scratch.measure import LAYER_COLUMNS, STEP_COLUMNS, EpochGauge
from nn_scratch.runs import checkpoint
from nn_scratch.runs.files import CsvLog, NpyLog, disk_errors, write_json
from nn_scratch.trainer import Scores, StepSignals, Trainer

Array = NDArray[Any]

COMMIT_SECONDS = 0.5  # between commits, so that a kill loses at most that, or one epoch
COMMIT_SHARE = 0.01  # of the time, at the most, that commits may take where they are large
PAUSE_SECONDS = 20.0  # between commits within one long epoch
RING_BYTES = 16 << 20
MOST_CONFUSION_CLASSES = 100

STEP_FIELDS = ("step", "epoch", "layer", "lr", "loss", "loss_after", *STEP_COLUMNS)
LAYER_FIELDS = ("epoch", "layer", *LAYER_COLUMNS, "update_ratio")
TIME_FIELDS = ("epoch", "training", "evaluation", "logging")


@dataclass(frozen=True)
class LogSettings:
    """What is kept of a run, and how much of it."""

    every: int = 1
    weights: bool = True
    gradients: bool = True
    activations: bool = True
    max_megabytes: float = 500.0


class Recorder:
    """The observer that keeps everything (see `Observer`)."""

    watches_steps = True

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        gauge: EpochGauge,
        settings: LogSettings,
        committed: Mapping[str, Any] | None = None,
    ) -> None:
        """committed: what the checkpoint says is on disk, where an earlier process began the run."""
        self.folder, self._trainer, self._gauge, self._settings = folder, trainer, gauge, settings
        self._names = [layer.name for layer in trainer.network.dense]
        self._confusions = {
            part: evaluator.score
            for part, evaluator in trainer.evaluators.items()
            if isinstance(evaluator.score, ClassScore) and evaluator.score.classes <= MOST_CONFUSION_CLASSES
        }
        self.row_bytes = self._count_row_bytes()
        self.stride = stride(self.row_bytes, trainer.epochs, settings)
        self.tensor_epochs: list[int] = []
        if committed is not None:
            self.stride, self.tensor_epochs = committed["stride"], list(committed["tensor_epochs"])
        self.seconds = 0.0
        self._update_ratios = np.full(len(self._names), nan)
        self._committed_at, self._commit_cost = -inf, 0.0
        self._make_ring()
        if committed is None:
            check_space(folder, self.row_bytes * (1 + trainer.epochs // self.stride))
        self._open(committed)

    # --- what is told

    def on_start(self, trainer: Trainer) -> None:
        if trainer.step == 0:
            self._measure(epoch=0)
        self.commit()

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        head, mid = f"{signals.step},{signals.epoch}", numbers((signals.lr, signals.loss, signals.loss_after))
        self._steps.lines += [
            f"{head},{name},{mid},{numbers(row)}" for name, row in zip(self._names, signals.layers, strict=True)
        ]
        self._update_ratios = signals.layers[:, STEP_COLUMNS.index("update_ratio")]

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        started = perf_counter()
        epoch, step, *values = scores.values()
        self._metrics.lines.append(f"{epoch},{step},{numbers(values)}")
        self._measure(epoch=trainer.epoch)
        since = started - self._committed_at
        due = since > COMMIT_SECONDS and since * COMMIT_SHARE > self._commit_cost
        if due:
            self._flush()
        logging = perf_counter() - started
        self._times.lines.append(f"{epoch},{numbers((seconds['training'], seconds['evaluation'], logging))}")
        if due:
            self.commit()
        self.seconds += perf_counter() - started

    def on_pause(self, trainer: Trainer) -> None:
        if trainer.stop_requested or perf_counter() - self._committed_at > PAUSE_SECONDS:
            self.commit()

    def commit(self) -> None:
        """Bring everything so far to disk, and say so."""
        started = perf_counter()
        self._flush()
        for tensor in self._tensors.values():
            tensor.commit()
        for table in self._tables:
            table.flush()
        trainer = self._trainer
        committed = {
            "epoch": trainer.epoch,
            "step": trainer.step,
            "step_in_epoch": trainer.step_in_epoch,
            "files": {name: {"rows": tensor.rows} for name, tensor in self._tensors.items()}
            | {
                table.path.name: {"rows": table.rows, "bytes": table.size}
                for table in (self._metrics, self._layers, self._steps)
            },
            "stride": self.stride,
            "tensor_epochs": self.tensor_epochs,
        }
        checkpoint.save(self.folder / "checkpoint.npz", trainer.state(), committed)
        write_json(self.folder / "commit.json", committed)
        self._committed_at = perf_counter()
        self._commit_cost = self._committed_at - started

    def close(self) -> None:
        for tensor in self._tensors.values():
            tensor.close()
        for table in self._tables:
            table.close()

    # --- measuring and keeping

    def _measure(self, epoch: int) -> None:
        """Pass the probe rows through the network, and keep what layers.csv and the tensor logs want of it."""
        rows = self._gauge.measure()
        self._layers.lines += [
            f"{epoch},{name},{numbers(row)},{update:.7g}"
            for name, row, update in zip(self._names, rows, self._update_ratios, strict=True)
        ]
        if epoch % self.stride:
            return
        at = self._waiting
        for ring, source in self._ring.values():
            ring[at] = source()
        self.tensor_epochs.append(epoch)
        self._waiting += 1
        if self._waiting == self._capacity:
            self._flush()

    def _make_ring(self) -> None:
        """Rows that wait in memory: for each source its ring (capacity, *shape), and how to take a row of it."""
        network, graph, settings = self._trainer.network, self._gauge.graph, self._settings
        self._capacity, self._waiting = int(np.clip(RING_BYTES // max(1, self.row_bytes), 1, 256)), 0
        sources: dict[str, Callable[[], Array]] = {}
        if settings.weights:
            sources["weights"] = lambda: network.theta
        if settings.gradients:
            sources["gradients"] = lambda: graph.grad
        if settings.activations:
            for name, unit in zip(self._names, self._gauge.units, strict=True):
                sources[f"activations/{name}"] = partial(getattr, unit, "A")
        for part, score in self._confusions.items():
            sources[f"confusion/{part}"] = partial(getattr, score, "confusion")
        self._ring = {
            name: (np.empty((self._capacity, *source().shape), source().dtype), source)
            for name, source in sources.items()
        }

    def _waiting_rows(self) -> Iterator[tuple[str, Array]]:
        """The file and the rows of every tensor that waits, as they are to stand on disk."""
        for name, (ring, _) in self._ring.items():
            rows = ring[: self._waiting]
            if name in ("weights", "gradients"):
                for parameter, values in self._trainer.network.named(rows).items():
                    yield f"{name}/{parameter}.npy", values
            elif name.startswith("activations/"):
                yield f"{name}.npy", rows.swapaxes(1, 2)  # (units, probe rows) to (probe rows, units)
            else:
                yield f"{name}.npy", rows

    def _flush(self) -> None:
        """Write the rows that wait; they count from the next commit on."""
        for name, rows in self._waiting_rows():
            self._tensors[name].append(rows)
        self._waiting = 0

    def _open(self, committed: Mapping[str, Any] | None) -> None:
        files = {} if committed is None else committed["files"]
        for kind in {name.split("/")[0] for name in self._ring}:
            with disk_errors(self.folder / kind):
                (self.folder / kind).mkdir(exist_ok=True)
        self._tensors = {
            name: NpyLog(
                self.folder / name,
                rows.shape[1:],
                np.int32 if name.startswith("confusion/") else np.float32,
                rows=files.get(name, {}).get("rows", 0),
            )
            for name, rows in self._waiting_rows()
        }
        columns = ("epoch", "step", "lr", *self._trainer.score_columns)
        self._metrics = self._open_table("metrics.csv", columns, files)
        self._layers = self._open_table("layers.csv", LAYER_FIELDS, files)
        self._steps = self._open_table("steps.csv", STEP_FIELDS, files)
        # times differ from run to run, so that commit.json, which does not, cannot know this file's size
        epochs = 0 if committed is None else committed["epoch"]
        self._times = self._open_table(
            "times.csv", TIME_FIELDS, {"times.csv": first_lines(self.folder / "times.csv", epochs)}
        )
        self._tables = (self._metrics, self._layers, self._steps, self._times)

    def _open_table(self, name: str, columns: tuple[str, ...], files: Mapping[str, Any]) -> CsvLog:
        kept = files.get(name, {"rows": 0, "bytes": 0})
        return CsvLog(self.folder / name, columns, rows=kept["rows"], size=kept["bytes"])

    def _count_row_bytes(self) -> int:
        settings, network = self._settings, self._trainer.network
        size = 4 * network.theta.size * (settings.weights + settings.gradients)
        if settings.activations:
            size += sum(4 * unit.A.size for unit in self._gauge.units)
        return size + sum(4 * score.classes**2 for score in self._confusions.values())


def stride(row_bytes: int, epochs: int, settings: LogSettings) -> int:
    """Every how many epochs the tensors are kept, so that they stay within `max_megabytes`."""
    rows = max(1, int(settings.max_megabytes * 1e6) // max(1, row_bytes) - 1)  # beside the row of epoch 0
    return max(settings.every, ceil(epochs / rows))


def check_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold."""
    with disk_errors(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise EnvironmentFailure(
            f"{folder}: the log needs {needed:,} bytes and the disk has {free:,} free; "
            "lower log.max_megabytes or switch off log.activations"
        )


def numbers(values: Iterable[float]) -> str:
    """Values of a CSV row, with 7 significant digits: what float32 holds."""
    return ",".join([f"{value:.7g}" for value in values])


def first_lines(path: Path, rows: int) -> dict[str, int]:
    """How many bytes a CSV file's header and first rows take."""
    if rows == 0:
        return {"rows": 0, "bytes": 0}
    with path.open("rb") as file:
        size = sum(len(file.readline()) for _ in range(rows + 1))
    return {"rows": rows, "bytes": size}
