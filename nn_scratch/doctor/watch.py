"""Stops a run that is going nowhere."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite

from nn_scratch.experiments.train import Session
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

PATIENCE = 8  # epochs, at the least, before a run may be called hopeless; by hand
SHARE = 0.15  # of the configured epochs, likewise; by hand
GAIN = 0.02  # of the score over guessing, and of the loss over where it began: less is nowhere; by hand


class Watch(Observer):
    """The observer behind `train.py --watch`: ends training when the network has learned nothing for long enough.

    stopped: the epoch in which it ended training, or None. why: one sentence.
    """

    def __init__(self, chance: float, warmup_epochs: float = 0.0, notices: list[str] | None = None) -> None:
        """chance: the score of guessing: 1 / classes, or an R² of 0. notices: of run.json; a stop is added."""
        self._notices = [] if notices is None else notices
        self._chance, self._warmup = chance, warmup_epochs
        self._start = self._best_loss = float("inf")
        self._best_score = chance
        self.stopped: int | None = None
        self.why = ""

    def on_start(self, trainer: Trainer) -> None:
        self._start = trainer.evaluate()["train_loss"]

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        score = scores.get("train_balanced_accuracy", scores.get("train_r2", self._chance))
        if isfinite(score):
            self._best_score = max(self._best_score, score)
        self._best_loss = min(self._best_loss, scores["train_loss"])
        waited = trainer.epoch - self._warmup
        if waited < max(PATIENCE, SHARE * trainer.epochs):
            return
        learned = self._best_score - self._chance > GAIN
        fell = self._best_loss < (1 - GAIN) * self._start
        if not learned and not fell:
            self.stopped = trainer.epoch
            self.why = (
                f"in {trainer.epoch} epochs the training score was never better than guessing by more than {GAIN:g}, "
                f"and the loss never {GAIN:.0%} below where it began"
            )
            self._notices.append(f"--watch: stopped in epoch {trainer.epoch} of {trainer.epochs}: {self.why}")
            trainer.epochs = trainer.epoch  # the loop ends as after its last epoch


def watch_session(session: Session) -> Watch:
    """The watch over a run about to start."""
    classes = session.built.data.class_names
    warmup = float(session.built.config.schedule.parameters.get("warmup_epochs", 0.0))
    return Watch(1 / len(classes) if classes else 0.0, warmup, session.info["notices"])
