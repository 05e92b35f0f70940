"""The exponential moving average of the parameters over the steps."""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.nn.network import Network


class ExponentialMovingAverage:
    """The exponential moving average of the parameters, m ← decay m + (1 - decay) θ after each step.

    After the first step m = θ. The running statistics of normalization layers are not averaged.
    Source: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging, for the plain mean; the
    exponential one as PyTorch's AveragedModel with get_ema_multi_avg_fn.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._source, self._share = network.theta, np.array(1.0 - decay, network.dtype)
        self.theta, self._work = network.theta.copy(), np.empty_like(network.theta)
        self._started = False

    def update(self) -> None:
        """Take in the parameters of the step just made."""
        if not self._started:
            self._started = True
            np.copyto(self.theta, self._source)
            return
        np.subtract(self._source, self.theta, out=self._work)
        np.multiply(self._work, self._share, out=self._work)
        np.add(self.theta, self._work, out=self.theta)  # m ← m + (1 - decay) (θ - m)

    def restore(self, theta: Array, steps: int) -> None:
        self.theta[...], self._started = theta, steps > 0
