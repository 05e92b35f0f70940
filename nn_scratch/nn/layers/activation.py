"""An activation as a layer of its own, for where it does not follow a dense layer directly."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Annotated

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS, Activation
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Choice, Doc


@LAYERS.register("activation")
class ActivationLayer(Layer):
    """Y = f(X), as after a batch normalization: dense with `activation: identity`, batch_norm, activation.

    Shapes: X, Y (i, n). Derivative: dX = dY ∘ f'(X).
    """

    former_parameters = {"function": "activation"}  # noqa: RUF012

    def __init__(self, activation: Annotated[Activation, Choice(lambda: ACTIVATIONS), Doc("f")]) -> None:
        self.f = activation

    def blocks(self) -> dict[str, Shape]:
        return self.f.blocks(self.inputs)

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        self.f.initialize(parameters)

    def bind(self, memory: Memory) -> None:
        self.Y = memory.signal(self.inputs)
        self.A = self.Y[..., :-1, :]
        self.f = copy(self.f)  # each binding has buffers of its own
        self.f.bind(self.inputs, memory)

    def forward(self, X: Array) -> Array:
        self.Z = X[..., :-1, :]
        self.f.forward(self.Z, self.A)
        return self.Y

    def backward(self, dY: Array) -> Array:
        self.f.backward(self.Z, self.A, dY, dY)  # dX = dY ∘ f'(X)
        return dY
