"""From a Config to Data, Network and Trainer, and from a run's folder to a trained Model.

This is the one place that knows both the config and the classes: they take plain arguments and never see a Config.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from nn_scratch.config.advice import unwise
from nn_scratch.config.parts import Named, instantiate
from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.data.prepare import Data, Part, prepare
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.data.tables import load_table
from nn_scratch.errors import UserError, did_you_mean
from nn_scratch.evaluate import ClassScore, Evaluator, LabelScore, NumberScore, pass_through
from nn_scratch.examples import Examples
from nn_scratch.measure import EpochGauge
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES, Loss
from nn_scratch.nn.network import Network, signal_rows
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.nn.schedules.reduce_on_plateau import ReduceOnPlateau
from nn_scratch.runs.recorder import LogSettings
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators
from nn_scratch.trainer import EarlyStopping, Trainer
from nn_scratch.warm_start import model_kind, take_parameters

Array = NDArray[Any]
Generators = Mapping[str, np.random.Generator]

TRAIN_SAMPLE = 2048  # rows of the training set that are scored each epoch
SHORTEST_AVERAGE = 3  # how many times its own length training must have for a mean of the weights to mean something
USUAL_LOSS = {"classification": "cross_entropy", "regression": "mse", "multi_label": "binary_cross_entropy"}
ONE_THREAD_MFLOP = 20.0  # below this much work a step, a second thread costs more than it gives


@dataclass(frozen=True)
class Built:
    """A run that is ready to start."""

    config: Config
    data: Data
    network: Network
    loss: Loss
    trainer: Trainer
    gauge: EpochGauge
    probe_rows: Array  # which training rows the probe passes, (probe rows,)
    log: LogSettings
    threads: int
    notices: tuple[str, ...]  # what the user has to be told, a line each

    def evaluator(self, part: Part) -> Evaluator:
        """Scores all rows of a part, not a sample."""
        return evaluator(self.config, self.data, part, self.network, self.loss)


def build(config: Config, data: Data | None = None) -> Built:
    """Everything a run needs, from its config alone: the same config builds the same bytes."""
    generators = spawn_generators(config.seed)
    if data is None:
        data = build_data(config, generators)
    network, loss = build_network(config, data.preprocessing, generators)
    train = examples(config, data, data.train, loss)
    sample = choose(len(train), TRAIN_SAMPLE, generators["probe"])
    probe = choose(len(train), config.log.probe_rows, generators["probe"])
    started: tuple[str, ...] = ()
    if config.init_from is not None:
        earlier = Run.open(config.init_from.run)
        started = take_parameters(earlier, config.init_from.parameters, network, data.preprocessing)
    stopping = config.train.early_stopping
    trainer = Trainer(
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
        order=generators["order"],
        shuffle=config.train.shuffle,
        accumulate=config.train.accumulate,
        **config.regularize.model_dump(),
        ema_decay=config.train.ema_decay,
        early_stopping=None if stopping is None else EarlyStopping(**stopping.model_dump()),
    )
    check_monitors(trainer)
    if loss.needs_counts and (data.train.y < 0).any():
        raise UserError(
            f"loss: {loss.registered_name} needs counts, and {' or '.join(data.target_names)} is negative in some rows;"
            " write mse, or mae"
        )
    return Built(
        config=config,
        data=data,
        network=network,
        loss=loss,
        trainer=trainer,
        gauge=EpochGauge(network, loss, train[probe]),
        probe_rows=probe,
        log=LogSettings(**config.log.model_dump(exclude={"probe_rows"})),
        threads=threads(config, network, trainer.batch_size),
        notices=(
            *unwise(config),
            *fewer_threads(config),
            *data.notices,
            *started,
            *short_average(trainer, config.train.ema_decay),
        ),
    )


def short_average(trainer: Trainer, decay: float | None) -> Iterator[str]:
    """What is to be told of a mean of the weights that reaches further back than training does."""
    steps = trainer.steps_per_epoch * trainer.epochs
    if decay is not None and steps * (1 - decay) < SHORTEST_AVERAGE:
        better = max(0.0, 1 - 10 / steps)
        yield (
            f"train.ema_decay: {decay:g} averages about {1 / (1 - decay):,.0f} steps and training has {steps:,}, so "
            f"that the first weights count to the end; write {better:.2g}"
        )


def batch_rows(batch_size: int | float, rows: int) -> int:
    """Rows of a batch: as many as said, or a share of all there are."""
    return max(1, round(batch_size * rows)) if isinstance(batch_size, float) else batch_size


def build_data(config: Config, generators: Generators) -> Data:
    """Read, split and scale the data."""
    options = config.data
    table = load_table(
        plain_source(options.source),
        test_source=None if options.test_source is None else plain_source(options.test_source),
        target=options.target,
        task=task_of(config),
        missing=options.missing,
        ignore=options.ignore,
        weight=options.weight,
        rng=generators["source"],
    )
    return prepare(
        table,
        split=options.split.model_dump(),
        shuffle=options.shuffle,
        stratify=options.stratify,
        scale=options.scale,
        target_scale=options.target_scale,
        rng=generators["split"],
        dtype=np.dtype(config.train.dtype),
    )


def task_of(config: Config) -> Literal["auto", "classification", "regression", "multi_label"]:
    """What the config says of the task: a list of targets with binary_cross_entropy is one of labels, too."""
    several = isinstance(config.data.target, list) and len(config.data.target) > 1
    yes_or_no = isinstance(config.loss, Named) and config.loss.type == "binary_cross_entropy"
    return "multi_label" if config.data.task == "auto" and several and yes_or_no else config.data.task


def plain_source(source: Named | str) -> dict[str, Any] | str:
    """A data source as `load_table` takes it: a path, or the name and the parameters of a built-in one."""
    return {"type": source.type, **source.parameters} if isinstance(source, Named) else source


def build_network(config: Config, preprocessing: Preprocessing, generators: Generators) -> tuple[Network, Loss]:
    """The network with its initial values, and the loss it is trained with."""
    loss = build_loss(config, preprocessing)
    classes = len(preprocessing.class_names)
    outputs = loss.outputs(classes) if classes else len(preprocessing.target_names)
    output = config.output.but(units=outputs)
    if output.parameters["activation"] == "auto":
        output = output.but(activation=Named("identity"))
    network = Network(
        [instantiate(LAYERS, layer) for layer in (*config.layers, output)],
        preprocessing.n_features,
        init=generators["init"],
        noise=generators["dropout"],
        dtype=np.dtype(config.train.dtype),
    )
    return network, loss


def build_loss(config: Config, preprocessing: Preprocessing) -> Loss:
    task = preprocessing.task
    if not isinstance(config.loss, Named):
        return LOSSES.create(USUAL_LOSS[task])
    fitting = [name for name in LOSSES if task in LOSSES[name].kinds]
    if config.loss.type not in fitting:
        raise UserError(f"loss: {config.loss.type} is no loss for {task}; write auto, or one of: {', '.join(fitting)}")
    return instantiate(LOSSES, config.loss)


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
    return Examples(part.inputs, loss.targets(len(data.class_names)).astype(part.X.dtype), part.y, weights)


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


def score(data: Data, part: Part, loss: Loss, rows: Array | None = None) -> ClassScore | NumberScore | LabelScore:
    """How outputs for a part, or for some rows of it, are scored."""
    true = part.y if rows is None else part.y[rows]
    if data.task == "classification":
        return ClassScore(true, len(data.class_names), loss.decide)
    if data.task == "multi_label":
        return LabelScore(true, loss.values)
    inverse = data.preprocessing.target_inverse
    return NumberScore(inverse(true), lambda Z: inverse(loss.values(Z)))


def choose(available: int, wanted: int, generator: np.random.Generator) -> Array:
    """`wanted` different row numbers below `available`, in order; all of them where there are no more."""
    if available <= wanted:
        return np.arange(available)
    return np.sort(generator.choice(available, wanted, replace=False))


def threads(config: Config, network: Network, batch_size: int) -> int:
    """BLAS threads to train with: as the config says, if there are so many cores; or one where the steps are small."""
    if config.train.threads != "auto":
        return min(config.train.threads, os.cpu_count() or 1)
    return 1 if step_flop(network, batch_size) < ONE_THREAD_MFLOP * 1e6 else os.cpu_count() or 1


def fewer_threads(config: Config) -> list[str]:
    asked, cores = config.train.threads, os.cpu_count() or 1
    if asked == "auto" or asked <= cores:
        return []
    return [f"train.threads: {asked} are asked for and the machine has {cores} cores; {cores} are used"]


def step_flop(network: Network, rows: int) -> float:
    """Floating-point operations of the matrix products of one training step."""
    return matrix_flop((network.inputs, *(layer.outputs for layer in network.dense)), rows)


def matrix_flop(widths: Sequence[int], rows: int) -> float:
    """The same for a plain stack of dense layers: forward, and backward without the derivative of the data."""
    products = [inputs * outputs for inputs, outputs in pairwise(widths)]
    return 2.0 * rows * (3 * sum(products) - products[0])


def check_monitors(trainer: Trainer) -> None:
    """Raise UserError where early stopping or the schedule waits for a score that this run does not have."""
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


class Model:
    """A trained network with its preprocessing: raw rows in, probabilities or values out."""

    def __init__(self, network: Network, loss: Loss, preprocessing: Preprocessing) -> None:
        self.network, self.loss, self.preprocessing = network, loss, preprocessing

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.preprocessing.class_names

    def predict(self, X: Array) -> Array:
        """For raw rows (rows, features): probabilities (rows, classes), or values (rows, targets) in own units."""
        return self.scores(self.preprocessing.transform(X, dtype=self.network.dtype))

    def scores(self, X: Array) -> Array:
        """The same for rows that are scaled already."""
        with np.errstate(all="ignore"):
            Z = pass_through(self.network, signal_rows(X, self.network.dtype))
            return as_people_read(Z, self.loss, self.preprocessing)


def as_people_read(Z: Array, loss: Loss, preprocessing: Preprocessing) -> Array:
    """Outputs Z (outputs, rows) as probabilities (rows, classes), or as values (rows, targets) in own units."""
    if preprocessing.task == "classification":
        return loss.probabilities(Z.astype(np.float64))
    return preprocessing.target_inverse(loss.values(Z))


def model_arrays(network: Network, preprocessing: Preprocessing) -> dict[str, Array]:
    """What model.npz holds."""
    return {
        **{f"parameters/{name}": values for name, values in network.named(network.theta).items()},
        **{f"state/{name}": values for name, values in network.named_state(network.state).items()},
        **{f"preprocessing/{name}": values for name, values in preprocessing.to_arrays().items()},
    }


def load_model(run: Run) -> Model:
    """The trained model of a run, from its param.yaml and model.npz."""
    arrays = run.model
    config = config_from(run.config)
    preprocessing = Preprocessing.from_arrays(model_kind(arrays, "preprocessing/"))
    network, loss = build_network(config, preprocessing, spawn_generators(config.seed))
    for wanted, given in (
        (network.named(network.theta), model_kind(arrays, "parameters/")),
        (network.named_state(network.state), model_kind(arrays, "state/")),
    ):
        for name, view in wanted.items():
            if name not in given or given[name].shape != view.shape or given[name].dtype.kind != "f":
                raise UserError(f"{run.path / 'model.npz'}: {name} does not fit param.yaml; train the run anew")
            view[...] = given[name]
    return Model(network, loss, preprocessing)
