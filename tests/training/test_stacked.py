"""Networks trained together end as those that are trained one by one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.experiments.build import build
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.stacked import StackedTrainer, run_stacked, stackable
from nn_scratch.training.trainer import Trainer

NETWORKS = 3
TOLERANCE = {"float64": 1e-12, "float32": 1e-6}  # of a tensor's largest value
RATES = (0.01, 0.02, 0.005)
DENSE = {"type": "dense", "units": 6, "activation": "tanh"}


def trainer(k: int, **changes: Any) -> Trainer:
    """The k-th of a stack: with its own seed, learning rate and rows; at least 50 steps."""
    values: dict[str, Any] = {
        "seed": k + 1,
        "data": {"source": {"type": "moons", "rows": 157, "noise": 0.2}},
        "layers": [DENSE, {"type": "dense", "units": 5, "activation": "relu"}],
        "optimizer": {"type": "adam", "lr": RATES[k]},
        "train": {"epochs": 4, "batch_size": 8, "dtype": "float64"},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        section = values
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value[k] if isinstance(value, tuple) else value
    return build(config_from(values)).trainer


def compare(dtype: str = "float64", **changes: Any) -> None:
    """Train stacked and one by one; every tensor of every network must agree."""
    make: Callable[[int], Trainer] = lambda k: trainer(k, train__dtype=dtype, **changes)  # noqa: E731
    alone, together = [make(k) for k in range(NETWORKS)], [make(k) for k in range(NETWORKS)]
    assert stackable(together)
    for one in alone:
        one.run(Observer())
    assert alone[0].step >= 50
    run_stacked(together, [Observer()] * NETWORKS)
    for one, stacked in zip(alone, together, strict=True):
        assert (stacked.epoch, stacked.step, stacked.lr) == (one.epoch, one.step, one.lr)
        agree(one.network.named(one.network.theta), stacked.network.named(stacked.network.theta), TOLERANCE[dtype])
        agree(
            one.network.named_state(one.network.state),
            stacked.network.named_state(stacked.network.state),
            TOLERANCE[dtype],
        )
        agree(one.optimizer.state(), stacked.optimizer.state(), TOLERANCE[dtype])
        assert one.network.noise.bit_generator.state == stacked.network.noise.bit_generator.state
        for column, score in one.evaluate().items():
            assert stacked.evaluate()[column] == pytest.approx(score, rel=1e-4 if dtype == "float32" else 1e-9)


def agree(one: Mapping[str, Any], other: Mapping[str, Any], tolerance: float) -> None:
    assert set(one) == set(other)
    for name, values in one.items():
        scale = np.abs(values).max() if np.size(values) else 0.0
        assert np.allclose(values, other[name], rtol=0, atol=tolerance * max(scale, 1e-3)), name


STACKED_OPTIMIZERS = sorted(name for name in OPTIMIZERS if not OPTIMIZERS[name].full_batch)


def test_the_registries_are_not_empty() -> None:
    assert len(STACKED_OPTIMIZERS) >= 10
    assert len(list(ACTIVATIONS)) >= 15


@pytest.mark.parametrize("name", STACKED_OPTIMIZERS)
def test_every_optimizer(name: str) -> None:
    rates = tuple(rate / 100 if name == "lion" else rate for rate in RATES)
    compare(optimizer=tuple({"type": name, "lr": rate} for rate in rates))


@pytest.mark.parametrize("options", [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}])
def test_momentum(options: dict[str, Any]) -> None:
    compare(optimizer=tuple({"type": "sgd", "lr": rate, **options} for rate in RATES))


@pytest.mark.parametrize("options", [{"type": "adam", "amsgrad": True}, {"type": "adamw", "weight_decay": 0.1}])
def test_variants_of_adam(options: dict[str, Any]) -> None:
    compare(optimizer=tuple({**options, "lr": rate} for rate in RATES))


@pytest.mark.parametrize("name", sorted(ACTIVATIONS))
def test_every_activation(name: str) -> None:
    compare(layers=[{"type": "dense", "units": 6, "activation": name}, {"type": "activation", "activation": name}])


@pytest.mark.parametrize("name", sorted(set(LAYERS) - {"dense", "activation", "residual"}))
def test_every_layer(name: str) -> None:
    compare(layers=[DENSE, {"type": name}, {"type": "residual", "layers": [{"type": name}, DENSE]}])


@pytest.mark.parametrize("name", sorted(name for name in LOSSES if "classification" in LOSSES[name].kinds))
def test_every_loss_of_classes(name: str) -> None:
    compare(loss=name)


@pytest.mark.parametrize("name", sorted(name for name in LOSSES if "regression" in LOSSES[name].kinds))
def test_every_loss_of_numbers(name: str) -> None:
    data: dict[str, Any] = {"source": {"type": "friedman", "rows": 157}}
    if LOSSES[name].needs_counts:
        data |= {"target_scale": "none"}
    compare(loss=name, data=data)


def test_what_differs_between_networks() -> None:
    compare(
        layers=tuple([DENSE, {"type": "dropout", "rate": rate}] for rate in (0.0, 0.3, 0.5)),
        regularize=(
            {"l1": 0.0, "l2": 0.1, "max_norm": 1.5, "clip_norm": 0.2},
            {"l1": 0.01, "l2": 0.0, "max_norm": 0.5, "clip_norm": 5.0},
            {"l1": 0.0, "l2": 0.0, "max_norm": 3.0, "clip_norm": 1.0},
        ),
        train__ema_decay=(0.9, 0.5, 0.99),
        schedule={"type": "cosine"},
    )


def test_row_weights_and_a_clipped_value() -> None:
    compare(class_weight=({"0": 3.0}, {"1": 2.0}, "balanced"), regularize={"clip_value": 0.05})


def test_float32() -> None:
    compare(dtype="float32", layers=[DENSE, {"type": "layer_norm"}, {"type": "dropout", "rate": 0.2}])


class Recorded(Observer):
    def __init__(self) -> None:
        self.losses: list[float] = []

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.losses.append(scores["train_loss"])


def test_one_that_diverges_or_stops_early_leaves_the_others_as_they_are() -> None:
    stopping = {"monitor": "train_loss", "patience": 1, "min_delta": 1e9}
    changes: dict[str, Any] = {
        "optimizer": tuple({"type": "sgd", "lr": rate} for rate in (0.05, 1e200, 0.05)),
        "train__early_stopping": (None, None, stopping),
        "layers": [{"type": "dense", "units": 6, "activation": "relu"}],
    }
    together = [trainer(k, **changes) for k in range(NETWORKS)]
    observers = [Recorded() for _ in together]
    outcomes = run_stacked(together, observers)
    alone = trainer(0, **changes)
    seen = Recorded()
    alone.run(seen)
    assert observers[0].losses == pytest.approx(seen.losses, rel=1e-9)
    assert [outcome.failure is None for outcome in outcomes] == [True, False, True]
    failure = outcomes[1].failure
    assert failure is not None
    assert failure.epoch == 1
    assert len(observers[2].losses) == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"layers": ([DENSE], [DENSE, DENSE], [DENSE])}, "layers"),
        ({"optimizer": ({"type": "sgd"}, {"type": "adam"}, {"type": "sgd"})}, "optimizer"),
        ({"optimizer": {"type": "lbfgs"}}, "steps of several passes"),
        ({"train__batch_size": (8, 16, 8)}, "batch_size"),
        ({"loss": ("mse", "cross_entropy", "mse")}, "loss"),
    ],
)
def test_what_cannot_be_stacked_is_said(changes: dict[str, Any], reason: str) -> None:
    trainers: Sequence[Trainer] = [trainer(k, **changes) for k in range(NETWORKS)]
    assert not stackable(trainers)
    with pytest.raises(ValueError, match=reason):
        StackedTrainer(trainers)
