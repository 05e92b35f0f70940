"""The loss for counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.nn.memory import Memory


def largest_log_rate(dtype: np.dtype[Any]) -> float:
    """Half the largest logarithm: exp of it, its square and sums of it are finite (44 in float32, 354 in float64)."""
    return float(np.log(np.finfo(dtype).max)) / 2.0


@LOSSES.register("poisson")
class Poisson(Loss):
    """ℓ = mean_k (exp(Z) - Y Z): the negative log-likelihood of counts Y at rates exp(Z), up to a constant.

    Shapes: Z, Y (k, n) for k targets. Derivative: dZ = w (exp(Z) - Y) / k.
    Log-rates above 44 (float32) or 354 (float64) count as that much in exp, which would overflow soon after.
    Source: Nelder and Wedderburn 1972, Generalized linear models; as PyTorch's PoissonNLLLoss with log_input.
    In practice: Y must be counts or at least not negative, so `data.target_scale: none`; predictions are exp(Z).
    """

    needs_counts = True

    def bind(self, outputs: int, memory: Memory) -> None:
        self.outputs_share = 1.0 / outputs
        self.limit = largest_log_rate(np.dtype(memory.dtype))
        self.dZ = memory.empty(outputs, memory.rows)
        self.work = memory.scratch.empty((outputs, memory.rows))
        self.losses = memory.empty(memory.rows)

    def forward(self, Z: Array, Y: Array) -> Array:
        rate = self.dZ
        np.minimum(Z, self.limit, out=rate)
        np.exp(rate, out=rate)
        np.multiply(Y, Z, out=self.work)
        np.subtract(rate, self.work, out=rate)  # exp(Z) - Y Z
        np.add.reduce(rate, axis=-2, out=self.losses)
        return np.multiply(self.losses, self.outputs_share, out=self.losses)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        np.minimum(Z, self.limit, out=self.dZ)
        np.exp(self.dZ, out=self.dZ)
        np.subtract(self.dZ, Y, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w (exp(Z) - Y) / k

    def values(self, Z: Array) -> Array:
        rates: Array = np.exp(np.minimum(Z, largest_log_rate(Z.dtype))).T
        return rates
