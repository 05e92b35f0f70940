"""BLAS threads, floating-point operations of a step, and the peak rate of matrix products on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.config.schema import Config
from nn_scratch.nn.network import Network


def matrix_peak(dtype: Any = np.float32, size: int = 1024, repeats: int = 8) -> float:
    """FLOP/s of the fastest of some square matrix products, with the threads that are set."""
    A = np.random.default_rng(0).standard_normal((size, size)).astype(dtype)
    B = np.empty_like(A)
    A.dot(A, out=B)
    best = np.inf
    for _ in range(repeats):
        started = perf_counter()
        A.dot(A, out=B)
        best = min(best, perf_counter() - started)
    return 2.0 * size**3 / best


# Work per step below which a second thread costs more than it saves: beside any other process the threads wait for each
# other in every product, and the core that it leaves free checks the data meanwhile. To compare: train.threads=1 and 2.
ONE_THREAD_MFLOP = 100.0


def usable_cores() -> int:
    """The cores that this process may run on: in a container, or by taskset, fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def threads(config: Config, network: Network, batch_size: int) -> int:
    """BLAS threads to train with: as configured, if there are that many cores; or one where the steps are small."""
    if config.train.threads != "auto":
        return min(config.train.threads, usable_cores())
    return 1 if step_flop(network, batch_size) < ONE_THREAD_MFLOP * 1e6 else usable_cores()


def fewer_threads(config: Config) -> list[str]:
    asked, cores = config.train.threads, usable_cores()
    if asked == "auto" or asked <= cores:
        return []
    return [f"train.threads: {asked} are asked for and the machine has {cores} cores; {cores} are used"]


def step_flop(network: Network, rows: int) -> float:
    """Floating-point operations of the matrix products of one training step."""
    return matrix_flop((network.inputs, *(layer.outputs for layer in network.dense)), rows)


def counted_seconds(network: Network, rows: int, evaluated_rows: float = 0.0) -> float:
    """Seconds of a training step of so many rows, from counts of work and not from a clock: the same everywhere.

    evaluated_rows: rows that are scored besides, a step. A NumPy call is taken as 0.7 µs, a multiply-add of a matrix
    product as 1/20 ns, an update of a parameter as 2 ns: a laptop's core of 2020 with one BLAS thread.
    """
    parameters = network.theta.size
    calls = 0.7e-6 * (10 * len(network.layers) + 20)
    products = (step_flop(network, rows) + 2.0 * parameters * evaluated_rows) / 40e9
    return calls + products + 2e-9 * parameters


def matrix_flop(widths: Sequence[int], rows: int) -> float:
    """The same for a plain stack of dense layers: forward, and backward without the derivative of the data."""
    products = [inputs * outputs for inputs, outputs in pairwise(widths)]
    return 2.0 * rows * (3 * sum(products) - products[0])
