"""`train.py --check` and `--find-lr`: what stands in the way of a run is found before it, and nothing is written."""

from __future__ import annotations

import subprocess
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.cli.train import main as train_command
from nn_scratch.errors import UserError
from nn_scratch.experiments.dry_run import DryRunReport, check
from nn_scratch.experiments.lr_range_test import find_lr, suggested
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.runs.files import HEADER_BYTES
from tests.small import DENSE, built, config, rows

SCRIPT = Path(__file__).resolve().parents[2] / "script" / "train.py"
SLOW = (
    "the network memorizes 16 rows with adam at lr 0.003, but not with this optimizer.lr; run --find-lr, or write 0.01"
)


def checked(source: Any, **changes: Any) -> DryRunReport:
    return check(built(source, **changes))


# --- what is fine


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layers": [DENSE, "batch_norm", {"type": "dropout", "rate": 0.5}, {"type": "dense", "units": 8}]},
        {"layers": [{"type": "residual", "layers": [{"type": "dense", "units": 3}, "dropout"]}, DENSE]},
        {"loss": "binary_cross_entropy", "class_weight": "balanced"},
        {"optimizer": "lbfgs"},
        {"layers": [DENSE | {"trainable": False}, {"type": "dense", "units": 20}], "train__accumulate": 3},
    ],
)
def test_of_a_good_config_nothing_is_said(changes: dict[str, Any], tmp_path: Path) -> None:
    found = checked(rows(tmp_path, n=100), **changes)
    assert found.problems == []
    assert "memorized" in found.trial or "accuracy 0.9" in found.trial
    assert found.seconds > 0


def test_numbers_are_checked_too(tmp_path: Path) -> None:
    found = checked(rows(tmp_path, classes=0), layers=[DENSE | {"units": 30}], optimizer={"type": "adam", "lr": 0.01})
    assert found.problems == []
    assert found.silent_loss == pytest.approx(1.0)  # the variance of a standardized target
    assert found.class_prior_entropy is None


def test_the_layers_are_reported_with_their_shapes_and_gradients(tmp_path: Path) -> None:
    layers = checked(rows(tmp_path), layers=[DENSE, "batch_norm", "dropout"]).layers
    assert [(entry["name"], entry["outputs"], entry["parameters"], entry["count"]) for entry in layers] == [
        ("hidden_1", 5, {"W": (3, 5), "b": (5,)}, 20),
        ("hidden_1.batch_norm", 5, {"gamma": (5,), "beta": (5,)}, 10),
        ("hidden_1.dropout", 5, {}, 0),
        ("output", 3, {"W": (5, 3), "b": (3,)}, 18),
    ]
    assert [entry["error"] < 1e-6 for entry in layers] == [True, True, False, True]
    assert np.isnan(layers[2]["error"])


def test_the_loss_at_the_start_stands_beside_that_of_knowing_nothing(tmp_path: Path) -> None:
    run = built(rows(tmp_path))
    found = check(run)
    shares = np.bincount(run.data.train.y) / len(run.data.train)
    assert found.silent_loss == pytest.approx(np.log(3))
    assert found.class_prior_entropy == pytest.approx(-(shares * np.log(shares)).sum(), rel=1e-5)


def test_the_log_takes_as_much_as_is_said(tmp_path: Path) -> None:
    from nn_scratch.experiments.train import train

    source = rows(tmp_path)
    said = checked(source).log_bytes
    run = train(config(source), tmp_path / "out")
    files = [file for kind in ("weights", "gradients", "activations") for file in (run.path / kind).iterdir()]
    assert said == sum(file.stat().st_size - HEADER_BYTES for file in files)


# --- what is not


def test_a_wrong_backward_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = Dense.backward

    def wrong(layer: Dense, dA: np.ndarray) -> np.ndarray:
        dX = right(layer, dA)
        layer.dWb *= 1.01
        return dX

    monkeypatch.setattr(Dense, "backward", wrong)
    problems = checked(rows(tmp_path), layers=[DENSE, "layer_norm"]).problems
    assert problems == [
        f"{name}: the relative error of its gradient is 9.9e-03 by finite differences of the loss; if this is a custom "
        "layer, activation or loss, its backward pass is not the derivative of its forward pass"
        for name in ("hidden_1", "output")
    ]
    assert "dense" in LAYERS


def test_a_rate_that_is_far_too_small_is_found(tmp_path: Path) -> None:
    found = checked(rows(tmp_path), layers=[DENSE | {"units": 40}], optimizer={"type": "sgd", "lr": 1e-7})
    assert found.problems == [SLOW]


