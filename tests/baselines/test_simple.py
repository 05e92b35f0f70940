import json

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, r2_score, root_mean_squared_error
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from nn_scratch.baselines.simple import baselines, best_feature
from nn_scratch.data import SOURCES
from tests.data.reading import loaded, prepared
from tests.data.test_prepare import quantities, table_of

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_has_baselines_that_are_plain_json_and_always_the_same(name):
    data = prepared(loaded(name))
    found = baselines(data)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert baselines(data) == found
    assert found["rows"] == {"train": len(data.train), "val": len(data.val), "test": len(data.test)}
    score = "accuracy" if data.task == "classification" else "r2"
    assert max(found["linear"]["val"][score], found["knn"]["val"][score]) > found["constant"]["val"][score]


def test_classes_are_scored_as_scikit_learn_scores_them():
    data = prepared(loaded("iris"), dtype=np.float64)
    found = baselines(data)
    for name, model in (("linear", LogisticRegression()), ("knn", KNeighborsClassifier())):
        model.fit(data.train.X, data.train.y)
        for part_name in ("val", "test"):
            part = getattr(data, part_name)
            assert found[name][part_name]["accuracy"] == pytest.approx(model.score(part.X, part.y), rel=1e-5)
            balanced = balanced_accuracy_score(part.y, model.predict(part.X))
            assert found[name][part_name]["balanced_accuracy"] == pytest.approx(balanced, rel=1e-5)


def test_quantities_are_scored_in_their_own_units():
    data = prepared(loaded("diabetes"), dtype=np.float64)
    found = baselines(data)
    inverse = data.preprocessing.target_inverse
    for name, model in (("linear", Ridge()), ("knn", KNeighborsRegressor())):
        model.fit(data.train.X, inverse(data.train.y))
        true, predicted = inverse(data.test.y), model.predict(data.test.X).reshape(-1, 1)
        assert found[name]["test"]["rmse"] == pytest.approx(root_mean_squared_error(true, predicted), rel=1e-5)
        assert found[name]["test"]["r2"] == pytest.approx(r2_score(true, predicted), rel=1e-5)


def test_the_constant_baseline_is_the_most_frequent_class_or_the_mean():
    data = prepared(table_of(RNG.normal(size=(100, 2)), np.repeat([0, 1], [70, 30])))
    val = baselines(data)["constant"]["val"]
    assert val == {"accuracy": pytest.approx(np.mean(data.val.y == 0), rel=1e-5), "balanced_accuracy": 0.5}
    y = RNG.normal(size=100)
    data = prepared(quantities(RNG.normal(size=(100, 2)), y), shuffle=False)
    rmse = np.sqrt(np.mean((y[70:85] - y[:70].mean()) ** 2))
    assert baselines(data)["constant"]["val"]["rmse"] == pytest.approx(rmse, rel=1e-4)


def test_baselines_do_not_depend_on_how_the_data_is_scaled():
    source = {"type": "moons", "scale": [1000.0, 0.001]}
    scaled, raw = prepared(loaded(source)), prepared(loaded(source), scale="none")
    assert baselines(scaled)["linear"] == baselines(raw)["linear"]
    assert baselines(scaled)["knn"] == baselines(raw)["knn"]


def test_parts_without_rows_have_no_score():
    data = prepared(loaded("iris"), split={"train": 0.8, "val": 0.0, "test": 0.2})
    found = baselines(data)
    assert found["linear"]["val"] is None
    assert found["best_feature"]["part"] == "test"
    assert baselines(prepared(loaded("iris"), split={"train": 1.0, "val": 0.0, "test": 0.0}))["best_feature"] is None


def test_training_rows_of_one_class_leave_nothing_but_that_class_to_say():
    found = baselines(prepared(loaded({"type": "moons", "sort": True, "class_shares": [8.0, 1.0]}), shuffle=False))
    assert found["linear"] == found["knn"] == found["constant"]


def test_of_many_rows_a_part_is_used_which_is_spread_over_all_of_them(monkeypatch):
    monkeypatch.setattr("nn_scratch.baselines.simple.MAX_ROWS", 300)
    table = loaded({"type": "moons", "sort": True, "rows": 2000})
    data = prepared(table, shuffle=False, split={"val": 0.2, "test": 0.1})
    found = baselines(data)
    assert found["rows"] == {"train": 300, "val": 300, "test": 200}
    assert found["linear"]["val"]["accuracy"] > 0.7  # the second class begins in the last rows that train


def test_a_feature_that_gives_the_target_away_is_found():
    data = prepared(loaded("breast_cancer"))
    honest = best_feature(data)
    assert honest["balanced_accuracy"] < 0.95
    table = loaded("breast_cancer")
    X = np.column_stack([table.X, 7 - 3.0 * table.y])
    leaking = best_feature(prepared(table_of(X, table.y, class_names=table.class_names)))
    assert leaking == {"feature": "x31", "part": "val", "balanced_accuracy": 1.0}
    y = RNG.normal(size=1000)
    data = prepared(quantities(np.column_stack([RNG.normal(size=1000), np.exp(y)]), y))
    leaking = best_feature(data)
    assert leaking["feature"] == "x2"
    assert leaking["r2"] > 0.97
