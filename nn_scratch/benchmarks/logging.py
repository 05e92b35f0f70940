"""The cost of logging: training with the default log against training without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import median_interval, spread, take_paired_turns
from nn_scratch.benchmarks.workloads import WORKLOADS, Timekeeper, Workload, data, train_epochs, trainer
from nn_scratch.experiments.machine import matrix_peak
from nn_scratch.metrics import Array
from nn_scratch.runs.recorder import COMMIT_SECONDS, COMMIT_SHARE, LogSettings, Recorder
from nn_scratch.training.observers import Observer
from nn_scratch.training.trainer import Trainer

# epochs of 1,600 rows for the small, of as many as MNIST has for the large
STEPS_AN_EPOCH = {"W1": 50, "W2": 50, "W3": 469, "W4": 235, "W5": 118, "default": 40}
STEPS_MEASURED = 20  # of the large: what an epoch's log costs does not depend on the epoch's length
LARGE = 100  # steps of an epoch, from which on shorter ones are measured
PAIRS_A_REPEAT = 4
PIECES = (4, 3, 2, 1)  # epochs with a log, then as many without: the first number that parts a turn evenly


class Ongoing(Observer):
    """A recorder whose run has begun: one that trains in several bursts begins and ends its log once, as a run does."""

    watches_steps = True

    def __init__(self, recorder: Recorder) -> None:
        self.on_step, self.on_epoch_end, self.on_pause = recorder.on_step, recorder.on_epoch_end, recorder.on_pause  # type: ignore[method-assign]


def measure(
    names: Iterable[str] = ("W1", "W2", "W3", "W4", "default"), *, threads: int = 1, repeats: int = 5
) -> dict[str, Any]:
    """Seconds per epoch with and without a log, in pairs of short turns; both evaluate every epoch, and one writes.

    CPU time is reported beside wall time: other processes of the machine add little to it.
    """
    from threadpoolctl import threadpool_limits

    results = []
    with threadpool_limits(limits=threads):
        matrix_peak()
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                results.append(_measure(WORKLOADS[name], Path(folder), PAIRS_A_REPEAT * repeats))
    return {"threads": threads, "pairs": PAIRS_A_REPEAT * repeats, "results": results}


def _measure(workload: Workload, folder: Path, pairs: int) -> dict[str, Any]:
    whole = STEPS_AN_EPOCH[workload.name]
    steps = whole if whole < LARGE else STEPS_MEASURED
    X, y = data(workload, steps * workload.batch)
    plain, _ = trainer(workload, "adam", X, y)
    logged, statistics = trainer(workload, "adam", X, y)
    epochs = statistics.capacity  # those of a turn are written together, once in each
    piece = next(size for size in PIECES if epochs % size == 0)
    logged.epochs = epochs * (pairs + 1)  # the log is planned for so many
    recorder = Recorder(folder, logged, statistics, LogSettings(max_megabytes=1e6))
    recorder.commits_beside(10**12)  # commits are measured apart from the turns
    begin = timed(lambda: recorder.on_start(logged))
    keeper, ongoing, commits = Timekeeper(), Ongoing(recorder), []

    def burst(made: Trainer, observer: Observer) -> Array:
        return timed(lambda: train_epochs(made, observer, piece)) / epochs

    def burst_and_commit() -> Array:
        seconds = burst(logged, ongoing)
        if logged.epoch % epochs == 0:
            commits.append(timed(recorder.commit))
        return seconds

    with_log, without = take_paired_turns(burst_and_commit, lambda: burst(plain, keeper), pairs, epochs // piece)
    once = begin + timed(lambda: recorder.commit(ends=True))
    recorder.close()
    # the epoch without a log at its whole length, and a commit's share of it; columns: clock, CPU
    evaluation = keeper.evaluation / (keeper.training + keeper.evaluation)
    longer = evaluation + (1.0 - evaluation) * whole / steps
    epoch = np.median(without, axis=0) * longer
    commit = np.median(commits, axis=0)
    share = commit / max(COMMIT_SECONDS, commit[0] / COMMIT_SHARE, epoch[0])  # the recorder's own rule
    cost, cpu_cost = (median_interval(each) for each in ((with_log / without - 1.0) / longer + share).T)
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "steps_an_epoch": whole,
        "steps_measured": steps,
        "epoch_milliseconds": float(epoch[0] * 1e3),
        "logged_step_microseconds": float(epoch[0] * (1.0 + cost["median"]) * 1e6 / whole),
        "cost": cost,
        "cpu_cost": cpu_cost,
        "commit_milliseconds": [float(value * 1e3) for value in commit],
        "once_a_run_milliseconds": float(once[1] * 1e3),
    }


def timed(work: Any) -> Array:
    """Seconds by the clock and of CPU time, (2,)."""
    started, cpu_started = perf_counter(), process_time()
    work()
    return np.array((perf_counter() - started, process_time() - cpu_started))


def table(result: dict[str, Any]) -> str:
    lines = [
        f"Cost of the default log (weights, gradients, activations, statistics), {result['threads']} thread(s), "
        f"medians of {result['pairs']} pairs of turns and their 95 % intervals",
        "",
        "| network | steps per epoch | epoch without log | step with evaluation and log | cost of the log "
        "| by CPU time | a commit (CPU) | once a run |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["results"]:
        wall, cpu = row["commit_milliseconds"]
        lines.append(
            f"| {row['workload']} {row['shape']} | {row['steps_an_epoch']} | {row['epoch_milliseconds']:.2f} ms | "
            f"{row['logged_step_microseconds']:,.1f} µs | "
            f"{spread(row['cost'], '.1%')} | "
            f"{spread(row['cpu_cost'], '.1%')} | "
            f"{wall:.1f} ({cpu:.1f}) ms | "
            f"{row['once_a_run_milliseconds']:.1f} ms |"
        )
    return "\n".join(lines)
