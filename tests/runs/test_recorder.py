"""What is kept of a run, and at which epochs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.train import train
from nn_scratch.runs.recorder import LogSettings, first_lines, stride
from tests.small import DENSE, config, rows


@pytest.mark.parametrize(
    ("row_bytes", "epochs", "settings", "expected"),
    [
        (1000, 50, LogSettings(), 1),
        (1000, 50, LogSettings(every=7), 7),
        (100_000, 9, LogSettings(max_megabytes=1), 1),  # ten rows, of which one is of epoch 0
        (100_000, 10, LogSettings(max_megabytes=1), 2),
        (100_000, 91, LogSettings(max_megabytes=1, every=3), 11),
        (10_000_000, 8, LogSettings(max_megabytes=1), 8),  # never fewer than the first and the last
    ],
)
def test_the_tensors_stay_within_their_megabytes(
    row_bytes: int, epochs: int, settings: LogSettings, expected: int
) -> None:
    assert stride(row_bytes, epochs, settings) == expected


def test_thinned_tensors_keep_the_epochs_that_commit_json_names(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), log__every=3, train__epochs=7), tmp_path)
    assert run.epochs.tolist() == [0, 3, 6]
    assert run.weights("output.W").shape[0] == 3
    assert run.confusion("train").shape[0] == 3
    assert len(run.layers["epoch"]) == 8 * 3
    every = train(config(rows(tmp_path), train__epochs=7), tmp_path)
    np.testing.assert_array_equal(run.weights("output.W"), every.weights("output.W")[[0, 3, 6]])


def test_what_is_not_wanted_is_not_written(tmp_path: Path) -> None:
    changes = {"log__weights": False, "log__gradients": False, "log__activations": False}
    run = train(config(rows(tmp_path), layers=[DENSE], train__epochs=2, **changes), tmp_path)
    assert run.parameter_names == ()
    assert not (run.path / "weights").exists()
    assert run.layers["W_norm"].shape == (6,)


def test_a_log_takes_the_bytes_that_were_said(tmp_path: Path) -> None:
    """In float64 too: the log is float32."""
    for dtype in ("float32", "float64"):
        run = train(config(rows(tmp_path), train__epochs=4, train__dtype=dtype), tmp_path)
        tensors = [path for path in run.path.rglob("*.npy") if path.parent.parent.name != "step"]
        assert sum(path.stat().st_size - 256 for path in tensors) == 5 * run.info["log"]["bytes_a_row"]


@pytest.mark.parametrize(
    ("content", "rows", "expected"),
    [
        ("a,b\n1,2\n3,4\n", 1, {"rows": 1, "bytes": 8}),
        ("a,b\n1,2\n3,4\n", 9, {"rows": 2, "bytes": 12}),
        ("a,b\n1,2\n3,", 2, {"rows": 1, "bytes": 8}),
        ("a,b\n1,2\n", 0, {"rows": 0, "bytes": 0}),
        ("", 3, {"rows": 0, "bytes": 0}),
        (None, 3, {"rows": 0, "bytes": 0}),
    ],
)
def test_only_whole_lines_are_kept(content: str | None, rows: int, expected: dict[str, int], tmp_path: Path) -> None:
    path = tmp_path / "times.csv"
    if content is not None:
        path.write_text(content)
    assert first_lines(path, rows) == expected


def test_a_link_is_no_file_of_lines(tmp_path: Path) -> None:
    (tmp_path / "times.csv").symlink_to("/dev/zero")
    with pytest.raises(EnvironmentFailure) as error:
        first_lines(tmp_path / "times.csv", 3)
    assert str(error.value) == f"{tmp_path}/times.csv: a symbolic link is not followed"


def test_a_line_without_an_end_is_read_no_further_than_lines_are_long(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_bytes(b"epoch\n" + b"1" * 70_000 + b"\n2\n")
    assert first_lines(tmp_path / "times.csv", 3) == {"rows": 0, "bytes": 6}


def test_running_statistics_are_kept_of_every_logged_epoch(tmp_path: Path) -> None:
    layers = [DENSE, "batch_norm"]
    run = train(config(rows(tmp_path), layers=layers, train__epochs=3), tmp_path)
    mean = run.state("hidden_1.batch_norm.running_mean")
    assert mean.shape == (4, 5)
    assert (mean[0] == 0).all()
    np.testing.assert_array_equal(mean[-1], run.model["state/hidden_1.batch_norm.running_mean"])


def test_the_probe_holds_validation_rows(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=1), tmp_path)
    probe = run.probe
    assert probe["X_val"].shape == (12, 3)
    assert sorted(probe["rows_val"]) == sorted(run.predictions["val_rows"])


@pytest.mark.parametrize(
    ("optimizer", "slots"),
    [
        ({"type": "sgd", "lr": 0.05, "momentum": 0.9}, ["velocity"]),
        ({"type": "adam", "lr": 0.01}, ["mean", "mean_square"]),
        ({"type": "sgd", "lr": 0.05}, []),
    ],
)
def test_the_optimizers_steps_of_the_first_best_last_and_every_tenth_epoch(
    optimizer: dict[str, object], slots: list[str], tmp_path: Path
) -> None:
    run = train(config(rows(tmp_path), optimizer=optimizer, train__epochs=23), tmp_path)
    log = run.step_log
    assert log is not None
    best = int(np.argmin(run.metrics["val_loss"])) + 1
    assert sorted(log.epochs) == sorted({1, 10, 20, 23, best})
    assert log.steps == tuple(epoch * run.info["steps_per_epoch"] for epoch in log.epochs)
    assert list(log.kinds) == ["gradient", "update", *slots]
    for parameter in run.parameter_names:
        g, update = run.step("gradient", parameter), run.step("update", parameter)
        assert g.shape[1:] == run.weights(parameter).shape[1:]
        t = np.array(log.steps).reshape(-1, *[1] * (g.ndim - 1))
        if not slots:
            expected = -0.05 * g
        elif slots == ["velocity"]:
            expected = -0.05 * run.step("velocity", parameter)
        else:
            m, s = run.step("mean", parameter), run.step("mean_square", parameter)
            expected = -0.01 * m / (1 - 0.9**t) / (np.sqrt(s / (1 - 0.999**t)) + 1e-8)
        # a float32 weight rounds what is added to it
        np.testing.assert_allclose(update, expected, atol=1e-5 * np.abs(update).max() + 2e-7)


def test_steps_are_logged_where_they_are_wanted(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), log__optimizer=False, train__epochs=2), tmp_path)
    assert run.step_log is None
    assert not (run.path / "step").exists()
