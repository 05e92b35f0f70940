"""The settings that a sweep tries."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.errors import UserError
from nn_scratch.experiments.sweeps.space import Dimension, apply_setting, check_space, dimensions, settings


def config(space: dict[str, Any], **sweep: Any) -> Config:
    layers = [{"type": "dense", "units": 8}]
    return config_from({"data": {"source": "iris"}, "layers": layers, "sweep": {"space": space, **sweep}})


def drawn(space: dict[str, Any], **sweep: Any) -> list[dict[str, Any]]:
    with_sweep = config(space, **sweep)
    assert with_sweep.sweep is not None
    return list(settings(with_sweep, with_sweep.sweep))


def test_a_grid_is_every_combination_the_last_key_fastest() -> None:
    space = {"train.batch_size": [8, 16], "optimizer.lr": {"log": [1e-3, 1e-1], "steps": 3}}
    found = drawn(space, method="grid", trials=None)
    assert [tuple(setting.values()) for setting in found] == [
        (8, 0.001),
        (8, 0.01),
        (8, 0.1),
        (16, 0.001),
        (16, 0.01),
        (16, 0.1),
    ]


def test_a_grid_has_no_more_trials_than_asked_for() -> None:
    assert len(drawn({"train.batch_size": [8, 16, 32]}, method="grid", trials=2)) == 2


@pytest.mark.parametrize("method", ["random", "sobol", "halving"])
def test_the_same_config_draws_the_same_settings_and_another_seed_others(method: str) -> None:
    space = {"optimizer.lr": {"log": [1e-4, 1e-1]}, "layers.0.units": {"range": [4, 64]}}
    assert drawn(space, method=method, trials=9) == drawn(space, method=method, trials=9)
    base = config(space, method=method, trials=9)
    other = base.model_copy(update={"seed": 7})
    assert base.sweep is not None
    assert list(settings(base, base.sweep)) != list(settings(other, base.sweep))


@pytest.mark.parametrize("method", ["random", "sobol"])
def test_more_trials_begin_with_the_same_settings_where_the_time_decides(method: str) -> None:
    base = config({"optimizer.lr": {"log": [1e-4, 1e-1]}}, method=method, trials=None, minutes=1)
    assert base.sweep is not None
    few = list(islice(settings(base, base.sweep), 5))
    assert few == list(islice(settings(base, base.sweep), 9))[:5]


def test_values_lie_within_their_range_and_fill_it() -> None:
    space = {
        "layers.0.units": {"range": [3, 6]},
        "optimizer.lr": {"log": [1e-4, 1e-1]},
        "data.scale": ["none", "minmax"],
    }
    found = drawn(space, trials=300)
    assert {setting["layers.0.units"] for setting in found} == {3, 4, 5, 6}
    rates = np.log10([setting["optimizer.lr"] for setting in found])
    assert rates.min() >= -4
    assert rates.max() <= -1
    assert np.mean(rates < -2.5) == pytest.approx(0.5, abs=0.1)  # as many in the lower half of the decades
    assert {setting["data.scale"] for setting in found} == {"none", "minmax"}


def test_sobol_points_are_spread_more_evenly_than_random_ones() -> None:
    space = {"optimizer.lr": {"range": [0.0001, 1.0]}}
    gaps = {}
    for method in ("sobol", "random"):
        values = sorted(setting["optimizer.lr"] for setting in drawn(space, method=method, trials=64))
        gaps[method] = max(np.diff(values))
    assert gaps["sobol"] < gaps["random"]


def test_a_key_is_searched_only_where_its_condition_holds() -> None:
    space = {
        "optimizer.momentum": {"range": [0.0, 0.9], "when": {"optimizer.type": "sgd"}},
        "optimizer.type": ["adam", "sgd"],
    }
    for setting in drawn(space, trials=40):
        assert ("optimizer.momentum" in setting) == (setting["optimizer.type"] == "sgd")


def test_a_grid_has_settings_that_differ_in_nothing_once() -> None:
    space = {
        "optimizer.type": ["adam", "sgd"],
        "optimizer.momentum": {"choices": [0.0, 0.5, 0.9], "when": {"optimizer.type": "sgd"}},
    }
    assert len(drawn(space, method="grid", trials=None)) == 4


def test_another_type_keeps_the_parameters_it_shares() -> None:
    changed = apply_setting(config({"optimizer.lr": [0.1]}), {"optimizer.lr": 0.02, "optimizer.type": "sgd"})
    assert changed.optimizer.type == "sgd"
    assert changed.optimizer.parameters == {"lr": 0.02, "momentum": 0.0, "nesterov": False}
    assert changed.sweep is None


@pytest.mark.parametrize(
    ("space", "problem"),
    [
        ({"layers.0.unts": [4]}, "sweep.space.layers.0.unts: layers[0].unts: unknown key; did you mean 'units'?"),
        (
            {"train.epochs": {"range": [0, 5]}},
            "sweep.space.train.epochs: train.epochs: must be a whole number from 1 to 1000000, not 0",
        ),
        (
            {
                "optimizer.lr": {"log": [1e-3, 1], "when": {"loss": "mse"}},
                "loss": {"choices": ["mse"], "when": {"optimizer.lr": 1}},
            },
            "sweep.space: loss, optimizer.lr depend on each other; take one `when` out",
        ),
    ],
)
def test_what_does_not_fit_is_one_line(space: dict[str, Any], problem: str) -> None:
    base = config(space)
    assert base.sweep is not None
    with pytest.raises(UserError) as error:
        check_space(base, base.sweep)
    assert str(error.value) == problem


def test_keys_come_after_those_they_depend_on() -> None:
    base = config(
        {"optimizer.momentum": {"range": [0, 1], "when": {"optimizer.type": "sgd"}}, "optimizer.type": ["sgd"]}
    )
    assert base.sweep is not None
    assert [dimension.key for dimension in dimensions(base.sweep)] == ["optimizer.type", "optimizer.momentum"]


def test_every_whole_number_of_a_range_is_as_likely() -> None:
    dimension = Dimension("units", low=1, high=4)
    shares = (np.arange(4000) + 0.5) / 4000
    counts = np.bincount([dimension.at(share) for share in shares])
    assert counts.tolist() == [0, 1000, 1000, 1000, 1000]
