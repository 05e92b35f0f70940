"""Settings from Optuna's sampler, where that package is installed: each sampled given the scores of earlier trials."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import isfinite
from typing import TYPE_CHECKING, Any

from nn_scratch.experiments.sweeps.rows import read_rows
from nn_scratch.experiments.sweeps.space import Dimension, Setting, applies, dimensions
from nn_scratch.experiments.sweeps.trial import Job
from nn_scratch.optional import optional

if TYPE_CHECKING:
    from nn_scratch.experiments.sweeps.sweep import Swept

# trials sampled before the next scores are read: fixed, so that the number of processes changes no setting
ASKED_AT_ONCE = 4


def asked(swept: Swept, job_of: Callable[[Swept, int, Setting], Job]) -> Iterator[list[Job]]:
    """Jobs, some at a time. The study is replayed from the rows on disk, so that a stopped sweep continues in the same
    way.

    Raises EnvironmentFailure without Optuna.
    """
    optuna = optional("optuna", "sweep.method")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(seed=swept.config.seed)
    study = optuna.create_study(direction="minimize" if swept.minimize else "maximize", sampler=sampler)
    searched, number = dimensions(swept.sweep), 0
    while swept.sweep.trials is None or number < swept.sweep.trials:
        many = ASKED_AT_ONCE if swept.sweep.trials is None else min(ASKED_AT_ONCE, swept.sweep.trials - number)
        batch: list[tuple[Any, Job]] = []
        for _ in range(many):
            number += 1
            trial = study.ask()
            batch.append((trial, job_of(swept, number, _suggested(trial, searched, swept))))
        yield [job for _, job in batch if not job.done]
        scores = {row.trial: row.mean for row in read_rows(swept.folder)}
        if any(job.trial not in scores for _, job in batch):  # the time is up
            return
        for trial, job in batch:
            score = scores[job.trial]
            if isfinite(score):
                study.tell(trial, score)
            else:
                study.tell(trial, state=optuna.trial.TrialState.FAIL)


def _suggested(trial: Any, searched: list[Dimension], swept: Swept) -> Setting:
    setting: Setting = {}
    for dimension in searched:
        if applies(dimension, setting, swept.config):
            setting[dimension.key] = _value(trial, dimension)
    return setting


def _value(trial: Any, dimension: Dimension) -> Any:
    if dimension.choices:
        index = trial.suggest_categorical(dimension.key, list(range(len(dimension.choices))))
        return dimension.choices[index]
    suggest = trial.suggest_int if dimension.whole else trial.suggest_float
    value = suggest(dimension.key, dimension.low, dimension.high, log=dimension.logarithmic)
    return value if dimension.whole else float(f"{value:.6g}")
