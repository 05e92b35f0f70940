"""Callbacks of the training loop: what they receive, and how several are called in turn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nn_scratch.training.trainer import Trainer

Scores = dict[str, float]


@dataclass(frozen=True)
class StepSignals:
    """Measurements of one watched step; steps and epochs count from 1.

    loss_after: the same batch's loss after its own update, with the same dropout (steps 1 to 20, else nan).
    Statistics of each layer are in `Trainer.step_statistics`.
    """

    step: int
    epoch: int
    lr: float
    loss: float
    loss_after: float


class Observer:
    """Base class of callbacks: every method does nothing. `trainer` is in its state after the step or the epoch.

    watches_steps: whether some steps are to be measured, and `on_step` called after them.

    Examples
    --------
    >>> from nn_scratch import MLPClassifier
    >>> from nn_scratch.training.observers import Observer
    >>> class Calls(Observer):
    ...     watches_steps = True
    ...     def __init__(self):
    ...         self.steps, self.epochs = [], 0
    ...     def on_step(self, trainer, signals):
    ...         self.steps.append(signals.loss)
    ...     def on_epoch_end(self, trainer, scores, seconds):
    ...         self.epochs += 1
    >>> calls = Calls()
    >>> model = MLPClassifier(max_iter=3, batch_size=50, callbacks=[calls], random_state=0).fit(X, y)
    >>> calls.epochs, len(calls.steps)
    (3, 9)
    """

    watches_steps = False

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step of this process: of the run, or of its continuation.

        Examples
        --------
        >>> class Start(Observer):
        ...     def on_start(self, trainer):
        ...         print(trainer.epochs, trainer.steps_per_epoch, trainer.network.theta.shape)
        >>> model = MLPClassifier(4, max_iter=2, callbacks=[Start()], random_state=0).fit(X, y)
        2 1 (35,)
        """

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        """After a watched step.

        Examples
        --------
        >>> class Rates(Observer):
        ...     watches_steps = True
        ...     def on_step(self, trainer, signals):
        ...         print(signals.step, signals.epoch, signals.lr)
        >>> model = MLPClassifier(4, max_iter=2, callbacks=[Rates()], random_state=0).fit(X, y)
        1 1 0.001
        2 2 0.001
        """

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        """After an epoch and its evaluation; seconds: training and evaluation.

        Examples
        --------
        >>> class Epochs(Observer):
        ...     def on_epoch_end(self, trainer, scores, seconds):
        ...         print(trainer.epoch, scores["train_loss"] > 0, sorted(seconds))
        >>> model = MLPClassifier(4, max_iter=2, callbacks=[Epochs()], random_state=0).fit(X, y)
        1 True ['evaluation', 'training']
        2 True ['evaluation', 'training']
        """

    def on_pause(self, trainer: Trainer) -> None:
        """Between steps within an epoch, from time to time: a point at which to save.

        Examples
        --------
        >>> class Pauses(Observer):
        ...     paused = 0
        ...     def on_pause(self, trainer):
        ...         self.paused += 1
        >>> pauses = Pauses()
        >>> model = MLPClassifier(max_iter=1, batch_size=1, callbacks=[pauses], random_state=0).fit(X, y)
        >>> pauses.paused <= 150
        True
        """


class ObserverList(Observer):
    """Calls several observers in order."""

    def __init__(self, observers: Sequence[Observer]) -> None:
        self._observers = observers
        self.watches_steps = any(observer.watches_steps for observer in observers)

    def on_start(self, trainer: Trainer) -> None:
        for observer in self._observers:
            observer.on_start(trainer)

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        for observer in self._observers:
            observer.on_step(trainer, signals)

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        for observer in self._observers:
            observer.on_epoch_end(trainer, scores, seconds)

    def on_pause(self, trainer: Trainer) -> None:
        for observer in self._observers:
            observer.on_pause(trainer)
