"""What keeping everything costs: training with the default log against training without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from time import process_time
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import ratio, spread, take_turns
from nn_scratch.benchmarks.workloads import WORKLOADS, Timekeeper, Workload, data, train_epochs, trainer
from nn_scratch.experiments.machine import matrix_peak
from nn_scratch.runs.recorder import LogSettings, Recorder
from nn_scratch.training.observers import Observer
from nn_scratch.training.trainer import Trainer

# epochs of 1,600 rows for the small, of as many as MNIST has for the large
STEPS_AN_EPOCH = {"W1": 50, "W2": 50, "W3": 469, "W4": 235, "W5": 118, "default": 40}
EPOCHS_A_BURST = {"W1": 600, "W2": 200, "W3": 1, "W4": 1, "W5": 1, "default": 200}


class Ongoing(Observer):
    """A recorder whose run has begun: one that trains in several bursts begins and ends its log once, as a run does."""

    watches_steps = True

    def __init__(self, recorder: Recorder) -> None:
        self.on_step, self.on_epoch_end, self.on_pause = recorder.on_step, recorder.on_epoch_end, recorder.on_pause  # type: ignore[method-assign]


def measure(
    names: Iterable[str] = ("W1", "W2", "W3", "W4", "default"), *, threads: int = 1, repeats: int = 5
) -> dict[str, Any]:
    """Seconds per epoch with and without a log; both evaluate every epoch, and only one writes.

    CPU time is reported beside wall time: other processes of the machine add nothing to it.
    """
    from threadpoolctl import threadpool_limits

    results = []
    with threadpool_limits(limits=threads):
        matrix_peak()
        for name in names:
            with tempfile.TemporaryDirectory() as folder:
                results.append(_measure(WORKLOADS[name], Path(folder), repeats))
    return {"threads": threads, "repeats": repeats, "results": results}


def _measure(workload: Workload, folder: Path, repeats: int) -> dict[str, Any]:
    epochs = EPOCHS_A_BURST[workload.name]
    X, y = data(workload, STEPS_AN_EPOCH[workload.name] * workload.batch)
    plain, _ = trainer(workload, "adam", X, y)
    logged, statistics = trainer(workload, "adam", X, y)
    logged.epochs = epochs * (repeats + 1)  # the log is planned for so many
    recorder = Recorder(folder, logged, statistics, LogSettings(max_megabytes=1e6))
    started = process_time()
    recorder.on_start(logged)
    begin = process_time() - started
    ongoing = Ongoing(recorder)
    cpu: dict[str, list[float]] = {"without": [], "with": []}

    def burst(name: str, made: Trainer, observer: Observer) -> float:
        started = process_time()
        seconds = train_epochs(made, observer, epochs) / epochs
        cpu[name].append((process_time() - started) / epochs)
        return seconds

    keeper = Timekeeper()
    seconds = take_turns(
        {
            "without": lambda: burst("without", plain, keeper),
            "with": lambda: burst("with", logged, ongoing),
        },
        repeats,
    )
    started = process_time()
    recorder.commit(ends=True)
    recorder.close()
    once = begin + process_time() - started
    share = ratio(seconds["with"], seconds["without"])
    of_cpu = ratio(*(np.array(cpu[name][1:]) for name in ("with", "without")))  # the first is the warm-up's
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "steps_an_epoch": STEPS_AN_EPOCH[workload.name],
        "epoch_milliseconds": float(np.median(seconds["without"]) * 1e3),
        "logged_step_microseconds": float(np.median(seconds["with"]) * 1e6 / STEPS_AN_EPOCH[workload.name]),
        "cost": {key: value - 1.0 for key, value in share.items()},
        "cpu_cost": {key: value - 1.0 for key, value in of_cpu.items()},
        "once_a_run_milliseconds": once * 1e3,
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        f"Cost of the default log (weights, gradients, activations, statistics), {result['threads']} thread(s), "
        f"medians of {result['repeats']} turns",
        "",
        "| network | steps per epoch | epoch without log | step with evaluation and log | cost of the log "
        "| by CPU time | once a run |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["results"]:
        cost, of_cpu = row["cost"], row["cpu_cost"]
        lines.append(
            f"| {row['workload']} {row['shape']} | {row['steps_an_epoch']} | {row['epoch_milliseconds']:.2f} ms | "
            f"{row['logged_step_microseconds']:,.1f} µs | "
            f"{spread(cost, '.1%')} | "
            f"{spread(of_cpu, '.1%')} | "
            f"{row['once_a_run_milliseconds']:.1f} ms |"
        )
    return "\n".join(lines)
