"""From a Config to Data, Network and Trainer, and from a run's folder to a trained Model.

This is the one place that uses both the config and the classes, which take plain arguments and no Config.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

import numpy as np

from nn_scratch.config.advice import unwise
from nn_scratch.config.origins import locate_errors
from nn_scratch.config.parts import Named, instantiate
from nn_scratch.config.schema import Config
from nn_scratch.data.column_types import ColumnOptions
from nn_scratch.data.prepare import Data, Part, prepare
from nn_scratch.data.split import Fold
from nn_scratch.data.table import Table
from nn_scratch.data.tables import load_table
from nn_scratch.errors import UserError
from nn_scratch.experiments.machine import fewer_threads, threads
from nn_scratch.experiments.networks import Generators, build_network
from nn_scratch.experiments.warm_start import take_parameters
from nn_scratch.metrics import Array
from nn_scratch.nn.losses import Loss
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.nn.schedules.reduce_on_plateau import ReduceOnPlateau
from nn_scratch.runs.recorder import LogSettings
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.training.batches import Examples
from nn_scratch.training.evaluation import ClassificationScore, Evaluator, MultiLabelScore, RegressionScore
from nn_scratch.training.statistics import EpochStatistics
from nn_scratch.training.trainer import EarlyStopping, Trainer
from nn_scratch.wording import did_you_mean, plural

PROGRESS = logging.getLogger("nn_scratch.progress")
VAL_PROBE = 256  # validation rows whose inputs are kept in probe.npz
TRAIN_SAMPLE = 2048  # rows of the training set that are scored each epoch

SHORTEST_AVERAGE = 3  # how many times its own length training must have for a mean of the weights to mean something


@dataclass(frozen=True)
class Built:
    """A run that is ready to start."""

    config: Config
    data: Data
    network: Network
    loss: Loss
    trainer: Trainer
    start: Array  # the initial parameters, (size,)
    probe_rows: Array  # which training rows the probe passes, (probe rows,)
    val_rows: Array  # which validation rows are kept beside it, (at most VAL_PROBE,)
    log: LogSettings
    threads: int
    notices: tuple[str, ...]  # for the user, one line each

    @cached_property
    def epoch_statistics(self) -> EpochStatistics:
        """Measures the network on the probe rows; made on first access, since a fit without a log has no
        use for its buffers."""
        return EpochStatistics(self.network, self.loss, self.trainer.train_examples[self.probe_rows], self.start)

    def evaluator(self, part: Part) -> Evaluator:
        """Scores all rows of a part, not a sample."""
        return evaluator(self.config, self.data, part, self.network, self.loss)


def build(config: Config, data: Data | None = None) -> Built:
    """Everything a run needs, from its config alone: the same config builds the same bytes.

    Raises UserError for data, layers and keys that do not fit together, with the place of the key in the config.
    """
    with locate_errors(config):
        return _build(config, data)


def _build(config: Config, data: Data | None) -> Built:
    generators = spawn_generators(config.seed)
    if data is None:
        data = build_data(config, generators)
    network, loss = build_network(config, data.preprocessing, generators)
    train = examples(config, data, data.train, loss)
    sample = choose(len(train), TRAIN_SAMPLE, generators["probe"])
    probe = choose(len(train), config.log.probe_rows, generators["probe"])
    val_rows = choose(len(data.val), VAL_PROBE, generators["probe"])
    started: tuple[str, ...] = ()
    if config.init_from is not None:
        earlier = Run.open(config.init_from.run)
        started = take_parameters(earlier, config.init_from.parameters, network, data.preprocessing)
    check_counts(loss, data)
    trainer = build_trainer(config, data, network, loss, train, sample, generators["order"])
    check_monitors(trainer)
    return Built(
        config=config,
        data=data,
        network=network,
        loss=loss,
        trainer=trainer,
        start=network.theta.copy(),
        probe_rows=probe,
        val_rows=val_rows,
        log=LogSettings(**config.log.model_dump(exclude={"probe_rows"})),
        threads=threads(config, network, trainer.batch_size),
        notices=(
            *unwise(config),
            *fewer_threads(config),
            *data.notices,
            *started,
            *what_is_averaged(config.train.ema_decay),
            *short_average(trainer, config.train.ema_decay),
        ),
    )


def build_trainer(
    config: Config,
    data: Data,
    network: Network,
    loss: Loss,
    train: Examples,
    sample: Array,
    order: np.random.Generator,
) -> Trainer:
    """sample: which training rows are scored each epoch; order: draws the order of the rows."""
    stopping = config.train.early_stopping
    return Trainer(
        network,
        loss,
        instantiate(OPTIMIZERS, config.optimizer),
        instantiate(SCHEDULES, config.schedule),
        train=train,
        evaluators={
            "train": Evaluator(network, loss, train[sample], score(data, data.train, loss, sample)),
            "val": evaluator(config, data, data.val, network, loss),
        },
        batch_size=batch_rows(config.train.batch_size, len(train)),
        epochs=config.train.epochs,
        order=order,
        shuffle=config.train.shuffle,
        accumulate=config.train.accumulate,
        **config.regularize.model_dump(),
        ema_decay=config.train.ema_decay,
        early_stopping=None if stopping is None else EarlyStopping(**stopping.model_dump()),
    )


def check_counts(loss: Loss, data: Data) -> None:
    """Raise UserError where the loss takes counts and a training target is negative."""
    if loss.needs_counts and (data.train.y < 0).any():
        raise UserError(
            f"loss: {loss.registered_name} needs counts, and {' or '.join(data.target_names)} is negative in some rows;"
            " write mse, or mae"
        )


def what_is_averaged(decay: float | None) -> Iterator[str]:
    """Which of a run's files are of the averaged weights, and which of those that the optimizer updates."""
    if decay is not None:
        yield (
            "train.ema_decay: scores, layers.csv, the logs of weights, gradients and activations, and the model are of "
            "the averaged weights; steps.csv and step/ are of the weights that the optimizer updates"
        )


