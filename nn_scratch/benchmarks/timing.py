"""Taking turns, medians, and the machine's peak."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from nn_scratch.metrics import Array

Burst = Callable[[], float]  # runs some work and returns the seconds a step took
Measure = Callable[[], Any]  # runs some work and returns numbers, always as many


def take_turns(bursts: Mapping[str, Burst], repeats: int) -> dict[str, Array]:
    """Seconds a step of every contender, (repeats,) each: one burst a turn, after one to warm up."""
    for burst in bursts.values():
        burst()
    seconds: dict[str, list[float]] = {name: [] for name in bursts}
    for _ in range(repeats):
        for name, burst in bursts.items():
            seconds[name].append(burst())
    return {name: np.array(values) for name, values in seconds.items()}


def ratio(peer: Array, ours: Array) -> dict[str, float]:
    """Peer's time over ours: of the medians, and the lowest and highest of the turns."""
    each = peer / ours
    return {"median": float(np.median(peer) / np.median(ours)), "low": float(each.min()), "high": float(each.max())}


def spread(found: Mapping[str, float], spec: str = ".2f") -> str:
    """A `ratio` as a cell of a table: its median, and the range of the turns."""
    return f"{found['median']:{spec}} ({found['low']:{spec}} to {found['high']:{spec}})"


def take_paired_turns(first: Measure, second: Measure, pairs: int, pieces: int = 1) -> tuple[Array, Array]:
    """What two contenders measure, (pairs, ...) each, after one turn of each to warm up: who begins alternates.

    A turn is the sum of so many measurements, which alternate with those of the other contender: a machine that is
    slower for a while is so for both.
    """
    turns = []
    for pair in range(pairs + 1):
        measured: tuple[list[Any], list[Any]] = ([], [])
        for piece in range(pieces):
            for which in (0, 1) if (pair + piece) % 2 else (1, 0):
                measured[which].append((first, second)[which]())
        turns.append([np.sum(values, axis=0) for values in measured])
    with_first, with_second = np.array(turns[1:]).swapaxes(0, 1)
    return with_first, with_second


def median_interval(values: Array) -> dict[str, float]:
    """The median of measurements (n,), and the interval that holds that of their distribution 19 times of 20.

    The bounds are the order statistics n / 2 -+ 0.98 √n, by the normal approximation of the binomial distribution.
    """
    ordered, n = np.sort(values), len(values)
    low = max(0, int(np.floor(n / 2 - 0.98 * np.sqrt(n))))
    return {"median": float(np.median(values)), "low": float(ordered[low]), "high": float(ordered[n - 1 - low])}
