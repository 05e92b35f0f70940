"""How every baseline chooses rows, scales features and weighs classes."""

import numpy as np

from nn_scratch.baselines.protocol import inverse_frequency, sample_rows, standardized

RNG = np.random.default_rng(0)


def test_all_rows_where_they_are_few_else_as_many_as_asked_for_each_once_and_in_order():
    assert sample_rows(7, 10).tolist() == list(range(7))
    assert sample_rows(0, 10).tolist() == []
    found = sample_rows(10_000, 300)
    assert len(found) == len(np.unique(found)) == 300
    assert (np.diff(found) > 0).all()
    assert found[0] < 200
    assert found[-1] > 9800


def test_a_sample_is_representative_unless_rare_classes_are_to_be_kept():
    classes = (np.arange(20_000) % 1000 == 0).astype(np.int64)  # 20 of 20,000 rows
    assert classes[sample_rows(20_000, 500)].sum() < 5
    kept = sample_rows(20_000, 500, classes)
    assert len(kept) == 500
    assert classes[kept].sum() == 20


def test_features_are_scaled_by_the_reference_and_clipped():
    reference = np.column_stack([RNG.normal(5, 3, 400), np.full(400, 0.1)])
    own, other = standardized([reference, np.array([[1e6, 0.1], [5, 0.1]])], reference)
    np.testing.assert_allclose(own.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(own.std(axis=0), [1, 0], atol=1e-12)
    assert other[0].tolist() == [8.0, 0.0]


def test_classes_count_the_same_under_their_weights():
    y = np.repeat([0, 2, 3], [70, 25, 5])  # no row of class 1
    weights = inverse_frequency(y, 4)
    np.testing.assert_allclose([weights[y == k].sum() for k in (0, 2, 3)], 100 / 3)
