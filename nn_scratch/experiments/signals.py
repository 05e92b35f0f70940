"""Measurements made once per run, for signals.json: the network before its first step, data and baselines at the end.

Before the first step, the probe rows pass through a float64 copy of the network in training mode, so that batch
normalization acts as in training, and its gradient is compared with finite differences of the loss.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from math import nan, sqrt
from typing import Any

import numpy as np

from nn_scratch.experiments.build import Built
from nn_scratch.experiments.gradient_check import (
    forward,
    gradient_errors,
    in_float64,
    norm,
    probe_batch,
    training_graph,
)
from nn_scratch.metrics import Array, rounded
from nn_scratch.nn.activations import Activation
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.training.evaluation import bound_loss
from nn_scratch.training.statistics import SATURATED, activation_units

PROGRESS = logging.getLogger("nn_scratch.progress")
SCHEMA = 1

ORDER_BATCHES = 50
ODD = np.uint64(0x9E3779B97F4A7C15)  # keeps equal hashes of features and target from cancelling
MOST_COMPARED = 20_000_000  # numbers of the training rows, up to which rows are compared one by one

ALIKE = 1e-6  # relative difference of two units' weights below which they are one unit twice


def signals_at_start(built: Built) -> dict[str, Any]:
    """The network at step 0 and the order of the first batches. Changes nothing of the run."""
    network = in_float64(built.network)
    batch = probe_batch(built, None)
    graph, loss = training_graph(network, len(built.probe_rows)), bound_loss(built.loss, network, batch.X.shape[1])
    with np.errstate(all="ignore"):
        built.epoch_statistics.pass_probe()
        Z = forward(network, graph, batch)
        losses = loss.forward(Z, batch.Y)
        start_loss = batch.mean(losses)
        inputs = [(layer, getattr(layer, "X", None)) for layer in graph.dense]
        # Z is computed again: where f needs A alone, A has taken its place
        pre = {layer.name: layer.Wb @ X for layer, X in inputs if X is not None}
        panels = [
            # a dense layer's own activation may overwrite Z, an activation layer keeps what it is applied to
            unit_panel(layer, unit.f, unit.A, pre[layer.name], pre[layer.name] if unit is layer else unit.Z)
            for layer, unit in zip(graph.dense, activation_units(graph), strict=True)
        ]
        graph.backward(loss.backward(Z, batch.Y, batch.w))
        for panel, layer, own in zip(panels, network.dense, built.network.dense, strict=True):
            gradient = network.block(layer, "Wb", graph.grad)
            panel |= {
                "gradient_norm": norm(gradient),
                "gradient_rms": norm(gradient) / sqrt(gradient.size),
                "twin_units": twin_share(built, own),
            }
        errors = gradient_errors(network, built)
    return {
        "schema": SCHEMA,
        "start": rounded(
            {
                "loss": start_loss,
                "layers": [{"layer": panel.pop("layer"), **panel} for panel in panels],
                "output": {"std": float(Z.std()), "min": float(Z.min()), "max": float(Z.max())},
                "gradient_errors": errors,
                "target": target_panel(built),
            }
        ),
        "order": rounded(order_panel(built)),
    }


def signals_at_end(built: Built, checks: Mapping[str, Any]) -> dict[str, Any]:
    """At the end of training: the gradient of the penalties, the weights, and what the `data_checks` found."""
    network = built.network
    finite = bool(np.isfinite(network.theta).all())
    end: dict[str, Any] = {"finite": finite}
    if finite:
        with np.errstate(all="ignore"):
            end |= penalty_panel(built)
            end["layers"] = [end_panel(built, layer) for layer in network.dense]
    return {
        "end": rounded(end) | checks["end"],
        "attainable": checks["attainable"],
        "plain_network": checks["plain_network"],
    }


# --- the panel of a layer


def unit_panel(layer: Dense, f: Activation, A: Array, Z: Array, Z_f: Array) -> dict[str, Any]:
    """How the layer's signal stands at step 0; Z (o, n) what the dense layer makes, A (o, n) what follows it, Z_f what
    the activation is applied to, which a normalization may have changed."""
    fans = (layer.inputs, layer.outputs)
    name, parameters = f.initializer
    W = layer.Wb[:, : layer.inputs]
    slope: Array = np.ones_like(A)
    if not isinstance(f, Identity) and f.elementwise:
        f.backward(Z_f, A, slope, slope)
    return {
        "layer": layer.name,
        "inputs": layer.inputs,
        "units": layer.outputs,
        "activation": f.registered_name,
        "W_std": float(np.sqrt(np.mean(np.square(W)))),
        "W_std_suited": INITIALIZERS.create(name, **parameters).std(fans),
        "W_std_declared": layer.init.std(fans),
        "b_mean": float(layer.Wb[:, -1].mean()) if layer.bias else 0.0,
        "b_std": float(layer.Wb[:, -1].std()) if layer.bias else 0.0,
        "Z_mean": float(Z.mean()),
        "Z_std": float(Z.std()),
        "Z_spread": float(Z.std(axis=1).mean()),  # of a unit, over the rows
        "A_std": float(A.std()),
        "A_spread": float(A.std(axis=1).mean()),
        "dead_share": float((A == 0).all(axis=1).mean()) if f.rectifier else 0.0,
        "flat_share": float((np.abs(slope) < SATURATED).mean()),
    }


def twin_share(built: Built, layer: Dense) -> float:
    """The share of a layer's units that have the weights and the gradient of another: they stay the same unit.

    The gradient is the latest one, on the probe rows."""
    network, statistics = built.network, built.epoch_statistics
    if layer.outputs < 2:
        return 0.0
    rows = [network.block(layer, "Wb", vector).astype(np.float64) for vector in (network.theta, statistics.graph.grad)]
    marks = np.random.default_rng(0).normal(size=rows[0].shape[1])
    projected = np.stack([values @ marks for values in rows], axis=1)
    scale = [norm(values) * float(np.linalg.norm(marks)) for values in rows]
    order = np.lexsort((projected[:, 1], projected[:, 0]))
    near = np.abs(np.diff(projected[order], axis=0)) <= ALIKE * np.array(scale) / sqrt(layer.outputs)
    both = near.all(axis=1)
    return float((np.append(both, False) | np.append(False, both)).mean())


def end_panel(built: Built, layer: Dense) -> dict[str, Any]:
    W = built.network.block(layer, "Wb", built.network.theta)[:, : layer.inputs]
    start = built.network.block(layer, "Wb", built.epoch_statistics.start)[:, : layer.inputs]
    return {"layer": layer.name, "W_rms": norm(W) / sqrt(W.size), "moved": norm(W - start) / (norm(start) or nan)}


# --- targets and order


def target_panel(built: Built) -> dict[str, Any]:
    """The targets of a regression as the loss takes them, scaled."""
    data = built.data
    if data.task != "regression":
        return {}
    y = data.train.y.astype(np.float64)
    return {"mean": float(y.mean()), "std": float(y.std()), "min": float(y.min()), "max": float(y.max())}


def order_panel(built: Built) -> dict[str, Any]:
    """The labels of the first epoch's batches against a shuffled order of the same labels.

    z: how far the batches' label counts (or mean targets) differ, in standard deviations of what shuffling would give
    (hypergeometric). pure_share: batches of a single class.
    """
    trainer, data = built.trainer, built.data
    n, size = len(data.train), trainer.batch_size
    order = np.arange(n)
    if trainer.shuffle:
        generator = np.random.default_rng(0)
        generator.bit_generator.state = trainer.state()["order"]
        order = generator.permutation(n)
    batches = min(ORDER_BATCHES, n // size)
    if batches < 2 or size < 2:
        return {"batches": batches, "z": None, "pure_share": None}
    # evenly spread over the epoch: the first alone would not show a slow drift
    at = np.linspace(0, n // size - 1, batches).astype(int)
    rows = np.stack([order[b * size : (b + 1) * size] for b in at])
    left = (n - size) / max(1, n - 1)
    if data.task == "classification":
        k = len(data.class_names)
        shares = np.bincount(data.train.y, minlength=k) / n
        there = shares > 0
        counts = np.stack([np.bincount(data.train.y[row], minlength=k) for row in rows])[:, there]
        chi2 = ((counts - size * shares[there]) ** 2 / (size * shares[there])).sum(axis=1) / max(left, 1e-9)
        freedom = max(1, int(there.sum()) - 1)
        z = (chi2.mean() - freedom) / sqrt(2 * freedom / batches)
        pure = float((counts.max(axis=1) == size).mean())
        return {
            "batches": batches,
            "z": z,
            "pure_share": pure,
            "classes_a_batch": float((counts > 0).sum(axis=1).mean()),
        }
    y = data.train.y[:, 0].astype(np.float64)
    spread = y.var() * left / size
    squares = (y[rows].mean(axis=1) - y.mean()) ** 2 / (spread or nan)
    return {"batches": batches, "z": (squares.mean() - 1) / sqrt(2 / batches), "pure_share": None}


# --- the end


def penalty_panel(built: Built) -> dict[str, Any]:
    """The gradient of the penalties at the end, over that of the data on the probe rows."""
    network, statistics, regularize = built.network, built.epoch_statistics, built.config.regularize
    statistics.pass_probe()
    mask = network.penalized()
    pull = mask * (regularize.l1 * np.sign(network.theta) + regularize.l2 * network.theta)
    data = norm(statistics.graph.grad * mask)
    return {"penalty_over_data": norm(pull) / data if data > 0 else nan, "data_gradient": data}
