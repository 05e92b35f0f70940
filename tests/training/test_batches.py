"""Batches: the rows that were asked for, as signals, with weights that sum to 1."""

from __future__ import annotations

import numpy as np
import pytest

from nn_scratch.training.batches import Batches, Examples, normalized

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(size=(11, 4)).astype(np.float32)
LABELS = RNG.integers(3, size=11)
ONE_HOT = np.eye(3, dtype=np.float32)
NUMBERS = RNG.normal(size=(11, 2)).astype(np.float32)
WEIGHTS = RNG.uniform(0.1, 2, 11).astype(np.float32)

KINDS = {
    "classes": Examples(INPUTS, ONE_HOT, LABELS),
    "numbers": Examples(INPUTS, NUMBERS),
    "weighted classes": Examples(INPUTS, ONE_HOT, LABELS, WEIGHTS),
    "weighted numbers": Examples(INPUTS, NUMBERS, weights=WEIGHTS),
}


def expected(examples: Examples, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    targets = NUMBERS if examples.labels is None else ONE_HOT[LABELS]
    w = np.ones(11) if examples.weights is None else WEIGHTS
    return INPUTS[rows].T, targets[rows].T, w[rows] / w[rows].sum()


@pytest.mark.parametrize("kind", KINDS)
def test_batches_hold_the_rows_in_the_order_asked_for(kind: str) -> None:
    examples, order = KINDS[kind], RNG.permutation(11)
    found = Batches(examples, 3).chunk(order[:9])
    assert len(found) == 3
    for batch, rows in zip(found, order[:9].reshape(3, 3), strict=True):
        X, Y, w = expected(examples, rows)
        np.testing.assert_array_equal(batch.X, X)
        np.testing.assert_array_equal(batch.Y, Y)
        np.testing.assert_allclose(np.broadcast_to(batch.w, 3), w, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_examples_in_their_own_order_end_with_what_is_left(kind: str) -> None:
    examples = KINDS[kind]
    found = list(examples.batches(4))
    assert [batch.X.shape[1] for batch in found] == [4, 4, 3]
    for start, batch in zip((0, 4, 8), found, strict=True):
        X, Y, w = expected(examples, np.arange(start, min(start + 4, 11)))
        np.testing.assert_array_equal(batch.X, X)
        np.testing.assert_array_equal(batch.Y, Y)
        np.testing.assert_allclose(np.broadcast_to(batch.w, batch.X.shape[1]), w, rtol=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_pieces_of_a_batch_keep_their_share_of_the_whole(kind: str) -> None:
    (batch,) = KINDS[kind].batches(11)
    losses = RNG.uniform(size=11)
    pieces = [batch[slice(0, 6)], batch[slice(6, 11)]]
    assert sum(p.mean(losses[part]) for p, part in zip(pieces, (slice(0, 6), slice(6, 11)), strict=True)) == (
        pytest.approx(batch.mean(losses), rel=1e-6)
    )
    np.testing.assert_array_equal(np.concatenate([piece.Y for piece in pieces], axis=1), batch.Y)


def test_a_batch_whose_rows_weigh_nothing_has_no_gradient() -> None:
    np.testing.assert_array_equal(normalized(np.zeros(4, np.float32), 4, np.float32), np.zeros(4))


@pytest.mark.parametrize("kind", KINDS)
def test_some_of_the_examples_are_examples(kind: str) -> None:
    examples = KINDS[kind]
    rows = np.array([7, 2, 2])
    (batch,) = examples[rows].batches(3)
    X, Y, w = expected(examples, rows)
    np.testing.assert_array_equal(batch.X, X)
    np.testing.assert_array_equal(batch.Y, Y)
    np.testing.assert_allclose(np.broadcast_to(batch.w, 3), w, rtol=1e-6)


def test_gathering_makes_no_new_buffers() -> None:
    batches = Batches(KINDS["weighted classes"], 3)
    first = batches.chunk(np.arange(9))[0]
    second = batches.chunk(np.arange(9)[::-1])[0]
    assert first is second
