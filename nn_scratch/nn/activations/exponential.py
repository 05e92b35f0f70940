"""Units with an exponential tail: ELU and its relatives."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.base import ACTIVATIONS, Activation, gain
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc

SELU_SCALE = 1.0507009873554805  # λ and α of SELU: the fixed point of mean 0 and variance 1, solved for in the paper
SELU_ALPHA = 1.6732632423543772


class _ExponentialTail(Activation):
    """A = slope · Z where Z > 0, depth (exp(Z / width) - 1) elsewhere.

    f'(Z) = slope where Z > 0, else (A + depth) / width, which needs no exponential of its own.
    """

    slope: float = 1.0
    depth: float = 1.0
    width: float = 1.0

    def bind(self, units: int, memory: Memory) -> None:
        self.zeros = memory.scratch.zeros((units, memory.rows))
        self.positive = memory.scratch.empty((units, memory.rows), bool)
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.minimum(Z, self.zeros, out=self.work)
        np.multiply(self.work, 1.0 / self.width, out=self.work)
        np.expm1(self.work, out=self.work)  # of min(Z, 0), so that it cannot overflow
        np.multiply(self.work, self.depth, out=self.work)
        np.maximum(Z, self.zeros, out=A)
        np.multiply(A, self.slope, out=A)
        np.add(A, self.work, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.add(A, self.depth, out=self.work)
        np.multiply(self.work, 1.0 / self.width, out=self.work)  # (A + depth) / width on the tail ...
        np.greater(A, self.zeros, out=self.positive)
        np.copyto(self.work, self.slope, where=self.positive)  # ... and slope above it
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("elu")
class ELU(_ExponentialTail):
    """A = Z where Z > 0, α (exp(Z) - 1) elsewhere.

    f'(Z) = 1 where Z > 0, else A + α (at the corner both sides agree for α = 1; A + α is chosen).
    Source: Clevert et al. 2016, Fast and accurate deep network learning by exponential linear units.
    In practice: no dead units and a mean near zero, for one exponential a unit.
    """

    def __init__(self, alpha: Annotated[float, Gt(0), Doc("α, the depth of the negative tail")] = 1.0) -> None:
        self.depth = alpha
        self.initializer = ("he_normal", {"gain": gain(lambda Z: np.where(Z > 0, Z, alpha * np.expm1(-np.abs(Z))))})


@ACTIVATIONS.register("celu")
class CELU(_ExponentialTail):
    """A = Z where Z > 0, α (exp(Z / α) - 1) elsewhere: ELU with a derivative without a jump for every α.

    f'(Z) = 1 where Z > 0, else A / α + 1 (both are 1 at the corner).
    Source: Barron 2017, Continuously differentiable exponential linear units.
    In practice: as ELU, which it equals for α = 1.
    """

    def __init__(self, alpha: Annotated[float, Gt(0), Doc("α, depth and width of the negative tail")] = 1.0) -> None:
        self.depth = self.width = alpha
        self.initializer = (
            "he_normal",
            {"gain": gain(lambda Z: np.where(Z > 0, Z, alpha * np.expm1(-np.abs(Z) / alpha)))},
        )


@ACTIVATIONS.register("selu")
class SELU(_ExponentialTail):
    """A = λ Z where Z > 0, λ α (exp(Z) - 1) elsewhere, with λ = 1.0507 and α = 1.6733.

    f'(Z) = λ where Z > 0, else A + λ α (λ α is chosen at the corner).
    Source: Klambauer et al. 2017, Self-normalizing neural networks.
    In practice: keeps mean 0 and variance 1 from layer to layer by itself, with lecun_normal weights and standardized
    inputs only, and without batch normalization; the dropout that goes with it is alpha_dropout.
    """

    initializer = ("lecun_normal", {})
    slope = SELU_SCALE
    depth = SELU_SCALE * SELU_ALPHA
