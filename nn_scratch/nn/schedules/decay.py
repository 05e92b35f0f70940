"""Schedules that only fall: in steps, exponentially, or as a power of the time that is left."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, MinLen

from nn_scratch.metrics import Array
from nn_scratch.nn.schedules.base import SCHEDULES, By, MinFactor, Schedule, WarmupEpochs, WarmupSteps
from nn_scratch.registry import Doc

Drop = Annotated[float, Gt(0), Doc("γ, the factor of each drop")]


@SCHEDULES.register("step")
class Step(Schedule):
    """factor(t) = γ^⌊t / step_size⌋.

    Source: Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks (dropped by hand);
    as PyTorch's StepLR.
    In practice: each drop should come when progress at the rate of the moment has ended.
    """

    def __init__(
        self,
        step_size: Annotated[int, Ge(1), Doc("time between two drops")] = 10,
        gamma: Drop = 0.1,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.step_size, self.gamma = step_size, gamma

    def at(self, time: Array) -> Array:
        factor: Array = self.gamma ** (time // self.step_size).astype(np.float64)
        return factor


@SCHEDULES.register("multi_step")
class MultiStep(Schedule):
    """factor(t) = γ^(number of milestones <= t).

    Source: He et al. 2016, Deep residual learning for image recognition; as PyTorch's MultiStepLR.
    In practice: milestones at about a half and three quarters of training are a common choice.
    """

    def __init__(
        self,
        milestones: Annotated[
            list[Annotated[int, Ge(0)]], MinLen(1), Doc("the times of the drops, counted from 0, after the warm-up")
        ],
        gamma: Drop = 0.1,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.milestones, self.gamma = sorted(milestones), gamma

    def at(self, time: Array) -> Array:
        factor: Array = self.gamma ** np.searchsorted(self.milestones, time, side="right").astype(np.float64)
        return factor


@SCHEDULES.register("exponential")
class Exponential(Schedule):
    """factor(t) = γᵗ.

    Source: as PyTorch's ExponentialLR; classical.
    In practice: γ has to suit the number of epochs: after t of them γᵗ is left (0.95: 5 % after 58).
    """

    def __init__(
        self,
        gamma: Annotated[float, Gt(0), Doc("γ, the factor from one time to the next")] = 0.95,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.gamma = gamma

    def at(self, time: Array) -> Array:
        factor: Array = self.gamma ** time.astype(np.float64)
        return factor


@SCHEDULES.register("polynomial")
class Polynomial(Schedule):
    """factor(t) = m + (1 - m) (1 - t / T)^power until T, m from there on, with m = min_factor.

    Source: Liu et al. 2015, ParseNet (the "poly" policy); as PyTorch's PolynomialLR, which has m = 0.
    In practice: power 1, a straight line to zero, is a strong default when the length of training is fixed.
    """

    def __init__(
        self,
        power: Annotated[float, Gt(0), Doc("1: a straight line; above: fast first, then slow")] = 1.0,
        total: Annotated[int | None, Ge(1), Doc("T, the time it takes; null: the rest of training")] = None,
        min_factor: MinFactor = 0.0,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.power, self.total, self.min_factor = power, total, min_factor

    def at(self, time: Array) -> Array:
        left = 1.0 - np.minimum(1.0, time / (self.total or self.length))
        factor: Array = self.min_factor + (1.0 - self.min_factor) * left**self.power
        return factor


@SCHEDULES.register("inverse_power")
class InversePower(Schedule):
    """factor(t) = (1 + scale · t)^-power.

    Source: Robbins and Monro 1951, A stochastic approximation method, whose conditions on the rates hold for
    1/2 < power <= 1; scikit-learn's `learning_rate="invscaling"` is this with `scale` the training rows an epoch.
    In practice: falls fast at first and then ever more slowly; with a large `scale` the first epoch alone is fast.
    """

    def __init__(
        self,
        power: Annotated[float, Gt(0), Doc("exponent: 0.5 falls as one over the square root of time")] = 0.5,
        scale: Annotated[float, Gt(0), Doc("how fast time passes")] = 1.0,
        by: By = "epoch",
        warmup_epochs: WarmupEpochs = 0.0,
        warmup_steps: WarmupSteps = 0,
    ) -> None:
        super().__init__(by, warmup_epochs, warmup_steps)
        self.power, self.scale = power, scale

    def at(self, time: Array) -> Array:
        factor: Array = (1.0 + self.scale * time) ** -self.power
        return factor
