"""Training runs in parallel: jobs go in, the result of each run comes out.

A `Job` is plain data that can be pickled: a config, and the function that concludes something from its run. `perform`
does one, in the calling process, and `perform_together` does several; `run_all` does many with joblib, in processes.
`survive` calls any function many times in processes, and continues when one of them is killed.
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Generic, TypeVar
from warnings import catch_warnings, simplefilter

from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.errors import EnvironmentFailure, NNScratchError, UserError
from nn_scratch.experiments.build import build_data
from nn_scratch.experiments.stacks import Request, grouped, shape_key, train_requests
from nn_scratch.experiments.train import Interrupted, ObserverFactory, no_observers
from nn_scratch.runs.interruption import end_with_parent, farewell
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.wording import plural

C = TypeVar("C")
T = TypeVar("T")

MOST_PROCESSES = 8  # a core

# Overrides for a run that will not be drawn: no log of weights, gradients and activations, and one BLAS thread, because
# other runs have the other cores. Metrics, statistics and signals are logged, so the run can be diagnosed.
QUIET: Mapping[str, Any] = {
    "log.weights": False,
    "log.gradients": False,
    "log.activations": False,
    "train.threads": 1,
}


@dataclass(frozen=True)
class Job(Generic[T]):
    """One training run, and the function of its result.

    conclude   called with the run, finished or diverged, in the process that trained it; what it returns is the job's
               result, and is pickled
    data       makes the rows of the run, split and scaled, instead of the config's own split (`split_by`; a fold)
    observers  as for `train`
    outputs    where the run's folder is kept; None: it is temporary, and removed once `conclude` has returned
    folder     the run's own, in `outputs`, where it is there already, empty: several processes make no order of names
    """

    config: Config
    conclude: Callable[[Run], T]
    data: Callable[[Config], Data] | None = None
    observers: ObserverFactory = no_observers
    outputs: Path | None = None
    folder: Path | None = None


def split_by(seed: int) -> Callable[[Config], Data]:
    """For `Job.data`: rows are drawn and split by `seed`, and all else that is random by the seed of the config."""
    return partial(_split_by, seed)


def _split_by(seed: int, config: Config) -> Data:
    return build_data(config, spawn_generators(seed))


def train_or_diverged(
    config: Config, outputs: Path, observers: ObserverFactory = no_observers, data: Data | None = None
) -> Run:
    """As `train`, but a run that diverged is returned like one that finished."""
    ((_, end),) = train_requests([Request(config, outputs, observers, data)])
    if isinstance(end, NNScratchError):
        raise end
    return end


def perform(job: Job[T], scratch: Path) -> T:
    """Train one job's run and conclude from it: see `perform_together`."""
    (result,) = perform_together([job], scratch)
    return result


def perform_together(jobs: Sequence[Job[T]], scratch: Path) -> list[T]:
    """Train the runs of some jobs, small networks of one shape as a stack, and conclude from each.

    scratch: where the folders of temporary runs are made, and removed.
    Raises what `train` raises, but not Diverged. A signal that stops a temporary run is reported as "stopped", because
    that run cannot be resumed.
    """
    requests = [
        Request(job.config, job.outputs or scratch / str(number), job.observers, job.data, job.folder)
        for number, job in enumerate(jobs)
    ]
    runs: dict[int, Run] = {}
    try:
        for number, end in train_requests(requests):
            if isinstance(end, Interrupted) and jobs[number].outputs is None:
                stopped = NNScratchError("stopped")
                stopped.exit_code = end.exit_code
                raise stopped
            if isinstance(end, NNScratchError):
                raise end
            runs[number] = end
        return [job.conclude(runs[number]) for number, job in enumerate(jobs)]
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def processes(n_jobs: int | None) -> int:
    """How many processes serve: so many, or None: one per core.

    UserError where that many would bring the machine to a stop rather than make anything faster.
    """
    from joblib import cpu_count

    cores: int = cpu_count()
    if n_jobs is None:
        return cores
    if not 1 <= n_jobs <= MOST_PROCESSES * cores:
        raise UserError(
            f"{n_jobs:,} processes: write 1 to {MOST_PROCESSES * cores} on this machine of {plural(cores, 'core')}, or "
            "leave it out for one per core"
        )
    return n_jobs


