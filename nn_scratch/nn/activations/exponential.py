"""Units with an exponential tail: ELU and its relatives."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.memory import Array, Memory
from nn_scratch.registry import Doc


@ACTIVATIONS.register("elu")
class ELU(Activation):
    """A = Z where Z > 0, α (exp(Z) - 1) elsewhere.

    f'(Z) = 1 where Z > 0, else A + α (at the corner both sides agree for α = 1; A + α is chosen).
    Source: Clevert et al. 2016, Fast and accurate deep network learning by exponential linear units.
    In practice: no dead units and a mean near zero, for one exponential a unit.
    """

    initializer = ("he_normal", {})

    def __init__(self, alpha: Annotated[float, Gt(0), Doc("the depth of the negative tail")] = 1.0) -> None:
        self.alpha = alpha

    def bind(self, units: int, memory: Memory) -> None:
        self.zeros = memory.scratch.zeros((units, memory.rows))
        self.positive = memory.scratch.empty((units, memory.rows), bool)
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.minimum(Z, self.zeros, out=self.work)
        np.expm1(self.work, out=self.work)  # of min(Z, 0), so that it cannot overflow
        np.multiply(self.work, self.alpha, out=self.work)
        np.maximum(Z, self.zeros, out=A)
        np.add(A, self.work, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.minimum(A, self.zeros, out=self.work)
        np.add(self.work, self.alpha, out=self.work)  # A + α on the tail ...
        np.greater(A, self.zeros, out=self.positive)
        np.copyto(self.work, 1.0, where=self.positive)  # ... and 1 above it
        np.multiply(dA, self.work, out=dZ)
