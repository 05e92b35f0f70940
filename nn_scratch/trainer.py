"""The training loop. It knows no file format: what happens is told to an observer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isfinite, nan
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from nn_scratch.errors import Diverged
from nn_scratch.evaluate import Evaluator, bound_loss
from nn_scratch.examples import Batch, Batches, Examples
from nn_scratch.measure import StepGauge
from nn_scratch.metrics import lower_is_better
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import Optimizer
from nn_scratch.nn.schedules import Schedule

Array = NDArray[Any]
Scores = dict[str, float]

REHEARSED_STEPS = 20  # the first steps, whose batch is passed again after its update
WATCHED_PER_EPOCH = 10


class Observer(Protocol):
    """Who is told what happens. `trainer` is as it stands after the step or the epoch.

    watches_steps: whether some steps are to be measured for `on_step`.
    """

    watches_steps: bool

    def on_start(self, trainer: Trainer) -> None:
        """Before the first step of this process: of the run, or of its continuation."""

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        """After a watched step."""

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        """After an epoch and its evaluation; seconds: training and evaluation."""

    def on_pause(self, trainer: Trainer) -> None:
        """Between steps within an epoch, every now and then: a time to save."""


@dataclass(frozen=True)
class StepSignals:
    """What is measured of one watched step; steps and epochs count from 1.

    loss_after: the same batch's loss after its own update, with the same dropout (steps 1 to 20, else nan).
    What was measured of each layer waits in `Trainer.gauge`.
    """

    step: int
    epoch: int
    lr: float
    loss: float
    loss_after: float


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
    """Somebody asked training to stop (a signal, a watcher); raised between two steps."""


class Step:
    """The gradient of one batch of a fixed size."""

    def __init__(self, network: Network, loss: Loss, rows: int) -> None:
        self.graph = network.on(rows, training=True)
        self.loss = bound_loss(loss, network, rows)

    def gradient(self, batch: Batch) -> None:
        """Fill the network's gradient vector for a batch."""
        Z = self.graph.forward(batch.X)
        self.graph.backward(self.loss.backward(Z, batch.Y, batch.w))

    def gradient_and_loss(self, batch: Batch) -> float:
        """Fill the gradient vector likewise; returns the batch's loss."""
        Z = self.graph.forward(batch.X)
        loss = batch.mean(self.loss.forward(Z, batch.Y))
        self.graph.backward(self.loss.backward(Z, batch.Y, batch.w))
        return loss

    def mean_loss(self, batch: Batch) -> float:
        """The batch's loss with the network as it is now, in training mode."""
        return batch.mean(self.loss.forward(self.graph.forward(batch.X), batch.Y))


