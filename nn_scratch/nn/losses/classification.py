"""Losses for classes: cross-entropies, fused with the function that turns logits into probabilities."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.activations.sigmoids import sigmoid
from nn_scratch.nn.losses.base import LOSSES, Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc

SAFE = 80.0  # exp(±80) is far from the ends of float32, and so is a sum of such numbers


def softmax(Z: Array) -> Array:
    """exp(Z) / Σ_k exp(Z), down the columns of Z (k, n); a fresh array. The maximum is taken off first."""
    P: Array = np.exp(Z - Z.max(axis=-2, keepdims=True))
    P /= P.sum(axis=-2, keepdims=True)
    return P


@LOSSES.register("cross_entropy")
class CrossEntropy(Loss):
    """ℓ = log Σ_k exp(Z_k) - Σ_k Y_k Z_k: softmax and cross-entropy in one, on logits Z.

    Shapes: Z, Y (k, n) for k classes; Y is one-hot, or smoothed: (1 - ε) one-hot + ε / k.
    Derivative: dZ = w (softmax(Z) - Y).
    Source: Bridle 1990, Probabilistic interpretation of feedforward classification network outputs; label smoothing:
    Szegedy et al. 2016, Rethinking the Inception architecture.
    With class weights c a row's ℓ is multiplied by c_y of its label y. PyTorch's CrossEntropyLoss with `weight` and
    `label_smoothing` instead weighs each term, -Σ_k c_k Y_k log P_k; both then divide by the sum of c_y over the rows.
    Without smoothing the two are the same.
    In practice: a softmax or ReLU before it (`output.activation`) makes it a different, worse loss. At the start it
    should be near log k.
    """

    kinds = ("classification",)

    def __init__(
        self,
        label_smoothing: Annotated[
            float,
            Ge(0),
            Lt(1),
            Doc(
                "ε, share of the target spread over all classes; with class_weight a row counts with the weight of its "
                "class, where PyTorch's CrossEntropyLoss weighs each class's share of the target by that class's weight"
            ),
        ] = 0.0,
    ) -> None:
        self.label_smoothing = label_smoothing

    def targets(self, classes: int) -> Array:
        return (1.0 - self.label_smoothing) * np.eye(classes) + self.label_smoothing / classes

    def bind(self, outputs: int, memory: Memory) -> None:
        self.product = memory.product
        self.ones = np.ones((1, outputs), memory.dtype)
        self.top = memory.empty(1, memory.rows)
        self.total = memory.empty(1, memory.rows)
        self.dZ = memory.empty(outputs, memory.rows)
        self.correct = memory.scratch.empty((outputs, memory.rows))

    def forward(self, Z: Array, Y: Array) -> Array:
        np.maximum.reduce(Z, axis=-2, keepdims=True, out=self.top)
        np.subtract(Z, self.top, out=self.dZ)  # Z - max: exp cannot overflow, and the sum is at least 1
        np.multiply(Y, self.dZ, out=self.correct)
        self.product(self.ones, self.correct, out=self.top)
        np.exp(self.dZ, out=self.dZ)
        self.product(self.ones, self.dZ, out=self.total)
        np.log(self.total, out=self.total)
        np.subtract(self.total, self.top, out=self.total)
        losses: Array = self.total[..., 0, :]
        return losses  # log Σ exp(Z - max) - Σ Y (Z - max)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        P = self.dZ
        flat = Z.reshape(-1)
        if flat.dot(flat) < SAFE**2:  # no |Z| reaches 80: exp needs no shift, whose two passes small networks feel
            np.exp(Z, out=P)
        else:
            np.maximum.reduce(Z, axis=-2, keepdims=True, out=self.top)
            np.subtract(Z, self.top, out=P)
            np.exp(P, out=P)
        self.product(self.ones, P, out=self.total)
        np.divide(P, self.total, out=P)  # P = softmax(Z)
        np.subtract(P, Y, out=self.dZ)
        np.multiply(self.dZ, w, out=self.dZ)  # dZ = w (P - Y)
        return self.dZ

    def probabilities(self, Z: Array) -> Array:
        return softmax(Z).T


@LOSSES.register("binary_cross_entropy")
class BinaryCrossEntropy(Loss):
    """ℓ = mean_k [ max(Z, 0) - Y Z + log(1 + exp(-|Z|)) ]: sigmoid and cross-entropy in one, on logits Z.

    Shapes: Z, Y (k, n); k = 1 for two classes, or k independent yes-no labels.
    Derivative: dZ = w (sigmoid(Z) - Y) / k.
    Source: the form that cannot overflow is that of scikit-learn, PyTorch and TensorFlow.
    In practice: at the start it should be near log 2.
    """

    kinds = ("classification", "multi_label")

    def outputs(self, classes: int) -> int:
        return 1 if classes == 2 else classes

    def targets(self, classes: int) -> Array:
        return np.array([[0.0], [1.0]]) if classes == 2 else np.eye(classes)

    def bind(self, outputs: int, memory: Memory) -> None:
        self.outputs_share = 1.0 / outputs
        self.dZ = memory.empty(outputs, memory.rows)
        self.work = memory.scratch.empty((outputs, memory.rows))
        self.losses = memory.empty(memory.rows)

    def forward(self, Z: Array, Y: Array) -> Array:
        E = self.dZ
        np.abs(Z, out=E)
        np.negative(E, out=E)
        np.exp(E, out=E)
        np.log1p(E, out=E)  # log(1 + exp(-|Z|))
        np.add(E, np.maximum(Z, 0.0, out=self.work), out=E)
        np.subtract(E, np.multiply(Y, Z, out=self.work), out=E)
        np.add.reduce(E, axis=-2, out=self.losses)
        return np.multiply(self.losses, self.outputs_share, out=self.losses)

    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        P = self.dZ
        sigmoid(Z, out=P)
        np.subtract(P, Y, out=self.dZ)
        np.multiply(self.dZ, self.outputs_share, out=self.dZ)
        return np.multiply(self.dZ, w, out=self.dZ)  # dZ = w (P - Y) / k

    def probabilities(self, Z: Array) -> Array:
        if len(Z) == 1:
            P = self.values(Z)
            return np.concatenate([1.0 - P, P], axis=1)
        # independent yes-no outputs, of which one is right: shares of the sum, by way of log sigmoid(Z)
        return softmax(-np.logaddexp(0.0, -Z)).T

    def values(self, Z: Array) -> Array:
        """The probability of each label by itself, (rows, labels): sigmoid(Z)."""
        P: Array = 0.5 * np.tanh(0.5 * Z.T) + 0.5
        return P
