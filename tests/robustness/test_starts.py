"""Runs that start at once do not meet."""

from __future__ import annotations

from pathlib import Path

from tests.robustness.starts import folders, holders


def test_100_runs_that_start_at_once_have_100_folders(tmp_path: Path) -> None:
    assert sorted(folders(100, tmp_path)) == [f"run-{number:03d}" for number in range(1, 101)]


def test_one_of_20_processes_has_the_folder_and_the_others_are_told_which(tmp_path: Path) -> None:
    told = holders(20, tmp_path)
    (mine,) = (line for line in told if line.startswith("mine"))
    process = mine.partition(", ")[2]
    # the holder writes its name when it has the lock: who asks in between is not told whose it is
    answers = {line.partition("writing this run: ")[2].partition(" on ")[0] for line in told if line != mine}
    assert answers <= {f"process {process}", "unknown"}
