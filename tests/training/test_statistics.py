"""What is measured while a network trains, beside the formulas written out in NumPy."""

from __future__ import annotations

from copy import copy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from nn_scratch.training import trainer
from nn_scratch.training.observers import StepSignals
from nn_scratch.training.statistics import LAYER_COLUMNS, STEP_COLUMNS
from nn_scratch.training.trainer import STEPS_WITH_LOSS_AFTER, Trainer
from tests.small import DENSE, Quiet, built, config, rows

LAYERS = [DENSE, {"type": "dropout", "rate": 0.3}, {"type": "dense", "units": 6}, {"type": "dense", "units": 4}]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("measure")
    wanted = config(rows(folder), layers=LAYERS, train__epochs=5, optimizer={"type": "sgd", "lr": 2.0})
    return train(wanted, folder / "out")


def by_layer(run: Run, layer: str, column: str) -> np.ndarray:
    return run.layers[column][run.layers["layer"] == layer]


def test_layers_csv_says_what_the_weights_logs_hold(run: Run) -> None:
    assert run.layer_names == ("hidden_1", "hidden_2", "hidden_3", "output")
    for layer in run.layer_names:
        W, b = (run.weights(f"{layer}.{name}").astype(np.float64) for name in "Wb")
        dW, db = (run.gradients(f"{layer}.{name}").astype(np.float64) for name in "Wb")
        flat, slopes = W.reshape(6, -1), dW.reshape(6, -1)
        expected = {
            "W_norm": np.linalg.norm(flat, axis=1),
            "W_mean": flat.mean(axis=1),
            "W_std": flat.std(axis=1),
            "b_norm": np.linalg.norm(b, axis=1),
            "dW_norm": np.linalg.norm(slopes, axis=1),
            "dW_mean": slopes.mean(axis=1),
            "dW_std": slopes.std(axis=1),
            "db_norm": np.linalg.norm(db, axis=1),
            "dW_zero_share": (slopes == 0).mean(axis=1),
            "distance": np.linalg.norm(flat - flat[0], axis=1),
        }
        for column, values in expected.items():
            np.testing.assert_allclose(by_layer(run, layer, column), values, rtol=1e-5, atol=1e-7, err_msg=column)


def test_layers_csv_says_what_the_activations_logs_hold(run: Run) -> None:
    for layer in run.layer_names:
        A = run.activations(layer).astype(np.float64)  # (epochs, rows, units)
        active = (A != 0).mean(axis=1)
        expected = {
            "A_mean": A.mean(axis=(1, 2)),
            "A_std": A.std(axis=(1, 2)),
            "zero_share": (A == 0).mean(axis=(1, 2)),
            "dead_share": (active == 0).mean(axis=1),
            "nearly_dead_share": (active < 0.01).mean(axis=1),
            "constant_share": (A[:, :1] == A).all(axis=1).mean(axis=1),
        }
        for column, values in expected.items():
            np.testing.assert_allclose(by_layer(run, layer, column), values, rtol=1e-5, atol=1e-7, err_msg=column)
    assert by_layer(run, "hidden_2", "zero_share").max() > 0.2


def test_saturation_is_the_share_of_small_derivatives_and_of_relu_unknown(run: Run) -> None:
    A = run.activations("hidden_1").astype(np.float64)
    np.testing.assert_allclose(
        by_layer(run, "hidden_1", "saturated_share"), (1 - A**2 < 0.01).mean(axis=(1, 2)), atol=1e-3
    )
    for layer in ("hidden_2", "output"):
        assert np.isnan(by_layer(run, layer, "saturated_share")).all()


def test_every_column_was_compared(run: Run) -> None:
    assert set(LAYER_COLUMNS) | {"epoch", "layer", "update_ratio"} == set(run.layers)
    assert set(STEP_COLUMNS) | {"step", "epoch", "layer", "lr", "loss", "loss_after"} == set(run.steps)
    assert len(LAYER_COLUMNS) == 17
    assert len(STEP_COLUMNS) == 6


