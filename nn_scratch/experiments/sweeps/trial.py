"""Trials of a sweep: the runs of one setting, a seed each. They run in a process of their own, here or on a cluster."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import nan
from pathlib import Path
from typing import Any

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.errors import Diverged, EnvironmentFailure, NNScratchError, UserError
from nn_scratch.experiments.parallel import QUIET
from nn_scratch.experiments.stacks import Request, train_requests
from nn_scratch.experiments.sweeps.rows import STATUSES, Row, read_row, row_path
from nn_scratch.experiments.sweeps.space import apply_setting
from nn_scratch.experiments.train import Interrupted, ObserverFactory, has_begun, no_observers, resume
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

PARTS = ("train", "val", "test")

Ended = Run | NNScratchError  # how a run ended


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
        row.status, row.error, row.exit_code = "killed", why, EnvironmentFailure.exit_code
        row.write(Path(self.folder))
        return row

    def plain(self) -> dict[str, Any]:
        """Plain values, which go to any process of any version."""
        return dict(vars(self))

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> Job:
        return cls(**{**values, "seeds": tuple(values["seeds"])})


def run_trial(trial: Job, data: Mapping[int, Data] | None = None) -> Row:
    """Train the runs of a trial, write its row, and return it; a run that diverges or a config that fails has one, too.

    data: by seed, what is split and scaled already; read as configured where it is missing.
    Raises Interrupted where a signal stopped a run: it resumes with the sweep.
    """
    (row,) = run_trials([trial], data)
    return row


def run_trials(trials: Sequence[Job], data: Mapping[int, Data] | None = None) -> Iterator[Row]:
    """Likewise for several trials, whose runs are trained together where their networks have one shape and it pays."""
    wanted: list[tuple[Job, int, Config]] = []
    for trial in trials:
        try:
            config = apply_setting(config_from(trial.config), trial.changes)
        except NNScratchError as error:
            yield concluded(trial, [error])
        else:
            wanted += [(trial, seed, run_config(trial, config, seed)) for seed in trial.seeds]
    ended: dict[int, list[Ended | None]] = {trial.trial: [None] * len(trial.seeds) for trial, _, _ in wanted}
    for number, end in _train(wanted, data or {}):
        trial, seed, _ = wanted[number]
        if isinstance(end, Interrupted):
            raise end
        ends = ended[trial.trial]
        ends[trial.seeds.index(seed)] = end
        if None not in ends:
            yield concluded(trial, [end for end in ends if end is not None])


def concluded(trial: Job, ends: Sequence[Ended]) -> Row:
    """Write the row of a trial whose runs have ended so, in the order of its seeds."""
    row = trial.empty_row()
    try:
        statuses = []
        for run in ends:
            if isinstance(run, NNScratchError):
                raise run
            row.metric = trial.metric or default_metric(run)
            row.scores.append(score_of(run, row.metric))
            row.runs.append(run.name)
            row.epochs = max(row.epochs, run.info["epochs"])
            statuses.append(run.info["status"])
        row.status = max(statuses, key=STATUSES.index)
    except NNScratchError as error:
        row.status, row.error, row.exit_code = "failed", str(error).splitlines()[0], error.exit_code
    row.write(Path(trial.folder))
    return row


def _train(wanted: Sequence[tuple[Job, int, Config]], data: Mapping[int, Data]) -> Iterator[tuple[int, Ended]]:
    """(number, run or error) of each run: those that are new, and those that were paused, may be trained together."""
    requests: dict[int, Request] = {}
    for number, (trial, seed, config) in enumerate(wanted):
        folder = _folder(trial, config)
        if (folder / "param.yaml").exists() and not is_paused(Run(folder), _until(trial, config)):
            yield number, _go_on(trial, config)
        else:
            there = folder if folder.exists() else None
            outputs, rows = Path(trial.folder) / "runs", data.get(seed)
            requests[number] = Request(config, outputs, _pause(trial, config), rows, there)
    numbers = list(requests)
    for at, end in train_requests(list(requests.values())):
        trial, _, config = wanted[numbers[at]]
        paused = isinstance(end, Interrupted) and end.by_callback
        yield numbers[at], Run(_folder(trial, config)) if paused else end


def _folder(trial: Job, config: Config) -> Path:
    return Path(trial.folder) / "runs" / f"{config.name}-001"


def _until(trial: Job, config: Config) -> int:
    return trial.epochs or config.train.epochs


def _pause(trial: Job, config: Config) -> ObserverFactory:
    """Observers that interrupt a run at the end of its rung."""
    until = _until(trial, config)
    return (lambda session: [PauseAt(until)]) if until < config.train.epochs else no_observers


def is_paused(run: Run, until: int) -> bool:
    """Whether a run waits at the end of a rung, to be trained up to an epoch of the next."""
    with suppress(NNScratchError):  # of a damaged run: `resume` says what is wrong with it
        return has_begun(run.path) and run.info["status"] == "interrupted" and run.committed["epoch"] < until
    return False


def _go_on(trial: Job, config: Config) -> Ended:
    """A run that has begun, up to the epochs of its rung; what it has already is not trained again."""
    until, begun = _until(trial, config), Run(_folder(trial, config))
    try:
        paused = (begun.path / "commit.json").exists() and until < config.train.epochs
        if paused and begun.committed["epoch"] >= until:
            return begun
        return resume(begun, observers=_pause(trial, config))
    except Diverged:
        return Run(begun.path)
    except Interrupted as stopped:
        return Run(begun.path) if stopped.by_callback else stopped
    except NNScratchError as error:
        return error


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
