"""Stacks of networks in two processes against one process that trains one network at a time."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack, closing
from multiprocessing import get_context
from multiprocessing.connection import Connection
from time import perf_counter
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from nn_scratch.benchmarks.stacked import NETWORKS, SINGLE_NETWORKS, one_by_one, stacks_of
from nn_scratch.benchmarks.timing import Burst, ratio, spread, take_turns
from nn_scratch.benchmarks.workloads import WORKLOADS, Workload, data, trainer

PROCESSES = 2
EPOCHS = 4  # of every stack in a burst, so that to start and to end the processes' turns is little beside it


def measure(*, repeats: int) -> list[dict[str, Any]]:
    """Microseconds a step of one network, float32: steps alone, without evaluation and logs."""
    found = []
    with threadpool_limits(limits=1):
        for name in ("W1", "W2"):
            for optimizer in ("sgd", "adam"):
                found.append(_measure(WORKLOADS[name], optimizer, repeats))
    return found


def _measure(workload: Workload, optimizer: str, repeats: int) -> dict[str, Any]:
    X, y = data(workload)
    singles = [trainer(workload, optimizer, X, y, seed)[0] for seed in range(SINGLE_NETWORKS)]
    with ExitStack() as stack:
        ends = [stack.enter_context(closing(_started(workload, optimizer, stack))) for _ in range(PROCESSES)]
        bursts = {"single": one_by_one(singles, workload), "stacked": _in_processes(ends, workload)}
        seconds = take_turns(bursts, repeats)
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "optimizer": optimizer,
        "microseconds": {name: float(np.median(values) * 1e6) for name, values in seconds.items()},
        "over_single": ratio(seconds["single"], seconds["stacked"]),
    }


def _started(workload: Workload, optimizer: str, stack: ExitStack) -> Connection:
    """Our end of a process that has its share of the networks."""
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(theirs, workload, optimizer, NETWORKS // PROCESSES), daemon=True)
    process.start()
    stack.callback(process.join)
    ours.recv()
    return ours


def _in_processes(ends: Sequence[Connection], workload: Workload) -> Burst:
    """Seconds a step of one network, from the start of the first process to the end of the last."""

    def burst() -> float:
        started = perf_counter()
        for end in ends:
            end.send(EPOCHS)
        for end in ends:
            end.recv()
        return (perf_counter() - started) / (EPOCHS * NETWORKS * workload.steps)

    return burst


def serve(end: Connection, workload: Workload, optimizer: str, networks: int) -> None:
    """Train so many networks in stacks, as many epochs as are asked for each time, until the other end is closed."""
    X, y = data(workload)
    with threadpool_limits(limits=1):
        stacks = stacks_of([trainer(workload, optimizer, X, y, seed)[0] for seed in range(networks)])
        end.send(None)
        while True:
            try:
                epochs = end.recv()
            except EOFError:
                return
            for stack in stacks:
                for _ in range(epochs):
                    stack.train_epoch()
            end.send(None)


def lines(results: Sequence[dict[str, Any]]) -> list[str]:
    """A table of what `measure` found."""
    header = "| network | optimizer | one process, one by one | two processes, stacked | how many times as fast |"
    rows = [
        f"| {row['workload']} {row['shape']} | {row['optimizer']} | {row['microseconds']['single']:.1f} µs | "
        f"{row['microseconds']['stacked']:.2f} µs | {spread(row['over_single'])} |"
        for row in results
    ]
    return [f"{NETWORKS} networks, float32, times per network and step", "", header, "|---|---|---|---|---|", *rows]
