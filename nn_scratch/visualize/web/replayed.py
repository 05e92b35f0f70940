"""The terms of the chain rule that the log leaves out: the inputs and derivatives of every dense layer, row by row.

They are computed by the network's own forward and backward passes with the logged weights of each epoch; nothing of
the mathematics is written a second time.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from nn_scratch.experiments.model import decode_outputs
from nn_scratch.metrics import Array
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.network import Graph, signal_rows
from nn_scratch.training.evaluation import bound_loss
from nn_scratch.training.statistics import activation_units
from nn_scratch.visualize.replay import Replay
from nn_scratch.visualize.view import View


@dataclass
class Passed:
    """Some rows through the network at some epochs; arrays (epochs, rows, ...).

    x: each dense layer's input. delta: ∂L/∂Z of each dense layer, L the mean over all probe rows. derivative: f'(Z),
    where the activation is elementwise. activation: each layer's output. output: probabilities, or values in the
    target's own units. decided: the class that is predicted. loss: of each row.
    direct: layers whose activation is the next dense layer's input, with nothing in between.
    """

    x: dict[str, Array] = field(default_factory=dict)
    delta: dict[str, Array] = field(default_factory=dict)
    derivative: dict[str, Array] = field(default_factory=dict)
    activation: dict[str, Array] = field(default_factory=dict)
    output: Array = field(default_factory=lambda: np.zeros((0, 0, 0)))
    decided: Array = field(default_factory=lambda: np.zeros((0, 0), np.int64))
    loss: Array = field(default_factory=lambda: np.zeros((0, 0)))
    direct: set[str] = field(default_factory=set)


class Rows:
    """Rows of a part as the loss takes them: X (rows, features) scaled, y, and their weights in the loss."""

    def __init__(self, view: View, replay: Replay, X: Array, y: Array) -> None:
        model = replay.model
        dtype = model.network.dtype
        self.X, self.y = X, y
        if view.classifies:
            known = np.clip(y.astype(int), 0, len(view.class_names) - 1)
            self.Y = model.loss.targets(len(view.class_names)).astype(dtype)[known].T
        else:
            self.Y = y.reshape(len(X), -1).astype(dtype).T
        weights = row_weights(view, y)
        self.w: Array | float = 1.0 / max(1, len(X)) if weights is None else (weights / weights.sum()).astype(dtype)


def row_weights(view: View, y: Array) -> Array | None:
    """(rows,) by `class_weight`; None where all count alike. Weights of a column of the data are not in the log."""
    declared = view.run.config.get("class_weight")
    if declared is None or not view.classifies:
        return None
    names = view.class_names
    if declared == "balanced":
        counts = view.run.card["parts"]["train"].get("class_counts") or {}
        by_class = np.array([1.0 / max(1, counts.get(name, 0)) for name in view.run.card["classes"]])
    elif isinstance(declared, Mapping):
        by_class = np.array([declared.get(name, 1.0) for name in names])
    else:
        return None
    chosen: Array = by_class[np.clip(y.astype(int), 0, len(names) - 1)]
    return chosen


def pass_rows(replay: Replay, rows: Rows, at: Array, kept: Array) -> Passed:
    """Pass all rows both ways at the log's rows `at`; of what is found, keep that of the rows `kept`."""
    network, loss = replay.model.network, replay.model.loss
    graph, bound = network.probe(len(rows.X)), bound_loss(loss, network, len(rows.X))
    signal = np.ascontiguousarray(signal_rows(rows.X, network.dtype).T)
    passed = Passed()
    lists: dict[tuple[str, str], list[Array]] = {}
    outputs, decided, losses = [], [], []
    for row in at:
        replay.at(int(row))
        with np.errstate(all="ignore"):
            Z = graph.forward(signal).copy()
            losses.append(bound.forward(Z, rows.Y).copy())
            outputs.append(decode_outputs(Z, loss, replay.model.preprocessing))
            decided.append(loss.decide(Z) if replay.model.class_names else np.zeros(len(rows.X), np.int64))
            derivatives = derivatives_of(graph, kept)
            graph.backward(bound.backward(Z, rows.Y, rows.w))
        for layer, unit in zip(graph.dense, activation_units(graph), strict=True):
            found = {"x": layer.X[: layer.inputs], "delta": layer.dZ, "activation": unit.A}
            if layer.name in derivatives:
                lists.setdefault(("derivative", layer.name), []).append(derivatives[layer.name])
            for name, values in found.items():
                lists.setdefault((name, layer.name), []).append(values[:, kept].T.astype(np.float32))
    for (name, layer_name), arrays in lists.items():
        getattr(passed, name)[layer_name] = np.stack(arrays)
    passed.output, passed.decided, passed.loss = np.stack(outputs), np.stack(decided), np.stack(losses)
    passed.direct = direct_layers(graph)
    return passed


def derivatives_of(graph: Graph, kept: Array) -> dict[str, Array]:
    """f'(Z) of the dense layers with an elementwise activation, (kept rows, units)."""
    found = {}
    for layer in graph.dense:
        if layer.f.elementwise:
            ones = np.ones_like(layer.A)
            layer.f.backward(layer.Z, layer.A, ones, ones)
            found[layer.name] = ones[:, kept].T.astype(np.float32)
    return found


def direct_layers(graph: Graph) -> set[str]:
    """Dense layers whose activation reaches the next dense layer unchanged when nothing is dropped."""
    dense: list[Dense] = graph.dense
    return {
        layer.name
        for layer, following in pairwise(dense)
        if layer.units == following.inputs and np.array_equal(layer.A, following.X[: following.inputs])
    }
