"""The softmax, as an activation."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.memory import Memory


@ACTIVATIONS.register("softmax")
class Softmax(Activation):
    """A_k = exp(Z_k) / Σ_j exp(Z_j), over the units of each row; the maximum is taken off first.

    Not elementwise: dZ_k = A_k (dA_k - Σ_j dA_j A_j).
    Source: Bridle 1990, Probabilistic interpretation of feedforward classification network outputs.
    In practice: leave it out before cross_entropy, which brings its own: of probabilities, that loss cannot fall
    below log(1 + (k - 1) / e) for k classes, and its gradient is small.
    """

    elementwise = False

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))
        self.total = memory.empty(1, memory.rows)

    def forward(self, Z: Array, A: Array) -> None:
        np.maximum.reduce(Z, axis=-2, keepdims=True, out=self.total)
        np.subtract(Z, self.total, out=A)
        np.exp(A, out=A)
        np.add.reduce(A, axis=-2, keepdims=True, out=self.total)
        np.divide(A, self.total, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(dA, A, out=self.work)
        np.add.reduce(self.work, axis=-2, keepdims=True, out=self.total)  # Σ_j dA_j A_j
        np.subtract(dA, self.total, out=dZ)
        np.multiply(dZ, A, out=dZ)  # dZ = A ∘ (dA - Σ_j dA_j A_j)
