"""The base class of activations: a function of a layer's pre-activations and its derivative, side by side."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Registry


class Activation(ABC):
    """A = f(Z), elementwise unless stated otherwise, on arrays of shape (units, rows).

    `forward(Z, A)` writes f(Z) into A. `backward(Z, A, dA, dZ)` writes ∂L/∂Z into dZ, which may be dA itself.

    from_output: the derivative needs A alone, so that A may overwrite Z (`forward(Z, Z)`): one pass over memory less.
    elementwise: each unit's A depends on its own Z alone (softmax: not).
    rectifier: the function can be zero, with a zero derivative, over a half-line: its units can die.
    initializer: the default initializer of a layer with this function, with its parameters. With he_normal the gain
    keeps the mean square of a signal: E[f(gain · Z)²] = 1 for standard normal Z.
    """

    registered_name: ClassVar[str]
    from_output: ClassVar[bool] = True
    elementwise: ClassVar[bool] = True
    rectifier: ClassVar[bool] = False
    initializer: tuple[str, dict[str, Any]] = ("glorot_uniform", {})

    def blocks(self, units: int) -> dict[str, tuple[int, ...]]:
        """Learned parameters, by name, with their shapes (PReLU: a slope a unit)."""
        return {}

    def initialize(self, parameters: Mapping[str, Array]) -> None:
        """Fill the learned parameters."""

    def bind(self, units: int, memory: Memory) -> None:
        """Take what `forward` and `backward` need besides their arguments, for signals of (units, memory.rows)."""

    @abstractmethod
    def forward(self, Z: Array, A: Array) -> None: ...

    @abstractmethod
    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None: ...


def gain(f: Callable[[Array], Array]) -> float:
    """he_normal's gain before f with which a signal of mean square 1 leaves again with mean square 1.

    The g of E[f(g Z)²] = 1 for standard normal Z. For the ReLU it is √2 (He et al. 2015), from which the idea comes.
    """
    Z = np.linspace(-8.0, 8.0, 801)
    share = np.exp(-0.5 * Z * Z)
    share /= share.sum()
    low, high = 0.0, 10.0
    for _ in range(50):  # bisection, to the last digit
        middle = 0.5 * (low + high)
        if np.dot(share, f(middle * Z) ** 2) < 1.0:
            low = middle
        else:
            high = middle
    return low


ACTIVATIONS: Registry[Activation] = Registry("activation")
