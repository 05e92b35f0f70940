"""The networks that are measured, from too small to matter to bound by the machine's peak."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers.base import Layer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.layers.dropout import Dropout
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.network import Network, signal_rows
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.batches import Examples
from nn_scratch.training.evaluation import ClassificationScore, Evaluator
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.statistics import EpochStatistics
from nn_scratch.training.trainer import Trainer

PROBE_ROWS = 256  # the default of log.probe_rows
SAMPLE_ROWS = 2048


@dataclass(frozen=True)
class Workload:
    """A network of ReLUs, `sizes` from inputs to classes, its batch size, and the steps of one measured burst.

    dropout: the rate of a dropout layer after the first hidden layer; 0 for none.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    steps: int
    dropout: float = 0.0

    @property
    def shape(self) -> str:
        return "-".join(str(size) for size in self.sizes) + (f", dropout {self.dropout:g}" if self.dropout else "")

    @property
    def rows(self) -> int:
        return self.batch * self.steps


WORKLOADS = {
    workload.name: workload
    for workload in (
        Workload("W1", (2, 16, 16, 2), 32, 200),
        Workload("W2", (64, 128, 64, 10), 32, 100),
        Workload("W3", (784, 256, 128, 10), 128, 40),
        Workload("W4", (784, 1024, 1024, 10), 256, 8),
        Workload("W5", (784, 2048, 2048, 2048, 10), 512, 2),
        Workload("default", (64, 128, 64, 10), 32, 120, dropout=0.1),  # that of config/param.yaml: three epochs
    )
}

OPTIMIZERS_MEASURED: dict[str, Mapping[str, Any]] = {
    "sgd": {"lr": 0.01, "momentum": 0.9},
    "adam": {"lr": 0.001},
}


def data(workload: Workload, rows: int | None = None) -> tuple[Array, Array]:
    """Random inputs (rows, features) float32 and labels (rows,): what is learned does not matter here."""
    generator = np.random.default_rng(0)
    count = workload.rows if rows is None else rows
    X = generator.standard_normal((count, workload.sizes[0]), dtype=np.float32)
    return X, generator.integers(0, workload.sizes[-1], count)


def trainer(workload: Workload, optimizer: str, X: Array, y: Array, seed: int = 0) -> tuple[Trainer, EpochStatistics]:
    """The product's own trainer on these rows, with the evaluation of every epoch that a run has."""
    generators = spawn_generators(seed)
    *hidden, classes = workload.sizes[1:]
    layers: list[Layer] = [Dense(units, activation=ACTIVATIONS.create("relu")) for units in hidden]
    if workload.dropout:
        layers.insert(1, Dropout(workload.dropout))
    layers.append(Dense(classes, activation=ACTIVATIONS.create("identity")))
    network = Network(layers, workload.sizes[0], init=generators["init"], noise=generators["dropout"])
    loss = LOSSES.create("cross_entropy")
    examples = Examples(signal_rows(X, np.float32), loss.targets(classes).astype(np.float32), y)
    sample = examples[:SAMPLE_ROWS]
    assert sample.labels is not None
    score = ClassificationScore(sample.labels, classes, loss.decide)
    made = Trainer(
        network,
        loss,
        OPTIMIZERS.create(optimizer, **OPTIMIZERS_MEASURED[optimizer]),
        SCHEDULES.create("constant"),
        train=examples,
        evaluators={"train": Evaluator(network, loss, sample, score)},
        batch_size=workload.batch,
        epochs=10**9,
        order=generators["order"],
    )
    return made, EpochStatistics(network, loss, examples[:PROBE_ROWS])


class Timekeeper(Observer):
    """An observer that keeps nothing but the seconds of each epoch, and stops after some."""

    def __init__(self) -> None:
        self.training = self.evaluation = 0.0
        self.left = 0

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.training += seconds["training"]
        self.evaluation += seconds["evaluation"]


def train_epochs(made: Trainer, observer: Any, epochs: int) -> float:
    """Wall seconds of some more epochs."""
    made.epochs = made.epoch + epochs
    started = perf_counter()
    made.run(observer)
    return perf_counter() - started
