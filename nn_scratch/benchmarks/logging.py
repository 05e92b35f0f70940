"""What keeping everything costs: training with the default log against training without."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import matrix_peak, ratio, take_turns
from nn_scratch.benchmarks.workloads import WORKLOADS, Timekeeper, Workload, data, train_epochs, trainer
from nn_scratch.runs.recorder import LogSettings, Recorder

# epochs of 1,600 rows for the small, of as many as MNIST has for the large
STEPS_AN_EPOCH = {"W1": 50, "W2": 50, "W3": 469, "W4": 235, "W5": 118}
EPOCHS_A_BURST = {"W1": 600, "W2": 200, "W3": 1, "W4": 1, "W5": 1}


def measure(names: Iterable[str] = ("W1", "W2", "W3", "W4"), *, threads: int = 1, repeats: int = 5) -> dict[str, Any]:
    """Seconds an epoch with and without; both evaluate every epoch, and only one writes."""
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
    logged, gauge = trainer(workload, "adam", X, y)
    logged.epochs = epochs * (repeats + 1)  # the log is planned for so many
    recorder = Recorder(folder, logged, gauge, LogSettings(max_megabytes=1e6))
    keeper = Timekeeper()
    seconds = take_turns(
        {
            "without": lambda: train_epochs(plain, keeper, epochs) / epochs,
            "with": lambda: train_epochs(logged, recorder, epochs) / epochs,
        },
        repeats,
    )
    recorder.close()
    share = ratio(seconds["with"], seconds["without"])
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "steps_an_epoch": STEPS_AN_EPOCH[workload.name],
        "epoch_milliseconds": float(np.median(seconds["without"]) * 1e3),
        "cost": {key: value - 1.0 for key, value in share.items()},
    }


def table(result: dict[str, Any]) -> str:
    lines = [
        f"Cost of the default log (weights, gradients, activations, statistics), {result['threads']} thread(s), "
        f"medians of {result['repeats']} turns",
        "",
        "| network | steps an epoch | an epoch without log | cost of the log |",
        "|---|---|---|---|",
    ]
    for row in result["results"]:
        cost = row["cost"]
        lines.append(
            f"| {row['workload']} {row['shape']} | {row['steps_an_epoch']} | {row['epoch_milliseconds']:.2f} ms | "
            f"{cost['median']:.1%} ({cost['low']:.1%} to {cost['high']:.1%}) |"
        )
    return "\n".join(lines)