class Trainer:
    """Trains a network on examples, epoch by epoch, and can stop and go on at any step.

    epoch: whole epochs done. step: steps done. step_in_epoch: steps done of the epoch under way.
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
        l1: float = 0.0,
        l2: float = 0.0,
        clip_norm: float | None = None,
        early_stopping: EarlyStopping | None = None,
    ) -> None:
        """evaluators: "train" and "val", in the order of the columns of metrics.csv. order: draws the order of rows."""
        self.network, self.loss, self.optimizer, self.schedule = network, loss, optimizer, schedule
        self.train_examples, self.evaluators = train, evaluators
        self.batch_size = min(batch_size, len(train))
        self.epochs, self.shuffle, self._order = epochs, shuffle, order
        self.early_stopping = early_stopping
        self.full_steps, tail_rows = divmod(len(train), self.batch_size)
        self.steps_per_epoch = self.full_steps + (tail_rows > 0)

        trainable = slice(0, network.trainable)
        self._theta, self._grad = network.theta[trainable], network.grad[trainable]
        optimizer.bind(self._theta, self._grad)
        schedule.bind(self.steps_per_epoch, epochs)
        self._batches = Batches(train, self.batch_size)
        self._step = Step(network, loss, self.batch_size)
        self._tail = (Batches(train, tail_rows), Step(network, loss, tail_rows)) if tail_rows else None
        self.gauge = StepGauge(network)
        self._adjustments: list[Callable[[], None]] = []  # what is done to a gradient before the optimizer sees it
        if l1 or l2:
            self._adjustments.append(Penalty(network, l1, l2).add_gradient)
        self._clip_norm = clip_norm

        self.epoch = self.step = self.step_in_epoch = 0
        self.best_epoch, self.best_score, self.waited = 0, nan, 0
        self._best: tuple[Array, Array] | None = None
        self._order_state = order.bit_generator.state
        self.stop_requested = False
        self.lr = optimizer.lr

    # --- running

    def run(self, observer: Observer) -> None:
        """Train to the last epoch, or until early stopping; raises Diverged or StopRequested, between steps."""
        with np.errstate(all="ignore"):  # a number that is not finite is looked for, and reported with its place
            observer.on_start(self)
            while self.epoch < self.epochs and not self.finished_early:
                started = perf_counter()
                self._train_epoch(observer)
                trained = perf_counter()
                scores = self._scores()
                evaluated = perf_counter()
                self.schedule.epoch_ended(scores)
                self._follow(scores)
                observer.on_epoch_end(self, scores, {"training": trained - started, "evaluation": evaluated - trained})
                if self.stop_requested and self.epoch < self.epochs and not self.finished_early:
                    raise StopRequested
            if self.early_stopping and self.early_stopping.restore_best:
                self.restore_best()

    @property
    def finished_early(self) -> bool:
        return self.early_stopping is not None and self.waited >= self.early_stopping.patience

    def evaluate(self) -> Scores:
        """The scores of "train" and "val" now: {"train_loss": ..., "val_loss": ..., "train_accuracy": ...}."""
        by_part = {part: evaluator() for part, evaluator in self.evaluators.items()}
        return {column: by_part[part][name] for column, part, name in self._score_columns()}

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
        if self.step_in_epoch == 0:
            self._order_state = self._order.bit_generator.state
        n = len(self.train_examples)
        order = self._order.permutation(n) if self.shuffle else np.arange(n)
        first = self.step - self.step_in_epoch
        factors = self.schedule.factors(np.arange(first, first + self.steps_per_epoch))
        rates = (self.optimizer.lr * factors).tolist()
        watched = self._watched_steps(first) if observer.watches_steps else frozenset()
        full, at = self._step, self.step_in_epoch
        while at < self.full_steps:
            until = min(at + self._batches.steps, self.full_steps)
            batches = self._batches.chunk(order[at * self.batch_size : until * self.batch_size])
            for index, batch in enumerate(batches, start=at):
                if index in watched:
                    self._watched_step(full, batch, rates[index], observer)
                else:
                    full.gradient(batch)
                    self._update(full, rates[index])
            at = until
            if at < self.steps_per_epoch:
                self._pause(observer)
        if self._tail and self.step_in_epoch == self.full_steps:
            tail, step = self._tail
            (batch,) = tail.chunk(order[self.full_steps * self.batch_size :])
            self._watched_step(step, batch, rates[-1], observer)
        self.lr = rates[-1]
        self.epoch += 1
        self.step_in_epoch = 0

    def _update(self, step: Step, lr: float) -> None:
        for adjust in self._adjustments:
            adjust()
        squared_norm = self._grad.dot(self._grad)
        if not isfinite(squared_norm) and not np.isfinite(self._grad).all():
            self._report_not_finite(step)
        if self._clip_norm is not None:
            norm = float(squared_norm) ** 0.5
            if norm > self._clip_norm:
                np.multiply(self._grad, self._clip_norm / (norm + 1e-6), out=self._grad)
        self.optimizer.step(lr)
        self.step += 1
        self.step_in_epoch += 1

    def _watched_step(self, step: Step, batch: Batch, lr: float, observer: Observer) -> None:
        """A step, measured. It changes nothing of what a plain one does."""
        noise, state = self.network.noise.bit_generator, self.network.state
        rehearse = self.step < REHEARSED_STEPS
        noise_before = noise.state if rehearse else None
        self.gauge.before()
        loss = step.gradient_and_loss(batch)
        self.gauge.gradient()
        self._update(step, lr)
        self.gauge.after()
        loss_after = nan
        if noise_before is not None:
            state_after = state.copy()
            noise.state = noise_before  # the same dropout as before; and then as many draws on as before
            loss_after = step.mean_loss(batch)
            state[...] = state_after  # running statistics hear of the batch once
        observer.on_step(self, StepSignals(self.step, self.epoch + 1, lr, loss, loss_after))

    def _watched_steps(self, first: int) -> frozenset[int]:
        """The steps of the epoch that are measured, as indices within it: the run's first 20, the epoch's last, and
        about ten more, evenly spread; fewer where measuring would take a noticeable share of the time."""
        early = range(max(0, REHEARSED_STEPS - first))
        apart = max(self.steps_per_epoch / WATCHED_PER_EPOCH, self._steps_a_watch())
        spread = np.arange(self.steps_per_epoch - 1, -1, -apart).astype(int)
        return frozenset((*early, *spread.tolist()))

    def _steps_a_watch(self) -> float:
        """How many steps must pass for a watched one to cost 2 % of them, from counts of work, not from a clock.

        A NumPy call is taken as 0.7 µs and a multiply-add as 1/40 ns; a watched step makes some 12 calls a layer and
        three more passes over the parameters.
        """
        layers, size = len(self.network.layers), self.network.theta.size
        step = 0.7e-6 * (8 * layers + 12) + 6 * size * self.batch_size / 80e9
        watch = 0.7e-6 * (12 * layers + 10) + 2 * size * self.batch_size / 80e9 + 8 * size * 0.3e-9
        return watch / (0.02 * step)

    def _pause(self, observer: Observer) -> None:
        observer.on_pause(self)
        if self.stop_requested:
            raise StopRequested

    def _follow(self, scores: Scores) -> None:
        """Keep count of the best epoch by the score that early stopping monitors."""
        if self.early_stopping is None:
            return
        score = scores[self.early_stopping.monitor]
        gain = self.best_score - score if lower_is_better(self.early_stopping.monitor) else score - self.best_score
        if not isfinite(self.best_score) or gain > self.early_stopping.min_delta:
            self.best_epoch, self.best_score, self.waited = self.epoch, score, 0
            self._best = (self.network.theta.copy(), self.network.state.copy())
        else:
            self.waited += 1

    def restore_best(self) -> None:
        """Put back the parameters of the best epoch."""
        if self._best is not None:
            self.network.theta[...], self.network.state[...] = self._best

    # --- numbers that are not finite

    def _report_not_finite(self, step: Step | None) -> None:
        """Raise Diverged with the first layer where they stand: weights, then signals forward, then gradients back."""
        network = self.network
        epoch, number = (self.epoch, self.step) if step is None else (self.epoch + 1, self.step + 1)
        places: list[tuple[str, str, Array]] = [
            (name.rsplit(".", 1)[0], f"parameter {name.rsplit('.', 1)[1]}", values)
            for name, values in network.named(network.theta).items()
        ]
        if step is not None:
            places += [(layer.name, "output", layer.Y) for layer in step.graph.layers if hasattr(layer, "Y")]
            places += [
                (name.rsplit(".", 1)[0], f"gradient of {name.rsplit('.', 1)[1]}", values)
                for name, values in reversed(network.named(network.grad).items())
            ]
        for layer, what, values in places:
            if not np.isfinite(values).all():
                raise Diverged(epoch, number, layer, what)
        raise Diverged(epoch, number, "output", "loss")

    # --- stopping and going on

    def state(self) -> dict[str, Any]:
        """All that going on from here needs: arrays, numbers, and the states of the random generators."""
        network = self.network
        best = {} if self._best is None else {"best_theta": self._best[0], "best_state": self._best[1]}
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
            **best,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        network = self.network
        network.theta[...], network.grad[...], network.state[...] = state["theta"], state["grad"], state["state"]
        self.optimizer.restore(state["optimizer"])
        self.schedule.restore(state["schedule"])
        for name, value in state["counters"].items():
            setattr(self, name, value)
        # the epoch under way draws its order again, from where it drew it first
        self._order.bit_generator.state = self._order_state = state["order"]
        network.noise.bit_generator.state = state["noise"]
        if "best_theta" in state:
            self._best = (state["best_theta"], state["best_state"])


class Penalty:
    """l1 Σ|W| + l2/2 Σ W² over the weights of trainable layers, biases left out; added to the gradient alone."""

    def __init__(self, network: Network, l1: float, l2: float) -> None:
        self._theta, self._grad = network.theta, network.grad
        mask = network.penalized()
        self._l1, self._l2 = (l1 * mask).astype(mask.dtype), (l2 * mask).astype(mask.dtype)
        self._terms = [term for term, rate in ((self._add_l1, l1), (self._add_l2, l2)) if rate]
        self._work = np.empty_like(mask)

    def add_gradient(self) -> None:
        for add in self._terms:
            add()

    def _add_l1(self) -> None:
        np.sign(self._theta, out=self._work)
        np.multiply(self._work, self._l1, out=self._work)
        np.add(self._grad, self._work, out=self._grad)  # dW += l1 sign(W)

    def _add_l2(self) -> None:
        np.multiply(self._theta, self._l2, out=self._work)
        np.add(self._grad, self._work, out=self._grad)  # dW += l2 W
