"""`MLPClassifier`."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils import column_or_1d
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
from sklearn.utils.validation import validate_data

from nn_scratch.data.table import Task
from nn_scratch.data.targets import index_labels
from nn_scratch.estimators.base import BaseMLP
from nn_scratch.estimators.fits import LossScale
from nn_scratch.estimators.validation import dense, dense_targets, errors_as_value_errors, takes_batches
from nn_scratch.metrics import Array


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]
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
        one that returns True ends training. Those of scikit-learn 1.9 and later, such as ``ProgressBar``, are set by
        ``set_callbacks``, on the estimator or on a pipeline.
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
        self._set_parameters(locals())

    @available_if(takes_batches)  # type: ignore[untyped-decorator]
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

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> model = MLPClassifier(random_state=0)
        >>> for batch in range(3):
        ...     model = model.partial_fit(X[batch::3], y[batch::3], classes=[0, 1, 2])
        >>> len(model.loss_curve_), model.t_
        (3, 150)
        """
        if not hasattr(self, "_fitted") and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        with errors_as_value_errors():
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
            dense_targets(y),
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
        return dense(X), y

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

    def _loss_and_scale(self) -> tuple[Any, LossScale]:
        if self.loss is not None:
            return self.loss, LossScale()
        if self._several:  # the mean over the labels, and scikit-learn's is their sum
            k = len(self.classes_)
            return "binary_cross_entropy", LossScale(1.0 / k, 1.0 / k)
        return ("binary_cross_entropy" if self.n_outputs_ == 1 else "cross_entropy"), LossScale()

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

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> names = np.array(["setosa", "versicolor", "virginica"])[y]
        >>> model = MLPClassifier(solver="lbfgs", random_state=0).fit(X, names)
        >>> model.predict(X[[0, 149]]).tolist()
        ['setosa', 'virginica']
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

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> model = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
        >>> model.predict_proba(X[:2]).round().tolist()
        [[1.0, 0.0, 0.0], [1.0, 0.0, 0.0]]
        """
        X = self._outputs(X)
        if not self._several and len(self.classes_) == 1:
            return np.ones((len(X), 1))
        return np.asarray(self._fitted.scores(X), np.float64)

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithms of `predict_proba`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes)
            -inf where a probability is 0.

        Examples
        --------
        >>> from nn_scratch import MLPClassifier
        >>> model = MLPClassifier(solver="lbfgs", random_state=0).fit(X, y)
        >>> np.allclose(np.exp(model.predict_log_proba(X)), model.predict_proba(X))
        True
        """
        with np.errstate(divide="ignore"):
            logarithms: Array = np.log(self.predict_proba(X))
        return logarithms

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags
