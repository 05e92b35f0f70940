"""Numbers that overflow stop a run in one line that says where; what was logged until then can be read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.runs.run import Run
from tests.robustness.disks import not_whole
from tests.robustness.processes import Job, Scripts

LAYERS = "layers=[{type: dense, units: 6}, {type: dense, units: 5}]"
DIVERGING = {
    "adam, lr 1e30": (["optimizer.lr=1e30", LAYERS], 1, 2, "output of layer hidden_2"),
    "sgd, lr 1e30": (["optimizer={type: sgd, lr: 1e30}", LAYERS], 1, 2, "output of layer hidden_2"),
    "early stopping": (
        ["optimizer={type: sgd, lr: 1e30}", "train.early_stopping={patience: 2}", LAYERS],
        *(1, 2, "output of layer hidden_2"),
    ),
    "initial weights of 1e38": (
        ["layers=[{type: dense, units: 6, init: {type: normal, std: 1.0e38}}]"],
        *(1, 1, "output of layer hidden_1"),
    ),
    "features of 1e38": (["data.source=./huge.npz", "data.scale=none", LAYERS], 1, 1, "output of layer hidden_1"),
    "targets of 1e30": (["data.source=./far.npz", "data.target_scale=none", LAYERS], 1, 2, "loss of layer output"),
}
ENDURED = {
    "features of 1e38, scaled": ["data.source=./huge.npz", LAYERS],
    "targets of 1e30, scaled": ["data.source=./far.npz", LAYERS],
    "initial weights of 1e20": ["layers=[{type: dense, units: 6, init: {type: normal, std: 1.0e20}}]"],
    "initial weights of 1e30, saturated": [
        "layers=[{type: dense, units: 6, activation: tanh, init: {type: normal, std: 1.0e30}}]"
    ],
    "an l2 of 1e20": ["regularize.l2=1e20", LAYERS],
    "a class that weighs 1e30": ["class_weight={setosa: 1e30}", LAYERS],
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    X = np.random.default_rng(0).normal(size=(90, 3))
    np.savez(tmp_path / "huge.npz", X=1e38 * X, y=(X[:, 0] > 0).astype(int))
    np.savez(tmp_path / "far.npz", X=X, y=1e30 * X[:, 0] + 0.5)
    return tmp_path


@pytest.mark.parametrize("case", DIVERGING)
def test_what_overflows_is_named_with_epoch_step_and_layer(case: str, scripts: Scripts, folder: Path) -> None:
    arguments, epoch, step, what = DIVERGING[case]
    ended = scripts.train(folder, "data.source=iris", "train.epochs=5", "name=run", *arguments)
    assert ended.code == 3
    assert ended.output.splitlines()[-1] == (f"training diverged in epoch {epoch}, step {step}: {what} is not finite")
    assert "Warning" not in ended.output
    run = Run(folder / "run-001")
    assert not_whole(run.path) == []
    assert run.info["status"] == "diverged"
    assert run.info["diverged"] == {"epoch": epoch, "step": step, **places(what)}
    assert scripts.run(Job("diagnose.py", [str(run.path)], str(folder))).code == 0


def places(what: str) -> dict[str, str]:
    part, _, layer = what.rpartition(" of layer ")
    return {"what": part, "layer": layer}


@pytest.mark.parametrize("case", ENDURED)
def test_what_is_large_and_finite_trains(case: str, scripts: Scripts, folder: Path) -> None:
    ended = scripts.train(folder, "data.source=iris", "train.epochs=3", "name=run", *ENDURED[case])
    assert ended.code == 0
    assert "Warning" not in ended.output
    run = Run(folder / "run-001")
    for name, column in run.metrics.items():
        assert np.isfinite(column).all(), name
