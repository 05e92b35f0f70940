"""A trained network with its preprocessing: what model.npz holds, and predictions from it."""

from __future__ import annotations

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.data.mapped_rows import blocks_of, on_disk
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.errors import UserError
from nn_scratch.experiments.networks import build_network
from nn_scratch.experiments.warm_start import model_kind
from nn_scratch.metrics import Array
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Network, signal_rows
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.evaluation import pass_through


class Model:
    """A trained network with its preprocessing: raw rows in, probabilities or values out."""

    def __init__(self, network: Network, loss: Loss, preprocessing: Preprocessing) -> None:
        self.network, self.loss, self.preprocessing = network, loss, preprocessing

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.preprocessing.class_names

    def predict(self, X: Array) -> Array:
        """For raw rows (rows, features): probabilities (rows, classes), or values (rows, targets) in own units."""
        return self.scores(self.preprocessing.transform(X, dtype=self.network.dtype))

    def scores(self, X: Array) -> Array:
        """The same for rows that are scaled already."""
        if on_disk(X):
            return np.concatenate([self.scores(block) for _, block in blocks_of(X)])
        with np.errstate(all="ignore"):
            Z = pass_through(self.network, signal_rows(X, self.network.dtype))
            return decode_outputs(Z, self.loss, self.preprocessing)


def decode_outputs(Z: Array, loss: Loss, preprocessing: Preprocessing) -> Array:
    """Outputs Z (outputs, rows) as probabilities (rows, classes), or as values (rows, targets) in own units."""
    if preprocessing.task == "classification":
        return loss.probabilities(Z.astype(np.float64))
    return preprocessing.target_inverse(loss.values(Z))


def model_arrays(network: Network, preprocessing: Preprocessing) -> dict[str, Array]:
    """The arrays of model.npz."""
    return {
        **{f"parameters/{name}": values for name, values in network.named(network.theta).items()},
        **{f"state/{name}": values for name, values in network.named_state(network.state).items()},
        **{f"preprocessing/{name}": values for name, values in preprocessing.to_arrays().items()},
    }


def load_model(run: Run) -> Model:
    """The trained model of a run, from its param.yaml and model.npz."""
    arrays = run.model
    config = config_from(run.config)
    preprocessing = Preprocessing.from_arrays(model_kind(arrays, "preprocessing/"))
    network, loss = build_network(config, preprocessing, spawn_generators(config.seed))
    for wanted, given in (
        (network.named(network.theta), model_kind(arrays, "parameters/")),
        (network.named_state(network.state), model_kind(arrays, "state/")),
    ):
        for name, view in wanted.items():
            if name not in given or given[name].shape != view.shape or given[name].dtype.kind != "f":
                raise UserError(f"{run.path / 'model.npz'}: {name} does not fit param.yaml; train the run anew")
            view[...] = given[name]
    return Model(network, loss, preprocessing)
