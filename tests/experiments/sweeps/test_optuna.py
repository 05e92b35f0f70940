"""Settings from Optuna's sampler: the same twice, also where the sweep was stopped, and better than the first draws."""

from __future__ import annotations

import csv
import sys
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.sweeps.sweep import Swept, resume_sweep, sweep

SPACE = {
    "optimizer.type": ["adam", "sgd"],
    "optimizer.lr": {"log": [1e-4, 0.3]},
    "optimizer.momentum": {"range": [0.0, 0.9], "when": {"optimizer.type": "sgd"}},
    "layers.0.units": {"range": [2, 12]},
}


def config(**more: Any) -> Config:
    return config_from(
        {
            "name": "asked",
            "data": {"source": "iris"},
            "layers": [{"type": "dense", "units": 4}],
            "train": {"epochs": 3},
            "sweep": {"method": "optuna", "space": SPACE, "trials": 9, **more},
        }
    )


def table(swept: Swept) -> list[dict[str, str]]:
    with (swept.folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_sampler_draws_from_the_space_and_a_stopped_sweep_goes_on_the_same_way(tmp_path: Path) -> None:
    pytest.importorskip("optuna")
    whole = sweep(config(), tmp_path / "whole", jobs=1)
    rows = table(whole)
    assert [row["trial"] for row in rows] == [str(number) for number in range(1, 10)]
    assert {row["status"] for row in rows} == {"finished"}
    for row in rows:
        assert 1e-4 <= float(row["optimizer.lr"]) <= 0.3
        assert 2 <= int(row["layers.0.units"]) <= 12
        assert (row["optimizer.momentum"] == "") == (row["optimizer.type"] == "adam")
    expected = (whole.folder / "trials.csv").read_bytes()
    for name in ("00004.0.json", "00008.0.json", "00009.0.json"):
        (whole.folder / "rows" / name).unlink()
    assert resume_sweep(whole.folder, jobs=2).rows == whole.rows
    assert (whole.folder / "trials.csv").read_bytes() == expected


def test_without_optuna_one_line_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(EnvironmentFailure) as error:
        sweep(config(), tmp_path, jobs=1)
    assert str(error.value) == "sweep.method: needs optuna, which is not installed: pip install optuna"
