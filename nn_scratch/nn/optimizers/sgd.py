"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Optimizer
from nn_scratch.registry import Doc


@OPTIMIZERS.register("sgd")
class SGD(Optimizer):
    """v ← μ v + g; θ ← θ - lr v, or with Nesterov's momentum θ ← θ - lr (g + μ v).

    Source: Robbins and Monro 1951; momentum: Polyak 1964; Nesterov's in the form of Sutskever et al. 2013, as PyTorch
    has it: the learning rate multiplies the velocity, so that a changed rate acts at once.
    In practice: the learning rate has to be tuned; with momentum 0.9 about a tenth of the one without.
    """

    def __init__(
        self,
        lr: Annotated[float, Gt(0), Doc("learning rate")] = 0.01,
        momentum: Annotated[float, Ge(0), Lt(1), Doc("μ, the share of the velocity that is kept")] = 0.0,
        nesterov: Annotated[bool, Doc("look ahead along the velocity (needs momentum)")] = False,
    ) -> None:
        self.lr, self.momentum, self.nesterov = lr, momentum, nesterov
        if momentum:
            self.slots = ("velocity",)  # type: ignore[misc]

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self._mu, self._lr = self.scalar(self.momentum), self.scalar(self.lr)
        self._update = self._plain if not self.momentum else self._nesterov if self.nesterov else self._momentum

    def step(self, lr: float | Array) -> None:
        self.steps += 1
        self._lr = self.scalar(lr)
        for vectors in self.blocks:
            self._update(*vectors)

    def _plain(self, theta: Array, g: Array, work: Array) -> None:
        np.multiply(g, self._lr, out=work)
        np.subtract(theta, work, out=theta)  # θ ← θ - lr g

    def _momentum(self, theta: Array, g: Array, v: Array, work: Array) -> None:
        np.multiply(v, self._mu, out=v)
        np.add(v, g, out=v)  # v ← μ v + g
        np.multiply(v, self._lr, out=work)
        np.subtract(theta, work, out=theta)  # θ ← θ - lr v

    def _nesterov(self, theta: Array, g: Array, v: Array, work: Array) -> None:
        np.multiply(v, self._mu, out=v)
        np.add(v, g, out=v)  # v ← μ v + g
        np.multiply(v, self._mu, out=work)
        np.add(work, g, out=work)
        np.multiply(work, self._lr, out=work)
        np.subtract(theta, work, out=theta)  # θ ← θ - lr (g + μ v)
