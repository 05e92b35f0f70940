"""Optimizers that divide each gradient by a measure of its own past size."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Epsilon, Optimizer, Rate
from nn_scratch.registry import Doc


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

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        rate = self.scalar(lr)
        for theta, g, s, work in self.blocks:
            np.multiply(g, g, out=work)
            np.multiply(work, 1.0 - self.rho, out=work)
            np.multiply(s, self.rho, out=s)
            np.add(s, work, out=s)  # s ← ρ s + (1 - ρ) g²
            np.sqrt(s, out=work)
            np.add(work, self.eps, out=work)
            np.divide(g, work, out=work)
            np.multiply(work, rate, out=work)
            np.subtract(theta, work, out=theta)  # θ ← θ - lr g / (√s + ε)


@OPTIMIZERS.register("adagrad")
class Adagrad(Optimizer):
    """s ← s + g²; θ ← θ - lr g / (√s + ε).

    Source: Duchi, Hazan and Singer 2011, Adaptive subgradient methods for online learning and stochastic optimization.
    In practice: the sum only grows, so the steps only shrink; for sparse inputs and convex losses more than for
    networks.
    """

    slots = ("sum_of_squares",)

    def __init__(self, lr: Rate = 0.01, eps: Epsilon = 1e-10) -> None:
        self.lr, self.eps = lr, eps

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        rate = self.scalar(lr)
        for theta, g, s, work in self.blocks:
            np.multiply(g, g, out=work)
            np.add(s, work, out=s)  # s ← s + g²
            np.sqrt(s, out=work)
            np.add(work, self.eps, out=work)
            np.divide(g, work, out=work)
            np.multiply(work, rate, out=work)
            np.subtract(theta, work, out=theta)  # θ ← θ - lr g / (√s + ε)


@OPTIMIZERS.register("adadelta")
class Adadelta(Optimizer):
    """s ← ρ s + (1 - ρ) g²; Δ = g √(u + ε) / √(s + ε); u ← ρ u + (1 - ρ) Δ²; θ ← θ - lr Δ.

    u, the running mean square of the updates, gives them the units of θ; lr is 1 in the paper.
    Source: Zeiler 2012, ADADELTA: an adaptive learning rate method.
    In practice: starts slowly, as u starts from 0 and ε alone sets the first steps.
    """

    slots = ("mean_square", "mean_square_update")
    workspaces = 2

    def __init__(
        self,
        lr: Rate = 1.0,
        rho: Annotated[float, Ge(0), Lt(1), Doc("ρ, the share of both mean squares that is kept")] = 0.9,
        eps: Annotated[float, Gt(0), Doc("added to both mean squares")] = 1e-6,
    ) -> None:
        self.lr, self.rho, self.eps = lr, rho, eps

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        rate = self.scalar(lr)
        for theta, g, s, u, work, delta in self.blocks:
            np.multiply(g, g, out=work)
            np.multiply(work, 1.0 - self.rho, out=work)
            np.multiply(s, self.rho, out=s)
            np.add(s, work, out=s)  # s ← ρ s + (1 - ρ) g²
            np.add(s, self.eps, out=work)
            np.add(u, self.eps, out=delta)
            np.divide(delta, work, out=delta)
            np.sqrt(delta, out=delta)
            np.multiply(delta, g, out=delta)  # Δ = g √(u + ε) / √(s + ε)
            np.multiply(delta, delta, out=work)
            np.multiply(work, 1.0 - self.rho, out=work)
            np.multiply(u, self.rho, out=u)
            np.add(u, work, out=u)  # u ← ρ u + (1 - ρ) Δ²
            np.multiply(delta, rate, out=delta)
            np.subtract(theta, delta, out=theta)  # θ ← θ - lr Δ
