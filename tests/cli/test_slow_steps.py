"""Steps that last are told, each once; short ones and those under --quiet are not."""

import json
import threading

import numpy as np
import pytest

from nn_scratch.cli import main, slow_steps
from nn_scratch.cli.slow_steps import LOGGER, SlowSteps
from nn_scratch.errors import EnvironmentFailure


def test_steps_are_reported_while_the_context_lasts():
    told = []
    LOGGER.info("before")
    with SlowSteps(told.append, delay=0):
        LOGGER.info("reading t.csv")
        LOGGER.info("reading t.csv")
        LOGGER.info("")
        LOGGER.info("fitting the baselines")
    LOGGER.info("after")
    assert told == ["reading t.csv ...", "fitting the baselines ..."]
    assert not LOGGER.handlers


def test_a_step_that_is_over_is_not_reported():
    told = []
    with SlowSteps(told.append, delay=3600) as steps:
        LOGGER.info("reading t.csv")
        timer = steps._timer
        LOGGER.info("")
        assert timer.finished.is_set()
    assert told == []


def told_into_a_full_disk(then=None):
    """Announce a step, and let `then` follow once its line has been tried."""
    begun = threading.Event()

    def tell(line):
        begun.set()
        raise EnvironmentFailure("standard output: No space left on device")

    with SlowSteps(tell, delay=1e-6):
        LOGGER.info("reading t.csv")
        begun.wait()
        if then is not None:
            raise then


def test_an_error_of_the_line_is_raised_by_the_thread_that_announces():
    with pytest.raises(EnvironmentFailure, match="No space"):
        told_into_a_full_disk()
    assert not LOGGER.handlers
    with pytest.raises(KeyError):
        told_into_a_full_disk(KeyError())


def test_what_comes_before_the_first_epoch_and_after_the_last_is_reported(capsys, monkeypatch, tmp_path):
    """Every step, where each is taken for a slow one, and no second process checks the data meanwhile."""
    monkeypatch.setattr(slow_steps, "DELAY_SECONDS", 0)
    monkeypatch.setattr("nn_scratch.experiments.beside.forks", lambda: False)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 3))
    np.savez(tmp_path / "t.npz", X=X, y=(X[:, 0] > 0).astype(int))
    command = ["train", f"data.source={tmp_path / 't.npz'}", "train.epochs=2", "--outputs", str(tmp_path)]
    assert main(command) == 0
    lines = capsys.readouterr().out.splitlines()
    steps = [line for line in lines if line.endswith(" ...")]
    assert steps[:3] == [
        f"reading {tmp_path / 't.npz'} ...",
        "splitting and scaling 200 rows ...",
        "looking for duplicates among 200 rows ...",
    ]
    assert lines.index("training, epoch 1 of 2 ...") < lines.index("fitting the baselines ...")
    assert "checking the data for leakage ..." in steps
    assert main([*command, "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert main([*command, "--json"]) == 0
    printed = capsys.readouterr()
    assert json.loads(printed.out)
    assert "reading " in printed.err


def test_steps_of_pictures_exports_and_sweeps_are_reported_on_standard_error(capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(slow_steps, "DELAY_SECONDS", 0)
    small = ["data.source=iris", "train.epochs=1", "layers=[{type: dense, units: 4}]", "diagnose.budget=0"]
    assert main(["train", *small, "--name", "iris", "--outputs", str(tmp_path), "--quiet"]) == 0
    space = "sweep={method: grid, space: {optimizer.lr: [0.01, 0.1]}}"
    for command, step in (
        (["visualize", "iris-001", "--only", "curves"], "drawing the plots ..."),
        (["visualize", "iris-001", "--page-only"], "making report.html ..."),
        (["export", "iris-001", "--to", "torch"], "exporting for torch ..."),
        (["sweep", *small, space, "--name", "few", "--jobs", "1"], "training the first trials ..."),
    ):
        capsys.readouterr()
        assert main([*command, "--outputs", str(tmp_path)]) == 0
        assert step in capsys.readouterr().err.splitlines()
        again = [*command[:-1], "2"] if command[0] == "sweep" else command
        assert main([*again, "--outputs", str(tmp_path), "--quiet"]) == 0
        assert capsys.readouterr().err == ""
