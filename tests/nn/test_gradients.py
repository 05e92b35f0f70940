"""Every backward pass agrees with central differences, in float64, to a relative error under 1e-6."""

from __future__ import annotations

from functools import partial
from itertools import product

import numpy as np
import pytest

from nn_scratch.nn.activations import ACTIVATIONS, Activation
from nn_scratch.nn.activations.rectifiers import SMALL, Identity
from nn_scratch.nn.activations.sigmoids import Tanh
from nn_scratch.nn.layers import LAYERS, Layer
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.losses.regression import MeanSquaredError
from nn_scratch.nn.memory import Memory, Scratch
from tests.nn.subjects import (
    Case,
    Problem,
    bound,
    cases,
    distance_from_kinks,
    gradient_errors,
    hidden_layers,
    make_problem,
    targets_for,
)

TOLERANCE = 1e-6
WIDTH = 4
LAYER_VARIANTS = [(name, i) for name in LAYERS for i in range(len(hidden_layers(name, Tanh, WIDTH)))]


def assert_right(problem: Problem) -> None:
    wrong = {name: error for name, error in gradient_errors(problem) if not error < TOLERANCE}
    assert wrong == {}


def around(layer: str, activation: type[Activation], variant: int = 0) -> list[Layer]:
    """A small network with the layer in the middle, between dense layers with biases."""
    before = Tanh() if layer == "activation" else activation()  # a ReLU right after a ReLU is always at its corner
    return [Dense(WIDTH, before), hidden_layers(layer, activation, WIDTH)[variant], Dense(3, Identity())]


@pytest.mark.parametrize(("layer", "activation"), list(product(LAYERS, ACTIVATIONS)))
def test_every_layer_with_every_activation_and_every_loss_in_both_modes(layer: str, activation: str) -> None:
    checked = 0
    for loss, training in product(LOSSES, (True, False)):
        layers = partial(around, layer, ACTIVATIONS[activation])
        assert_right(make_problem(layers, LOSSES[loss], training=training))
        checked += 1
    assert checked == 2 * len(LOSSES)


@pytest.mark.parametrize(("layer", "variant"), LAYER_VARIANTS)
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("rows", [1, 6])
def test_every_variant_of_a_layer_after_another_and_on_the_input(
    layer: str, variant: int, training: bool, rows: int
) -> None:
    assert_right(make_problem(partial(around, layer, Tanh, variant), MeanSquaredError, rows=rows, training=training))

    def on_the_input() -> list[Layer]:
        return [hidden_layers(layer, Tanh, 3)[variant], Dense(2, Tanh())]

    assert_right(make_problem(on_the_input, MeanSquaredError, rows=rows, training=training))


@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
def test_every_variant_of_an_activation_on_hidden_and_output_layers(case: Case) -> None:
    def layers() -> list[Layer]:
        return [Dense(5, case.create()), Dense(4, case.create()), Dense(3, case.create())]

    assert_right(make_problem(layers, MeanSquaredError))


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
@pytest.mark.parametrize("rows", [1, 7])
def test_every_variant_of_a_loss(case: Case, rows: int) -> None:
    for outputs in (1, 2, 4):
        if outputs >= case.create().outputs(2):
            assert_right(make_problem(lambda k=outputs: [Dense(k, Identity())], case.create, rows=rows))


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
def test_a_loss_takes_one_weight_for_all_rows_or_one_a_row(case: Case) -> None:
    rng = np.random.default_rng(0)
    loss, Z = bound(case.create(), 3, 4), rng.normal(size=(3, 4))
    Y = targets_for(loss, 3, 4, rng)
    same = loss.backward(Z, Y, 0.25).copy()
    np.testing.assert_array_equal(same, loss.backward(Z, Y, np.full(4, 0.25)))
    uneven = np.array([0.0, 0.5, 0.25, 1.0])
    np.testing.assert_allclose(loss.backward(Z, Y, uneven), same * (uneven / 0.25), rtol=1e-14)


@pytest.mark.parametrize("rows", [92, SMALL // 3 + 50])
@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
def test_the_derivative_of_an_activation_over_all_its_regions(case: Case, rows: int) -> None:
    """In a column each: from far below zero to far above it, on both sides of every kink; in arrays small and large."""
    h = 1e-6
    Z = np.linspace(-8.05, 8.05, rows)[None, :] + np.array([[0.0], [0.013], [-0.011]])
    f = case.create()
    assert distance_from_kinks(f, Z) > 10 * h
    shape = Z.shape
    gradients = {name: np.empty(size) for name, size in f.blocks(shape[0]).items()}
    parameters = {name: np.empty(size) for name, size in f.blocks(shape[0]).items()}
    f.initialize(parameters)
    memory = Memory(shape[1], np.float64, True, (np.random.default_rng(0),), Scratch(np.float64), parameters, gradients)
    f.bind(shape[0], memory)
    above, below, A, dZ = (np.empty(shape) for _ in range(4))
    dA = np.random.default_rng(0).normal(size=shape)

    for unit in range(shape[0]):  # unit by unit, as softmax lets every unit act on every other
        step = np.zeros(shape)
        step[unit] = h
        f.forward(Z + step, above)
        f.forward(Z - step, below)
        expected = (dA * (above - below) / (2 * h)).sum(axis=0)
        pre = Z.copy()
        f.forward(pre, A)
        f.backward(pre, A, dA, dZ)
        np.testing.assert_allclose(dZ[unit], expected, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
def test_an_activation_may_work_in_place(case: Case) -> None:
    """Over its input where it says so (`from_output`), and over the incoming derivative always."""
    rng = np.random.default_rng(1)
    Z, dA = rng.normal(size=(3, 5)), rng.normal(size=(3, 5))
    f = case.create()
    blocks = f.blocks(3)
    parameters = {name: np.empty(size) for name, size in blocks.items()}
    gradients = {name: np.empty(size) for name, size in blocks.items()}
    f.initialize(parameters)
    f.bind(3, Memory(5, np.float64, True, (rng,), Scratch(np.float64), parameters, gradients))
    A, dZ = np.empty_like(Z), np.empty_like(Z)
    f.forward(Z, A)
    f.backward(Z, A, dA, dZ)

    pre, dA_in_place = Z.copy(), dA.copy()
    post = pre if f.from_output else np.empty_like(Z)
    f.forward(pre, post)
    f.backward(pre, post, dA_in_place, dA_in_place)
    np.testing.assert_array_equal(post, A)
    np.testing.assert_array_equal(dA_in_place, dZ)
