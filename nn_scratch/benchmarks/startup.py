"""How long it takes until something happens: help, an error of the config, the first training step."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import seconds
from nn_scratch.benchmarks.timing import Burst, take_turns

# the default config, from `python` to the end of the first step
FIRST_STEP = """
from nn_scratch.experiments.build import build
from nn_scratch.config.resolve import load_config
next(build(load_config()).trainer.steps_at([0.001]))
"""
PEERS = ("torch", "sklearn.neural_network")
TRAIN = ("-m", "nn_scratch", "train")


def measure(*, repeats: int = 5) -> dict[str, Any]:
    """Median seconds of fresh processes, taking turns; peers that are not installed are left out."""
    bursts: dict[str, Burst] = {
        "python -c pass": partial(seconds, "-c", "pass"),
        "train --help": partial(seconds, *TRAIN, "--help"),
        "train with an error in the config": partial(seconds, *TRAIN, "layers.0.untis=3", code=2),
        "first training step of the default config": partial(seconds, "-c", FIRST_STEP),
    }
    for peer in PEERS:
        if find_spec(peer.split(".")[0]) is not None:
            bursts[f"import {peer}"] = partial(seconds, "-c", f"import {peer}")
    return {name: float(np.median(values)) for name, values in take_turns(bursts, repeats).items()}


def table(result: dict[str, Any]) -> str:
    lines = ["Seconds from the start of a fresh process to its end, medians", "", "| what | seconds |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value:.2f} |" for name, value in result.items()])
