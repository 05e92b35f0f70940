"""Adam, with its two running means of the gradient, and AdamW."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Beta1, Beta2, Epsilon, Optimizer, Rate
from nn_scratch.registry import Doc

AMSGrad = Annotated[bool, Doc("divide by the largest mean square so far (Reddi et al. 2018)")]


@OPTIMIZERS.register("adam")
class Adam(Optimizer):
    """θ ← θ - lr m̂ / (√ŝ + ε), with m̂ = m / (1 - β₁ᵗ) and ŝ = s / (1 - β₂ᵗ).

    m ← β₁ m + (1 - β₁) g and s ← β₂ s + (1 - β₂) g² are running means of the gradient and of its square. With
    `amsgrad`, the largest s so far takes the place of s.

    What is kept are the discounted sums M = m / (1 - β₁) and S = s / (1 - β₂), which take two passes less; what tells
    them from m̂ and ŝ are two numbers a step: √ŝ = √S / c with c = √((1 - β₂ᵗ) / (1 - β₂)), and so
    m̂ / (√ŝ + ε) = c (1 - β₁) / (1 - β₁ᵗ) · M / (√S + c ε).
    Source: Kingma and Ba 2015, Adam: a method for stochastic optimization; AMSGrad: Reddi et al. 2018, On the
    convergence of Adam and beyond.
    In practice: the default of 0.001 is rarely far off; l2 under Adam is not weight decay (see adamw).
    """

    slots: ClassVar[tuple[str, ...]] = ("mean", "mean_square")
    weight_decay = 0.0

    def __init__(
        self,
        lr: Rate = 0.001,
        beta1: Beta1 = 0.9,
        beta2: Beta2 = 0.999,
        eps: Epsilon = 1e-8,
        amsgrad: AMSGrad = False,
    ) -> None:
        self.lr, self.beta1, self.beta2, self.eps, self.amsgrad = lr, beta1, beta2, eps, amsgrad
        if amsgrad:
            self.slots = ("mean", "mean_square", "largest_mean_square")  # type: ignore[misc]

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self._beta1, self._beta2 = self.scalar(self.beta1), self.scalar(self.beta2)
        if not self.amsgrad:  # the S that is divided by is S itself
            self.blocks = [(theta, g, M, S, S, work) for theta, g, M, S, work in self.blocks]

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        c = sqrt((1.0 - self.beta2**self.steps) / (1.0 - self.beta2))
        rate = self.scalar(lr * c * (1.0 - self.beta1) / (1.0 - self.beta1**self.steps))
        eps = self.scalar(c * self.eps)
        kept = self.scalar(1.0 - lr * self.weight_decay) if self.weight_decay else None
        for theta, g, M, S, divisor, work in self.blocks:
            if kept is not None:
                np.multiply(theta, kept, out=theta)
            np.multiply(M, self._beta1, out=M)
            np.add(M, g, out=M)  # M ← β₁ M + g
            np.multiply(g, g, out=work)
            np.multiply(S, self._beta2, out=S)
            np.add(S, work, out=S)  # S ← β₂ S + g²
            if self.amsgrad:
                np.maximum(divisor, S, out=divisor)
            np.sqrt(divisor, out=work)
            np.add(work, eps, out=work)
            np.divide(M, work, out=work)
            np.multiply(work, rate, out=work)
            np.subtract(theta, work, out=theta)  # θ ← θ - rate M / (√S + c ε)

    def write_moments(self, out: Array) -> None:
        """m and s, from the sums M and S that are kept."""
        for row, (slot, sums) in zip(out, self.memory.items(), strict=True):
            np.multiply(sums, 1.0 - (self.beta1 if slot == "mean" else self.beta2), out=row)


@OPTIMIZERS.register("adamw")
class AdamW(Adam):
    """θ ← (1 - lr λ) θ - lr m̂ / (√ŝ + ε): Adam with weight decay apart from the gradient.

    m̂ and ŝ as in adam. The decay acts on every parameter, biases included, as in PyTorch.
    Source: Loshchilov and Hutter 2019, Decoupled weight decay regularization.
    In practice: the decay follows the learning rate's schedule; leave `regularize.l2` at 0.
    """

    def __init__(
        self,
        lr: Rate = 0.001,
        beta1: Beta1 = 0.9,
        beta2: Beta2 = 0.999,
        eps: Epsilon = 1e-8,
        weight_decay: Annotated[float, Ge(0), Doc("λ, the share of a parameter that decays, times lr")] = 0.01,
        amsgrad: AMSGrad = False,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps, amsgrad)
        self.weight_decay = weight_decay
