"""The schedule that is none."""

from __future__ import annotations

import numpy as np

from nn_scratch.nn.memory import Array
from nn_scratch.nn.schedules.base import SCHEDULES, Schedule


@SCHEDULES.register("constant")
class Constant(Schedule):
    """factor(t) = 1."""

    def factors(self, steps: Array) -> Array:
        return np.ones(steps.shape)
