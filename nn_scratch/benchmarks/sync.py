"""The cost of waiting for the disk: the default run with its syncs, and with the same writes and no sync."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter
from typing import Any
from unittest.mock import patch

import numpy as np

from nn_scratch.benchmarks.timing import ratio, take_turns

EPOCHS = 60
DEEP = [{"type": "dense", "units": 2}] * 100
# what is trained: the shipped network, and one of many files, on data whose epochs are short
CONFIGS: dict[str, dict[str, Any]] = {
    "digits, 128-64": {"data": {"source": "digits"}, "train": {"epochs": EPOCHS}},
    "iris, 100 layers": {"data": {"source": "iris"}, "layers": DEEP, "train": {"epochs": EPOCHS}},
}


def measure(*, repeats: int = 5) -> dict[str, Any]:
    """Seconds of runs in turns, with and without syncs; the folder of temporary files decides which disk it is."""
    results = [measured(name, config, repeats) for name, config in CONFIGS.items()]
    return {"repeats": repeats, "folder": tempfile.gettempdir(), "results": results}


def measured(name: str, config: dict[str, Any], repeats: int) -> dict[str, Any]:
    counts: list[tuple[int, int]] = []

    def burst(waits: bool) -> float:
        with tempfile.TemporaryDirectory() as folder, counted(waits) as count:
            seconds = trained(config, Path(folder))
        if waits:
            counts.append((count["syncs"], count["commits"]))
        return seconds

    seconds = take_turns({"with": lambda: burst(True), "without": lambda: burst(False)}, repeats)
    syncs, commits = np.median(counts, axis=0)
    more = np.median(seconds["with"] - seconds["without"])
    return {
        "run": name,
        "seconds": float(np.median(seconds["with"])),
        "commits": int(commits),
        "syncs": int(syncs),
        "milliseconds_a_commit": 1e3 * float(more) / max(1.0, float(commits)),
        "cost": ratio(seconds["with"], seconds["without"]),
    }


def trained(config: dict[str, Any], outputs: Path) -> float:
    from nn_scratch.config.resolve import config_from
    from nn_scratch.experiments.train import train

    declared = config_from({"name": "run", **config})
    started = perf_counter()
    train(declared, outputs)
    return perf_counter() - started


@contextmanager
def counted(waits: bool) -> Iterator[dict[str, int]]:
    """Count the syncs and the commits; waits: whether the disk is waited for."""
    from nn_scratch.runs.recorder import Recorder

    count = {"syncs": 0, "commits": 0}
    really_sync, really_commit = os.fsync, Recorder.commit

    def sync(file: int) -> None:
        count["syncs"] += 1
        if waits:
            really_sync(file)

    def commit(recorder: Recorder, *arguments: Any, **options: Any) -> None:
        count["commits"] += 1
        really_commit(recorder, *arguments, **options)

    with patch.object(os, "fsync", sync), patch.object(Recorder, "commit", commit):
        yield count


def table(result: dict[str, Any]) -> str:
    """As a table for the terminal."""
    lines = [f"{'run':<18} {'seconds':>8} {'commits':>8} {'syncs':>7} {'ms a commit':>12} {'with / without syncs':>24}"]
    for entry in result["results"]:
        cost = entry["cost"]
        lines.append(
            f"{entry['run']:<18} {entry['seconds']:8.2f} {entry['commits']:8} {entry['syncs']:7}"
            f" {entry['milliseconds_a_commit']:12.1f}"
            f" {cost['median']:8.3f} ({cost['low']:.3f} to {cost['high']:.3f})"
        )
    return "\n".join([*lines, f"on the disk of {result['folder']}"])
