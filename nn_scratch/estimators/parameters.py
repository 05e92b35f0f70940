"""From the parameters of scikit-learn's estimators to a config."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from math import ceil, inf, log, sqrt
from numbers import Integral, Real
from typing import Any

from sklearn.base import BaseEstimator

from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.table import Task
from nn_scratch.errors import UserError
from nn_scratch.estimators.fits import LossScale, Rows

# scikit-learn's names for functions that have other names in a config
ACTIVATION_NAMES = {"logistic": "sigmoid"}
LOSS_NAMES = {"squared_error": "mse", "absolute_error": "mae"}
# the bound of scikit-learn's initial weights is the square root of this over the sum of the fans
INITIAL_BOUND = {"identity": 6.0, "logistic": 2.0, "tanh": 6.0, "relu": 6.0}
LOWEST_ADAPTIVE_RATE = 1e-6  # of learning_rate="adaptive", at which training ends
ADAPTIVE_FACTOR = 5.0
MOST_EPOCHS = 1_000_000  # that a config can wait for


class ParametersMixin(BaseEstimator):  # type: ignore[misc]
    """The parameters of an estimator, checked and translated into a config."""

    _task: Task

    def _set_parameters(self, given: Mapping[str, Any]) -> None:
        """Keep the constructor's arguments, its `locals()`, as they are: scikit-learn's `clone` compares them."""
        for name, value in given.items():
            if name != "self":
                setattr(self, name, value)

    def _loss_and_scale(self) -> tuple[Any, LossScale]:
        raise NotImplementedError

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
    def solver_in_use(self) -> str:
        """The type of optimizer in use: of `optimizer` where it is given, else `solver`.

        Returns
        -------
        str

        Examples
        --------
        >>> MLPClassifier(solver="sgd", optimizer={"type": "rmsprop", "lr": 0.01}).solver_in_use
        'rmsprop'
        """
        if self.optimizer is None:
            return str(self.solver)
        return str(self.optimizer if isinstance(self.optimizer, str) else self.optimizer.get("type", "adam"))

    def _config(self, rows: Rows, seed: int, epochs: int | None) -> tuple[Config, LossScale]:
        loss, scale = self._loss_and_scale()
        batch = min(200, rows.n_train) if self.batch_size == "auto" else min(int(self.batch_size), rows.n_train)
        if self.batch_size != "auto" and self.batch_size > rows.n_train:
            warnings.warn(
                f"batch_size={self.batch_size} is more than the {rows.n_train} rows; a batch has all of them",
                stacklevel=4,
            )
        whole_batch = rows.n_train if self.solver_in_use == "lbfgs" else batch
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
                "max_norm": optional_float(self.max_norm),
                "clip_norm": optional_float(self.clip_norm),
            },
            "train": {
                "epochs": int(self.max_iter) if epochs is None else epochs,
                "batch_size": batch,
                "shuffle": bool(self.shuffle),
                "ema_decay": optional_float(self.ema_decay),
                "early_stopping": self._early_stopping(scale, whole=epochs is None),
                "dtype": str(rows.X.dtype),
            },
        }
        try:
            return config_from(values), scale
        except UserError as error:
            raise ValueError("\n".join(map(renamed, error.problems))) from None

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
            initial_values(name, *fans)
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

    def _optimizer_values(self, scale: LossScale) -> Any:
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

    def _schedule(self, rows: Rows) -> Any:
        if self.schedule is not None:
            return self.schedule
        if self.solver_in_use != "sgd" or self.learning_rate == "constant":
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

    def _early_stopping(self, scale: LossScale, *, whole: bool) -> dict[str, Any] | None:
        patience = min(self.n_iter_no_change + 1, MOST_EPOCHS)
        if self.solver_in_use == "sgd" and self.learning_rate == "adaptive" and self.schedule is None:
            falls = ceil(log(max(float(self.learning_rate_init) / LOWEST_ADAPTIVE_RATE, 1.0), ADAPTIVE_FACTOR))
            patience = min(patience * max(1, falls), MOST_EPOCHS)
        if self.early_stopping:  # any gain makes a new best, whose weights are kept; `tol` is for `Tolerance`
            return {"monitor": self._monitor, "patience": int(patience), "restore_best": True}
        if not whole or self.solver_in_use == "lbfgs" or self.n_iter_no_change == inf:
            return None
        tol = float(self.tol) * scale.loss
        return {"monitor": "train_loss", "patience": int(patience), "restore_best": False, "min_delta": tol}

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


def initial_values(activation: Any, fan_in: int, fan_out: int) -> dict[str, Any]:
    """scikit-learn's initial weights and biases of a layer; none of ours where it has no such activation."""
    factor = INITIAL_BOUND.get(activation) if isinstance(activation, str) else None
    if factor is None:
        return {}
    bound = sqrt(factor / (fan_in + fan_out))
    uniform = {"type": "uniform", "low": -bound, "high": bound}
    return {"init": uniform, "bias_init": dict(uniform)}


def optional_float(value: Any) -> float | None:
    return None if value is None else float(value)


def renamed(problem: str) -> str:
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
