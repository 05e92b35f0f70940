import json

import numpy as np
import pytest

from nn_scratch.data import SOURCES
from tests.data.reading import loaded, prepared
from tests.data.test_prepare import quantities, table_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", SOURCES)
def test_every_card_is_plain_json_and_the_same_for_the_same_rows(name):
    card = prepared(loaded(name)).card
    assert json.loads(json.dumps(card, allow_nan=False)) == card
    assert prepared(loaded(name)).card == card


def test_a_card_says_where_the_data_comes_from_and_how_it_was_split():
    table = loaded("iris")
    data = prepared(table)
    card = data.card
    assert {key: card[key] for key in ("origin", "task", "rows", "features", "target", "scale")} == {
        "origin": "built in: iris",
        "task": "classification",
        "rows": 150,
        "features": 4,
        "target": ["species"],
        "scale": "standard",
    }
    assert card["classes"] == ["setosa", "versicolor", "virginica"]
    assert card["image_shape"] is None
    for name in ("train", "val", "test"):
        y = getattr(data, name).y
        assert card["parts"][name] == {
            "rows": len(y),
            "class_counts": dict(zip(card["classes"], np.bincount(y, minlength=3).tolist(), strict=True)),
        }
    assert prepared(loaded("digits")).card["image_shape"] == [8, 8]
    assert card["notices"] == list(data.notices)


def test_quantities_have_statistics_instead_of_counts():
    y = np.arange(20.0)
    card = prepared(quantities(RNG.normal(size=(20, 2)), y), shuffle=False).card
    assert card["classes"] is None
    assert "entropy" not in card
    assert card["parts"]["val"] == {
        "rows": 3,
        "target": {"mean": [15.0], "std": [0.816497], "min": [14.0], "max": [16.0]},
    }
    empty = prepared(quantities(RNG.normal(size=(20, 2)), y), split={"train": 1, "val": 0, "test": 0}).card
    assert empty["parts"]["val"] == {"rows": 0, "target": None}


def test_feature_statistics_are_of_the_raw_training_rows():
    X = RNG.normal(3, [1, 10], (200, 2))
    card = prepared(table_of(X), shuffle=False).card
    statistics = card["feature_statistics"]
    assert statistics["listed"] == 2
    assert statistics["name"] == ["x1", "x2"]
    for name in ("mean", "std", "min", "max"):
        assert np.allclose(statistics[name], getattr(X[:140], name)(axis=0), rtol=1e-5)
    difference = X[140:170].mean(axis=0) - X[:140].mean(axis=0)
    assert np.allclose(statistics["shift_val"], difference / X[:140].std(axis=0), rtol=1e-4)
    standard_error = np.sqrt(X[:140].var(axis=0) / 140 + X[140:170].var(axis=0) / 30)
    z = difference / standard_error
    assert np.allclose(statistics["shift_val_z"], z, rtol=1e-4)
    largest = int(np.abs(z).argmax())
    assert card["feature_summary"]["shift_val_z_max"] == {
        "feature": f"x{largest + 1}",
        "value": statistics["shift_val_z"][largest],
    }
    assert card["feature_summary"]["std_min"] == statistics["std"][0]
    assert card["feature_summary"]["std_max"] == statistics["std"][1]


def test_a_shift_between_the_parts_shows():
    X = RNG.normal(size=(400, 3))
    X[280:340, 2] += 4
    summary = prepared(table_of(X), shuffle=False).card["feature_summary"]
    assert summary["shift_val_max"]["feature"] == "x3"
    assert summary["shift_val_max"]["value"] == pytest.approx(4, abs=0.5)
    assert abs(summary["shift_test_z_max"]["value"]) < 4 < 15 < summary["shift_val_z_max"]["value"]


def test_constant_features_are_named_and_count_for_no_extreme():
    X = np.column_stack([RNG.normal(size=20), np.ones(20)])
    card = prepared(table_of(X)).card
    assert card["feature_summary"]["constant"] == 1
    assert card["feature_summary"]["constant_names"] == ["x2"]
    assert card["feature_summary"]["std_min"] > 0
    assert card["feature_statistics"]["shift_val"][1] is None
    assert card["input"]["std_min"] == card["input"]["std_max"] == 1.0
    only = prepared(table_of(np.ones((20, 1)))).card
    assert only["feature_summary"]["std_min"] is only["input"]["std_min"] is None
    assert only["feature_summary"]["shift_val_max"] is None


