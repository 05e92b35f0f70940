"""Networks of one shape trained together: every step of all of them is one step of a stack.

Each network has a trainer of its own, as if it were trained alone: with its rows, their order, its random generators,
learning rate, penalties and evaluation. The steps of an epoch are those of the stack; all else is the trainers'. The
results are those of training one by one, up to the rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from math import nan
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.errors import Diverged
from nn_scratch.metrics import Array
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.network_stack import NetworkStack, shape_of
from nn_scratch.training.observers import Observer, StepSignals
from nn_scratch.training.trainer import STEPS_WITH_LOSS_AFTER, StopRequested, Trainer

CHUNK_BYTES = 1 << 20  # rows are gathered for several steps at once


@dataclass
class Outcome:
    """How a network's training ended: `failure` is None where it came to its end. seconds: its share of the time."""

    trainer: Trainer
    failure: Diverged | StopRequested | None = None
    seconds: float = 0.0


def stackable(trainers: Sequence[Trainer]) -> bool:
    """Whether the trainers' networks can be trained together: see `differences`."""
    return len(trainers) > 0 and not any(differences(trainers[0], other) for other in trainers)


def differences(a: Trainer, b: Trainer) -> list[str]:
    """The settings that keep two trainers from being stacked; a trainer itself may use something that no stack has."""
    found = []
    for trainer in (a, b):
        if trainer.optimizer.full_batch or trainer.accumulate > 1:
            found.append("steps of several passes")
        if trainer.step_in_epoch:
            found.append("an epoch has begun")
    if shape_of(a.network) != shape_of(b.network):
        found.append("layers")
    if settings(a.loss) != settings(b.loss):
        found.append("loss")
    if settings(a.optimizer, "lr") != settings(b.optimizer, "lr"):
        found.append("optimizer")
    for name in ("batch_size", "step_rows", "steps_per_epoch", "epoch", "step"):
        if getattr(a, name) != getattr(b, name):
            found.append(name)
    if len(a.train_examples) != len(b.train_examples):
        found.append("rows")
    for name in ("max_norm", "clip_norm", "clip_value", "ema_decay"):
        if (getattr(a, name) is None) != (getattr(b, name) is None):
            found.append(name)
    if (a.train_examples.weights is None) != (b.train_examples.weights is None):
        found.append("row weights")
    return found


def settings(part: object, *ignored: str) -> tuple[Any, ...]:
    """The class and the plain settings of a part that is not bound yet, or of one that is."""
    plain = {name: value for name, value in vars(part).items() if isinstance(value, int | float | str | bool)}
    return type(part), *sorted((name, value) for name, value in plain.items() if name not in (*ignored, "steps"))


