"""The network: one vector of parameters, one of gradients, and the layers that hold views of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from math import prod
from threading import enumerate as enumerate_threads
from threading import get_ident
from typing import Any, Protocol

import numpy as np
from numpy.typing import DTypeLike

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import Layer, walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.memory import Memory, Scratch, Shape


@dataclass(frozen=True)
class Block:
    """The place of a layer's block in a flat vector."""

    layer: Layer
    name: str
    shape: Shape
    start: int
    stop: int

    def of(self, vector: Array) -> Array:
        """The block's view of a vector (..., size); leading axes are kept."""
        return vector[..., self.start : self.stop].reshape(vector.shape[:-1] + self.shape)


class Layout:
    """Where the blocks of every layer stand in a flat vector, one after another; `size` numbers in all."""

    def __init__(self, wanted: Iterable[tuple[Layer, Mapping[str, Shape]]]) -> None:
        """wanted: the layers in their order, each with the names and shapes of its blocks."""
        self.blocks: list[Block] = []
        self._by_layer: dict[Layer, list[Block]] = {}
        self.size = 0
        for layer, shapes in wanted:
            for name, shape in shapes.items():
                start, self.size = self.size, self.size + prod(shape)
                block = Block(layer, name, shape, start, self.size)
                self.blocks.append(block)
                self._by_layer.setdefault(layer, []).append(block)

    def of(self, layer: Layer) -> Sequence[Block]:
        """The blocks of a layer itself, those of its inner layers left out."""
        return self._by_layer.get(layer, ())

    def views(self, layer: Layer, vector: Array) -> dict[str, Array]:
        """The views of a layer's blocks in a vector (..., size), by name."""
        return {block.name: block.of(vector) for block in self.of(layer)}


class Parameters(Protocol):
    """The parameters that a graph is bound to: those of one network, or of a stack of networks of one shape.

    stack: () or (K,), the leading axes of theta (..., size) and state. generators: one a network.
    """

    layers: list[Layer]
    dtype: np.dtype[Any]
    theta: Array
    state: Array
    parameter_layout: Layout
    state_layout: Layout

    @property
    def stack(self) -> Shape: ...

    @property
    def generators(self) -> Sequence[np.random.Generator]: ...


class Network:
    """Layers in a row, from `inputs` features to the width of the last.

    theta, grad: every parameter and its gradient, flat, (size,). The trainable ones are first, up to `trainable`.
    state: what layers keep between steps without learning it (running statistics), flat.
    noise: the generator that dropout and other stochastic layers draw from in training mode.
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        inputs: int,
        *,
        init: np.random.Generator,
        noise: np.random.Generator,
        dtype: DTypeLike = np.float32,
    ) -> None:
        """`init` draws the initial values; `noise` is what dropout and its like draw from while training."""
        self.layers, self.inputs, self.dtype, self.noise = list(layers), inputs, np.dtype(dtype), noise
        self.every_layer = list(walk(self.layers))
        name_layers(self.every_layer)
        width = inputs
        for layer in self.layers:
            width = layer.declare(width)
        self.outputs = width
        trainable_first = sorted(self.every_layer, key=lambda layer: not layer.trainable)
        self.parameter_layout = Layout((layer, layer.blocks()) for layer in trainable_first)
        self.state_layout = Layout((layer, layer.state_blocks()) for layer in self.every_layer)
        self.theta = np.zeros(self.parameter_layout.size, self.dtype)
        self.grad, self.state = np.zeros_like(self.theta), np.zeros(self.state_layout.size, self.dtype)
        self.trainable = sum(b.stop - b.start for b in self.parameter_layout.blocks if b.layer.trainable)
        for layer in self.every_layer:
            layer.initialize(self.parameter_layout.views(layer, self.theta), init)
            layer.initialize_state(self.state_layout.views(layer, self.state))
        self._graphs: dict[tuple[int, int, bool], Graph] = {}

    def block(self, layer: Layer, name: str, vector: Array) -> Array:
        """The view of one of a layer's blocks in a vector laid out as theta (..., size)."""
        return self.parameter_layout.views(layer, vector)[name]

    def segment(self, layer: Layer) -> tuple[int, int]:
        """Where the layer's parameters, which are contiguous, start and stop in theta."""
        blocks = self.parameter_layout.of(layer)
        return blocks[0].start, blocks[-1].stop

    def named(self, vector: Array) -> dict[str, Array]:
        """Views of a vector laid out as theta (..., size), by name: {"hidden_1.W": (..., in, out), ...}."""
        return {
            f"{layer.name}.{name}": view
            for layer in self.every_layer
            for name, view in layer.named(self.parameter_layout.views(layer, vector)).items()
        }

    def named_state(self, vector: Array) -> dict[str, Array]:
        """Views of a vector laid out as `state`: {"hidden_1.batch_norm.running_mean": (...,)}."""
        return {f"{block.layer.name}.{block.name}": block.of(vector) for block in self.state_layout.blocks}

    @property
    def dense(self) -> list[Dense]:
        """The dense layers, in order: hidden_1, hidden_2, ..., output."""
        return [layer for layer in self.every_layer if isinstance(layer, Dense)]

    def penalized(self) -> Array:
        """1 where l1 and l2 act (the weights of trainable layers), else 0; laid out as theta."""
        mask = np.zeros_like(self.theta)
        views = self.named(mask)
        for layer in self.every_layer:
            for name in layer.penalized() if layer.trainable else ():
                views[f"{layer.name}.{name}"][...] = 1.0
        return mask

    @property
    def stack(self) -> Shape:
        """No leading axes: this is one network."""
        return ()

    @property
    def generators(self) -> tuple[np.random.Generator]:
        return (self.noise,)

    def on(self, rows: int, *, training: bool) -> Graph:
        """The network bound to a batch size, with buffers of its own, in each thread that asks; cached."""
        key = (get_ident(), rows, training)
        graph = self._graphs.get(key)
        if graph is None:
            running = {thread.ident for thread in enumerate_threads()}
            for other in [one for one in list(self._graphs) if one[0] not in running]:
                self._graphs.pop(other, None)
            graph = self._graphs[key] = Graph(self, rows, training=training, grad=self.grad)
        return graph

    def probe(self, rows: int) -> Graph:
        """The network in evaluation mode, bound to `rows`, whose gradients go to a vector of their own."""
        return Graph(self, rows, training=False, grad=np.zeros_like(self.grad))


