"""What is measured of a network while it trains: numbers a layer, for layers.csv and steps.csv.

Sums of products over a whole layer come from Gram matrices: with the vectors of interest as the rows of M, all their
norms and scalar products are the entries of M Mᵀ, one matrix product for all.
"""

from __future__ import annotations

from math import nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.evaluate import bound_loss
from nn_scratch.examples import Examples
from nn_scratch.nn.activations.rectifiers import Identity, ReLU
from nn_scratch.nn.layers.activation import ActivationLayer
from nn_scratch.nn.layers.base import walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Graph, Network

Array = NDArray[Any]

Unit = Dense | ActivationLayer

PIECE = 1 << 14  # elements measured at once: M stays in the cache
SATURATED = 1e-2  # |f'(Z)| below which a unit passes next to nothing back
NEARLY_DEAD = 1e-2  # share of rows on which a unit is active, below which it is nearly dead

STEP_COLUMNS = (
    "param_norm",  # ‖θ‖ of the layer's W and b, before the update
    "grad_norm",  # ‖∂L/∂θ‖ on the batch, penalties and clipping not included
    "update_norm",  # ‖Δθ‖, what the optimizer did
    "update_ratio",  # ‖Δθ‖ / ‖θ‖
    "grad_cosine",  # cosine of the angle to the gradient of the step before, both as the optimizer saw them
    "grad_dot_update",  # ∂L/∂θ · Δθ: the change of the loss that the gradient promises
)

LAYER_COLUMNS = (
    "W_norm",  # Frobenius norm
    "W_mean",
    "W_std",
    "b_norm",
    "dW_norm",  # of the gradient on the probe rows
    "dW_mean",
    "dW_std",
    "db_norm",
    "dW_zero_share",  # share of entries that are exactly 0
    "distance",  # ‖W - W at epoch 0‖
    "A_mean",  # over units and probe rows
    "A_std",
    "zero_share",  # share of activations that are exactly 0
    "dead_share",  # share of units that are 0 on every probe row
    "nearly_dead_share",  # share of units active on under 1 % of the probe rows, the dead included
    "constant_share",  # share of units with the same value on every probe row
    "saturated_share",  # share of activations with |f'(Z)| < 0.01, ReLU's and identity's aside (nan)
)


def ratio(part: float, whole: float) -> float:
    return part / whole if whole > 0 else nan


class StepGauge:
    """Measures one step of training, layer by layer: call `before`, then `gradient`, then `after` its update."""

    def __init__(self, network: Network) -> None:
        self._network = network
        self.layers = network.dense
        self._segments = [network.segment(layer) for layer in self.layers]
        size = network.theta.size
        self._theta_before, self._grad_before, self._grad = (np.empty(size, network.dtype) for _ in range(3))
        self._M = np.empty(4 * min(PIECE, size), network.dtype)

    def before(self) -> None:
        np.copyto(self._theta_before, self._network.theta)
        np.copyto(self._grad_before, self._network.grad)

    def gradient(self) -> None:
        np.copyto(self._grad, self._network.grad)

    def after(self) -> Array:
        """(layers, len(STEP_COLUMNS)) float64."""
        network = self._network
        rows = np.empty((len(self.layers), len(STEP_COLUMNS)))
        for row, (start, stop) in zip(rows, self._segments, strict=True):
            G = np.zeros((4, 4))
            cosine = 0.0
            for at in range(start, stop, PIECE):
                part = slice(at, min(at + PIECE, stop))
                M = self._M[: 4 * (part.stop - at)].reshape(4, -1)
                M[0] = self._theta_before[part]
                M[1] = self._grad[part]
                np.subtract(network.theta[part], M[0], out=M[2])
                M[3] = self._grad_before[part]
                G += np.dot(M, M.T)
                cosine += float(np.dot(network.grad[part], M[3]))
            own = network.grad[start:stop]
            param, grad, update, previous = np.sqrt(G.diagonal())
            row[:] = (
                param,
                grad,
                update,
                ratio(update, param),
                ratio(cosine, sqrt(float(np.dot(own, own))) * previous),
                G[1, 2],
            )
        return rows


