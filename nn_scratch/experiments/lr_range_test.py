"""The learning-rate range test: which rates make the loss fall, found by a short training at rising rates.

Source: Smith 2017, Cyclical learning rates for training neural networks, section 3.3; the rate rises by a constant
factor a step, and the losses are smoothed, as in fastai's lr_find.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

import numpy as np

from nn_scratch.config.parts import Named
from nn_scratch.errors import Diverged, UserError
from nn_scratch.experiments.build import Built
from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers import OPTIMIZERS

STEPS = 280  # 40 a decade

LOWEST, HIGHEST = 1e-4, 1e3  # times the optimizer's default rate

SMOOTHING = 0.9  # share of the running mean of losses that is kept

EXPLODED = 4.0  # times the lowest smoothed loss: there the test ends

FALL = 0.03  # share of the loss it began with, by which it has to fall for a suggestion to mean anything

SAFETY = 10.0  # the suggestion is so many times below the rate of the lowest loss, beyond which steps undo each other


@dataclass(frozen=True)
class RangeTest:
    """The result of a range test: of each step its rate, the batch's loss before its update, and the smoothed losses.

    suggestion: a learning rate, or None where no rate made the loss fall.
    """

    rates: Array
    losses: Array
    smoothed: Array
    suggestion: float | None


def find_lr(built: Built) -> RangeTest:
    """Train the network at rising rates until the loss explodes; it is of no use afterwards.

    Everything else is as configured. Raises UserError for an optimizer that has a line search.
    """
    trainer, optimizer = built.trainer, built.config.optimizer
    if trainer.optimizer.full_batch:
        raise UserError(f"--find-lr: {optimizer.type} searches the length of every step by itself; leave lr as it is")
    usual = usual_rate(optimizer)
    rates = np.geomspace(LOWEST * usual, HIGHEST * usual, STEPS)
    losses: list[float] = []
    smoothed: list[float] = []
    mean, lowest = 0.0, np.inf
    try:
        for loss in trainer.steps_at(rates):
            mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
            now = mean / (1 - SMOOTHING ** (len(losses) + 1))  # the mean of all losses so far begins with the first
            if not isfinite(now) or now > EXPLODED * lowest:
                break
            losses.append(loss)
            smoothed.append(now)
            lowest = min(lowest, now)
    except Diverged:
        pass  # that is an end of the test, too
    return RangeTest(rates[: len(losses)], np.array(losses), np.array(smoothed), suggested(rates, np.array(smoothed)))


def usual_rate(optimizer: Named) -> float:
    """The default learning rate of an optimizer."""
    return float(next(p.default for p in OPTIMIZERS.parameters(optimizer.type) if p.name == "lr"))


def suggested(rates: Array, smoothed: Array) -> float | None:
    """A tenth of the rate at which the smoothed loss is lowest, to two digits; None where it does not decrease."""
    if len(smoothed) < 2 or smoothed.min() > smoothed[0] - FALL * abs(smoothed[0]):
        return None
    return float(f"{rates[smoothed.argmin()] / SAFETY:.1e}")
