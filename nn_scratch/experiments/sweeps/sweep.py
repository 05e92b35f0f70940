"""From a config's sweep block to the folder of its trials, and on from there after a stop.

A sweep's folder, outputs/<name>-sweep-001/, holds `param.yaml` (the config with its sweep block), `trials.csv` (a row a
trial), `best.yaml`, `rows/` (see `rows`) and the runs of the trials below `runs/`. What has a row is done; a sweep that
was stopped continues with the trials that have no row.
"""

from __future__ import annotations

import csv
import io
from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import ceil, isfinite, log
from operator import attrgetter
from pathlib import Path
from time import monotonic
from typing import Any

from nn_scratch.config.project import OUTPUTS
from nn_scratch.config.resolve import change_config, load_config
from nn_scratch.config.schema import Config
from nn_scratch.config.sweep import Sweep
from nn_scratch.config.writer import dump_config, to_plain, yaml_line
from nn_scratch.errors import UserError
from nn_scratch.experiments.parallel import train_or_diverged
from nn_scratch.experiments.stacks import MOST_TOGETHER
from nn_scratch.experiments.sweeps.executors import Executor, OnDask, OnThisMachine, shared_data
from nn_scratch.experiments.sweeps.rows import Row, last_rungs, minimized, ranked, read_rows, row_path
from nn_scratch.experiments.sweeps.space import Setting, apply_setting, check_space, settings
from nn_scratch.experiments.sweeps.trial import Job
from nn_scratch.experiments.train import resume, with_absolute_paths
from nn_scratch.runs.files import disk_errors, make_folder, write_bytes
from nn_scratch.runs.folder import new_folder
from nn_scratch.runs.run import Run

Report = Callable[[Row], None]  # receives each row as it is there

BEST = "best"  # the name of the run of the best trial, trained once more
SMALL_SWEEP = 200  # trials up to which trials.csv is written anew with every row
SECONDS_BETWEEN_TABLES = 1.0
BEFORE_THE_TIME_IS_UP = 4  # trials that a process takes at a time where minutes limit a sweep


@dataclass
class Swept:
    """A sweep on disk: its folder, its config and its rows, one a trial."""

    folder: Path
    config: Config
    rows: list[Row] = field(default_factory=list)
    best_run: Run | None = None  # the best trial trained once more alone, where it was trained in a stack

    @property
    def sweep(self) -> Sweep:
        assert self.config.sweep is not None
        return self.config.sweep

    @property
    def metric(self) -> str:
        """The metric that is compared; before the first row, where the sweep names none, the usual metric."""
        return next((row.metric for row in self.rows if row.metric), self.sweep.metric or "val_accuracy")

    @property
    def minimize(self) -> bool:
        return minimized(self.sweep, self.metric)

    @property
    def ranked(self) -> list[Row]:
        """The rows with a score, the best first."""
        return ranked(self.rows, self.minimize)

    @property
    def keys(self) -> list[str]:
        """The searched keys."""
        return list(self.sweep.space)


def sweep(
    config: Config,
    outputs: Path = OUTPUTS,
    *,
    jobs: int | None = None,
    dask: str | None = None,
    report: Report | None = None,
    begun: Callable[[Swept], None] = lambda swept: None,
) -> Swept:
    """Run a new sweep to its end. Raises UserError where the config has no sweep or its space does not fit.

    jobs: processes, one a core unless given; dask: the address of a scheduler that runs the trials instead. `begun` is
    called with the sweep before its first trial.
    """
    if config.sweep is None:
        raise UserError("sweep: is missing; write one, as in {space: {optimizer.lr: {log: [1e-4, 0.1]}}}")
    check_space(config, config.sweep)
    config = with_absolute_paths(config, outputs)
    folder = new_folder(f"{config.name}-sweep", outputs)
    write_bytes(folder / "param.yaml", dump_config(config).encode())
    swept = Swept(folder, config)
    begun(swept)
    return _run(swept, jobs, dask, report)


def resume_sweep(
    folder: Path, *, jobs: int | None = None, dask: str | None = None, report: Report | None = None
) -> Swept:
    """Go on with a sweep that was stopped: trials with a row stay as they are, runs under way are resumed.

    Trials that failed because of the machine, such as on a full disk, run again.
    """
    swept = open_sweep(folder)
    with disk_errors(folder):
        for row in read_rows(folder):
            if row.to_repeat:
                row_path(folder, row.trial, row.rung).unlink(missing_ok=True)
    swept.rows = last_rungs(read_rows(folder))
    return _run(swept, jobs, dask, report)


def open_sweep(folder: Path) -> Swept:
    """A sweep as it is on disk, finished or not. Raises UserError where the folder holds none."""
    path = folder / "param.yaml"
    config = load_config(path) if path.is_file() else None
    if config is None or config.sweep is None:
        raise UserError(f"{folder}: is not a sweep; its folder holds no param.yaml with a sweep block")
    return Swept(folder, config, last_rungs(read_rows(folder)))


def _run(swept: Swept, jobs: int | None, dask: str | None, report: Report | None) -> Swept:
    for name in ("rows", "runs"):
        make_folder(swept.folder / name)
    minutes = swept.sweep.minutes
    deadline = None if minutes is None else monotonic() + 60 * minutes
    execute: Executor = (
        OnDask(dask)
        if dask is not None
        else OnThisMachine(jobs, shared_data(swept.config), MOST_TOGETHER if minutes is None else BEFORE_THE_TIME_IS_UP)
    )

    table = Table(swept, report)
    try:
        for planned in _plan(swept):
            execute(_until(deadline, planned), table.add)
    finally:
        execute.close()
        table.write()
    swept.best_run = train_best(swept)
    return swept


