"""The param.yaml of a run says everything, reads well and loads back to the same config."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from nn_scratch.config.loader import parse
from nn_scratch.config.resolve import change_config, config_from, load_config
from nn_scratch.config.writer import ABSENT, config_difference, config_differences, dump_config, to_plain, value_text
from nn_scratch.errors import UserError
from tests.config.strategies import configs

TEXT = """\
name: '1e3'
seed: 42
data:
  source: data/table.csv
  test_source: null
  target: 'no'
  ignore: [id]
  weight: null
  task: auto
  columns: {}
  na_values: []
  decimal: auto
  labels: merge
  missing: auto
  split: {train: 0.7, val: 0.15, test: 0.15, by: null, folds: null, fold: 1}
  shuffle: true
  stratify: true
  scale: standard
  target_scale: standard
layers:
  - {type: dense, units: 8, activation: tanh, init: null, bias: true, bias_init: 0.0, trainable: true}
  - {type: dropout, rate: 0.5}
output: {activation: auto, init: zeros, bias: true, bias_init: 0.0, trainable: true}
init_from: null
loss: mse
class_weight: {'1': 2.0, cat: 1.0e-05}
optimizer: {type: sgd, lr: 0.01, momentum: 0.0, nesterov: false}
schedule: {type: constant, warmup_epochs: 0.0, warmup_steps: 0}
regularize: {l1: 0.0, l2: 0.0, max_norm: null, clip_norm: null, clip_value: null}
train:
  epochs: 60
  batch_size: 32
  accumulate: 1
  shuffle: true
  ema_decay: null
  early_stopping: {monitor: val_loss, patience: 10, restore_best: true, min_delta: 0.0}
  dtype: float32
  threads: auto
log: {every: 1, weights: true, gradients: true, activations: true, optimizer: auto, probe_rows: 256, max_megabytes: 500}
diagnose: {budget: null, fix_budget: null}
sweep: null
"""
VALUES: dict[str, Any] = {
    "name": "1e3",
    "data": {"source": "data/table.csv", "target": "no", "ignore": ["id"]},
    "layers": [{"type": "dense", "units": 8, "activation": "tanh"}, "dropout"],
    "output": {"init": "zeros"},
    "loss": "mse",
    "class_weight": {"1": 2, "cat": 1e-5},
    "optimizer": "sgd",
    "train": {"early_stopping": {}},
}


def test_every_default_is_written_out() -> None:
    assert dump_config(config_from(VALUES)) == TEXT


@given(configs())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_what_is_written_loads_back_to_an_equal_config(values: dict[str, Any]) -> None:
    config = config_from(values)
    document = parse(dump_config(config), "param.yaml")
    assert document.problems == []
    assert document.value == to_plain(config)
    assert config_from(document.value) == config


@given(configs())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_parsers_of_yaml_1_1_read_the_same_values(values: dict[str, Any]) -> None:
    config = config_from(values)
    assert yaml.safe_load(dump_config(config)) == to_plain(config)


def test_a_file_that_was_written_is_written_the_same_again(tmp_path: Path) -> None:
    text = dump_config(config_from(VALUES))
    path = tmp_path / "param.yaml"
    path.write_text(text, encoding="utf-8")
    assert dump_config(load_config(path)) == text


def test_the_difference_of_two_configs_is_reported_by_the_keys_of_overrides() -> None:
    a = config_from({"layers": [{"type": "dense", "units": 8}, "dropout"], "class_weight": {"x": 1, "y": 2}})
    b = config_from(
        {
            "seed": 7,
            "layers": [{"type": "dense", "units": 9, "activation": "tanh"}],
            "class_weight": {"x": 1, "z": 2},
            "optimizer": {"type": "sgd"},
            "train": {"early_stopping": {}},
        }
    )
    stopping = {"monitor": "val_loss", "patience": 10, "restore_best": True, "min_delta": 0.0}
    sgd = {"type": "sgd", "lr": 0.01, "momentum": 0.0, "nesterov": False}
    assert config_difference(a, b) == [
        ("seed", 42, 7),
        ("layers.0.units", 8, 9),
        ("layers.0.activation", "relu", "tanh"),
        ("layers.1", {"type": "dropout", "rate": 0.5}, ABSENT),
        ("class_weight.y", 2.0, ABSENT),
        ("class_weight.z", ABSENT, 2.0),
        ("optimizer", to_plain(a)["optimizer"], sgd),
        ("train.early_stopping", None, stopping),
    ]
    assert config_difference(to_plain(a), b) == config_difference(a, b)
    assert config_difference(a, a) == []


def test_a_config_is_changed_by_dotted_keys() -> None:
    config = config_from({})
    changed = change_config(
        config, {"optimizer.lr": 0.5, "layers.0.activation": {"type": "elu"}, "layers.2": "dropout"}
    )
    assert [key for key, _, _ in config_difference(config, changed)] == [
        "layers.0.activation",
        "layers.2",
        "optimizer.lr",
    ]
    assert config == config_from({})


def test_a_change_that_does_not_fit_is_refused() -> None:
    with pytest.raises(UserError) as error:
        change_config(config_from({}), {"optimizer.lr": -1, "layers.7.units": 3, "trian": {}})
    assert error.value.problems == (
        "layers: there is no entry '7'; the entries are from 0 to 2",
        "optimizer.lr: must be a number above 0, not -1",
        "trian: unknown key; did you mean 'train'?",
    )


def test_several_configs_are_compared_key_by_key() -> None:
    runs = [
        {"seed": 1, "optimizer": {"type": "adam", "lr": 0.1}, "layers": [{"units": 4}]},
        {"seed": 1, "optimizer": {"type": "adam", "lr": 0.2}, "layers": [{"units": 4}, {"units": 2}]},
        {"seed": 1, "optimizer": {"type": "adam", "lr": 0.1}, "layers": [{"units": 8}]},
    ]
    assert config_differences(runs) == {
        "optimizer.lr": (0.1, 0.2, 0.1),
        "layers.0.units": (4, 4, 8),
        "layers.1": (ABSENT, {"units": 2}, ABSENT),
    }
    assert config_differences(runs[:1] * 3) == {}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (0.00123456, "0.001235"),
        (float("nan"), "not a number"),
        ([{"type": "dense", "init": None, "slope": 0.123456}], "[{type: dense, slope: 0.1235}]"),
    ],
)
def test_values_are_written_as_yaml(value: object, text: str) -> None:
    assert value_text(value) == text
