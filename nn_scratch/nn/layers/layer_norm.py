"""Layer normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Doc


@LAYERS.register("layer_norm")
class LayerNorm(Layer):
    """X̂ = (X - μ) / σ, Y = γ X̂ + β: each row with mean 0 and variance 1 over its features, then rescaled.

    Shapes: X, X̂, Y (i, n); μ, σ (n,); γ, β (i,). σ² = mean_i (X - μ)² + ε.
    Derivative: dγ = Σ_n dY ∘ X̂; dβ = Σ_n dY; with dX̂ = γ dY, dX = 1/σ (dX̂ - mean_i dX̂ - X̂ mean_i (dX̂ ∘ X̂)).
    Source: Ba, Kiros and Hinton 2016, Layer normalization.
    In practice: the same in training and evaluation and for any batch size; on raw inputs it mixes columns of
    different units, so scale the data first.
    """

    def __init__(
        self,
        eps: Annotated[float, Gt(0), Doc("ε, added to the variance")] = 1e-5,
        affine: Annotated[bool, Doc("whether there are a learned scale γ (gamma) and shift β (beta)")] = True,
    ) -> None:
        self.eps, self.affine = eps, affine

    def blocks(self) -> dict[str, Shape]:
        return {"gamma": (self.inputs,), "beta": (self.inputs,)} if self.affine else {}

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        if self.affine:
            parameters["gamma"].fill(1.0)

    def bind(self, memory: Memory) -> None:
        i, n = self.inputs, memory.rows
        self.means = np.full(i, 1.0 / i, memory.dtype)  # the product with it: the mean over the features
        self.product, self.sum_rows = memory.product, memory.sum_rows()
        if self.affine:
            self.gamma, self.beta = memory.parameters["gamma"][..., None], memory.parameters["beta"][..., None]
            self.dgamma, self.dbeta = memory.gradients["gamma"], memory.gradients["beta"]
        self.mean, self.scale, self.spread = memory.empty(n), memory.empty(n), memory.empty(n)
        self.X_hat = memory.empty(i, n)
        self.Y = memory.signal(i)
        self.out = self.Y[..., :-1, :]
        self.work = memory.scratch.empty((i, n))

    def forward(self, X: Array) -> Array:
        X, X_hat = X[..., :-1, :], self.X_hat
        self.product(self.means, X, out=self.mean)
        np.subtract(X, self.mean[..., None, :], out=X_hat)
        np.multiply(X_hat, X_hat, out=self.work)
        self.product(self.means, self.work, out=self.scale)
        np.add(self.scale, self.eps, out=self.scale)
        np.sqrt(self.scale, out=self.scale)
        np.divide(1.0, self.scale, out=self.scale)  # 1 / σ
        np.multiply(X_hat, self.scale[..., None, :], out=X_hat)  # X̂ = (X - μ) / σ
        if self.affine:
            np.multiply(X_hat, self.gamma, out=self.out)
            np.add(self.out, self.beta, out=self.out)  # Y = γ X̂ + β
        else:
            np.copyto(self.out, X_hat)
        return self.Y

    def backward(self, dY: Array) -> Array:
        dX = dY
        if self.affine:
            np.multiply(dY, self.X_hat, out=self.work)
            self.sum_rows(self.work, self.dgamma)  # dγ = Σ_n dY ∘ X̂
            self.sum_rows(dY, self.dbeta)  # dβ = Σ_n dY
            np.multiply(dY, self.gamma, out=dX)  # dX̂ = γ dY
        self.product(self.means, dX, out=self.mean)  # mean_i dX̂
        np.multiply(dX, self.X_hat, out=self.work)
        self.product(self.means, self.work, out=self.spread)  # mean_i (dX̂ ∘ X̂)
        np.multiply(self.X_hat, self.spread[..., None, :], out=self.work)
        np.subtract(dX, self.mean[..., None, :], out=dX)
        np.subtract(dX, self.work, out=dX)
        np.multiply(dX, self.scale[..., None, :], out=dX)  # dX = 1/σ (dX̂ - mean_i dX̂ - X̂ mean_i (dX̂ ∘ X̂))
        return dX
