"""Taking turns, medians, and the machine's peak."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from nn_scratch.metrics import Array

Burst = Callable[[], float]  # runs some work and returns the seconds a step took


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
