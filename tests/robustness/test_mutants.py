"""The tests of the backward passes notice when one is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]


def unnoticed(*arguments: str) -> str:
    """What is said of mutants that no test noticed; "" where all were.

    In an interpreter of its own: it forks, which libraries with threads that other tests import warn of.
    """
    command = [sys.executable, "-m", "tests.robustness.mutants", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=PROJECT, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_a_wrong_dense_layer_is_noticed() -> None:
    assert unnoticed("--only", "dense.py", "--most", "3", "--minutes", "60") == ""


@pytest.mark.slow
def test_every_mutant_of_every_backward_pass_is_noticed() -> None:
    assert unnoticed("--minutes", "60") == ""
