import numpy as np
import pytest
import sklearn.datasets

from nn_scratch.data import SOURCES, sources
from nn_scratch.errors import UserError
from nn_scratch.seeding import spawn_generators

SYNTHETIC = [name for name in SOURCES if "rows" in {declared.name for declared in SOURCES.parameters(name)}]
CLASSES = [name for name in SOURCES if "label_noise" in {declared.name for declared in SOURCES.parameters(name)}]


def load(name, seed=0, **parameters):
    return SOURCES.create(name, **parameters).load(spawn_generators(seed)["source"])


def test_these_are_built_in():
    assert list(SOURCES) == [
        "digits",
        "iris",
        "wine",
        "breast_cancer",
        "diabetes",
        "moons",
        "circles",
        "spiral",
        "blobs",
        "imbalanced",
        "xor",
        "checkerboard",
        "classification",
        "regression",
        "friedman",
    ]
    assert len(SYNTHETIC) == 10
    assert len(CLASSES) == 12


@pytest.mark.parametrize("name", SOURCES)
def test_every_source_is_a_table_of_finite_numbers_with_its_parameters_declared(name):
    table = load(name)
    assert table.origin == f"built in: {name}"
    assert table.X.ndim == 2
    assert table.X.shape[1] == len(table.feature_names) == len(set(table.feature_names))
    assert table.X.dtype in (np.uint8, np.float64)
    assert np.isfinite(table.X).all()
    if table.task == "classification":
        assert table.y.shape == (len(table.X),)
        assert table.y.dtype == np.int64
        assert np.unique(table.y).tolist() == list(range(len(table.class_names)))
    else:
        assert table.y.shape == (len(table.X), 1)
        assert table.y.dtype == np.float64
        assert table.class_names == ()
    for declared in SOURCES.parameters(name):
        assert declared.description
        assert not declared.required
    assert SOURCES.summary(name).endswith(".")


@pytest.mark.parametrize("name", SOURCES)
def test_the_same_seed_draws_the_same_rows_and_another_seed_others_where_anything_is_drawn(name):
    spoilt = {"duplicates": 0.2, "sort": True}
    one, same, other = load(name, 1, **spoilt), load(name, 1, **spoilt), load(name, 2, **spoilt)
    assert np.array_equal(one.X, same.X)
    assert np.array_equal(one.y, same.y)
    assert not np.array_equal(one.X, other.X)


@pytest.mark.parametrize(
    ("name", "rows", "features", "classes"),
    [("digits", 1797, 64, 10), ("iris", 150, 4, 3), ("wine", 178, 13, 3), ("breast_cancer", 569, 30, 2)],
)
def test_real_data_is_scikit_learns(name, rows, features, classes):
    table = load(name)
    bunch = getattr(sklearn.datasets, f"load_{name}")()
    assert table.X.shape == (rows, features)
    assert len(table.class_names) == classes
    assert np.array_equal(table.X, bunch.data)
    names = np.array(table.class_names)[table.y]
    assert names.tolist() == [str(label) for label in bunch.target_names[bunch.target]]


def test_diabetes_is_scikit_learns():
    table, bunch = load("diabetes"), sklearn.datasets.load_diabetes()
    assert np.array_equal(table.X, bunch.data)
    assert np.array_equal(table.y[:, 0], bunch.target)


def test_digits_are_images_of_bytes():
    table = load("digits")
    assert table.X.dtype == np.uint8
    assert table.image_shape == (8, 8)
    assert table.feature_names[:9] == (*(f"pixel_0_{i}" for i in range(8)), "pixel_1_0")


def test_digits_come_from_the_loader_where_scikit_learns_file_has_moved(monkeypatch):
    quick = load("digits")
    monkeypatch.setattr(sources, "find_spec", lambda name: None)
    slow = load("digits")
    assert np.array_equal(quick.X, slow.X)
    assert slow.X.dtype == np.uint8
    assert np.array_equal(quick.y, slow.y)


@pytest.mark.parametrize("name", SYNTHETIC)
def test_a_synthetic_source_has_as_many_rows_as_asked_for(name):
    assert len(load(name, rows=37).X) == 37


@pytest.mark.parametrize("name", [name for name in SYNTHETIC if name in CLASSES and name != "imbalanced"])
def test_synthetic_classes_are_equally_frequent_and_in_random_order(name):
    table = load(name, rows=120)
    counts = np.bincount(table.y)
    assert counts.min() == counts.max()
    assert np.count_nonzero(np.diff(table.y)) > 30


def test_spiral_arms_are_as_many_as_asked_for():
    assert load("spiral", classes=5).class_names == ("0", "1", "2", "3", "4")


def test_an_arm_of_the_spiral_is_where_its_equation_says():
    table = load("spiral", noise=0.0, turns=1.5, classes=2)
    radius = np.hypot(*table.X.T)
    turned = np.arctan2(table.X[:, 1], table.X[:, 0]) / (2 * np.pi) - 1.5 * radius - table.y / 2
    assert np.allclose(turned, np.round(turned), atol=1e-9)


