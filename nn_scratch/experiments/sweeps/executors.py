"""Where the trials of a sweep run: in processes of this machine (joblib's loky), or on a Dask cluster.

Both call `tell` with each row as it is there, and survive a process that dies: its trial is started once more, alone,
and has a row "killed" if it dies again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from typing import Any

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.build import build_data
from nn_scratch.experiments.sweeps.rows import Row
from nn_scratch.experiments.sweeps.trial import Job, run_trial
from nn_scratch.seeding import spawn_generators

Tell = Callable[[Row], None]
Execute = Callable[[Iterable[Job], Tell], None]

SHARED_BYTES = "1M"  # arrays from this size on are memory-mapped by the processes, not copied
DIED = "the process that ran it died (out of memory, or killed)"


def shared_data(config: Config) -> dict[int, Data]:
    """By seed, the data that all trials have in common; none where the space changes them."""
    sweep = config.sweep
    if sweep is None or any(key.split(".")[0] in ("data", "seed") or key == "train.dtype" for key in sweep.space):
        return {}
    seeds = range(config.seed, config.seed + sweep.seeds)
    return {seed: build_data(change_config(config, {"seed": seed}), spawn_generators(seed)) for seed in seeds}


class OnThisMachine:
    """Runs trials in `jobs` processes (one a core unless given), each with one BLAS thread."""

    def __init__(self, jobs: int | None, data: Mapping[int, Data]) -> None:
        self._jobs, self._data = jobs, data

    def __call__(self, jobs: Iterable[Job], tell: Tell) -> None:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        begun: list[Job] = []

        def noted() -> Iterator[Job]:
            for job in left:
                begun.append(job)
                yield job

        left = iter(jobs)
        while True:
            try:
                for row in self._rows(noted(), self._jobs):
                    tell(row)
                return
            except TerminatedWorkerError:  # which of the trials under way it was is found out by running each alone
                for job in [job for job in begun if not job.done]:
                    tell(self._alone(job))
                begun.clear()

    def _rows(self, jobs: Iterable[Job], n_jobs: int | None) -> Iterator[Row]:
        from joblib import Parallel, delayed, parallel_config

        with parallel_config(backend="loky", inner_max_num_threads=1):
            parallel = Parallel(
                n_jobs=n_jobs or -1, return_as="generator_unordered", max_nbytes=SHARED_BYTES, pre_dispatch="2*n_jobs"
            )
            try:
                yield from parallel(delayed(run_trial)(job.plain(), self._data) for job in jobs)
            except BaseException:
                stop_processes()
                raise

    def _alone(self, job: Job) -> Row:
        from joblib.externals.loky.process_executor import TerminatedWorkerError

        with suppress(TerminatedWorkerError):
            return next(self._rows([job], n_jobs=2))  # two, since one would be this process itself
        return job.killed(DIED)


def stop_processes() -> None:
    """End joblib's processes at once."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


class OnDask:
    """Runs trials as futures of a Dask scheduler, whose workers must see the sweep's folder.

    A finished result can be lost with the worker that holds it, so rows on disk decide what is done: what has none is
    submitted again.
    """

    def __init__(self, address: str, ahead: int = 4) -> None:
        """ahead: how many trials are submitted for each thread of the workers at a time."""
        try:
            from distributed import Client
        except ImportError:
            raise EnvironmentFailure("--dask: needs dask.distributed; pip install 'nn_scratch[dask]'") from None
        try:
            self._client: Any = Client(address, timeout="10s", set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            raise EnvironmentFailure(f"--dask {address}: no scheduler answers: {error}") from None
        self._ahead = ahead

    def __call__(self, jobs: Iterable[Job], tell: Tell) -> None:
        from distributed import as_completed

        left = iter(jobs)
        under_way: dict[str, Job] = {}
        completed = as_completed(with_results=False, raise_errors=False)

        def submit(job: Job) -> None:
            key = f"sweep-{blake2b(job.folder.encode(), digest_size=6).hexdigest()}-{job.trial}-{job.rung}"
            future = self._client.submit(run_on_worker, job.plain(), key=key, pure=False, retries=1)
            under_way[str(future.key)] = job
            completed.add(future)

        def fill() -> None:
            threads = sum(self._client.nthreads().values()) or 1
            for job in islice(left, max(0, self._ahead * threads - len(under_way))):
                submit(job)

        fill()
        while under_way:
            future = next(completed)
            job = under_way.pop(future.key)
            if future.status == "finished":
                tell(future.result())
            elif future.status == "error" and not job.done:
                tell(job.killed(f"{DIED}: {future.exception()!r:.200}"))
            elif not job.done:  # lost or cancelled: its worker or the scheduler went away
                future.release()
                submit(job)
            fill()


def run_on_worker(job: Mapping[str, Any]) -> Row:
    """`run_trial` with one BLAS thread, in a worker that Dask's nanny may not have limited."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return run_trial(job)
