"""Every mistake in a config is one line: where, what, and what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_scratch.config.parts import Named
from nn_scratch.config.resolve import config_from, load_config
from nn_scratch.errors import UserError
from nn_scratch.nn.losses import LOSSES

*FIRST, LAST = [name for name in LOSSES if "regression" in LOSSES[name].kinds]
FITTING = f"{', '.join(FIRST)} or {LAST}"
DENSE = "{type: dense, units: 8"
NAME = (
    "name: must be a folder name (1 to 64 of the letters a to z, digits, '.', '_', '-', the first a letter or digit), "
    "not"
)


def problems(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("f.yaml").write_text(text)
    with pytest.raises(UserError) as error:
        load_config("f.yaml")
    return list(error.value.problems)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # keys
        (
            "layers:\n  - {type: dense, units: 8, initt: zeros}",
            "2:29: layers[0].initt: unknown key; did you mean 'init'?",
        ),
        ("dta: {}", "1:1: dta: unknown key; did you mean 'data'?"),
        ("optimizer.lr: 0.1", "1:1: optimizer.lr: unknown key; write optimizer: {lr: 0.1}"),
        (
            "1: 2",
            "1:1: 1: unknown key; one of: class_weight, data, diagnose, init_from, layers, log, loss, name, optimizer, "
            "output, regularize, schedule, seed, sweep, train",
        ),
        (
            f"layers: [{DENSE}, activation: {{type: relu, slope: 1}}}}]",
            "1:59: layers[0].activation.slope: unknown key; relu takes none",
        ),
        ("output: {units: 3}", "1:10: output.units: the number of outputs follows from the data; take the key out"),
        ("layers:\n  - {type: dense}", "2:5: layers[0].units: is missing; write a whole number from 1 to 100000"),
        ("layers: [dense]", "1:10: layers[0].units: is missing; write a whole number from 1 to 100000"),
        # kinds of value
        ("seed: '7'", "1:7: seed: must be a whole number from 0 to 4294967295, not '7'; take the quotes away"),
        ("seed: 7.0", "1:7: seed: must be a whole number from 0 to 4294967295, not 7.0; write 7"),
        ("seed: 7.5", "1:7: seed: must be a whole number from 0 to 4294967295, not 7.5"),
        ("seed: true", "1:7: seed: must be a whole number from 0 to 4294967295, not true"),
        ("seed: 1_000", "1:7: seed: must be a whole number from 0 to 4294967295, not '1_000'; write 1000"),
        ("seed: [1]", "1:7: seed: must be a whole number from 0 to 4294967295, not a list"),
        ("seed: {}", "1:7: seed: must be a whole number from 0 to 4294967295, not {}"),
        ("seed:", "1:6: seed: must be a whole number from 0 to 4294967295, not null"),
        (
            "regularize: {l2: '0.1'}",
            "1:18: regularize.l2: must be a number of at least 0, not '0.1'; take the quotes away",
        ),
        ("regularize: {l2: 0;1}", "1:18: regularize.l2: must be a number of at least 0, not '0;1'"),
        ("regularize: {l2: .nan}", "1:18: regularize.l2: must be a number of at least 0, not .nan"),
        ("regularize: {l2: -.inf}", "1:18: regularize.l2: must be a number of at least 0, not -.inf"),
        ("regularize: {clip_norm: yes}", "1:25: regularize.clip_norm: must be a number above 0 or null, not 'yes'"),
        ('optimizer: {type: adam, lr: "0,5"}', "1:29: optimizer.lr: must be a number above 0, not '0,5'; write 0.5"),
        ("train: {shuffle: no}", "1:18: train.shuffle: must be true or false, not 'no'; write false"),
        ("train: {shuffle: 1}", "1:18: train.shuffle: must be true or false, not 1"),
        (
            "train: {dtype: float46}",
            "1:16: train.dtype: must be float32 or float64, not 'float46'; did you mean 'float64'?",
        ),
        ("train: {threads: 0}", "1:18: train.threads: must be auto or a whole number from 1 to 1024, not 0"),
        (
            "train: {threads: atuo}",
            "1:18: train.threads: must be auto or a whole number from 1 to 1024, not 'atuo'; did you mean 'auto'?",
        ),
        ("data: {scale: null}", "1:15: data.scale: must be standard, minmax or none, not null"),
        ("data: {ignore: id}", "1:16: data.ignore: must be a list (each entry text), not 'id'"),
        ("data: {ignore: [id, 3]}", "1:21: data.ignore[1]: must be text, not 3; write '3', in quotes"),
        (
            "data: {target: []}",
            "1:16: data.target: must be text, a whole number, a list of at least 1 (each entry text or a "
            "whole number) or null, not []",
        ),
        (
            "data: {target: [a, 0.5]}",
            "1:20: data.target[1]: must be text or a whole number, not 0.5; write '0.5', in quotes",
        ),
        # bounds
        ("train: {epochs: 0}", "1:17: train.epochs: must be a whole number from 1 to 1000000, not 0"),
        (
            "layers: [{type: dense, units: 1000000000000}]",
            "1:31: layers[0].units: must be a whole number from 1 to 100000, not 1000000000000",
        ),
        (
            "layers: [{type: dropout, rate: 1}]",
            "1:32: layers[0].rate: must be a number of at least 0 and below 1, not 1",
        ),
        (f"seed: {'9' * 200}", f"1:7: seed: must be a whole number from 0 to 4294967295, not {'9' * 37}..."),
        # parts
        (
            f"layers: [{DENSE}, activation: rleu}}]",
            "1:46: layers[0].activation: unknown activation 'rleu'; did you mean 'relu'?",
        ),
        (
            f"layers: [{DENSE}, activation: {{type: ReLU}}}}]",
            "1:53: layers[0].activation.type: unknown activation 'ReLU'; did you mean 'relu'?",
        ),
        (
            f"layers: [{DENSE}, activation: 3}}]",
            "1:46: layers[0].activation: must be the name of an activation or a mapping with its type, not 3",
        ),
        (
            f"layers: [{DENSE}, bias_init: true}}]",
            "1:45: layers[0].bias_init: must be the name of an initializer, a mapping with its type or a "
            "number, not true",
        ),
        (
            f"layers: [{DENSE}, init: {{type: normal, std: -1}}}}]",
            "1:60: layers[0].init.std: must be a number of at least 0, not -1",
        ),
        ("loss: 3", "1:7: loss: must be auto, the name of a loss or a mapping with its type, not 3"),
        ("loss: atuo", "1:7: loss: unknown loss 'atuo'; did you mean 'auto'?"),
        (
            "optimizer: [adam]",
            "1:12: optimizer: must be the name of an optimizer, a mapping with its type, not a list".replace(
                "r, a", "r or a"
            ),
        ),
        (
            "layers: dense",
            "1:9: layers: must be a list (each entry the name of a layer or a mapping with its type), not 'dense'",
        ),
        (
            "layers: [{type: residual, layers: [{type: dense, units: 8, activation: {type: elu, alpha: 0}}]}]",
            "1:91: layers[0].layers[0].activation.alpha: must be a number above 0, not 0",
        ),
        (
            "layers: [{type: residual, layers: []}]",
            "1:35: layers[0].layers: must be a list of at least 1 (each entry the name of a layer or a "
            "mapping with its type), not []",
        ),
        (
            "data: {source: {type: moons, noise: -1}}",
            "1:37: data.source.noise: must be a number from 0 to 1000000, not -1",
        ),
        ("data: {source: iirs}", "1:16: data.source: unknown data source 'iirs'; did you mean 'iris'?"),
        # class weights
        (
            "class_weight: blanced",
            "1:15: class_weight: must be balanced, a mapping (each value a number above 0) or null, not "
            "'blanced'; did you mean 'balanced'?",
        ),
        ("class_weight: {0: 1, 1: 0}", "1:25: class_weight.1: must be a number above 0, not 0"),
        # sections
        (
            "train:",
            "1:7: train: must be a mapping with the keys epochs, batch_size, accumulate, shuffle, ema_decay, "
            "early_stopping, dtype, threads, not null; take the key out for its defaults",
        ),
        (
            "log: none",
            "1:6: log: must be a mapping with the keys every, weights, gradients, activations, optimizer, probe_rows, "
            "max_megabytes, not 'none'",
        ),
        (
            "train: {early_stopping: true}",
            "1:25: train.early_stopping: must be a mapping with the keys monitor, patience, restore_best, "
            "min_delta, not true",
        ),
        # names
        ("name: ../x", f"1:7: {NAME} '../x'"),
        ("name: .hidden", f"1:7: {NAME} '.hidden'"),
        ("name: -x", f"1:7: {NAME} '-x'"),
        ("name: ''", f"1:7: {NAME} ''"),
        ("name: 'x.'", f"1:7: {NAME} 'x.'"),
        ("name: ünder", f"1:7: {NAME} 'ünder'"),
        (f"name: {'x' * 300}", f"1:7: {NAME} '{'x' * 37}...'"),
        ("name: 2024", f"1:7: {NAME} 2024; write '2024', in quotes"),
        (
            "name: con",
            "1:7: name: 'con' is no folder on Windows, which keeps the name for a device; write 'run-con', say",
        ),
        (
            "name: LPT1.txt",
            "1:7: name: 'LPT1.txt' is no folder on Windows, which keeps the name for a device; "
            "write 'run-LPT1.txt', say",
        ),
        # what contradicts itself
        ("data: {split: {train: 0.9}}", "1:15: data.split: train + val + test is 0.9 + 0.15 + 0.15 = 1.2; make it 1"),
        (
            "data: {split: {train: 0, val: 0.5, test: 0.5}}",
            "1:23: data.split.train: must be a number above 0 and at most 1, not 0",
        ),
        (
            "data: {task: regression}\nloss: cross_entropy",
            "2:7: loss: cross_entropy is no loss for regression (data.task); write " + FITTING,
        ),
        (
            "data: {task: regression}\nclass_weight: balanced",
            "2:15: class_weight: a regression (data.task) has no classes to weigh; write null",
        ),
        (
            "data: {split: {train: 0.8, val: 0, test: 0.2}}\ntrain: {early_stopping: {}}",
            "2:25: train.early_stopping.monitor: there is no val_loss with data.split.val: 0; write "
            "train_loss, or split off rows",
        ),
        (
            "data: {task: regression}\ntrain: {early_stopping: {monitor: val_accuracy}}",
            "2:35: train.early_stopping.monitor: there is no val_accuracy in a regression (data.task); write val_loss",
        ),
    ],
)
def test_a_mistake_is_reported_in_one_line(
    text: str, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problems(text, tmp_path, monkeypatch) == [f"f.yaml:{expected}"]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("optimizer: bogus_name_far_off", "1:12: optimizer: unknown optimizer 'bogus_name_far_off'; one of: ", "sgd"),
        ("optimizer: {type: 3}", "1:19: optimizer.type: must be the name of the optimizer, not 3; one of: ", "sgd"),
        (
            "layers:\n- {units: 3}",
            "2:3: layers[0].type: is missing; write the name of the layer; one of: activation, ",
            "norm",
        ),
        (
            "data: {source: mytable}",
            "1:16: data.source: unknown data source 'mytable'; one of: ",
            "; or write a path, with a '.' or '/' in it (table.csv, ./folder)",
        ),
    ],
)
def test_where_no_name_is_near_all_are_reported(
    text: str, start: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (problem,) = problems(text, tmp_path, monkeypatch)
    assert problem.startswith(f"f.yaml:{start}")
    assert problem.endswith(end)


def test_all_mistakes_of_a_file_are_reported_at_once_in_the_order_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = """\
train: {epochs: 0, dtype: int8}
layers:
  - {type: dense, untis: 8}
  - {type: dropuot}
