"""The training loop. It writes no files: observers are called at the start, after steps and after epochs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from math import isfinite, nan
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.errors import Diverged
from nn_scratch.metrics import Array, lower_is_better
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import Optimizer
from nn_scratch.nn.schedules import Schedule
from nn_scratch.training.batches import Batch, Batches, Examples
from nn_scratch.training.ema import ExponentialMovingAverage
from nn_scratch.training.evaluation import Evaluator
from nn_scratch.training.gradient_steps import AccumulatedGradient, BatchGradient, FullBatchGradient, Step
from nn_scratch.training.observers import Observer, Scores, StepSignals
from nn_scratch.training.optimizer_step import OptimizerStep
from nn_scratch.training.regularization import Clip, MaxNorm, Penalty
from nn_scratch.training.statistics import StepStatistics

STEPS_WITH_LOSS_AFTER = 20  # the first steps of a run, whose batch is evaluated again after its update
WATCHED_PER_EPOCH = 10


@dataclass
class EarlyStopping:
    """Stops when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    restore_best: whether the weights of the best epoch are put back at the end.
    """

    monitor: str = "val_loss"
    patience: int = 10
    min_delta: float = 0.0
    restore_best: bool = True


class StopRequested(Exception):
    """Training was asked to stop by a signal or an observer; raised between two steps."""


class Trainer:
    """Trains a network on examples, epoch by epoch; can be interrupted and resumed at any step.

    epoch: completed epochs. step: completed steps. step_in_epoch: completed steps of the current epoch.
    batch_size: rows of one forward pass. step_rows: rows of a step; the last of an epoch may have fewer.
    stop_requested: an observer or a signal handler sets it to interrupt training (`StopRequested`), to be resumed.
    end_requested: an observer sets it to end training after the current epoch, as early stopping does.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        schedule: Schedule,
        *,
        train: Examples,
        evaluators: Mapping[str, Evaluator],
        batch_size: int,
        epochs: int,
        order: np.random.Generator,
        shuffle: bool = True,
        accumulate: int = 1,
        l1: float = 0.0,
        l2: float = 0.0,
        max_norm: float | None = None,
        clip_norm: float | None = None,
        clip_value: float | None = None,
        ema_decay: float | None = None,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        """evaluators: "train" and "val", in the order of the columns of metrics.csv. order: draws the order of rows.

        accumulate: how many batches make a step, whose loss is the mean over all their rows. ema_decay: share of the
        moving average of the parameters that is kept each step; scores, log and final model are of the average. A
        `full_batch` optimizer takes all rows at every step, independent of batch_size, and its gradient is not clipped.
        """
        self.network, self.loss, self.optimizer, self.schedule = network, loss, optimizer, schedule
        self.accumulate, self.l1, self.l2, self.max_norm = accumulate, l1, l2, max_norm
        self.clip_norm, self.clip_value, self.ema_decay = clip_norm, clip_value, ema_decay
        self.train_examples, self.evaluators = train, evaluators
        rows = len(train)
        self.batch_size = rows if optimizer.full_batch else min(batch_size, rows)
        self.step_rows = min(self.batch_size * accumulate, rows)
        self.epochs, self.shuffle, self._order = epochs, shuffle and not optimizer.full_batch, order
        self.early_stopping = early_stopping
        self.full_steps, tail_rows = divmod(rows, self.step_rows)
        self.steps_per_epoch = self.full_steps + (tail_rows > 0)

        trainable = slice(0, network.trainable)
        self._grad = network.grad[trainable]
        optimizer.bind(network.theta[trainable], self._grad)
        schedule.bind(self.steps_per_epoch, epochs)
        self._batches = Batches(train, self.step_rows)
        self._tail = (Batches(train, tail_rows), self._gradient_of(tail_rows)) if tail_rows else None
        self.step_statistics = StepStatistics(network)
        self._average = None if ema_decay is None else ExponentialMovingAverage(network, ema_decay)
        self._bind_update(Penalty(network, l1, l2) if l1 or l2 else None, max_norm, clip_norm, clip_value)

        self.epoch = self.step = self.step_in_epoch = 0
        self.best_epoch, self.best_score, self.waited = 0, nan, 0
        self._best: tuple[Array, Array] | None = None
        self._order_state = order.bit_generator.state
        self.stop_requested = False
        self.end_requested = False
        self.lr = optimizer.lr
        self.optimizer_step: OptimizerStep | None = None

    def watch_optimizer(self) -> OptimizerStep:
        """Keep what the optimizer does in the last step of each epoch from now on, as far as steps are watched."""
        trainable = self.network.theta[: self.network.trainable]
        self.optimizer_step = OptimizerStep(self.optimizer, trainable, self._grad)
        return self.optimizer_step

    def _bind_update(
        self, penalty: Penalty | None, max_norm: float | None, clip_norm: float | None, clip_value: float | None
    ) -> None:
        """Compose a step: its gradient, what changes the gradient, the optimizer, and what changes the parameters."""
        clipped = (clip_norm, clip_value) != (None, None) and not self.optimizer.full_batch
        self._clip = Clip(self._grad, clip_norm, clip_value) if clipped else None
        self._step: BatchGradient
        if self.optimizer.full_batch:
            self._step = whole = FullBatchGradient(self.network, self.loss, self.step_rows, self.optimizer, penalty)
            self._optimize = whole.update
        else:
            self._step, self._optimize = self._gradient_of(self.step_rows), self.optimizer.step
        self._before_update: Sequence[Callable[[], None]] = () if penalty is None else (penalty.add_gradient,)
        self._after_update: list[Callable[[], None]] = []
        if max_norm is not None:
            self._after_update.append(MaxNorm(self.network, max_norm).apply)
        if self._average is not None:
            self._after_update.append(self._average.update)

    # --- running

    def run(self, observer: Observer) -> None:
        """Train to the last epoch, or until early stopping; raises Diverged or StopRequested, between steps.

        The parameters then are those of the last step, from which training can go on; `settle` puts the final model in
        their place.
        """
        with np.errstate(all="ignore"):  # a number that is not finite is looked for, and reported with its place
            observer.on_start(self)
            while self.epoch < self.epochs and not self.finished_early:
                started = perf_counter()
                self._train_epoch(observer)
                self.end_epoch(observer, perf_counter() - started)
                if self.stop_requested and self.epoch < self.epochs and not self.finished_early:
                    raise StopRequested

    def end_epoch(self, observer: Observer, seconds: float) -> None:
        """Evaluate after the steps of an epoch, which took `seconds`; the schedule and the observer get the scores."""
        started = perf_counter()
        scores = self._scores()
        evaluated = perf_counter()
        self.schedule.epoch_ended(scores)
        self._update_best(scores)
        observer.on_epoch_end(self, scores, {"training": seconds, "evaluation": evaluated - started})

    def plan_epoch(self) -> tuple[Array, Array]:
        """Draw the epoch's order of rows, (rows,), and compute the learning rates of its steps."""
        if self.step_in_epoch == 0:
            self._order_state = self._order.bit_generator.state
        n = len(self.train_examples)
        order = self._order.permutation(n) if self.shuffle else np.arange(n)
        first = self.step - self.step_in_epoch
        factors = self.schedule.factors(np.arange(first, first + self.steps_per_epoch))
        return order, self.optimizer.lr * factors

    @property
    def average(self) -> Array | None:
        """The moving average of the parameters, (size,), where one is kept."""
        return None if self._average is None else self._average.theta

    def restore_average(self, theta: Array) -> None:
        """Set the moving average of the parameters."""
        if self._average is not None:
            self._average.restore(theta, self.step)

    def count_epoch(self, lr: float) -> None:
        """The epoch's steps are made, the last at the rate `lr`."""
        self.lr = lr
        self.epoch += 1
        self.step_in_epoch = 0

    def steps_at(self, rates: Iterable[float]) -> Iterator[float]:
        """Steps at these learning rates, in place of the schedule's, on whole batches in epoch after epoch.

        Yields each batch's loss, that before its step. For trials: epochs are not counted and no observer is called.
        """
        remaining = iter(rates)
        rate = next(remaining, None)
        while rate is not None:
            n = len(self.train_examples)
            order = self._order.permutation(n) if self.shuffle else np.arange(n)
            for at in range(self.full_steps):
                (batch,) = self._batches.chunk(order[at * self.step_rows : (at + 1) * self.step_rows])
                with np.errstate(all="ignore"):
                    loss = self._step.gradient_and_loss(batch)
                    self._update(self._step, rate)
                yield loss
                rate = next(remaining, None)
                if rate is None:
                    return

    def settle(self) -> None:
        """Put the final model into the network: of the best epoch (`restore_best`), the average, or the last step."""
        if self._best is not None and self.restores_best:
            self.network.theta[...], self.network.state[...] = self._best
        elif self._average is not None:
            self.network.theta[...] = self._average.theta

    @property
    def restores_best(self) -> bool:
        """Whether the final model is that of the best epoch, where any epoch had a finite score."""
        stopping = self.early_stopping
        return stopping is not None and stopping.restore_best and self._best is not None

    @property
    def rows_seen(self) -> int:
        """Training rows passed so far, those of every epoch counted anew."""
        return self.epoch * len(self.train_examples) + self.step_in_epoch * self.step_rows

    @property
    def finished_early(self) -> bool:
        """Whether training ends before its last epoch: an observer requested it, or early stopping applies."""
        stopping = self.early_stopping
        return self.end_requested or (stopping is not None and self.waited >= stopping.patience)

    def evaluate(self) -> Scores:
        """The scores of "train" and "val" now: {"train_loss": ..., "val_loss": ..., "train_accuracy": ...}."""
        with self.scored_parameters():
            by_part = {part: evaluator() for part, evaluator in self.evaluators.items()}
        return {column: by_part[part][name] for column, part, name in self._score_columns()}

    @contextmanager
    def scored_parameters(self) -> Iterator[None]:
        """Within this context the network has the parameters that are scored: the moving average, where one is kept."""
        if self._average is None:
            yield
            return
        theta = self.network.theta.copy()
        self.network.theta[...] = self._average.theta
        try:
            yield
        finally:
            self.network.theta[...] = theta

    @property
    def score_columns(self) -> tuple[str, ...]:
        """train_loss, val_loss, train_accuracy, val_accuracy ...: what `evaluate` returns, in this order."""
        return tuple(column for column, _, _ in self._score_columns())

    def _score_columns(self) -> list[tuple[str, str, str]]:
        names = next(iter(self.evaluators.values())).names
        return [(f"{part}_{name}", part, name) for name in names for part in self.evaluators]

    def _scores(self) -> Scores:
        scores = {"epoch": self.epoch, "step": self.step, "lr": self.lr, **self.evaluate()}
        if not isfinite(scores["train_loss"]) or not np.isfinite(self.network.theta).all():
            self._report_not_finite(None)
        return scores

    def _train_epoch(self, observer: Observer) -> None:
        order, planned = self.plan_epoch()
        rates = planned.tolist()
        watched = self.watched_steps() if observer.watches_steps else frozenset()
        for step, batches in self._chunks(order):
            for batch in batches:
                at = self.step_in_epoch
                if at in watched:
                    self._watched_step(step, batch, rates[at], observer)
                else:
                    step.gradient(batch)
                    self._update(step, rates[at])
            if self.step_in_epoch < self.steps_per_epoch:
                self._pause(observer)
        self.count_epoch(rates[-1])

    def _chunks(self, order: Array) -> Iterator[tuple[BatchGradient, list[Batch]]]:
        """The batches of the rest of the epoch, several at a time, each time with the step that takes them.

        order: (rows,) of the whole epoch. The batches are valid until the next are taken.
        """
        while self.step_in_epoch < self.full_steps:
            at = self.step_in_epoch
            until = min(at + self._batches.steps, self.full_steps)
            yield self._step, self._batches.chunk(order[at * self.step_rows : until * self.step_rows])
        if self._tail is not None:
            batches, step = self._tail
            yield step, batches.chunk(order[self.full_steps * self.step_rows :])

    def _update(self, step: BatchGradient, lr: float, kept: OptimizerStep | None = None) -> None:
        for adjust in self._before_update:
            adjust()
        squared_norm = self._grad.dot(self._grad)
        if not isfinite(squared_norm) and not np.isfinite(self._grad).all():
            self._report_not_finite(step)
        if self._clip is not None:
            self._clip.apply(squared_norm)
        if kept is not None:
            kept.before()
        self._optimize(lr)
        if kept is not None:
            kept.after(lr)
        for adjust in self._after_update:
            adjust()
        self.step += 1
        self.step_in_epoch += 1

    def _watched_step(self, step: BatchGradient, batch: Batch, lr: float, observer: Observer) -> None:
        """A step that is measured; its effect is that of any other."""
        noise, state = self.network.noise.bit_generator, self.network.state
        noise_before = noise.state if self.step < STEPS_WITH_LOSS_AFTER else None
        self.step_statistics.before()
        loss = step.gradient_and_loss(batch)
        self.step_statistics.gradient()
        self._update(step, lr, self.optimizer_step if self.step_in_epoch == self.steps_per_epoch - 1 else None)
        self.step_statistics.after()
        loss_after = nan
        if noise_before is not None:
            state_after = state.copy()
            noise.state = noise_before  # the same dropout masks; the generator then is where it was before
            loss_after = step.mean_loss(batch)
            state[...] = state_after  # running statistics are updated once a batch
        observer.on_step(self, StepSignals(self.step, self.epoch + 1, lr, loss, loss_after))

    def watched_steps(self) -> frozenset[int]:
        """The steps of the current epoch that are measured, as indices within it.

        They are the run's first 20, the epoch's last, and about ten more at equal distances, or fewer where measuring
        would take more than 2 % of the time.
        """
        return self._spread_steps.union(range(STEPS_WITH_LOSS_AFTER - (self.step - self.step_in_epoch)))

    @cached_property
    def _spread_steps(self) -> frozenset[int]:
        """The measured steps of an epoch after the run's first steps."""
        apart = max(self.steps_per_epoch / WATCHED_PER_EPOCH, steps_per_measurement(self.network, self.step_rows))
        return frozenset(np.arange(self.steps_per_epoch - 1, -1, -apart).astype(int).tolist())

    def _pause(self, observer: Observer) -> None:
        observer.on_pause(self)
        if self.stop_requested:
            raise StopRequested

    def _update_best(self, scores: Scores) -> None:
        """Keep the parameters of the best epoch, by the score that early stopping monitors."""
        if self.early_stopping is None:
            return
        score = scores[self.early_stopping.monitor]
        gain = self.best_score - score if lower_is_better(self.early_stopping.monitor) else score - self.best_score
        if isfinite(score) and (self._best is None or gain > self.early_stopping.min_delta):
            self.best_epoch, self.best_score, self.waited = self.epoch, score, 0
            theta = self.network.theta if self._average is None else self._average.theta
            self._best = (theta.copy(), self.network.state.copy())
        else:
            self.waited += 1

    def _gradient_of(self, rows: int) -> BatchGradient:
        if rows <= self.batch_size:
            return Step(self.network, self.loss, rows)
        return AccumulatedGradient(self.network, self.loss, rows, self.batch_size)

    # --- numbers that are not finite

    def _report_not_finite(self, step: BatchGradient | None) -> None:
        """Raise Diverged: in the step under way, or in the parameters that the epoch ended with."""
        if step is None:
            raise self.not_finite(self.epoch, self.step)
        outputs = [(layer.name, layer.Y) for layer in step.graph.layers if hasattr(layer, "Y")]
        raise self.not_finite(self.epoch + 1, self.step + 1, outputs)

    def not_finite(self, epoch: int, step: int, outputs: Sequence[tuple[str, Array]] | None = None) -> Diverged:
        """The error to raise: the first layer with a number that is not finite, and in what.

        Looked for in the parameters, and where a step is under way in the layers' `outputs` (forward) and in the
        gradients (backward).
        """
        network = self.network
        places: list[tuple[str, str, Array]] = [
            (name.rsplit(".", 1)[0], f"parameter {name.rsplit('.', 1)[1]}", values)
            for name, values in network.named(network.theta).items()
        ]
        if outputs is not None:
            places += [(name, "output", values) for name, values in outputs]
            places += [
                (name.rsplit(".", 1)[0], f"gradient of {name.rsplit('.', 1)[1]}", values)
                for name, values in reversed(network.named(network.grad).items())
            ]
        for layer, what, values in places:
            if not np.isfinite(values).all():
                return Diverged(epoch, step, layer, what)
        return Diverged(epoch, step, "output", "loss")

    # --- stopping and resuming

    def state(self) -> dict[str, Any]:
        """All that resuming needs: arrays, counters, and the states of the random generators."""
        network = self.network
        more = {} if self._best is None else {"best_theta": self._best[0], "best_state": self._best[1]}
        if self._average is not None:
            more["average"] = self._average.theta
        return {
            "theta": network.theta,
            "grad": network.grad,
            "state": network.state,
            "optimizer": self.optimizer.state(),
            "schedule": self.schedule.state(),
            "counters": {
                "epoch": self.epoch,
                "step": self.step,
                "step_in_epoch": self.step_in_epoch,
                "best_epoch": self.best_epoch,
                "best_score": self.best_score,
                "waited": self.waited,
                "lr": self.lr,
            },
            "order": self._order_state if self.step_in_epoch else self._order.bit_generator.state,
            "noise": network.noise.bit_generator.state,
            **more,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        network = self.network
        network.theta[...], network.grad[...], network.state[...] = state["theta"], state["grad"], state["state"]
        self.optimizer.restore(state["optimizer"])
        self.schedule.restore(state["schedule"])
        for name, value in state["counters"].items():
            setattr(self, name, value)
        # the current epoch draws its order again, from the state in which it was drawn first
        self._order.bit_generator.state = self._order_state = state["order"]
        network.noise.bit_generator.state = state["noise"]
        if "best_theta" in state:
            self._best = (state["best_theta"], state["best_state"])
        if self._average is not None:
            self._average.restore(state["average"], self.step)


def steps_per_measurement(network: Network, rows: int) -> float:
    """How many steps of `rows` rows must pass for one measured step to cost 2 % of them.

    From counts of work, not from a clock, so that runs are repeatable: a NumPy call is taken as 0.7 µs, a multiply-add
    as 1/40 ns; a measured step makes some 12 more calls a layer and three more passes over the parameters.
    """
    layers, size = len(network.layers), network.theta.size
    step = 0.7e-6 * (8 * layers + 12) + 6 * size * rows / 80e9
    measurement = 0.7e-6 * (12 * layers + 10) + 2 * size * rows / 80e9 + 8 * size * 0.3e-9
    return measurement / (0.02 * step)
