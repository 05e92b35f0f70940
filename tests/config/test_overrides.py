"""`key=value` arguments change a config as an edit of its file would."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import load_config
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.errors import UserError

TEXT = """
name: mine
data: {source: moons}
layers:
  - {type: dense, units: 8}
  - {type: dense, units: 4, activation: leaky_relu}
optimizer: adam
"""


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.chdir(tmp_path)
    Path("param.yaml").write_text(TEXT)
    return lambda *overrides, name=None: load_config("param.yaml", overrides, name)


def value(config: Config, key: str) -> Any:
    found: Any = to_plain(config)
    for part in key.split("."):
        found = found[int(part)] if isinstance(found, list) else found[part]
    return found


@pytest.mark.parametrize(
    ("override", "key", "expected"),
    [
        ("seed=7", "seed", 7),
        ("optimizer.lr=1e-2", "optimizer.lr", 0.01),
        ("optimizer.lr=1e-2", "optimizer.type", "adam"),
        ("optimizer={type: sgd, lr: 0.1}", "optimizer", {"type": "sgd", "lr": 0.1, "momentum": 0.0, "nesterov": False}),
        ("optimizer=sgd", "optimizer.type", "sgd"),
        ("layers.0.units=64", "layers.0.units", 64),
        ("layers.0.units=64", "layers.1.units", 4),
        ("layers.1.activation.slope=0.2", "layers.1.activation", {"type": "leaky_relu", "slope": 0.2}),
        ("layers=[]", "layers", []),
        ("train.epochs=3", "train.epochs", 3),
        ("train.epochs=3", "train.batch_size", 32),
        ("train.early_stopping.patience=3", "train.early_stopping.monitor", "val_loss"),
        ("data.source.noise=0.3", "data.source.noise", 0.3),
        ("data.source=a=b.csv", "data.source", "a=b.csv"),
        ("class_weight={no: 2, 1: 3}", "class_weight", {"no": 2.0, "1": 3.0}),
        ("class_weight.1=2", "class_weight", {"1": 2.0}),
        ("regularize.clip_norm=", "regularize.clip_norm", None),
    ],
)
def test_an_override_replaces_the_value_at_its_key(load: Any, override: str, key: str, expected: Any) -> None:
    assert value(load(override), key) == expected


def test_of_two_overrides_of_one_key_the_last_counts(load: Any) -> None:
    assert load("seed=1", "seed=2").seed == 2
    assert load("train.epochs=5", "train={batch_size: 8}").train.epochs == 60


def test_an_override_hides_what_was_wrong_with_the_value_it_replaces(load: Any) -> None:
    Path("param.yaml").write_text("seed: yes\ntrain: {epochs: -1}\n")
    assert load("seed=1", "train.epochs=2").seed == 1


def test_layers_that_the_file_does_not_give_are_those_of_the_default(load: Any) -> None:
    Path("param.yaml").write_text("seed: 1\n")
    layers = load("layers.2.units=16").layers
    assert [layer.parameters.get("units") for layer in layers] == [128, None, 16]


def test_a_name_given_apart_is_taken_literally_and_comes_last(load: Any) -> None:
    assert load("name=other", name="2024").name == "2024"


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.epochs", "train.epochs: is no change of the config; write key=value, as in train.epochs=10"),
        ("=3", "=3: is no change of the config; write key=value, as in train.epochs=10"),
        ("train..epochs=3", "train..epochs=3: is no change of the config; write key=value, as in train.epochs=10"),
        ("optimizer.lr=abc", "optimizer.lr=abc: optimizer.lr: must be a number above 0, not 'abc'"),
        ("optimizer.lrr=1", "optimizer.lrr=1: optimizer.lrr: unknown key; did you mean 'lr'?"),
        ("trian.epochs=1", "trian.epochs=1: trian: unknown key; did you mean 'train'?"),
        ("layers.2.units=3", "layers.2.units=3: layers: there is no entry '2'; the entries are from 0 to 1"),
        ("layers.-1={}", "layers.-1={}: layers: there is no entry '-1'; the entries are from 0 to 1"),
        ("layers.units=3", "layers.units=3: layers: there is no entry 'units'; the entries are from 0 to 1"),
        ("layers.0.units.x=3", "layers.0.units.x=3: layers[0].units: a single value; there is no 'x' in it"),
        (
            "layers.0={units: 3}",
            "layers.0={units: 3}: layers[0].type: is missing; write the name of the layer; one of: ",
        ),
        (
            "train={epochs: 3",
            "train={epochs: 3: train: not valid YAML: the mapping opened here is not closed or lacks a comma; "
            "write {a: 1, b: 2}",
        ),
        ("seed=&a 3", "seed=&a 3: seed: the anchor &a is not supported; take it out"),
        ("seed=*a", "seed=*a: seed: the alias *a is not supported; write the value itself"),
        (f"seed={'9' * 5000}", f"seed={'9' * 52}...: seed: a number of 5000 digits; the most is 300"),
        ("seed=\udcff", "seed=\\udcff: seed: the character '\\udcff' cannot stand in YAML; take it out"),
        (
            f"layers.{'9' * 5000}=1",
            f"layers.{'9' * 50}...: layers: there is no entry '{'9' * 57}...'; the entries are from 0 to 1",
        ),
    ],
)
def test_a_wrong_override_is_named_as_it_was_typed(load: Any, override: str, expected: str) -> None:
    with pytest.raises(UserError) as error:
        load(override)
    assert len(error.value.problems) == 1
    assert error.value.problems[0].startswith(expected)
    assert error.value.problems[0] == expected or expected.endswith("one of: ")


def test_problems_of_the_file_come_first_then_those_of_the_arguments_in_their_order(load: Any) -> None:
    Path("param.yaml").write_text("train: {epochs: 0}\nsed: 1\n")
    with pytest.raises(UserError) as error:
        load("optimizer.lr=x", "loss=y z", "lyers=[]", name="../up")
    assert [problem.rpartition(": ")[0] for problem in error.value.problems[:3]] == [
        "param.yaml:1:17: train.epochs",
        "param.yaml:2:1: sed",
        "optimizer.lr=x: optimizer.lr",
    ]
    assert [problem.split(": ")[0] for problem in error.value.problems] == [
        "param.yaml:1:17",
        "param.yaml:2:1",
        "optimizer.lr=x",
        "loss=y z",
        "lyers=[]",
        "--name ../up",
    ]
