"""Reductions of the learning rate when a score stops improving."""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array, lower_is_better
from nn_scratch.nn.schedules.base import SCHEDULES, MinFactor, Schedule, WarmupEpochs, WarmupSteps
from nn_scratch.registry import Doc
from nn_scratch.wording import did_you_mean


@SCHEDULES.register("reduce_on_plateau")
class ReduceOnPlateau(Schedule):
    """factor ← max(factor_now · factor, min_factor) when `monitor` has not improved for more than `patience` epochs.

    An epoch is an improvement when it beats the best so far by more than the share `threshold` of it. After a
    reduction `cooldown` epochs pass in which nothing is counted. A score that is not a number is no improvement.
    Source: as PyTorch's ReduceLROnPlateau (relative threshold); classical.
    In practice: for when the length of training is open; noisy validation scores want more patience.
    """

    def __init__(
        self,
        monitor: Annotated[str, Doc("the column of metrics.csv that is watched")] = "val_loss",
        mode: Annotated[Literal["auto", "min", "max"], Doc("which way is better; auto: by the column's name")] = "auto",
        factor: Annotated[float, Gt(0), Lt(1), Doc("factor of each reduction")] = 0.1,
        patience: Annotated[int, Ge(0), Doc("epochs without improvement that are accepted")] = 10,
        threshold: Annotated[float, Ge(0), Doc("share of the best by which it has to be beaten")] = 1e-4,
        cooldown: Annotated[int, Ge(0), Doc("epochs after a reduction in which nothing is counted")] = 0,
        min_factor: MinFactor = 0.0,
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__("epoch", warmup_epochs, warmup_steps)
        self.monitor, self.mode = monitor, mode
        self.factor, self.patience, self.threshold, self.cooldown = factor, patience, threshold, cooldown
        self.min_factor = min_factor

    def bind(self, steps_per_epoch: int, epochs: int) -> None:
        super().bind(steps_per_epoch, epochs)
        self.current, self.best = 1.0, float("nan")
        self.epochs_seen = self.waited = self.cooling = 0

    def at(self, time: Array) -> Array:
        return np.full(time.shape, self.current)

    def epoch_ended(self, scores: dict[str, float]) -> None:
        if self.monitor not in scores:
            raise UserError(
                f"schedule.monitor: no score is called {self.monitor!r}{did_you_mean(self.monitor, scores)}"
            )
        self.epochs_seen += 1
        if self.epochs_seen * self.steps_per_epoch <= self.warmup:
            return
        score = scores[self.monitor]
        if self._improves(score):
            self.best, self.waited = score, 0
        else:
            self.waited += 1
        if self.cooling:
            self.cooling -= 1
            self.waited = 0
        if self.waited > self.patience:
            self.current = max(self.current * self.factor, self.min_factor)
            self.cooling, self.waited = self.cooldown, 0

    def _improves(self, score: float) -> bool:
        if np.isnan(self.best):
            return not np.isnan(score)
        margin = self.threshold * abs(self.best)
        lower = lower_is_better(self.monitor) if self.mode == "auto" else self.mode == "min"
        return score < self.best - margin if lower else score > self.best + margin

    def state(self) -> dict[str, float]:
        return {
            "current": self.current,
            "best": self.best,
            "heard": self.epochs_seen,
            "waited": self.waited,
            "cooling": self.cooling,
        }

    def restore(self, state: dict[str, float]) -> None:
        self.current, self.best = float(state["current"]), float(state["best"])
        self.epochs_seen, self.waited, self.cooling = (int(state[name]) for name in ("heard", "waited", "cooling"))
