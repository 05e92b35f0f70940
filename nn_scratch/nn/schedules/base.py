"""What a schedule is: a factor on the optimizer's learning rate, as training goes on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from nn_scratch.nn.memory import Array
from nn_scratch.registry import Registry


class Schedule(ABC):
    """factor(t): the learning rate at step t is `optimizer.lr * factor`.

    `bind` is told how long training is to be; `factors(steps)` gives the factor of each of the given steps, counted
    from 0. A schedule that listens to the scores (reduce_on_plateau) is told them by `epoch_ended`.
    """

    registered_name: ClassVar[str]

    def bind(self, steps_per_epoch: int, epochs: int) -> None:
        self.steps_per_epoch, self.epochs = steps_per_epoch, epochs

    @abstractmethod
    def factors(self, steps: Array) -> Array:
        """The factor of each step, float64, of the same shape as `steps` (int64)."""

    def epoch_ended(self, scores: dict[str, float]) -> None:
        """Hear the row of metrics.csv of the epoch just ended."""

    def state(self) -> dict[str, float]:
        """What resuming needs."""
        return {}

    def restore(self, state: dict[str, float]) -> None:
        pass


SCHEDULES: Registry[Schedule] = Registry("schedule")
