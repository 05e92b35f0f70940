"""The tests of the backward passes notice when one is wrong."""

from __future__ import annotations

import pytest

from tests.robustness import mutants


def test_a_wrong_dense_layer_is_noticed() -> None:
    assert mutants.main(minutes=5.0, seed=0, only="dense.py", most=3) == 0


@pytest.mark.slow
def test_every_mutant_of_every_backward_pass_is_noticed() -> None:
    assert mutants.main(minutes=60.0, seed=0, only="") == 0
