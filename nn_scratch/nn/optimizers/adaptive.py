"""Optimizers that divide each gradient by a running measure of its own size."""

from __future__ import annotations

from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.nn.memory import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Optimizer
from nn_scratch.registry import Doc

Rate = Annotated[float, Gt(0), Doc("learning rate")]
Epsilon = Annotated[float, Gt(0), Doc("added to the denominator")]


@OPTIMIZERS.register("rmsprop")
class RMSprop(Optimizer):
    """s ← ρ s + (1 - ρ) g²; θ ← θ - lr g / (√s + ε).

    Source: Tieleman and Hinton 2012, lecture 6.5 of Neural networks for machine learning; ε outside the root.
    In practice: the first steps are large, as s starts from 0 and is not corrected for it.
    """

    slots = ("mean_square",)

    def __init__(
        self,
        lr: Rate = 0.001,
        rho: Annotated[float, Ge(0), Lt(1), Doc("ρ, the share of the mean square that is kept")] = 0.9,
        eps: Epsilon = 1e-8,
    ) -> None:
        self.lr, self.rho, self.eps = lr, rho, eps

    def step(self, lr: float) -> None:
        self.steps += 1
        for theta, g, s, work in self.blocks:
            np.multiply(g, g, out=work)
            np.multiply(work, 1.0 - self.rho, out=work)
            np.multiply(s, self.rho, out=s)
            np.add(s, work, out=s)  # s ← ρ s + (1 - ρ) g²
            np.sqrt(s, out=work)
            np.add(work, self.eps, out=work)
            np.divide(g, work, out=work)
            np.multiply(work, lr, out=work)
            np.subtract(theta, work, out=theta)  # θ ← θ - lr g / (√s + ε)


@OPTIMIZERS.register("adam")
class Adam(Optimizer):
    """θ ← θ - lr m̂ / (√ŝ + ε), with m̂ = m / (1 - β₁ᵗ) and ŝ = s / (1 - β₂ᵗ).

    m ← β₁ m + (1 - β₁) g and s ← β₂ s + (1 - β₂) g² are running means of the gradient and of its square.

    The corrections are two numbers a step: with c = √(1 - β₂ᵗ), m̂ / (√ŝ + ε) = (c / (1 - β₁ᵗ)) m / (√s + c ε).
    Source: Kingma and Ba 2015, Adam: a method for stochastic optimization.
    In practice: the default of 0.001 is rarely far off; l2 under Adam is not weight decay (see adamw).
    """

    slots = ("mean", "mean_square")

    def __init__(
        self,
        lr: Rate = 0.001,
        beta1: Annotated[float, Ge(0), Lt(1), Doc("β₁, the share of the mean that is kept")] = 0.9,
        beta2: Annotated[float, Ge(0), Lt(1), Doc("β₂, the share of the mean square that is kept")] = 0.999,
        eps: Epsilon = 1e-8,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def step(self, lr: float) -> None:
        self.steps += 1
        c = sqrt(1.0 - self.beta2**self.steps)
        rate = lr * c / (1.0 - self.beta1**self.steps)
        eps = c * self.eps
        for theta, g, m, s, work in self.blocks:
            self.update(theta, g, m, s, work, rate, eps)

    def update(self, theta: Array, g: Array, m: Array, s: Array, work: Array, rate: float, eps: float) -> None:
        np.subtract(g, m, out=work)
        np.multiply(work, 1.0 - self.beta1, out=work)
        np.add(m, work, out=m)  # m ← m + (1 - β₁) (g - m)
        np.multiply(g, g, out=work)
        np.subtract(work, s, out=work)
        np.multiply(work, 1.0 - self.beta2, out=work)
        np.add(s, work, out=s)  # s ← s + (1 - β₂) (g² - s)
        np.sqrt(s, out=work)
        np.add(work, eps, out=work)
        np.divide(m, work, out=work)
        np.multiply(work, rate, out=work)
        np.subtract(theta, work, out=theta)  # θ ← θ - rate m / (√s + c ε)
