"""Penalties on the weights, gradient clipping, and the max-norm constraint."""

from __future__ import annotations

from math import isfinite

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.network import Network


class Penalty:
    """l1 Σ|W| + l2/2 Σ W² over the weights of trainable layers, biases left out; added to the gradient alone."""

    def __init__(self, network: Network, l1: float, l2: float) -> None:
        self._theta, self._grad = network.theta, network.grad
        mask = network.penalized()
        self._l1, self._l2 = (l1 * mask).astype(mask.dtype), (l2 * mask).astype(mask.dtype)
        self._terms = [term for term, rate in ((self._add_l1, l1), (self._add_l2, l2)) if rate]
        self._work = np.empty_like(mask)

    def add_gradient(self) -> None:
        for add in self._terms:
            add()

    def _add_l1(self) -> None:
        np.sign(self._theta, out=self._work)
        np.multiply(self._work, self._l1, out=self._work)
        np.add(self._grad, self._work, out=self._grad)  # dW += l1 sign(W)

    def _add_l2(self) -> None:
        np.multiply(self._theta, self._l2, out=self._work)
        np.add(self._grad, self._work, out=self._grad)  # dW += l2 W

    def loss(self) -> float:
        """The penalty's term of the loss, for the current weights."""
        np.abs(self._theta, out=self._work)
        first = float(self._work.dot(self._l1))
        np.multiply(self._theta, self._theta, out=self._work)
        return first + 0.5 * float(self._work.dot(self._l2))


class Clip:
    """Bounds a gradient: each entry first, to ±`value`; then the length of the whole, to `norm`.

    Source: Pascanu, Mikolov and Bengio 2013, On the difficulty of training recurrent neural networks; to the last
    digit as PyTorch's clip_grad_value_ and clip_grad_norm_.
    """

    def __init__(self, grad: Array, norm: float | None, value: float | None) -> None:
        self._grad, self._norm, self._value = grad, norm, value

    def apply(self, squared_norm: float) -> None:
        """squared_norm: of the gradient as it is; infinite where only its square is beyond the numbers of its dtype."""
        if self._value is not None:
            np.clip(self._grad, -self._value, self._value, out=self._grad)
            squared_norm = self._grad.dot(self._grad)
        if self._norm is None:
            return
        length = float(squared_norm) ** 0.5
        if not isfinite(length):
            length = float(np.linalg.norm(self._grad.astype(np.float64)))
        if length > self._norm:
            np.multiply(self._grad, self._norm / (length + 1e-6), out=self._grad)


class MaxNorm:
    """Shortens the incoming weights of every unit of the trainable dense layers to a length of at most `limit`.

    W (o, i): w ← w · min(1, limit / ‖w‖) for each row w; biases are left as they are.
    Source: Srivastava et al. 2014, Dropout: a simple way to prevent neural networks from overfitting, section 5.1.
    """

    def __init__(self, network: Network, limit: float) -> None:
        dense = [layer for layer in network.dense if layer.trainable]
        self._weights = [network.block(layer, "Wb", network.theta)[:, : layer.inputs] for layer in dense]
        self._limit = limit

    def apply(self) -> None:
        for W in self._weights:
            lengths = np.sqrt(np.vecdot(W, W))
            if lengths.max() > self._limit:
                W *= np.minimum(1.0, self._limit / np.maximum(lengths, self._limit))[:, None]