def run_all(jobs: Iterable[Job[T]], n_jobs: int | None = None, *, stack: bool = False) -> Iterator[T]:
    """The results of the jobs, in their order, each as soon as it and those before it are done.

    n_jobs: processes; None: one per core; 1: all in this process. stack: small networks of one shape are trained
    together (`experiments.stacks`), which is faster, and the same up to rounding. The first error ends all jobs and is
    raised; so does a process that is killed, as EnvironmentFailure. Temporary runs are removed when the iterator ends:
    exhausted, closed, or by an exception such as KeyboardInterrupt. The processes end with this one, however it ends.
    """
    with catch_warnings(action="ignore"):  # joblib warns where the system offers no semaphores; it runs serially there
        from joblib import Parallel, delayed

    groups: Iterable[list[tuple[int, Job[T]]]] = ([numbered] for numbered in enumerate(jobs))
    if stack:
        known = list(jobs)
        keys = [shape_key(job.config) for job in known]
        groups = ([(n, known[n]) for n in numbers] for numbers in grouped(keys, processes(n_jobs)))
    with tempfile.TemporaryDirectory(prefix="nn_scratch-", ignore_cleanup_errors=True) as scratch:
        parallel = Parallel(n_jobs=processes(n_jobs), return_as="generator")
        todo = (delayed(_perform_in_child)(group, Path(scratch) / str(group[0][0]), os.getpid()) for group in groups)
        results = parallel(todo)
        with farewell(partial(_clear_away, scratch)):
            try:
                yield from in_order(results)
            except BrokenProcessPool:
                raise EnvironmentFailure(
                    "a process that trained was killed, perhaps because the memory ran out; try again with more free"
                ) from None
            except BaseException:
                _kill_workers()
                with catch_warnings(action="ignore"):  # joblib warns of results that are not used
                    results.close()
                raise


def in_order(groups: Iterable[Sequence[tuple[int, T]]]) -> Iterator[T]:
    """Results in the order of their numbers, from 0, that come in groups."""
    waiting: dict[int, T] = {}
    following = 0
    for group in groups:
        waiting.update(group)
        while following in waiting:
            yield waiting.pop(following)
            following += 1


def _perform_in_child(group: Sequence[tuple[int, Job[T]]], scratch: Path, parent: int) -> list[tuple[int, T]]:
    if os.getpid() != parent:
        _end_with(parent, scratch.parent)
    results = perform_together([job for _, job in group], scratch)
    return [(number, result) for (number, _), result in zip(group, results, strict=True)]


@cache
def _end_with(parent: int, scratch: Path | None = None) -> None:
    """Let a thread end this process, and remove the temporary runs, once its parent has ended.

    Called once in each process that trains, which prints no warnings, either.
    """
    simplefilter("ignore")

    def remove() -> None:
        if scratch is not None and os.getppid() != parent:
            _remove_after_this_process(scratch)

    atexit.register(remove)  # joblib may notice before the thread does, and end the process its own way
    end_with_parent(parent, remove)


def _remove_after_this_process(folder: Path) -> None:
    """Let another process remove a folder once this one has ended: until then, its other threads may still write."""
    remove = "import shutil, sys; sys.stdin.read(); shutil.rmtree(sys.argv[1], ignore_errors=True)"
    nothing = subprocess.DEVNULL
    subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", remove, str(folder)], stdin=subprocess.PIPE, stdout=nothing, stderr=nothing
    )


def _kill_workers() -> None:
    """End joblib's processes now, so that they write nothing into the folder that is about to be removed."""
    from joblib.externals.loky import get_reusable_executor

    get_reusable_executor().shutdown(wait=True, kill_workers=True)


def _clear_away(scratch: str) -> None:
    _kill_workers()
    shutil.rmtree(scratch, ignore_errors=True)


SHARED_BYTES = "1M"  # arrays from this size on are memory-mapped by the processes, not copied


def survive(
    function: Callable[[C], T],
    calls: Iterable[C],
    n_jobs: int | None = None,
    *,
    died: Callable[[C], T],
    done: Callable[[C], bool],
) -> Iterator[T]:
    """The results of function(call) in processes with one BLAS thread each, in the order in which they end.

    Where a process dies (out of memory, killed), each call that was under way and is not `done` is made again, alone;
    the result of one that kills its process there twice is died(call). Large arrays in a call are memory-mapped.
    n_jobs: processes; None: one per core; 1: all in this process.
    """
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    begun: list[C] = []

    def noted() -> Iterator[C]:
        for call in left:
            begun.append(call)
            yield call

    left = iter(calls)
    while True:
        try:
            yield from _unordered(function, noted(), n_jobs)
        except TerminatedWorkerError:
            for call in begun:
                if not done(call):
                    yield from _alone(function, call, died)
            begun.clear()
        else:
            return


def _alone(function: Callable[[C], T], call: C, died: Callable[[C], T]) -> Iterator[T]:
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for _ in range(2):
        try:
            yield from _unordered(function, [call], 2)  # two processes, since one would be this process itself
        except TerminatedWorkerError:
            continue
        return
    yield died(call)


def _unordered(function: Callable[[C], T], calls: Iterable[C], n_jobs: int | None) -> Iterator[T]:
    with catch_warnings(action="ignore"):
        from joblib import Parallel, delayed, parallel_config

    with parallel_config(backend="loky", inner_max_num_threads=1):
        parallel = Parallel(
            n_jobs=processes(n_jobs),
            return_as="generator_unordered",
            max_nbytes=SHARED_BYTES,
            pre_dispatch="2*n_jobs",
        )
        try:
            yield from parallel(delayed(_in_child)(function, call, os.getpid()) for call in calls)
        except BaseException:  # Ctrl-C, or an error of one call: the other processes end at once
            _kill_workers()
            raise


def _in_child(function: Callable[[C], T], call: C, parent: int) -> T:
    if os.getpid() != parent:
        _end_with(parent)
    return function(call)
