"""The base class of layers. A layer declares shapes; the network owns the memory."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import ClassVar

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.nn.memory import Memory, Shape
from nn_scratch.registry import Registry


class Layer(ABC):
    """A function of a signal, with parameters perhaps, and its derivative.

    The life of a layer: `declare(inputs)` fixes its widths; the network allocates the blocks it declares and calls
    `initialize`; for every batch size in use, the network binds a copy of the layer (`bind`), whose `forward` and
    `backward` then work in buffers of exactly that size.

    A signal X is (features + 1, rows); its last row is ones. A derivative dX is (features, rows).
    """

    registered_name: ClassVar[str]
    name: str = ""  # given by the network: hidden_1, output, hidden_1.batch_norm ...
    inputs: int = 0
    outputs: int = 0
    trainable: bool = True
    layers: Sequence[Layer] = ()  # the inner layers of a block; bound before the block itself

    def declare(self, inputs: int) -> int:
        """Fix the widths for signals of `inputs` features; returns the number of features that leave the layer."""
        self.inputs = self.outputs = inputs
        return inputs

    def blocks(self) -> dict[str, Shape]:
        """The parameters as they are stored: name to shape, laid one after another in the network's flat vector."""
        return {}

    def state_blocks(self) -> dict[str, Shape]:
        """State that is kept between steps without being learned (running statistics), likewise."""
        return {}

    def named(self, blocks: Mapping[str, Array]) -> dict[str, Array]:
        """The parameters as the log and the saved model have them, W (inputs, outputs) and b (outputs,): views.

        Blocks may have leading axes (a stack of epochs), which the views keep.
        """
        return dict(blocks)

    def penalized(self) -> tuple[str, ...]:
        """The named parameters that l1 and l2 act on: weights; not biases, slopes, scales and shifts."""
        return ()

    def initialize(self, parameters: Mapping[str, Array], generator: np.random.Generator) -> None:
        """Fill the blocks of parameters with their initial values."""

    def initialize_state(self, state: Mapping[str, Array]) -> None:
        """Fill the blocks of state with their initial values."""

    @abstractmethod
    def bind(self, memory: Memory) -> None:
        """Take the views and allocate the buffers that `forward` and `backward` work in."""

    @abstractmethod
    def forward(self, X: Array) -> Array:
        """The layer's signal (outputs + 1, rows), in a buffer of the layer's own."""

    @abstractmethod
    def backward(self, dY: Array) -> Array:
        """∂L/∂X (inputs, rows) from ∂L/∂Y (outputs, rows), for the latest forward; dY may be overwritten.

        Writes the gradients of the parameters. The result is undefined without `Memory.needs_dX`.
        """


def walk(layers: Iterable[Layer]) -> Iterator[Layer]:
    """Every layer in order, a block before the layers inside it."""
    for layer in layers:
        yield layer
        yield from walk(layer.layers)


class LayerError(UserError):
    """The layers do not fit together. `layer` and `key` say which parameter of which layer to change."""

    def __init__(self, layer: Layer, key: str, reason: str) -> None:
        super().__init__(f"{layer.name}.{key}: {reason}")
        self.layer, self.key, self.reason = layer, key, reason


LAYERS: Registry[Layer] = Registry("layer")
