"""Importance of columns and partial dependence: of a network whose column that matters is known."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from nn_scratch.errors import UserError
from nn_scratch.experiments.importance import measure_importance
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from nn_scratch.visualize.plot import plots
from nn_scratch.visualize.plots.columns import tick_text
from nn_scratch.visualize.style import drawing
from nn_scratch.visualize.view import NotForThisRun, View
from tests.small import config


def table(folder: Path, classes: bool) -> Path:
    """`much` decides, `color` helps, `noise` says nothing."""
    rng = np.random.default_rng(0)
    lines = ["noise,color,much,when,y"]
    for i in range(400):
        noise, much, color = rng.normal(), rng.normal(), int(rng.integers(3))
        value = 10 * much + 3 * color
        target = "ab"[int(value > 3)] if classes else f"{value:.3f}"
        lines.append(f"{noise:.3f},{['red', 'green', 'blue'][color]},{much:.3f},2020-01-{1 + i % 28:02d},{target}")
    path = folder / "t.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.fixture(params=[True, False], ids=["classes", "quantity"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    small = config(str(table(tmp_path, request.param)), train__epochs=40, optimizer__lr=0.01)
    return train(small, tmp_path / "out")


def test_the_column_that_decides_matters_most_and_noise_does_not(run: Run) -> None:
    measure_importance(run)
    with (run.path / "importance.csv").open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [row["column"] for row in rows][:2] == ["much", "color"]
    numbers = {row["column"]: float(row["importance"]) for row in rows}
    assert numbers["much"] > 0.2
    assert abs(numbers["noise"]) < 0.05
    found = json.loads((run.path / "importance.json").read_text())
    scores = run.info["test"]
    assert found["value"] == pytest.approx(scores["balanced_accuracy" if run.card["classes"] else "r2"], abs=1e-4)
    curve = next(curve for curve in found["partial_dependence"] if curve["column"] == "much")
    means = np.array(curve["outputs"])[:, -1]
    assert means[-1] - means[0] > (0.5 if run.card["classes"] else 20)
    colors = next(curve for curve in found["partial_dependence"] if curve["column"] == "color")
    assert colors["grid"] == ["blue", "green", "red"]


@pytest.mark.parametrize("name", ["importance", "partial_dependence"])
def test_both_are_drawn(name: str, run: Run) -> None:
    with pytest.raises(NotForThisRun, match=r"it needs importance\.json"), drawing():
        plots()[name].draw(View(run))
    measure_importance(run)
    with drawing():
        figure = plots()[name].draw(View(run))
        FigureCanvasAgg(figure).draw()
    words = " ".join(text.get_text() for text in figure.findobj(match=lambda artist: hasattr(artist, "get_text")))
    assert "much" in words
    assert "test rows" in words
    if name == "partial_dependence":
        limits = {axes.get_ylim() for axes in figure.axes if axes.get_visible()}
        assert len(figure.axes) > 1
        assert len(limits) == 1


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.5, "0.5"), (1990.0, "1990"), (25000.0, "25,000"), (-1250000.0, "-1,250,000"), (3e7, "3e7"), (1e-5, "1e-5")],
)
def test_ticks_of_columns_have_separators_from_five_digits_on(value: float, text: str) -> None:
    assert tick_text(value) == text


def test_a_source_that_has_changed_is_not_measured(run: Run) -> None:
    source = Path(run.config["data"]["source"])
    source.write_text("\n".join(source.read_text().splitlines()[:40]) + "\n")
    with pytest.raises(UserError, match="the rows have changed since the run began"):
        measure_importance(run)
