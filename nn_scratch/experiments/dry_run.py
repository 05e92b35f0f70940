"""`train.py --check`: whether a config is ready for a long run, in a few seconds; nothing is written.

A gradient check of each layer, the initial loss against that of outputs of 0, a trial of memorizing 16 rows, and the
time and disk space of the run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import isfinite, nan
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.config.advice import NOISE
from nn_scratch.config.parts import Named, instantiate
from nn_scratch.errors import Diverged
from nn_scratch.experiments.build import Built, examples, score
from nn_scratch.experiments.gradient_check import forward, gradient_errors, in_float64, probe_batch, training_graph
from nn_scratch.experiments.lr_range_test import usual_rate
from nn_scratch.experiments.networks import build_network
from nn_scratch.nn.layers.base import Layer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import OPTIMIZERS, Optimizer
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.runs.recorder import stride
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.evaluation import Evaluator, bound_loss
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import StopRequested, Trainer
from nn_scratch.wording import plural

WRONG_GRADIENT = 1e-5  # relative error of a gradient in float64 from which it is wrong
FAR_OFF = 3.0  # times the loss of uninformative outputs, from which the first loss is out of order
TRIAL_ROWS = 16
TRIAL_STEPS = 1000
LEARNED = 0.99  # accuracy or R² on the rows of the trial, at which it ends
FAILED = 0.9  # the same, below which something is wrong
TIMED_SECONDS = 0.3
TIMED_STEPS = 200


@dataclass(frozen=True)
class DryRunReport:
    """The result of a check. problems: a line each, reasons not to train."""

    # name, type, outputs, parameters (by name their shapes), count, trainable, checked, error
    layers: list[dict[str, Any]]
    start_loss: float
    silent_loss: float  # of outputs that are all 0
    class_prior_entropy: float | None  # of predicting the class frequencies for every row
    trial: str  # how the trial on a few rows went
    seconds: float  # the run as a whole, by the time of a few steps; nan where they failed
    log_bytes: int
    problems: list[str]


def check(built: Built) -> DryRunReport:
    """Try out what was built; the network cannot be trained afterwards."""
    problems: list[str] = []
    with np.errstate(all="ignore"):
        errors = {entry["layer"]: entry["error"] for entry in gradient_errors(in_float64(built.network), built)}
        layers = [layer_entry(built.network, layer, errors) for layer in built.network.every_layer]
        problems += wrong_gradients(layers)
        start, silent = first_losses(built)
        problems += first_loss_problems(built, start, silent)
        trial, failed = overfit(built)
        problems += failed
        seconds, failed = estimated_seconds(built)
        problems += failed
    return DryRunReport(
        layers=layers,
        start_loss=start,
        silent_loss=silent,
        class_prior_entropy=built.data.card.get("entropy") if built.loss.registered_name == "cross_entropy" else None,
        trial=trial,
        seconds=seconds,
        log_bytes=log_bytes(built),
        problems=problems,
    )


# --- layers and gradients


def layer_entry(network: Network, layer: Layer, errors: Mapping[str, float]) -> dict[str, Any]:
    blocks = layer.named(network.parameter_layout.views(layer, network.theta))
    return {
        "name": layer.name,
        "type": layer.registered_name + (f", {layer.f.registered_name}" if isinstance(layer, Dense) else ""),
        "outputs": layer.outputs,
        "parameters": {name: view.shape for name, view in blocks.items()},
        "count": sum(view.size for view in blocks.values()),
        "trainable": layer.trainable,
        "checked": layer.name in errors,
        "error": errors.get(layer.name, nan),
    }


def wrong_gradients(layers: list[dict[str, Any]]) -> Iterator[str]:
    for layer in layers:
        if layer["error"] > WRONG_GRADIENT:
            yield (
                f"{layer['name']}: the relative error of its gradient is {layer['error']:.1e} by finite differences of "
                "the loss; if this is a custom layer, activation or loss, its backward pass is not the derivative of "
                "its forward pass"
            )


# --- the initial loss


def first_losses(built: Built) -> tuple[float, float]:
    """The loss of the probe rows before the first step, in training mode, and that of outputs that are all 0."""
    network = in_float64(built.network)
    batch = probe_batch(built, None)
    rows = batch.X.shape[1]
    graph, loss = training_graph(network, rows), bound_loss(built.loss, network, rows)
    Z = forward(network, graph, batch)
    start = batch.mean(loss.forward(Z, batch.Y))
    return start, batch.mean(loss.forward(np.zeros_like(Z), batch.Y))


def first_loss_problems(built: Built, start: float, silent: float) -> Iterator[str]:
    if not isfinite(start):
        yield "the initial loss is not finite: the initial weights are too large; leave init to the layers (null)"
    elif start > FAR_OFF * abs(silent) + 1e-6:
        remedy = "leave init to the layers (null)"
        if built.config.data.scale == "none":
            remedy += ", and write data.scale: standard"
        if built.data.task == "regression" and built.config.data.target_scale == "none":
            remedy += "; the target's own units may be far from 1: write data.target_scale: standard"
        yield f"the initial loss is {start:.4g}, and {silent:.4g} for outputs of 0; {remedy}"


# --- a trial on a few rows


class StopWhenLearned(Observer):
    """Ends a trial when the network has memorized its rows."""

    def __init__(self, name: str) -> None:
        self.column, self.best = f"train_{name}", -np.inf

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.best = max(self.best, scores[self.column])
        trainer.stop_requested = self.best >= LEARNED


def overfit(built: Built) -> tuple[str, list[str]]:
    """Whether the network can memorize 16 training rows with the config's optimizer, and if not, with Adam."""
    optimizer = built.config.optimizer
    name = "accuracy" if built.data.task == "classification" else "r2"
    steps, best = trial(built, instantiate(OPTIMIZERS, optimizer), name)
    rows = min(TRIAL_ROWS, len(built.data.train))
    setting = f"{rows} rows, {optimizer.type} with lr {optimizer.parameters['lr']:g}"
    if best >= LEARNED:
        return f"{setting}: memorized in {plural(steps, 'step')}", []
    outcome = (
        f"{setting}: {name} {best:.3g} after {plural(steps, 'step')}" if isfinite(best) else f"{setting}: diverged"
    )
    if best >= FAILED:
        return outcome, []
    _, other = trial(built, OPTIMIZERS.create("adam", lr=0.003), name)
    if other >= LEARNED:
        problem = f"the network memorizes {rows} rows with adam at lr 0.003, but not with this optimizer.lr; run "
        return outcome, [f"{problem}--find-lr, or write {usual_rate(optimizer):g}"]
    return outcome, [
        f"the network cannot memorize {rows} rows, not even with adam: use more units or layers, and check for dead or "
        "saturated activations and for rows with equal features and different targets"
    ]


