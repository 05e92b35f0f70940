"""Networks of one shape with their parameters in one array: the same layers work on all of them at once."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import Layer
from nn_scratch.nn.layers.dropout import Dropout
from nn_scratch.nn.memory import Shape
from nn_scratch.nn.network import Graph, Network


class NetworkStack:
    """K networks side by side: theta, grad (K, size) and state (K, state size), a row a network.

    Matrix products become stacks of products, and small networks share the time that calls of NumPy take. The
    networks differ in their parameters, in their random generators and in the rates of their dropout layers.
    """

    def __init__(self, networks: Sequence[Network]) -> None:
        """Copies the vectors of `networks`. Raises ValueError for networks that differ in more than values."""
        first = networks[0]
        if any(shape_of(network) != shape_of(first) for network in networks):
            raise ValueError("the networks of a stack differ in more than their parameters")
        self.networks = tuple(networks)
        self.dtype, self.trainable = first.dtype, first.trainable
        self.theta = np.stack([network.theta for network in networks])
        self.state = np.stack([network.state for network in networks])
        self.grad = np.stack([network.grad for network in networks])
        self.parameter_layout, self.state_layout = first.parameter_layout, first.state_layout
        rates = np.array([[layer.rate for layer in dropouts(network)] for network in networks])
        by_layer = dict(zip(dropouts(first), rates.T[..., None, None], strict=True))
        self.layers = [with_rates(layer, by_layer[layer]) if layer in by_layer else layer for layer in first.layers]
        self._graphs: dict[tuple[int, bool], Graph] = {}

    @property
    def stack(self) -> Shape:
        return (len(self.networks),)

    @property
    def generators(self) -> list[np.random.Generator]:
        return [network.noise for network in self.networks]

    def on(self, rows: int, *, training: bool) -> Graph:
        """The stack bound to a batch size, with buffers of its own; cached."""
        key = (rows, training)
        if key not in self._graphs:
            self._graphs[key] = Graph(self, rows, training=training, grad=self.grad)
        return self._graphs[key]

    def penalized(self) -> Array:
        """(K, size): see `Network.penalized`."""
        return np.stack([network.penalized() for network in self.networks])


def with_rates(layer: Layer, rates: Array) -> Layer:
    """A copy of a dropout layer with a rate a network, (K, 1, 1)."""
    stacked: Any = copy(layer)
    stacked.rate = rates
    return stacked  # type: ignore[no-any-return]


def dropouts(network: Network) -> list[Dropout]:
    return [layer for layer in network.layers if isinstance(layer, Dropout)]


def shape_of(network: Network) -> tuple[Any, ...]:
    """The properties that two networks must share to be stacked: layers with their settings, widths and dtype."""
    return (network.dtype, *((type(layer), *settings_of(layer)) for layer in network.every_layer))


def settings_of(layer: Layer) -> list[tuple[str, str]]:
    """A layer's settings as text; initial values, and the rate of a dropout layer at the top level, may differ."""
    ignored = {"init", "bias_init", "layers", *({"rate"} if isinstance(layer, Dropout) else ())}
    found = []
    for name, value in sorted(vars(layer).items()):
        if name not in ignored:
            plain = isinstance(value, int | float | str | bool | None)
            found.append((name, repr(value) if plain else f"{type(value).__name__} {sorted(vars(value).items())}"))
    return found
