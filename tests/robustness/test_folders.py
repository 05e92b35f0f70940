"""A run's folder from a stranger: one line a problem, no code run, no memory taken."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

from tests.robustness import documents, folders
from tests.robustness.corruptions import Trap
from tests.robustness.processes import Scripts


def test_what_is_put_into_folders_would_show_if_it_were_run(tmp_path: Path) -> None:
    pickle.loads(pickle.dumps(Trap(tmp_path / "SENTINEL")))
    assert (tmp_path / "SENTINEL").exists()


def test_corrupted_folders_are_refused_or_read(scripts: Scripts) -> None:
    assert folders.main(scripts, 25, seed=3, only=["read", "resume", "predict", "diagnose"]) == 0


@pytest.mark.slow
def test_2000_corrupted_folders_are_refused_or_read(scripts: Scripts) -> None:
    assert folders.main(scripts, 2000, seed=0) == 0


def test_no_value_of_a_document_brings_a_reader_down(scripts: Scripts) -> None:
    assert documents.main(scripts, 100, seed=1) == 0


@pytest.mark.slow
def test_of_5000_values_none_brings_a_reader_down(scripts: Scripts) -> None:
    assert documents.main(scripts, 5000, seed=0) == 0
