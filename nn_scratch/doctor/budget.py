"""What a treatment may spend: a number of training steps, decided before the first of them and never by a clock, so
that the same config and data give the same treatment.

Steps are those of the run's own network. A step of another network counts for as many of them as it is more work, and
each epoch for its evaluation and its log, by counted work (`experiments.machine.counted_seconds`).
"""

from __future__ import annotations

from math import ceil

from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data
from nn_scratch.doctor.counterfactual import step_seconds
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import Built, build

MOST_SECONDS = 180.0  # of a treatment on one core, by counted work; bounds time
LEAST_RUNS = 6  # trainings of the run's own length, however long: as it was, and five candidates; bounds time
EPOCH_SECONDS = 5e-4  # of evaluating and logging an epoch beside its matrix products; bounds time


class Budget:
    """The training steps of a treatment.

    config  the run's; data: its rows. given: steps in all; None: as many as take MOST_SECONDS by counted work, and at
            least LEAST_RUNS times the run's own
    own     steps of a training of the run's own length
    total, left   steps in all, and those that may still be taken
    """

    def __init__(self, config: Config, data: Data, given: int | None = None) -> None:
        self._data = data
        built = build(config, data)
        self.own = built.trainer.steps_per_epoch * built.trainer.epochs
        self._a_step = seconds_of(built) / self.own
        by_work = max(int(MOST_SECONDS / self._a_step), LEAST_RUNS * self.own)
        self.total = self.left = by_work if given is None else given

    def cost(self, config: Config) -> int:
        """Steps that a training of the config counts for.

        Raises UserError where the config does not suit the data.
        """
        return ceil(seconds_of(build(config, self._data)) / self._a_step)

    def holds(self, steps: int) -> bool:
        return steps <= self.left

    def spend(self, config: Config, share: float = 1.0) -> None:
        """Take a training off, of which this share was done."""
        self.left -= ceil(share * self.cost(config))

    def seeds(self, most: int) -> int:
        """How many seeds each candidate is trained with: fewer than `most` where that would leave few candidates."""
        return max(1, min(most, self.total // (LEAST_RUNS * self.own)))

    def affordable(self, configs: list[Config], seeds: int) -> list[bool]:
        """Which of the configs, the likeliest first, can be trained with one seed, and any of them with the others."""
        kept: list[bool] = []
        spent = largest = 0
        for config in configs:
            try:
                cost = self.cost(config)
            except UserError:
                kept.append(False)
                continue
            fits = self.holds(spent + cost + (seeds - 1) * max(largest, cost))
            kept.append(fits)
            if fits:
                spent, largest = spent + cost, max(largest, cost)
        return kept


def seconds_of(built: Built) -> float:
    """Seconds of a whole training, by counted work."""
    trainer = built.trainer
    return trainer.epochs * (trainer.steps_per_epoch * step_seconds(built) + EPOCH_SECONDS)
