"""Bounded units: sigmoid, tanh and their relatives."""

from __future__ import annotations

import numpy as np

from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.memory import Array, Memory


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """A = 1 / (1 + exp(-Z)), computed as (1 + tanh(Z / 2)) / 2, which cannot overflow.

    f'(Z) = A (1 - A), at most 1/4.
    In practice: gradients shrink at least fourfold a layer, and vanish where |Z| is large.
    """

    initializer = ("glorot_uniform", {})

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.multiply(Z, 0.5, out=A)
        np.tanh(A, out=A)
        np.multiply(A, 0.5, out=A)
        np.add(A, 0.5, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(A, A, out=self.work)
        np.subtract(A, self.work, out=self.work)  # A - A²
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """A = tanh(Z).

    f'(Z) = 1 - A².
    In practice: zero-centred, unlike the sigmoid; its gradient too vanishes where |Z| is large.
    """

    initializer = ("glorot_uniform", {})

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.tanh(Z, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(A, A, out=self.work)
        np.subtract(1.0, self.work, out=self.work)  # 1 - A²
        np.multiply(dA, self.work, out=dZ)
