"""Nothing overflows and nothing becomes NaN for signals and logits of ±10⁴, in either precision."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.memory import Memory, Scratch
from tests.nn.subjects import Case, bound, cases, targets_for

FAR = np.array([-1e4, -800.0, -100.0, -30.0, -1.0, -1e-30, 0.0, 1e-30, 1.0, 30.0, 100.0, 800.0, 1e4])


def bound_alone(subject: object, features: int, rows: int, dtype: type) -> object:
    """An activation or a layer, bound without a network."""
    blocks = subject.blocks(features) if subject.registered_name in ACTIVATIONS else subject.blocks()
    state_blocks = subject.state_blocks() if hasattr(subject, "state_blocks") else {}
    parameters, gradients, state = (
        {name: np.zeros(shape, dtype) for name, shape in wanted.items()} for wanted in (blocks, blocks, state_blocks)
    )
    memory = Memory(rows, dtype, True, (np.random.default_rng(0),), Scratch(dtype), parameters, gradients, state)
    if subject.registered_name in ACTIVATIONS:
        subject.initialize(parameters)
        subject.bind(features, memory)
    else:
        subject.initialize(parameters, np.random.default_rng(0))
        subject.initialize_state(state)
        subject.bind(memory)
    return subject


@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_are_finite_far_from_zero(case: Case, dtype: type) -> None:
    Z = np.stack([FAR, FAR[::-1], np.full(len(FAR), 1e4)]).astype(dtype)
    f = bound_alone(case.create(), 3, len(FAR), dtype)
    A, dZ = np.empty_like(Z), np.empty_like(Z)
    f.forward(Z, A)
    f.backward(Z, A, np.ones_like(Z), dZ)
    assert np.isfinite(A).all()
    assert np.isfinite(dZ).all()
    assert np.abs(A).max() <= 1.06e4  # SELU's slope is the steepest
    assert np.abs(dZ).max() <= 1.76  # and the step in its derivative the highest


# What the activations come to far out: A and A' at -10⁴ and at 10⁴.
LIMITS = {
    "identity": (-1e4, 1, 1e4, 1),
    "relu": (0, 0, 1e4, 1),
    "relu6": (0, 0, 6, 0),
    "leaky_relu": (-1e2, 0.01, 1e4, 1),
    "prelu": (-2.5e3, 0.25, 1e4, 1),
    "elu": (-1, 0, 1e4, 1),
    "celu": (-1, 0, 1e4, 1),
    "selu": (-1.7580993408473766, 0, 1.0507009873554805e4, 1.0507009873554805),
    "sigmoid": (0, 0, 1, 0),
    "tanh": (-1, 0, 1, 0),
    "softsign": (-1e4 / 10001, 1 / 10001**2, 1e4 / 10001, 1 / 10001**2),
    "hard_tanh": (-1, 0, 1, 0),
    "hard_sigmoid": (0, 0, 1, 0),
    "gelu": (0, 0, 1e4, 1),
    "silu": (0, 0, 1e4, 1),
    "mish": (0, 0, 1e4, 1),
    "softplus": (0, 0, 1e4, 1),
    "hard_swish": (0, 0, 1e4, 1),
}


def test_every_elementwise_activation_has_its_limits_listed() -> None:
    assert {name for name in ACTIVATIONS if ACTIVATIONS[name].elementwise} == set(LIMITS)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_activations_reach_their_limits(name: str, dtype: type) -> None:
    Z = np.array([[-1e4, 1e4]], dtype)
    f = bound_alone(ACTIVATIONS.create(name), 1, 2, dtype)
    A, dZ = np.empty_like(Z), np.empty_like(Z)
    f.forward(Z, A)
    f.backward(Z, A, np.ones_like(Z), dZ)
    found = A[0, 0], dZ[0, 0], A[0, 1], dZ[0, 1]
    np.testing.assert_allclose(found, LIMITS[name], rtol=1e-6, atol=1e-30)


@pytest.mark.parametrize("name", ["batch_norm", "layer_norm", "rms_norm"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e4])
def test_normalizations_are_finite_for_constant_and_for_large_signals(name: str, dtype: type, scale: float) -> None:
    layer = LAYERS.create(name)
    layer.declare(3)
    bound_alone(layer, 3, 5, dtype)
    X = np.ones((4, 5), dtype)
    X[:-1] = scale
    X[0, 0] *= -1
    if hasattr(layer, "sum_rows"):  # without BLAS, which may raise the flag of an invalid value for unused memory
        layer.sum_rows = lambda A, out: np.sum(A, axis=-1, out=out)
    Y = layer.forward(X).copy()
    dX = layer.backward(np.ones((3, 5), dtype))
    assert np.isfinite(Y).all()
    assert np.isfinite(dX).all()


def far_logits(outputs: int, dtype: type) -> Array:
    """(outputs, n): every pair of far values on the first two outputs."""
    first, second = np.meshgrid(FAR, FAR)
    Z = np.zeros((outputs, first.size), dtype)
    Z[0] = first.ravel()
    if outputs > 1:
        Z[1] = second.ravel()
    return Z


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("outputs", [1, 3])
def test_losses_are_finite_for_logits_of_any_size(case: Case, dtype: type, outputs: int) -> None:
    loss = case.create()
    if outputs < loss.outputs(2):
        outputs = loss.outputs(2)
    Z = far_logits(outputs, dtype)
    n = Z.shape[1]
    bound(loss, outputs, n, dtype)
    Y = targets_for(loss, outputs, n, np.random.default_rng(0)).astype(dtype)
    w = np.full(n, 1.0 / n, dtype)
    w[::7] = 0.0
    assert np.isfinite(loss.forward(Z, Y)).all()
    assert np.isfinite(loss.backward(Z, Y, w)).all()
    if "classification" in loss.kinds:
        P = loss.probabilities(Z)
        assert P.shape == (n, max(2, outputs)) if loss.registered_name == "binary_cross_entropy" else (n, outputs)
        assert ((P >= 0) & (P <= 1)).all()
        np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_wrong_answer_given_with_certainty_costs_its_distance(dtype: type) -> None:
    """Where the probability of the true class is exactly 0, its logarithm is still known from the logits."""
    Z, Y = np.array([[1e4], [-1e4]], dtype), np.array([[0.0], [1.0]], dtype)
    for name in ("cross_entropy", "focal"):
        loss = bound(LOSSES.create(name), 2, 1, dtype)
        assert loss.probabilities(Z)[0, 1] == 0.0
        assert loss.forward(Z, Y)[0] == 2e4
        np.testing.assert_array_equal(loss.backward(Z, Y, 1.0), [[1.0], [-1.0]])
    loss = bound(LOSSES.create("binary_cross_entropy"), 1, 1, dtype)
    assert loss.probabilities(Z[:1])[0, 0] == 0.0
    assert loss.forward(Z[:1], Y[:1])[0] == 1e4
    np.testing.assert_array_equal(loss.backward(Z[:1], Y[:1], 1.0), [[1.0]])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_right_answer_given_with_certainty_costs_nothing(dtype: type) -> None:
    """The probability of the true class is exactly 1."""
    Z, Y = np.array([[1e4], [-1e4]], dtype), np.array([[1.0], [0.0]], dtype)
    for case in cases(LOSSES):
        if case.name not in ("cross_entropy", "focal", "hinge") or "label_smoothing" in case.parameters:
            continue
        loss = bound(case.create(), 2, 1, dtype)
        assert loss.probabilities(Z)[0, 0] == 1.0
        assert loss.forward(Z, Y)[0] == 0.0
        np.testing.assert_array_equal(loss.backward(Z, Y, 1.0), np.zeros((2, 1)))


def test_a_rate_too_large_for_exp_is_held() -> None:
    """Poisson: e⁴⁴ is the largest rate in float32."""
    loss = bound(LOSSES.create("poisson"), 1, 2, np.float32)
    Z, Y = np.array([[1e4, 3.0]], np.float32), np.array([[2.0, 2.0]], np.float32)
    limit = np.log(np.finfo(np.float32).max) / 2
    np.testing.assert_allclose(loss.forward(Z, Y), [np.exp(limit) - 2e4, np.exp(3.0) - 6.0], rtol=1e-5)
    np.testing.assert_allclose(loss.values(Z), [[np.exp(limit)], [np.exp(3.0)]], rtol=1e-5)


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
@pytest.mark.parametrize("size", [1.0, 1e4])
def test_the_backward_of_a_loss_needs_no_forward(case: Case, size: float) -> None:
    """Most steps of training compute the gradient alone; what buffers hold from other rows must not matter."""
    outputs, rows = 1 if case.name == "binary_cross_entropy" else 3, 7
    rng = np.random.default_rng(0)
    after_forward, alone = (bound(case.create(), outputs, rows) for _ in range(2))
    Y = targets_for(after_forward, outputs, rows, rng)
    Z = size * rng.normal(size=(outputs, rows))
    weights = np.full(rows, 1 / rows)
    after_forward.forward(Z, Y)
    expected = after_forward.backward(Z, Y, weights).copy()
    alone.forward(-3.0 * Z + 1.0, Y)  # of other rows
    np.testing.assert_array_equal(alone.backward(Z, Y, weights), expected)
