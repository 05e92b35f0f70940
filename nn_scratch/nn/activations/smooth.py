"""Smooth variants of the ReLU: the input times a function that rises from 0 to 1."""

from __future__ import annotations

from math import pi, sqrt
from typing import Annotated, Literal

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.base import ACTIVATIONS, Activation
from nn_scratch.nn.activations.sigmoids import sigmoid
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc

CUBIC = 0.044715  # the tanh form of GELU: Φ(Z) ≈ (1 + tanh(√(2/π) (Z + 0.044715 Z³))) / 2


def softplus(Z: Array, out: Array, work: Array) -> None:
    """log(1 + exp(Z)), computed as max(Z, 0) + log(1 + exp(-|Z|)), which cannot overflow."""
    np.abs(Z, out=work)
    np.negative(work, out=work)
    np.exp(work, out=work)
    np.log1p(work, out=work)
    np.maximum(Z, 0.0, out=out)
    np.add(out, work, out=out)


@ACTIVATIONS.register("gelu")
class GELU(Activation):
    """A = Z Φ(Z), with Φ the distribution function of the standard normal: (1 + erf(Z / √2)) / 2.

    With `approximate: tanh`, Φ(Z) is replaced by (1 + tanh(√(2/π) (Z + 0.044715 Z³))) / 2.
    f'(Z) = Φ(Z) + Z φ(Z), with φ = Φ' of the form that is used.
    Source: Hendrycks and Gimpel 2016, Gaussian error linear units.
    In practice: what transformers use; slower than ReLU here, as NumPy has no erf of its own (SciPy's is used).
    """

    from_output = False
    initializer = ("he_normal", {"gain": 1.4680})

    def __init__(
        self,
        approximate: Annotated[Literal["none", "tanh"], Doc("tanh: the cheaper form of Φ")] = "none",
    ) -> None:
        self.approximate = approximate

    def bind(self, units: int, memory: Memory) -> None:
        self.Phi = memory.empty(units, memory.rows)
        self.work, self.u = memory.scratch.empty((units, memory.rows), parts=2)
        if self.approximate == "none":
            from scipy.special import ndtr

            self.ndtr = ndtr

    def forward(self, Z: Array, A: Array) -> None:
        if self.approximate == "none":
            self.ndtr(Z, out=self.Phi)
        else:
            np.multiply(Z, Z, out=self.work)
            np.multiply(self.work, CUBIC, out=self.work)
            np.add(self.work, 1.0, out=self.work)
            np.multiply(self.work, Z, out=self.work)
            np.multiply(self.work, sqrt(2.0 / pi), out=self.work)
            np.tanh(self.work, out=self.work)
            np.multiply(self.work, 0.5, out=self.work)
            np.add(self.work, 0.5, out=self.Phi)  # Φ = (1 + tanh(√(2/π) (Z + 0.044715 Z³))) / 2
        np.multiply(Z, self.Phi, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        if self.approximate == "none":
            np.multiply(Z, Z, out=self.work)
            np.multiply(self.work, -0.5, out=self.work)
            np.exp(self.work, out=self.work)
            np.multiply(self.work, 1.0 / sqrt(2.0 * pi), out=self.work)  # φ = exp(-Z² / 2) / √(2π)
        else:
            np.multiply(Z, Z, out=self.u)
            np.multiply(self.u, 3.0 * CUBIC, out=self.u)
            np.add(self.u, 1.0, out=self.u)
            np.multiply(self.u, 2.0 * sqrt(2.0 / pi), out=self.u)
            np.multiply(self.Phi, self.Phi, out=self.work)
            np.subtract(self.Phi, self.work, out=self.work)
            np.multiply(self.work, self.u, out=self.work)  # φ = 2 Φ (1 - Φ) √(2/π) (1 + 3 · 0.044715 Z²)
        np.multiply(self.work, Z, out=self.work)
        np.add(self.work, self.Phi, out=self.work)  # Φ + Z φ
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("silu")
class SiLU(Activation):
    """A = Z σ(Z), with σ(Z) = 1 / (1 + exp(-Z)). Also known as swish.

    f'(Z) = σ + A (1 - σ).
    Source: Elfwing et al. 2018, Sigmoid-weighted linear units; Ramachandran et al. 2017, Searching for activation
    functions (swish).
    In practice: close to GELU and cheaper; like it, not monotone: it dips to -0.28 at Z = -1.28.
    """

    from_output = False
    initializer = ("he_normal", {"gain": 1.5588})

    def bind(self, units: int, memory: Memory) -> None:
        self.sigma = memory.empty(units, memory.rows)
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        sigmoid(Z, out=self.sigma)
        np.multiply(Z, self.sigma, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.subtract(1.0, self.sigma, out=self.work)
        np.multiply(self.work, A, out=self.work)
        np.add(self.work, self.sigma, out=self.work)  # σ + A (1 - σ)
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("mish")
class Mish(Activation):
    """A = Z T, with T = tanh(softplus(Z)) = tanh(log(1 + exp(Z))).

    f'(Z) = T + Z σ(Z) (1 - T²).
    Source: Misra 2019, Mish: a self regularized non-monotonic activation function.
    In practice: close to SiLU at about twice its cost.
    """

    from_output = False
    initializer = ("he_normal", {"gain": 1.4515})

    def bind(self, units: int, memory: Memory) -> None:
        self.T = memory.empty(units, memory.rows)
        self.work, self.sigma = memory.scratch.empty((units, memory.rows), parts=2)

    def forward(self, Z: Array, A: Array) -> None:
        softplus(Z, out=self.T, work=self.work)
        np.tanh(self.T, out=self.T)
        np.multiply(Z, self.T, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        sigmoid(Z, out=self.sigma)
        np.multiply(self.sigma, Z, out=self.sigma)
        np.multiply(self.T, self.T, out=self.work)
        np.subtract(1.0, self.work, out=self.work)
        np.multiply(self.work, self.sigma, out=self.work)
        np.add(self.work, self.T, out=self.work)  # T + Z σ (1 - T²)
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("softplus")
class Softplus(Activation):
    """A = log(1 + exp(Z)), computed as max(Z, 0) + log(1 + exp(-|Z|)), which cannot overflow.

    f'(Z) = σ(Z) = 1 / (1 + exp(-Z)).
    Source: Dugas et al. 2001, Incorporating second-order functional knowledge for better option pricing.
    In practice: always positive, log 2 at zero, so that the mean drifts upwards with depth; ReLU usually does better.
    """

    from_output = False
    initializer = ("he_normal", {"gain": 1.0831})

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))

    def forward(self, Z: Array, A: Array) -> None:
        softplus(Z, out=A, work=self.work)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        sigmoid(Z, out=self.work)
        np.multiply(dA, self.work, out=dZ)


@ACTIVATIONS.register("hard_swish")
class HardSwish(Activation):
    """A = Z min(max(Z + 3, 0), 6) / 6: zero up to -3, Z from 3 on, a parabola between.

    f'(Z) = 0 where Z <= -3, 1 where Z >= 3, (2 Z + 3) / 6 between (at -3 and 3 the outer values are chosen).
    Source: Howard et al. 2019, Searching for MobileNetV3.
    In practice: SiLU without exponentials; a unit that stays below -3 is dead.
    """

    from_output = False
    rectifier = True
    initializer = ("he_normal", {"gain": 1.5672})

    def bind(self, units: int, memory: Memory) -> None:
        self.work = memory.scratch.empty((units, memory.rows))
        self.outside = memory.scratch.empty((units, memory.rows), bool)

    def forward(self, Z: Array, A: Array) -> None:
        np.add(Z, 3.0, out=self.work)
        np.clip(self.work, 0.0, 6.0, out=self.work)
        np.multiply(self.work, 1.0 / 6.0, out=self.work)
        np.multiply(Z, self.work, out=A)

    def backward(self, Z: Array, A: Array, dA: Array, dZ: Array) -> None:
        np.multiply(Z, 1.0 / 3.0, out=self.work)
        np.add(self.work, 0.5, out=self.work)  # (2 Z + 3) / 6
        np.less_equal(Z, -3.0, out=self.outside)
        np.copyto(self.work, 0.0, where=self.outside)
        np.greater_equal(Z, 3.0, out=self.outside)
        np.copyto(self.work, 1.0, where=self.outside)
        np.multiply(dA, self.work, out=dZ)
