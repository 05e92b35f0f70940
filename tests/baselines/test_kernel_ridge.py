"""What a smooth model reaches on the same rows: the level that the doctor compares with."""

from __future__ import annotations

import pytest

from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.config.resolve import config_from
from nn_scratch.experiments.build import build_data
from nn_scratch.seeding import spawn_generators


def reached(source, **data):
    config = config_from({"data": {"source": source, **data}})
    return kernel_ridge_report(build_data(config, spawn_generators(0)))


def test_separable_classes_are_parted():
    found = reached({"type": "spiral", "rows": 900, "classes": 3, "turns": 0.5, "noise": 0.05})
    assert found["pooled"] > 0.98
    assert found["split"] > 0.98
    assert found["certain_errors"] == 0


@pytest.mark.parametrize("share", [0.1, 0.25])
def test_wrong_labels_stand_among_the_rows_of_the_widest_margin(share):
    found = reached({"type": "blobs", "rows": 1200, "classes": 3, "label_noise": share})
    assert found["certain_errors"] == pytest.approx(share, abs=0.06)


def test_overlapping_classes_have_their_errors_at_the_border():
    found = reached({"type": "moons", "rows": 1200, "noise": 0.5})
    assert found["certain_errors"] < 0.6 * (1 - found["margin_accuracy"])


def test_a_split_of_sorted_rows_costs_what_a_random_one_does_not():
    source = {"type": "friedman", "rows": 600, "noise": 0.5, "sort": True}
    found = reached(source, shuffle=False)
    assert found["pooled"] > found["split"] + 0.3


def test_a_rare_class_weighs_as_much_as_a_frequent_one():
    found = reached({"type": "imbalanced", "rows": 2000, "rare_share": 0.03, "distance": 4.0})
    assert found["pooled"] > 0.94


def test_numbers_are_scored_by_r2():
    found = reached({"type": "regression", "rows": 400, "noise": 1.0})
    assert 0.9 < found["pooled"] <= 1
    assert "certain_errors" not in found


def test_it_is_the_same_twice():
    source = {"type": "moons", "rows": 900, "noise": 0.3}
    assert reached(source) == reached(source)
