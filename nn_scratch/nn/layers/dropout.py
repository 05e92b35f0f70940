"""Dropout."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.random_mask import RandomMask
from nn_scratch.registry import Doc


@LAYERS.register("dropout")
class Dropout(Layer):
    """Y = X ∘ M / (1 - rate), with M drawn anew each step: 0 with probability `rate`, else 1. Training only.

    Shapes: X, M, Y (i, n). Derivative: dX = dY ∘ M / (1 - rate).
    Source: Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting; scaled while
    training ("inverted"), so that evaluation needs no change.
    In practice: above 0.5 it starves small networks; training scores are to be read in evaluation mode.
    """

    def __init__(
        self, rate: Annotated[float, Ge(0), Lt(1), Doc("probability that a value is set to zero")] = 0.5
    ) -> None:
        self.rate = rate

    def bind(self, memory: Memory) -> None:
        self.active = memory.training and bool(np.any(np.greater(self.rate, 0)))
        if not self.active:
            return
        shape = (self.inputs, memory.rows)
        self.Y = memory.signal(self.inputs)
        self.kept = self.Y[..., :-1, :]
        self.mask = RandomMask(memory.generators, self.rate, shape)
        self.drawn = memory.scratch.empty(shape, bool)
        self.scale = np.asarray(1.0 / (1.0 - np.asarray(self.rate)), memory.dtype)
        self.M = memory.empty(*shape)

    def forward(self, X: Array) -> Array:
        if not self.active:
            return X
        np.multiply(self.mask.draw(self.drawn), self.scale, out=self.M)  # M / (1 - rate)
        np.multiply(X[..., :-1, :], self.M, out=self.kept)  # Y = X ∘ M / (1 - rate)
        return self.Y

    def backward(self, dY: Array) -> Array:
        if self.active:
            np.multiply(dY, self.M, out=dY)  # dX = dY ∘ M / (1 - rate)
        return dY
