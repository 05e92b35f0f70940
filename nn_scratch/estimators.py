"""Estimators with scikit-learn's interface: `MLPClassifier` and `MLPRegressor`.

Their parameters are those of scikit-learn's estimators of the same names, with the same meaning, and more. They
translate these into a Config and train with the same code as `train.py`: nothing is written to disk unless `log_dir`
asks for it.
"""

from __future__ import annotations

import hashlib
import tempfile
import warnings
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, isfinite, log, sqrt
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from nn_scratch.api import EpochCallback, Run, diagnose
from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.data.arrays import data_from_arrays
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.table import Task, numbered_names
from nn_scratch.data.targets import index_labels
from nn_scratch.errors import Diverged, UserError
from nn_scratch.experiments.build import Built, build
from nn_scratch.experiments.model import Model
from nn_scratch.experiments.networks import build_network
from nn_scratch.experiments.train import Interrupted, pinned_threads, train_built
from nn_scratch.metrics import Array, lower_is_better
from nn_scratch.runs.files import make_folder, write_npz
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.observers import Observer, ObserverList, Scores
from nn_scratch.training.trainer import StopRequested, Trainer

if TYPE_CHECKING:
    from nn_scratch.doctor.diagnosis import Diagnosis

__all__ = ["MLPClassifier", "MLPRegressor"]


# scikit-learn's names for functions that have other names in a config
ACTIVATION_NAMES = {"logistic": "sigmoid"}
LOSS_NAMES = {"squared_error": "mse", "absolute_error": "mae"}
# the bound of scikit-learn's initial weights is the square root of this over the sum of the fans
INITIAL_BOUND = {"identity": 6.0, "logistic": 2.0, "tanh": 6.0, "relu": 6.0}
LOWEST_ADAPTIVE_RATE = 1e-6  # of learning_rate="adaptive", at which training ends
ADAPTIVE_FACTOR = 5.0
STALLED = 2.22e-9  # relative fall of the loss at which L-BFGS has converged, SciPy's default
MOST_EPOCHS = 1_000_000  # that a config can wait for


class _Rows:
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


class _Network(Model):
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


@dataclass(frozen=True)
class _Repeat:
    """What is needed to repeat a fit with a log."""

    rows: _Rows
    config: Config
    start: tuple[Array, Array]  # theta and state before the first step
    epochs: int


@dataclass(frozen=True)
class _Scale:
    """How the config's loss relates to scikit-learn's, whose sum or mean over outputs differs.

    gradient: the config's gradient over scikit-learn's. loss: the config's loss over scikit-learn's.
    """

    gradient: float = 1.0
    loss: float = 1.0


class _History(Observer):
    """Collects the scores of every epoch."""

    def __init__(self) -> None:
        self.scores: list[Scores] = []

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.scores.append(dict(scores))


class _Printer(Observer):
    """Prints a line an epoch, as scikit-learn's `verbose` does."""

    def __init__(self, scale: float, monitor: str | None) -> None:
        self._scale, self._monitor = scale, monitor

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        print(f"Iteration {trainer.epoch}, loss = {scores['train_loss'] / self._scale:.8f}")
        if self._monitor is not None:
            print(f"Validation score: {scores[self._monitor]:.6f}")


class _Tolerance(Observer):
    """scikit-learn's rule: end when `patience` epochs in a row have not beaten the best score by more than `tol`.

    The best moves with every gain, however small, so that a slow creep ends training too.
    """

    def __init__(self, monitor: str, tol: float, patience: float) -> None:
        self._monitor, self._tol, self._patience = monitor, tol, patience
        self._sign = -1.0 if lower_is_better(monitor) else 1.0
        self._best, self._waited = -inf, 0

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        score = self._sign * scores[self._monitor]
        self._waited = self._waited + 1 if not score >= self._best + self._tol else 0
        if score > self._best:
            self._best = score
        if self._waited > self._patience:
            trainer.end_requested = True


class _FlatGradient(Observer):
    """Ends a full-batch training when its gradient, or the fall of its loss, is next to nothing."""

    def __init__(self, tol: float) -> None:
        self._tol, self._last, self._stalled = tol, inf, 0

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        network, loss = trainer.network, scores["train_loss"]
        fall = (self._last - loss) / max(abs(loss), 1.0) if isfinite(self._last) else inf
        self._stalled = self._stalled + 1 if abs(fall) <= STALLED else 0
        self._last = loss
        if np.abs(network.grad[: network.trainable]).max(initial=0.0) <= self._tol or self._stalled > 1:
            trainer.end_requested = True


class _MostEvaluations(Observer):
    """Ends a full-batch training once the loss has been evaluated so often.

    reached: whether that is why it ended.
    """

    def __init__(self, most: int) -> None:
        self._most, self.reached = most, False

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if getattr(trainer.optimizer, "evaluations", 0) >= self._most and not trainer.end_requested:
            trainer.end_requested = self.reached = True


class _EndAfter(Observer):
    """Ends training after a number of epochs."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if trainer.epoch >= self._epochs:
            trainer.end_requested = True


@contextmanager
def _errors_of_values() -> Any:
    """What is wrong with parameters or data as the ValueError that scikit-learn's users expect."""
    try:
        yield
    except UserError as error:
        raise ValueError(str(error)) from None


def _takes_batches(estimator: Any) -> bool:
    """Whether the solver can go on with a batch at a time; raises AttributeError with the reason."""
    if estimator._solver == "lbfgs":
        raise AttributeError("partial_fit is only available for stochastic optimizers. lbfgs is not stochastic.")
    return True


