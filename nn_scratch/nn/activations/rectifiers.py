"""Piecewise linear units: identity, ReLU and its relatives."""

from __future__ import annotations

from collections.abc import Mapping
from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc

SMALL = 2048  # entries up to which the sign of floats is faster than a comparison


@ACTIVATIONS.register("identity")
class Identity(Activation):
    """A = Z.

    f'(Z) = 1.
    In practice: for outputs (logits, regression); stacked linear layers are no more than one.
    """

    def forward(self, Z: Array, A: Array) -> None:
        if A is not Z:
            np.copyto(A, Z)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        if dZ is not dA:
            np.copyto(dZ, dA)


@ACTIVATIONS.register("relu")
class ReLU(Activation):
    """A = max(Z, 0).

    f'(Z) = 1 where Z > 0, else 0 (0 is chosen at the corner).
    Source: Nair and Hinton 2010, Rectified linear units improve restricted Boltzmann machines.
    In practice: a unit that is negative on every row has no gradient and stays so (a dead unit).
    """

    rectifier = True
    initializer = ("he_normal", {})

    def bind(self, units: int, memory: Memory) -> None:
        shape = (units, memory.rows)
        self.zeros = memory.scratch.zeros(shape)
        self.step = memory.scratch.empty(shape)
        self.positive = memory.scratch.empty(shape, bool)
        self.small = self.step.size < SMALL

    def forward(self, Z: Array, A: Array) -> None:
        np.maximum(Z, self.zeros, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        if self.small:
            np.sign(A, out=self.step)  # 1 where A > 0, 0 where A = 0: the derivative itself
            np.multiply(dA, self.step, out=dZ)
        else:
            np.greater(A, self.zeros, out=self.positive)
            np.multiply(dA, self.positive, out=dZ)


@ACTIVATIONS.register("relu6")
class ReLU6(Activation):
    """A = min(max(Z, 0), 6).

    f'(Z) = 1 where 0 < Z < 6, else 0 (0 is chosen at both corners).
    Source: Krizhevsky 2010, Convolutional deep belief networks on CIFAR-10.
    In practice: made for arithmetic of few bits; a unit above 6 on every row is as stuck as one below 0.
    """

    rectifier = True
    initializer = ("he_normal", {})

    def bind(self, units: int, memory: Memory) -> None:
        shape = (units, memory.rows)
        self.inside, self.below = memory.scratch.empty(shape, bool, parts=2)

    def forward(self, Z: Array, A: Array) -> None:
        np.clip(Z, 0.0, 6.0, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.greater(A, 0.0, out=self.inside)
        np.less(A, 6.0, out=self.below)
        np.logical_and(self.inside, self.below, out=self.inside)
        np.multiply(dA, self.inside, out=dZ)


@ACTIVATIONS.register("leaky_relu")
class LeakyReLU(Activation):
    """A = Z where Z > 0, slope · Z elsewhere.

    f'(Z) = 1 where Z > 0, else slope (slope is chosen at the corner).
    Source: Maas et al. 2013, Rectifier nonlinearities improve neural network acoustic models.
    In practice: units cannot die; it does not mend a learning rate that is too high.
    """

    def __init__(self, slope: Annotated[float, Ge(0), Lt(1), Doc("slope where Z < 0")] = 0.01) -> None:
        self.slope = slope
        self.rectifier = slope == 0  # type: ignore[misc]
        self.from_output = slope > 0  # type: ignore[misc]
        self.initializer = ("he_normal", {"gain": sqrt(2.0 / (1.0 + slope**2))})

    def bind(self, units: int, memory: Memory) -> None:
        self.zeros = memory.scratch.zeros((units, memory.rows))
        self.positive = memory.scratch.empty((units, memory.rows), bool)
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.multiply(Z, self.slope, out=self.work)
        np.maximum(Z, self.work, out=A)  # the larger of the two, as 0 <= slope < 1

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.greater(A, self.zeros, out=self.positive)
        np.multiply(self.positive, 1.0 - self.slope, out=self.work)
        np.add(self.work, self.slope, out=self.work)  # slope + (1 - slope) [Z > 0]
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("prelu")
class PReLU(Activation):
    """A = Z where Z > 0, s · Z elsewhere, with a learned slope s a unit.

    f'(Z) = 1 where Z > 0, else s (s is chosen at the corner); ∂L/∂s = Σ_rows ∂L/∂A · min(Z, 0).
    Shapes: Z (units, rows), s (units,).
    Source: He et al. 2015, Delving Deep into Rectifiers.
    In practice: give the slope no weight decay, it would drive the unit back to a ReLU.
    """

    from_output = False  # a learned slope may turn negative, and then A does not tell the sign of Z

    def __init__(self, slope: Annotated[float, Doc("initial slope where Z < 0")] = 0.25) -> None:
        self.slope = slope
        self.initializer = ("he_normal", {"gain": sqrt(2.0 / (1.0 + slope**2))})

    def blocks(self, units: int) -> dict[str, tuple[int, ...]]:
        return {"slope": (units,)}

    def initialize(self, parameters: Mapping[str, Array]) -> None:
        parameters["slope"][...] = self.slope

    def bind(self, units: int, memory: Memory) -> None:
        self.s = memory.parameters["slope"]
        self.s_column = self.s[..., None]
        self.ds = memory.gradients["slope"]
        self.zeros = memory.scratch.zeros((units, memory.rows))
        self.positive = memory.scratch.empty((units, memory.rows), bool)
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.minimum(Z, self.zeros, out=self.work)
        np.multiply(self.work, self.s_column, out=self.work)
        np.maximum(Z, self.zeros, out=A)
        np.add(A, self.work, out=A)  # max(Z, 0) + s min(Z, 0)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.minimum(Z, self.zeros, out=self.work)
        np.multiply(self.work, dA, out=self.work)
        np.add.reduce(self.work, axis=-1, out=self.ds)  # ∂L/∂s = Σ_rows ∂L/∂A · min(Z, 0)
        np.greater(Z, self.zeros, out=self.positive)
        np.copyto(self.work, self.s_column)
        np.copyto(self.work, 1.0, where=self.positive)
        np.multiply(dA, self.work, out=dZ)