def test_what_the_network_is_fed_is_told_apart_from_the_raw_features():
    X = RNG.normal(1000, [1, 500], (100, 2))
    scaled, raw = prepared(table_of(X)).card["input"], prepared(table_of(X), scale="none").card["input"]
    assert (scaled["mean_abs_max"], scaled["std_min"], scaled["std_max"]) == (pytest.approx(0, abs=1e-9), 1.0, 1.0)
    assert raw["mean_abs_max"] > 900
    assert raw["std_max"] / raw["std_min"] > 300


def test_of_very_many_features_the_first_thousand_are_listed_and_all_are_summarised():
    X = RNG.normal(size=(20, 1200))
    X[:, 1100] *= 50
    card = prepared(table_of(X)).card
    assert card["features"] == 1200
    assert card["feature_statistics"]["listed"] == len(card["feature_statistics"]["mean"]) == 1000
    assert card["feature_summary"]["std_max"] > 20


def test_entropy_and_majority_are_of_the_training_rows():
    card = prepared(table_of(RNG.normal(size=(100, 1)), np.repeat([0, 1], [80, 20])), shuffle=False).card
    assert card["entropy"] == 0.0
    assert card["majority"] == {"class": "no", "train": 1.0, "val": pytest.approx(10 / 15, rel=1e-5), "test": 0.0}
    card = prepared(table_of(RNG.normal(size=(100, 1)))).card
    assert card["entropy"] == pytest.approx(np.log(2), rel=1e-5)


def duplicates_of(X, y=None, **changes):
    table = table_of(np.asarray(X, dtype=np.float64), y)
    return prepared(table, shuffle=False, split={"train": 0.5, "val": 0.25, "test": 0.25}, **changes).card["duplicates"]


def test_rows_that_stand_in_two_parts_are_counted():
    rows = [[0, 1], [2, 3], [2, 3], [2, 3], [0, 1], [9, 9], [9, 9], [-0.0, 1]]
    y = [0, 1, 1, 0, 0, 1, 1, 0]
    assert duplicates_of(rows, y) == {
        "within_train": 2,
        "val_in_train": 1,
        "test_in_train": 1,
        "test_in_val": 2,
        "conflicting": 3,
    }


def test_rows_that_differ_in_the_last_digit_are_no_duplicates():
    X = np.ones((8, 1)) + np.arange(8)[:, np.newaxis] * 2.3e-16
    assert len(np.unique(X)) == 8
    assert duplicates_of(X) == dict.fromkeys(
        ("within_train", "val_in_train", "test_in_train", "test_in_val", "conflicting"), 0
    )


def test_planted_duplicates_are_found_across_the_parts():
    card = prepared(loaded({"type": "moons", "rows": 1000, "duplicates": 0.4})).card
    found = card["duplicates"]
    assert found["within_train"] + found["val_in_train"] + found["test_in_train"] > 300
    assert found["conflicting"] == 0
    noisy = prepared(loaded({"type": "checkerboard", "rows": 1000})).card
    assert noisy["duplicates"]["within_train"] == 0


def test_sorted_labels_are_few_runs_and_shuffled_ones_as_many_as_chance_gives():
    sorted_rows = prepared(loaded({"type": "moons", "sort": True}), shuffle=False).card["order"]
    assert (sorted_rows["runs"], sorted_rows["longest_run"]) == (2, 500)
    assert sorted_rows["z"] < -20
    shuffled = prepared(loaded({"type": "moons", "sort": True})).card["order"]
    assert shuffled["expected_runs"] == 351.0
    assert abs(shuffled["z"]) < 4


def test_the_expected_runs_and_their_spread_are_those_of_random_orders():
    y = np.repeat([0, 1, 2], [30, 20, 8])
    X = np.zeros((58, 1))
    whole = {"train": 1.0, "val": 0.0, "test": 0.0}
    cards = [
        prepared(table_of(X, y, class_names=("a", "b", "c")), seed=seed, stratify=False, split=whole).card["order"]
        for seed in range(300)
    ]
    runs = np.array([card["runs"] for card in cards])
    assert np.mean(runs) == pytest.approx(cards[0]["expected_runs"], abs=0.5)
    assert np.std([card["z"] for card in cards]) == pytest.approx(1.0, abs=0.15)


def test_sorted_quantities_are_correlated_with_their_neighbours():
    source = {"type": "friedman", "sort": True}
    assert prepared(loaded(source), shuffle=False).card["order"]["correlation"] > 0.98
    assert abs(prepared(loaded(source)).card["order"]["z"]) < 4
