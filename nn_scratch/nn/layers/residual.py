"""Layers with a skip around them."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import MinLen

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer, LayerError, walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Choice, Doc


@LAYERS.register("residual")
class Residual(Layer):
    """Y = X + F(X), where F is the inner layers one after another.

    Shapes: X, F(X), Y (i, n): the inner layers must end as wide as they begin.
    Derivative: dX = dY + (∂F/∂X)ᵀ dY, that of the skip and that through F.
    Source: He et al. 2016, Deep residual learning for image recognition.
    In practice: gradients reach early layers independent of F; with an identity activation last in F and an activation
    after the block, or a normalization first in F, deep stacks train most easily.
    """

    def __init__(
        self,
        layers: Annotated[list[Layer], MinLen(1), Choice(lambda: LAYERS), Doc("the inner layers, in order")],
    ) -> None:
        self.layers = layers

    def declare(self, inputs: int) -> int:
        """Raises LayerError where the inner layers end wider or narrower than they begin."""
        width = inputs
        for layer in self.layers:
            width = layer.declare(width)
        if width != inputs:
            last = [layer for layer in walk(self.layers) if isinstance(layer, Dense)][-1]
            raise LayerError(
                last,
                "units",
                f"a residual block adds its input to its output, but {inputs} features go in and {width} come out; "
                f"write {inputs}",
            )
        return super().declare(inputs)

    def bind(self, memory: Memory) -> None:
        self.Y = memory.signal(self.inputs)
        self.sum = self.Y[..., :-1, :]
        self.dX = memory.empty(self.inputs, memory.rows)

    def forward(self, X: Array) -> Array:
        F = X
        for layer in self.layers:
            F = layer.forward(F)
        np.add(X[..., :-1, :], F[..., :-1, :], out=self.sum)  # Y = X + F(X)
        return self.Y

    def backward(self, dY: Array) -> Array:
        np.copyto(self.dX, dY)  # the inner layers may overwrite dY
        for layer in reversed(self.layers):
            dY = layer.backward(dY)
        np.add(self.dX, dY, out=self.dX)  # dX = dY + (∂F/∂X)ᵀ dY
        return self.dX
