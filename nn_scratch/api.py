"""The public functions and classes: what `from nn_scratch import ...` gives."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from nn_scratch.doctor.diagnosis import Diagnosis
from nn_scratch.runs import run as runs
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer


class EpochCallback(Observer):
    """Calls `function(epoch, scores)` after every epoch; where it returns True, training ends.

    scores: the row of metrics.csv by column: epoch, step, lr, train_loss, val_loss, ...
    """

    def __init__(self, function: Callable[[int, Scores], Any]) -> None:
        self._function = function

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        if self._function(trainer.epoch, dict(scores)) is True:
            trainer.end_requested = True


class Run(runs.Run):
    pass


def diagnose(run: runs.Run) -> Diagnosis:
    from nn_scratch.doctor.diagnose import diagnose as diagnosed

    return diagnosed(run)