class StackedTrainer:
    """Trains the networks of several trainers together. Raises ValueError where they cannot be stacked.

    The results of a network do not depend on how many others it is trained with.
    """

    def __init__(self, trainers: Sequence[Trainer]) -> None:
        if not stackable(trainers):
            reasons = {reason for other in trainers for reason in differences(trainers[0], other)}
            raise ValueError(f"these trainings cannot be stacked: they differ in {', '.join(sorted(reasons))}")
        first = trainers[0]
        self.trainers = list(trainers)
        self.stack = NetworkStack([trainer.network for trainer in trainers])
        trainable = slice(0, self.stack.trainable)
        self._grad = self.stack.grad[:, trainable]
        self.optimizer = copy(first.optimizer)
        self.optimizer.bind(self.stack.theta[:, trainable], self._grad)
        self._load_optimizer()
        self._update = StackedUpdate(self.stack, self._grad, trainers)
        self._full = StackedBatches(self.stack, trainers, first.step_rows)
        tail = len(first.train_examples) - first.full_steps * first.step_rows
        self._tail = StackedBatches(self.stack, trainers, tail) if tail else None
        self.diverged: dict[int, Diverged] = {}

    def train_epoch(self, observers: Sequence[Observer] = ()) -> float:
        """Make the steps of one epoch of every network; returns the seconds a network.

        Parameters, optimizer states and counters of the trainers are then those after the epoch; of a network in
        `diverged` those before the step that failed. observers: one a network, of which those that watch steps do.
        """
        started = perf_counter()
        first = self.trainers[0]
        plans = [trainer.plan_epoch() for trainer in self.trainers]
        orders = np.stack([order for order, _ in plans])
        rates = np.stack([planned for _, planned in plans])
        alike = bool((rates == rates[0]).all())  # one number is faster than one a network
        lrs = rates[0].tolist() if alike else rates.T[..., None]
        watching = [k for k, observer in enumerate(observers) if observer.watches_steps]
        watched = first.watched_steps() if watching else frozenset()
        with np.errstate(all="ignore"):
            for at, batches, step in self._batches(orders):
                if at in watched:
                    self._watched_step(batches, step, lrs[at], rates[:, at], at, [(k, observers[k]) for k in watching])
                else:
                    batches.gradient(step)
                    self._step(batches, lrs[at], at)
        self._store(rates)
        return (perf_counter() - started) / len(self.trainers)

    def _batches(self, orders: Array) -> Iterator[tuple[int, StackedBatches, int]]:
        """(step of the epoch, batches, which of them) for every step; orders: (K, rows)."""
        whole = self.trainers[0].full_steps
        for step in self._full.steps(orders[:, : whole * self._full.rows]):
            yield self._full.first + step, self._full, step
        if self._tail is not None:
            for step in self._tail.steps(orders[:, whole * self._full.rows :]):
                yield whole, self._tail, step

    def _step(self, batches: StackedBatches, lr: float | Array, at: int) -> None:
        """The update after the gradients of a step."""
        self._adjust_gradients(batches, at)
        self.optimizer.step(lr)
        self._update.after()

    def _adjust_gradients(self, batches: StackedBatches, at: int) -> None:
        self._update.before()
        squared = np.vecdot(self._grad, self._grad)
        if not np.isfinite(squared).all():
            self._drop(squared, batches, at)
        self._update.clip(squared)

    def _watched_step(
        self,
        batches: StackedBatches,
        step: int,
        lr: float | Array,
        rates: Array,
        at: int,
        watching: Sequence[tuple[int, Observer]],
    ) -> None:
        """A step that is measured, as `Trainer` measures it; its effect is that of any other. rates: (K,)."""
        first, stack = self.trainers[0], self.stack
        watching = [(k, observer) for k, observer in watching if k not in self.diverged]
        gauged = [self.trainers[k] for k, _ in watching]
        number = first.step + at
        noise_before = [generator.bit_generator.state for generator in stack.generators]
        self._store_networks()
        for trainer in gauged:
            trainer.step_statistics.before()
        losses = batches.gradient_and_losses(step)
        self._store_networks()
        for trainer in gauged:
            trainer.step_statistics.gradient()
        self._adjust_gradients(batches, at)
        watching = [(k, observer) for k, observer in watching if k not in self.diverged]
        gauged = [self.trainers[k] for k, _ in watching]
        kept = [trainer.optimizer_step for trainer in gauged] if at == first.steps_per_epoch - 1 else []
        if any(kept):
            self._store_networks()
        for one in kept:
            if one is not None:
                one.before()
        self.optimizer.step(lr)
        if any(kept):
            self._store_networks()
            self._store_optimizer()
        for one, rate in zip(kept, rates[[k for k, _ in watching]].tolist(), strict=False):
            if one is not None:
                one.after(rate)
        self._update.after()
        self._store_networks()
        for trainer in gauged:
            trainer.step_statistics.after()
        losses_after = np.full(len(losses), nan)
        if number < STEPS_WITH_LOSS_AFTER:
            state_after = stack.state.copy()
            for generator, before in zip(stack.generators, noise_before, strict=True):
                generator.bit_generator.state = before  # the same dropout masks; it then is where it was before
            losses_after = batches.losses(step)
            stack.state[...] = state_after  # running statistics are updated once a batch
        for k, observer in watching:
            measured = (float(values[k]) for values in (rates, losses, losses_after))
            observer.on_step(self.trainers[k], StepSignals(number + 1, first.epoch + 1, *measured))

    def _drop(self, squared: Array, batches: StackedBatches, at: int) -> None:
        """Note the networks whose gradient is not finite, and let the others go on undisturbed."""
        for k in map(int, np.flatnonzero(~np.isfinite(squared))):
            grad = self._grad[k]
            if k not in self.diverged and not np.isfinite(grad).all():
                trainer = self.trainers[k]
                self._store_network(k)
                self._store_optimizer(k)
                trainer.step, trainer.step_in_epoch = trainer.step + at, at
                self.diverged[k] = trainer.not_finite(trainer.epoch + 1, trainer.step + 1, batches.outputs(k))
            if k in self.diverged:
                grad[...] = 0.0
                self.stack.theta[k] = 0.0

    # --- to and from the trainers

    def _load_optimizer(self) -> None:
        states = [trainer.optimizer.state() for trainer in self.trainers]
        stacked = set(self.optimizer.memory)
        self.optimizer.restore(
            {
                name: np.stack([state[name] for state in states]) if name in stacked else value
                for name, value in states[0].items()
            }
        )

    def _store_networks(self) -> None:
        for k in range(len(self.trainers)):
            if k not in self.diverged:
                self._store_network(k)

    def _store_network(self, k: int) -> None:
        network, stack = self.trainers[k].network, self.stack
        network.theta[...], network.grad[...], network.state[...] = stack.theta[k], stack.grad[k], stack.state[k]

    def _store_optimizer(self, *which: int) -> None:
        """Write the optimizer's state back into that of these trainers, or of all that have not diverged."""
        state, stacked = self.optimizer.state(), set(self.optimizer.memory)
        for k in which or (k for k in range(len(self.trainers)) if k not in self.diverged):
            self.trainers[k].optimizer.restore(
                {name: values[k] if name in stacked else values for name, values in state.items()}
            )

    def _store(self, rates: Array) -> None:
        """All that the trainers are after the epoch."""
        self._store_networks()
        self._store_optimizer()
        for k, trainer in enumerate(self.trainers):
            if k not in self.diverged:
                trainer.step += trainer.steps_per_epoch
                self._update.store(k, trainer)
                trainer.count_epoch(float(rates[k, -1]))


