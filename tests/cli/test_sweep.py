"""What `script/sweep.py` does with its arguments."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.cli.sweep import main
from nn_scratch.errors import UserError

NOTHING = dict.fromkeys(("config", "name", "resume", "jobs", "dask", "outputs"))
SMALL = [
    "data.source=iris",
    "layers=[{type: dense, units: 4}]",
    "train.epochs=2",
    "name=small",
    "sweep={trials: 3, seeds: 2, space: {optimizer.lr: {log: [0.001, 0.1]}}}",
]


def command(outputs: Path, *overrides: str, **given: Any) -> None:
    main(Namespace(**{**NOTHING, "outputs": str(outputs), "jobs": 1, **given}, overrides=list(overrides)))


def test_each_trial_is_a_line_and_the_best_are_a_table(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path, *SMALL)
    said = capsys.readouterr().out
    assert "random over optimizer.lr, 2 seeds each" in said
    assert said.count("finished val_accuracy") == 3
    assert "3 trials: 3 finished" in said
    assert "small-sweep-001/ (trials.csv, best.yaml, sweep.html)" in said
    assert "small-sweep-001/best.yaml" in said
    assert (tmp_path / "small-sweep-001" / "sweep.html").is_file()


def test_a_finished_sweep_has_nothing_left_to_do(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path, *SMALL)
    capsys.readouterr()
    command(tmp_path, resume="small-sweep-001")
    said = capsys.readouterr().out
    assert "finished val_accuracy" not in said
    assert "3 trials: 3 finished" in said


@pytest.mark.parametrize(
    ("overrides", "given", "problem"),
    [
        ((), {"resume": "smal-sweep-001"}, "smal-sweep-001: is not a sweep under"),
        (("seed=1",), {"resume": "x"}, "--resume: takes no config and no overrides"),
        ((), {"jobs": 0}, "--jobs 0: write 1 or more"),
        (("data.source=iris",), {}, "sweep: is missing; write one"),
    ],
)
def test_what_was_typed_wrong(tmp_path: Path, overrides: tuple[str, ...], given: dict[str, Any], problem: str) -> None:
    with pytest.raises(UserError, match=problem):
        command(tmp_path, *overrides, **given)
