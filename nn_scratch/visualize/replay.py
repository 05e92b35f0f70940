"""The network as it was after any logged epoch, to pass points through that it was not trained on."""

from __future__ import annotations

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.table import Column
from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.experiments.networks import build_network
from nn_scratch.metrics import Array
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.visualize.view import NOTHING_LOGGED, NotForThisRun, View


class Replay:
    """Outputs of the network with the weights of a logged epoch."""

    def __init__(self, run: Run) -> None:
        """Raises NotForThisRun where the weights were not logged, UserError where the folder does not fit together."""
        if not len(run.epochs):
            raise NotForThisRun(NOTHING_LOGGED)
        self.model = load_model(run) if (run.path / "model.npz").exists() else untrained(run)
        network = self.model.network
        self._views = network.named(network.theta)
        if not all(run.has("weights", name) for name in self._views):
            raise NotForThisRun("it needs log.weights: true")
        self._logs = {name: run.weights(name) for name in self._views}
        # of runs of earlier versions without a log of running statistics, those at the end serve for every epoch
        self._states = {
            name: (view, run.state(name))
            for name, view in network.named_state(network.state).items()
            if run.has("state", name)
        }
        for name, (view, log) in self._states.items():
            if log.shape[1:] != view.shape:
                raise UserError(f"{run.path / 'state' / name}.npy: does not fit param.yaml; train the run anew")
        for name, view in self._views.items():
            if self._logs[name].shape[1:] != view.shape:
                raise UserError(f"{run.path / 'weights' / name}.npy: does not fit param.yaml; train the run anew")

    def at(self, row: int) -> Model:
        """The network with the weights and running statistics of a row of the logs, until the next call."""
        for name, view in self._views.items():
            view[...] = self._logs[name][row]
        for view, log in self._states.values():
            view[...] = log[row]
        return self.model

    def outputs(self, row: int, X: Array) -> Array:
        """Probabilities (points, classes) or values (points, targets) of scaled points (points, features)."""
        self.at(row)
        return self.model.scores(X)


def untrained(run: Run) -> Model:
    """The network of a run that did not come to its end, without its preprocessing: card and probe tell the widths.

    A regression's outputs then are in units of the scaled target.
    """
    view = View(run)
    features = run.probe["X"].shape[1]
    targets = len(view.target_names) if not view.classifies else 0
    preprocessing = Preprocessing(
        task="multi_label" if view.task == "multi_label" else "classification" if view.classifies else "regression",
        columns=tuple(Column(f"x{i}") for i in range(features)),
        target_names=tuple(view.target_names),
        class_names=tuple(view.class_names),
        image_shape=view.image_shape,
        scale_kind="none",
        offset=np.zeros(features),
        scale=np.ones(features),
        fill=None,
        target_offset=np.zeros(targets),
        target_scale=np.ones(targets),
    )
    config = config_from(run.config)
    network, loss = build_network(config, preprocessing, spawn_generators(config.seed))
    return Model(network, loss, preprocessing)


def unscaled(run: Run, X: Array) -> Array:
    """Rows (rows, features) as they were before scaling; as they are where the run left no preprocessing."""
    if not (run.path / "model.npz").exists():
        return X
    preprocessing = load_model(run).preprocessing
    if X.shape[1] != len(preprocessing.offset):
        return X
    return np.asarray(X * preprocessing.scale + preprocessing.offset)


def word_features(run: Run) -> frozenset[str]:
    """The features that are 1 where a column of text holds a certain word, or a value is missing, and 0 elsewhere."""
    if not (run.path / "model.npz").exists():
        return frozenset()
    columns = load_model(run).preprocessing.columns
    return frozenset(
        name
        for column in columns
        for name in (column.feature_names if column.kind == "text" else column.feature_names[-1:] * column.marked)
    )


class Plane:
    """A 2-D data set's input space as a grid of points, and the probe rows in it."""

    def __init__(self, view: View, across: int, down: int) -> None:
        """Points at the centres of `across` x `down` cells, the first row at the top; raises NotForThisRun."""
        probe = view.run.probe
        X = probe.get("X")
        if X is None or X.ndim != 2 or X.shape[1] != 2:
            features = 0 if X is None or X.ndim != 2 else X.shape[1]
            raise NotForThisRun(f"it needs data with 2 features, and this has {features:,}")
        finite = X[np.isfinite(X).all(axis=1)]
        if not len(finite):
            raise NotForThisRun("it needs probe rows")
        low, high = finite.min(axis=0), finite.max(axis=0)
        margin = 0.12 * np.where(high > low, high - low, 1.0)
        self.low, self.high = low - margin, high + margin
        self.across, self.down = across, down
        self.points, self.y = X, probe.get("y", np.zeros(len(X)))
        x = self.low[0] + (np.arange(across) + 0.5) * (self.high[0] - self.low[0]) / across
        y = self.high[1] - (np.arange(down) + 0.5) * (self.high[1] - self.low[1]) / down
        self.grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)

    @property
    def extent(self) -> tuple[float, float, float, float]:
        """As matplotlib's imshow takes it, with origin="upper"."""
        return float(self.low[0]), float(self.high[0]), float(self.low[1]), float(self.high[1])
