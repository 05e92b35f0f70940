"""What a loss says of itself: outputs, targets, decisions, probabilities, predictions."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.nn.losses import LOSSES
from tests.nn.subjects import bound

# name: (kinds, outputs for 2 classes, outputs for 3)
DECLARED = {
    "cross_entropy": (("classification",), 2, 3),
    "binary_cross_entropy": (("classification", "multi_label"), 1, 3),
    "focal": (("classification",), 2, 3),
    "hinge": (("classification",), 2, 3),
    "mse": (("regression", "classification"), 2, 3),
    "mae": (("regression", "classification"), 2, 3),
    "huber": (("regression", "classification"), 2, 3),
    "log_cosh": (("regression", "classification"), 2, 3),
    "poisson": (("regression",), 1, 1),
}
CLASSIFICATION = [name for name in DECLARED if "classification" in DECLARED[name][0]]


def test_every_loss_declares_its_kinds_and_outputs() -> None:
    assert set(LOSSES) == set(DECLARED)
    for name, (kinds, two, three) in DECLARED.items():
        loss = LOSSES.create(name)
        assert loss.kinds == kinds
        if "classification" in kinds:
            assert (loss.outputs(2), loss.outputs(3)) == (two, three)


@pytest.mark.parametrize("name", CLASSIFICATION)
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_outputs_equal_to_a_class_targets_decide_for_that_class(name: str, classes: int) -> None:
    loss = LOSSES.create(name)
    targets = loss.targets(classes)
    assert targets.shape == (classes, loss.outputs(classes))
    Z = (6.0 * targets - 3.0).T
    np.testing.assert_array_equal(loss.decide(Z), np.arange(classes))
    P = loss.probabilities(Z)
    assert P.shape == (classes, classes)
    np.testing.assert_array_equal(P.argmax(axis=1), np.arange(classes))
    np.testing.assert_allclose(P.sum(axis=1), 1.0, rtol=1e-12)


@pytest.mark.parametrize("name", CLASSIFICATION)
def test_probabilities_name_the_class_that_is_decided_for(name: str) -> None:
    loss = LOSSES.create(name)
    Z = np.random.default_rng(0).normal(0.5, 0.3, (4, 200))
    np.testing.assert_array_equal(loss.probabilities(Z).argmax(axis=1), loss.decide(Z))


def test_label_smoothing_with_class_weights_is_not_pytorchs() -> None:
    """A row counts with the weight of its own class; PyTorch weighs each class's share of the smoothed target."""
    torch = pytest.importorskip("torch", reason="PyTorch, the reference, is not installed: pip install .[reference]")
    rng = np.random.default_rng(0)
    Z, labels, c = rng.normal(size=(3, 20)), rng.integers(3, size=20), np.array([1.0, 5.0, 0.2])
    theirs = {
        (smoothing, weight is None): torch.nn.functional.cross_entropy(
            torch.tensor(Z.T),
            torch.tensor(labels),
            weight=None if weight is None else torch.tensor(weight),
            label_smoothing=smoothing,
            reduction="none" if weight is None else "mean",
        ).numpy()
        for smoothing in (0.0, 0.2)
        for weight in (None, c)
    }
    for smoothing in (0.0, 0.2):
        loss = bound(LOSSES.create("cross_entropy", label_smoothing=smoothing), 3, 20)
        of_rows = loss.forward(Z, loss.targets(3)[labels].T).copy()
        ours = float((of_rows * c[labels]).sum() / c[labels].sum())
        np.testing.assert_allclose(of_rows, theirs[smoothing, True], rtol=1e-12)
        # as the docstring says: Σ_n Σ_k -c_k Y_k log P_k / Σ_n c_y
        terms = -(c[:, None] * loss.targets(3)[labels].T * np.log(loss.probabilities(Z).T)).sum() / c[labels].sum()
        np.testing.assert_allclose(terms, theirs[smoothing, False], rtol=1e-12)
        assert (abs(ours - theirs[smoothing, False]) < 1e-12) == (smoothing == 0.0)


def test_probabilities_of_cross_entropy_are_the_softmax() -> None:
    Z = np.log(np.array([[1.0, 4.0], [3.0, 4.0]]))
    np.testing.assert_allclose(LOSSES.create("cross_entropy").probabilities(Z), [[0.25, 0.75], [0.5, 0.5]])
    np.testing.assert_allclose(LOSSES.create("focal").probabilities(Z), [[0.25, 0.75], [0.5, 0.5]])


def test_each_label_of_binary_cross_entropy_has_a_probability_of_its_own() -> None:
    Z = np.array([[0.0, 30.0], [np.log(3.0), -800.0]])
    P = LOSSES.create("binary_cross_entropy").values(Z)
    np.testing.assert_allclose(P, [[0.5, 0.75], [1 / (1 + np.exp(-30)), 0.0]], rtol=1e-12, atol=1e-300)


