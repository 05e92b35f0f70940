"""Lion: momentum, of which only the sign counts."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Optimizer, Rate
from nn_scratch.registry import Doc


@OPTIMIZERS.register("lion")
class Lion(Optimizer):
    """θ ← θ - lr (sign(β₁ m + (1 - β₁) g) + λ θ); m ← β₂ m + (1 - β₂) g.

    Source: Chen et al. 2023, Symbolic discovery of optimization algorithms.
    In practice: every parameter moves by lr at every step, so lr should be 3 to 10 times smaller than Adam's, and
    fall towards the end.
    """

    slots = ("mean",)

    def __init__(
        self,
        lr: Rate = 0.0001,
        beta1: Annotated[float, Ge(0), Lt(1), Doc("β₁, the share of the mean in the update")] = 0.9,
        beta2: Annotated[float, Ge(0), Lt(1), Doc("β₂, the share of the mean that is kept")] = 0.99,
        weight_decay: Annotated[float, Ge(0), Doc("λ, the share of a parameter that decays, times lr")] = 0.0,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.weight_decay = lr, beta1, beta2, weight_decay

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        rate, kept = self.scalar(lr), self.scalar(1.0 - lr * self.weight_decay)
        for theta, g, m, work in self.blocks:
            if self.weight_decay:
                np.multiply(theta, kept, out=theta)
            np.subtract(g, m, out=work)
            np.multiply(work, 1.0 - self.beta1, out=work)
            np.add(work, m, out=work)  # β₁ m + (1 - β₁) g
            np.sign(work, out=work)
            np.multiply(work, rate, out=work)
            np.subtract(theta, work, out=theta)
            np.subtract(g, m, out=work)
            np.multiply(work, 1.0 - self.beta2, out=work)
            np.add(m, work, out=m)  # m ← m + (1 - β₂) (g - m)
