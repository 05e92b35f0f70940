"""Adam without its shaky start."""

from __future__ import annotations

from math import sqrt

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Beta1, Beta2, Epsilon, Optimizer, Rate
from nn_scratch.nn.optimizers.moments import update_moments


@OPTIMIZERS.register("radam")
class RAdam(Optimizer):
    """θ ← θ - lr r m̂ √(1 - β₂ᵗ) / (√s + ε) once s is trustworthy (ρₜ > 5), θ ← θ - lr m̂ before.

    m, s and m̂ as in adam; ρ∞ = 2 / (1 - β₂) - 1, ρₜ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ), and
    r = √((ρₜ - 4) (ρₜ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρₜ)), which grows from near 0 to 1.
    Source: Liu et al. 2020, On the variance of the adaptive learning rate and beyond; ε where PyTorch has it.
    In practice: Adam with a warm-up of its own. With β₂ = 0.999 the first five steps are plain momentum.
    """

    slots = ("mean", "mean_square")

    def __init__(self, lr: Rate = 0.001, beta1: Beta1 = 0.9, beta2: Beta2 = 0.999, eps: Epsilon = 1e-8) -> None:
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        kept = self.beta2**self.steps
        rho_limit = 2.0 / (1.0 - self.beta2) - 1.0
        rho = rho_limit - 2.0 * self.steps * kept / (1.0 - kept)
        rate = lr / (1.0 - self.beta1**self.steps)  # m̂ = m / (1 - β₁ᵗ)
        trusted = rho > 5.0
        if trusted:
            r = sqrt((rho - 4.0) * (rho - 2.0) * rho_limit / ((rho_limit - 4.0) * (rho_limit - 2.0) * rho))
            rate = rate * r * sqrt(1.0 - kept)
        rate = self.scalar(rate)
        for theta, g, m, s, work in self.blocks:
            update_moments(g, m, s, self.beta1, self.beta2, work)
            if trusted:
                np.sqrt(s, out=work)
                np.add(work, self.eps, out=work)
                np.divide(m, work, out=work)
                np.multiply(work, rate, out=work)
            else:
                np.multiply(m, rate, out=work)
            np.subtract(theta, work, out=theta)