def test_probabilities_of_binary_cross_entropy_are_the_sigmoid_and_its_shares() -> None:
    loss = LOSSES.create("binary_cross_entropy")
    np.testing.assert_allclose(loss.probabilities(np.log([[3.0, 1.0]])), [[0.25, 0.75], [0.5, 0.5]])
    three = np.log(np.array([[1.0], [1.0], [3.0]]))  # sigmoids 1/2, 1/2 and 3/4
    np.testing.assert_allclose(loss.probabilities(three), [[2 / 7, 2 / 7, 3 / 7]])


def test_probabilities_of_a_distance_are_the_nearest_to_the_outputs() -> None:
    Z = np.array([[0.2, -1.0, 5.0, 0.6], [0.7, -1.0, 4.5, 0.7], [0.1, -1.0, -3.0, -0.1]])
    expected = [[0.2, 0.7, 0.1], [1 / 3, 1 / 3, 1 / 3], [0.75, 0.25, 0.0], [0.45, 0.55, 0.0]]
    for name in ("mse", "mae", "huber", "log_cosh"):
        np.testing.assert_allclose(LOSSES.create(name).probabilities(Z), expected, atol=1e-15)


def test_a_loss_without_classes_has_no_probabilities() -> None:
    with pytest.raises(NotImplementedError, match=r"^Poisson has no classes$"):
        LOSSES.create("poisson").probabilities(np.zeros((1, 1)))


def test_values_are_in_the_scale_of_the_targets() -> None:
    Z = np.array([[0.0, 1.0], [2.0, -1.0]])
    np.testing.assert_array_equal(LOSSES.create("mse").values(Z), [[0.0, 2.0], [1.0, -1.0]])
    np.testing.assert_allclose(LOSSES.create("poisson").values(Z), np.exp([[0.0, 2.0], [1.0, -1.0]]))
    assert LOSSES.create("poisson").needs_counts
    assert not LOSSES.create("mse").needs_counts


def test_smoothed_targets_share_out_a_part_of_each_row() -> None:
    targets = LOSSES.create("cross_entropy", label_smoothing=0.3).targets(3)
    np.testing.assert_allclose(targets, np.full((3, 3), 0.1) + 0.7 * np.eye(3))


def test_losses_at_the_start_are_what_is_expected_of_outputs_of_zero() -> None:
    """What --check compares a new network with."""
    Z, Y = np.zeros((4, 1)), np.eye(4)[:, :1]
    expected = {
        "cross_entropy": np.log(4),
        "binary_cross_entropy": np.log(2),
        "focal": 0.75**2 * np.log(4),
        "hinge": 3 / 4,
        "mse": 1 / 4,
        "mae": 1 / 4,
        "huber": 1 / 8,
        "log_cosh": np.log(np.cosh(1)) / 4,
        "poisson": 1.0,
    }
    assert set(expected) == set(LOSSES)
    found = {name: bound(LOSSES.create(name), 4, 1).forward(Z, Y)[0] for name in LOSSES}
    assert found == pytest.approx(expected, rel=1e-14)


def test_two_classes_cost_half_their_hinge() -> None:
    """The definition for classes -1 and 1, max(0, 1 - t f) with f the difference of the two outputs, over two."""
    rng = np.random.default_rng(0)
    Z, t = rng.normal(size=(2, 50)), rng.choice([-1.0, 1.0], 50)
    Y = np.array([t < 0, t > 0], float)
    loss = bound(LOSSES.create("hinge"), 2, 50)
    np.testing.assert_allclose(loss.forward(Z, Y), np.maximum(0.0, 1.0 - t * (Z[1] - Z[0])) / 2)


def test_the_focal_loss_of_two_classes_is_that_of_the_paper() -> None:
    """Lin et al. 2017, equation 4, with p the sigmoid of the difference of the logits."""
    rng = np.random.default_rng(0)
    Z, y = rng.normal(size=(2, 50)), rng.integers(2, size=50)
    p = 1 / (1 + np.exp(-(Z[1] - Z[0])))
    p_t = np.where(y == 1, p, 1 - p)
    loss = bound(LOSSES.create("focal", gamma=2.0), 2, 50)
    np.testing.assert_allclose(loss.forward(Z, np.eye(2)[y].T), -((1 - p_t) ** 2) * np.log(p_t))


def test_focusing_by_nothing_is_the_cross_entropy() -> None:
    rng = np.random.default_rng(0)
    Z, Y = rng.normal(size=(3, 50)), np.eye(3)[rng.integers(3, size=50)].T
    focal, plain = bound(LOSSES.create("focal", gamma=0.0), 3, 50), bound(LOSSES.create("cross_entropy"), 3, 50)
    np.testing.assert_allclose(focal.forward(Z, Y), plain.forward(Z, Y), rtol=1e-13)
    np.testing.assert_allclose(focal.backward(Z, Y, 0.02), plain.backward(Z, Y, 0.02), rtol=1e-12, atol=1e-17)
