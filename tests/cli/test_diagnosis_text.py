"""A diagnosis in words."""

from __future__ import annotations

import io
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from rich.console import Console, Group

from nn_scratch.cli.diagnosis_text import brief, patch_lines, rendered, sentence
from nn_scratch.cli.printer import Printer
from nn_scratch.config.change_text import changes, old_value, to_paste, to_type
from nn_scratch.config.resolve import change_config, config_from, override_config
from nn_scratch.config.writer import to_plain
from nn_scratch.doctor import Diagnosis, Finding, Patch
from nn_scratch.doctor.diagnosis import Cost

FINDING = Finding(
    "lr_too_high",
    "critical",
    0.93,
    "first_steps",
    "the learning rate 10 is too high",
    evidence={"loss_after_over_before": 1.8333333},
    patches=(Patch({"optimizer.lr": 0.01}, "smaller steps follow the slope"),),
    layer="hidden_2",
    epoch=1,
    step=3,
    symptoms=("dead_relu",),
    source="LeCun et al. 1998",
)
CONFIG = {"optimizer": {"type": "adam", "lr": 10.0}, "layers": [{"type": "dense", "units": 3}]}


def shown(what: object) -> list[str]:
    console = Console(file=io.StringIO(), width=100)
    console.print(what)
    return [line.rstrip() for line in console.file.getvalue().splitlines()]  # type: ignore[attr-defined]


def test_a_finding_is_a_sentence_the_numbers_the_change_why_it_helps_and_the_source() -> None:
    diagnosis = Diagnosis("sick", (FINDING,), "sick: the learning rate 10 is too high")
    assert shown(rendered(diagnosis, CONFIG)) == [
        "sick: the learning rate 10 is too high",
        "",
        "1. lr_too_high  critical  first steps: hidden_2, epoch 1, step 3; confidence 93%",
        "   The learning rate 10 is too high.",
        "   loss after over before 1.833",
        "   explains: dead_relu",
        "   patch 1: smaller steps follow the slope",
        "     - optimizer.lr: 10",
        "     + optimizer.lr: 0.01",
        "     YAML:",
        "       optimizer: {type: adam, lr: 0.01}",
        "   source: LeCun et al. 1998",
    ]


def test_what_a_finding_costs_and_what_retraining_took_are_reported() -> None:
    cost = Cost("balanced_accuracy", 0.12, 0.08, 0.16, tested=True, log_loss=0.3)
    retraining = {"budget": 400, "steps": 380, "asked": [{}, {}]}
    diagnosis = Diagnosis("sick", (replace(FINDING, cost=cost),), "sick: it is", {}, "", retraining)
    lines = shown(rendered(diagnosis, CONFIG))
    assert "   costs 0.120 of balanced accuracy (0.080 to 0.160), and 0.300 nats of log loss, by retraining" in lines
    assert lines[-1] == "2 changes were tested by retraining for 380 training steps, of a budget of 400"


def test_a_cost_that_may_be_nothing_is_none_and_a_warning_states_no_confidence() -> None:
    nothing = Cost("balanced_accuracy", 0.01, -0.02, 0.04, log_loss=0.08)
    warning = replace(FINDING, severity="warning", cost=nothing)
    lines = shown(rendered(Diagnosis("healthy", (warning,), "healthy, but it is"), CONFIG))
    assert "1. lr_too_high  warning  first steps: hidden_2, epoch 1, step 3" in lines
    assert any(
        line.startswith("   costs no measurable balanced accuracy (-0.020 to 0.040), and 0.080") for line in lines
    )


@pytest.mark.parametrize(
    ("because", "said"),
    [
        ("the rate is too high", "The rate is too high."),
        ("hidden_1 has 1 unit", "hidden_1 has 1 unit."),
        ("train.shuffle is false", "train.shuffle is false."),
        ("is it known?", "Is it known?"),
    ],
)
def test_a_sentence_keeps_names_as_they_are_written(because: str, said: str) -> None:
    assert sentence(because) == said


def test_after_training_the_verdict_takes_two_lines() -> None:
    diagnosis = Diagnosis("sick", (FINDING,), "sick: the learning rate 10 is too high")
    assert shown(brief(diagnosis, CONFIG)) == [
        "doctor: sick: the learning rate 10 is too high",
        "  try optimizer.lr: 0.01: smaller steps follow the slope",
    ]


def test_of_layers_that_stay_what_differs_is_shown() -> None:
    dense = {"type": "dense", "units": 8, "activation": "sigmoid"}
    old = {"layers": [dense, "dropout", dense, {**dense, "activation": "relu"}]}
    bent = {**dense, "activation": "relu"}
    assert changes({"layers": [bent, "dropout", bent, {**bent, "units": 32}]}, old) == [
        ("layers 0, 2: activation (hidden_1, hidden_2)", "sigmoid", "relu"),
        ("layers.3.units (hidden_3)", 8, 32),
    ]


def test_a_list_of_other_layers_is_shown_whole_and_of_fewer_those_that_go() -> None:
    first = {"type": "dense", "units": 8}
    old = {"layers": [first, "dropout", first]}
    assert changes({"layers": ["dropout"]}, old) == [("layers", old["layers"], ["dropout"])]
    assert changes({"layers": [first]}, old) == [("layers 1, 2 (dropout, hidden_2)", "dropout, dense", "(absent)")]


