import io
import json

import numpy as np
import pytest
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from nn_scratch.data import Column, Preprocessing
from nn_scratch.data.moments import moments
from nn_scratch.data.preprocessing import offset_and_scale
from tests.data.reading import problems_of

RNG = np.random.default_rng(0)


def make(**changes):
    fields = {
        "task": "regression",
        "columns": (Column("a"), Column("b"), Column("c")),
        "target_names": ("y",),
        "class_names": (),
        "image_shape": None,
        "scale_kind": "standard",
        "offset": np.array([1.0, 0.0, 0.5]),
        "scale": np.array([2.0, 1.0, 0.25]),
        "fill": None,
        "target_offset": np.array([10.0]),
        "target_scale": np.array([5.0]),
        **changes,
    }
    return Preprocessing(**fields)


# ---- moments ----


@pytest.mark.parametrize("n_rows", [1, 2, 1000, 40_000])  # the last is several blocks
@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_moments_are_numpys_own(n_rows, dtype):
    X = (RNG.normal(100, 30, (n_rows, 7))).astype(dtype)
    rows = RNG.permutation(n_rows)[: max(1, n_rows // 2)]
    measured, chosen = moments(X, rows), X[rows].astype(np.float64)
    for name in ("mean", "std", "min", "max"):
        assert np.allclose(getattr(measured, name), getattr(chosen, name)(axis=0), rtol=1e-12, atol=1e-12)
    assert measured.n.tolist() == [len(rows)] * 7
    assert measured.missing.tolist() == [0] * 7


def test_missing_values_count_for_nothing_but_missing():
    X = RNG.normal(size=(30_000, 5))
    X[RNG.random(X.shape) < 0.3] = np.nan
    X[:, 4] = np.nan
    measured = moments(X, np.arange(len(X)))
    for name in ("mean", "std", "min", "max"):
        assert np.allclose(getattr(measured, name)[:4], getattr(np, f"nan{name}")(X[:, :4], axis=0))
        assert np.isnan(getattr(measured, name)[4])
    assert measured.missing.tolist() == np.isnan(X).sum(axis=0).tolist()


def test_a_far_off_mean_costs_no_accuracy():
    for seed in range(10):
        X = 1e9 + np.random.default_rng(seed).normal(size=(50_000, 3))
        measured = moments(X, np.arange(len(X)))
        np.testing.assert_allclose(measured.std, (X - 1e9).std(axis=0), rtol=1e-12)
        np.testing.assert_allclose(measured.mean, 1e9 + (X - 1e9).mean(axis=0), rtol=1e-16, atol=2e-7)


def test_no_rows_have_no_moments():
    measured = moments(np.ones((3, 2)), np.array([], dtype=int))
    assert np.isnan(measured.mean).all()
    assert np.isnan(measured.std).all()
    assert measured.n.tolist() == [0, 0]


# ---- scaling ----


@pytest.mark.parametrize(("kind", "theirs"), [("standard", StandardScaler), ("minmax", MinMaxScaler)])
def test_scaling_is_scikit_learns(kind, theirs):
    X = RNG.normal(5, [1e-3, 1.0, 1e6], (500, 3))
    offset, scale = offset_and_scale(kind, moments(X, np.arange(500)))
    assert np.allclose((X - offset) / scale, theirs().fit_transform(X), rtol=1e-10, atol=1e-10)


def test_no_scaling_leaves_every_value_as_it_is():
    offset, scale = offset_and_scale("none", moments(RNG.normal(size=(5, 3)), np.arange(5)))
    assert offset.tolist() == [0.0, 0.0, 0.0]
    assert scale.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("kind", ["standard", "minmax"])
@pytest.mark.parametrize("constant", [0.0, 0.1, -3e30, 1e-30])
def test_a_constant_feature_becomes_zero_and_not_the_rounding_of_its_mean(kind, constant):
    X = np.full((1000, 1), constant)
    offset, scale = offset_and_scale(kind, moments(X, np.arange(1000)))
    assert np.all((X - offset) / scale == 0.0)
    assert scale.tolist() == [1.0]


def test_rows_are_gathered_in_the_order_and_the_dtype_that_is_asked_for():
    preprocessing = make()
    X = RNG.normal(size=(50_000, 3))
    before = X.copy()
    rows = RNG.permutation(50_000)[:45_000]
    for dtype in (np.float32, np.float64):
        out = preprocessing.transform(X, rows, dtype)
        assert out.dtype == dtype
        assert out.flags.c_contiguous
        assert np.array_equal(out, ((X[rows] - preprocessing.offset) / preprocessing.scale).astype(dtype))
    assert np.array_equal(preprocessing.transform(X), preprocessing.transform(X, np.arange(50_000)))
    assert np.array_equal(X, before)


def test_missing_values_are_filled_in_before_scaling():
    preprocessing = make(fill=np.array([3.0, 0.0, 1.0]))
    assert preprocessing.transform(np.array([[np.nan, np.nan, 0.5]])).tolist() == [[1.0, 0.0, 0.0]]


def test_targets_come_back_in_their_own_units():
    preprocessing = make()
    y = np.array([[10.0], [15.0], [-2.5]])
    Z = preprocessing.target_transform(y)
    assert Z.tolist() == [[0.0], [1.0], [-2.5]]
    assert Z.dtype == np.float32
    assert preprocessing.target_inverse(Z).tolist() == y.tolist()
    assert preprocessing.target_inverse(Z).dtype == np.float64


# ---- storage ----


@pytest.mark.parametrize(
    "preprocessing",
    [
        make(),
        make(fill=np.array([1.0, 2.0, 3.0])),
        make(
            task="classification",
            columns=tuple(Column(f"pixel {i} \u00e4\u6f22") for i in range(4)),
            class_names=("", "caf\u00e9", "nul\x00", "\U0001f600"),
            image_shape=(2, 2),
            scale_kind="none",
            offset=np.zeros(4),
            scale=np.ones(4),
            target_offset=np.zeros(0),
            target_scale=np.zeros(0),
        ),
    ],
)
def test_arrays_hold_all_of_it_without_pickle(preprocessing):
    buffer = io.BytesIO()
    np.savez(buffer, **preprocessing.to_arrays())
    buffer.seek(0)
    with np.load(buffer, allow_pickle=False) as arrays:
        restored = Preprocessing.from_arrays(arrays)
    for name, value in vars(preprocessing).items():
        other = getattr(restored, name)
        assert np.array_equal(value, other) if isinstance(value, np.ndarray) else value == other
    X = RNG.normal(size=(5, preprocessing.n_features))
    assert np.array_equal(restored.transform(X), preprocessing.transform(X))


def words_with(**changes):
    words = json.loads(make().to_arrays()["words"].item())
    return np.array(json.dumps({**words, **changes}))


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"words": np.array("{")},
            "(JSONDecodeError: Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
        ),
        ({"words": np.array("[" * 100_000)}, "(RecursionError: maximum recursion depth exceeded"),
        ({"words": np.zeros(3)}, "(ValueError: can only convert an array of size 1 to a Python scalar)"),
        ({"words": words_with(task="evil")}, "(ValueError: 'evil' is none of classification, regression, multi_label)"),
        (
            {"words": words_with(columns=[["a", [1]]])},
            "(TypeError: 'a' is no column: a name, a category or a mark of another type)",
        ),
        ({"words": words_with(columns=[["a", []]])}, "(its parts do not fit together)"),
        ({"words": words_with(image_shape=[2, 3])}, "(its parts do not fit together)"),
        ({"words": words_with(target_names=[])}, "(its parts do not fit together)"),
        ({"words": words_with(task="classification")}, "(its parts do not fit together)"),
        ({"offset": np.zeros(2)}, "(its parts do not fit together)"),
        ({"scale": np.zeros(3)}, "(its parts do not fit together)"),
        ({"fill": np.zeros(2)}, "(its parts do not fit together)"),
        ({"offset": np.array([1.0, np.nan, 1.0])}, "(ValueError: not a row of finite numbers)"),
        ({"offset": np.zeros((3, 1))}, "(ValueError: not a row of finite numbers)"),
        ({"offset": np.array(["a", "b", "c"])}, "(ValueError: not a row of finite numbers)"),
    ],
)
def test_arrays_that_do_not_fit_together_are_refused(changes, problem):
    (line,) = problems_of(Preprocessing.from_arrays, {**make().to_arrays(), **changes})
    assert line.startswith(f"the model's preprocessing cannot be read {problem}")


def test_an_array_that_is_not_there_is_refused():
    assert problems_of(Preprocessing.from_arrays, {"words": words_with(), "offset": np.zeros(3)}) == [
        "the model's preprocessing cannot be read (KeyError: 'scale')"
    ]
