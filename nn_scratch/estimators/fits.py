"""The inputs and results of a fit: its rows, the network that can be pickled, what repeats it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.experiments.build import Built
from nn_scratch.experiments.model import Model
from nn_scratch.experiments.networks import build_network
from nn_scratch.metrics import Array
from nn_scratch.seeding import spawn_generators


class Rows:
    """Rows of a fit, those to train on first: X (rows, features), y (rows,) codes or (rows, outputs), weights."""

    def __init__(self, X: Array, y: Array, weights: Array | None, n_train: int) -> None:
        self.X, self.y, self.weights, self.n_train = X, y, weights, n_train

    @property
    def n_val(self) -> int:
        return len(self.X) - self.n_train

    @property
    def mean_weight(self) -> float:
        """Of a training row."""
        mean = 1.0 if self.weights is None else float(self.weights[: self.n_train].mean())
        return mean if mean > 0 else 1.0


class FittedNetwork(Model):
    """A trained network that can be pickled: its config, preprocessing and numbers, without the buffers."""

    def __init__(self, built: Built) -> None:
        super().__init__(built.network, built.loss, built.data.preprocessing)
        self._config = built.config

    def __getstate__(self) -> dict[str, Any]:
        return {
            "config": to_plain(self._config),
            "preprocessing": self.preprocessing.to_arrays(),
            "theta": self.network.theta,
            "state": self.network.state,
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._config = config_from(state["config"])
        preprocessing = Preprocessing.from_arrays(state["preprocessing"])
        network, loss = build_network(self._config, preprocessing, spawn_generators(self._config.seed))
        network.theta[...], network.state[...] = state["theta"], state["state"]
        super().__init__(network, loss, preprocessing)


def published(fitted: FittedNetwork) -> dict[str, list[Array]]:
    """coefs_ and intercepts_ of a network."""
    network = fitted.network
    named = network.named(network.theta)
    return {
        "coefs_": [named[f"{layer.name}.W"] for layer in network.dense],
        "intercepts_": [named[f"{layer.name}.b"] for layer in network.dense if layer.bias],
    }


@dataclass(frozen=True)
class LossScale:
    """How the config's loss relates to scikit-learn's, whose sum or mean over outputs differs.

    gradient: the config's gradient over scikit-learn's. loss: the config's loss over scikit-learn's.
    """

    gradient: float = 1.0
    loss: float = 1.0


@dataclass(frozen=True)
class Repeat:
    """The inputs that repeat a fit, this time with a log."""

    rows: Rows
    config: Config
    start: tuple[Array, Array]  # theta and state before the first step
    epochs: int
