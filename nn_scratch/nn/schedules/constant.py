"""The constant schedule."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.schedules.base import SCHEDULES, Schedule, WarmupEpochs, WarmupSteps


@SCHEDULES.register("constant")
class Constant(Schedule):
    """factor(t) = 1.

    In practice: what to start with; a rate that falls towards the end usually ends a little better.
    """

    def __init__(self, warmup_epochs: WarmupEpochs = 0.0, warmup_steps: WarmupSteps = 0) -> None:
        super().__init__("step", warmup_epochs, warmup_steps)

    def at(self, time: Array) -> Array:
        return np.ones(time.shape)
