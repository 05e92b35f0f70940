"""Scores: scikit-learn's where it has them, by hand where not; and what becomes of parts that hold too little."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

from nn_scratch.metrics import (
    accuracy_from,
    balanced_accuracy_from,
    class_scores,
    classification_report,
    confusion_counts,
    label_report,
    label_scores,
    lower_is_better,
    regression_report,
    regression_scores,
)
from nn_scratch.training.evaluation import ClassificationScore, RegressionScore

NAMES = ("a", "b", "c")


def probabilities(rows: int, classes: int = 3, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).dirichlet(np.ones(classes), rows)


# --- classes


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_scores_of_every_epoch_are_scikit_learns(classes: int) -> None:
    rng = np.random.default_rng(1)
    true, predicted = rng.integers(classes, size=(2, 40))
    confusion = confusion_counts(true, predicted, classes)
    np.testing.assert_array_equal(confusion, sklearn_metrics.confusion_matrix(true, predicted))
    assert accuracy_from(confusion) == pytest.approx(sklearn_metrics.accuracy_score(true, predicted))
    assert balanced_accuracy_from(confusion) == pytest.approx(sklearn_metrics.balanced_accuracy_score(true, predicted))


@pytest.mark.parametrize("classes", [2, 3, 7])
@pytest.mark.parametrize("ties", [False, True])
def test_a_report_is_scikit_learns(classes: int, ties: bool) -> None:
    rng = np.random.default_rng(classes)
    true, P = rng.integers(classes, size=300), probabilities(300, classes)
    if ties:
        P = np.round(P, 1)
        P /= P.sum(axis=1, keepdims=True)
    report = classification_report(true, P, tuple(str(c) for c in range(classes)))
    predicted = P.argmax(axis=1)
    assert report["accuracy"] == pytest.approx(sklearn_metrics.accuracy_score(true, predicted))
    assert report["balanced_accuracy"] == pytest.approx(sklearn_metrics.balanced_accuracy_score(true, predicted))
    assert report["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(true, predicted, average="macro"))
    assert report["log_loss"] == pytest.approx(sklearn_metrics.log_loss(true, P))
    scores = P[:, 1] if classes == 2 else P
    assert report["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(true, scores, multi_class="ovr"))
    assert list(report["recall"].values()) == pytest.approx(
        list(sklearn_metrics.recall_score(true, predicted, average=None))
    )


def test_the_f1_of_a_class_that_is_never_predicted_is_0_and_counts() -> None:
    P = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0], [0.7, 0.3, 0.0]])
    assert classification_report(np.array([0, 0, 1]), P, NAMES)["macro_f1"] == pytest.approx(0.4)


def test_scores_of_no_rows_are_not_numbers() -> None:
    empty = confusion_counts(np.empty(0, np.int64), np.empty(0, np.int64), 3)
    assert np.isnan(accuracy_from(empty))
    assert np.isnan(balanced_accuracy_from(empty))


def test_balanced_accuracy_is_over_the_classes_that_occur() -> None:
    assert balanced_accuracy_from(confusion_counts(np.array([0, 0, 1]), np.array([0, 2, 1]), 3)) == 0.75


def test_a_report_by_hand() -> None:
    """Four rows, the third wrong."""
    P = np.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.5, 0.2, 0.3], [0.2, 0.2, 0.6]])
    report = classification_report(np.array([0, 1, 2, 2]), P, NAMES)
    assert report["accuracy"] == 0.75
    assert report["balanced_accuracy"] == pytest.approx(2.5 / 3)
    assert report["macro_f1"] == pytest.approx((2 / 3 + 1 + 2 / 3) / 3)
    assert report["recall"] == {"a": 1.0, "b": 1.0, "c": 0.5}
    assert report["log_loss"] == pytest.approx(-np.log([0.7, 0.8, 0.3, 0.6]).mean())
    assert report["roc_auc"] == pytest.approx(1.0)


def test_a_class_that_is_missing_has_no_recall_and_the_rows_no_roc_auc() -> None:
    report = classification_report(np.array([0, 0, 1, 1]), probabilities(4), NAMES)
    assert report["recall"]["c"] is None
    assert report["roc_auc"] is None
    assert report["log_loss"] == pytest.approx(-np.log(probabilities(4)[np.arange(4), [0, 0, 1, 1]]).mean())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rows_of_a_single_class_are_scored(rows: int) -> None:
    for names in (NAMES, NAMES[:2]):
        P = probabilities(rows, len(names))
        report = classification_report(np.ones(rows, np.int64), P, names)
        right = float((P.argmax(axis=1) == 1).mean())
        assert report["accuracy"] == report["balanced_accuracy"] == report["recall"]["b"] == right
        assert report["recall"]["a"] is None
        assert report["roc_auc"] is None


def test_two_rows_of_two_classes_are_scored() -> None:
    report = classification_report(np.array([0, 1]), np.array([[0.6, 0.4], [0.3, 0.7]]), NAMES[:2])
    assert (report["accuracy"], report["roc_auc"], report["macro_f1"]) == (1.0, 1.0, 1.0)


def test_probabilities_of_float32_that_do_not_quite_sum_to_one_are_scored() -> None:
    P = probabilities(500, 50).astype(np.float32)
    true = np.arange(500) % 50
    report = classification_report(true, P, tuple(str(k) for k in range(50)))
    assert report["roc_auc"] is not None


def test_probabilities_of_exactly_0_and_1_have_a_finite_log_loss() -> None:
    report = classification_report(np.array([0, 1]), np.array([[0.0, 1.0], [0.0, 1.0]]), NAMES[:2])
    assert np.isfinite(report["log_loss"])


# --- numbers


def test_numbers_are_scored_as_by_scikit_learn() -> None:
    rng = np.random.default_rng(2)
    true = rng.normal(size=(30, 3)) * [1, 10, 100]
    predicted = true + rng.normal(size=(30, 3)) * [0.5, 2, 30]
    report = regression_report(true, predicted)
    assert report["r2"] == pytest.approx(sklearn_metrics.r2_score(true, predicted))
    assert report["rmse"] == pytest.approx(sklearn_metrics.root_mean_squared_error(true, predicted))
    assert report["mae"] == pytest.approx(sklearn_metrics.mean_absolute_error(true, predicted))


def test_r2_of_each_target_counts_the_same_whatever_its_units() -> None:
    true = np.array([[0.0, 0.0], [1.0, 1000.0], [2.0, 2000.0]])
    exact_in_one = np.column_stack([true[:, 0], np.full(3, 1000.0)])
    assert regression_scores(true, exact_in_one)["r2"] == pytest.approx(0.5)


@pytest.mark.filterwarnings("error")
def test_one_row_has_an_error_and_no_r2() -> None:
    report = regression_report(np.array([[3.0]]), np.array([[1.0]]))
    assert (report["rmse"], report["mae"]) == (2.0, 2.0)
    assert np.isnan(report["r2"])


def test_no_rows_have_no_scores() -> None:
    assert all(np.isnan(score) for score in regression_scores(np.empty((0, 2)), np.empty((0, 2))).values())


def test_a_target_that_never_changes_has_r2_0_or_1() -> None:
    true = np.full((4, 1), 7.0)
    assert regression_scores(true, true)["r2"] == 1.0
    assert regression_scores(true, true + 1)["r2"] == 0.0


# --- which way is better


def test_of_every_score_it_is_known_which_way_is_better() -> None:
    better_low = {
        name for name in ("loss", *ClassificationScore.names, *RegressionScore.names) if lower_is_better(f"val_{name}")
    }
    assert better_low == {"loss", "rmse"}
    assert lower_is_better("train_loss")


# --- several labels a row


def test_labels_are_scored_as_by_scikit_learn() -> None:
    rng = np.random.default_rng(4)
    true, P = rng.integers(2, size=(40, 3)).astype(float), rng.uniform(size=(40, 3))
    report = label_report(true, P, NAMES)
    said = P >= 0.5
    assert report["exact_match"] == pytest.approx(sklearn_metrics.accuracy_score(true, said))
    assert report["accuracy"] == pytest.approx(1 - sklearn_metrics.hamming_loss(true, said))
    assert report["macro_f1"] == pytest.approx(sklearn_metrics.f1_score(true, said, average="macro"))
    assert report["roc_auc"] == pytest.approx(sklearn_metrics.roc_auc_score(true, P))
    assert report["log_loss"] == pytest.approx(-(true * np.log(P) + (1 - true) * np.log(1 - P)).mean())
    assert report["r2"] == pytest.approx(sklearn_metrics.r2_score(true, P))


def test_labels_that_no_row_has_and_that_all_have() -> None:
    true = np.array([[0.0, 1.0], [0.0, 1.0]])
    report = label_report(true, np.array([[0.2, 0.9], [0.6, 0.8]]), NAMES[:2])
    assert report["recall"] == {"a": None, "b": 1.0}
    assert report["roc_auc"] is None
    assert (report["accuracy"], report["exact_match"]) == (0.75, 0.5)


def test_labels_of_no_rows_have_no_scores() -> None:
    assert all(np.isnan(score) for score in label_scores(np.empty((0, 2)), np.empty((0, 2))).values())


def test_scores_without_a_confusion_are_those_of_one() -> None:
    rng = np.random.default_rng(0)
    for classes in (2, 3, 40):
        true, predicted = rng.integers(0, classes, (2, 60))
        confusion = confusion_counts(true, predicted, classes)
        assert class_scores(true, predicted) == {
            "accuracy": accuracy_from(confusion),
            "balanced_accuracy": balanced_accuracy_from(confusion),
        }
    assert np.isnan(class_scores(true[:0], predicted[:0])["accuracy"])
