"""The base class of schedules: a factor on the optimizer's learning rate, over the course of training."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import ceil
from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Le

from nn_scratch.metrics import Array
from nn_scratch.registry import Doc, Registry

By = Annotated[Literal["epoch", "step"], Doc("the unit of its time: the factor changes with every epoch or every step")]
WarmupEpochs = Annotated[float, Ge(0), Doc("epochs of warm-up before it: the rate rises in a straight line, by steps")]
WarmupSteps = Annotated[int, Ge(0), Doc("steps of warm-up, added to warmup_epochs")]
MinFactor = Annotated[float, Ge(0), Le(1), Doc("the factor that it falls to")]


class Schedule(ABC):
    """factor(t): the learning rate at step t is `optimizer.lr * factor`.

    `bind` gives the schedule the length of training; `factors(steps)` returns the factor of each of the steps, counted
    from 0. A schedule that depends on scores (reduce_on_plateau) gets them in `epoch_ended`.

    Any schedule may be preceded by a warm-up of w steps, in which the factor is (t + 1) / (w + 1) of its first; its
    own time starts when the warm-up is over (Goyal et al. 2017, Accurate, large minibatch SGD). Subclasses write
    `at(time)`, for times in their own unit: `length` of them make up the rest of training.
    """

    registered_name: ClassVar[str]

    def __init__(self, by: By = "epoch", warmup_epochs: WarmupEpochs = 0.0, warmup_steps: WarmupSteps = 0) -> None:
        self.by, self.warmup_epochs, self.warmup_steps = by, warmup_epochs, warmup_steps

    def bind(self, steps_per_epoch: int, epochs: int) -> None:
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs
        self.warmup = round(self.warmup_epochs * steps_per_epoch) + self.warmup_steps
        steps = max(1, steps_per_epoch * epochs - self.warmup)
        self.length = steps if self.by == "step" else ceil(steps / steps_per_epoch)

    def factors(self, steps: Array) -> Array:
        """The factor of each step, float64, of the same shape as `steps` (int64)."""
        time = np.maximum(steps - self.warmup, 0)
        if self.by == "epoch":
            time //= self.steps_per_epoch
        rise: Array = np.minimum(1.0, (steps + 1.0) / (self.warmup + 1.0))
        return rise * self.at(time)

    @abstractmethod
    def at(self, time: Array) -> Array:
        """The factor at each time since the warm-up, float64, of the same shape as `time` (int64)."""

    def epoch_ended(self, scores: dict[str, float]) -> None:
        """Take the scores of the epoch just ended, a row of metrics.csv."""

    def state(self) -> dict[str, float]:
        """The state for resuming."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        """Continue from a `state`; called after `bind`."""


SCHEDULES: Registry[Schedule] = Registry("schedule")
