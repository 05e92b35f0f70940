"""The base class of the estimators: fitting, logging, the diagnosis, pickling."""

from __future__ import annotations

import copy
import hashlib
import tempfile
import warnings
from math import inf, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from nn_scratch.api import EpochCallback, Run, diagnose
from nn_scratch.config.schema import Config
from nn_scratch.data.arrays import data_from_arrays
from nn_scratch.data.table import numbered_names
from nn_scratch.errors import Diverged
from nn_scratch.estimators.fits import FittedNetwork, LossScale, Repeat, Rows, published
from nn_scratch.estimators.observers import (
    EndAfter,
    FitTasks,
    FlatGradient,
    History,
    MostEvaluations,
    Printer,
    Tolerance,
)
from nn_scratch.estimators.parameters import ParametersMixin
from nn_scratch.estimators.validation import checked_weights, dense, errors_as_value_errors
from nn_scratch.experiments.build import Built, build
from nn_scratch.experiments.networks import build_network
from nn_scratch.experiments.train import Interrupted, pinned_threads, train_built
from nn_scratch.metrics import Array
from nn_scratch.paths import expanded
from nn_scratch.runs.files import make_folder, write_npz
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.observers import Observer, ObserverList, Scores
from nn_scratch.training.trainer import StopRequested

if TYPE_CHECKING:
    from nn_scratch.doctor.diagnosis import Diagnosis

try:  # scikit-learn 1.9 and later: `set_callbacks`, for progress bars and scores of each epoch
    from sklearn.callback import CallbackSupportMixin, with_callbacks
except ImportError:

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Stands for scikit-learn's, which has no `set_callbacks` before 1.9."""

    def with_callbacks(method: Any) -> Any:
        return method