def train_best(swept: Swept) -> Run | None:
    """The best trial trained once more alone, with its first seed and the log that the config asks for.

    Only where it was stacked: None otherwise. It is the same up to rounding, and any machine can repeat its bytes.
    """
    runs = swept.folder / "runs"
    best = swept.ranked[0] if swept.ranked else None
    if best is None or not any(Run(runs / name).info.get("stacked") for name in best.runs):
        return None
    setting = apply_setting(swept.config, best.values)
    config = with_absolute_paths(change_config(setting, {"name": BEST, "sweep": None}), runs)
    for earlier in sorted(runs.glob(f"{BEST}-*")):
        if (earlier / "param.yaml").is_file() and load_config(earlier / "param.yaml") == config:
            return resume(Run(earlier))
    return train_or_diverged(config, runs)


class Table:
    """Keeps the rows of a sweep, and its tables up to date: with every row, in large sweeps each second."""

    def __init__(self, swept: Swept, report: Report | None) -> None:
        self._swept, self._report = swept, report
        self._lines = {row.trial: table_line(row, swept.keys) for row in swept.rows}  # each is made once: YAML is slow
        self._best: Setting | None = None  # that best.yaml holds
        self._written = -SECONDS_BETWEEN_TABLES

    def add(self, row: Row) -> None:
        """Take a row that a trial has written."""
        rows = self._swept.rows
        at = bisect_left(rows, row.trial, key=attrgetter("trial"))
        rows[at : at + (row.trial in self._lines)] = [row]
        self._lines[row.trial] = table_line(row, self._swept.keys)
        if len(rows) <= SMALL_SWEEP or monotonic() - self._written >= SECONDS_BETWEEN_TABLES:
            self.write()
        if self._report is not None:
            self._report(row)

    def write(self) -> None:
        """trials.csv and best.yaml, each whole or as before."""
        swept = self._swept
        header = csv_line(["trial", "status", swept.metric, f"{swept.metric}_std", "seeds", "epochs", *swept.keys])
        lines = [header, *(self._lines[row.trial] for row in swept.rows)]
        write_bytes(swept.folder / "trials.csv", "".join(lines).encode())
        best = swept.ranked
        if best and best[0].values != self._best:
            config = apply_setting(swept.config, best[0].values)
            write_bytes(swept.folder / "best.yaml", dump_config(config).encode())
            self._best = best[0].values
        self._written = monotonic()


def _until(deadline: float | None, jobs: Iterable[Job]) -> Iterator[Job]:
    for job in jobs:
        if deadline is not None and monotonic() > deadline:
            return
        yield job


def _plan(swept: Swept) -> Iterator[Iterable[Job]]:
    """The jobs that have no row yet, rung by rung; one rung where nothing is halved."""
    if swept.sweep.method == "halving":
        yield from _rungs(swept)
    elif swept.sweep.method == "optuna":
        from nn_scratch.experiments.sweeps.optuna_sampler import asked

        yield from asked(swept, new_job)
    else:
        drawn = enumerate(settings(swept.config, swept.sweep), start=1)
        jobs = (new_job(swept, number, setting) for number, setting in drawn)
        yield (job for job in jobs if not job.done)


def _rungs(swept: Swept) -> Iterator[list[Job]]:
    """Successive halving (Jamieson and Talwalkar 2016): the best 1 / reduction of a rung train on in the next.

    A rung interrupts runs whose train.epochs is the whole budget, so that their schedules are those of whole runs.
    """
    kept = dict(enumerate(settings(swept.config, swept.sweep), start=1))
    for rung, epochs in enumerate(rung_epochs(swept.sweep, len(kept), swept.config.train.epochs)):
        jobs = [new_job(swept, number, setting, epochs, rung) for number, setting in kept.items()]
        yield [job for job in jobs if not job.done]
        rows = [row for row in read_rows(swept.folder) if row.rung == rung]
        best = [row.trial for row in ranked(rows, swept.minimize)][: max(1, len(kept) // swept.sweep.reduction)]
        kept = {number: setting for number, setting in kept.items() if number in best}


def rung_epochs(sweep: Sweep, trials: int, epochs: int) -> list[int]:
    """Epochs at which the rungs end; the last is `epochs`."""
    first = sweep.first_epochs
    if first is None:
        rungs = max(1, ceil(log(max(trials, 2)) / log(sweep.reduction)))
        first = max(1, epochs // sweep.reduction**rungs)
    ends = [min(first, epochs)]
    while ends[-1] < epochs:
        ends.append(min(epochs, ends[-1] * sweep.reduction))
    return ends


def new_job(swept: Swept, number: int, setting: Setting, epochs: int = 0, rung: int = 0) -> Job:
    seeds = tuple(range(swept.config.seed, swept.config.seed + swept.sweep.seeds))
    plain, metric = to_plain(swept.config), swept.sweep.metric or ""
    return Job(str(swept.folder), number, plain, setting, seeds, metric, epochs, rung)


def table_line(row: Row, keys: Sequence[str]) -> str:
    """A trial's line of trials.csv."""
    numbers = [f"{value:.7g}" if isfinite(value) else "" for value in (row.mean, row.std)]
    values = [as_cell(row.values[key]) if key in row.values else "" for key in keys]
    return csv_line([row.trial, row.status, *numbers, len(row.scores), row.epochs, *values])


def csv_line(cells: Sequence[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(cells)
    return line.getvalue()


def as_cell(value: Any) -> str:
    """A value of the config as a cell of a table: text as it is, other values as YAML."""
    return value if isinstance(value, str) else yaml_line(value)