sed: &x 1
loss: *x
data: {split: {train: 0.5}, scale: 'no'}
"""
    assert problems(text, tmp_path, monkeypatch) == [
        "f.yaml:1:17: train.epochs: must be a whole number from 1 to 1000000, not 0",
        "f.yaml:1:27: train.dtype: must be float32 or float64, not 'int8'",
        "f.yaml:3:19: layers[0].untis: unknown key; did you mean 'units'?",
        "f.yaml:4:12: layers[1].type: unknown layer 'dropuot'; did you mean 'dropout'?",
        "f.yaml:5:1: sed: unknown key; did you mean 'seed'?",
        "f.yaml:5:6: sed: the anchor &x is not supported; take it out",
        "f.yaml:6:7: loss: the alias *x is not supported; write the value itself",
        "f.yaml:7:15: data.split: train + val + test is 0.5 + 0.15 + 0.15 = 0.8; make it 1",
        "f.yaml:7:36: data.scale: must be standard, minmax or none, not 'no'; did you mean 'none'?",
    ]


def test_of_very_many_mistakes_the_first_hundred_are_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = problems("".join(f"k{i}: 1\n" for i in range(250)), tmp_path, monkeypatch)
    assert len(told) == 101
    assert told[-1] == "... and 150 more problems; correct the first ones and try again"


def test_an_empty_config_is_all_defaults() -> None:
    config = config_from({})
    assert config.train.epochs == 60
    assert config.data.split.val == 0.15
    assert config.data.source == config_from({"data": {"source": "digits"}}).data.source
    assert [layer.type for layer in config.layers] == ["dense", "dropout", "dense"]
    assert config.layers[0].parameters["units"] == 128
    assert config.output.parameters["activation"] == "auto"
    assert config.optimizer.parameters["lr"] == 0.001


def test_a_name_and_a_mapping_of_its_type_mean_the_same() -> None:
    assert config_from({"optimizer": "adam"}) == config_from({"optimizer": {"type": "adam"}})


def test_a_mapping_without_type_keeps_the_default_optimizer() -> None:
    assert config_from({"optimizer": {"lr": 0.5}}).optimizer == config_from({}).optimizer.but(lr=0.5)


def test_whole_numbers_are_numbers() -> None:
    config = config_from({"regularize": {"l2": 1}, "layers": [{"type": "dense", "units": 2, "bias_init": 1}]})
    assert type(config.regularize.l2) is float
    assert type(config.layers[0].parameters["bias_init"]) is float


@pytest.mark.parametrize("path", ["table.csv", "./folder", "data/mnist", "..", "C:\\data\\x", "~/x"])
def test_a_source_with_a_dot_or_a_slash_is_a_path(path: str) -> None:
    assert config_from({"data": {"source": path, "test_source": path}}).data.source == path


def test_a_source_by_name_brings_its_parameters() -> None:
    source = config_from({"data": {"source": {"type": "moons", "noise": 0.5}}}).data.source
    assert isinstance(source, Named)
    assert (source.type, source.parameters["noise"], source.parameters["rows"]) == ("moons", 0.5, 1000)


@pytest.mark.parametrize(
    "values",
    [
        {"optimizer": {"type": "sgd", "lr": 40}},
        {"regularize": {"l2": 5}},
        {"layers": [{"type": "dropout", "rate": 0.95}]},
        {"layers": [{"type": "dense", "units": 8, "init": "zeros"}]},
        {"output": {"activation": "relu"}},
        {"train": {"batch_size": 1_000_000}},
        {"data": {"shuffle": False}},
        {"layers": []},
    ],
)
def test_what_is_only_unwise_is_allowed(values: dict[str, object]) -> None:
    config_from(values)