class BaseMLP(CallbackSupportMixin, ParametersMixin):  # type: ignore[misc]
    """The base class of the classifier and the regressor."""

    # --- targets, which differ

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        raise NotImplementedError

    def _encoded(self, y: Array) -> Array:
        """y as the network's targets: (rows,) int64 codes, or (rows, outputs)."""
        raise NotImplementedError

    def _row_weights(self, y: Array, weights: Array | None) -> Array | None:
        return weights

    def _class_names(self) -> tuple[str, ...]:
        return ()

    # --- fitting

    @with_callbacks  # type: ignore[untyped-decorator]
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

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> model = MLPClassifier(early_stopping=True, max_iter=20, random_state=0)
        >>> model = model.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> len(model.loss_curve_) == len(model.validation_loss_curve_) == model.n_iter_
        True
        """
        with errors_as_value_errors():
            return self._fit(X, y, sample_weight, (X_val, y_val, sample_weight_val), incremental=False)

    def _fit(self, X: Any, y: Any, sample_weight: Any, validation: tuple[Any, Any, Any], *, incremental: bool) -> Any:
        self._check_parameters()
        fresh = not hasattr(self, "_fitted") or not (self.warm_start or incremental)
        X, y = self._validated(X, y, reset=fresh)
        if sample_weight is not None:
            sample_weight = checked_weights(sample_weight, X)
        generator = check_random_state(self.random_state)
        seed = int(generator.randint(np.iinfo(np.int32).max))
        rows = self._parts(X, y, sample_weight, validation, generator)
        config, scale = self._config(rows, seed, epochs=1 if incremental else None)
        logged = self.log_dir is not None and not incremental
        built = self._logged(config, rows, expanded(self.log_dir)) if logged else self._built(config, rows)
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
        tasks = None if incremental else self._tasks(built, X, y, sample_weight)
        history = self._train(built, rows, scale, tasks, incremental=incremental, logged=logged)
        self._keep(built, rows, history, scale, incremental=incremental)
        if tasks is not None:
            tasks.fit_ended()
        repeatable = not incremental and len(history) > 0
        self._repeat = Repeat(rows, config, start, len(history)) if repeatable else None
        self._diagnosis: Diagnosis | None = None
        return self

    def _parts(
        self, X: Array, y: Array, weights: Array | None, validation: tuple[Any, Any, Any], generator: Any
    ) -> Rows:
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
                weights_val = checked_weights(weights_val, X_val)
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
            return Rows(X, targets, weights, len(X))
        if weights is not None or weights_val is not None:
            ones = [np.ones(len(part)) for part in (X, X_val)]
            parts = (ones[0] if weights is None else weights, ones[1] if weights_val is None else weights_val)
            weights = np.concatenate(parts)
        joined = np.concatenate([X, X_val.astype(X.dtype, copy=False)])
        return Rows(joined, np.concatenate([targets, y_val]), weights, len(X))

    def _labels_of(self, targets: Array) -> Array:
        return targets

    def _built(self, config: Config, rows: Rows) -> Built:
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

    def _logged(self, config: Config, rows: Rows, outputs: Path) -> Built:
        """Build the same fit from a file below `outputs`, so that the run's param.yaml can repeat it."""
        arrays: dict[str, Array] = {"X": rows.X, "y": self._as_source(rows.y)}
        if rows.weights is not None:
            arrays["weights"] = rows.weights
        if hasattr(self, "feature_names_in_"):
            arrays["feature_names"] = np.array(self._feature_names())
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

    def _tasks(self, built: Built, X: Array, y: Array, sample_weight: Any) -> FitTasks | None:
        """The observer that calls scikit-learn's callbacks during a fit; None where none are set."""
        if not hasattr(self, "_init_callback_context"):
            return None
        context = self._init_callback_context(max_subtasks=int(self.max_iter))
        if not hasattr(self, "_skl_callbacks"):
            return None
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        arguments = {"estimator": self, "X": X, "y": y, "metadata": metadata}

        def attributes() -> dict[str, Any]:
            with built.trainer.scored_parameters():
                fitted = copy.deepcopy(FittedNetwork(built))  # a callback may keep it while training goes on
            return {"_fitted": fitted, **published(fitted)}

        return FitTasks(context, arguments, attributes)

    def _train(
        self, built: Built, rows: Rows, scale: LossScale, tasks: FitTasks | None, *, incremental: bool, logged: bool
    ) -> list[dict[str, float]]:
        """Run the training loop; returns the scores of each epoch."""
        history = History()
        observers: list[Observer] = [history]
        if self.verbose:
            observers.append(Printer(scale.loss, self._monitor if rows.n_val else None))
        bound = MostEvaluations(int(self.max_fun))
        if not incremental:
            observers += [*self._stopping_rules(rows, scale), bound]
        for callback in self.callbacks or ():
            observers.append(callback if isinstance(callback, Observer) else EpochCallback(callback))
        if tasks is not None:  # the last: by then it is known whether another epoch follows
            observers.append(tasks)
        trainer = built.trainer
        run: Run | None = None
        try:
            if logged:
                run = Run(train_built(built, expanded(self.log_dir), lambda session: observers).path)
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

    def _diverged(self, built: Built, error: Diverged, history: History, incremental: bool) -> None:
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

    def _stopping_rules(self, rows: Rows, scale: LossScale) -> list[Observer]:
        if self.solver_in_use == "lbfgs" and not self.early_stopping:
            return [] if self.n_iter_no_change == inf else [FlatGradient(self.tol * scale.gradient)]
        if self.solver_in_use == "sgd" and self.learning_rate == "adaptive" and self.schedule is None:
            return []
        if self.early_stopping:
            return [Tolerance(self._monitor, self.tol, self.n_iter_no_change)]
        return [Tolerance("train_loss", self.tol * scale.loss, self.n_iter_no_change)]

    def _keep(self, built: Built, rows: Rows, history: list[Scores], scale: LossScale, *, incremental: bool) -> None:
        """The attributes that a fit leaves."""
        network, trainer = built.network, built.trainer
        self._fitted = FittedNetwork(built)
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
        for name, values in published(self._fitted).items():
            setattr(self, name, values)

    # --- names

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
        return dense(X).astype(self._fitted.network.dtype, copy=False)

    # --- what the fit was like

    @property
    def diagnosis_(self) -> Diagnosis:
        """The doctor's diagnosis of the fit.

        Without `log_dir` the fit is repeated once, with a log in a temporary folder: the same seed and data give the
        same weights. It needs the arrays passed to `fit`, which a pickle does not hold, unchanged.

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> model = MLPClassifier(learning_rate_init=1e-6, max_iter=20, random_state=0).fit(X, y)
        >>> model.diagnosis_.verdict, model.diagnosis_.findings[0].rule
        ('sick', 'lr_too_low')
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
            run = train_built(built, Path(folder), lambda session: [EndAfter(repeat.epochs)])
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
