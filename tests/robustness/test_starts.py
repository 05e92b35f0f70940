"""Runs that start at once do not meet."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


def test_100_runs_that_start_at_once_have_100_folders_and_a_folder_has_one_writer() -> None:
    # in an interpreter of its own: it forks, which libraries with threads that other tests import warn of
    done = subprocess.run(
        [sys.executable, "-m", "tests.robustness.starts", "--starts", "100"],
        capture_output=True,
        text=True,
        cwd=PROJECT,
        check=False,
        timeout=120,
    )
    assert done.stdout == (
        "100 folders for 100 starts; one folder claimed 100 times was had by 1, and 99 were told by whom\n"
    )
    assert done.returncode == 0
