"""One trial of a sweep: the runs of one setting, a seed each. It runs in a process of its own, here or on a cluster."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from math import nan
from pathlib import Path
from typing import Any

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.errors import Diverged, NNScratchError, UserError
from nn_scratch.experiments.parallel import QUIET, train_or_diverged
from nn_scratch.experiments.sweeps.rows import STATUSES, Row, read_row, row_path
from nn_scratch.experiments.sweeps.space import apply_setting
from nn_scratch.experiments.train import Interrupted, no_observers, resume
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Job:
    """One trial, as plain values.

    config: the sweep's, plain. changes: the setting, dotted key to value. metric: "" for the default of the task.
    epochs: how far to train; 0 for train.epochs.
    """

    folder: str
    trial: int
    config: dict[str, Any]
    changes: dict[str, Any]
    seeds: tuple[int, ...]
    metric: str
    epochs: int = 0
    rung: int = 0

    @property
    def done(self) -> bool:
        return self.row() is not None

    def row(self) -> Row | None:
        """The row that is on disk, if there is one."""
        return read_row(row_path(Path(self.folder), self.trial, self.rung))

    def empty_row(self) -> Row:
        return Row(self.trial, self.rung, self.metric, dict(self.changes))

    def killed(self, why: str) -> Row:
        """Write the row of a trial whose process died."""
        row = self.empty_row()
        row.status, row.error = "killed", why
        row.write(Path(self.folder))
        return row

    def plain(self) -> dict[str, Any]:
        """Plain values, which go to any process of any version."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Job:
        return cls(**{**values, "seeds": tuple(values["seeds"])})


def run_trial(trial: Job, data: Mapping[int, Data] | None = None) -> Row:
    """Train the runs of a trial, write its row, and return it; a run that diverges or a config that fails has one, too.

    data: by seed, what is split and scaled already; read as the config says where it is missing.
    Raises Interrupted where a signal stopped a run: it goes on when the sweep does.
    """
    row = trial.empty_row()
    try:
        config = apply_setting(config_from(trial.config), trial.changes)
        statuses = []
        for seed in trial.seeds:
            run = _train(trial, config, seed, (data or {}).get(seed))
            row.metric = trial.metric or default_metric(run)
            row.scores.append(score_of(run, row.metric))
            row.runs.append(run.name)
            row.epochs = max(row.epochs, run.info["epochs"])
            statuses.append(run.info["status"])
        row.status = max(statuses, key=STATUSES.index)
    except Interrupted:
        raise
    except NNScratchError as error:
        row.status, row.error = "failed", str(error).splitlines()[0]
    row.write(Path(trial.folder))
    return row


def _train(trial: Job, config: Config, seed: int, data: Data | None) -> Run:
    """A run of the trial, up to the epochs of its rung; what it has already is not trained again."""
    config = run_config(trial, config, seed)
    runs = Path(trial.folder) / "runs"
    folder = runs / f"{config.name}-001"
    until = trial.epochs or config.train.epochs
    pause = (lambda session: [PauseAt(until)]) if until < config.train.epochs else no_observers
    try:
        if not (folder / "param.yaml").exists():
            return train_or_diverged(config, runs, pause, data)
        begun = Run(folder)
        paused = (folder / "commit.json").exists() and until < config.train.epochs
        if paused and begun.committed["epoch"] >= until:
            return begun
        return resume(begun, observers=pause)
    except Diverged:
        return Run(folder)
    except Interrupted as stopped:
        if not stopped.by_callback:
            raise
        return Run(folder)


def run_config(trial: Job, config: Config, seed: int) -> Config:
    """The config of one run of a trial. One BLAS thread: the processes share the cores."""
    changes: dict[str, Any] = {"seed": seed, "name": f"trial-{trial.trial:04d}-seed-{seed}", "train.threads": 1}
    if not trial.config["sweep"]["log_tensors"]:
        changes |= QUIET
    return change_config(config, changes)


class PauseAt(Observer):
    """Interrupts a run after an epoch, so that it can go on later."""

    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        trainer.stop_requested = trainer.stop_requested or trainer.epoch >= self._epoch


def default_metric(run: Run) -> str:
    return "val_accuracy" if run.card["task"] == "classification" else "val_r2"


def score_of(run: Run, metric: str) -> float:
    """A score of the finished model, or of a paused run after its last epoch; nan where it diverged.

    Raises UserError where the run has no such score.
    """
    if run.info["status"] == "diverged":
        return nan
    part, _, name = metric.partition("_")
    score = (run.info.get(part) or {}).get(name) if part in PARTS else None
    if score is None and run.info["status"] == "interrupted" and len(run.metrics.get(metric, ())):
        score = run.metrics[metric][-1]
    if isinstance(score, int | float):
        return float(score)
    known = [
        f"{part}_{name}" for part in PARTS for name, score in (run.info.get(part) or {}).items() if is_number(score)
    ]
    known = known or [column for column in run.metrics if column.partition("_")[0] in PARTS]
    raise UserError(f"sweep.metric: a run has no {metric}; write one of: {', '.join(known)}")


def is_number(value: Any) -> bool:
    return isinstance(value, int | float)
