"""The base class of losses: a number a row, and its derivative with respect to the network's outputs."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Literal

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Registry

Kind = Literal["classification", "regression", "multi_label"]


class Loss(ABC):
    """L = Σ_rows w · ℓ(Z, Y), for outputs Z (k, n) and targets Y (k, n), a column an example.

    The weights w are 1 / n without class or row weights; with them w / Σ w, so that L is always a weighted mean.

    kinds: the kinds of target the loss makes sense for.
    needs_counts: the targets must not be negative, and so not be standardized.
    """

    registered_name: ClassVar[str]
    kinds: ClassVar[tuple[Kind, ...]] = ("regression",)
    needs_counts: ClassVar[bool] = False

    def outputs(self, classes: int) -> int:
        """How many outputs the network needs for so many classes."""
        return classes

    def targets(self, classes: int) -> Array:
        """The target of each class, a row a class: (classes, outputs), float64."""
        return np.eye(classes)

    def bind(self, outputs: int, memory: Memory) -> None:
        """Allocate what `forward` and `backward` need for (outputs, memory.rows)."""

    @abstractmethod
    def forward(self, Z: Array, Y: Array) -> Array:
        """ℓ of each row, (n,), in a buffer of the loss's own."""

    @abstractmethod
    def backward(self, Z: Array, Y: Array, w: Array | float) -> Array:
        """∂L/∂Z (k, n), in a buffer of the loss's own; w is (n,) or one number for all rows."""

    def decide(self, Z: Array) -> Array:
        """For classes: the index of the predicted one, (n,), from outputs Z (k, n)."""
        decided: Array = Z.argmax(axis=0) if len(Z) > 1 else (Z[0] > 0).astype(np.int64)
        return decided

    def probabilities(self, Z: Array) -> Array:
        """For classes: the probability of each, (rows, classes), from outputs Z (k, n)."""
        raise NotImplementedError(f"{type(self).__name__} has no classes")

    def values(self, Z: Array) -> Array:
        """For numbers: what is predicted, in the scale of the targets, (rows, outputs), from outputs Z (k, n)."""
        return Z.T


LOSSES: Registry[Loss] = Registry("loss")