def test_xor_is_the_sign_of_the_product():
    table = load("xor", noise=0.0)
    assert np.array_equal(table.y == 1, table.X[:, 0] * table.X[:, 1] < 0)
    assert np.abs(table.X).max() <= 1


def test_a_checkerboard_changes_class_with_every_field():
    table = load("checkerboard", fields=3)
    assert np.array_equal(table.y, np.floor(table.X * 3).sum(axis=1) % 2)


def test_the_rare_class_of_imbalanced_has_its_share_and_distance():
    table = load("imbalanced", rows=10_000, rare_share=0.02, distance=5.0, features=3)
    assert np.bincount(table.y).tolist() == [9800, 200]
    apart = table.X[table.y == 1].mean(axis=0) - table.X[table.y == 0].mean(axis=0)
    assert np.linalg.norm(apart) == pytest.approx(5.0, abs=0.4)


def test_friedman_without_noise_is_his_function():
    table = load("friedman", noise=0.0)
    x = table.X.T
    y = 10 * np.sin(np.pi * x[0] * x[1]) + 20 * (x[2] - 0.5) ** 2 + 10 * x[3] + 5 * x[4]
    assert np.allclose(table.y[:, 0], y)


# ---- faults planted on purpose ----


@pytest.mark.parametrize("name", SOURCES)
def test_sorted_rows_are_the_same_rows_in_the_order_of_their_target(name):
    as_they_come, in_order = load(name), load(name, sort=True)
    targets = in_order.y.reshape(len(in_order.y), -1)[:, 0]
    assert np.all(np.diff(targets) >= 0)
    assert np.array_equal(np.sort(as_they_come.X, axis=0), np.sort(in_order.X, axis=0))


@pytest.mark.parametrize("name", CLASSES)
def test_label_noise_changes_its_share_of_the_labels_and_no_feature(name):
    clean, noisy = load(name), load(name, label_noise=0.2)
    assert np.array_equal(clean.X, noisy.X)
    assert np.count_nonzero(clean.y != noisy.y) == round(0.2 * len(clean.y))


@pytest.mark.parametrize("name", CLASSES)
def test_class_shares_are_kept(name):
    n_classes = len(load(name).class_names)
    shares = [8.0] + [2.0] * (n_classes - 1)
    counts = np.bincount(load(name, class_shares=shares).y)
    assert np.allclose(counts[0] / counts[1:], 4.0, rtol=0.06)  # as near as whole rows allow


def test_no_class_goes_without_a_row_however_small_its_share():
    assert np.bincount(load("moons", rows=100, class_shares=[1, 1e-9]).y).tolist() == [99, 1]
    assert np.bincount(load("iris", class_shares=[1, 1, 1e-9]).y).tolist() == [50, 50, 1]


@pytest.mark.parametrize("name", SYNTHETIC)
def test_duplicates_are_copies_of_rows_with_their_targets(name):
    table = load(name, rows=200, duplicates=0.3)
    assert len(table.X) == 200
    with_target = np.column_stack([table.X, table.y])
    assert len(np.unique(with_target, axis=0)) == len(np.unique(table.X, axis=0)) == 140


def test_features_are_scaled_then_moved():
    plain, moved = load("moons"), load("moons", scale=[1000.0, 2.0], offset=5.0)
    assert np.allclose(moved.X, plain.X * [1000.0, 2.0] + 5.0)
    assert np.array_equal(moved.y, plain.y)


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        (
            "moons",
            {"scale": [1.0] * 3},
            "data.source.scale: 3 numbers for 2 features; give one number, or one a feature",
        ),
        (
            "moons",
            {"class_shares": [1.0]},
            "data.source.class_shares: 1 share for 2 classes; give one for each class",
        ),
        (
            "iris",
            {"class_shares": [1.0, 2.0]},
            "data.source.class_shares: 2 shares for 3 classes; give one for each class",
        ),
        ("spiral", {"rows": 2}, "data.source.rows: 2 rows for 3 classes; ask for one a class or more"),
        (
            "blobs",
            {"rows": 1_000_000, "features": 101},
            "data.source: 1,000,000 rows x 101 features are more than 100,000,000 values; ask for fewer",
        ),
        (
            "regression",
            {"informative": 11},
            "data.source.informative: 11 informative features of 10; ask for fewer",
        ),
        (
            "classification",
            {"classes": 5, "informative": 2},
            "data.source.informative: 2 informative features have 4 corners, too few for 5 classes; ask for more",
        ),
    ],
)
def test_parameters_that_do_not_fit_together_are_refused(name, parameters, message):
    with pytest.raises(UserError) as error:
        load(name, **parameters)
    assert str(error.value) == message
