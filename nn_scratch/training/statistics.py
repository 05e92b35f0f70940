"""Statistics of a network while it trains: numbers a layer, for layers.csv and steps.csv.

Norms and dot products over a whole layer are computed in pieces that stay in the cache.
"""

from __future__ import annotations

from functools import cached_property, partial
from math import nan

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.rectifiers import Identity, ReLU
from nn_scratch.nn.layers.activation import ActivationLayer
from nn_scratch.nn.layers.base import walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Graph, Network
from nn_scratch.training.batches import Examples
from nn_scratch.training.evaluation import bound_loss

Unit = Dense | ActivationLayer

PIECE = 1 << 14  # elements of an epoch or a step that are measured at once
BUFFER_BYTES = 16 << 20  # of epochs that are measured together
STEP_BUFFER_BYTES = 2 << 20  # of steps: what stays in the second-level cache
MAX_BUFFERED = 64
SATURATED = 1e-2  # |f'(Z)| below which a unit is saturated
NEARLY_DEAD = 1e-2  # share of rows on which a unit is active, below which it is nearly dead

STEP_COLUMNS = (
    "param_norm",  # ‖θ‖ of the layer's W and b, before the update
    "grad_norm",  # ‖∂L/∂θ‖ on the batch, penalties and clipping not included
    "update_norm",  # ‖Δθ‖, what the optimizer did
    "update_ratio",  # ‖Δθ‖ / ‖θ‖
    "grad_cosine",  # cosine of the angle to the gradient of the step before, both as the optimizer saw them
    "grad_dot_update",  # ∂L/∂θ · Δθ: the change of the loss to first order
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


class StepStatistics:
    """Measures steps of training, layer by layer: call `before`, `gradient` and `after` in each, then `read`.

    Up to `capacity` steps are buffered until they are read; a further one replaces them all.

    Attributes: `waiting`, the number of steps in the buffer.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._segments = [network.segment(layer) for layer in network.dense]
        self.capacity = int(np.clip(STEP_BUFFER_BYTES // max(1, 5 * network.theta.nbytes), 1, MAX_BUFFERED))
        self.waiting = 0

    @cached_property
    def _rows(self) -> Array:
        """Of each step: θ before, its gradient, Δθ, the gradient of the step before, its own as the optimizer saw it.

        Allocated with the first step that is measured: clearing them takes longer than a small fit without a log.
        """
        return np.zeros((self.capacity, 5, self._network.theta.size), self._network.dtype)

    def before(self) -> None:
        if self.waiting == self.capacity:
            self.waiting = 0
        row = self._rows[self.waiting]
        row[0] = self._network.theta
        row[3] = self._network.grad

    def gradient(self) -> None:
        self._rows[self.waiting, 1] = self._network.grad

    def after(self) -> None:
        row = self._rows[self.waiting]
        np.subtract(self._network.theta, row[0], out=row[2])
        row[4] = self._network.grad
        self.waiting += 1

    def read(self) -> Array:
        """(buffered steps, layers, len(STEP_COLUMNS)) float64; empties the buffer."""
        rows, self.waiting = self._rows[: self.waiting], 0
        return self._measure(rows)

    def latest(self) -> Array:
        """(layers, len(STEP_COLUMNS)) of the step measured last; nan before the first."""
        measured: Array = self._measure(self._rows[[self.waiting - 1]])[0]
        return measured

    def _measure(self, rows: Array) -> Array:
        measured = np.empty((len(rows), len(self._segments), len(STEP_COLUMNS)))
        with np.errstate(all="ignore"):
            for layer, (start, stop) in enumerate(self._segments):
                squares = np.zeros((len(rows), 5))
                cross, change = np.zeros(len(rows)), np.zeros(len(rows))
                for at in range(start, stop, PIECE):
                    V = rows[:, :, at : min(at + PIECE, stop)]
                    squares += np.vecdot(V, V)
                    cross += np.vecdot(V[:, 3], V[:, 4])
                    change += np.vecdot(V[:, 1], V[:, 2])
                param, grad, update, previous, seen = np.sqrt(squares.T)
                measured[:, layer].T[:] = (param, grad, update, update / param, cross / (previous * seen), change)
        return measured


class LayerStatistics:
    """Measures one dense layer: its W and b, their gradients, and its activations, of several epochs at once."""

    def __init__(self, network: Network, layer: Dense, start: Array) -> None:
        """start: the initial parameters, (size,)."""
        self.name, self._bias = layer.name, layer.bias
        self._view = partial(network.block, layer, "Wb")
        self._start = self._view(start)
        self._units, self._width = self._start.shape
        self._entries = layer.inputs * layer.outputs
        self._rows_at_once = max(1, PIECE // self._width)  # of Wb; the same for one epoch and for many

    def weights(self, theta: Array, grad: Array) -> Array:
        """The columns from W_norm to distance, (epochs, columns), from (epochs, size) of each vector."""
        theta, grad = self._view(theta), self._view(grad)
        epochs = len(theta)
        squares, sums, nonzero = np.zeros((epochs, 3)), np.zeros((epochs, 2)), np.zeros(epochs)
        for at in range(0, self._units, self._rows_at_once):
            part = slice(at, at + self._rows_at_once)
            # float64: the variance is a difference of two sums, which may be nearly equal
            V = np.empty((epochs, 3, len(self._start[part]), self._width))
            V[:, 0] = theta[:, part]
            np.subtract(V[:, 0], self._start[part], out=V[:, 1])
            V[:, 2] = grad[:, part]
            if self._bias:
                V[..., -1] = 0.0  # W alone
            changes = grad[:, part, : self._width - self._bias] != 0
            nonzero += [np.count_nonzero(epoch) for epoch in changes]  # of booleans, without an axis: the fast one
            flat = V.reshape(epochs, 3, -1)
            squares += np.vecdot(flat, flat)
            sums += np.add.reduce(flat[:, ::2], axis=2)
        (W_mean, dW_mean), (W_square, distance_square, dW_square) = sums.T / self._entries, squares.T
        no_bias = np.full(epochs, nan)
        return np.array(
            (
                np.sqrt(W_square),
                W_mean,
                np.sqrt(np.maximum(0.0, W_square / self._entries - W_mean**2)),
                norms(theta[:, :, -1]) if self._bias else no_bias,
                np.sqrt(dW_square),
                dW_mean,
                np.sqrt(np.maximum(0.0, dW_square / self._entries - dW_mean**2)),
                norms(grad[:, :, -1]) if self._bias else no_bias,
                1.0 - nonzero / self._entries,
                np.sqrt(distance_square),
            )
        ).T

    def activations(self, A: Array) -> Array:
        """The columns from A_mean to constant_share, (epochs, columns), from activations (epochs, units, rows)."""
        epochs, units, rows = A.shape
        flat = A.reshape(epochs, -1)
        mean = np.add.reduce(flat, axis=1) / flat.shape[1]
        work = flat - mean[:, None]
        variance = np.vecdot(work, work) / flat.shape[1]
        bits = np.packbits(A != 0, axis=2)
        active = np.bitwise_count(bits).sum(axis=2, dtype=np.int64)  # (epochs, units): on how many rows
        return np.array(
            (
                mean,
                np.sqrt(variance),
                1.0 - active.sum(axis=1) / flat.shape[1],
                np.count_nonzero(active == 0, axis=1) / units,
                np.count_nonzero(active < NEARLY_DEAD * rows, axis=1) / units,
                np.count_nonzero(constant(A, active), axis=1) / units,
            )
        ).T


class SaturationStatistics:
    """The share of a layer's activations whose derivative is nearly 0, of the probe's latest forward pass."""

    def __init__(self, unit: Unit, probe: Graph) -> None:
        self._unit = unit
        self._derivative = np.empty_like(unit.A)
        self._bounded = not isinstance(unit.f, Identity | ReLU)

    def measure(self) -> float:
        """nan for ReLU and identity, whose derivative is 0 or 1."""
        if not self._bounded:
            return nan
        Z, A, f = self._unit.Z, self._unit.A, self._unit.f
        self._derivative.fill(1.0)
        f.backward(Z, A, self._derivative, self._derivative)  # dZ = 1 ∘ f'(Z)
        return np.count_nonzero(np.abs(self._derivative) < SATURATED) / A.size


class EpochStatistics:
    """Measures the network between epochs, on a forward and backward pass of the probe rows.

    Up to `capacity` epochs are buffered until they are read, in arrays with a row an epoch: theta and grad (size,),
    activations of each layer (units, probe rows). Measuring many at once costs a fraction of measuring each.

    Attributes: `waiting`, the number of epochs in the buffer.
    """

    def __init__(self, network: Network, loss: Loss, probe: Examples, start: Array | None = None) -> None:
        """start: the parameters from which distances are measured, (size,); None: those of now."""
        self._network = network
        self.graph = network.probe(len(probe))
        self._loss = bound_loss(loss, network, len(probe))
        self._batch = next(probe.batches(len(probe)))
        self.units = activation_units(self.graph)
        self.start = network.theta.copy() if start is None else start
        self._saturation = [SaturationStatistics(unit, self.graph) for unit in self.units]
        self._layers = [LayerStatistics(network, layer, self.start) for layer in network.dense]
        row_bytes = 2 * network.theta.nbytes + network.state.nbytes + sum(unit.A.nbytes for unit in self.units)
        self.capacity, self.waiting = int(np.clip(BUFFER_BYTES // max(1, row_bytes), 1, MAX_BUFFERED)), 0
        self._passed = 0  # how many of the waiting have had their pass
        self._theta, self._grad = (np.empty((self.capacity, network.theta.size), network.dtype) for _ in range(2))
        self._state = np.empty((self.capacity, network.state.size), network.dtype)
        self._activations = [np.empty((self.capacity, *unit.A.shape), network.dtype) for unit in self.units]
        self._saturated = np.empty((self.capacity, len(self.units)))

    def pass_probe(self) -> None:
        """Leaves the gradient in `graph.grad`, and activations in the `units`."""
        Z = self.graph.forward(self._batch.X)
        self._saturated_now = [unit.measure() for unit in self._saturation]
        self.graph.backward(self._loss.backward(Z, self._batch.Y, self._batch.w))

    def keep(self) -> None:
        """Add an epoch to the buffer. Its probe rows are passed together with those of other epochs, where there is
        room for several: a small network takes a third of the time for a pass right after another."""
        self._theta[self.waiting], self._state[self.waiting] = self._network.theta, self._network.state
        self.waiting += 1
        if self.capacity == 1:
            self._pass_next()

    def _pass_next(self) -> None:
        """Pass the probe rows of the first epoch without a pass, whose parameters the network has."""
        self.pass_probe()
        at = self._passed
        self._grad[at], self._saturated[at] = self.graph.grad, self._saturated_now
        for kept, unit in zip(self._activations, self.units, strict=True):
            kept[at] = unit.A
        self._passed += 1

    def _pass_waiting(self) -> None:
        """Pass the probe rows of all buffered epochs; afterwards the network is as it was."""
        if self._passed == self.waiting:
            return
        theta, state = self._network.theta.copy(), self._network.state.copy()
        try:
            with np.errstate(all="ignore"):
                while self._passed < self.waiting:
                    at = self._passed
                    self._network.theta[...], self._network.state[...] = self._theta[at], self._state[at]
                    self._pass_next()
        finally:
            self._network.theta[...], self._network.state[...] = theta, state

    @property
    def theta(self) -> Array:
        """The parameters of the buffered epochs, (epochs, size)."""
        return self._theta[: self.waiting]

    @property
    def grad(self) -> Array:
        """Their gradients on the probe rows, (epochs, size)."""
        self._pass_waiting()
        return self._grad[: self.waiting]

    @property
    def state(self) -> Array:
        """State that layers keep without learning it (running statistics), (epochs, size)."""
        return self._state[: self.waiting]

    @property
    def activations(self) -> list[Array]:
        """Of each dense layer, (epochs, units, probe rows)."""
        self._pass_waiting()
        return [kept[: self.waiting] for kept in self._activations]

    def read(self) -> Array:
        """(buffered epochs, layers, len(LAYER_COLUMNS)) float64; `clear` empties the buffer."""
        return self._measure(self.theta, self.grad, self.activations, self._saturated[: self.waiting])

    def clear(self) -> None:
        self.waiting = self._passed = 0

    def latest(self) -> Array:
        """(layers, len(LAYER_COLUMNS)) of the epoch kept last, whose parameters the network has."""
        self._pass_waiting()
        activations = [unit.A[None] for unit in self.units]
        saturated = np.array([self._saturated_now])
        measured: Array = self._measure(self._network.theta[None], self.graph.grad[None], activations, saturated)[0]
        return measured

    def _measure(self, theta: Array, grad: Array, activations: list[Array], saturated: Array) -> Array:
        measured = np.empty((len(theta), len(self._layers), len(LAYER_COLUMNS)))
        with np.errstate(all="ignore"):
            for layer, (measure, A) in enumerate(zip(self._layers, activations, strict=True)):
                of_weights, of_activations = measure.weights(theta, grad), measure.activations(A)
                columns = (of_weights, of_activations, saturated[:, layer : layer + 1])
                np.concatenate(columns, axis=1, out=measured[:, layer])
        return measured


def constant(A: Array, active: Array) -> Array:
    """Which units have the same value on every row, (epochs, units), from activations (epochs, units, rows).

    active: on how many rows a unit is not 0. One that is 0 on some rows alone is not constant: of ReLUs few are left.
    """
    alike: Array = active == 0
    epochs, units = np.nonzero(active == A.shape[2])
    begins_alike = (A[epochs, units, :8] == A[epochs, units, :1]).all(axis=1)
    epochs, units = epochs[begins_alike], units[begins_alike]
    alike[epochs, units] = (A[epochs, units] == A[epochs, units, :1]).all(axis=1)
    return alike


def norms(rows: Array) -> Array:
    """‖row‖ of each, (epochs, n) to (epochs,)."""
    squares: Array = np.vecdot(rows, rows)
    return np.sqrt(squares)


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
