"""Where the trials of a sweep run: in processes of this machine (joblib's loky), or on a Dask cluster.

Both call `tell` with each row as it is there, and survive a process that dies: its trial is started once more, alone,
and has a row "killed" if it dies again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from hashlib import blake2b
from itertools import islice
from math import inf
from time import monotonic
from typing import Any, Protocol

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.errors import EnvironmentFailure, NNScratchError
from nn_scratch.experiments.build import build_data
from nn_scratch.experiments.parallel import processes, survive
from nn_scratch.experiments.stacks import MOST_TOGETHER, free, grouped, may_pay
from nn_scratch.experiments.sweeps.rows import Row
from nn_scratch.experiments.sweeps.space import apply_setting
from nn_scratch.experiments.sweeps.trial import Job, run_trial, run_trials
from nn_scratch.optional import optional
from nn_scratch.seeding import spawn_generators

Tell = Callable[[Row], None]


class Executor(Protocol):
    """Runs trials side by side, and calls `tell` with the row of each."""

    def __call__(self, jobs: Iterable[Job], tell: Tell) -> None: ...

    def close(self) -> None: ...


SECONDS_BETWEEN_COUNTS = 1.0  # of a cluster's workers
DIED = "the process that ran it died (out of memory, or killed)"


def shared_data(config: Config) -> dict[int, Data]:
    """By seed, the data that all trials have in common; none where the space changes them."""
    sweep = config.sweep
    if sweep is None or any(key.split(".")[0] in ("data", "seed") or key == "train.dtype" for key in sweep.space):
        return {}
    seeds = range(config.seed, config.seed + sweep.seeds)
    return {seed: build_data(change_config(config, {"seed": seed}), spawn_generators(seed)) for seed in seeds}


class OnThisMachine:
    """Runs trials in `n_jobs` processes (one a core unless given), each with one BLAS thread.

    Small networks of one shape are trained together (`experiments.stacks`). ahead: how many trials are taken at a time
    for each process, of which those of one shape are found.
    """

    def __init__(self, n_jobs: int | None, data: Mapping[int, Data], ahead: int = MOST_TOGETHER) -> None:
        self._n_jobs, self._data, self._ahead = n_jobs, data, ahead

    def __call__(self, jobs: Iterable[Job], tell: Tell) -> None:
        lone: list[list[Job]] = []
        for row in self._rows(self._groups(jobs), lone):
            tell(row)
        for row in self._rows(lone, None):
            tell(row)

    def _rows(self, groups: Iterable[list[Job]], lone: list[list[Job]] | None) -> Iterator[Row]:
        """The rows of groups of trials. lone: receives the trials, each by itself, of a group whose process died."""

        def died(group: list[Job]) -> list[Row]:
            left = [job for job in group if not job.done]
            if lone is None:
                return [job.killed(DIED) for job in left]
            lone.extend([job] for job in left)
            return []

        run = partial(run_group, data=self._data)
        for rows in survive(run, groups, self._n_jobs, died=died, done=all_done):
            yield from rows

    def _groups(self, jobs: Iterable[Job]) -> Iterator[list[Job]]:
        at_once, left = processes(self._n_jobs), iter(jobs)
        keys = ShapeKeys()
        while taken := list(islice(left, at_once * self._ahead)):
            for numbers in grouped([keys(job) for job in taken], at_once):
                yield [taken[number] for number in numbers]

    def close(self) -> None:
        """Nothing is held open."""


def run_group(trials: list[Job], data: Mapping[int, Data]) -> list[Row]:
    """The rows of some trials; those that have one already are read."""
    rows = [trial.row() for trial in trials]
    left = [trial for trial, row in zip(trials, rows, strict=True) if row is None]
    return [*(row for row in rows if row is not None), *run_trials(left, data)]


def all_done(trials: list[Job]) -> bool:
    return all(trial.done for trial in trials)


class ShapeKeys:
    """Settings that trials must share to be trained together; configs are checked once for each such key."""

    def __init__(self) -> None:
        self._known: dict[str, str | None] = {}

    def __call__(self, job: Job) -> str | None:
        """None where a trial is trained by itself."""
        changes = {key: value for key, value in job.changes.items() if not free(key)}
        key = json.dumps(changes, sort_keys=True, default=str)
        if key not in self._known:
            try:
                may = may_pay(apply_setting(config_from(job.config), job.changes))
            except NNScratchError:  # its row will say why
                may = False
            self._known[key] = key if may else None
        return self._known[key]


class OnDask:
    """Runs trials as futures of a Dask scheduler, whose workers must see the sweep's folder.

    A finished result can be lost with the worker that holds it, so rows on disk decide what is done: what has none is
    submitted again.
    """

    def __init__(self, address: str, ahead: int = 4, run: Callable[[Mapping[str, Any]], Row] | None = None) -> None:
        """ahead: how many trials are submitted for each thread of the workers at a time. run: what a worker calls."""
        distributed = optional("distributed", "--dask")
        try:
            self._client: Any = distributed.Client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise EnvironmentFailure(f"--dask {address}: no scheduler answers: {error}") from None
        self._ahead, self._run = ahead, run or run_on_worker
        self._submitted = 0
        self._counted, self._asked = 1, -inf  # threads of the workers, and when they were asked for

    def __call__(self, jobs: Iterable[Job], tell: Tell) -> None:
        suspects: list[tuple[Job, str]] = []
        self._side_by_side(jobs, tell, suspects)
        for job, _ in suspects:  # each alone: Dask blames all trials that wait on a worker for its death
            failed: list[tuple[Job, str]] = []
            self._side_by_side([job], tell, failed)
            for again, why in failed:
                tell(again.killed(f"{DIED}: {why}"))

    def _side_by_side(self, jobs: Iterable[Job], tell: Tell, failed: list[tuple[Job, str]]) -> None:
        """Run trials, and tell of their rows. failed: receives those that ended in an error without one, and why."""
        from distributed import as_completed

        left = iter(jobs)
        under_way: dict[Any, Job] = {}  # by future
        ended = as_completed(loop=self._client.loop, raise_errors=False)
        while True:
            for job in islice(left, max(0, self._ahead * self._threads() - len(under_way))):
                under_way[self._submit(job)] = job
                ended.add(next(reversed(under_way)))
            if not under_way:
                return
            future = next(ended)
            job = under_way.pop(future)
            if (row := row_of(future, job)) is not None:
                tell(row)
            elif future.status == "error":
                failed.append((job, f"{future.exception()!r:.200}"))
            else:  # lost with a worker or with the scheduler
                again = self._submit(job)
                under_way[again] = job
                ended.add(again)

    def close(self) -> None:
        """Leave the cluster; trials under way are cancelled."""
        self._client.close()

    def _threads(self) -> int:
        """Of all workers, as of the last second: to ask takes milliseconds."""
        if monotonic() - self._asked > SECONDS_BETWEEN_COUNTS:
            self._counted, self._asked = sum(self._client.nthreads().values()) or 1, monotonic()
        return self._counted

    def _submit(self, job: Job) -> Any:
        self._submitted += 1  # a trial that is submitted again has a new key
        folder = blake2b(job.folder.encode(), digest_size=6).hexdigest()
        key = f"sweep-{folder}-{job.trial}-{job.rung}-{self._submitted}"
        return self._client.submit(self._run, job.plain(), key=key, pure=False, retries=1)


def row_of(future: Any, job: Job) -> Row | None:
    """The row of a trial whose future ended; None where it has none.

    It is read from disk: to fetch a result takes the scheduler and the worker, milliseconds of each.
    """
    row = job.row()
    if row is None and future.status == "finished":  # a shared file system may show a file late
        row = future.result()
    return row


def run_on_worker(job: Mapping[str, Any]) -> Row:
    """`run_trial` with one BLAS thread, in a worker that Dask's nanny may not have limited."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return run_trial(Job.from_plain(job))
