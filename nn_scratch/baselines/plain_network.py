"""What a plain network reaches on the same rows: two hidden layers of ReLUs, Adam, nothing unusual.

Where a run falls far behind it, the run's own settings are at fault, not the data, even where simpler models (see
baselines.kernel_ridge) are no better than the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.data.card import rounded
from nn_scratch.data.moments import moments
from nn_scratch.data.prepare import Data, Part
from nn_scratch.data.preprocessing import offset_and_scale
from nn_scratch.errors import Diverged
from nn_scratch.metrics import balanced_accuracy_from, confusion_counts, regression_scores
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.training.batches import Examples
from nn_scratch.training.evaluation import pass_through
from nn_scratch.training.trainer import Trainer

Array = NDArray[Any]

UNITS = (64, 32)
LR, BATCH, STEPS = 0.005, 32, 1200
LOOKS = 4  # times that the network is scored on val, of which the best counts: some data are learned by heart soon
MOST_ROWS = 2000  # of train, and of each other part
MOST_FEATURES = 1000
FAR = 8.0  # standard deviations to which features are cut: no row is to pull more than that


def plain_network(data: Data) -> dict[str, Any]:
    """{"score": ..., "train_score": ..., "steps": ...}: balanced accuracy, each class weighing the same, or R², on the
    rows of val and test together and on those of train; {} where there is nothing to fit or to score."""
    parts = (data.train, data.val, data.test)
    chosen = [some_rows(part) for part in parts]
    held = sum(map(len, chosen[1:]))
    if data.task == "multi_label" or len(chosen[0]) < 10 or held < 2:
        return {}
    train, *others = standardized(parts, chosen)
    targets, weights = train_targets(data, chosen[0])
    network, trainer = untrained(data, Examples(train, *targets, weights))
    looks: list[tuple[float, int, list[Array]]] = []
    rates = 0.5 * LR * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS))
    steps = trainer.steps_at(rates.tolist())
    try:
        for look in range(1, LOOKS + 1):
            for _ in islice(steps, STEPS // LOOKS):
                pass
            outputs = [pass_through(network, rows) for rows in (train, *others)]
            # where there is no val, what training rows say
            of_val = score(data, [data.val], [chosen[1]], outputs[1:2]) if len(chosen[1]) else float(look)
            looks.append((of_val, look, outputs))
    except Diverged:
        return {}
    _, look, outputs = max(looks, key=lambda entry: entry[:2])
    return {
        "score": rounded(score(data, parts[1:], chosen[1:], outputs[1:])),
        "train_score": rounded(score(data, parts[:1], chosen[:1], outputs[:1])),
        "steps": look * (STEPS // LOOKS),
    }


def some_rows(part: Part) -> Array:
    """Row numbers, spread evenly over the part where it has more than MOST_ROWS."""
    return np.linspace(0, max(0, len(part) - 1), min(MOST_ROWS, len(part))).round().astype(np.int64)


def standardized(parts: Sequence[Part], chosen: Sequence[Array]) -> list[Array]:
    """Inputs (rows, features + 1) of each part, float32, of mean 0 and std 1 in train; the last column ones."""
    offset, scale = offset_and_scale("standard", moments(parts[0].X[:, :MOST_FEATURES], chosen[0]))
    found = []
    for part, rows in zip(parts, chosen, strict=True):
        Z = np.clip((part.X[rows, :MOST_FEATURES] - offset) / scale, -FAR, FAR)
        found.append(np.hstack([Z, np.ones((len(Z), 1))]).astype(np.float32))
    return found


def train_targets(data: Data, rows: Array) -> tuple[tuple[Array, Array | None], Array | None]:
    """Targets and labels as `Examples` takes them, and weights by which classes count the same."""
    y = data.train.y[rows]
    if data.task == "classification":
        counts = np.bincount(y, minlength=len(data.class_names))
        weights = len(y) / (np.count_nonzero(counts) * np.maximum(counts, 1))
        return (np.eye(len(counts), dtype=np.float32), y), weights[y].astype(np.float32)
    offset, scale = of_targets(data)
    return (((y - offset) / scale).astype(np.float32), None), None


def of_targets(data: Data) -> tuple[Array, Array]:
    return offset_and_scale("standard", moments(data.train.y, np.arange(len(data.train))))


def untrained(data: Data, examples: Examples) -> tuple[Network, Trainer]:
    outputs = examples.targets.shape[1]
    layers = [LAYERS.create("dense", units=units) for units in UNITS]
    init, noise, order = (np.random.default_rng(seed) for seed in range(3))
    network = Network(
        [*layers, LAYERS.create("dense", units=outputs, activation="identity")],
        examples.inputs.shape[1] - 1,
        init=init,
        noise=noise,
        dtype=np.dtype(np.float32),
    )
    trainer = Trainer(
        network,
        LOSSES.create("cross_entropy" if data.task == "classification" else "mse"),
        OPTIMIZERS.create("adam", lr=LR),
        SCHEDULES.create("constant"),
        train=examples,
        evaluators={},
        batch_size=BATCH,
        epochs=1,
        order=order,
    )
    return network, trainer


def score(data: Data, parts: Sequence[Part], chosen: Sequence[Array], outputs: Sequence[Array]) -> float:
    """Balanced accuracy or R² over the rows of all parts together; outputs (k, rows) of each."""
    y = np.concatenate([part.y[rows] for part, rows in zip(parts, chosen, strict=True)])
    Z = np.concatenate(outputs, axis=1).T
    if data.task == "classification":
        return balanced_accuracy_from(confusion_counts(y, Z.argmax(axis=1), Z.shape[1]))
    offset, scale = of_targets(data)
    return regression_scores(y, Z * scale + offset)["r2"]
