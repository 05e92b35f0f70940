"""The one-cycle schedule."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.schedules.base import SCHEDULES, By, Schedule, WarmupEpochs, WarmupSteps
from nn_scratch.registry import Doc


@SCHEDULES.register("one_cycle")
class OneCycle(Schedule):
    """factor rises from 1 / div_factor to 1 over the first `pct_start` of training, then falls to almost nothing.

    The last factor is 1 / (div_factor · final_div_factor): `optimizer.lr` is the highest rate, and should be higher
    than one would train with at a constant rate.
    Source: Smith and Topin 2018, Super-convergence; as PyTorch's OneCycleLR, without its cycle of the momentum.
    In practice: short runs at a high peak, found by a learning-rate range test.
    """

    def __init__(
        self,
        pct_start: Annotated[float, Gt(0), Lt(1), Doc("share of the time in which the rate rises")] = 0.3,
        div_factor: Annotated[float, Ge(1), Doc("the peak over the first rate")] = 25.0,
        final_div_factor: Annotated[float, Ge(1), Doc("the first rate over the last")] = 1e4,
        anneal: Annotated[Literal["cos", "linear"], Doc("along half a cosine or a straight line")] = "cos",
        by: By = "step",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.pct_start, self.div_factor, self.final_div_factor = pct_start, div_factor, final_div_factor
        self.anneal = anneal

    def at(self, time: Array) -> Array:
        peak = self.pct_start * self.length - 1.0  # the time of the highest rate
        first = 1.0 / self.div_factor
        last = first / self.final_div_factor
        rising = time <= peak
        risen = time / peak if peak > 0 else np.ones(time.shape)
        fallen = (time - peak) / (self.length - 1.0 - peak)
        share = np.where(rising, risen, fallen)
        if self.anneal == "cos":
            share = 0.5 * (1.0 - np.cos(np.pi * share))
        factor: Array = np.where(rising, first + (1.0 - first) * share, 1.0 + (last - 1.0) * share)
        return factor
