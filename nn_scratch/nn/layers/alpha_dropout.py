"""Dropout for self-normalizing networks."""

from __future__ import annotations

from math import sqrt
from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.exponential import SELU_ALPHA, SELU_SCALE
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.random_mask import RandomMask
from nn_scratch.registry import Doc

FLOOR = -SELU_SCALE * SELU_ALPHA  # the value that SELU approaches for very negative inputs


@LAYERS.register("alpha_dropout")
class AlphaDropout(Layer):
    """Y = a (X ∘ M + c (1 - M)) + b: with probability `rate` a value becomes c = -1.758, SELU's floor. Training only.

    M is drawn anew each step: 0 with probability `rate`, else 1. The numbers a = 1 / √((1 - rate) (1 + rate c²)) and
    b = -a rate c keep mean 0 and variance 1.
    Shapes: X, M, Y (i, n). Derivative: dX = a M ∘ dY.
    Source: Klambauer et al. 2017, Self-normalizing neural networks.
    In practice: after SELU only; elsewhere its floor is a value that the activation never takes.
    """

    def __init__(
        self, rate: Annotated[float, Ge(0), Lt(1), Doc("probability that a value is set to SELU's floor")] = 0.5
    ) -> None:
        self.rate = rate

    def bind(self, memory: Memory) -> None:
        self.active = memory.training and self.rate > 0
        if not self.active:
            return
        self.a = 1.0 / sqrt((1.0 - self.rate) * (1.0 + self.rate * FLOOR**2))
        self.b = -self.a * self.rate * FLOOR
        self.Y = memory.signal(self.inputs)
        self.kept = self.Y[..., :-1, :]
        self.mask = RandomMask(memory.generators, self.rate, (self.inputs, memory.rows))
        self.M = memory.empty(self.inputs, memory.rows, dtype=bool)
        self.dropped = memory.scratch.empty((self.inputs, memory.rows), bool)

    def forward(self, X: Array) -> Array:
        if not self.active:
            return X
        self.mask.draw(self.M)
        np.logical_not(self.M, out=self.dropped)
        np.multiply(X[..., :-1, :], self.a, out=self.kept)
        np.add(self.kept, self.b, out=self.kept)  # a X + b where M is 1 ...
        np.copyto(self.kept, self.a * FLOOR + self.b, where=self.dropped)  # ... and a c + b where it is 0
        return self.Y

    def backward(self, dY: Array) -> Array:
        if self.active:
            np.multiply(dY, self.M, out=dY)
            np.multiply(dY, self.a, out=dY)  # dX = a M ∘ dY
        return dY
