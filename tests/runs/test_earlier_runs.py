"""A run's folder made by an earlier version opens, is drawn and is diagnosed by this one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.experiments.model import load_model
from nn_scratch.experiments.train import resume
from nn_scratch.runs.run import Run
from nn_scratch.visualize.gallery import draw_plots
from nn_scratch.visualize.plot import plots
from nn_scratch.visualize.view import View

MADE = sorted(Path(__file__).parent.glob("made-by-*"))


@pytest.fixture(params=MADE, ids=lambda path: path.name)
def earlier(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    """A copy, to write into."""
    folder = tmp_path / "outputs" / "earlier-001"
    shutil.copytree(request.param, folder)
    return Run(folder)


def test_there_is_such_a_run() -> None:
    assert MADE


def test_it_opens_whole(earlier: Run) -> None:
    assert earlier.info["status"] == "finished"
    assert len(earlier.metrics["epoch"]) == earlier.info["epochs"] == 4
    model = load_model(earlier)
    assert model.predict(np.zeros((3, 2))).shape == (3, 2)


def test_it_is_diagnosed(earlier: Run) -> None:
    diagnosis = diagnose(earlier)
    assert diagnosis.verdict in ("healthy", "sick", "inconclusive")
    assert diagnosis.summary


def test_it_is_drawn(earlier: Run) -> None:
    drawn = list(draw_plots(View(earlier), list(plots().values()), earlier.path / "plots"))
    assert sum(isinstance(path, Path) for _, path in drawn) >= 8


def test_a_finished_one_is_left_as_it_is(earlier: Run) -> None:
    before = {path: path.read_bytes() for path in earlier.path.rglob("*") if path.is_file()}
    resume(earlier)
    assert {path: path.read_bytes() for path in earlier.path.rglob("*") if path.is_file()} == before