class _MLP(BaseEstimator):  # type: ignore[misc]
    """What the classifier and the regressor have in common."""

    _task: Task

    # --- targets, which differ

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        raise NotImplementedError

    def _encoded(self, y: Array) -> Array:
        """y as the network's targets: (rows,) int64 codes, or (rows, outputs)."""
        raise NotImplementedError

    def _row_weights(self, y: Array, weights: Array | None) -> Array | None:
        return weights

    def _loss_and_scale(self) -> tuple[Any, _Scale]:
        raise NotImplementedError

    def _class_names(self) -> tuple[str, ...]:
        return ()

    # --- fitting

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> Any:
        """Train on X and y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Numbers without missing values; a sparse matrix is made dense. float32 trains in float32, all else in
            float64. Nothing is scaled: put a StandardScaler before the estimator.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, 0 and 1 for each of several labels, or numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts in the loss; None: all alike.
        X_val, y_val, sample_weight_val : array-likes, default=None
            Rows that are scored after every epoch and never trained on. With `early_stopping` they decide when to
            stop, instead of a share of the training rows.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter or the data is not usable, or if training diverges.
        """
        with _errors_of_values():
            return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any], *, incremental: bool) -> Any:
        self._check_parameters()
        fresh = not hasattr(self, "_fitted") or not (self.warm_start or incremental)
        X, y = self._validated(X, y, reset=fresh)
        if sample_weight is not None:
            sample_weight = _checked_weights(sample_weight, X)
        generator = check_random_state(self.random_state)
        seed = int(generator.randint(np.iinfo(np.int32).max))
        rows = self._parts(X, y, sample_weight, validation, generator)
        config, scale = self._config(rows, seed, epochs=1 if incremental else None)
        logged = self.log_dir is not None and not incremental
        built = self._logged(config, rows, Path(self.log_dir)) if logged else self._built(config, rows)
        if not fresh:
            self._take_over(built, whole=incremental)
        if incremental and built.trainer.finished_early:
            warnings.warn(
                "partial_fit: early stopping has ended training; the weights are those of the best call and stay",
                ConvergenceWarning,
                stacklevel=3,
            )
            return self
        if fresh:
            self._forget()
        start = built.network.theta.copy(), built.network.state.copy()
        history = self._train(built, rows, scale, incremental=incremental, logged=logged)
        self._keep(built, rows, history, scale, incremental=incremental)
        repeatable = not incremental and len(history) > 0
        self._repeat = _Repeat(rows, config, start, len(history)) if repeatable else None
        self._diagnosis: Diagnosis | None = None
        return self

    def _parts(
        self, X: Array, y: Array, weights: Array | None, validation: tuple[Any, Any, Any], generator: Any
    ) -> _Rows:
        """The rows to train on, and after them those to validate with."""
        X_val, y_val, weights_val = validation
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val belong together: give both or neither")
        targets = self._encoded(y)
        if X_val is not None:
            X_val, y_val = self._validated(X_val, y_val, reset=False)
            y_val = self._encoded(y_val)
            if y_val.shape[1:] != targets.shape[1:]:
                raise ValueError(f"y_val has shape {y_val.shape} and y {targets.shape}; they must agree but for rows")
            if weights_val is not None:
                weights_val = _checked_weights(weights_val, X_val)
        elif self.early_stopping:
            # one stays in training where a split would leave nothing to train on
            stratify = targets if self._task_of_fit == "classification" else None
            labels = None if stratify is None or len(np.unique(targets)) < 2 else self._labels_of(targets)
            split = train_test_split(
                np.arange(len(X)), random_state=generator, test_size=self.validation_fraction, stratify=labels
            )
            train, held = split
            if len(held) < 2:
                raise ValueError(
                    "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
                )
            X_val, y_val, weights_val = X[held], targets[held], None if weights is None else weights[held]
            X, y, targets = X[train], y[train], targets[train]
            weights = None if weights is None else weights[train]
        weights = self._row_weights(targets, weights)
        if X_val is None:
            return _Rows(X, targets, weights, len(X))
        if weights is not None or weights_val is not None:
            ones = [np.ones(len(part)) for part in (X, X_val)]
            parts = (ones[0] if weights is None else weights, ones[1] if weights_val is None else weights_val)
            weights = np.concatenate(parts)
        joined = np.concatenate([X, X_val.astype(X.dtype, copy=False)])
        return _Rows(joined, np.concatenate([targets, y_val]), weights, len(X))

    def _labels_of(self, targets: Array) -> Array:
        return targets

    def _built(self, config: Config, rows: _Rows) -> Built:
        data = data_from_arrays(
            rows.X,
            rows.y,
            rows.weights,
            train_rows=rows.n_train,
            task=self._task_of_fit,
            class_names=self._class_names(),
            target_names=self._target_names(),
            feature_names=self._feature_names(),
            dtype=rows.X.dtype,
        )
        return build(config, data)

    def _logged(self, config: Config, rows: _Rows, outputs: Path) -> Built:
        """Build the same fit from a file below `outputs`, so that the run's param.yaml can repeat it."""
        arrays: dict[str, Array] = {"X": rows.X, "y": self._as_source(rows.y)}
        if rows.weights is not None:
            arrays["weights"] = rows.weights
        digest = hashlib.sha256()
        for values in arrays.values():
            digest.update(np.ascontiguousarray(values).tobytes())
        path = (outputs / "data" / f"{digest.hexdigest()[:12]}.npz").absolute()
        make_folder(path.parent)
        if not path.exists():
            write_npz(path, arrays)
        weight = None if rows.weights is None else "weights"
        data = config.data.model_copy(update={"source": str(path), "weight": weight})
        built = build(config.model_copy(update={"data": data}))
        if len(built.data.class_names) != len(self._class_names()):
            raise ValueError("log_dir: every class needs a row, and a name of its own when written as text")
        return built

    def _take_over(self, built: Built, *, whole: bool) -> None:
        """Start with the weights of the last fit; whole: with the optimizer and all else, to go on from there."""
        network, before = built.network, self._fitted.network
        if [view.shape for view in network.named(network.theta).values()] != [
            view.shape for view in before.named(before.theta).values()
        ] or network.state.shape != before.state.shape:
            raise ValueError(
                "the layers are not those of the previous fit, whose weights cannot be taken over; set "
                "warm_start=False, or create a new estimator"
            )
        network.theta[...], network.state[...] = before.theta, before.state
        going_on, trainer = self._going_on, built.trainer
        if not whole or going_on is None:
            return
        if {name: v.shape for name, v in trainer.optimizer.state().items()} != {
            name: v.shape for name, v in going_on["optimizer"].items()
        } or trainer.schedule.state().keys() != going_on["schedule"].keys():
            return  # another optimizer or schedule since: it starts anew
        counters = {**going_on["counters"], "epoch": 0, "step_in_epoch": 0}
        trainer.restore({**going_on, "theta": before.theta, "state": before.state, "counters": counters})

    def _forget(self) -> None:
        """Reset what a continued fit would extend."""
        self.loss_curve_: list[float] = []
        self.validation_loss_curve_: list[float] | None = None
        self.validation_scores_: list[float] | None = None
        self.t_ = 0
        self._going_on: dict[str, Any] | None = None

    def _train(
        self, built: Built, rows: _Rows, scale: _Scale, *, incremental: bool, logged: bool
    ) -> list[dict[str, float]]:
        """Run the training loop; returns the scores of each epoch."""
        history = _History()
        observers: list[Observer] = [history]
        if self.verbose:
            observers.append(_Printer(scale.loss, self._monitor if rows.n_val else None))
        bound = _MostEvaluations(int(self.max_fun))
        if not incremental:
            observers += [*self._stopping_rules(rows, scale), bound]
        for callback in self.callbacks or ():
            observers.append(callback if isinstance(callback, Observer) else EpochCallback(callback))
        trainer = built.trainer
        run: Run | None = None
        try:
            if logged:
                run = Run(train_built(built, Path(self.log_dir), lambda session: observers).path)
            else:
                with pinned_threads(built):
                    trainer.run(ObserverList(observers))
        except (KeyboardInterrupt, StopRequested, Interrupted):
            warnings.warn("Training interrupted by user.", stacklevel=4)
        except Diverged as error:
            self._diverged(built, error, history, incremental)
        if not incremental or trainer.finished_early:
            trainer.settle()
        if run is not None:
            self.run_ = run
        elif hasattr(self, "run_"):
            del self.run_
        at_end = trainer.epoch == trainer.epochs and not trainer.finished_early and self.schedule is None
        if not incremental and history.scores and (at_end or bound.reached):
            limit = (
                f"{self.max_fun} evaluations of the loss" if bound.reached else f"Maximum iterations ({trainer.epochs})"
            )
            warnings.warn(
                f"{limit} reached and the optimization hasn't converged yet: the loss still changes by more than "
                f"tol={self.tol:g}. Raise {'max_fun' if bound.reached else 'max_iter, or the learning rate'}.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return history.scores

    def _diverged(self, built: Built, error: Diverged, history: _History, incremental: bool) -> None:
        """Go back to the best epoch where there is one to go back to; else raise ValueError with the cause."""
        largest = float(np.abs(built.data.train.X).max(initial=0.0))
        rate = self.learning_rate_init if self.optimizer is None else built.config.optimizer.parameters["lr"]
        cause = (
            f"T{str(error)[1:]}. The largest feature is {largest:.3g} and the learning rate {rate:.3g}: "
            "scale the features (StandardScaler), or lower learning_rate_init"
        )
        if not (self.early_stopping and not incremental):
            raise ValueError(
                "Solver produced non-finite parameter weights. The input data may contain large values and need to be "
                f"preprocessed. {cause}."
            ) from None
        warnings.warn(f"{cause}. The weights are those of the best epoch.", ConvergenceWarning, stacklevel=5)
        history.scores.append(dict.fromkeys(built.trainer.score_columns, float("nan")))
        trainer = built.trainer
        if not np.isfinite(trainer.network.theta).all():
            trainer.network.theta[...] = self._initial_theta(built)

    def _initial_theta(self, built: Built) -> Array:
        network, _ = build_network(built.config, built.data.preprocessing, spawn_generators(built.config.seed))
        return network.theta

    def _stopping_rules(self, rows: _Rows, scale: _Scale) -> list[Observer]:
        if self._solver == "lbfgs" and not self.early_stopping:
            return [] if self.n_iter_no_change == inf else [_FlatGradient(self.tol * scale.gradient)]
        if self._solver == "sgd" and self.learning_rate == "adaptive" and self.schedule is None:
            return []
        if self.early_stopping:
            return [_Tolerance(self._monitor, self.tol, self.n_iter_no_change)]
        return [_Tolerance("train_loss", self.tol * scale.loss, self.n_iter_no_change)]

    def _keep(self, built: Built, rows: _Rows, history: list[Scores], scale: _Scale, *, incremental: bool) -> None:
        """The attributes that a fit leaves."""
        network, trainer = built.network, built.trainer
        self._fitted = _Network(built)
        self._publish_weights()
        self.n_iter_ = len(history) if not incremental else getattr(self, "n_iter_", 0) + len(history)
        self.t_ += rows.n_train * len(history)
        self.loss_curve_ += [scores["train_loss"] / scale.loss for scores in history]
        if rows.n_val:
            losses, scored = self.validation_loss_curve_ or [], self.validation_scores_ or []
            self.validation_loss_curve_ = losses + [scores["val_loss"] / scale.loss for scores in history]
            self.validation_scores_ = scored + [scores[self._monitor] for scores in history]
        known = self.validation_scores_[-len(history) :] if self.validation_scores_ and history else None
        self.best_validation_score_ = None if known is None else float(np.nanmax([-inf, *known]))
        if self.loss_curve_:
            self.loss_ = self.loss_curve_[-1]
        finite = [loss for loss in self.loss_curve_ if isfinite(loss)]
        self.best_loss_ = None if self.early_stopping else min(finite, default=inf)
        self.n_layers_ = len(network.dense) + 1
        self.out_activation_ = self._out_activation()
        self._going_on = trainer.state() if incremental else None

    def _publish_weights(self) -> None:
        """coefs_ and intercepts_: views of the network's own parameters."""
        network = self._fitted.network
        named = network.named(network.theta)
        self.coefs_ = [named[f"{layer.name}.W"] for layer in network.dense]
        self.intercepts_ = [named[f"{layer.name}.b"] for layer in network.dense if layer.bias]

    # --- parameters into a config

    def _check_parameters(self) -> None:
        """Raise ValueError for parameters that have no key of the config to be checked by."""
        whole = {"max_iter": 1, "max_fun": 1}
        for name, least in whole.items():
            value: Any = getattr(self, name)
            if not isinstance(value, Integral) or int(value) < least:
                raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
        for name in ("tol", "alpha", "n_iter_no_change"):
            number: Any = getattr(self, name)
            if not isinstance(number, Real) or not float(number) >= 0:
                raise ValueError(f"{name} must be a number >= 0, got {number!r}")
        if not 0 < self.validation_fraction < 1:
            raise ValueError(f"validation_fraction must be between 0 and 1, got {self.validation_fraction!r}")
        choices = {"solver": ("lbfgs", "sgd", "adam"), "learning_rate": ("constant", "invscaling", "adaptive")}
        for name, allowed in choices.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {getattr(self, name)!r}")
        if not (self.batch_size == "auto" or (isinstance(self.batch_size, Integral) and int(self.batch_size) >= 1)):
            raise ValueError(f"batch_size must be 'auto' or an integer >= 1, got {self.batch_size!r}")

    @property
    def _solver(self) -> str:
        """The type of optimizer in use: of `optimizer` where it is given, else `solver`."""
        if self.optimizer is None:
            return str(self.solver)
        return str(self.optimizer if isinstance(self.optimizer, str) else self.optimizer.get("type", "adam"))

    def _config(self, rows: _Rows, seed: int, epochs: int | None) -> tuple[Config, _Scale]:
        loss, scale = self._loss_and_scale()
        batch = min(200, rows.n_train) if self.batch_size == "auto" else min(int(self.batch_size), rows.n_train)
        if self.batch_size != "auto" and self.batch_size > rows.n_train:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {rows.n_train} rows; a batch has all of them",
                stacklevel=4,
            )
        whole_batch = rows.n_train if self._solver == "lbfgs" else batch
        layers, output = self._layers(rows.X.shape[1])
        n = len(rows.X)
        values = {
            "name": self._run_name,
            "seed": seed,
            "data": {
                "source": "./arrays.npz",
                "task": self._task_of_fit,
                "split": {"train": rows.n_train / n, "val": rows.n_val / n, "test": 0.0},
                "shuffle": False,
                "stratify": False,
                "scale": "none",
                "target_scale": "none",
            },
            "layers": layers,
            "output": output,
            "loss": loss,
            "optimizer": self._optimizer_values(scale),
            "schedule": self._schedule(rows),
            "regularize": {
                # alpha is a factor on half the squared weights of a sum over the batch's rows
                "l2": float(self.alpha) * scale.gradient / (whole_batch * rows.mean_weight),
                "l1": float(self.l1),
                "max_norm": _float(self.max_norm),
                "clip_norm": _float(self.clip_norm),
            },
            "train": {
                "epochs": int(self.max_iter) if epochs is None else epochs,
                "batch_size": batch,
                "shuffle": bool(self.shuffle),
                "ema_decay": _float(self.ema_decay),
                "early_stopping": self._early_stopping(scale, whole=epochs is None),
                "dtype": str(rows.X.dtype),
            },
        }
        try:
            return config_from(values), scale
        except UserError as error:
            raise ValueError("\n".join(map(_renamed, error.problems))) from None

    def _layers(self, n_features: int) -> tuple[list[Any], dict[str, Any]]:
        """The hidden layers and the output layer, as a config has them."""
        if self.hidden_layers is not None:
            return list(self.hidden_layers), {}
        given = self.hidden_layer_sizes
        sizes = [int(size) for size in (given if isinstance(given, Iterable) else [given])]
        if any(size <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0, got {sizes}.")
        several = isinstance(self.activation, Sequence) and not isinstance(self.activation, str)
        activations = list(self.activation) if several else [self.activation] * len(sizes)
        if len(activations) != len(sizes):
            raise ValueError(
                f"activation: {len(activations)} functions for {len(sizes)} hidden layers; give one for each, or one "
                "for all"
            )
        rates = self.dropout if isinstance(self.dropout, Sequence) else [self.dropout] * len(sizes)
        if len(rates) != len(sizes):
            raise ValueError(f"dropout: {len(rates)} rates for {len(sizes)} hidden layers; give one for each, or one")
        widths = [n_features, *sizes, self._n_outputs]
        initial = [
            _initial(name, *fans)
            for name, fans in zip([*activations, activations[-1] if sizes else "relu"], pairwise(widths), strict=True)
        ]
        layers: list[Any] = []
        for size, name, rate, init in zip(sizes, activations, rates, initial, strict=False):
            function = ACTIVATION_NAMES.get(name, name) if isinstance(name, str) else name
            if self.batch_norm:
                layers += [{"type": "dense", "units": size, "activation": "identity", **init}, "batch_norm"]
                layers.append({"type": "activation", "activation": function})
            else:
                layers.append({"type": "dense", "units": size, "activation": function, **init})
            if rate:
                layers.append({"type": "dropout", "rate": float(rate)})
        return layers, initial[-1]

    def _optimizer_values(self, scale: _Scale) -> Any:
        if self.optimizer is not None:
            return self.optimizer
        lr = float(self.learning_rate_init)
        if self.solver == "lbfgs":
            return {"type": "lbfgs"}
        if self.solver == "sgd":
            momentum = float(self.momentum)
            nesterov = bool(self.nesterovs_momentum) and momentum > 0
            return {"type": "sgd", "lr": lr / scale.gradient, "momentum": momentum, "nesterov": nesterov}
        betas = {"beta1": float(self.beta_1), "beta2": float(self.beta_2)}
        return {"type": "adam", "lr": lr, **betas, "eps": float(self.epsilon) * scale.gradient}

    def _schedule(self, rows: _Rows) -> Any:
        if self.schedule is not None:
            return self.schedule
        if self._solver != "sgd" or self.learning_rate == "constant":
            return "constant"
        if self.learning_rate == "invscaling":
            return {"type": "inverse_power", "power": float(self.power_t), "scale": float(rows.n_train)}
        return {
            "type": "reduce_on_plateau",
            "monitor": self._monitor if self.early_stopping else "train_loss",
            "factor": 1.0 / ADAPTIVE_FACTOR,
            "patience": int(min(self.n_iter_no_change, MOST_EPOCHS)),
            "threshold": float(self.tol),
        }

    def _early_stopping(self, scale: _Scale, *, whole: bool) -> dict[str, Any] | None:
        patience = min(self.n_iter_no_change + 1, MOST_EPOCHS)
        if self._solver == "sgd" and self.learning_rate == "adaptive" and self.schedule is None:
            falls = ceil(log(max(float(self.learning_rate_init) / LOWEST_ADAPTIVE_RATE, 1.0), ADAPTIVE_FACTOR))
            patience = min(patience * max(1, falls), MOST_EPOCHS)
        if self.early_stopping:  # any gain makes a new best, whose weights are kept; `tol` is for `_Tolerance`
            return {"monitor": self._monitor, "patience": int(patience), "restore_best": True}
        if not whole or self._solver == "lbfgs" or self.n_iter_no_change == inf:
            return None
        tol = float(self.tol) * scale.loss
        return {"monitor": "train_loss", "patience": int(patience), "restore_best": False, "min_delta": tol}

    # --- names

    @property
    def _run_name(self) -> str:
        return "mlp-classifier" if self._task == "classification" else "mlp-regressor"

    @property
    def _task_of_fit(self) -> Task:
        return self._task

    @property
    def _monitor(self) -> str:
        raise NotImplementedError

    @property
    def _n_outputs(self) -> int:
        return int(self.n_outputs_)

    def _target_names(self) -> tuple[str, ...]:
        return numbered_names(self._n_outputs, "y") if self._n_outputs > 1 else ("y",)

    def _feature_names(self) -> tuple[str, ...]:
        names = getattr(self, "feature_names_in_", None)
        return numbered_names(self.n_features_in_) if names is None else tuple(map(str, names))

    def _as_source(self, y: Array) -> Array:
        """The targets as a file of arrays holds them."""
        return y

    def _out_activation(self) -> str:
        raise NotImplementedError

    # --- prediction

    def _outputs(self, X: Any) -> Array:
        """X validated, of the network's dtype."""
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse=("csr", "csc", "coo"), reset=False, dtype=(np.float64, np.float32))
        return _dense(X).astype(self._fitted.network.dtype, copy=False)

    # --- what the fit was like

    @property
    def diagnosis_(self) -> Diagnosis:
        """The doctor's diagnosis of the fit.

        Without `log_dir` the fit is repeated once, with a log in a temporary folder: the same seed and data give the
        same weights. It needs the arrays passed to `fit`, which a pickle does not hold, unchanged.
        """
        check_is_fitted(self)
        if self._diagnosis is None:
            self._diagnosis = diagnose(self.run_) if hasattr(self, "run_") else self._diagnosed_again()
        return self._diagnosis

    def _diagnosed_again(self) -> Diagnosis:
        repeat = getattr(self, "_repeat", None)
        if repeat is None:
            raise AttributeError(
                "diagnosis_ needs a call of fit in this process: partial_fit keeps no log, and a pickle no rows; fit "
                "with log_dir to keep both"
            )
        with tempfile.TemporaryDirectory(prefix="nn_scratch-", ignore_cleanup_errors=True) as folder:
            built = self._logged(repeat.config, repeat.rows, Path(folder))
            built.network.theta[...], built.network.state[...] = repeat.start
            run = train_built(built, Path(folder), lambda session: [_EndAfter(repeat.epochs)])
            if not np.array_equal(built.network.theta, self._fitted.network.theta):
                raise AttributeError("diagnosis_: the arrays passed to fit have changed since; fit again")
            return diagnose(Run(run.path))

    # --- scikit-learn's protocol

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state = dict(super().__getstate__())
        for name in ("coefs_", "intercepts_", "_repeat"):  # views of _fitted, and the caller's rows
            state.pop(name, None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "_fitted" in state:
            self._publish_weights()


class MLPClassifier(ClassifierMixin, _MLP):  # type: ignore[misc]
    """A multi-layer perceptron for classes, or for several labels a row.

    Changing the import is all it takes to use it in place of scikit-learn's ``MLPClassifier``.

    Parameters
    ----------
    loss : str or mapping, default=None
        Any loss for classes of the config reference, such as 'focal'; None: the log-loss.
    class_weight : dict, 'balanced' or None, default=None
        Weight of each class's rows in the loss, by label, multiplied with `sample_weight`; 'balanced': n_samples /
        (n_classes * rows of the class), in the training rows.

    Network
    -------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(100,)
        Units of each hidden layer.
    activation : str, mapping or list of these, default='relu'
        Any activation of the config reference ('logistic' is 'sigmoid'), such as ``{"type": "leaky_relu", "slope":
        0.1}``; a list gives one for each hidden layer.
    dropout : float or sequence of float, default=0.0
        Share of each hidden layer's outputs that is set to 0 while training; a sequence gives one for each layer.
    batch_norm : bool, default=False
        Whether batch normalization stands between each hidden layer and its activation.
    hidden_layers : list of mappings, default=None
        The hidden layers as `layers` has them in a config; replaces the four parameters above.

    Training
    --------
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
    learning_rate_init, learning_rate, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon
        As in scikit-learn; `learning_rate`, `power_t` and the momenta are those of 'sgd'.
    optimizer : str or mapping, default=None
        Any optimizer of the config reference, such as ``{"type": "adamw", "lr": 0.002}``; replaces `solver` and its
        parameters.
    schedule : str or mapping, default=None
        Any schedule of the config reference, such as ``"cosine"``; replaces `learning_rate`.
    batch_size : int or 'auto', default='auto'
        Rows of a batch; 'auto': min(200, n_samples).
    max_iter : int, default=200
        Epochs at the most; for 'lbfgs' iterations, which end after `max_fun` evaluations of the loss, too.
    shuffle, random_state, verbose, warm_start, max_fun
        As in scikit-learn.
    alpha : float, default=0.0001
        L2 penalty, divided by the weight of a batch's rows when added to the loss. `l1` is a penalty on absolute
        weights as the config has it: not divided.
    max_norm, clip_norm, ema_decay : float, default=None
        Bounds on weights and gradient, and the average of the weights, as in a config.

    Stopping
    --------
    tol, n_iter_no_change
        Training ends when the training loss (with `early_stopping` the validation score) has not improved by more
        than `tol` for `n_iter_no_change` epochs in a row. ``n_iter_no_change=numpy.inf``: it never does.
    early_stopping : bool, default=False
        Whether rows for validation decide, and the weights of their best epoch are kept: those passed to `fit` as
        `X_val` and `y_val`, or else `validation_fraction` of the training rows.
    validation_fraction : float, default=0.1

    Watching
    --------
    callbacks : list of callables, default=None
        Each is called as ``f(epoch, scores)`` after every epoch, with the scores by name (train_loss, val_loss, ...);
        one that returns True ends training.
    log_dir : path, default=None
        A folder for the log of `fit`: a run as `train.py` writes it, and the rows in ``data/``, from which the run's
        own config can repeat it. `run_` then is the run.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, in the order of the columns of `predict_proba`.
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases of the dense layers, views of the network's own.
    loss_curve_, validation_loss_curve_ : list of float
        The losses after each epoch, on at most 2,048 training rows and on all rows of validation (else None). The
        penalty is not part of them.
    validation_scores_, best_validation_score_ : list of float, float
        Accuracy of the validation rows after each epoch (of several labels: the share of rows with all of them right),
        and the best; None without such rows.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, loss_, best_loss_, n_features_in_, feature_names_in_
        As in scikit-learn.
    diagnosis_ : Diagnosis
        The doctor's diagnosis of the fit.
    run_ : Run
        The logged run, with `log_dir`.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from nn_scratch import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier(hidden_layer_sizes=16, solver="lbfgs", random_state=0).fit(X, y)
    >>> model.score(X, y) > 0.9
    True
    >>> model.predict_proba(X[:2]).shape
    (2, 3)
    """

    _task: Task = "classification"

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        hidden_layers: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        class_weight: Any = None,
        loss: Any = None,
        optimizer: Any = None,
        schedule: Any = None,
        l1: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        ema_decay: float | None = None,
        callbacks: Any = None,
        log_dir: Any = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.hidden_layers = hidden_layers
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.class_weight = class_weight
        self.loss = loss
        self.optimizer = optimizer
        self.schedule = schedule
        self.l1 = l1
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.ema_decay = ema_decay
        self.callbacks = callbacks
        self.log_dir = log_dir

    @available_if(_takes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPClassifier:
        """Train for one epoch on X and y, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As in `fit`.
        classes : array-like of shape (n_classes,), default=None
            All labels that any call will bring; needed in the first call.

        Returns
        -------
        self : object
            The estimator. With `early_stopping`, once `n_iter_no_change` calls have brought no better validation
            score, the best weights are restored and further calls change nothing.
        """
        if not hasattr(self, "_fitted") and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        with _errors_of_values():
            if classes is not None:
                given = unique_labels(classes)
                if hasattr(self, "_fitted") and not np.array_equal(self.classes_, given):
                    raise ValueError(
                        f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {self.classes_!r}"
                    )
                if not hasattr(self, "_fitted"):
                    self._given_classes = given
            try:
                self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)
            finally:
                self.__dict__.pop("_given_classes", None)
        return self

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self,
            X,
            _dense_targets(y),
            accept_sparse=("csr", "csc", "coo"),
            multi_output=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        kind = type_of_target(y, input_name="y")
        if kind not in ("binary", "multiclass", "multilabel-indicator"):
            check_classification_targets(y)  # which finds the kind again, and refuses it in scikit-learn's words
        several = kind == "multilabel-indicator"
        if not several and y.ndim != 1:
            raise ValueError(f"y of shape {y.shape} is no multi-label indicator of 0 and 1, and no column of classes")
        if reset:
            self._settle_classes(y, several)
        elif several != self._several:
            raise ValueError("y must be of the same kind, classes or labels, as in the previous call to fit")
        elif several and y.shape[1] != len(self.classes_):
            raise ValueError(f"y has {y.shape[1]} labels, and the previous call to fit had {len(self.classes_)}")
        return _dense(X), y

    def _settle_classes(self, y: Array, several: bool) -> None:
        self._several = several
        given = self.__dict__.pop("_given_classes", None)
        if several:
            self.classes_ = np.arange(y.shape[1])
            self.n_outputs_ = y.shape[1]
            return
        self.classes_ = np.unique(y) if given is None else given
        logit = self.loss in (None, "binary_cross_entropy") and len(self.classes_) <= 2
        self.n_outputs_ = 1 if logit else max(2, len(self.classes_))

    def _encoded(self, y: Array) -> Array:
        if self._several:
            return np.asarray(y, np.float64)
        known = np.unique(y)
        unknown = np.setdiff1d(known, self.classes_)
        if len(unknown) or (self.warm_start and hasattr(self, "_fitted") and len(known) != len(self.classes_)):
            if self.warm_start and hasattr(self, "_fitted"):
                raise ValueError(
                    "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                    f"Previously got {self.classes_}, `y` has {known}"
                )
            raise ValueError(
                f"`y` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. 'y' has {known}."
            )
        codes: Array = np.searchsorted(self.classes_, y).astype(np.int64)
        return codes

    def _labels_of(self, targets: Array) -> Array:
        labels: Array = self.classes_[targets]
        return labels

    def _row_weights(self, y: Array, weights: Array | None) -> Array | None:
        if self.class_weight is None:
            return weights
        labels = y if self._several else self.classes_[y]
        by_class = compute_sample_weight(self.class_weight, labels)
        return np.asarray(by_class, np.float64) if weights is None else weights * by_class

    def _loss_and_scale(self) -> tuple[Any, _Scale]:
        if self.loss is not None:
            return self.loss, _Scale()
        if self._several:  # the mean over the labels, and scikit-learn's is their sum
            k = len(self.classes_)
            return "binary_cross_entropy", _Scale(1.0 / k, 1.0 / k)
        return ("binary_cross_entropy" if self.n_outputs_ == 1 else "cross_entropy"), _Scale()

    def _class_names(self) -> tuple[str, ...]:
        if self._several:
            return ()
        _, names = index_labels(self.classes_)
        # a network of one class learns its single logit against a class that no row has
        return names if len(names) > 1 else (*names, f"not {names[0]}")

    def _as_source(self, y: Array) -> Array:
        if self._several:
            return y
        labels: Array = self.classes_[y]
        if labels.dtype.kind in "biu":
            return labels
        return np.array(self._class_names())[y]

    @property
    def _task_of_fit(self) -> Task:
        return "multi_label" if self._several else "classification"

    @property
    def _monitor(self) -> str:
        return "val_exact_match" if self._several else "val_accuracy"

    def _out_activation(self) -> str:
        return "logistic" if self._several or self.n_outputs_ == 1 else "softmax"

    def predict(self, X: Any) -> Array:
        """Class labels of X, or 0 and 1 for each label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        probabilities = self.predict_proba(X)
        if self._several:
            return (probabilities >= 0.5).astype(np.int64)
        predicted: Array = self.classes_[probabilities.argmax(axis=1)]
        return predicted

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes, in the order of `classes_`; of several labels, that of each by itself.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes)
        """
        X = self._outputs(X)
        if not self._several and len(self.classes_) == 1:
            return np.ones((len(X), 1))
        return np.asarray(self._fitted.scores(X), np.float64)

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class MLPRegressor(RegressorMixin, _MLP):  # type: ignore[misc]
    """A multi-layer perceptron for numbers: one target or several.

    Changing the import is all it takes to use it in place of scikit-learn's ``MLPRegressor``.

    Parameters
    ----------
    loss : str or mapping, default='squared_error'
        'squared_error', 'absolute_error', 'poisson', or any loss for numbers of the config reference, such as 'huber'.

    Network
    -------
    hidden_layer_sizes : int or array-like of shape (n_layers - 2,), default=(100,)
        Units of each hidden layer.
    activation : str, mapping or list of these, default='relu'
        Any activation of the config reference ('logistic' is 'sigmoid'), such as ``{"type": "leaky_relu", "slope":
        0.1}``; a list gives one for each hidden layer.
    dropout : float or sequence of float, default=0.0
        Share of each hidden layer's outputs that is set to 0 while training; a sequence gives one for each layer.
    batch_norm : bool, default=False
        Whether batch normalization stands between each hidden layer and its activation.
    hidden_layers : list of mappings, default=None
        The hidden layers as `layers` has them in a config; replaces the four parameters above.

    Training
    --------
    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
    learning_rate_init, learning_rate, power_t, momentum, nesterovs_momentum, beta_1, beta_2, epsilon
        As in scikit-learn; `learning_rate`, `power_t` and the momenta are those of 'sgd'.
    optimizer : str or mapping, default=None
        Any optimizer of the config reference, such as ``{"type": "adamw", "lr": 0.002}``; replaces `solver` and its
        parameters.
    schedule : str or mapping, default=None
        Any schedule of the config reference, such as ``"cosine"``; replaces `learning_rate`.
    batch_size : int or 'auto', default='auto'
        Rows of a batch; 'auto': min(200, n_samples).
    max_iter : int, default=200
        Epochs at the most; for 'lbfgs' iterations, which end after `max_fun` evaluations of the loss, too.
    shuffle, random_state, verbose, warm_start, max_fun
        As in scikit-learn.
    alpha : float, default=0.0001
        L2 penalty, divided by the weight of a batch's rows when added to the loss. `l1` is a penalty on absolute
        weights as the config has it: not divided.
    max_norm, clip_norm, ema_decay : float, default=None
        Bounds on weights and gradient, and the average of the weights, as in a config.

    Stopping
    --------
    tol, n_iter_no_change
        Training ends when the training loss (with `early_stopping` the validation score) has not improved by more
        than `tol` for `n_iter_no_change` epochs in a row. ``n_iter_no_change=numpy.inf``: it never does.
    early_stopping : bool, default=False
        Whether rows for validation decide, and the weights of their best epoch are kept: those passed to `fit` as
        `X_val` and `y_val`, or else `validation_fraction` of the training rows.
    validation_fraction : float, default=0.1

    Watching
    --------
    callbacks : list of callables, default=None
        Each is called as ``f(epoch, scores)`` after every epoch, with the scores by name (train_loss, val_loss, ...);
        one that returns True ends training.
    log_dir : path, default=None
        A folder for the log of `fit`: a run as `train.py` writes it, and the rows in ``data/``, from which the run's
        own config can repeat it. `run_` then is the run.

    Attributes
    ----------
    coefs_, intercepts_ : list of ndarray
        Weights (inputs, outputs) and biases of the dense layers, views of the network's own.
    loss_curve_, validation_loss_curve_ : list of float
        The losses after each epoch, on at most 2,048 training rows and on all rows of validation (else None). The
        penalty is not part of them.
    validation_scores_, best_validation_score_ : list of float, float
        R² of the validation rows after each epoch, and the best; None without such rows.
    n_iter_, t_, n_layers_, n_outputs_, out_activation_, loss_, best_loss_, n_features_in_, feature_names_in_
        As in scikit-learn.
    diagnosis_ : Diagnosis
        The doctor's diagnosis of the fit.
    run_ : Run
        The logged run, with `log_dir`.

    Examples
    --------
    >>> import numpy as np
    >>> from nn_scratch import MLPRegressor
    >>> X = np.linspace(-1, 1, 200).reshape(-1, 1)
    >>> model = MLPRegressor(hidden_layer_sizes=(20, 20), solver="lbfgs", random_state=0).fit(X, np.sin(3 * X[:, 0]))
    >>> model.score(X, np.sin(3 * X[:, 0])) > 0.99
    True
    """

    _task: Task = "regression"

    def __init__(
        self,
        loss: Any = "squared_error",
        hidden_layer_sizes: Any = (100,),
        activation: Any = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: Any = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        hidden_layers: Any = None,
        dropout: Any = 0.0,
        batch_norm: bool = False,
        optimizer: Any = None,
        schedule: Any = None,
        l1: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        ema_decay: float | None = None,
        callbacks: Any = None,
        log_dir: Any = None,
    ) -> None:
        self.loss = loss
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.hidden_layers = hidden_layers
        self.dropout = dropout
        self.batch_norm = batch_norm
        self.optimizer = optimizer
        self.schedule = schedule
        self.l1 = l1
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.ema_decay = ema_decay
        self.callbacks = callbacks
        self.log_dir = log_dir

    @available_if(_takes_batches)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
    ) -> MLPRegressor:
        """Train for one epoch on X and y, going on from the last call.

        Parameters
        ----------
        X, y, sample_weight, X_val, y_val, sample_weight_val
            As in `fit`.

        Returns
        -------
        self : object
            The estimator. With `early_stopping`, once `n_iter_no_change` calls have brought no better validation
            score, the best weights are restored and further calls change nothing.
        """
        with _errors_of_values():
            self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=True)
        return self

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=("csr", "csc", "coo"),
            multi_output=True,
            y_numeric=True,
            dtype=(np.float64, np.float32),
            reset=reset,
        )
        if y.ndim == 2 and y.shape[1] == 1:
            y = column_or_1d(y, warn=True)
        outputs = 1 if y.ndim == 1 else y.shape[1]
        if reset:
            self._flat, self.n_outputs_ = y.ndim == 1, outputs
        elif outputs != self.n_outputs_:
            raise ValueError(f"y has {outputs} outputs, and the previous call to fit had {self.n_outputs_}")
        if self.loss == "poisson" and (y < 0).any():
            raise ValueError("Some value(s) of y are out of the valid range of the loss 'poisson': they must be >= 0.")
        return _dense(X), y

    def _encoded(self, y: Array) -> Array:
        targets: Array = np.asarray(y, np.float64).reshape(len(y), -1)
        return targets

    def _loss_and_scale(self) -> tuple[Any, _Scale]:
        k = self.n_outputs_
        if self.loss == "squared_error":  # mse is the mean over outputs of the square; scikit-learn's gradient the sum
            return "mse", _Scale(2.0 / k, 2.0)
        if self.loss == "poisson":
            return "poisson", _Scale(1.0 / k, 1.0)
        return LOSS_NAMES.get(self.loss, self.loss) if isinstance(self.loss, str) else self.loss, _Scale()

    @property
    def _monitor(self) -> str:
        return "val_r2"

    def _out_activation(self) -> str:
        return "exp" if self._fitted.loss.registered_name == "poisson" else "identity"

    def predict(self, X: Any) -> Array:
        """Predicted values of X, in the units of y.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        """
        X = self._outputs(X)
        values = self._fitted.scores(X).astype(X.dtype, copy=False)
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _initial(activation: Any, fan_in: int, fan_out: int) -> dict[str, Any]:
    """scikit-learn's initial weights and biases of a layer; none of ours where it has no such activation."""
    factor = INITIAL_BOUND.get(activation) if isinstance(activation, str) else None
    if factor is None:
        return {}
    bound = sqrt(factor / (fan_in + fan_out))
    uniform = {"type": "uniform", "low": -bound, "high": bound}
    return {"init": uniform, "bias_init": dict(uniform)}


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _dense(X: Any) -> Array:
    dense: Array = X.toarray() if hasattr(X, "toarray") else X
    return dense


def _dense_targets(y: Any) -> Any:
    return y.toarray() if hasattr(y, "toarray") else y


def _checked_weights(sample_weight: Any, X: Array) -> Array:
    weights: Array = np.asarray(_check_sample_weight(sample_weight, X), np.float64)
    if (weights < 0).any():
        raise ValueError("sample_weight must be >= 0 in every row")
    return weights


def _renamed(problem: str) -> str:
    """A problem of the config in the words of the estimator's parameters."""
    names = {
        "layers": "hidden_layers",
        "optimizer.lr": "learning_rate_init",
        "optimizer.momentum": "momentum",
        "optimizer.beta1": "beta_1",
        "optimizer.beta2": "beta_2",
        "optimizer.eps": "epsilon",
        "schedule.power": "power_t",
        "regularize.": "",
        "train.": "",
    }
    for key, name in names.items():
        if problem.startswith(key):
            return name + problem.removeprefix(key)
    return problem
