"""A run killed at any moment, and resumed, ends with the same bytes as one never killed."""

from __future__ import annotations

import pytest

from tests.robustness import kills
from tests.robustness.processes import Scripts


def test_runs_killed_now_and_then_end_with_the_same_bytes(scripts: Scripts) -> None:
    assert kills.main(scripts, 6, seed=1, names=["adam, batch norm, dropout", "early stopping", "diverging"]) == 0


@pytest.mark.slow
def test_200_runs_killed_at_random_moments_end_with_the_same_bytes(scripts: Scripts) -> None:
    assert kills.main(scripts, 200, seed=0) == 0


@pytest.mark.slow
def test_a_run_killed_at_any_of_its_writes_ends_with_the_same_bytes(scripts: Scripts) -> None:
    assert kills.main(scripts, 0, seed=0, names=["steps that pause"], every_write=True) == 0
