"""The rows of a sweep: what each trial reached, a JSON file each, written whole by the process that ran it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from math import isfinite, nan, sqrt
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np

from nn_scratch.config.sweep import Sweep
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.metrics import lower_is_better
from nn_scratch.runs.files import write_json

STATUSES = ("finished", "stopped", "interrupted", "diverged", "failed", "killed")  # the worst last


@dataclass
class Row:
    """The result of a trial.

    scores: of each seed, nan where the run diverged. status: that of run.json, the worst of the seeds; or failed (with
    the `error` and the exit code that it would be of `train`), or killed (the process that ran it died). rung: 0, or
    how often successive halving kept the trial.
    """

    trial: int
    rung: int
    metric: str
    values: dict[str, Any]
    status: str = "failed"
    scores: list[float] = field(default_factory=list)
    epochs: int = 0
    runs: list[str] = field(default_factory=list)
    error: str = ""
    exit_code: int = 0

    @property
    def mean(self) -> float:
        """nan where a seed has no score."""
        return fmean(self.scores) if self.scores else nan

    @property
    def std(self) -> float:
        """The sample standard deviation over seeds; nan of fewer than two."""
        return float(np.std(self.scores, ddof=1)) if len(self.scores) > 1 else nan

    @property
    def to_repeat(self) -> bool:
        """Whether the machine made the trial fail (a full disk, permissions): it runs again when the sweep goes on."""
        return self.status == "failed" and self.exit_code == EnvironmentFailure.exit_code

    def write(self, folder: Path) -> None:
        write_json(row_path(folder, self.trial, self.rung), asdict(self))


def row_path(folder: Path, trial: int, rung: int) -> Path:
    return folder / "rows" / f"{trial:05d}.{rung}.json"


def read_rows(folder: Path) -> list[Row]:
    """Every row that is there, by trial and rung."""
    rows = map(read_row, sorted((folder / "rows").glob("*.json")))
    return [row for row in rows if row is not None]


def read_row(path: Path) -> Row | None:
    """None where there is none, or what is there is no row: its trial runs again."""
    with suppress(OSError, ValueError, TypeError):
        row = Row(**json.loads(path.read_text()))
        row.scores = [nan if score is None else float(score) for score in row.scores]
        return row
    return None


def last_rungs(rows: Iterable[Row]) -> list[Row]:
    """A row a trial, by trial: that of the last rung it reached."""
    last: dict[int, Row] = {}
    for row in rows:
        if row.trial not in last or row.rung > last[row.trial].rung:
            last[row.trial] = row
    return [last[trial] for trial in sorted(last)]


def minimized(sweep: Sweep, metric: str) -> bool:
    """Whether a smaller score is a better one."""
    return lower_is_better(metric) if sweep.direction == "auto" else sweep.direction == "minimize"


def ranked(rows: Iterable[Row], minimize: bool) -> list[Row]:
    """The rows with a score, the best first: those of the last rung before those that were dropped earlier."""
    sign = 1.0 if minimize else -1.0
    return sorted((row for row in rows if isfinite(row.mean)), key=lambda row: (-row.rung, sign * row.mean, row.trial))


def indistinguishable(rows: Iterable[Row], minimize: bool) -> list[int]:
    """The trials whose mean is within two standard errors of the difference to the best one's: seeds explain it.

    Empty where a trial has one seed, since no spread is known then.
    """
    order = ranked(rows, minimize)
    if not order or len(order[0].scores) < 2:
        return []
    best = order[0]
    return [
        row.trial
        for row in order
        if row is best or abs(row.mean - best.mean) <= 2 * standard_error_of_difference(row, best)
    ]


def standard_error_of_difference(a: Row, b: Row) -> float:
    """Of two means over the same seeds: paired, where both have all of them."""
    if len(a.scores) == len(b.scores) > 1:
        differences: Sequence[float] = np.subtract(a.scores, b.scores).tolist()
        return float(np.std(differences, ddof=1)) / sqrt(len(differences))
    return nan
