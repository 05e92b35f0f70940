"""Loss and scores of the network on fixed rows, in evaluation mode."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np

from nn_scratch import metrics
from nn_scratch.metrics import Array
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.network import Network
from nn_scratch.training.batches import Examples

MAX_ELEMENTS = 1 << 20  # rows x the widest layer: size of a signal that is computed at once
MAX_ROWS = 2048
MOST_CONFUSION_CLASSES = 100  # whose confusion is counted: that of 10,000 would take 800 MB


def evaluation_rows(network: Network) -> int:
    """How many rows to pass through the network at once."""
    widest = max([network.inputs, *(layer.outputs for layer in network.layers)])
    return int(np.clip(MAX_ELEMENTS // widest, 64, MAX_ROWS))


def pass_through(network: Network, inputs: Array) -> Array:
    """Outputs Z (outputs, rows) in evaluation mode, for inputs (rows, features + 1) as in `Examples`."""
    Z = np.empty((network.outputs, len(inputs)), network.dtype)
    step = evaluation_rows(network)
    for start in range(0, len(inputs), step):
        rows = inputs[start : start + step]
        Z[:, start : start + len(rows)] = network.on(len(rows), training=False).forward(rows.T)
    return Z


def bound_loss(loss: Loss, network: Network, rows: int) -> Loss:
    """A copy of the loss with buffers for `rows` rows."""
    bound = copy(loss)
    bound.bind(network.outputs, Memory.for_rows(rows, network.dtype))
    return bound


class ClassificationScore:
    """Accuracy and balanced accuracy of outputs Z (outputs, rows).

    confusion: (classes, classes) counts of the latest call, of which the scores are made; None above
    MOST_CONFUSION_CLASSES.
    """

    names = ("accuracy", "balanced_accuracy")

    def __init__(self, labels: Array, classes: int, decide: Callable[[Array], Array]) -> None:
        """labels: (rows,) class indices; `decide` turns outputs (outputs, rows) into class indices."""
        self.labels, self.classes, self._decide = labels, classes, decide
        self.confusion: Array | None = None
        if classes <= MOST_CONFUSION_CLASSES:
            self.confusion = np.zeros((classes, classes), np.int64)
            rows = np.bincount(labels, minlength=classes)
            self._present = np.flatnonzero(rows)
            self._rows = rows[self._present]

    def __call__(self, Z: Array) -> dict[str, float]:
        predicted = self._decide(Z)
        if self.confusion is None or not len(predicted):
            return metrics.class_scores(self.labels, predicted)
        self.confusion = metrics.confusion_counts(self.labels, predicted, self.classes)
        right = self.confusion.diagonal()[self._present]
        return {
            "accuracy": float(right.sum() / len(predicted)),
            "balanced_accuracy": float((right / self._rows).mean()),
        }


class RegressionScore:
    """RMSE and R² of outputs Z (targets, rows), in the target's own units."""

    names = ("rmse", "r2")

    def __init__(self, true: Array, in_own_units: Callable[[Array], Array]) -> None:
        """true: (rows, targets) in own units; `in_own_units` turns outputs (targets, rows) into such values."""
        self.true, self._in_own_units = true, in_own_units

    def __call__(self, Z: Array) -> dict[str, float]:
        return metrics.regression_scores(self.true, self._in_own_units(Z))


class MultiLabelScore:
    """Of several labels a row: the share that is correct, the share of rows with all correct, R² of the probabilities.

    A label is predicted from a probability of 0.5 on. R² of 0 and 1 is the Brier skill score: 0 is that of predicting
    each label's frequency.
    """

    names = ("accuracy", "exact_match", "r2")

    def __init__(self, true: Array, probabilities: Callable[[Array], Array]) -> None:
        """true: (rows, labels) 0 or 1; `probabilities` turns outputs (labels, rows) into (rows, labels)."""
        self.true, self._probabilities = true, probabilities

    def __call__(self, Z: Array) -> dict[str, float]:
        return metrics.label_scores(self.true, self._probabilities(Z))


class Evaluator:
    """Scores the network on fixed `examples`.

    outputs: Z (outputs, rows) of the latest call. Scores are nan without rows.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        examples: Examples,
        score: ClassificationScore | RegressionScore | MultiLabelScore,
    ) -> None:
        self.network, self.examples, self.score = network, examples, score
        self.outputs = np.empty((network.outputs, len(examples)), network.dtype)
        self._rows = max(1, min(evaluation_rows(network), len(examples)))
        # views of an array cost nothing to keep; rows that are not in memory are read anew each time
        self._batches = list(examples.batches(self._rows)) if isinstance(examples.inputs, np.ndarray) else None
        row_weights = np.ones(len(examples)) if examples.weights is None else examples.weights
        self._shares = [float(row_weights[at : at + self._rows].sum()) for at in range(0, len(examples), self._rows)]
        sizes = {self._rows, len(examples) % self._rows} - {0} if len(examples) else set()
        self._losses = {rows: bound_loss(loss, network, rows) for rows in sizes}

    @property
    def names(self) -> tuple[str, ...]:
        """The names that a call returns: "loss", and the scores."""
        return ("loss", *self.score.names)

    def __call__(self) -> dict[str, float]:
        """The scores of the network as it is now."""
        total, start = 0.0, 0
        batches = self.examples.batches(self._rows) if self._batches is None else self._batches
        for batch, share in zip(batches, self._shares, strict=True):
            rows = batch.X.shape[1]
            Z = self.network.on(rows, training=False).forward(batch.X)
            losses = self._losses[rows].forward(Z, batch.Y)
            total += share * batch.mean(losses)
            self.outputs[:, start : start + rows] = Z
            start += rows
        weight = sum(self._shares)
        return {"loss": total / weight if weight else float("nan"), **self.score(self.outputs)}
