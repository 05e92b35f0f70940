"""The cosine schedule, with restarts if wanted."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge

from nn_scratch.metrics import Array
from nn_scratch.nn.schedules.base import SCHEDULES, By, MinFactor, Schedule, WarmupEpochs, WarmupSteps
from nn_scratch.registry import Doc


@SCHEDULES.register("cosine")
class Cosine(Schedule):
    """factor(t) = m + (1 - m) (1 + cos(π τ / T)) / 2, with τ the time since the latest restart and m = min_factor.

    Without `period`, T is the rest of training and there is no restart. With it, T is at first `period`, and after
    each restart `period_growth` times what it was.
    Source: Loshchilov and Hutter 2017, SGDR: stochastic gradient descent with warm restarts; as PyTorch's
    CosineAnnealingLR and CosineAnnealingWarmRestarts.
    In practice: without restarts, the most used schedule there is; at a restart the loss jumps, and comes back.
    """

    def __init__(
        self,
        min_factor: MinFactor = 0.0,
        period: Annotated[int | None, Ge(1), Doc("time until the first restart; null: no restart")] = None,
        period_growth: Annotated[int, Ge(1), Doc("factor on the period at each restart")] = 1,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.min_factor, self.period, self.period_growth = min_factor, period, period_growth

    def at(self, time: Array) -> Array:
        since, period = time, np.array(self.length)
        if self.period is not None:
            starts = self._starts(int(np.max(time, initial=0)))
            cycle = np.searchsorted(starts, time, side="right") - 1
            since, period = time - starts[cycle], self.period * self.period_growth**cycle
        factor: Array = self.min_factor + (1.0 - self.min_factor) * 0.5 * (1.0 + np.cos(np.pi * since / period))
        return factor

    def _starts(self, last: int) -> Array:
        """When each period starts, up to the time `last`."""
        starts, period = [0], self.period or self.length
        while starts[-1] + period <= last:
            starts.append(starts[-1] + period)
            period *= self.period_growth
        return np.array(starts)
