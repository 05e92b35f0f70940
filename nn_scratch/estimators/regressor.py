"""`MLPRegressor`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import validate_data

from nn_scratch.data.table import Task
from nn_scratch.estimators.base import BaseMLP
from nn_scratch.estimators.fits import LossScale
from nn_scratch.estimators.parameters import LOSS_NAMES
from nn_scratch.estimators.validation import dense, errors_as_value_errors, takes_batches
from nn_scratch.metrics import Array


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]
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
        one that returns True ends training. Those of scikit-learn 1.9 and later, such as ``ProgressBar``, are set by
        ``set_callbacks``, on the estimator or on a pipeline.
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
        self._set_parameters(locals())

    @available_if(takes_batches)  # type: ignore[untyped-decorator]
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

        Examples
        --------
        >>> from nn_scratch import MLPRegressor
        >>> model = MLPRegressor(random_state=0)
        >>> for batch in range(3):
        ...     model = model.partial_fit(X[batch::3, :3], X[batch::3, 3])
        >>> len(model.loss_curve_)
        3
        """
        with errors_as_value_errors():
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
        return dense(X), y

    def _encoded(self, y: Array) -> Array:
        targets: Array = np.asarray(y, np.float64).reshape(len(y), -1)
        return targets

    def _loss_and_scale(self) -> tuple[Any, LossScale]:
        k = self.n_outputs_
        if self.loss == "squared_error":  # mse is the mean over outputs of the square; scikit-learn's gradient the sum
            return "mse", LossScale(2.0 / k, 2.0)
        if self.loss == "poisson":
            return "poisson", LossScale(1.0 / k, 1.0)
        return LOSS_NAMES.get(self.loss, self.loss) if isinstance(self.loss, str) else self.loss, LossScale()

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

        Examples
        --------
        >>> from nn_scratch import MLPRegressor
        >>> model = MLPRegressor(solver="lbfgs", random_state=0).fit(X[:, :2], X[:, 2:])
        >>> model.predict(X[:5, :2]).shape
        (5, 2)
        """
        X = self._outputs(X)
        values = self._fitted.scores(X).astype(X.dtype, copy=False)
        return values[:, 0] if self._flat else values

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