class LayerGauge:
    """Measures one dense layer between epochs: its W and b, their gradients, and its activations."""

    def __init__(
        self, network: Network, layer: Dense, unit: Dense | ActivationLayer, start: Array, probe: Graph
    ) -> None:
        """`unit` is the layer of the probe graph whose A counts as this layer's activation (`activation_units`)."""
        self._unit = unit
        self._theta, self._start, self._grad = (
            network.block(layer, "Wb", vector) for vector in (network.theta, start, probe.grad)
        )
        units, width = self._theta.shape
        self._bias = layer.bias
        self._entries = units * layer.inputs
        self._rows_at_once = max(1, PIECE // width)
        # float64: the variance is a difference of two sums, which may be nearly equal
        self._M = np.empty((4, min(self._rows_at_once, units), width))
        self._ones = np.ones(probe.rows, network.dtype)
        self._derivative = np.empty((unit.outputs, probe.rows), network.dtype)
        self._flags = np.empty((unit.outputs, probe.rows), bool)
        self._bounded = not isinstance(unit.f, Identity | ReLU)

    def weights(self) -> tuple[float, ...]:
        """The columns from W_norm to distance."""
        G = np.zeros((4, 4))
        nonzero = 0
        for at in range(0, len(self._theta), self._rows_at_once):
            part = slice(at, at + self._rows_at_once)
            M = self._M[:, : len(self._theta[part])]
            M[0] = self._theta[part]
            np.subtract(M[0], self._start[part], out=M[1])
            M[2] = self._grad[part]
            M[3] = 1.0
            if self._bias:
                M[:, :, -1] = 0.0  # W alone
            flat = M.reshape(4, -1)
            G += np.dot(flat, flat.T)
            nonzero += int(np.count_nonzero(M[2]))
        b, db = self._theta[:, -1], self._grad[:, -1]
        n = self._entries
        W_mean, dW_mean = G[0, 3] / n, G[2, 3] / n
        return (
            sqrt(G[0, 0]),
            W_mean,
            sqrt(max(0.0, G[0, 0] / n - W_mean**2)),
            sqrt(float(np.dot(b, b))) if self._bias else nan,
            sqrt(G[2, 2]),
            dW_mean,
            sqrt(max(0.0, G[2, 2] / n - dW_mean**2)),
            sqrt(float(np.dot(db, db))) if self._bias else nan,
            1.0 - nonzero / n,
            sqrt(G[1, 1]),
        )

    def activations(self) -> tuple[float, ...]:
        """The columns from A_mean to saturated_share; to be called between the probe's forward and its backward."""
        Z, A, f = self._unit.Z, self._unit.A, self._unit.f
        n, units = A.shape[1], A.shape[0]
        mean = float(np.dot(A, self._ones).sum()) / A.size
        np.subtract(A, mean, out=self._derivative)
        flat = self._derivative.reshape(-1)
        variance = float(np.dot(flat, flat)) / A.size
        active = np.add.reduce(np.not_equal(A, 0.0, out=self._flags), axis=1, dtype=np.int32)
        saturated = nan
        if self._bounded:
            self._derivative.fill(1.0)
            f.backward(Z, A, self._derivative, self._derivative)  # dZ = 1 ∘ f'(Z)
            np.abs(self._derivative, out=self._derivative)
            saturated = np.count_nonzero(np.less(self._derivative, SATURATED, out=self._flags)) / A.size
        return (
            mean,
            sqrt(variance),
            1.0 - float(active.sum()) / A.size,
            np.count_nonzero(active == 0) / units,
            np.count_nonzero(active < NEARLY_DEAD * n) / units,
            np.count_nonzero(A.max(axis=1) == A.min(axis=1)) / units,
            saturated,
        )


class EpochGauge:
    """Measures the network between epochs: passes the probe rows through it, both ways, and reads every layer."""

    def __init__(self, network: Network, loss: Loss, probe: Examples) -> None:
        self._network = network
        self.graph = network.probe(len(probe))
        self._loss = bound_loss(loss, network, len(probe))
        self._batch = next(probe.batches(len(probe)))
        self.units = activation_units(self.graph)
        self.start = network.theta.copy()
        self.latest = np.full((len(self.units), len(LAYER_COLUMNS)), nan)
        self._gauges = [
            LayerGauge(network, layer, unit, self.start, self.graph)
            for layer, unit in zip(network.dense, self.units, strict=True)
        ]

    def measure(self) -> Array:
        """(layers, len(LAYER_COLUMNS)) float64, kept as `latest`; leaves the gradient in `graph.grad`, activations in
        `units`."""
        Z = self.graph.forward(self._batch.X)
        activations = [gauge.activations() for gauge in self._gauges]
        self.graph.backward(self._loss.backward(Z, self._batch.Y, self._batch.w))
        self.latest = np.array([gauge.weights() + part for gauge, part in zip(self._gauges, activations, strict=True)])
        return self.latest


def activation_units(graph: Graph) -> list[Unit]:
    """For each dense layer, whose output counts as its activation: its own, or that of the activation layer that
    follows before the next dense layer, where the dense layer itself is linear (dense, batch_norm, activation)."""
    units: list[Unit] = []
    for layer in walk(graph.layers):
        if isinstance(layer, Dense):
            units.append(layer)
        elif isinstance(layer, ActivationLayer) and units and isinstance(units[-1].f, Identity):
            units[-1] = layer
    return units
