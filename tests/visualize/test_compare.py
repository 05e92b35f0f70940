"""Runs compared: what differs, who belongs together, and what a band is."""

import numpy as np
import pytest

from nn_scratch.visualize.compare import COMPARISONS, Comparison
from nn_scratch.visualize.style import drawing, text_width
from nn_scratch.visualize.view import View
from tests.conftest import trained


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    outputs = tmp_path_factory.mktemp("seeds")
    adam = {"type": "adam", "lr": 0.01}
    runs = [trained(outputs, f"a{seed}", "iris", seed=seed, optimizer=adam) for seed in (1, 2)]
    return [*runs, trained(outputs, "slow", "iris", seed=1, optimizer=adam | {"lr": 0.001}, train={"epochs": 2})]


def test_runs_that_differ_in_their_seed_are_a_group(seeds):
    comparison = Comparison([View(run) for run in seeds])
    assert [group.label for group in comparison.groups] == [
        "a1-001 and 1 more seed: lr 0.01",
        "slow-001: lr 0.001",
    ]
    epochs, values = comparison.groups[0].curves("val_loss")
    assert epochs.tolist() == [0, 1, 2, 3, 4]
    np.testing.assert_array_equal(values[1], View(seeds[1]).metrics["val_loss"])


def test_the_keys_that_differ(seeds):
    difference = Comparison([View(run) for run in seeds]).difference
    assert difference["optimizer.lr"] == ["0.01", "0.01", "0.001"]
    assert difference["seed"] == ["1", "2", "1"]
    assert "name" not in difference


def test_equal_configs_say_so(runs):
    view = View(runs["classes"])
    comparison = Comparison([view, view])
    assert comparison.difference == {}
    with drawing():
        figure = COMPARISONS["config_difference"].draw(comparison)
    assert "The configs are the same, names aside." in [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("name", COMPARISONS)
def test_runs_of_every_kind_are_compared(runs, name):
    """Classes against a regression, a diverged run, one that was killed: whatever can be shown is."""
    assert len(COMPARISONS) == 4
    comparison = Comparison([View(run) for run in runs.values()])
    with drawing():
        figure = COMPARISONS[name].draw(comparison)
    assert any("diverged-001 diverged in epoch 1" in text.get_text() or "…" in text.get_text() for text in figure.texts)
    assert text_width(f"What to look for: {COMPARISONS[name].look}", 10) < 11.5


def test_groups_are_named_by_keys_that_differ_between_them(tmp_path):
    widths = [(4, 3), (4, 5), (6, 3)]
    runs = [
        trained(
            tmp_path,
            f"w{i}",
            "iris",
            layers=[{"type": "dense", "units": units} for units in pair],
            train={"epochs": 1},
        )
        for i, pair in enumerate(widths)
    ]
    labels = [group.label for group in Comparison([View(run) for run in runs]).groups]
    assert len({label.split(": ")[1] for label in labels}) == 3
    assert labels[0] == "w0-001: layers.0.units 4, layers.1.units 3"


def test_scores_stand_beside_verdicts(runs):
    with drawing():
        figure = COMPARISONS["verdicts_compared"].draw(Comparison([View(runs["classes"]), View(runs["diverged"])]))
    told = [text.get_text() for text in figure.axes[0].texts]
    assert told[:2] == ["run", "train accuracy"]
    assert "classes-001" in told
    assert "diverged-001" in told
