"""The hinge loss."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.nn.losses.classification import softmax
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc


@LOSSES.register("hinge")
class Hinge(Loss):
    """ℓ = Σ_{j ≠ y} max(0, margin - Z_y + Z_j) / k: every wrong class that comes within `margin` of the right one, y.

    Shapes: Z, Y (k, n) for k classes, Y one-hot. Two classes have two outputs, and ℓ is half the hinge of their
    difference.
    Derivative: with V_j = 1 where a wrong class violates the margin, else 0, dZ = w (V - Y Σ_k V) / k (0 is chosen at
    the corner).
    Source: Crammer and Singer 2001; Weston and Watkins 1999, whose sum over the classes this is; divided by k as
    PyTorch's MultiMarginLoss.
    In practice: rows beyond the margin have no gradient. Its probabilities, the softmax of Z, are not calibrated.
    """

    kinds = ("classification",)

    def __init__(
        self, margin: Annotated[float, Gt(0), Doc("distance that is wanted between the classes")] = 1.0
    ) -> None:
        self.margin = margin

    def bind(self, outputs: int, memory: Memory) -> None:
        self.outputs_share = 1.0 / outputs
        self.total = memory.empty(1, memory.rows)
        self.dZ = memory.empty(outputs, memory.rows)
        self.work = memory.scratch.empty((outputs, memory.rows))

    def _excess(self, Z: Array, Y: Array) -> Array:
        """margin - Z_y + Z_j for the wrong classes j, 0 for the right one; in dZ."""
        M = self.dZ
        np.multiply(Z, Y, out=self.work)
        np.add.reduce(self.work, axis=-2, keepdims=True, out=self.total)  # Z_y
        np.subtract(Z, self.total, out=M)
        np.add(M, self.margin, out=M)
        np.multiply(Y, self.margin, out=self.work)
        return np.subtract(M, self.work, out=M)

    def forward(self, Z: Array, Y: Array) -> Array:
        M = self._excess(Z, Y)
        np.maximum(M, 0.0, out=M)
        np.add.reduce(M, axis=-2, keepdims=True, out=self.total)
        np.multiply(self.total, self.outputs_share, out=self.total)
        losses: Array = self.total[..., 0, :]
        return losses

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        V = self._excess(Z, Y)
        np.maximum(V, 0.0, out=V)
        np.sign(V, out=V)
        np.add.reduce(V, axis=-2, keepdims=True, out=self.total)
        np.multiply(Y, self.total, out=self.work)
        np.subtract(V, self.work, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w (V - Y Σ_k V) / k

    def probabilities(self, Z: Array) -> Array:
        return softmax(Z).T
