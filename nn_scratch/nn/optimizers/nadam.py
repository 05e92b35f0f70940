"""Adam with Nesterov's momentum."""

from __future__ import annotations

from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Beta1, Beta2, Epsilon, Optimizer, Rate
from nn_scratch.nn.optimizers.moments import update_moments
from nn_scratch.registry import Doc


@OPTIMIZERS.register("nadam")
class NAdam(Optimizer):
    """θ ← θ - lr m̂ / (√ŝ + ε), with m̂ = μₜ₊₁ m / (1 - Π μₜ₊₁) + (1 - μₜ) g / (1 - Π): Adam with Nesterov momentum.

    m, s and ŝ as in adam; the momentum grows towards β₁: μₜ = β₁ (1 - 0.96^(ψ t) / 2), and Π = μ₁ μ₂ ... μₜ.
    Source: Dozat 2016, Incorporating Nesterov momentum into Adam; ψ = 0.004 as in the paper and PyTorch.
    In practice: as Adam, at times a little faster.
    """

    slots = ("mean", "mean_square")
    workspaces = 2

    def __init__(
        self,
        lr: Rate = 0.002,
        beta1: Beta1 = 0.9,
        beta2: Beta2 = 0.999,
        eps: Epsilon = 1e-8,
        momentum_decay: Annotated[float, Ge(0), Doc("ψ, how fast the momentum grows to β₁")] = 0.004,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.momentum_decay = lr, beta1, beta2, eps, momentum_decay

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self.product = 1.0

    def momentum(self, step: int) -> float:
        return self.beta1 * (1.0 - 0.5 * float(0.96 ** (self.momentum_decay * step)))

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        mu, mu_next = self.momentum(self.steps), self.momentum(self.steps + 1)
        self.product *= mu
        c = sqrt(1.0 - self.beta2**self.steps)
        eps = c * self.eps
        of_gradient = self.scalar(lr * c * (1.0 - mu) / (1.0 - self.product))
        of_mean = self.scalar(lr * c * mu_next / (1.0 - self.product * mu_next))
        for theta, g, m, s, work, update in self.blocks:
            update_moments(g, m, s, self.beta1, self.beta2, work)
            np.multiply(m, of_mean, out=update)
            np.multiply(g, of_gradient, out=work)
            np.add(update, work, out=update)
            np.sqrt(s, out=work)
            np.add(work, eps, out=work)
            np.divide(update, work, out=update)
            np.subtract(theta, update, out=theta)  # θ ← θ - lr m̂ c / (√s + c ε)

    def state(self) -> dict[str, Array]:
        return {**super().state(), "product": np.array(self.product)}

    def restore(self, state: dict[str, Array]) -> None:
        super().restore(state)
        self.product = float(state["product"])
