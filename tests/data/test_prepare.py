import tracemalloc

import numpy as np
import pytest

from nn_scratch.data import Column, Table, load_table, prepare
from nn_scratch.data.table import number_columns, numbered_names
from nn_scratch.seeding import spawn_generators
from tests.data.reading import loaded, prepared, problems_of

RNG = np.random.default_rng(0)


def table_of(X, y=None, **changes):
    """A table of two classes, unless the changes say otherwise."""
    X = np.asarray(X)
    fields = {
        "X": X,
        "y": np.arange(len(X)) % 2 if y is None else np.asarray(y),
        "task": "classification",
        "columns": number_columns(numbered_names(X.shape[1])),
        "target_names": ("y",),
        "origin": "here",
        "class_names": ("no", "yes"),
        **changes,
    }
    return Table(**fields)


def quantities(X, y, **changes):
    y = np.asarray(y, dtype=np.float64).reshape(len(X), -1)
    names = tuple(f"y{i}" for i in range(y.shape[1]))
    return table_of(X, y, task="regression", class_names=(), target_names=names, **changes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("source", ["digits", "iris", "diabetes", "moons"])
def test_parts_hold_the_rows_they_name_scaled_by_what_the_training_rows_measure(source, dtype):
    table = loaded(source)
    data = prepared(table, dtype=dtype)
    raw = table.X[data.train.rows].astype(np.float64)
    std = np.where(raw.std(axis=0) == 0, 1.0, raw.std(axis=0))
    for part in (data.train, data.val, data.test):
        assert part.X.dtype == dtype
        assert part.inputs.flags.c_contiguous
        assert (part.inputs[:, -1] == 1).all()
        assert np.allclose(part.X, (table.X[part.rows] - raw.mean(axis=0)) / std, rtol=1e-5, atol=1e-5)
        if data.task == "classification":
            assert part.y.dtype == np.int64
            assert np.array_equal(part.y, table.y[part.rows])
        else:
            assert part.y.dtype == dtype
            assert np.allclose(data.preprocessing.target_inverse(part.y), table.y[part.rows], rtol=1e-5)
    everyone = np.concatenate([data.train.rows, data.val.rows, data.test.rows])
    assert np.array_equal(np.sort(everyone), np.arange(len(table.X)))


def test_what_stands_outside_the_training_rows_moves_no_scale():
    X = RNG.normal(size=(100, 3))
    one = prepared(table_of(X), shuffle=False)
    X[70:] *= 1000
    other = prepared(table_of(X), shuffle=False)
    assert np.array_equal(one.train.X, other.train.X)
    assert np.array_equal(one.preprocessing.scale, other.preprocessing.scale)


def test_targets_are_scaled_by_what_the_training_rows_measure():
    y = np.column_stack([RNG.normal(50, 10, 100), RNG.normal(-3, 0.1, 100)])
    data = prepared(quantities(RNG.normal(size=(100, 2)), y), shuffle=False, dtype=np.float64)
    assert np.allclose(data.train.y.mean(axis=0), 0)
    assert np.allclose(data.train.y.std(axis=0), 1)
    assert np.allclose(data.test.y, (y[85:] - y[:70].mean(axis=0)) / y[:70].std(axis=0))
    data = prepared(quantities(RNG.normal(size=(100, 2)), y), target_scale="minmax")
    assert data.train.y.min(axis=0).tolist() == [0.0, 0.0]
    assert data.train.y.max(axis=0).tolist() == [1.0, 1.0]
    data = prepared(quantities(RNG.normal(size=(100, 2)), y), shuffle=False, target_scale="none", dtype=np.float64)
    assert np.array_equal(data.val.y, y[70:85])


def test_classes_are_stratified_and_quantities_are_not():
    data = prepared(loaded({"type": "moons", "rows": 200, "class_shares": [3.0, 1.0]}))
    assert np.bincount(data.train.y).tolist() == [105, 35]
    # 22.5 and 7.5 rows each: which class has the odd row is drawn
    assert sorted(np.bincount(part.y).tolist() for part in (data.val, data.test)) == [[22, 8], [23, 7]]
    assert data.card["split"] == {"shuffled": True, "stratified": True, "own_test": False}
    assert prepared(loaded("diabetes")).card["split"]["stratified"] is False
    data = prepared(loaded("iris"), shuffle=False)
    assert data.card["split"] == {"shuffled": False, "stratified": False, "own_test": False}
    assert data.notices == (
        "data.stratify has no effect: data.shuffle is false, so the rows stay where they are",
        "no row of val has the classes 'setosa' and 'versicolor', so its scores do not cover it",
        "no row of test has the classes 'setosa' and 'versicolor', so its scores do not cover it",
    )


def test_the_same_seed_prepares_the_same_bytes():
    def run(seed):
        generators = spawn_generators(seed)
        table = load_table("moons", rng=generators["source"])
        data = prepare(
            table,
            split={"train": 0.7, "val": 0.15, "test": 0.15},
            shuffle=True,
            stratify=True,
            scale="standard",
            target_scale="standard",
            rng=generators["split"],
        )
        return data.train.X.tobytes() + data.val.y.tobytes() + repr(data.card).encode()

    assert run(1) == run(1) != run(2)


def test_constant_features_become_zero_and_are_reported():
    X = np.column_stack([RNG.normal(size=20), np.full(20, 0.1), np.full(20, -7.0)])
    data = prepared(table_of(X))
    assert data.notices == ("2 features are constant in the training rows and become 0: 'x2' and 'x3'",)
    for part in (data.train, data.val, data.test):
        assert np.all(part.X[:, 1:] == 0)
    data = prepared(table_of(X[:, :2]), scale="none")
    assert data.notices == ("1 feature is constant in the training rows: 'x2'",)
    assert np.all(data.train.X[:, 1] == np.float32(0.1))


def with_holes():
    X = RNG.normal(size=(200, 3))
    X[RNG.random(X.shape) < 0.2] = np.nan
    return X


def test_missing_values_are_filled_in_with_the_mean_of_the_training_rows_and_reported():
    X = with_holes()
    columns = (Column("a"), Column("b"), Column("c"))
    data = prepared(table_of(X, missing="mean", columns=columns), shuffle=False, dtype=np.float64)
    mean = np.nanmean(X[:140], axis=0)
    filled = np.where(np.isnan(X), mean, X)
    assert np.allclose(data.preprocessing.fill, mean)
    assert np.allclose(data.train.X.std(axis=0), 1)
    assert np.allclose(data.val.X, (filled[140:170] - mean) / filled[:140].std(axis=0))
    gaps = zip("abc", np.isnan(X).sum(axis=0), strict=True)
    assert data.notices[1:] == tuple(f"{name}: {n} of 200 missing, filled with the mean" for name, n in gaps)
    assert data.card["feature_statistics"]["missing"] == np.isnan(X[:140]).sum(axis=0).tolist()


def test_a_feature_without_a_value_in_the_training_rows_cannot_be_filled_in():
    X = with_holes()
    X[:140, 1] = np.nan
    assert problems_of(prepared, table_of(X, missing="mean"), shuffle=False) == [
        "here: no training row has a value of 'x2'; data.ignore leaves it out"
    ]


def test_values_that_scaling_would_make_infinite_are_refused():
    X = RNG.normal(size=(20, 2))
    X[:, 1] = np.arange(20) % 2 * 1e-30
    X[19, 1] = 1e30
    assert problems_of(prepared, table_of(X), shuffle=False) == [
        "here: 'x2' is 2e+60 when scaled, beyond what training can hold: it hardly changes in the training rows, "
        "and then does; leave it out by data.ignore"
    ]
    assert np.isfinite(prepared(table_of(X), shuffle=False, dtype=np.float64).test.X).all()


def test_a_target_that_never_changes_is_nothing_to_predict():
    X = RNG.normal(size=(20, 2))
    assert problems_of(prepared, quantities(X, np.full(20, 2.5))) == [
        "here: every row has 'y0' = 2.5; there is nothing to predict"
    ]
    y = np.full(20, 2.5)
    y[19] = 3
    assert prepared(quantities(X, y), shuffle=False).notices == (
        "every row to train on has 'y0' = 2.5: nothing else can be learned",
    )


def test_notices_of_the_table_come_along():
    assert prepared(table_of(RNG.normal(size=(20, 2)), notices=("a", "b"))).notices == ("a", "b")


def test_images_are_gathered_with_little_memory_beside_the_data():
    X = RNG.integers(0, 256, (6000, 784), dtype=np.uint8)
    table = table_of(X)
    tracemalloc.start()
    data = prepared(table)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    out = data.train.X.nbytes + data.val.X.nbytes + data.test.X.nbytes
    assert out == 4 * X.nbytes
    assert peak < out + 8_000_000
