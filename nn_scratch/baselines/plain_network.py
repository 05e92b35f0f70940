"""A plain network as a baseline: its scores on the same rows, with two hidden layers of ReLUs and Adam.

If a run falls far behind it, the settings of the run are at fault and not the data, even where simpler models (see
`baselines.kernel_ridge`) score no better than the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from math import inf
from typing import Any

import numpy as np

from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import (
    MAX_CLASSES,
    MAX_FEATURES,
    inverse_frequency,
    main_score,
    sample_rows,
    scores,
    standardized,
)
from nn_scratch.data.moments import moments
from nn_scratch.data.prepare import Data
from nn_scratch.data.preprocessing import offset_and_scale
from nn_scratch.errors import Diverged
from nn_scratch.metrics import Array
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.training.batches import Examples
from nn_scratch.training.evaluation import pass_through
from nn_scratch.training.trainer import Trainer

UNITS = (64, 32)  # of its hidden layers; by hand
LR, BATCH, STEPS = 0.005, 32, 1200  # by hand
# times that the network is scored on val; the best one counts, because small data are soon overfitted; by hand
EVALUATIONS = 4
LOWEST_LOG = -20.0  # of a probability, so that one row does not decide a mean; by hand
MAX_ROWS = 2000  # of train, and of each other part; bounds time


@once_per_split
def plain_network(data: Data) -> dict[str, Any]:
    """{"score": ..., "train_score": ..., "accuracy": ..., "log_loss": ..., "steps": ...}: balanced accuracy, each class
    weighing the same, or R², on the rows of val and test together and on those of train; {} where there is nothing to
    fit or to score, and for more than MAX_CLASSES classes.

    Classes, by the same network with the classes' shares put back (log p added to the logits, Elkan 2001): accuracy and
    mean cross-entropy on the rows of val and test, comparable with a run that does not weigh classes."""
    parts = (data.train, data.val, data.test)
    chosen = [sample_rows(len(part), MAX_ROWS) for part in parts]
    held = sum(map(len, chosen[1:]))
    if data.task == "multi_label" or len(data.class_names) > MAX_CLASSES or len(chosen[0]) < 10 or held == 1:
        return {}
    y = [part.y[rows] for part, rows in zip(parts, chosen, strict=True)]
    inputs = with_ones([part.X[rows, :MAX_FEATURES] for part, rows in zip(parts, chosen, strict=True)])
    network, trainer = untrained(data, examples(data, inputs[0], y[0]))
    evaluations: list[tuple[float, int, list[Array]]] = []
    steps = trainer.steps_at((0.5 * LR * (1 + np.cos(np.pi * np.arange(STEPS) / STEPS))).tolist())
    try:
        for number in range(1, EVALUATIONS + 1):
            for _ in islice(steps, STEPS // EVALUATIONS):
                pass
            outputs = [pass_through(network, rows) for rows in inputs]
            # without val, the last evaluation counts
            of_val = score(data, y[1:2], outputs[1:2]) if len(y[1]) else float(number)
            evaluations.append((-inf if of_val is None else of_val, number, outputs))
    except Diverged:
        return {}
    _, number, outputs = max(evaluations, key=lambda entry: entry[:2])
    found = unweighted_scores(y, outputs) if data.task == "classification" and held else {}
    return found | {
        "score": score(data, y[1:], outputs[1:]) if held else None,
        "train_score": score(data, y[:1], outputs[:1]),
        "steps": number * (STEPS // EVALUATIONS),
    }


def with_ones(blocks: Sequence[Array]) -> list[Array]:
    """Inputs (rows, features + 1), float32, standardized by the first block; the last column is ones."""
    return [np.hstack([Z, np.ones((len(Z), 1))]).astype(np.float32) for Z in standardized(blocks, blocks[0])]


def examples(data: Data, inputs: Array, y: Array) -> Examples:
    """One-hot targets, weighted so that classes count the same; or standardized numbers."""
    if data.task == "classification":
        classes = len(data.class_names)
        weights = inverse_frequency(y, classes).astype(np.float32)
        return Examples(inputs, np.eye(classes, dtype=np.float32), y, weights)
    offset, scale = of_targets(data)
    return Examples(inputs, ((y - offset) / scale).astype(np.float32))


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


def score(data: Data, y: Sequence[Array], outputs: Sequence[Array]) -> float | None:
    """Balanced accuracy or R² over the rows of all parts together; outputs (outputs, rows) of each."""
    true, Z = np.concatenate(y), np.concatenate(outputs, axis=1).T
    if data.task == "classification":
        return scores(data, true, Z.argmax(axis=1))[main_score(data)]
    offset, scale = of_targets(data)
    return scores(data, true, Z * scale + offset)[main_score(data)]


def unweighted_scores(y: Sequence[Array], outputs: Sequence[Array]) -> dict[str, float]:
    """Accuracy and mean cross-entropy on the held-out rows, of logits learned with classes weighing the same."""
    shares = np.bincount(y[0], minlength=len(outputs[0])) / len(y[0])
    true = np.concatenate(y[1:])
    with np.errstate(divide="ignore"):
        Z = np.concatenate(outputs[1:], axis=1).T.astype(np.float64) + np.log(shares)
    Z -= Z.max(axis=1, keepdims=True)
    log_p = Z - np.log(np.exp(Z).sum(axis=1, keepdims=True))
    losses = -np.maximum(log_p[np.arange(len(true)), true], LOWEST_LOG)
    return {"accuracy": float((Z.argmax(axis=1) == true).mean()), "log_loss": float(losses.mean())}
