"""Adam with the largest gradient in place of the mean square."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Beta1, Epsilon, Optimizer, Rate
from nn_scratch.registry import Doc


@OPTIMIZERS.register("adamax")
class Adamax(Optimizer):
    """m ← β₁ m + (1 - β₁) g; u ← max(β₂ u, |g| + ε); θ ← θ - lr / (1 - β₁ᵗ) · m / u.

    Source: Kingma and Ba 2015, section 7.1; ε, which keeps u from 0, as in PyTorch.
    In practice: Adam with a bound on every step: no parameter moves by much more than lr.
    """

    slots = ("mean", "largest")

    def __init__(
        self,
        lr: Rate = 0.002,
        beta1: Beta1 = 0.9,
        beta2: Annotated[float, Ge(0), Lt(1), Doc("β₂, the share of the largest gradient that is kept")] = 0.999,
        eps: Epsilon = 1e-8,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        rate = self.scalar(lr / (1.0 - self.beta1**self.steps))
        for theta, g, m, u, work in self.blocks:
            np.subtract(g, m, out=work)
            np.multiply(work, 1.0 - self.beta1, out=work)
            np.add(m, work, out=m)  # m ← m + (1 - β₁) (g - m)
            np.abs(g, out=work)
            np.add(work, self.eps, out=work)
            np.multiply(u, self.beta2, out=u)
            np.maximum(u, work, out=u)  # u ← max(β₂ u, |g| + ε)
            np.divide(m, u, out=work)
            np.multiply(work, rate, out=work)
            np.subtract(theta, work, out=theta)