def run_stacked(trainers: Sequence[Trainer], observers: Sequence[Observer]) -> list[Outcome]:
    """Train all networks to their last epoch, as `Trainer.run` does for one, with an observer each.

    A network that diverges, stops early or is asked to stop (after an epoch) leaves, and the others go on without it.
    """
    outcomes = [Outcome(trainer) for trainer in trainers]
    for outcome, observer in zip(outcomes, observers, strict=True):
        started = perf_counter()
        observer.on_start(outcome.trainer)
        outcome.seconds += perf_counter() - started
    active = [k for k, trainer in enumerate(trainers) if trainer.epoch < trainer.epochs and not trainer.finished_early]
    while active:
        stacked, left = StackedTrainer([trainers[k] for k in active]), active
        while len(left) == len(active):
            seconds = stacked.train_epoch([observers[k] for k in active])
            left = [
                k
                for at, k in enumerate(active)
                if _goes_on(outcomes[k], observers[k], seconds, stacked.diverged.get(at))
            ]
        active = left
    return outcomes


def _goes_on(outcome: Outcome, observer: Observer, seconds: float, diverged: Diverged | None) -> bool:
    """End an epoch of one network, whose steps took `seconds`; whether another epoch follows."""
    trainer, started = outcome.trainer, perf_counter()
    outcome.failure = diverged
    if diverged is None:
        try:
            with np.errstate(all="ignore"):
                trainer.end_epoch(observer, seconds)
        except Diverged as error:
            outcome.failure = error
        else:
            if trainer.stop_requested and trainer.epoch < trainer.epochs and not trainer.finished_early:
                outcome.failure = StopRequested()
    outcome.seconds += seconds + perf_counter() - started
    return outcome.failure is None and trainer.epoch < trainer.epochs and not trainer.finished_early


