"""Noise added to a signal."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge

from nn_scratch.metrics import Array
from nn_scratch.nn.layers.base import LAYERS, Layer
from nn_scratch.nn.memory import Memory
from nn_scratch.registry import Doc


@LAYERS.register("gaussian_noise")
class GaussianNoise(Layer):
    """Y = X + N, with N ~ N(0, std²) drawn anew each step. Training only.

    Shapes: X, N, Y (i, n). Derivative: dX = dY.
    Source: Sietsma and Dow 1991, Creating artificial neural networks that generalize; Bishop 1995, Training with noise
    is equivalent to Tikhonov regularization.
    In practice: std is in units of the signal: it is easiest to choose for scaled inputs, as the first layer.
    """

    def __init__(self, std: Annotated[float, Ge(0), Doc("standard deviation of the noise")] = 0.1) -> None:
        self.std = std

    def bind(self, memory: Memory) -> None:
        self.active = memory.training and self.std > 0
        if not self.active:
            return
        self.generators = memory.generators
        self.Y = memory.signal(self.inputs)
        self.noisy = self.Y[..., :-1, :]
        self.N = memory.scratch.empty((self.inputs, memory.rows))

    def forward(self, X: Array) -> Array:
        if not self.active:
            return X
        for generator, N in zip(self.generators, self.N.reshape(len(self.generators), *self.N.shape[-2:]), strict=True):
            generator.standard_normal(out=N, dtype=N.dtype.type)
        np.multiply(self.N, self.std, out=self.N)
        np.add(X[..., :-1, :], self.N, out=self.noisy)
        return self.Y

    def backward(self, dY: Array) -> Array:
        return dY
