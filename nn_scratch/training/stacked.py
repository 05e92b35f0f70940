"""Networks of one shape trained together: every step of all of them is one step of a stack.

Each network has a trainer of its own, as if it were trained alone: with its rows, their order, its random generators,
learning rate, penalties and evaluation. The steps of an epoch are those of the stack; all else is the trainers'. The
results are those of training one by one, up to the rounding of sums in another order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.errors import Diverged
from nn_scratch.metrics import Array
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.network_stack import NetworkStack, shape_of
from nn_scratch.training.observers import Observer
from nn_scratch.training.trainer import Trainer

CHUNK_BYTES = 1 << 20  # rows are gathered for several steps at once


@dataclass
class Outcome:
    """How a network's training ended: `failure` is None where it came to its end."""

    trainer: Trainer
    failure: Diverged | None = None


def stackable(trainers: Sequence[Trainer]) -> bool:
    """Whether the trainers' networks can be trained together: see `differences`."""
    return len(trainers) > 0 and not any(differences(trainers[0], other) for other in trainers)


def differences(a: Trainer, b: Trainer) -> list[str]:
    """What keeps two trainers from being stacked; a trainer itself may use something that no stack has."""
    found = []
    for trainer in (a, b):
        if trainer.optimizer.full_batch or trainer.accumulate > 1:
            found.append("steps of several passes")
        if trainer.epoch or trainer.step:
            found.append("training has begun")
    if shape_of(a.network) != shape_of(b.network):
        found.append("layers")
    if settings(a.loss) != settings(b.loss):
        found.append("loss")
    if settings(a.optimizer, "lr") != settings(b.optimizer, "lr"):
        found.append("optimizer")
    for name in ("batch_size", "step_rows", "steps_per_epoch"):
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
    """Trains the networks of several trainers together. Raises ValueError where they cannot be stacked."""

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
        self._update = StackedUpdate(self.stack, self._grad, trainers)
        self._full = StackedBatches(self.stack, trainers, first.step_rows)
        tail = len(first.train_examples) - first.full_steps * first.step_rows
        self._tail = StackedBatches(self.stack, trainers, tail) if tail else None
        self.diverged: dict[int, Diverged] = {}

    def train_epoch(self) -> float:
        """Make the steps of one epoch of every network; returns the seconds a network.

        Parameters, optimizer states and counters of the trainers are then those after the epoch.
        """
        started = perf_counter()
        first = self.trainers[0]
        plans = [trainer.plan_epoch() for trainer in self.trainers]
        orders = np.stack([order for order, _ in plans])
        rates = np.stack([planned for _, planned in plans])
        with np.errstate(all="ignore"):
            rows = first.step_rows
            for at, fill in self._full.steps(orders[:, : first.full_steps * rows]):
                self._step(fill, rates[:, at : at + 1], at)
            if self._tail is not None:
                for at, fill in self._tail.steps(orders[:, first.full_steps * rows :]):
                    self._step(fill, rates[:, first.full_steps :], first.full_steps + at)
        self._store(rates)
        return (perf_counter() - started) / len(self.trainers)

    def _step(self, fill_gradients: Callable[[], None], rates: Array, at: int) -> None:
        fill_gradients()
        self._update.before()
        squared = np.vecdot(self._grad, self._grad)
        if not np.isfinite(squared).all():
            self._drop(squared, at)
        self._update.clip(squared)
        self.optimizer.step(np.asarray(rates, self.stack.dtype))
        self._update.after()

    def _drop(self, squared: Array, at: int) -> None:
        """Note the networks whose gradient is not finite, and let the others go on undisturbed."""
        for k in np.flatnonzero(~np.isfinite(squared)):
            grad = self._grad[k]
            if k not in self.diverged and not np.isfinite(grad).all():
                trainer = self.trainers[k]
                network = trainer.network
                network.theta[...], network.grad[...] = self.stack.theta[k], self.stack.grad[k]
                named = {**network.named(network.theta), **network.named(network.grad)}
                broken = [name for name, values in named.items() if not np.isfinite(values).all()]
                layer, _, name = (broken[0] if broken else "output.W").rpartition(".")
                self.diverged[int(k)] = Diverged(trainer.epoch + 1, trainer.step + at + 1, layer, f"gradient of {name}")
            if k in self.diverged:
                grad[...] = 0.0
                self.stack.theta[k] = 0.0

    def _store(self, rates: Array) -> None:
        steps = self.trainers[0].steps_per_epoch
        state = self.optimizer.state()
        stacked = set(self.optimizer.memory)
        self.stack.store()
        for k, trainer in enumerate(self.trainers):
            own = {name: values[k] if name in stacked else values for name, values in state.items()}
            trainer.optimizer.restore(own)
            trainer.step += steps
            self._update.store(k, trainer)
            trainer.count_epoch(float(rates[k, -1]))


