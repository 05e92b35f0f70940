"""A run that a power cut ended goes on with the same bytes, from whatever the disk was left with."""

from __future__ import annotations

import pytest

from tests.robustness import crashes


def test_runs_go_on_after_power_cuts() -> None:
    assert crashes.main(25, seed=1, draws=2) == 0


@pytest.mark.parametrize("left_out", ["sync", "sync names"])
def test_the_model_finds_what_a_run_that_does_not_sync_would_lose(left_out: str) -> None:
    assert crashes.main(60, seed=1, draws=1, names=["a run"], without=[left_out]) > 0


@pytest.mark.slow
def test_runs_go_on_from_every_state_that_was_drawn() -> None:
    assert crashes.main(None, seed=0, draws=6) == 0