class Graph:
    """A network bound to one batch size: copies of its layers that share its parameters and own their buffers."""

    def __init__(self, network: Parameters, rows: int, *, training: bool, grad: Array) -> None:
        self.rows, self.grad = rows, grad
        self._network, self._training = network, training
        self.scratch = Scratch(network.dtype, network.stack)
        self.layers: list[Layer] = []
        needs_dX = False
        for layer in network.layers:
            self.layers.append(self._bound(layer, needs_dX))
            needs_dX = needs_dX or has_parameters(layer)
        first = next(i for i, layer in enumerate(network.layers) if has_parameters(layer))
        self._backward = self.layers[first:][::-1]  # before the first parameters no derivative is needed

    def _bound(self, layer: Layer, needs_dX: bool) -> Layer:
        network = self._network
        bound = copy(layer)
        bound.layers = [self._bound(inner, needs_dX=True) for inner in layer.layers]
        bound.bind(
            Memory(
                rows=self.rows,
                dtype=network.dtype,
                training=self._training,
                generators=network.generators,
                scratch=self.scratch,
                parameters=network.parameter_layout.views(layer, network.theta),
                gradients=network.parameter_layout.views(layer, self.grad),
                state=network.state_layout.views(layer, network.state),
                needs_dX=needs_dX,
            )
        )
        return bound

    def forward(self, X: Array) -> Array:
        """Outputs Z (k, rows) from a signal X (features + 1, rows) whose last row is ones."""
        for layer in self.layers:
            X = layer.forward(X)
        return X[..., :-1, :]

    def backward(self, dZ: Array) -> None:
        """Fill `grad` from ∂L/∂Z (k, rows) of the latest forward; dZ may be overwritten."""
        for layer in self._backward:
            dZ = layer.backward(dZ)

    @property
    def dense(self) -> list[Dense]:
        """The bound dense layers, in order: hidden_1, hidden_2, ..., output."""
        return [layer for layer in walk(self.layers) if isinstance(layer, Dense)]


def has_parameters(layer: Layer) -> bool:
    return any(inner.blocks() for inner in walk([layer]))


def signal_rows(X: Array, dtype: DTypeLike) -> Array:
    """(rows, features) to (rows, features + 1) with a column of ones: its transpose is a signal."""
    rows = np.ones((X.shape[0], X.shape[1] + 1), dtype)
    rows[:, :-1] = X
    return rows


def name_layers(layers: Sequence[Layer]) -> None:
    """hidden_1, hidden_2, ..., output for dense layers; others by type and the dense layer before. Inner ones too."""
    dense = [layer for layer in layers if isinstance(layer, Dense)]
    for number, hidden in enumerate(dense, start=1):
        hidden.name = f"hidden_{number}"
    if dense:
        dense[-1].name = "output"
    before, copies = "input", Counter[str]()
    for layer in layers:
        if isinstance(layer, Dense):
            before = layer.name
            continue
        name = f"{before}.{layer.registered_name}"
        copies[name] += 1
        layer.name = name if copies[name] == 1 else f"{name}_{copies[name]}"
