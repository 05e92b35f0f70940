"""Masks have the rate that was asked for, and depend on the generator alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import binomtest

from nn_scratch.nn.random_mask import RandomMask


@pytest.mark.parametrize("rate", [0.1, 0.3, 0.5, 0.95, 1e-4, 0.9999])
def test_the_share_of_false_is_the_rate(rate: float) -> None:
    mask = RandomMask((np.random.default_rng(3),), rate, (128, 33))
    dropped = sum(int((~mask.draw(np.empty((128, 33), bool))).sum()) for _ in range(50))
    assert binomtest(dropped, 50 * 128 * 33, rate).pvalue > 1e-3


def test_entries_are_independent_of_their_neighbours_and_of_the_draw_before() -> None:
    mask = RandomMask((np.random.default_rng(5),), 0.5, (64, 64))
    first, second = (mask.draw(np.empty((64, 64), bool)).astype(float) for _ in range(2))
    for a, b in ((first[:, 1:], first[:, :-1]), (first[1:], first[:-1]), (first, second)):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 4 / 64


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (7, 1), (4, 64)])
def test_the_same_generator_draws_the_same_mask(shape: tuple[int, int]) -> None:
    masks = [RandomMask((np.random.default_rng(1),), 0.4, shape).draw(np.empty(shape, bool)) for _ in range(2)]
    assert np.array_equal(*masks)
