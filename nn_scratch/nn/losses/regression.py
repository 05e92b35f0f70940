"""Losses for numbers: each a function of the error Z - Y, averaged over the outputs of a row."""

from __future__ import annotations

from math import log
from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc


class _OfError(Loss):
    """The base class of losses of the error: their buffers, and that they can be trained on one-hot classes too."""

    kinds = ("regression", "classification")

    def bind(self, outputs: int, memory: Memory) -> None:
        self.outputs_share = 1.0 / outputs
        self.dZ = memory.empty(outputs, memory.rows)
        self.work = memory.scratch.empty((outputs, memory.rows))
        self.losses = memory.empty(memory.rows)

    def mean_over_outputs(self, E: Array) -> Array:
        np.add.reduce(E, axis=-2, out=self.losses)
        return np.multiply(self.losses, self.outputs_share, out=self.losses)

    def probabilities(self, Z: Array) -> Array:
        """Outputs trained towards one-hot targets: their projection on the probability simplex, not calibrated."""
        return nearest_probabilities(Z).T


def nearest_probabilities(Z: Array) -> Array:
    """The points P >= 0 with Σ_k P = 1 nearest to the columns of Z (k, n): max(Z - τ, 0); a fresh array.

    The largest output stays the largest. Source: Martins and Astudillo 2016, From softmax to sparsemax, algorithm 1.
    """
    Z = Z - Z.max(axis=0)
    descending = -np.sort(-Z, axis=0)
    sums = np.cumsum(descending, axis=0)
    count = np.arange(1, len(Z) + 1)[:, None]
    support = (1.0 + count * descending > sums).sum(axis=0)  # how many stay above zero
    tau = (np.take_along_axis(sums, support[None] - 1, axis=0) - 1.0) / support
    P: Array = np.maximum(Z - tau, 0.0).astype(Z.dtype)
    return P


@LOSSES.register("mse")
class MeanSquaredError(_OfError):
    """ℓ = mean_k (Z - Y)².

    Shapes: Z, Y (k, n) for k targets. Derivative: dZ = w 2 (Z - Y) / k.
    Source: Gauss 1809; the mean over outputs and the missing 1/2 are PyTorch's and Keras's.
    In practice: one far outlier outweighs a hundred rows. On classes it trains, but slower than cross-entropy.
    """

    def forward(self, Z: Array, Y: Array) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.multiply(self.dZ, self.dZ, out=self.dZ)
        return self.mean_over_outputs(self.dZ)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.multiply(self.dZ, 2.0 * self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w 2 (Z - Y) / k


@LOSSES.register("mae")
class MeanAbsoluteError(_OfError):
    """ℓ = mean_k |Z - Y|.

    Shapes: Z, Y (k, n) for k targets. Derivative: dZ = w sign(Z - Y) / k (0 is chosen where Z = Y).
    Source: Laplace 1774; least absolute deviations, whose answer is the median.
    In practice: robust to outliers; its gradient does not shrink near the minimum, so the learning rate must.
    """

    def forward(self, Z: Array, Y: Array) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.abs(self.dZ, out=self.dZ)
        return self.mean_over_outputs(self.dZ)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.sign(self.dZ, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w sign(Z - Y) / k


@LOSSES.register("huber")
class Huber(_OfError):
    """ℓ = mean_k h(Z - Y), with h(e) = e² / 2 where |e| <= δ and δ (|e| - δ / 2) beyond.

    Shapes: Z, Y (k, n) for k targets. Derivative: dZ = w min(max(Z - Y, -δ), δ) / k.
    Source: Huber 1964, Robust estimation of a location parameter; scaled as PyTorch has it.
    In practice: δ is in units of the (scaled) target: errors beyond it count as outliers.
    """

    def __init__(
        self, delta: Annotated[float, Gt(0), Doc("δ, the error from which the loss grows in a straight line")] = 1.0
    ) -> None:
        self.delta = delta

    def forward(self, Z: Array, Y: Array) -> Array:
        size, near = self.dZ, self.work
        np.subtract(Z, Y, out=size)
        np.abs(size, out=size)
        np.minimum(size, self.delta, out=near)
        np.multiply(size, near, out=size)
        np.multiply(near, near, out=near)
        np.multiply(near, 0.5, out=near)
        np.subtract(size, near, out=size)  # m |e| - m² / 2, with m = min(|e|, δ): both branches in one
        return self.mean_over_outputs(size)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.clip(self.dZ, -self.delta, self.delta, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w min(max(Z - Y, -δ), δ) / k


@LOSSES.register("log_cosh")
class LogCosh(_OfError):
    """ℓ = mean_k log cosh(Z - Y), computed as |e| + log(1 + exp(-2 |e|)) - log 2, which cannot overflow.

    Shapes: Z, Y (k, n) for k targets. Derivative: dZ = w tanh(Z - Y) / k.
    Source: Green 1990, Bayesian reconstructions from emission tomography data using a modified EM algorithm.
    In practice: a smooth Huber loss with δ = 1: e² / 2 near zero, |e| - log 2 far out.
    """

    def forward(self, Z: Array, Y: Array) -> Array:
        size, tail = self.dZ, self.work
        np.subtract(Z, Y, out=size)
        np.abs(size, out=size)
        np.multiply(size, -2.0, out=tail)
        np.exp(tail, out=tail)
        np.log1p(tail, out=tail)
        np.add(size, tail, out=size)
        np.subtract(size, log(2.0), out=size)  # |e| + log(1 + exp(-2 |e|)) - log 2
        return self.mean_over_outputs(size)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        np.subtract(Z, Y, out=self.dZ)
        np.tanh(self.dZ, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w tanh(Z - Y) / k
