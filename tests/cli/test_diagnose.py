"""diagnose.py: patches applied and searched for, as the command line asks for them."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_scratch.cli import run_command
from nn_scratch.config import project
from nn_scratch.config.resolve import config_from, load_config
from nn_scratch.experiments.train import train

SICK = {
    "name": "sick",
    "data": {"source": {"type": "blobs", "rows": 300, "classes": 3, "noise": 1.0}},
    "layers": [{"type": "dense", "units": 16, "activation": "relu"}],
    "optimizer": {"type": "adam", "lr": 1e-6},
    "train": {"epochs": 20},
}


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """outputs/ with a sick run; configs are written to config/ beside it."""
    monkeypatch.setattr(project, "CONFIGS", tmp_path / "config")
    train(config_from(SICK), tmp_path / "outputs")
    return tmp_path / "outputs"


def diagnose(outputs: Path, *arguments: str) -> int:
    return run_command("diagnose", ["sick-001", *arguments, "--outputs", str(outputs)])


def test_a_patch_is_applied_by_its_number(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(outputs) == 0
    said = capsys.readouterr().out
    assert "patch 1: " in said
    assert "- optimizer.lr: 1e-06" in said
    assert "     YAML:" in said
    assert "\n       optimizer: {type: adam, lr: " in said
    assert "     command:" in said
    assert diagnose(outputs, "--apply", "1") == 0
    said = capsys.readouterr().out
    path = outputs.parent / "config" / "sick.fixed.yaml"
    assert f"patch 1 is in {path}" in said
    assert path.read_text().startswith(
        "# Changed: lr_too_low.\n# patch 1 of the diagnosis of sick-001; it has not been"
    )
    config = load_config(path)
    assert config.optimizer.parameters["lr"] > 1e-4
    assert config.layers == config_from(SICK).layers


def test_a_patch_that_is_not_there_is_named(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(outputs, "--apply", "99") == 2
    said = capsys.readouterr().err
    assert "--apply 99: there are patches 1 to " in said
    assert not (outputs.parent / "config").exists()


def test_one_patch_or_a_search_for_several(outputs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert diagnose(outputs, "--apply", "1", "--fix") == 2
    assert "--apply: writes one patch, and --fix searches for several; leave one of them out" in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [("--budget", "0", "--fix"), ("--budget", "7")])
def test_a_budget_is_of_a_search_for_the_cure(
    outputs: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert diagnose(outputs, *arguments) == 2
    said = f"--budget {arguments[1]}: how many training steps --fix may take, 1 or more"
    assert said in capsys.readouterr().err


def test_where_the_budget_is_too_small_for_any_candidate_that_is_said(
    outputs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert diagnose(outputs, "--fix", "--budget", "7") == 0
    assert "nothing was tried: the run takes " in capsys.readouterr().out
