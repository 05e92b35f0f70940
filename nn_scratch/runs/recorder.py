"""Writes a run's folder while it trains.

Rows are kept in memory for up to a second and written together: where an epoch lasts a millisecond, a write each would
cost more than the training. A commit goes: rows, then headers, then the checkpoint, then commit.json by rename. A kill
at any moment leaves commit.json, or the checkpoint, speaking of rows that are whole. While a page shows the run live,
rows are written in between, too, and count for the page alone.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import ceil, inf, nan
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.metrics import Array
from nn_scratch.runs import checkpoint
from nn_scratch.runs.files import (
    CsvLog,
    NpyLog,
    OpenFiles,
    commit_logs,
    disk_errors,
    make_folder,
    open_raw,
    sync_folder,
    write_json,
)
from nn_scratch.runs.interruption import shielded
from nn_scratch.runs.step_log import FIXED_ROWS, MOST_PARAMETERS, StepLog
from nn_scratch.runs.viewers import Viewers
from nn_scratch.training.evaluation import ClassificationScore
from nn_scratch.training.observers import Observer, Scores, StepSignals
from nn_scratch.training.statistics import LAYER_COLUMNS, STEP_COLUMNS, EpochStatistics
from nn_scratch.training.trainer import WATCHED_PER_EPOCH, Trainer

COMMIT_SECONDS = 0.5  # between commits, so that a kill loses at most that, or one epoch
COMMIT_SHARE = 0.01  # of the time, at the most, that commits may take where they are large
TENSOR_BYTES = 4  # of an entry on disk: float32 or int32
LAYER_LINE_BYTES, STEP_LINE_BYTES = 260, 130  # about, in CSV
PAUSE_SECONDS = 20.0  # between commits within one long epoch
LONGEST_LINE = 1 << 16  # of times.csv

STEP_FIELDS = ("step", "epoch", "layer", "lr", "loss", "loss_after", *STEP_COLUMNS)
LAYER_FIELDS = ("epoch", "layer", *LAYER_COLUMNS, "update_ratio")
UPDATE_RATIO = STEP_COLUMNS.index("update_ratio")
TIME_FIELDS = ("epoch", "training", "evaluation", "logging")


@dataclass(frozen=True)
class LogSettings:
    """The parts of a run that are logged, and how often."""

    every: int = 1
    weights: bool = True
    gradients: bool = True
    activations: bool = True
    optimizer: bool | str = "auto"
    max_megabytes: float = 500.0


class Recorder(Observer):
    """The observer that keeps everything (see `Observer`)."""

    watches_steps = True

    def __init__(
        self,
        folder: Path,
        trainer: Trainer,
        statistics: EpochStatistics,
        settings: LogSettings,
        committed: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        state: Mapping[str, Any] | None = None,
    ) -> None:
        """committed: the rows on disk according to the checkpoint, where an earlier process began the run.

        state: that of the trainer, from the same checkpoint. config: its plain values, kept in the checkpoint so that a
        resumed run is known to continue the same one.
        """
        self._config = config
        self.folder, self._trainer, self._statistics, self._settings = folder, trainer, statistics, settings
        self._names = [layer.name for layer in trainer.network.dense]
        self._confusions = {
            part: evaluator.score
            for part, evaluator in trainer.evaluators.items()
            if isinstance(evaluator.score, ClassificationScore) and evaluator.score.confusion is not None
        }
        self.row_bytes = sum(TENSOR_BYTES * rows.size for _, rows in self._tensor_rows(one=True))
        logs_steps = committed.get("step_log") is not None if committed else self._wants_steps
        step_bytes = StepLog.row_bytes(trainer) if logs_steps else 0
        self.stride = stride(self.row_bytes, trainer.epochs, settings)
        self.tensor_epochs: list[int] = []
        self.diverged: Mapping[str, Any] | None = None  # how training ended where it cannot go on
        if committed is not None:
            check_stride(committed["stride"], self.row_bytes, trainer.epochs, settings)
            self.tensor_epochs, self.diverged = list(committed["tensor_epochs"]), committed.get("diverged")
        self._committed_at, self._commit_cost, self._commit_spent = -inf, 0.0, 0.0
        self._viewers, self._looked_at, self._publish_cost = Viewers(folder), -inf, 0.0  # looked for pages that wait
        self._commit_share = COMMIT_SHARE
        # not yet written: the epochs of the buffered rows, the steps of the trainer's, and confusion counts
        self._epochs: list[int] = []
        self._watched: list[StepSignals] = []
        self._counts: dict[str, list[Array | None]] = {part: [] for part in self._confusions}
        self._update_ratios: dict[int, Array] = {}  # of the last step watched, by epoch
        self._files, self._names_synced = OpenFiles(), False
        check_space(folder, self._bytes_ahead(step_bytes))
        self._open(committed)
        self._step_log: StepLog | None = None
        if logs_steps:
            written = (committed or {}).get("step_log")
            self._step_log = StepLog(folder, trainer, self.stride, written, state, self._files)

    def commits_beside(self, others: int) -> None:
        """So many runs are trained together, this one among them: they share the time that commits may take."""
        self._commit_share = COMMIT_SHARE / others

    # --- callbacks

    def on_start(self, trainer: Trainer) -> None:
        if not self._layers.rows:
            trainer.evaluate()
            self._keep(epoch=0)
        self._viewers.withdraw()
        self.commit()
        if self._step_log is not None:
            self._step_log.trim()

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        self._watched.append(signals)
        if trainer.step_statistics.waiting == trainer.step_statistics.capacity:
            self._write_steps()

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        started = perf_counter()
        epoch, step, *values = scores.values()
        self._metrics.lines.append(f"{epoch},{step},{numbers(values)}")
        self._keep(trainer.epoch)
        if self._step_log is not None:
            self._step_log.keep(trainer.epoch, scores)
        # an epoch's line goes to disk with its commit, whose own time stands in the line of the next epoch
        logging = perf_counter() - started + self._commit_spent
        self._times.lines.append(f"{epoch},{numbers((seconds['training'], seconds['evaluation'], logging))}")
        self._commit_spent = 0.0
        since = started - self._committed_at
        if since > COMMIT_SECONDS and since * self._commit_share > self._commit_cost:
            self.commit()
            return
        since = started - max(self._committed_at, self._looked_at)
        if since > COMMIT_SECONDS and since * self._commit_share > self._publish_cost:
            self._looked_at = started
            if self._viewers.waiting():
                self._publish()

    def on_pause(self, trainer: Trainer) -> None:
        if trainer.stop_requested or perf_counter() - self._committed_at > PAUSE_SECONDS:
            self.commit()

    def commit(self, diverged: Mapping[str, Any] | None = None, *, ends: bool = False) -> None:
        """Write everything so far to disk, and record it in commit.json.

        ends: nothing follows in this process, so that the optimizer's steps of the best and the last epoch are written.

        diverged: epoch, step, layer and what, where training found numbers that are not finite and ends here.
        """
        with shielded():
            self._commit(diverged, ends)

    def _commit(self, diverged: Mapping[str, Any] | None, ends: bool) -> None:
        started = perf_counter()
        self._write_epochs()
        state, steps = self._trainer.state(), None
        logs = [*self._tensors.values()]
        if self._step_log is not None:
            steps = self._step_log.rows_to_commit(ends=ends)
            state |= self._step_log.state()
            logs += self._step_log.logs
        commit_logs(logs, self._tables)
        committed = self._counted(diverged)
        if steps is not None:
            committed["step_log"] = steps
        if not self._names_synced:  # of the files that this process has made
            for folder in (*filter(Path.is_dir, self.folder.rglob("*")), self.folder, self.folder.parent):
                sync_folder(folder)
            self._names_synced = True
        checkpoint.save(self.folder / "checkpoint.npz", state, committed, self._config)
        sync_folder(self.folder)  # commit.json must not include rows that the checkpoint does not
        write_json(self.folder / "commit.json", committed)
        self._committed_at = perf_counter()
        self._commit_cost = self._committed_at - started
        self._commit_spent += self._commit_cost

    def _counted(self, diverged: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """What commit.json says of all that is written, the optimizer's steps aside."""
        return {
            "epoch": self.epochs,  # one fewer than the trainer's, where the scores of its last were not finite
            "step": self._trainer.step,
            "step_in_epoch": self._trainer.step_in_epoch,
            "files": {name: {"rows": tensor.rows} for name, tensor in self._tensors.items()}
            | {
                table.path.name: {"rows": table.rows, "bytes": table.size}
                for table in (self._metrics, self._layers, self._steps)
            },
            "stride": self.stride,
            "tensor_epochs": self.tensor_epochs,
            "diverged": diverged,
        }

    def _publish(self) -> None:
        """Write what waits, for a page that is open, without waiting for the disk: it counts from the next commit on.

        A process that is killed leaves rows behind the committed ones, which are cut off when the run is resumed.
        """
        with shielded():
            started = perf_counter()
            self._write_epochs()
            written = perf_counter()
            for table in (self._metrics, self._layers, self._steps):
                table.flush()
            self._viewers.report(self._counted())
            ended = perf_counter()
            self._publish_cost = ended - written  # the rows are to be written anyway
            self._commit_spent += ended - started

    @property
    def epochs(self) -> int:
        """How many epochs have their scores in metrics.csv."""
        return self._metrics.rows

    def close(self) -> None:
        for tensor in self._tensors.values():
            tensor.close()
        for table in self._tables:
            table.close()
        if self._step_log is not None:
            self._step_log.close()

    # --- keeping and writing

    def _keep(self, epoch: int) -> None:
        """Measure the network as it is, and buffer the result."""
        with self._trainer.scored_parameters():  # the log is of the network that the scores are of
            self._statistics.keep()
        self._epochs.append(epoch)
        for part, score in self._confusions.items():
            self._counts[part].append(score.confusion)
        if self._statistics.waiting == self._statistics.capacity:
            self._write_epochs()

    def _write_steps(self) -> None:
        """Lines of steps.csv for the watched steps that wait."""
        for signals, layers in zip(self._watched, self._trainer.step_statistics.read(), strict=True):
            head = f"{signals.step},{signals.epoch}"
            middle = numbers((signals.lr, signals.loss, signals.loss_after))
            self._steps.lines += [
                f"{head},{name},{middle},{numbers(row)}" for name, row in zip(self._names, layers.tolist(), strict=True)
            ]
            self._update_ratios[signals.epoch] = layers[:, UPDATE_RATIO]
        self._watched = []

    def _write_epochs(self) -> None:
        """Lines of layers.csv and rows of the tensors for the epochs that wait; they count from the next commit on."""
        self._write_steps()
        if not self._epochs:
            return
        unknown = np.full(len(self._names), nan)
        for epoch, layers in zip(self._epochs, self._statistics.read(), strict=True):
            updates = self._update_ratios.pop(epoch, unknown)
            self._layers.lines += [
                f"{epoch},{name},{numbers((*row, update))}"
                for name, row, update in zip(self._names, layers.tolist(), updates.tolist(), strict=True)
            ]
        for name, rows in self._tensor_rows():
            if name in self._tensors:
                self._tensors[name].append(rows)
        self.tensor_epochs += [epoch for epoch in self._epochs if epoch % self.stride == 0]
        self._epochs = []
        self._counts = {part: [] for part in self._confusions}
        self._statistics.clear()

    def _tensor_rows(self, *, one: bool = False) -> Iterator[tuple[str, Array]]:
        """Every tensor's file, and the rows that wait for it, as they are to stand on disk; or what one row is like."""
        statistics, network, settings = self._statistics, self._trainer.network, self._settings
        kept: slice | list[int] = slice(None)
        if not one and any(epoch % self.stride for epoch in self._epochs):
            kept = [at for at, epoch in enumerate(self._epochs) if epoch % self.stride == 0]
        for kind, wanted, vectors in (
            ("weights", settings.weights, network.theta[None] if one else statistics.theta),
            ("gradients", settings.gradients, statistics.graph.grad[None] if one else statistics.grad),
        ):
            if wanted:
                for parameter, values in network.named(vectors[kept]).items():
                    yield f"{kind}/{parameter}.npy", values
        if settings.weights:
            states = network.state[None] if one else statistics.state
            for name, values in network.named_state(states[kept]).items():
                yield f"state/{name}.npy", values
        if settings.activations:
            activations = [unit.A[None] for unit in statistics.units] if one else statistics.activations
            for name, values in zip(self._names, activations, strict=True):
                yield f"activations/{name}.npy", values[kept].swapaxes(1, 2)  # to (epochs, probe rows, units)
        for part, score in self._confusions.items():
            counts = [score.confusion] if one else self._counts[part]
            yield f"confusion/{part}.npy", np.array(counts, np.int32).reshape(-1, score.classes, score.classes)[kept]

    def _open(self, committed: Mapping[str, Any] | None) -> None:
        files = {} if committed is None else committed["files"]
        self._tensors: dict[str, NpyLog] = {}
        for name, row in self._tensor_rows(one=True):
            if files and name not in files:  # an earlier version began the run without it
                continue
            path = self.folder / name
            make_folder(path.parent)
            dtype = np.int32 if row.dtype.kind == "i" else np.float32
            kept = files.get(name, {}).get("rows", 0)
            self._tensors[name] = NpyLog(path, row.shape[1:], dtype, rows=kept, files=self._files)
        columns = ("epoch", "step", "lr", *self._trainer.score_columns)
        self._metrics = self._open_table("metrics.csv", columns, files)
        self._layers = self._open_table("layers.csv", LAYER_FIELDS, files)
        self._steps = self._open_table("steps.csv", STEP_FIELDS, files)
        # times differ from run to run, so that commit.json, which does not, cannot know this file's size
        self._times = self._open_table(
            "times.csv", TIME_FIELDS, {"times.csv": first_lines(self.folder / "times.csv", self._metrics.rows)}
        )
        self._tables = (self._metrics, self._layers, self._steps, self._times)

    @property
    def _wants_steps(self) -> bool:
        wanted = self._settings.optimizer
        return self._trainer.network.theta.size <= MOST_PARAMETERS if wanted == "auto" else bool(wanted)

    def _bytes_ahead(self, step_bytes: int) -> int:
        """About how much is still to be written: tensors, lines of text, and the checkpoint beside the previous one."""
        trainer, layers = self._trainer, len(self._names)
        epochs = trainer.epochs - trainer.epoch
        lines = LAYER_LINE_BYTES + STEP_LINE_BYTES * min(trainer.steps_per_epoch, WATCHED_PER_EPOCH)
        state = trainer.state()
        vectors = [value for values in (state, state["optimizer"]) for value in values.values()]
        checkpoints = 2 * sum(value.nbytes for value in vectors if isinstance(value, np.ndarray))
        rows = len(range(0, trainer.epochs + 1, self.stride)) - len(self.tensor_epochs)
        steps = step_bytes * (FIXED_ROWS + rows // 10)
        return self.row_bytes * rows + epochs * layers * lines + checkpoints + steps

    def _open_table(self, name: str, columns: tuple[str, ...], files: Mapping[str, Any]) -> CsvLog:
        kept = files.get(name, {"rows": 0, "bytes": 0})
        return CsvLog(self.folder / name, columns, rows=kept["rows"], size=kept["bytes"])


def stride(row_bytes: int, epochs: int, settings: LogSettings) -> int:
    """Every how many epochs the tensors are kept, so that they stay within `max_megabytes`."""
    rows = max(1, int(settings.max_megabytes * 1e6) // max(1, row_bytes) - 1)  # beside the row of epoch 0
    return max(settings.every, ceil(epochs / rows))


def check_stride(before: int, row_bytes: int, epochs: int, settings: LogSettings) -> None:
    """Refuse to go on where a run of so many epochs would have kept the tensors at other epochs from the start."""
    if stride(row_bytes, epochs, settings) == before:
        return
    every = "every epoch" if before == 1 else f"every {before} epochs"
    problem = f"train.epochs: this run keeps its tensors {every}, one of {epochs:,} epochs would not"
    megabytes = ceil(row_bytes * (1 + ceil(epochs / before)) / 1e6)
    if stride(row_bytes, epochs, replace(settings, max_megabytes=megabytes)) == before:
        raise UserError(f"{problem}; write log.max_megabytes={megabytes} beside it, or start a new run")
    raise UserError(f"{problem}; start a new run")


def check_space(folder: Path, needed: int) -> None:
    """Raise EnvironmentFailure where the disk has too little space for the log."""
    with disk_errors(folder):
        free = shutil.disk_usage(folder).free
    if needed > free:
        raise EnvironmentFailure(
            f"{folder}: the log needs about {needed:,} bytes and the disk has {free:,} free; "
            "lower log.max_megabytes or switch off log.activations"
        )


def numbers(values: Sequence[float]) -> str:
    """Values of a CSV row, with 7 significant digits: what float32 holds."""
    return _format(len(values)) % tuple(values)


@cache
def _format(count: int) -> str:
    return ",".join(["%.7g"] * count)


def first_lines(path: Path, rows: int) -> dict[str, int]:
    """How many of a CSV file's first rows are whole, at most `rows`, and how many bytes they take with the header."""
    if rows == 0 or not path.exists():
        return {"rows": 0, "bytes": 0}
    lines: list[int] = []
    with disk_errors(path), os.fdopen(open_raw(path, 0), "rb") as file:
        while len(lines) <= rows and (line := file.readline(LONGEST_LINE)).endswith(b"\n"):
            lines.append(len(line))
    return {"rows": max(0, len(lines) - 1), "bytes": sum(lines)}