def test_activations_are_those_of_the_probe_in_evaluation_mode(run: Run) -> None:
    X = run.probe["X"].astype(np.float64)
    for row in (0, 5):
        W, b = run.weights("hidden_1.W")[row].astype(np.float64), run.weights("hidden_1.b")[row]
        np.testing.assert_allclose(run.activations("hidden_1")[row], np.tanh(X @ W + b), rtol=0, atol=1e-5)
        V, c = run.weights("hidden_2.W")[row].astype(np.float64), run.weights("hidden_2.b")[row]
        np.testing.assert_allclose(
            run.activations("hidden_2")[row], np.maximum(0, np.tanh(X @ W + b) @ V + c), rtol=0, atol=1e-5
        )


def test_gradients_are_those_of_the_probes_mean_loss(run: Run) -> None:
    """Of the output layer: dW = Aᵀ (P - Y) / n."""
    A = run.activations("hidden_3").astype(np.float64)
    Z = run.activations("output").astype(np.float64)
    P = np.exp(Z - Z.max(axis=2, keepdims=True))
    P /= P.sum(axis=2, keepdims=True)
    dZ = (P - np.eye(3)[run.probe["y"]]) / Z.shape[1]
    np.testing.assert_allclose(run.gradients("output.W"), A.swapaxes(1, 2) @ dZ, rtol=0, atol=1e-6)


# --- steps


class Keeper(Quiet):
    """Keeps the parameters after each watched step."""

    def __init__(self) -> None:
        super().__init__(watches_steps=True)
        self.theta: list[np.ndarray] = []
        self.signals: list[StepSignals] = []

    def on_start(self, trainer: Trainer) -> None:
        self.theta.append(trainer.network.theta.copy())

    def on_step(self, trainer: Trainer, signals: StepSignals) -> None:
        self.theta.append(trainer.network.theta.copy())
        self.signals.append(signals)


def watched(tmp_path: Path, **changes: Any) -> tuple[Any, Keeper, np.ndarray]:
    """A run of 12 steps, all of them watched, and the statistics of each."""
    run = built(rows(tmp_path), **{"train__dtype": "float64", "train__epochs": 3, "train__batch_size": 9} | changes)
    keeper = Keeper()
    run.trainer.run(keeper)
    return run, keeper, run.trainer.step_statistics.read()


def test_a_step_is_measured_as_what_the_optimizer_did(tmp_path: Path) -> None:
    """Plain SGD: Δθ = -lr g, so that the parameters before and after tell the gradient."""
    run, keeper, measured = watched(tmp_path)
    theta = np.array(keeper.theta)
    updates = np.diff(theta, axis=0)
    gradients = -updates / 0.1
    assert measured.shape == (12, 3, len(STEP_COLUMNS))
    for place, layer in enumerate(run.network.dense):
        part = slice(*run.network.segment(layer))
        before, update, gradient = theta[:-1, part], updates[:, part], gradients[:, part]
        norms = np.linalg.norm(gradient, axis=1)
        expected = {
            "param_norm": np.linalg.norm(before, axis=1),
            "grad_norm": norms,
            "update_norm": np.linalg.norm(update, axis=1),
            "update_ratio": np.linalg.norm(update, axis=1) / np.linalg.norm(before, axis=1),
            "grad_dot_update": (gradient * update).sum(axis=1),
        }
        for column, values in expected.items():
            np.testing.assert_allclose(measured[:, place, STEP_COLUMNS.index(column)], values, rtol=1e-7)
        cosines = (gradient[1:] * gradient[:-1]).sum(axis=1) / (norms[1:] * norms[:-1])
        found = measured[:, place, STEP_COLUMNS.index("grad_cosine")]
        assert np.isnan(found[0])
        np.testing.assert_allclose(found[1:], cosines, rtol=1e-6, atol=1e-9)


