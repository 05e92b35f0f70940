"""How long it takes until something happens: help, an error of the config, the first training step."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import seconds
from nn_scratch.benchmarks.timing import Burst, take_turns

# the default config, from `python` to the end of the first step
FIRST_STEP = """
from nn_scratch.experiments.build import build
from nn_scratch.config.resolve import load_config
trainer = build(load_config()).trainer
(batch,) = trainer._batches.chunk(trainer._order.permutation(len(trainer.train_examples))[: trainer.batch_size])
trainer._step.gradient(batch)
trainer._update(trainer._step, 0.001)
"""


def measure(*, repeats: int = 5) -> dict[str, Any]:
    """Median seconds of fresh processes, taking turns."""
    bursts: dict[str, Burst] = {
        "python -c pass": partial(seconds, "-c", "pass"),
        "train.py --help": partial(seconds, "script/train.py", "--help"),
        "train.py with an error in the config": partial(seconds, "script/train.py", "layers.0.untis=3"),
        "first training step of the default config": partial(seconds, "-c", FIRST_STEP),
        "import torch": partial(seconds, "-c", "import torch"),
        "import sklearn.neural_network": partial(seconds, "-c", "import sklearn.neural_network"),
    }
    return {name: float(np.median(values)) for name, values in take_turns(bursts, repeats).items()}


def table(result: dict[str, Any]) -> str:
    lines = ["From the start of a fresh process to its end, medians", "", "| what | seconds |", "|---|---|"]
    return "\n".join(lines + [f"| {name} | {value:.2f} |" for name, value in result.items()])