def short_average(trainer: Trainer, decay: float | None) -> Iterator[str]:
    """A notice if train.ema_decay averages over more steps than training has."""
    steps = trainer.steps_per_epoch * trainer.epochs
    if decay is not None and steps * (1 - decay) < SHORTEST_AVERAGE:
        better = max(0.0, 1 - 10 / steps)
        yield (
            f"train.ema_decay: {decay:g} averages about {1 / (1 - decay):,.0f} steps and training has {steps:,}, so "
            f"that the first weights count to the end; write {better:.2g}"
        )


def batch_rows(batch_size: int | float, rows: int) -> int:
    """Rows of a batch: the number given, or a share of all rows."""
    return max(1, round(batch_size * rows)) if isinstance(batch_size, float) else batch_size


def build_data(config: Config, generators: Generators) -> Data:
    """Read, split and scale the data."""
    source = config.data.source
    PROGRESS.info(f"reading {source}" if isinstance(source, str) else "drawing the data")
    table = read_source(config, generators)
    PROGRESS.info(f"splitting and scaling {plural(len(table.X), 'row')}")
    with locate_errors(config):
        return _prepared(config, table, generators)


def _prepared(config: Config, table: Table, generators: Generators) -> Data:
    options, split = config.data, config.data.split
    return prepare(
        table,
        split={"val": split.val, "test": split.test},
        fold=None if split.folds is None else Fold(split.fold, split.folds),
        shuffle=options.shuffle,
        stratify=options.stratify,
        scale=options.scale,
        target_scale=options.target_scale,
        rng=generators["split"],
        dtype=np.dtype(config.train.dtype),
    )


def read_source(config: Config, generators: Generators) -> Table:
    """The table that the config names, before it is split."""
    with locate_errors(config):
        return _read_source(config, generators)


def _read_source(config: Config, generators: Generators) -> Table:
    options = config.data
    return load_table(
        plain_source(options.source),
        test_source=None if options.test_source is None else plain_source(options.test_source),
        target=options.target,
        task=task_of(config),
        missing=options.missing,
        ignore=options.ignore,
        weight=options.weight,
        by=options.split.by,
        options=ColumnOptions(
            kinds=options.columns,
            na_values=tuple(options.na_values),
            decimal=None if options.decimal == "auto" else options.decimal,
            labels_exact=options.labels == "exact",
        ),
        rng=generators["source"],
    )


