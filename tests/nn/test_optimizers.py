"""What holds for every optimizer, and what is particular to some."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest

from nn_scratch.nn.optimizers import OPTIMIZERS, Optimizer, base
from nn_scratch.nn.optimizers.lbfgs import LBFGS
from tests.nn.subjects import Case, cases

Array = np.ndarray
SIZE = 23


class Valley:
    """A smooth loss of SIZE parameters with its minimum, 0, at `bottom`; curved from 0.3 to 3."""

    def __init__(self, dtype: type = np.float64) -> None:
        rng = np.random.default_rng(5)
        self.bottom, self.curvature = rng.normal(size=SIZE).astype(dtype), np.linspace(0.3, 3.0, SIZE, dtype=dtype)
        self.theta, self.grad = np.zeros(SIZE, dtype), np.zeros(SIZE, dtype)
        self.evaluations = 0

    def evaluate(self) -> float:
        self.evaluations += 1
        away = self.theta - self.bottom
        np.multiply(self.curvature, np.tanh(away), out=self.grad)
        return float(np.dot(self.curvature, np.log(np.cosh(away))))

    def descend(self, optimizer: Optimizer, steps: int, lr: float | None = None) -> float:
        """The loss after some steps."""
        for _ in range(steps):
            take_step(optimizer, lr or optimizer.lr, self.evaluate(), self.evaluate)
        return self.evaluate()


def take_step(optimizer: Optimizer, lr: float, loss: float, evaluate: Callable[[], float]) -> None:
    if optimizer.full_batch:
        optimizer.step_with(lr, loss, evaluate)
    else:
        optimizer.step(lr)


def start(case: Case, dtype: type = np.float64) -> tuple[Valley, Optimizer]:
    valley, optimizer = Valley(dtype), case.create()
    optimizer.bind(valley.theta, valley.grad)
    return valley, optimizer


@pytest.mark.parametrize("case", cases(OPTIMIZERS), ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_optimizer_goes_downhill(case: Case, dtype: type) -> None:
    valley, optimizer = start(case, dtype)
    before = valley.evaluate()
    rate = 1.0 if case.name in ("adadelta", "lbfgs") else 0.01
    assert valley.descend(optimizer, 60, rate) < 0.9 * before
    assert valley.theta.dtype == dtype
    assert all(np.asarray(vector).dtype == dtype for name, vector in optimizer.state().items() if np.ndim(vector))


@pytest.mark.parametrize("case", cases(OPTIMIZERS), ids=str)
def test_an_optimizer_restored_goes_on_as_if_it_had_never_stopped(case: Case) -> None:
    whole, optimizer = start(case)
    whole.descend(optimizer, 15)
    state, theta = optimizer.state(), whole.theta.copy()
    frozen = {name: value.copy() for name, value in state.items()}
    whole.descend(optimizer, 15)
    assert all(np.array_equal(state[name], frozen[name]) for name in frozen), "a state is a copy"

    resumed, again = start(case)
    resumed.theta[...] = theta
    again.restore(state)
    resumed.descend(again, 15)
    np.testing.assert_array_equal(resumed.theta, whole.theta)
    assert again.steps == optimizer.steps == 30


@pytest.mark.parametrize("case", cases(OPTIMIZERS), ids=str)
def test_vectors_longer_than_a_block_are_updated_alike(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, optimizer = start(case)
    whole.descend(optimizer, 12)
    monkeypatch.setattr(base, "BLOCK", 5)
    in_blocks, optimizer = start(case)
    in_blocks.descend(optimizer, 12)
    np.testing.assert_array_equal(in_blocks.theta, whole.theta)


@pytest.mark.parametrize("case", cases(OPTIMIZERS), ids=str)
def test_a_gradient_of_zero_moves_nothing_that_does_not_decay(case: Case) -> None:
    optimizer = case.create()
    theta, grad = np.ones(3), np.zeros(3)
    optimizer.bind(theta, grad)
    for _ in range(12):
        take_step(optimizer, 0.01, 0.0, lambda: 0.0)
    decay = getattr(optimizer, "weight_decay", 0.0)
    np.testing.assert_allclose(theta, (1 - 0.01 * decay) ** 12)


def test_the_rate_of_the_moment_scales_the_velocity_of_sgd() -> None:
    """A changed rate acts at once: θ ← θ - lr v, where v holds no rate."""
    theta, grad = np.zeros(1), np.ones(1)
    sgd = OPTIMIZERS.create("sgd", momentum=0.5)
    sgd.bind(theta, grad)
    sgd.step(1.0)
    assert theta[0] == -1.0
    sgd.step(0.1)
    assert theta[0] == -1.0 - 0.1 * 1.5


# --- L-BFGS


def test_lbfgs_reaches_the_minimum_that_scipy_reaches() -> None:
    from scipy.optimize import minimize

    valley, optimizer = start(Case(OPTIMIZERS, "lbfgs"))
    valley.descend(optimizer, 40)

    def at(x: Array) -> tuple[float, Array]:
        valley.theta[...] = x
        return valley.evaluate(), valley.grad.copy()

    found = valley.theta.copy()
    theirs = minimize(at, np.zeros(SIZE), jac=True, method="L-BFGS-B", options={"ftol": 0, "gtol": 1e-10}).x
    np.testing.assert_allclose(found, theirs, atol=1e-8)
    np.testing.assert_allclose(found, valley.bottom, atol=1e-8)


def test_lbfgs_never_goes_uphill_and_keeps_the_wolfe_conditions() -> None:
    valley, optimizer = start(Case(OPTIMIZERS, "lbfgs", {"lr": 30.0}))  # far too long a first try
    for _ in range(15):
        loss, theta, g = valley.evaluate(), valley.theta.copy(), valley.grad.copy()
        optimizer.step_with(30.0, loss, valley.evaluate)
        after = valley.evaluate()
        update = valley.theta - theta
        assert after <= loss + 1e-4 * np.dot(g, update) + 1e-15
        assert abs(np.dot(valley.grad, update)) <= 0.9 * abs(np.dot(g, update)) + 1e-15


@pytest.mark.parametrize("line_search", ["strong_wolfe", "none"])
def test_lbfgs_learns_from_the_step_that_was_made_where_something_else_moves_theta(line_search: str) -> None:
    """As a bound on the norm of the weights does, after the update: s is what θ changed by, and y belongs to it."""
    valley, optimizer = start(Case(OPTIMIZERS, "lbfgs", {"line_search": line_search}))
    assert isinstance(optimizer, LBFGS)
    visited = []
    for _ in range(6):
        loss = valley.evaluate()
        visited.append((valley.theta.copy(), valley.grad.copy()))
        optimizer.step_with(0.5, loss, valley.evaluate)
        valley.theta *= 0.7
    changes = [(b - a, h - g) for (a, g), (b, h) in pairwise(visited)]
    expected = [(s, y) for s, y in changes if np.dot(s, y) > 1e-10]
    assert len(expected) >= 3
    assert len(optimizer.pairs) == len(expected)
    for (s, y), (ds, dy) in zip(optimizer.pairs, expected, strict=True):
        np.testing.assert_allclose(s, ds, rtol=0, atol=1e-12)
        np.testing.assert_allclose(y, dy, rtol=0, atol=1e-12)


def test_lbfgs_goes_on_from_a_checkpoint_that_keeps_the_update() -> None:
    """Those of version 0.1 hold `previous_update` in place of `previous_theta`."""
    valley, optimizer = start(Case(OPTIMIZERS, "lbfgs"))
    valley.descend(optimizer, 4)
    state = optimizer.state()
    theta, earlier = valley.theta.copy(), {**state, "previous_update": valley.theta - state["previous_theta"]}
    del earlier["previous_theta"]
    resumed = OPTIMIZERS.create("lbfgs")
    resumed.bind(valley.theta, valley.grad)
    resumed.restore(earlier)
    ways = []
    for one in (optimizer, resumed):
        valley.theta[...] = theta
        valley.descend(one, 3)
        ways.append(valley.theta.copy())
    np.testing.assert_allclose(ways[0], ways[1], rtol=0, atol=1e-9)


def test_lbfgs_stays_where_no_direction_leads_down() -> None:
    """A loss that contradicts its gradient: no length satisfies the line search, on either of its two tries."""
    theta, grad = np.array([1.0, 2.0]), np.array([0.5, 0.5])
    optimizer = OPTIMIZERS.create("lbfgs")
    optimizer.bind(theta, grad)
    optimizer.step_with(1.0, 0.0, lambda: 1.0)
    np.testing.assert_array_equal(theta, [1.0, 2.0])


def test_lbfgs_forgets_its_pairs_where_they_lead_nowhere() -> None:
    valley, optimizer = start(Case(OPTIMIZERS, "lbfgs"))
    valley.descend(optimizer, 3)
    assert isinstance(optimizer, LBFGS)
    assert len(optimizer.pairs) == 2
    loss = valley.evaluate()
    optimizer.pairs.append((valley.grad.copy(), -valley.grad))  # along the gradient a curvature below 0: H leads up
    optimizer.memory["previous_theta"][...] = valley.theta
    optimizer.step_with(1.0, loss, valley.evaluate)
    assert len(optimizer.pairs) == 0
    assert valley.evaluate() < loss


def test_lbfgs_takes_a_loss_that_is_not_finite_for_a_wall() -> None:
    theta, grad = np.array([1.0]), np.array([2.0])
    optimizer = OPTIMIZERS.create("lbfgs")
    optimizer.bind(theta, grad)

    def evaluate() -> float:
        grad[0] = 2 * theta[0]
        return float(theta[0] ** 2) if theta[0] > 0 else float("nan")

    for _ in range(5):
        optimizer.step_with(3.0, evaluate(), evaluate)
    assert 0 < theta[0] < 1e-2


def test_only_lbfgs_asks_for_all_rows_at_every_step() -> None:
    assert [name for name in OPTIMIZERS if OPTIMIZERS[name].full_batch] == ["lbfgs"]


def test_an_optimizer_that_needs_one_gradient_takes_a_plain_step_with_more() -> None:
    theta, grad = np.zeros(1), np.ones(1)
    sgd = OPTIMIZERS.create("sgd")
    sgd.bind(theta, grad)
    sgd.step_with(0.5, 1.0, lambda: 1.0)
    assert theta[0] == -0.5
