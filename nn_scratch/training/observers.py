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
    """

    watches_steps = False

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step of this process: of the run, or of its continuation."""

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        """After a watched step."""

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        """After an epoch and its evaluation; seconds: training and evaluation."""

    def on_pause(self, trainer: Trainer) -> None:
        """Between steps within an epoch, from time to time: a point at which to save."""


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