def task_of(config: Config) -> Literal["auto", "classification", "regression", "multi_label"]:
    """The task of the config: a list of targets with binary_cross_entropy is one of labels, too."""
    several = isinstance(config.data.target, list) and len(config.data.target) > 1
    yes_or_no = isinstance(config.loss, Named) and config.loss.type == "binary_cross_entropy"
    return "multi_label" if config.data.task == "auto" and several and yes_or_no else config.data.task


def plain_source(source: Named | str) -> dict[str, Any] | str:
    """A data source as `load_table` takes it: a path, or the name and the parameters of a built-in one."""
    return {"type": source.type, **source.parameters} if isinstance(source, Named) else source


def examples(config: Config, data: Data, part: Part, loss: Loss) -> Examples:
    """A part of the data as the network reads it."""
    by_class = class_weights(config, data)
    weights = part.weights
    if by_class is not None:
        weights = by_class[part.y] if weights is None else weights * by_class[part.y]
    if weights is not None:
        weights = weights.astype(part.X.dtype)
    if data.task != "classification":
        return Examples(part.inputs, part.y, weights=weights)
    return Examples(part.inputs, class_targets(loss, len(data.class_names), part.X.dtype), part.y, weights)


@lru_cache(maxsize=1)  # the parts of a run have one table: of 10,000 classes it takes 400 MB
def class_targets(loss: Loss, classes: int, dtype: np.dtype[Any]) -> Array:
    """The loss's targets (classes, outputs), read-only."""
    targets = loss.targets(classes).astype(dtype)
    targets.setflags(write=False)
    return targets


def class_weights(config: Config, data: Data) -> Array | None:
    """(classes,) how much a row of each class counts; balanced: rows / (classes x rows of the class), in training."""
    if config.class_weight is None:
        return None
    names = data.class_names
    if data.task != "classification":
        raise UserError(f"class_weight: a {data.task} has no classes to weigh; write null")
    if config.class_weight == "balanced":
        counts = np.bincount(data.train.y, minlength=len(names))
        return len(data.train) / (len(names) * np.maximum(counts, 1))
    for label in config.class_weight:
        if label not in names:
            raise UserError(f"class_weight.{label}: no such class{did_you_mean(label, names)}")
    return np.array([config.class_weight.get(name, 1.0) for name in names])


def evaluator(config: Config, data: Data, part: Part, network: Network, loss: Loss) -> Evaluator:
    return Evaluator(network, loss, examples(config, data, part, loss), score(data, part, loss))


def score(
    data: Data, part: Part, loss: Loss, rows: Array | None = None
) -> ClassificationScore | RegressionScore | MultiLabelScore:
    """How outputs for a part, or for some rows of it, are scored."""
    true = part.y if rows is None else part.y[rows]
    if data.task == "classification":
        return ClassificationScore(true, len(data.class_names), loss.decide)
    if data.task == "multi_label":
        return MultiLabelScore(true, loss.values)
    inverse = data.preprocessing.target_inverse
    return RegressionScore(inverse(true), lambda Z: inverse(loss.values(Z)))


def choose(available: int, wanted: int, generator: np.random.Generator) -> Array:
    """`wanted` different row numbers below `available`, in order; all of them where there are no more."""
    if available <= wanted:
        return np.arange(available)
    return np.sort(generator.choice(available, wanted, replace=False))


def check_monitors(trainer: Trainer) -> None:
    """Raise UserError where early stopping or the schedule monitors a score that this run does not measure."""
    monitors = {}
    if trainer.early_stopping is not None:
        monitors["train.early_stopping.monitor"] = trainer.early_stopping.monitor
    if isinstance(trainer.schedule, ReduceOnPlateau):
        monitors["schedule.monitor"] = trainer.schedule.monitor
    for key, monitor in monitors.items():
        if monitor not in trainer.score_columns:
            raise UserError(
                f"{key}: {monitor!r} is not measured in this run{did_you_mean(monitor, trainer.score_columns)}"
            )
        part, _, name = monitor.partition("_")
        rows = len(trainer.evaluators[part].examples)
        if rows < (2 if name == "r2" else 1):
            raise UserError(
                f"{key}: {monitor} needs more than the {rows} row{'s' * (rows != 1)} of {part}; write train_{name}, or "
                f"give data.split.{part} a larger share"
            )
