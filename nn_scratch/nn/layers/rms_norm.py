"""Root-mean-square normalization."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Doc


@LAYERS.register("rms_norm")
class RMSNorm(Layer):
    """X̂ = X / r, Y = γ X̂, with r = √(mean_i X² + ε): each row with mean square 1 over its features, then rescaled.

    Shapes: X, X̂, Y (i, n); r (n,); γ (i,).
    Derivative: dγ = Σ_n dY ∘ X̂; with dX̂ = γ dY, dX = 1/r (dX̂ - X̂ mean_i (dX̂ ∘ X̂)).
    Source: Zhang and Sennrich 2019, Root mean square layer normalization.
    In practice: layer_norm without the mean, at less cost and much the same effect.
    """

    def __init__(
        self,
        eps: Annotated[
            float | None, Gt(0), Doc("ε, added to the mean square; null: the smallest step from 1 that the dtype has")
        ] = None,
        affine: Annotated[bool, Doc("whether there is a learned scale γ (gamma)")] = True,
    ) -> None:
        self.eps, self.affine = eps, affine

    def blocks(self) -> dict[str, Shape]:
        return {"gamma": (self.inputs,)} if self.affine else {}

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        if self.affine:
            parameters["gamma"].fill(1.0)

    def bind(self, memory: Memory) -> None:
        i, n = self.inputs, memory.rows
        self.epsilon = float(np.finfo(memory.dtype).eps) if self.eps is None else self.eps
        self.means = np.full(i, 1.0 / i, memory.dtype)  # the product with it: the mean over the features
        self.product, self.sum_rows = memory.product, memory.sum_rows()
        if self.affine:
            self.gamma, self.dgamma = memory.parameters["gamma"][..., None], memory.gradients["gamma"]
        self.scale, self.spread = memory.empty(n), memory.empty(n)
        self.X_hat = memory.empty(i, n)
        self.Y = memory.signal(i)
        self.out = self.Y[..., :-1, :]
        self.work = memory.scratch.empty((i, n))

    def forward(self, X: Array) -> Array:
        X, X_hat = X[..., :-1, :], self.X_hat
        np.multiply(X, X, out=self.work)
        self.product(self.means, self.work, out=self.scale)
        np.add(self.scale, self.epsilon, out=self.scale)
        np.sqrt(self.scale, out=self.scale)
        np.divide(1.0, self.scale, out=self.scale)  # 1 / r
        np.multiply(X, self.scale[..., None, :], out=X_hat)  # X̂ = X / r
        if self.affine:
            np.multiply(X_hat, self.gamma, out=self.out)  # Y = γ X̂
        else:
            np.copyto(self.out, X_hat)
        return self.Y

    def backward(self, dY: Array) -> Array:
        dX = dY
        np.multiply(dY, self.X_hat, out=self.work)
        if self.affine:
            self.sum_rows(self.work, self.dgamma)  # dγ = Σ_n dY ∘ X̂
            np.multiply(dY, self.gamma, out=dX)  # dX̂ = γ dY
            np.multiply(self.work, self.gamma, out=self.work)
        self.product(self.means, self.work, out=self.spread)  # mean_i (dX̂ ∘ X̂)
        np.multiply(self.X_hat, self.spread[..., None, :], out=self.work)
        np.subtract(dX, self.work, out=dX)
        np.multiply(dX, self.scale[..., None, :], out=dX)  # dX = 1/r (dX̂ - X̂ mean_i (dX̂ ∘ X̂))
        return dX