def trial(built: Built, optimizer: Optimizer, name: str) -> tuple[int, float]:
    """Steps taken and the best score reached on a few rows, without dropout and penalties; nan where it diverged."""
    config = built.config.model_copy(update={"layers": quiet(built.config.layers), "class_weight": None})
    network, loss = build_network(config, built.data.preprocessing, spawn_generators(config.seed))
    chosen = np.unique(np.linspace(0, len(built.data.train) - 1, TRIAL_ROWS).astype(int))
    part = built.data.train
    few = replace(part, inputs=part.inputs[chosen], y=part.y[chosen], rows=part.rows[chosen], weights=None)
    rows = examples(config, built.data, few, loss)
    trainer = Trainer(
        network,
        loss,
        optimizer,
        SCHEDULES.create("constant"),
        train=rows,
        evaluators={"train": Evaluator(network, loss, rows, score(built.data, few, loss))},
        batch_size=len(rows),
        epochs=TRIAL_STEPS,
        order=np.random.default_rng(0),
    )
    observer = StopWhenLearned(name)
    try:
        trainer.run(observer)
    except StopRequested:
        pass
    except Diverged:
        return trainer.step, nan
    return trainer.step, float(observer.best)


def quiet(layers: list[Named]) -> list[Named]:
    """The layers without dropout and other noise."""
    kept = []
    for layer in layers:
        if layer.type in NOISE:
            continue
        inner = layer.parameters.get("layers")
        if inner is not None and not quiet(inner):
            continue
        kept.append(layer if inner is None else layer.but(layers=quiet(inner)))
    return kept


# --- time and disk space


def estimated_seconds(built: Built) -> tuple[float, list[str]]:
    """Seconds of the whole run, extrapolated from some steps, an evaluation and a pass of the probe rows."""
    from threadpoolctl import threadpool_limits

    trainer = built.trainer
    with threadpool_limits(limits=built.threads, user_api="blas"):
        rates = np.full(TIMED_STEPS, trainer.optimizer.lr * trainer.schedule.factors(np.arange(1))[0])
        started = perf_counter()
        try:
            for _ in trainer.steps_at(rates):
                if perf_counter() - started > TIMED_SECONDS:
                    break
        except Diverged as error:
            return nan, [f"{error}; run --find-lr for a suitable learning rate"]
        a_step = (perf_counter() - started) / trainer.step
        started = perf_counter()
        trainer.evaluate()
        built.epoch_statistics.keep()
        built.epoch_statistics.read()
        an_epoch = perf_counter() - started
    return trainer.epochs * (trainer.steps_per_epoch * a_step + an_epoch), []


def log_bytes(built: Built) -> int:
    """Bytes of the tensors' logs, which are most of a run's folder."""
    log, epochs = built.log, built.trainer.epochs
    values = built.network.theta.size * (log.weights + log.gradients)
    values += log.activations * sum(unit.A.size for unit in built.epoch_statistics.units)
    row = 4 * values
    return row * (1 + epochs // stride(row, epochs, log))
