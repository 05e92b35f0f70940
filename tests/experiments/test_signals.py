"""signals.json: what is measured once a run."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.experiments.build import build
from nn_scratch.experiments.data_checks import data_checks
from nn_scratch.experiments.signals import signals_at_end, signals_at_start
from nn_scratch.experiments.train import train

MOONS = {"source": {"type": "moons", "rows": 200}}


def config(**sections):
    return config_from(
        {
            "data": MOONS,
            "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, {"type": "dropout", "rate": 0.2}],
            "train": {"epochs": 2},
            **sections,
        }
    )


def test_the_first_look_changes_nothing_of_the_run():
    built = build(config())
    before = [vector.copy() for vector in (built.network.theta, built.network.state, built.network.grad)]
    states = [json.dumps(built.trainer.state()[name], default=str) for name in ("order", "noise")]
    assert signals_at_start(built) == signals_at_start(built)
    for vector, was in zip((built.network.theta, built.network.state, built.network.grad), before, strict=True):
        np.testing.assert_array_equal(vector, was)
    assert [json.dumps(built.trainer.state()[name], default=str) for name in ("order", "noise")] == states


def test_weights_are_compared_with_those_that_suit_the_layer():
    layers = [{"type": "dense", "units": 400, "activation": "relu", "init": {"type": "normal", "std": 3.0}}]
    panel = signals_at_start(build(config(layers=layers)))["start"]["layers"][0]
    assert panel["W_std"] == pytest.approx(3.0, rel=0.05)
    assert panel["W_std_suited"] == pytest.approx(1.0)  # He: sqrt(2 / 2 inputs)
    assert panel["W_std_declared"] == 3.0


@pytest.mark.parametrize(("init", "share"), [("zeros", 1.0), ("he_normal", 0.0)])
def test_twin_units_have_equal_weights_and_gradients(init, share):
    layers = [{"type": "dense", "units": 8, "activation": "relu", "init": init}] * 2
    panels = signals_at_start(build(config(layers=layers)))["start"]["layers"]
    assert [panel["twin_units"] for panel in panels[:2]] == [share, share]


def test_the_gradient_of_a_right_network_agrees_with_differences_of_the_loss():
    layers = [
        {"type": "dense", "units": 8, "activation": "identity"},
        {"type": "batch_norm"},
        {"type": "activation", "activation": "gelu"},
        {"type": "dropout", "rate": 0.3},
        {"type": "dense", "units": 8, "activation": "prelu"},
    ]
    checked = signals_at_start(build(config(layers=layers)))["start"]["gradient_errors"]
    assert [entry["layer"] for entry in checked] == ["hidden_1", "hidden_1.batch_norm", "hidden_2", "output"]
    assert all(entry["error"] < 1e-6 for entry in checked)


@pytest.mark.parametrize(("shuffle", "pure"), [(True, 0.0), (False, 0.9)])
def test_sorted_batches_show_in_their_label_counts(shuffle, pure):
    data = {"source": {"type": "moons", "rows": 400, "sort": True}, "shuffle": False}
    order = signals_at_start(build(config(data=data, train={"epochs": 1, "batch_size": 16, "shuffle": shuffle})))[
        "order"
    ]
    assert (order["z"] > 5) is not shuffle
    assert (order["pure_share"] >= pure) is True


def test_a_run_keeps_both_looks(tmp_path: Path):
    signals = train(config(), tmp_path).signals
    assert list(signals) == ["schema", "start", "order", "end", "attainable", "plain_network"]
    assert signals["attainable"]["pooled"] > 0.9


def test_the_last_look_is_the_same_twice():
    built = build(config())
    signals_at_start(built)
    first, second = (signals_at_end(built, data_checks(built.data)) for _ in range(2))
    assert first == second


@pytest.mark.parametrize("source", ["iris", "diabetes", {"type": "moons", "rows": 60}])
def test_checks_of_data_are_the_same_once_they_have_been_written_and_read(source):
    checks = data_checks(build(config(data={"source": source})).data)
    assert json.loads(json.dumps(checks)) == checks
    assert set(checks) == {"baselines", "end", "attainable", "plain_network"}
