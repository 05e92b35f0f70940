import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_scratch.data.split import apportion, class_notices, split_rows
from tests.data.reading import problems_of


def split(n_rows, val=0.15, test=0.15, shuffle=True, classes=None, seed=0):
    return split_rows(n_rows, val=val, test=test, shuffle=shuffle, classes=classes, rng=np.random.default_rng(seed))


def parts(found):
    return found.train, found.val, found.test


@pytest.mark.parametrize(
    ("n_rows", "val", "test", "sizes"),
    [
        (1797, 0.15, 0.15, [1257, 270, 270]),
        (150, 0.15, 0.15, [106, 22, 22]),  # round(22.5) is 22, as Python rounds halves to even
        (10, 0.25, 0.35, [4, 2, 4]),
        (10, 0.0, 0.2, [8, 0, 2]),
        (7, 1 / 3, 1 / 3, [3, 2, 2]),
        (1_000_000, 0.1, 0.2, [700_000, 100_000, 200_000]),
    ],
)
@pytest.mark.parametrize("kind", ["as they come", "shuffled", "stratified"])
def test_val_and_test_get_their_rounded_shares_and_train_the_rest(n_rows, val, test, sizes, kind):
    classes = np.arange(n_rows) % 3 if kind == "stratified" else None
    found = split(n_rows, val, test, kind != "as they come", classes)
    assert [len(part) for part in parts(found)] == sizes
    assert np.array_equal(np.sort(np.concatenate(parts(found))), np.arange(n_rows))


def test_without_shuffle_nothing_moves():
    found = split(10, 0.2, 0.3, shuffle=False)
    assert np.concatenate(parts(found)).tolist() == list(range(10))
    assert found.notices == ()


def test_without_shuffle_stratify_has_no_effect_and_says_so():
    found = split(10, 0.2, 0.3, shuffle=False, classes=np.repeat([0, 1], 5))
    assert np.concatenate(parts(found)).tolist() == list(range(10))
    assert found.notices == ("data.stratify has no effect: data.shuffle is false, so the rows stay where they are",)


@pytest.mark.parametrize("classes", [None, np.arange(1000) % 2], ids=["shuffled", "stratified"])
def test_shuffled_parts_are_in_random_order_which_the_generator_decides(classes):
    one, same, other = (split(1000, classes=classes, seed=seed) for seed in (1, 1, 2))
    for part, again, different in zip(parts(one), parts(same), parts(other), strict=True):
        assert part.tolist() == again.tolist()
        assert part.tolist() != different.tolist()
        # neighbours are as likely to rise as to fall, and classes alternate as coins do
        assert abs(np.mean(np.diff(part) > 0) - 0.5) < 0.15
        assert abs(np.mean(np.diff(part % 2) != 0) - 0.5) < 0.15


def test_stratified_parts_have_the_classes_in_their_shares_to_within_a_row():
    classes = np.repeat([0, 1, 2, 3], [500, 300, 150, 50])
    found = split(1000, 0.13, 0.21, classes=classes)
    for part, share in zip(parts(found), (0.66, 0.13, 0.21), strict=True):
        counts = np.bincount(classes[part], minlength=4)
        assert np.all(np.abs(counts - share * np.array([500, 300, 150, 50])) <= 1)


def test_which_class_gives_the_odd_row_is_drawn():
    classes = np.arange(100) % 10
    odd = {tuple(np.bincount(classes[split(100, 0.15, 0.0, classes=classes, seed=s).val])) for s in range(20)}
    assert len(odd) > 10


def test_a_class_of_one_row_is_there_to_be_trained_on():
    classes = np.repeat([0, 1, 2], [50, 49, 1])
    for seed in range(30):
        assert 99 in split(100, 0.3, 0.3, classes=classes, seed=seed).train


def test_stratified_parts_are_found_even_where_classes_are_more_than_rows():
    found = split(12, 0.25, 0.25, classes=np.arange(12))
    assert [len(part) for part in parts(found)] == [6, 3, 3]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=8),
    st.floats(0, 0.49),
    st.floats(0, 0.49),
    st.integers(0, 1000),
)
def test_stratified_splits_are_partitions_of_the_right_sizes_near_the_shares(counts, val, test, seed):
    n_rows = sum(counts)
    classes = np.repeat(np.arange(len(counts)), counts)
    n_val, n_test = round(val * n_rows), round(test * n_rows)
    if n_val + n_test >= n_rows:
        return
    found = split(n_rows, val, test, classes=classes, seed=seed)
    assert [len(part) for part in parts(found)] == [n_rows - n_val - n_test, n_val, n_test]
    assert np.array_equal(np.sort(np.concatenate(parts(found))), np.arange(n_rows))
    if len(found.train) >= len(counts):
        assert len(np.unique(classes[found.train])) == len(counts)


def test_a_split_that_leaves_nothing_to_train_on_is_refused():
    assert problems_of(split, 2, 0.5, 0.5) == [
        "data.split: of 2 rows val gets 1 and test 1, which leaves none to train on; give train a larger share, or "
        "bring more rows"
    ]


def test_a_share_of_less_than_a_row_is_none_and_reported():
    assert split(3, 0.1, 0.34).notices == ("data.split.val: 0.1 of 3 rows is less than one row, so val has none",)
    assert split(3, 0.0, 0.34).notices == ()


def test_classes_that_a_part_lacks_are_reported():
    names = tuple("abcdefgh")
    in_parts = {"train": np.array([0, 1, 2, 3, 4, 5, 6]), "val": np.array([0, 7]), "test": np.array([], dtype=int)}
    assert class_notices(in_parts, names) == (
        "no row to train on has the class 'h', which cannot be learned",
        "no row of val has the classes 'b', 'c', 'd', 'e', 'f' and 'g', so its scores do not cover it",
    )


def test_largest_remainders_sum_to_the_total():
    assert apportion(10, np.array([1.0, 1.0, 1.0])).tolist() == [4, 3, 3]
    assert apportion(7, np.array([5.0, 3.0, 1.0])).tolist() == [4, 2, 1]
    assert apportion(0, np.array([1.0, 2.0])).tolist() == [0, 0]
    assert apportion(10, np.array([9, 1]), np.array([8, 9])).tolist() == [8, 2]
