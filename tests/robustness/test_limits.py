"""Large inputs meet stated bounds of memory and rows, and what was sampled is said."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import pytest

import nn_scratch
from nn_scratch.baselines import kernel_ridge, plain_network, protocol
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.experiments import gradient_check
from nn_scratch.experiments import train as experiment
from nn_scratch.nn.layers.batch_norm import BatchNorm
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.network import Network
from nn_scratch.runs.run import Run
from tests.robustness.processes import Job, Scripts
from tests.small import config, contents, differing, rows


def test_more_outputs_than_are_scored_at_once_are_sampled_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = rows(tmp_path, n=200)
    whole = experiment.train(config(source), tmp_path / "a")
    monkeypatch.setattr(experiment, "MOST_OUTPUTS", 120)
    run = experiment.train(config(source), tmp_path / "b")
    assert run.info["notices"] == [
        *whole.info["notices"],
        "the scores and predictions of train are of 40 of its 120 rows: 3 outputs of each row take memory",
    ]
    assert differing(run, whole) == []  # of val and test no row is left out


def test_predictions_of_a_sample_say_of_which_rows_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = rows(tmp_path, n=200)
    whole = experiment.train(config(source), tmp_path / "a").predictions
    monkeypatch.setattr(experiment, "MOST_OUTPUTS", 30)
    sample = experiment.train(config(source), tmp_path / "b").predictions
    assert len(sample["val_rows"]) == 10
    kept = np.isin(whole["val_rows"], sample["val_rows"])
    for name in ("val_y", "val_output"):
        np.testing.assert_array_equal(whole[name][kept], sample[name])


def test_baselines_that_a_sample_says_nothing_about_are_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (kernel_ridge, plain_network, protocol):
        monkeypatch.setattr(module, "MAX_CLASSES", 2)
    # rows of no other test: baselines of a split are computed once in a process
    run = experiment.train(config(rows(tmp_path), seed=97), tmp_path)
    assert run.signals["plain_network"] == {}
    assert run.signals["attainable"] == {"rows": 60}


@pytest.mark.slow
def test_10000_classes_of_30000_rows_train_in_3_gigabytes(scripts: Scripts, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(30_000) % 10_000)
    np.savez(tmp_path / "t.npz", X=rng.normal(size=(30_000, 10)).astype(np.float32), y=y)
    quiet = "log={activations: false, gradients: false}"
    arguments = ["data.source=./t.npz", "layers=[]", "train={epochs: 1, batch_size: 256}", "name=run", quiet]
    ended = scripts.train(tmp_path, *arguments)
    print(f"10,000 classes x 30,000 rows: {ended.megabytes:,} MB")
    assert ended.code == 0, ended.output
    assert ended.megabytes < 3000
    assert any("of train are of 2,000 of its 21,000 rows" in told for told in Run(tmp_path / "run-001").info["notices"])


def test_300_layers_train_with_few_files_open(scripts: Scripts, tmp_path: Path) -> None:
    layers = "layers=[" + ", ".join(["{type: dense, units: 2}"] * 300) + "]"
    arguments = ["data.source=iris", layers, "train.epochs=1", "name=run"]
    ended = scripts.train(tmp_path, *arguments, limits={"RLIMIT_NOFILE": 256})
    assert ended.code == 0, ended.output
    (tmp_path / "more").mkdir()
    free = scripts.train(tmp_path / "more", *arguments)
    assert free.code == 0, free.output
    assert contents(Run(tmp_path / "run-001")) == contents(Run(tmp_path / "more" / "run-001"))


# --- work, counted and not timed


def lines_run(do: Callable[[], Any]) -> int:
    """How many lines of the package are executed."""
    count = [0]
    ours = str(Path(nn_scratch.__file__).parent)

    def line(frame: FrameType, event: str, value: Any) -> Any:
        count[0] += event == "line"
        return line

    def call(frame: FrameType, event: str, value: Any) -> Any:
        return line if frame.f_code.co_filename.startswith(ours) else None

    before = sys.gettrace()
    sys.settrace(call)
    try:
        do()
    finally:
        sys.settrace(before)
    return count[0]


DEEP = {
    "dropout": ({"type": "dropout", "rate": 1e-4}, 100),
    "dense": ({"type": "dense", "units": 1}, 60),
    "batch_norm": ({"type": "batch_norm"}, 60),
}


@pytest.mark.parametrize("kind", DEEP)
def test_the_work_of_a_run_grows_with_its_layers_and_not_with_their_square(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # in both runs a sample of the layers is checked by finite differences: what is checked is bounded, not constant
    monkeypatch.setattr(gradient_check, "MOST_LAYER_PASSES", 4000)
    layer, number = DEEP[kind]
    source = rows(tmp_path)

    def run(layers: int) -> int:
        declared = config(source, layers=[layer] * layers, train__epochs=1, train__batch_size=200)
        outputs = tmp_path / str(layers)
        return lines_run(lambda: diagnose(experiment.train(declared, outputs)))

    run(1)  # what a process does once is not counted: baselines of the split, imports
    work = [run(number * times) for times in (1, 2, 4)]
    # of work that grows with the number of layers twice as much, of work that grows with its square four times
    assert (work[2] - work[1]) / (work[1] - work[0]) < 2.4, work


def test_of_deep_networks_a_sample_of_layers_is_checked_and_it_is_said(
    scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = Network(
        [Dense(3), *(BatchNorm() for _ in range(20)), Dense(2)],
        4,
        init=np.random.default_rng(0),
        noise=np.random.default_rng(1),
    )
    assert len(gradient_check.checked_layers(network)) == 22
    monkeypatch.setattr(gradient_check, "MOST_LAYER_PASSES", 3000)
    names = [layer.name for layer in gradient_check.checked_layers(network)]
    assert (names[0], names[-1], len(names)) == ("hidden_1", "output", 7)
    layers = "layers=[" + ", ".join(["{type: dense, units: 2}"] * 100) + "]"
    ended = scripts.run(Job("train.py", ["data.source=iris", layers, "--check", "--outputs", "."], str(tmp_path)))
    assert "gradients: checked in 49 of 101 layers with parameters" in ended.output.splitlines()


@pytest.mark.parametrize("script", [["sweep.py", "sweep={method: grid, space: {optimizer.lr: [1]}}"], ["zoo.py"]])
def test_more_processes_than_a_machine_can_run_are_refused(script: list[str], scripts: Scripts, tmp_path: Path) -> None:
    name, *arguments = script
    for number in (0, -3, 99_999):
        ended = scripts.run(Job(name, [*arguments, "--jobs", str(number)], str(tmp_path)))
        assert ended.code == 2, ended.output
        assert len(ended.output.splitlines()) == 1
    assert "99,999 processes: write 1 to " in ended.output
    assert list(tmp_path.iterdir()) == []


def test_a_metric_that_no_run_has_is_named_by_a_sweep(scripts: Scripts, tmp_path: Path) -> None:
    base = ["data.source=iris", "layers=[]", "train.epochs=1", "--outputs", ".", "--jobs", "1"]
    for metric in ("nosuch", "val_nosuch", "_", "val_"):
        declared = f"sweep={{method: grid, metric: {metric}, space: {{optimizer.lr: [0.1]}}}}"
        ended = scripts.run(Job("sweep.py", [*base, declared], str(tmp_path)))
        assert ended.code in (0, 2), ended.output
        assert f"sweep.metric: a run has no {metric}; write one of: " in ended.output