class StackedBatches:
    """The batches of all networks, gathered for several steps at once, and the gradient of one of them."""

    def __init__(self, stack: NetworkStack, trainers: Sequence[Trainer], rows: int) -> None:
        examples = [trainer.train_examples for trainer in trainers]
        self._examples, self.rows = examples, rows
        K, dtype = len(trainers), stack.dtype
        features, outputs = examples[0].inputs.shape[1], examples[0].targets.shape[1]
        a_step = K * rows * (features + outputs) * dtype.itemsize
        self._steps = int(np.clip(CHUNK_BYTES // a_step, 1, 32))
        self._inputs = np.empty((K, self._steps * rows, features), dtype)
        self._targets = np.empty((K, self._steps, outputs, rows), dtype)
        self._weights = np.full((K, 1, 1), 1.0 / rows, dtype)
        self._graph = stack.on(rows, training=True)
        self.first = 0  # the step of the first batch that is gathered now
        self._shares: Array | None = None  # of the gathered rows in the loss of their step, where they have weights
        self._loss: Loss = copy(trainers[0].loss)
        self._loss.bind(stack.networks[0].outputs, Memory.for_rows(rows, dtype, stack.stack))

    def steps(self, orders: Array) -> Iterator[int]:
        """Which of the gathered batches is next, of rows in these orders (K, steps · rows); `first` is before them."""
        rows = self.rows
        for start in range(0, orders.shape[1], self._steps * rows):
            part = orders[:, start : start + self._steps * rows]
            self._shares, self.first = self._gather(part), start // rows
            yield from range(part.shape[1] // rows)

    def _gather(self, orders: Array) -> Array | None:
        size = orders.shape[1]
        weights = []
        for k, (examples, order) in enumerate(zip(self._examples, orders, strict=True)):
            examples.inputs.take(order, axis=0, out=self._inputs[k, :size], mode="clip")
            of = order if examples.labels is None else examples.labels.take(order)
            targets = examples.targets.take(of, axis=0).reshape(-1, self.rows, examples.targets.shape[1])
            self._targets[k, : len(targets)] = targets.swapaxes(1, 2)
            if examples.weights is not None:
                weights.append(examples.weights[order].reshape(-1, self.rows))
        if not weights:
            return None
        stacked = np.stack(weights)  # (K, steps, rows)
        totals = stacked.sum(axis=-1, keepdims=True)
        shares: Array = stacked / np.where(totals > 0, totals, 1.0)
        return shares.astype(self._inputs.dtype)

    def _forward(self, step: int) -> tuple[Array, Array, Array]:
        """Outputs, targets and weights of a gathered batch, each with a leading axis (K,)."""
        X = self._inputs[:, step * self.rows : (step + 1) * self.rows].mT
        w = self._weights if self._shares is None else self._shares[:, step, None]
        return self._graph.forward(X), self._targets[:, step], w

    def gradient(self, step: int) -> None:
        """Fill the stack's gradients with those of a gathered batch."""
        Z, Y, w = self._forward(step)
        self._graph.backward(self._loss.backward(Z, Y, w))

    def gradient_and_losses(self, step: int) -> Array:
        """Likewise; returns the batch's losses, (K,)."""
        Z, Y, w = self._forward(step)
        losses: Array = (self._loss.forward(Z, Y) * w[:, 0]).sum(axis=-1)
        self._graph.backward(self._loss.backward(Z, Y, w))
        return losses

    def losses(self, step: int) -> Array:
        """The losses (K,) of a gathered batch with the networks as they are now, in training mode."""
        Z, Y, w = self._forward(step)
        losses: Array = (self._loss.forward(Z, Y) * w[:, 0]).sum(axis=-1)
        return losses

    def outputs(self, k: int) -> list[tuple[str, Array]]:
        """What each layer of the k-th network put out in the latest pass, by the layer's name."""
        return [(layer.name, layer.Y[k]) for layer in self._graph.layers if hasattr(layer, "Y")]


class StackedUpdate:
    """The steps applied to the gradients before the optimizer, and to the parameters after it, for each network."""

    def __init__(self, stack: NetworkStack, grad: Array, trainers: Sequence[Trainer]) -> None:
        self._stack, self._grad = stack, grad
        mask = stack.penalized()
        self._l1, self._l2 = (
            self._column([getattr(trainer, name) for trainer in trainers]) * mask for name in ("l1", "l2")
        )
        self._penalties = [bool(factors.any()) for factors in (self._l1, self._l2)]
        self._work = np.empty_like(stack.theta)
        self._norm, self._value, self._limit, self._decay = (
            None if getattr(trainers[0], name) is None else self._column([getattr(t, name) for t in trainers])
            for name in ("clip_norm", "clip_value", "max_norm", "ema_decay")
        )
        first = stack.networks[0]
        dense = [layer for layer in first.dense if layer.trainable]
        self._weights = [first.block(layer, "Wb", stack.theta)[..., : layer.inputs] for layer in dense]
        averages = [trainer.average for trainer in trainers if trainer.average is not None and trainer.step]
        self._average = np.stack(averages) if averages else None

    def _column(self, values: Sequence[float]) -> Array:
        return np.array(values, self._stack.dtype)[:, None]

    def before(self) -> None:
        theta, grad, work = self._stack.theta, self._stack.grad, self._work
        if self._penalties[0]:
            np.multiply(np.sign(theta, out=work), self._l1, out=work)
            np.add(grad, work, out=grad)  # dW += l1 sign(W)
        if self._penalties[1]:
            np.multiply(theta, self._l2, out=work)
            np.add(grad, work, out=grad)  # dW += l2 W

    def clip(self, squared: Array) -> None:
        """squared: (K,), of the gradients as they are. See `regularization.Clip`."""
        if self._value is not None:
            np.clip(self._grad, -self._value, self._value, out=self._grad)
            squared = np.vecdot(self._grad, self._grad)
        if self._norm is not None:
            length = np.sqrt(squared)[:, None]
            factor = np.where(length > self._norm, self._norm / (length + 1e-6), 1.0)
            np.multiply(self._grad, factor.astype(self._grad.dtype), out=self._grad)

    def after(self) -> None:
        if self._limit is not None:
            for W in self._weights:
                lengths = np.sqrt(np.vecdot(W, W))
                W *= np.minimum(1.0, self._limit / np.maximum(lengths, self._limit))[..., None]
        if self._decay is not None:
            if self._average is None:
                self._average = self._stack.theta.copy()
            else:
                self._average += (1.0 - self._decay) * (self._stack.theta - self._average)

    def store(self, k: int, trainer: Trainer) -> None:
        if self._average is not None:
            trainer.restore_average(self._average[k])