def test_the_gradients_norm_is_that_before_penalties_and_clipping(tmp_path: Path) -> None:
    plain, bounded = (
        watched(tmp_path, train__epochs=1, **changes)[2]
        for changes in ({}, {"regularize": {"l2": 0.5, "clip_norm": 0.01}})
    )
    column = STEP_COLUMNS.index("grad_norm")
    np.testing.assert_allclose(plain[0, :, column], bounded[0, :, column], rtol=1e-12)
    assert (bounded[0, :, STEP_COLUMNS.index("update_norm")] < 0.1 * 0.0101).all()


def test_the_loss_after_a_step_is_the_same_batchs(tmp_path: Path) -> None:
    """With all rows in every batch it is the loss before the next step, but for the order of the sum."""
    _, keeper, _ = watched(tmp_path, train__batch_size=1.0, train__epochs=STEPS_WITH_LOSS_AFTER + 5)
    losses = np.array([signals.loss for signals in keeper.signals])
    after = np.array([signals.loss_after for signals in keeper.signals])
    np.testing.assert_allclose(after[:STEPS_WITH_LOSS_AFTER], losses[1 : STEPS_WITH_LOSS_AFTER + 1], rtol=1e-12)
    assert np.isnan(after[STEPS_WITH_LOSS_AFTER:]).all()


def test_the_first_twenty_steps_and_about_ten_an_epoch_are_watched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trainer, "steps_per_measurement", lambda network, rows: 1.0)  # as where steps are long
    split = {"train": 1.0, "val": 0.0, "test": 0.0}
    _, keeper, _ = watched(tmp_path, data__split=split, train__batch_size=1, train__epochs=2)
    steps = [signals.step for signals in keeper.signals]
    assert steps[:STEPS_WITH_LOSS_AFTER] == list(range(1, STEPS_WITH_LOSS_AFTER + 1))
    assert steps[-10:] == [66, 72, 78, 84, 90, 96, 102, 108, 114, 120]


def test_where_steps_take_no_time_few_are_watched(tmp_path: Path) -> None:
    _, keeper, _ = watched(tmp_path, train__batch_size=1, train__epochs=3)
    assert [signals.step for signals in keeper.signals][STEPS_WITH_LOSS_AFTER:] == [36, 72, 108]


def test_the_update_ratio_of_an_epoch_is_that_of_its_last_step(run: Run) -> None:
    last = run.steps["step"] == run.metrics["step"].max()
    np.testing.assert_allclose(
        run.layers["update_ratio"][run.layers["epoch"] == 5], run.steps["update_ratio"][last], rtol=1e-6
    )


def test_epochs_that_wait_are_measured_as_they_were_and_the_network_stays_as_it_is(tmp_path: Path) -> None:
    run = built(rows(tmp_path), layers=[DENSE, "batch_norm", {"type": "dense", "units": 4}])
    at_once = copy(run).epoch_statistics  # before the other is made, which a copy would share
    network, waiting = run.network, run.epoch_statistics
    at_once.capacity = 1
    rng, expected = np.random.default_rng(0), []
    for _ in range(3):
        network.theta[...] = rng.normal(size=network.theta.shape)
        network.state[...] = rng.uniform(0.5, 2.0, size=network.state.shape)
        waiting.keep()
        at_once.keep()
        expected.append((at_once.read()[0], at_once.grad[0].copy(), [A[0].copy() for A in at_once.activations]))
        at_once.clear()
    network.theta[...], network.state[...] = 0.25, 1.5
    measured = waiting.read()
    assert (network.theta == 0.25).all()
    assert (network.state == 1.5).all()
    for epoch, (layers, grad, activations) in enumerate(expected):
        np.testing.assert_array_equal(measured[epoch], layers)
        np.testing.assert_array_equal(waiting.grad[epoch], grad)
        for A, kept in zip(waiting.activations, activations, strict=True):
            np.testing.assert_array_equal(A[epoch], kept)
