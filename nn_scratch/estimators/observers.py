"""The observers of a fit: its history, scikit-learn's output and callbacks, and its rules of when to stop."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import inf, isfinite
from typing import Any

import numpy as np

from nn_scratch.metrics import lower_is_better
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

STALLED = 2.22e-9  # relative fall of the loss at which L-BFGS has converged, SciPy's default


class History(Observer):
    """Collects the scores of every epoch."""

    def __init__(self) -> None:
        self.scores: list[Scores] = []

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.scores.append(dict(scores))


class Printer(Observer):
    """Prints a line an epoch, as scikit-learn's `verbose` does."""

    def __init__(self, scale: float, monitor: str | None) -> None:
        self._scale, self._monitor = scale, monitor

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        print(f"Iteration {trainer.epoch}, loss = {scores['train_loss'] / self._scale:.8f}")
        if self._monitor is not None:
            print(f"Validation score: {scores[self._monitor]:.6f}")


class Tolerance(Observer):
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


class FlatGradient(Observer):
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


class MostEvaluations(Observer):
    """Ends a full-batch training once the loss has been evaluated so often.

    reached: whether that is why it ended.
    """

    def __init__(self, most: int) -> None:
        self._most, self.reached = most, False

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if getattr(trainer.optimizer, "evaluations", 0) >= self._most and not trainer.end_requested:
            trainer.end_requested = self.reached = True


class EndAfter(Observer):
    """Ends training after a number of epochs."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if trainer.epoch >= self._epochs:
            trainer.end_requested = True


class FitTasks(Observer):
    """Calls scikit-learn's callbacks for the fit and, as its tasks, for the epochs; a callback may end training.

    context: of scikit-learn's callbacks, for the fit. arguments: what every call passes on. attributes: what makes a
    copy of the estimator one that was fitted up to now.
    """

    def __init__(self, context: Any, arguments: Mapping[str, Any], attributes: Callable[[], dict[str, Any]]) -> None:
        self._context, self._arguments, self._attributes = context, arguments, attributes
        self._epoch: Any = None

    def on_start(self, trainer: Trainer) -> None:
        self._context.call_on_fit_task_begin(**self._arguments)
        self._begin_epoch()

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if self._epoch.call_on_fit_task_end(**self._arguments, reconstruction_attributes=self._attributes):
            trainer.end_requested = True
        if trainer.epoch < trainer.epochs and not trainer.finished_early:
            self._begin_epoch()

    def fit_ended(self) -> None:
        """To be called once the attributes of the fit are set."""
        self._context.call_on_fit_task_end(**self._arguments, reconstruction_attributes={})

    def _begin_epoch(self) -> None:
        self._epoch = self._context.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._arguments)
