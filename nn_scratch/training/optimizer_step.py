"""The gradient, the update and the optimizer's state of one step."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers import Optimizer


class OptimizerStep:
    """Copies of a step's vectors, over the trainable parameters: (len(names), p) in `values`.

    gradient: as the optimizer saw it, penalties and clipping included. update: θ after minus θ before, in the
    parameters' own precision; a projection after it (`regularize.max_norm`) is not part of it. The other names are the
    optimizer's slots after the step, as its equations define them. `values` may be replaced by another array of that
    shape between two steps: the next step is then kept there.
    steps: the number of the step, from 1. lr: the learning rate.
    """

    def __init__(self, optimizer: Optimizer, theta: Array, grad: Array) -> None:
        self.names = ("gradient", "update", *optimizer.slots)
        self.values = np.zeros((len(self.names), theta.size), theta.dtype)
        self.steps, self.lr = 0, 0.0
        self._optimizer, self._theta, self._grad = optimizer, theta, grad

    def before(self) -> None:
        """Right before the optimizer's step."""
        self.values[0], self.values[1] = self._grad, self._theta

    def after(self, lr: float) -> None:
        """Right after it."""
        np.subtract(self._theta, self.values[1], out=self.values[1])
        self._optimizer.write_moments(self.values[2:])
        self.steps, self.lr = self._optimizer.steps, lr
