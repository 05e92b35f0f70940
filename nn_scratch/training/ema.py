"""The exponential moving average of the parameters over the steps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.nn.network import Network

Array = NDArray[Any]


class ExponentialMovingAverage:
    """The exponential moving average of the parameters, m ← decay m + (1 - decay) θ after each step.

    After the first step it is θ.
    What normalization layers keep (running means) is no parameter: it stays as it is.
    Source: Polyak and Juditsky 1992, Acceleration of stochastic approximation by averaging, for the plain mean; the
    exponential one as PyTorch's AveragedModel with get_ema_multi_avg_fn.
    """

    def __init__(self, network: Network, decay: float) -> None:
        self._source, self._share = network.theta, np.array(1.0 - decay, network.dtype)
        self.theta, self._work = network.theta.copy(), np.empty_like(network.theta)
        self._begun = False

    def follow(self) -> None:
        if not self._begun:
            self._begun = True
            np.copyto(self.theta, self._source)
            return
        np.subtract(self._source, self.theta, out=self._work)
        np.multiply(self._work, self._share, out=self._work)
        np.add(self.theta, self._work, out=self.theta)  # m ← m + (1 - decay) (θ - m)

    def restore(self, theta: Array, steps: int) -> None:
        self.theta[...], self._begun = theta, steps > 0
