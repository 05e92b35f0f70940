"""What is particular to single layers; gradients and trainings of all of them are checked registry-wide."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.nn.activations.exponential import SELU
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.activations.sigmoids import Tanh
from nn_scratch.nn.layers import LAYERS, Layer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.layers.residual import Residual
from nn_scratch.nn.network import Network, signal_rows


def network_of(*layers: Layer, inputs: int = 3) -> Network:
    init, noise = np.random.default_rng(0).spawn(2)
    return Network(list(layers), inputs, init=init, noise=noise, dtype=np.float64)


def pass_on(network: Network, X: Array, training: bool) -> Array:
    """Outputs (rows, k) for inputs (rows, i)."""
    return network.on(len(X), training=training).forward(signal_rows(X, np.float64).T).T.copy()


def alone(layer: Layer, X: Array, training: bool) -> Array:
    """What a layer makes of inputs (rows, i), read through a dense layer that copies."""
    network = network_of(layer, Dense(X.shape[1], Identity(), init=None), inputs=X.shape[1])
    network.named(network.theta)["output.W"][...] = np.eye(X.shape[1])
    return pass_on(network, X, training)


ROWS = np.random.default_rng(1).normal(2.0, 3.0, (4000, 3))


# --- layers that act while training only


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "gaussian_noise"])
def test_in_evaluation_nothing_is_dropped_and_no_noise_is_added(name: str) -> None:
    np.testing.assert_array_equal(alone(LAYERS.create(name), ROWS, training=False), ROWS)
    assert not np.array_equal(alone(LAYERS.create(name), ROWS, training=True), ROWS)


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout"])
def test_a_rate_of_0_drops_nothing(name: str) -> None:
    np.testing.assert_array_equal(alone(LAYERS.create(name, rate=0.0), ROWS, training=True), ROWS)


def test_dropout_drops_its_share_and_scales_the_rest() -> None:
    Y = alone(LAYERS.create("dropout", rate=0.3), ROWS, training=True)
    assert (Y == 0).mean() == pytest.approx(0.3, abs=0.015)
    kept = Y != 0
    np.testing.assert_allclose(Y[kept], ROWS[kept] / 0.7)


def test_alpha_dropout_keeps_mean_and_variance_of_what_selu_gives() -> None:
    rows = np.random.default_rng(0).normal(size=(20_000, 3))
    network = network_of(Dense(3, SELU()), LAYERS.create("alpha_dropout", rate=0.4), Dense(3, Identity()))
    weights = network.named(network.theta)
    weights["hidden_1.W"][...] = weights["output.W"][...] = np.eye(3)
    values = pass_on(network, rows, training=True)
    assert values.mean() == pytest.approx(0.0, abs=0.02)
    assert values.var() == pytest.approx(1.0, abs=0.03)
    dropped = np.isclose(values, values.min(), atol=1e-9)  # SELU gives nothing below its floor
    assert dropped.mean() == pytest.approx(0.4, abs=0.01)


def test_gaussian_noise_has_its_standard_deviation() -> None:
    N = alone(LAYERS.create("gaussian_noise", std=0.3), ROWS, training=True) - ROWS
    assert N.mean() == pytest.approx(0.0, abs=0.01)
    assert N.std() == pytest.approx(0.3, rel=0.03)


@pytest.mark.parametrize("name", ["dropout", "alpha_dropout", "gaussian_noise"])
def test_numbers_are_drawn_anew_at_every_step(name: str) -> None:
    network = network_of(LAYERS.create(name), Dense(3, Identity()))
    assert not np.array_equal(pass_on(network, ROWS, True), pass_on(network, ROWS, True))


# --- normalizations


@pytest.mark.parametrize("training", [True, False])
def test_layer_norm_gives_every_row_mean_0_and_variance_1(training: bool) -> None:
    Y = alone(LAYERS.create("layer_norm", eps=1e-12), ROWS, training)
    np.testing.assert_allclose(Y.mean(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(Y.var(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_rms_norm_gives_every_row_mean_square_1(training: bool) -> None:
    Y = alone(LAYERS.create("rms_norm"), ROWS, training)
    np.testing.assert_allclose(np.square(Y).mean(axis=1), 1.0, rtol=1e-9)


def test_batch_norm_gives_every_feature_mean_0_and_variance_1_over_the_batch() -> None:
    Y = alone(LAYERS.create("batch_norm", eps=1e-12), ROWS, training=True)
    np.testing.assert_allclose(Y.mean(axis=0), 0.0, atol=1e-12)
    np.testing.assert_allclose(Y.var(axis=0), 1.0, rtol=1e-9)


def test_running_statistics_move_towards_each_batch() -> None:
    network = network_of(LAYERS.create("batch_norm", momentum=0.25), Dense(2, Identity()))
    running = network.named_state(network.state)
    np.testing.assert_array_equal(running["input.batch_norm.running_mean"], np.zeros(3))
    np.testing.assert_array_equal(running["input.batch_norm.running_var"], np.ones(3))
    batches = [ROWS[:10], ROWS[10:17]]
    mean, var = np.zeros(3), np.ones(3)
    for rows in batches:
        pass_on(network, rows, training=True)
        mean, var = 0.75 * mean + 0.25 * rows.mean(axis=0), 0.75 * var + 0.25 * rows.var(axis=0, ddof=1)
    np.testing.assert_allclose(running["input.batch_norm.running_mean"], mean, rtol=1e-12)
    np.testing.assert_allclose(running["input.batch_norm.running_var"], var, rtol=1e-12)


def test_evaluation_uses_the_running_statistics_and_leaves_them() -> None:
    network = network_of(LAYERS.create("batch_norm"), Dense(3, Identity()))
    running, weights = network.named_state(network.state), network.named(network.theta)
    running["input.batch_norm.running_mean"][...] = 2.0
    running["input.batch_norm.running_var"][...] = 9.0
    weights["output.W"][...] = np.eye(3)
    before = network.state.copy()
    np.testing.assert_allclose(pass_on(network, ROWS, training=False), (ROWS - 2.0) / np.sqrt(9.0 + 1e-5))
    np.testing.assert_array_equal(network.state, before)


def test_a_batch_of_one_row_is_normalized_as_in_evaluation() -> None:
    network = network_of(LAYERS.create("batch_norm"), Dense(2, Identity()))
    pass_on(network, ROWS[:50], training=True)
    before = network.state.copy()
    np.testing.assert_array_equal(pass_on(network, ROWS[:1], training=True), pass_on(network, ROWS[:1], training=False))
    np.testing.assert_array_equal(network.state, before)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "rms_norm"])
def test_scales_and_shifts_are_learned_unless_they_are_not_wanted(name: str) -> None:
    with_them = network_of(LAYERS.create(name), Dense(2, Identity()))
    names = {"batch_norm": ["gamma", "beta"], "layer_norm": ["gamma", "beta"], "rms_norm": ["gamma"]}[name]
    assert list(with_them.named(with_them.theta)) == [f"input.{name}.{n}" for n in names] + ["output.W", "output.b"]
    without = network_of(LAYERS.create(name, affine=False), Dense(2, Identity()))
    assert list(without.named(without.theta)) == ["output.W", "output.b"]
    np.testing.assert_array_equal(with_them.named(with_them.theta)[f"input.{name}.gamma"], np.ones(3))


# --- residual


def test_a_residual_block_adds_its_input() -> None:
    network = network_of(Residual([Dense(4, Tanh()), Dense(3, Identity())]), Dense(3, Identity()))
    weights = network.named(network.theta)
    weights["output.W"][...] = np.eye(3)
    F = np.tanh(ROWS @ weights["hidden_1.W"]) @ weights["hidden_2.W"]
    np.testing.assert_allclose(pass_on(network, ROWS, training=True), ROWS + F, rtol=1e-12, atol=1e-12)


def test_a_residual_block_that_changes_the_width_is_refused() -> None:
    block = Residual([Dense(8, Tanh()), LAYERS.create("batch_norm"), Dense(5, Tanh()), LAYERS.create("dropout")])
    with pytest.raises(UserError) as error:
        network_of(Dense(4, Tanh()), block, Dense(2, Identity()))
    assert str(error.value) == (
        "hidden_3.units: a residual block adds its input to its output, but 4 features go in and 5 come out; write 4"
    )
