"""The dense layer."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from typing import Annotated

import numpy as np
from annotated_types import Ge, Le

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS, Activation
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.initializers import INITIALIZERS, Constant, Initializer
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Choice, Doc

MAX_UNITS = 100_000


@LAYERS.register("dense")
class Dense(Layer):
    """Z = W X + b, A = f(Z): every output depends on every input.

    Shapes: X (i, n), W (o, i), b (o,), Z and A (o, n), for n rows, i inputs, o outputs. W and b are one block,
    Wb = [W b] (o, i + 1), which multiplies [X; 1]; the log and the saved model show W as (i, o).
    Derivative: dZ = dA ∘ f'(Z); dW = dZ Xᵀ; db = dZ 1; dX = Wᵀ dZ.
    `product` is ndarray.dot, called without np.dot's search for overrides, which costs small networks time.
    Source: Rumelhart, Hinton and Williams 1986, Learning representations by back-propagating errors.
    In practice: the scale of the initial W decides whether a deep stack of these passes a signal at all.
    """

    def __init__(
        self,
        units: Annotated[int, Ge(1), Le(MAX_UNITS), Doc("number of outputs")],
        activation: Annotated[Activation | str, Choice(lambda: ACTIVATIONS), Doc("f")] = "relu",
        init: Annotated[
            Initializer | None,
            Choice(lambda: INITIALIZERS),
            Doc("initial W; null: the one that suits the activation"),
        ] = None,
        bias: Annotated[bool, Doc("whether there is a b")] = True,
        bias_init: Annotated[Initializer | float, Choice(lambda: INITIALIZERS), Doc("initial b")] = 0.0,
        trainable: Annotated[bool, Doc("false: no update, no decay, no penalty")] = True,
    ) -> None:
        self.units = units
        self.f = ACTIVATIONS.create(activation) if isinstance(activation, str) else activation
        self.init = init if init is not None else INITIALIZERS.create(self.f.initializer[0], **self.f.initializer[1])
        self.bias = bias
        self.bias_init = Constant(bias_init) if isinstance(bias_init, int | float) else bias_init
        self.trainable = trainable

    def declare(self, inputs: int) -> int:
        self.inputs, self.outputs = inputs, self.units
        return self.units

    def blocks(self) -> dict[str, Shape]:
        return {"Wb": (self.units, self.inputs + self.bias), **self.f.blocks(self.units)}

    def named(self, blocks: Mapping[str, Array]) -> dict[str, Array]:
        named = dict(blocks)
        Wb = named.pop("Wb")
        weights = {"W": np.swapaxes(Wb[..., : self.inputs], -1, -2)}
        if self.bias:
            weights["b"] = Wb[..., self.inputs]
        return weights | named

    def penalized(self) -> tuple[str, ...]:
        return ("W",)

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        named = self.named(parameters)
        named["W"][...] = self.init.sample((self.inputs, self.units), generator)
        if self.bias:
            named["b"][...] = self.bias_init.sample((1, self.units), generator)[0]
        self.f.initialize(parameters)

    def bind(self, memory: Memory) -> None:
        self.Wb, self.dWb = memory.parameters["Wb"], memory.gradients["Wb"]
        self.product = memory.product
        self.Y = memory.signal(self.units)
        self.A = self.Y[..., :-1, :]
        self.Z = self.A if self.f.from_output else memory.empty(self.units, memory.rows)
        self.needs_dX = memory.needs_dX
        if self.needs_dX:
            self.dX1 = memory.empty(self.Wb.shape[-1], memory.rows)
            self.dX = self.dX1[..., : self.inputs, :]
        self.f = copy(self.f)  # each binding has buffers of its own
        # In a stack, the rows of ones part the networks' outputs in memory; one pass over all of it is faster.
        of_each = self.f.from_output and self.f.elementwise and not self.f.blocks(self.units)
        self.whole = memory.stacked and of_each and not isinstance(self.f, Identity)
        self.ones = self.Y[..., -1:, :]
        self.f.bind(self.units + self.whole, memory)

    def forward(self, X: Array) -> Array:
        self.X = X if self.bias else X[..., :-1, :]
        self.product(self.Wb, self.X, out=self.Z)  # Z = [W b] [X; 1] = W X + b
        if self.whole:
            self.f.forward(self.Y, self.Y)  # A = f(Z)
            self.ones.fill(1.0)
        else:
            self.f.forward(self.Z, self.A)  # A = f(Z)
        return self.Y  # [A; 1]

    def backward(self, dA: Array) -> Array:
        dZ = dA
        if self.whole:
            dS = self.with_last_row(dA)
            self.f.backward(self.Y, self.Y, dS, dS)  # dZ = dA ∘ f'(Z)
            dZ = dS[..., :-1, :]
        else:
            self.f.backward(self.Z, self.A, dA, dZ)  # dZ = dA ∘ f'(Z)
        self.dZ = dZ  # for readers: it holds until the next pass
        self.product(dZ, self.X.mT, out=self.dWb)  # [dW db] = dZ [X; 1]ᵀ
        if not self.needs_dX:
            return dZ
        self.product(self.Wb.mT, dZ, out=self.dX1)  # [dX; ·] = [W b]ᵀ dZ
        return self.dX

    def with_last_row(self, dA: Array) -> Array:
        """The array (K, o + 1, n) whose last row dA leaves out, as `dX` does; where there is none, a copy."""
        if dA.base is not None and dA.base.shape == self.Y.shape:
            return dA.base
        whole = np.zeros_like(self.Y)
        whole[..., :-1, :] = dA
        return whole
