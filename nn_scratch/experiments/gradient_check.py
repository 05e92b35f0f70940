"""Gradients of the loss compared with central differences, in float64."""

from __future__ import annotations

from copy import deepcopy
from math import isfinite, nan, sqrt
from typing import Any

import numpy as np

from nn_scratch.experiments.build import Built
from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import Layer
from nn_scratch.nn.network import Graph, Network
from nn_scratch.training.batches import Batch
from nn_scratch.training.evaluation import bound_loss

CHECKED_ROWS = 16  # of the probe, on which the gradient is checked

CHECKED_ENTRIES = 5  # a layer

CHANGES = 4  # of an entry, each a pass through the network

MOST_LAYER_PASSES = 100_000  # layers times passes, of the whole check; of deep networks a sample of layers is checked

DIFFERENCE = 1e-5  # of a parameter, relative to the size of its layer's: a signal of small weights is small, too

KINK = 0.01  # relative difference of slopes over steps to the left and right, long and short, above which one is near


# --- the network in float64


def in_float64(network: Network) -> Network:
    """A copy with the same parameters and state, in float64."""
    unused = np.random.default_rng(0)
    twin = Network(deepcopy(network.layers), network.inputs, init=unused, noise=unused, dtype=np.float64)
    twin.theta[...], twin.state[...] = network.theta, network.state
    return twin


def training_graph(network: Network, rows: int) -> Graph:
    return Graph(network, rows, training=True, grad=np.zeros_like(network.grad))


def probe_batch(built: Built, rows: int | None) -> Batch:
    """The probe rows, or the first of them, in float64."""
    examples = built.trainer.train_examples[built.probe_rows[:rows]]
    (batch,) = examples.batches(len(examples))
    return Batch(*(np.asarray(values, np.float64) for values in (batch.X, batch.Y, batch.w)))


def forward(network: Network, graph: Graph, batch: Batch) -> Array:
    """Outputs (k, rows) in training mode, with the same dropout and from the same running averages each time."""
    network.noise.bit_generator.state = np.random.default_rng(0).bit_generator.state
    state = network.state.copy()
    Z = graph.forward(batch.X)
    network.state[...] = state
    return Z


def norm(values: Array) -> float:
    return float(np.linalg.norm(values))


# --- gradient check


def gradient_errors(network: Network, built: Built) -> list[dict[str, Any]]:
    """For layers with parameters, how far the gradient of some entries is from central differences of the loss.

    The error is that of the vector of entries, relative to its length; entries at a kink of the loss are left out.
    Every layer is checked, or of deep networks those of `checked_layers`.
    """
    batch = probe_batch(built, CHECKED_ROWS)
    rows = batch.X.shape[1]
    graph, loss = training_graph(network, rows), bound_loss(built.loss, network, rows)

    def value() -> float:
        return batch.mean(loss.forward(forward(network, graph, batch), batch.Y))

    Z = forward(network, graph, batch)
    middle = batch.mean(loss.forward(Z, batch.Y))
    graph.backward(loss.backward(Z, batch.Y, batch.w))
    gradient = graph.grad.copy()
    found = []
    for layer in checked_layers(network):
        start, stop = network.segment(layer)
        entries = start + np.unique(
            np.argsort(-np.abs(gradient[start:stop]), kind="stable")[
                np.linspace(0, (stop - start - 1) / 2, CHECKED_ENTRIES).astype(int)
            ]
        )
        pairs = []
        step = DIFFERENCE * min(1.0, norm(network.theta[start:stop]) / sqrt(stop - start) or 1.0)
        for entry in entries:
            theta = float(network.theta[entry])
            slopes = []
            for change in (step, -step, step / 4, -step / 4):
                network.theta[entry] = theta + change
                slopes.append((value() - middle) / change)
            network.theta[entry] = theta
            if max(slopes) - min(slopes) <= KINK * max(map(abs, slopes)):
                pairs.append((float(np.mean(slopes[:2])), float(gradient[entry])))
        found.append({"layer": layer.name, "entries": len(pairs), "error": relative_error(pairs, middle, step)})
    return found


def checked_layers(network: Network) -> list[Layer]:
    """The layers with parameters; where `MOST_LAYER_PASSES` allow for fewer, some evenly spaced and one of each type.

    A layer's check passes through all layers, so that the check of every layer would grow with the depth squared.
    """
    layers = [layer for layer in network.every_layer if network.parameter_layout.of(layer)]
    most = max(1, MOST_LAYER_PASSES // (CHANGES * CHECKED_ENTRIES * len(network.every_layer)))
    if len(layers) <= most:
        return layers
    spaced = {layers[at] for at in np.linspace(0, len(layers) - 1, most).round().astype(int)}
    kinds = {layer.registered_name: layer for layer in reversed(layers)}
    return [layer for layer in layers if layer in spaced or kinds[layer.registered_name] is layer]


def relative_error(pairs: list[tuple[float, float]], loss: float, step: float) -> float:
    """nan where it is not defined: no entries, or slopes below what a difference of losses resolves."""
    if not pairs:
        return nan
    numeric, exact = np.array(pairs).T
    size = max(norm(numeric), norm(exact))
    resolved = 1e-13 * max(1.0, abs(loss)) / step
    return norm(numeric - exact) / size if isfinite(size) and size > resolved else nan