def test_what_is_null_is_shown_by_what_it_stands_for_or_not_at_all() -> None:
    old = {
        "layers": [{"type": "dense", "units": 8, "activation": "relu", "init": "zeros"}],
        "regularize": {"clip_norm": 1.0},
    }
    patch = Patch({"layers.0.init": None, "regularize.clip_norm": None}, "why")
    assert changes(patch.set, old) == [
        ("layers.0.init (hidden_1)", "zeros", "he_normal"),
        ("regularize.clip_norm", 1.0, "(absent)"),
    ]
    assert "null" not in "".join(shown(Group(*patch_lines(patch, old, 1))))


def test_layers_in_their_short_form_have_their_defaults() -> None:
    before = config_from({"layers": [{"type": "dense", "units": 8, "init": "zeros"}, {"type": "dropout", "rate": 0.1}]})
    new = {"layers": [{"type": "dense", "units": 8}, "dropout"]}
    assert changes(new, to_plain(before)) == [
        ("layers.0.init (hidden_1)", "zeros", "he_normal"),
        ("layers.1.rate (dropout)", 0.1, 0.5),
    ]
    assert to_type(new, to_plain(before)) == "layers.0.init=he_normal layers.1.rate=0.5"
    assert to_paste({"layers": []}, to_plain(before)) == ["layers: []"]


def test_a_patch_is_shown_as_yaml_to_paste_and_as_arguments_to_type() -> None:
    config = to_plain(
        config_from(
            {"layers": [{"type": "dense", "units": 8, "init": "zeros"}, "batch_norm", {"type": "dense", "units": 4}]}
        )
    )
    layers = [{**config["layers"][0], "init": None}, *config["layers"][1:]]
    patch = Patch({"layers": layers, "optimizer.lr": 0.5}, "why")
    lines = to_paste(patch.set, config)
    assert lines[:2] == ["layers:", "  - {type: dense, units: 8, activation: relu}  # hidden_1"]
    assert lines[3] == "  - {type: dense, units: 4, activation: relu}  # hidden_2"
    assert lines[4].startswith("optimizer: {type: adam, lr: 0.5")
    assert to_type(patch.set, config) == "layers.0.init=he_normal optimizer.lr=0.5"
    pasted = yaml.safe_load("\n".join(lines))
    assert config_from(pasted) == change_config(config_from(config), patch.set)
    typed = override_config(config_from(config), shlex.split(to_type(patch.set, config)))
    assert typed == change_config(config_from(config), {"layers.0.init": "he_normal", "optimizer.lr": 0.5})


def test_an_initializer_that_null_stands_for_is_pasted_by_its_name() -> None:
    config = to_plain(config_from({"output": {"activation": "auto", "init": "zeros"}}))
    patch = Patch({"output.init": None}, "why")
    assert to_paste(patch.set, config) == ["output:", "  init: glorot_uniform"]
    assert to_type(patch.set, config) == "output.init=glorot_uniform"


def test_what_is_to_be_copied_is_not_broken_in_two_however_long(tmp_path: Path) -> None:
    bent = [{"type": "dense", "units": 3, "activation": {"type": "leaky_relu", "slope": 0.1}}, "batch_norm"] * 9
    patch = Patch({"layers": bent, "train.early_stopping": {"monitor": "val_loss", "patience": 10}}, "why")
    printer = Printer(file=io.StringIO(), width=60)
    (tmp_path / "param.yaml").touch()
    printer.print(Group(*patch_lines(patch, CONFIG, 1, str(tmp_path))), crop=False)
    lines = printer.file.getvalue().splitlines()  # type: ignore[attr-defined]
    pasted = lines[lines.index("     YAML:".ljust(60)) + 1 : lines.index("     command:".ljust(60))]
    assert pasted == [f"       {line}" for line in to_paste(patch.set, CONFIG)]
    assert lines[-1].endswith(to_type(patch.set, CONFIG))


@pytest.mark.parametrize(
    ("key", "value"),
    [("optimizer.lr", 10.0), ("layers.0.units", 3), ("layers.1.units", "(absent)"), ("train.epochs", "(absent)")],
)
def test_a_change_shows_what_stood_there(key: str, value: object) -> None:
    assert old_value(CONFIG, key) == value


def test_the_json_has_the_keys_of_the_schema() -> None:
    assert Diagnosis("sick", (FINDING,), "sick").to_json()["findings"] == [
        {
            "rule": "lr_too_high",
            "severity": "critical",
            "confidence": 0.93,
            "stage": "first_steps",
            "where": {"layer": "hidden_2", "epoch": 1, "step": 3},
            "evidence": {"loss_after_over_before": 1.8333333},
            "cost": None,
            "because": "the learning rate 10 is too high",
            "symptoms": ["dead_relu"],
            "patches": [{"set": {"optimizer.lr": 0.01}, "why": "smaller steps follow the slope"}],
            "source": "LeCun et al. 1998",
        }
    ]
