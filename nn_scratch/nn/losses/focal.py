"""The focal loss."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge

from nn_scratch.metrics import Array
from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.nn.losses.classification import softmax
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc


@LOSSES.register("focal")
class Focal(Loss):
    """ℓ = -Σ_k Y_k (1 - P_k)^γ log P_k, with P = softmax(Z): cross-entropy, less of it for rows already right.

    Shapes: Z, P, Y (k, n) for k classes, Y one-hot.
    Derivative: with G = Y ∘ (γ (1 - P)^(γ-1) P log P - (1 - P)^γ), dZ = w (G - P Σ_k G).
    Source: Lin et al. 2017, Focal loss for dense object detection; for two classes it is theirs (a sigmoid of the
    difference of the logits), for more it is the same with softmax. Their α is `class_weight`.
    In practice: for classes of very different frequency; γ = 0 is cross_entropy. Its probabilities are underconfident.
    """

    kinds = ("classification",)

    def __init__(
        self, gamma: Annotated[float, Ge(0), Doc("γ, how fast rows that are right lose weight")] = 2.0
    ) -> None:
        self.gamma = gamma

    def bind(self, outputs: int, memory: Memory) -> None:
        self.tiny = float(np.finfo(memory.dtype).tiny)
        self.total = memory.empty(1, memory.rows)
        self.dZ = memory.empty(outputs, memory.rows)
        self.log_P = memory.empty(outputs, memory.rows)
        self.miss = memory.empty(outputs, memory.rows)

    def _log_softmax(self, Z: Array) -> None:
        """log P, and 1 - P to the last digit, also where P is nearly 1; at least `tiny`, as it is raised to γ - 1."""
        np.maximum.reduce(Z, axis=-2, keepdims=True, out=self.total)
        np.subtract(Z, self.total, out=self.log_P)
        np.exp(self.log_P, out=self.miss)
        np.add.reduce(self.miss, axis=-2, keepdims=True, out=self.total)
        np.log(self.total, out=self.total)
        np.subtract(self.log_P, self.total, out=self.log_P)
        np.expm1(self.log_P, out=self.miss)
        np.negative(self.miss, out=self.miss)
        np.maximum(self.miss, self.tiny, out=self.miss)

    def forward(self, Z: Array, Y: Array) -> Array:
        self._log_softmax(Z)
        np.power(self.miss, self.gamma, out=self.dZ)
        np.multiply(self.dZ, self.log_P, out=self.dZ)
        np.multiply(self.dZ, Y, out=self.dZ)
        np.add.reduce(self.dZ, axis=-2, keepdims=True, out=self.total)
        np.negative(self.total, out=self.total)
        losses: Array = self.total[..., 0, :]
        return losses

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        self._log_softmax(Z)
        P, G = self.dZ, self.miss
        np.exp(self.log_P, out=P)
        np.multiply(self.log_P, P, out=self.log_P)
        np.multiply(self.log_P, self.gamma, out=self.log_P)
        np.subtract(self.log_P, self.miss, out=self.log_P)  # γ P log P - (1 - P)
        np.power(self.miss, self.gamma - 1.0, out=G)
        np.multiply(G, self.log_P, out=G)
        np.multiply(G, Y, out=G)
        np.add.reduce(G, axis=-2, keepdims=True, out=self.total)
        np.multiply(P, self.total, out=P)
        np.subtract(G, P, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w (G - P Σ_k G)

    def probabilities(self, Z: Array) -> Array:
        return softmax(Z).T
