"""Batch normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Gt, Le

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Doc


@LAYERS.register("batch_norm")
class BatchNorm(Layer):
    """X̂ = (X - μ) / σ, Y = γ X̂ + β: each feature with mean 0 and variance 1 over the batch, then rescaled.

    Shapes: X, X̂, Y (i, n); μ, σ, γ, β (i,). σ² = mean_n (X - μ)² + ε.
    While training μ and σ are the batch's, and running averages of them are kept (the variance with n - 1, as PyTorch
    has it): running ← (1 - momentum) running + momentum · batch. In evaluation μ and σ are the running ones. A batch
    of one row has no variance: it is normalized as in evaluation, and the averages stay.
    Derivative: dγ = Σ_n dY ∘ X̂; dβ = Σ_n dY; while training dX = γ/σ (dY - dβ / n - X̂ dγ / n), in evaluation
    dX = γ/σ dY.
    Source: Ioffe and Szegedy 2015, Batch normalization: accelerating deep network training.
    In practice: needs batches of 16 rows or more; the scale and the bias of the layer before it have no effect.
    """

    def __init__(
        self,
        momentum: Annotated[float, Gt(0), Le(1), Doc("share of the newest batch in the running averages")] = 0.1,
        eps: Annotated[float, Gt(0), Doc("ε, added to the variance")] = 1e-5,
        affine: Annotated[bool, Doc("whether there are a learned scale γ (gamma) and shift β (beta)")] = True,
    ) -> None:
        self.momentum, self.eps, self.affine = momentum, eps, affine

    def blocks(self) -> dict[str, Shape]:
        return {"gamma": (self.inputs,), "beta": (self.inputs,)} if self.affine else {}

    def state_blocks(self) -> dict[str, Shape]:
        return {"running_mean": (self.inputs,), "running_var": (self.inputs,)}

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        if self.affine:
            parameters["gamma"].fill(1.0)

    def initialize_state(self, state: Mapping[str, Array]) -> None:
        state["running_var"].fill(1.0)

    def bind(self, memory: Memory) -> None:
        i, n = self.inputs, memory.rows
        self.measures_batch = memory.training and n > 1
        self.share = 1.0 / n
        self.bessel = n / (n - 1.0) if n > 1 else 1.0
        self.sum_rows = memory.sum_rows()
        self.running_mean, self.running_var = memory.state["running_mean"], memory.state["running_var"]
        if self.affine:
            self.gamma, self.beta = memory.parameters["gamma"][..., None], memory.parameters["beta"][..., None]
        # the sums that are the gradients of γ and β are needed without γ and β, too
        self.dgamma = memory.gradients.get("gamma", memory.empty(i))
        self.dbeta = memory.gradients.get("beta", memory.empty(i))
        self.mean, self.variance, self.scale = memory.empty(i), memory.empty(i), memory.empty(i)
        self.mean_share, self.spread_share = memory.empty(i), memory.empty(i)
        self.X_hat = memory.empty(i, n)
        self.Y = memory.signal(i)
        self.out = self.Y[..., :-1, :]
        self.work = memory.scratch.empty((i, n))
        self.needs_dX = memory.needs_dX

    def forward(self, X: Array) -> Array:
        X, X_hat = X[..., :-1, :], self.X_hat
        if self.measures_batch:
            self.sum_rows(X, self.mean)
            np.multiply(self.mean, self.share, out=self.mean)  # μ = mean_n X
            np.subtract(X, self.mean[..., None], out=X_hat)
            np.multiply(X_hat, X_hat, out=self.work)
            self.sum_rows(self.work, self.variance)
            np.multiply(self.variance, self.share, out=self.variance)
            self.update(self.running_mean, self.mean)
            self.update(self.running_var, self.variance * self.bessel)
            np.add(self.variance, self.eps, out=self.scale)
        else:
            np.subtract(X, self.running_mean[..., None], out=X_hat)
            np.add(self.running_var, self.eps, out=self.scale)
        np.sqrt(self.scale, out=self.scale)
        np.divide(1.0, self.scale, out=self.scale)  # 1 / σ
        np.multiply(X_hat, self.scale[..., None], out=X_hat)  # X̂ = (X - μ) / σ
        if self.affine:
            np.multiply(X_hat, self.gamma, out=self.out)
            np.add(self.out, self.beta, out=self.out)  # Y = γ X̂ + β
        else:
            np.copyto(self.out, X_hat)
        return self.Y

    def update(self, running: Array, batch: Array) -> None:
        running *= 1.0 - self.momentum
        running += self.momentum * batch

    def backward(self, dY: Array) -> Array:
        np.multiply(dY, self.X_hat, out=self.work)
        self.sum_rows(self.work, self.dgamma)  # dγ = Σ_n dY ∘ X̂
        self.sum_rows(dY, self.dbeta)  # dβ = Σ_n dY
        if not self.needs_dX:
            return dY
        dX = dY
        if self.measures_batch:
            np.multiply(self.dbeta, self.share, out=self.mean_share)
            np.multiply(self.dgamma, self.share, out=self.spread_share)
            np.multiply(self.X_hat, self.spread_share[..., None], out=self.work)
            np.subtract(dY, self.work, out=dX)
            np.subtract(dX, self.mean_share[..., None], out=dX)  # dY - dβ / n - X̂ dγ / n
        np.multiply(dX, self.scale[..., None], out=dX)
        if self.affine:
            np.multiply(dX, self.gamma, out=dX)  # dX = γ/σ (...)
        return dX
