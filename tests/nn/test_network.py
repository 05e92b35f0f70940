"""The network: names, the layout of its vectors, what is trained and what is penalized."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.activations.rectifiers import Identity, PReLU
from nn_scratch.nn.activations.sigmoids import Tanh
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers import LAYERS, Layer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.layers.residual import Residual
from nn_scratch.nn.network import Network, signal_rows


def network_of(*layers: Layer, inputs: int = 3, seed: int = 0) -> Network:
    init, noise = np.random.default_rng(seed).spawn(2)
    return Network(list(layers), inputs, init=init, noise=noise, dtype=np.float64)


def nested() -> Network:
    """Dense layers, normalizations and noise around and inside of blocks within blocks."""
    return network_of(
        LAYERS.create("gaussian_noise"),
        Dense(4, PReLU()),
        LAYERS.create("batch_norm"),
        Residual(
            [
                LAYERS.create("batch_norm"),
                Residual([Dense(4, Tanh(), trainable=False), LAYERS.create("dropout"), LAYERS.create("dropout")]),
                Dense(4, Identity(), bias=False),
            ]
        ),
        LAYERS.create("activation", activation=PReLU()),
        Dense(2, Identity()),
    )


def test_layers_are_named_by_their_place() -> None:
    assert [layer.name for layer in nested().every_layer] == [
        "input.gaussian_noise",
        "hidden_1",
        "hidden_1.batch_norm",
        "hidden_1.residual",
        "hidden_1.batch_norm_2",
        "hidden_1.residual_2",
        "hidden_2",
        "hidden_2.dropout",
        "hidden_2.dropout_2",
        "hidden_3",
        "hidden_3.activation",
        "output",
    ]


def test_parameters_of_inner_layers_have_names_like_any_others() -> None:
    network = nested()
    assert {name: view.shape for name, view in network.named(network.theta).items()} == {
        "hidden_1.W": (3, 4),
        "hidden_1.b": (4,),
        "hidden_1.slope": (4,),
        "hidden_1.batch_norm.gamma": (4,),
        "hidden_1.batch_norm.beta": (4,),
        "hidden_1.batch_norm_2.gamma": (4,),
        "hidden_1.batch_norm_2.beta": (4,),
        "hidden_2.W": (4, 4),
        "hidden_2.b": (4,),
        "hidden_3.W": (4, 4),
        "hidden_3.activation.slope": (4,),
        "output.W": (4, 2),
        "output.b": (2,),
    }
    assert list(network.named_state(network.state)) == [
        "hidden_1.batch_norm.running_mean",
        "hidden_1.batch_norm.running_var",
        "hidden_1.batch_norm_2.running_mean",
        "hidden_1.batch_norm_2.running_var",
    ]


def test_the_names_cover_every_parameter_once() -> None:
    network = nested()
    counted = np.zeros_like(network.theta)
    for view in network.named(counted).values():
        view += 1
    np.testing.assert_array_equal(counted, np.ones_like(network.theta))


def test_dense_layers_are_found_in_blocks_too() -> None:
    network = nested()
    assert [layer.name for layer in network.dense] == ["hidden_1", "hidden_2", "hidden_3", "output"]
    graph = network.on(5, training=False)
    assert [layer.name for layer in graph.dense] == ["hidden_1", "hidden_2", "hidden_3", "output"]
    graph.forward(signal_rows(np.ones((5, 3)), np.float64).T)
    assert [layer.A.shape for layer in graph.dense] == [(4, 5), (4, 5), (4, 5), (2, 5)]


def test_what_is_not_trainable_stands_last() -> None:
    network = nested()
    frozen = network.named(np.arange(network.theta.size))
    assert network.trainable == network.theta.size - 20
    assert min(frozen["hidden_2.W"].min(), frozen["hidden_2.b"].min()) == network.trainable
    assert all(view.max() < network.trainable for name, view in frozen.items() if not name.startswith("hidden_2."))


def test_penalties_act_on_the_weights_of_trainable_layers() -> None:
    network = nested()
    mask = network.named(network.penalized())
    assert {name for name, view in mask.items() if view.all()} == {"hidden_1.W", "hidden_3.W", "output.W"}
    assert {name for name, view in mask.items() if view.any()} == {"hidden_1.W", "hidden_3.W", "output.W"}


def test_a_layer_stands_in_one_piece() -> None:
    network = nested()
    where = network.named(np.arange(network.theta.size))
    for layer in network.every_layer:
        own = [view.ravel() for name, view in where.items() if name.rpartition(".")[0] == layer.name]
        if own:
            start, stop = network.segment(layer)
            np.testing.assert_array_equal(np.sort(np.concatenate(own)), np.arange(start, stop))


def test_named_keeps_leading_axes() -> None:
    network = nested()
    stack = np.stack([network.theta, 2 * network.theta])
    named, plain = network.named(stack), network.named(network.theta)
    for name, view in named.items():
        np.testing.assert_array_equal(view[1], 2 * plain[name])


def test_names_are_views() -> None:
    network = network_of(Dense(2, Identity()))
    network.named(network.theta)["output.W"][...] = 7.0
    assert np.count_nonzero(network.theta == 7.0) == 6


def test_the_same_seed_gives_the_same_weights_and_another_seed_others() -> None:
    def theta(seed: int) -> np.ndarray:
        return network_of(Dense(4), Dense(2, Identity()), seed=seed).theta

    np.testing.assert_array_equal(theta(0), theta(0))
    assert not np.array_equal(theta(0), theta(1))


def test_a_dense_layer_takes_initial_weights_and_biases() -> None:
    network = network_of(
        Dense(2, Identity(), init=INITIALIZERS.create("constant", value=2.0), bias_init=0.5),
        Dense(2, Identity(), bias_init=INITIALIZERS.create("constant", value=-1.0)),
        Dense(2, Identity()),
    )
    weights = network.named(network.theta)
    np.testing.assert_array_equal(weights["hidden_1.W"], np.full((3, 2), 2.0))
    np.testing.assert_array_equal(weights["hidden_1.b"], [0.5, 0.5])
    np.testing.assert_array_equal(weights["hidden_2.b"], [-1.0, -1.0])
    np.testing.assert_array_equal(weights["output.b"], [0.0, 0.0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_dense_layer_starts_from_the_initializer_of_its_activation(name: str) -> None:
    initializer, parameters = ACTIVATIONS.create(name).initializer
    layer = Dense(50, ACTIVATIONS.create(name))
    expected = INITIALIZERS.create(initializer, **parameters)
    assert type(layer.init) is type(expected)
    assert layer.init.std((40, 50)) == expected.std((40, 50))


def test_a_layer_without_a_bias_has_none() -> None:
    network = network_of(Dense(2, Identity(), bias=False))
    X = np.random.default_rng(0).normal(size=(5, 3))
    found = network.on(5, training=False).forward(signal_rows(X, np.float64).T).T
    np.testing.assert_allclose(found, X @ network.named(network.theta)["output.W"])


def test_one_activation_may_be_given_to_several_layers() -> None:
    """Each layer works in buffers of its own."""
    shared, X = Tanh(), signal_rows(np.random.default_rng(0).normal(size=(5, 3)), np.float64).T
    one = network_of(Dense(4, shared), Dense(6, shared), Dense(2, shared)).on(5, training=True)
    apart = network_of(Dense(4, Tanh()), Dense(6, Tanh()), Dense(2, Tanh())).on(5, training=True)
    np.testing.assert_array_equal(one.forward(X), apart.forward(X))
    one.backward(np.ones((2, 5)))
    apart.backward(np.ones((2, 5)))
    np.testing.assert_array_equal(one.grad, apart.grad)
