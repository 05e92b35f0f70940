"""Bounded units: sigmoid, tanh and their relatives."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.memory import Memory


def sigmoid(Z: Array, out: Array) -> None:
    """1 / (1 + exp(-Z)), computed as (1 + tanh(Z / 2)) / 2, which cannot overflow."""
    np.multiply(Z, 0.5, out=out)
    np.tanh(out, out=out)
    np.multiply(out, 0.5, out=out)
    np.add(out, 0.5, out=out)


@ACTIVATIONS.register("sigmoid")
class Sigmoid(Activation):
    """A = 1 / (1 + exp(-Z)), computed as (1 + tanh(Z / 2)) / 2, which cannot overflow.

    f'(Z) = A (1 - A), at most 1/4.
    Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.
    In practice: gradients shrink at least fourfold a layer, and vanish where |Z| is large.
    """

    initializer = ("glorot_uniform", {})

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        sigmoid(Z, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(A, A, out=self.work)
        np.subtract(A, self.work, out=self.work)  # A - A²
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("tanh")
class Tanh(Activation):
    """A = tanh(Z).

    f'(Z) = 1 - A².
    Source: LeCun et al. 1998, Efficient BackProp.
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


@ACTIVATIONS.register("softsign")
class Softsign(Activation):
    """A = Z / (1 + |Z|).

    f'(Z) = 1 / (1 + |Z|)².
    Source: Turian et al. 2009, Quadratic features and deep architectures for chunking; Glorot and Bengio 2010.
    In practice: like tanh, but its gradient vanishes as 1 / Z² instead of exponentially.
    """

    from_output = False  # 1 - |A| would lose the digits of the far tails

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        np.abs(Z, out=self.work)
        np.add(self.work, 1.0, out=self.work)
        np.divide(Z, self.work, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.abs(Z, out=self.work)
        np.add(self.work, 1.0, out=self.work)
        np.multiply(self.work, self.work, out=self.work)
        np.divide(dA, self.work, out=dZ)  # dA / (1 + |Z|)²


@ACTIVATIONS.register("hard_tanh")
class HardTanh(Activation):
    """A = min(max(Z, -1), 1).

    f'(Z) = 1 where -1 < Z < 1, else 0 (0 is chosen at both corners).
    Source: Collobert 2004, Large scale machine learning (thesis).
    In practice: beyond ±1 there is no gradient at all; a unit in that range on every row no longer learns.
    """

    def bind(self, units: int, memory: Memory) -> None:
        self.size = memory.scratch.empty((units, memory.rows))
        self.inside = memory.scratch.empty((units, memory.rows), bool)

    def forward(self, Z: Array, A: Array) -> None:
        np.clip(Z, -1.0, 1.0, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.abs(A, out=self.size)
        np.less(self.size, 1.0, out=self.inside)
        np.multiply(dA, self.inside, out=dZ)


@ACTIVATIONS.register("hard_sigmoid")
class HardSigmoid(Activation):
    """A = min(max(Z + 3, 0), 6) / 6: a straight line from 0 at -3 to 1 at 3.

    f'(Z) = 1/6 where -3 < Z < 3, else 0 (0 is chosen at both corners).
    Source: Courbariaux et al. 2015, BinaryConnect; with this slope: Howard et al. 2019, Searching for MobileNetV3.
    In practice: beyond ±3 there is no gradient at all: a unit can die on either side.
    """

    rectifier = True
    from_output = False

    def bind(self, units: int, memory: Memory) -> None:
        self.size = memory.scratch.empty((units, memory.rows))
        self.inside = memory.scratch.empty((units, memory.rows), bool)

    def forward(self, Z: Array, A: Array) -> None:
        np.add(Z, 3.0, out=A)
        np.clip(A, 0.0, 6.0, out=A)
        np.multiply(A, 1.0 / 6.0, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.abs(Z, out=self.size)
        np.less(self.size, 3.0, out=self.inside)
        np.multiply(dA, 1.0 / 6.0, out=dZ)
        np.multiply(dZ, self.inside, out=dZ)
