"""Sweeps: throughput of two processes against one, and what a trial costs beside its training."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.benchmarks import stacked_processes
from nn_scratch.benchmarks.timing import ratio, spread, take_turns
from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.experiments.sweeps.executors import OnDask
from nn_scratch.experiments.sweeps.rows import Row
from nn_scratch.experiments.sweeps.sweep import Swept, Table, new_job, sweep
from nn_scratch.experiments.sweeps.trial import Job

SCALED = {"trials": 8, "epochs": 40}  # of digits: about a second a trial
SHORT_TRIALS = 40
DASK_TRIALS = 10_000


def config(name: str, trials: int, epochs: int, source: str) -> Config:
    values: dict[str, Any] = {
        "name": name,
        "data": {"source": source},
        "train": {"epochs": epochs},
        "sweep": {"trials": trials, "space": {"optimizer.lr": {"log": [1e-4, 1e-2]}}},
    }
    return config_from(values)


def measure(*, repeats: int = 3, parts: Sequence[str]) -> dict[str, Any]:
    """What each of the parts found: of two processes and of stacks the ratio of throughputs, each a measurement in
    turns; of local and Dask the milliseconds that a trial costs beside its training, None without Dask."""
    measures: dict[str, Callable[[], Any]] = {
        "processes": lambda: two_processes(repeats),
        "stacked": lambda: stacked_processes.measure(repeats=repeats),
        "local": overhead,
        "dask": dask_overhead,
    }
    return {"repeats": repeats, **{part: measures[part]() for part in parts}}


def two_processes(repeats: int) -> dict[str, float]:
    scaled = config("scaled", SCALED["trials"], SCALED["epochs"], "digits")

    def burst(jobs: int) -> float:
        with tempfile.TemporaryDirectory() as folder:
            started = perf_counter()
            sweep(scaled, Path(folder), jobs=jobs)
            return perf_counter() - started

    seconds = take_turns({"one": lambda: burst(1), "two": lambda: burst(2)}, repeats)
    return ratio(seconds["one"], seconds["two"])


def overhead() -> float:
    """Milliseconds that a trial takes besides the training, evaluation and logging of its run's epochs."""
    from nn_scratch.runs.run import Run

    with tempfile.TemporaryDirectory() as folder:
        short = config("short", SHORT_TRIALS, 1, "iris")
        sweep(short, Path(folder), jobs=1)
        started = perf_counter()
        swept = sweep(short, Path(folder), jobs=1)
        seconds = perf_counter() - started
        runs = [Run(swept.folder / "runs" / row.runs[0]) for row in swept.rows]
        epochs = sum(float(np.sum(run.times[kind])) for run in runs for kind in ("training", "evaluation", "logging"))
    return 1e3 * (seconds - epochs) / SHORT_TRIALS


def dask_overhead() -> float | None:
    """Milliseconds a trial of many that train nothing, on a cluster of two processes here; None without Dask."""
    if find_spec("distributed") is None:
        return None
    from distributed import LocalCluster

    with (
        tempfile.TemporaryDirectory() as folder,
        LocalCluster(
            n_workers=2,
            threads_per_worker=1,
            dashboard_address=None,
            silence_logs=logging.CRITICAL,  # when the workers end, the scheduler warns that their results are lost
        ) as cluster,
    ):
        swept = Swept(Path(folder), config("none", DASK_TRIALS, 1, "iris"))
        (swept.folder / "rows").mkdir()
        jobs = [new_job(swept, number, {"optimizer.lr": 1e-3}) for number in range(1, DASK_TRIALS + 1)]
        execute = OnDask(cluster.scheduler_address, run=no_training)
        started = perf_counter()
        execute(jobs, Table(swept, None).add)
        seconds = perf_counter() - started
        execute.close()
    return 1e3 * seconds / DASK_TRIALS


def no_training(job: Mapping[str, Any]) -> Row:
    """A trial that writes its row and nothing else."""
    row = Job.from_plain(job).empty_row()
    row.status, row.metric, row.scores = "finished", "val_accuracy", [0.5]
    row.write(Path(job["folder"]))
    return row


def table(result: dict[str, Any]) -> str:
    lines = [f"Sweeps, medians of {result['repeats']} turns", ""]
    if "processes" in result:
        lines.append(f"throughput of two processes over one: {spread(result['processes'])}")
    if "local" in result:
        lines.append(f"overhead a trial on this machine (iris, {SHORT_TRIALS} trials): {result['local']:.0f} ms")
    if "dask" in result:
        lines.append(
            "overhead a trial on Dask: distributed is not installed"
            if result["dask"] is None
            else f"overhead a trial on Dask ({DASK_TRIALS:,} trials that train nothing, two workers): "
            f"{result['dask']:.1f} ms"
        )
    if "stacked" in result:
        lines += ["", *stacked_processes.lines(result["stacked"])]
    return "\n".join(lines)