def test_a_rate_at_which_training_diverges_is_found(tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 40}, {"type": "dense", "units": 40}]
    found = checked(rows(tmp_path), layers=layers, optimizer={"type": "sgd", "lr": 1e20})
    assert found.trial == "16 rows, sgd with lr 1e+20: diverged"
    assert found.problems[0] == SLOW
    assert found.problems[1].endswith("run --find-lr for a suitable learning rate")
    assert np.isnan(found.seconds)


def test_a_network_that_cannot_learn_is_found(tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 8, "init": "zeros"}, {"type": "dense", "units": 8, "init": "zeros"}]
    assert checked(rows(tmp_path), layers=layers).problems == [
        "the network cannot memorize 16 rows, not even with adam: use more units or layers, and check for dead or "
        "saturated activations and for rows with equal features and different targets"
    ]


def test_weights_that_begin_too_large_are_found(tmp_path: Path) -> None:
    found = checked(rows(tmp_path), layers=[DENSE | {"units": 40}], output={"init": {"type": "normal", "std": 20}})
    assert found.problems == [
        f"the initial loss is {found.start_loss:.4g}, and 1.099 for outputs of 0; leave init to the layers (null)"
    ]


# --- the learning rate


def test_the_range_test_suggests_a_rate_that_learns(tmp_path: Path) -> None:
    source = rows(tmp_path, n=300)
    test = find_lr(built(source, optimizer={"type": "sgd", "lr": 1e-9}))
    assert test.suggestion is not None
    assert 0.01 <= test.suggestion <= 3
    assert len(test.rates) == len(test.losses) == len(test.smoothed)
    assert check(built(source, optimizer={"type": "sgd", "lr": test.suggestion})).problems == []


def test_the_range_test_ends_where_the_loss_explodes(tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 30}, {"type": "dense", "units": 30}]
    test = find_lr(built(rows(tmp_path, classes=0), layers=layers))
    assert len(test.rates) < 280
    assert test.smoothed[-1] <= 4 * test.smoothed.min()


def test_the_smoothed_loss_is_a_running_mean_free_of_its_start(tmp_path: Path) -> None:
    test = find_lr(built(rows(tmp_path)))
    weights = 0.9 ** np.arange(len(test.losses))[::-1]
    assert test.smoothed[0] == pytest.approx(test.losses[0])
    assert test.smoothed[-1] == pytest.approx((weights * test.losses).sum() / weights.sum())


def test_no_rate_is_suggested_where_none_helps() -> None:
    rates = np.geomspace(1e-5, 1, 5)
    assert suggested(rates, np.array([2.0, 2.0, 1.99, 2.1, 3.0])) is None
    assert suggested(rates, np.array([2.0])) is None
    assert suggested(rates, np.array([2.0, 1.9, 1.2, 1.5, 3.0])) == 0.00032


def test_an_optimizer_that_searches_its_steps_needs_no_rate(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        find_lr(built(rows(tmp_path), optimizer="lbfgs"))
    assert str(error.value) == "--find-lr: lbfgs searches the length of every step by itself; leave lr as it is"


# --- on the command line


def run_script(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(SCRIPT), *arguments], cwd=cwd, capture_output=True, text=True)


def test_a_check_prints_and_writes_nothing(tmp_path: Path) -> None:
    done = run_script("--check", "data.source=moons", "--outputs", "out", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "no problem found: train with the same command without --check" in done.stdout
    assert "hidden_1" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_a_check_that_finds_a_problem_exits_with_2(tmp_path: Path) -> None:
    done = run_script(
        "--check", "data.source=moons", "optimizer={type: sgd, lr: 1e-9}", "--outputs", "out", cwd=tmp_path
    )
    assert (done.returncode, done.stderr) == (2, f"problem: {SLOW}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_rate_is_found_drawn_and_printed_as_yaml(tmp_path: Path) -> None:
    optimizer = "optimizer={type: sgd, momentum: 0.9}"
    done = run_script("--find-lr", "data.source=moons", optimizer, "--outputs", "out", "--name", "a", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "optimizer: {type: sgd, lr: " in done.stdout
    assert ", momentum: 0.9}" in done.stdout
    assert [file.name for file in (tmp_path / "out").iterdir()] == ["a-find-lr.png"]
    assert (tmp_path / "out" / "a-find-lr.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"check": True, "find_lr": True}, "--check: applies to a config and not to a run; leave out --find-lr"),
        ({"find_lr": True, "resume": "x"}, "--find-lr: applies to a config and not to a run; leave out --resume"),
        ({"check": True, "seeds": 2}, "--check: applies to a config and not to a run; leave out --seeds"),
    ],
)
def test_a_trial_is_of_a_config_alone(given: dict[str, Any], expected: str) -> None:
    nothing = {"check": False, "find_lr": False, "resume": None, "seeds": None, "folds": None, "outputs": None}
    with pytest.raises(UserError) as error:
        train_command(Namespace(**nothing | given))
    assert str(error.value) == expected