def run_stacked(trainers: Sequence[Trainer], observers: Sequence[Observer]) -> list[Outcome]:
    """Train all networks to their last epoch, as `Trainer.run` does for one, with an observer each.

    Steps are not watched. A network that diverges or stops early leaves the others as they are.
    """
    outcomes = [Outcome(trainer) for trainer in trainers]
    stacked = StackedTrainer(trainers)
    for trainer, observer in zip(trainers, observers, strict=True):
        observer.on_start(trainer)
    active = set(range(len(trainers)))
    while active and any(trainers[k].epoch < trainers[k].epochs for k in active):
        seconds = stacked.train_epoch()
        for k in sorted(active):
            trainer, observer = trainers[k], observers[k]
            try:
                if k in stacked.diverged:
                    raise stacked.diverged[k]
                with np.errstate(all="ignore"):
                    trainer.end_epoch(observer, seconds)
            except Diverged as error:
                outcomes[k].failure = error
                active.discard(k)
                continue
            if trainer.epoch >= trainer.epochs or trainer.finished_early:
                active.discard(k)
    return outcomes


class StackedBatches:
    """The batches of all networks, gathered for several steps at once, and the gradient of one of them."""

    def __init__(self, stack: NetworkStack, trainers: Sequence[Trainer], rows: int) -> None:
        examples = [trainer.train_examples for trainer in trainers]
        self._examples, self._rows = examples, rows
        K, dtype = len(trainers), stack.dtype
        features, outputs = examples[0].inputs.shape[1], examples[0].targets.shape[1]
        a_step = K * rows * (features + outputs) * dtype.itemsize
        self._steps = int(np.clip(CHUNK_BYTES // a_step, 1, 32))
        self._inputs = np.empty((K, self._steps * rows, features), dtype)
        self._targets = np.empty((K, self._steps, outputs, rows), dtype)
        self._weights = np.full((K, 1, 1), 1.0 / rows, dtype)
        self._graph = stack.on(rows, training=True)
        self._loss: Loss = copy(trainers[0].loss)
        self._loss.bind(stack.networks[0].outputs, Memory.for_rows(rows, dtype, stack.stack))

    def steps(self, orders: Array) -> Iterator[tuple[int, Callable[[], None]]]:
        """(step, function that fills the gradients with those of the step's batches), one after another.

        orders: (K, steps · rows).
        """
        rows = self._rows
        for start in range(0, orders.shape[1], self._steps * rows):
            part = orders[:, start : start + self._steps * rows]
            weights = self._gather(part)
            for step in range(part.shape[1] // rows):
                yield start // rows + step, partial(self._gradient, step, weights)

    def _gather(self, orders: Array) -> Array | None:
        size = orders.shape[1]
        weights = []
        for k, (examples, order) in enumerate(zip(self._examples, orders, strict=True)):
            examples.inputs.take(order, axis=0, out=self._inputs[k, :size], mode="clip")
            of = order if examples.labels is None else examples.labels.take(order)
            targets = examples.targets.take(of, axis=0).reshape(-1, self._rows, examples.targets.shape[1])
            self._targets[k, : len(targets)] = targets.swapaxes(1, 2)
            if examples.weights is not None:
                weights.append(examples.weights[order].reshape(-1, self._rows))
        if not weights:
            return None
        stacked = np.stack(weights)  # (K, steps, rows)
        totals = stacked.sum(axis=-1, keepdims=True)
        shares: Array = stacked / np.where(totals > 0, totals, 1.0)
        return shares.astype(self._inputs.dtype)

    def _gradient(self, step: int, weights: Array | None) -> None:
        X = self._inputs[:, step * self._rows : (step + 1) * self._rows].mT
        w = self._weights if weights is None else weights[:, step, None]
        Z = self._graph.forward(X)
        self._graph.backward(self._loss.backward(Z, self._targets[:, step], w))


class StackedUpdate:
    """What is done to the gradients before the optimizer, and to the parameters after it, each network's own way."""

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
        self._average: Array | None = None

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
