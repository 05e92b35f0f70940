"""Evaluation: of all the rows it is given, in evaluation mode, whatever the number that passes at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import nn_scratch.training.evaluation
from nn_scratch.experiments.build import TRAIN_SAMPLE, Built
from nn_scratch.metrics import class_scores
from nn_scratch.training.evaluation import MOST_CONFUSION_CLASSES, ClassificationScore, Evaluator, pass_through
from tests.small import DENSE, built, rows, trained

LAYERS = [DENSE, {"type": "dropout", "rate": 0.5}, {"type": "dense", "units": 4}]


def outputs(run: Built, X: np.ndarray) -> np.ndarray:
    """Z (outputs, rows) by hand, without dropout."""
    p = run.network.named(run.network.theta)
    H = np.tanh(X @ p["hidden_1.W"] + p["hidden_1.b"])
    H = np.maximum(0, H @ p["hidden_2.W"] + p["hidden_2.b"])
    return (H @ p["output.W"] + p["output.b"]).T


def losses(Z: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.logaddexp.reduce(Z, axis=0) - Z[y, np.arange(len(y))]


@pytest.fixture
def run(tmp_path: Path) -> Built:
    return trained(built(rows(tmp_path), layers=LAYERS, train__dtype="float64"))


def test_scores_are_those_of_evaluation_mode(run: Built) -> None:
    val = run.data.val
    Z = outputs(run, val.X)
    scores = run.trainer.evaluate()
    assert scores["val_loss"] == pytest.approx(losses(Z, val.y).mean(), rel=1e-12)
    assert scores["val_accuracy"] == (Z.argmax(axis=0) == val.y).mean()
    recalls = [(Z.argmax(axis=0) == val.y)[val.y == k].mean() for k in np.unique(val.y)]
    assert scores["val_balanced_accuracy"] == pytest.approx(np.mean(recalls), rel=1e-12)


def test_evaluating_changes_nothing_of_training(run: Built) -> None:
    before = run.network.theta.copy(), run.network.noise.bit_generator.state
    run.trainer.evaluate()
    np.testing.assert_array_equal(run.network.theta, before[0])
    assert run.network.noise.bit_generator.state == before[1]


def test_batch_norm_is_evaluated_with_its_running_statistics(tmp_path: Path) -> None:
    run = trained(
        built(rows(tmp_path), layers=[DENSE | {"activation": "identity"}, "batch_norm"], train__dtype="float64")
    )
    p = run.network.named(run.network.theta) | run.network.named_state(run.network.state)
    X, y = run.data.val.X, run.data.val.y
    H = X @ p["hidden_1.W"] + p["hidden_1.b"]
    H = (H - p["hidden_1.batch_norm.running_mean"]) / np.sqrt(p["hidden_1.batch_norm.running_var"] + 1e-5)
    H = H * p["hidden_1.batch_norm.gamma"] + p["hidden_1.batch_norm.beta"]
    Z = (H @ p["output.W"] + p["output.b"]).T
    assert run.trainer.evaluate()["val_loss"] == pytest.approx(losses(Z, y).mean(), rel=1e-12)


@pytest.mark.parametrize("at_once", [1, 5, 7, 10_000])
@pytest.mark.parametrize("changes", [{}, {"class_weight": {"0": 3, "1": 0.2}}])
def test_scores_do_not_depend_on_how_many_rows_pass_at_once(
    at_once: int, changes: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = rows(tmp_path)
    expected = built(source, train__dtype="float64", **changes).trainer.evaluate()
    monkeypatch.setattr(nn_scratch.training.evaluation, "evaluation_rows", lambda network: at_once)
    run = built(source, train__dtype="float64", **changes)
    scores = run.trainer.evaluate()
    assert scores == {name: pytest.approx(value, rel=1e-12) for name, value in expected.items()}
    Z = pass_through(run.network, run.trainer.evaluators["val"].examples.inputs)
    np.testing.assert_allclose(Z, run.trainer.evaluators["val"].outputs, rtol=1e-12)


def test_the_loss_is_weighted_by_the_rows_weights(tmp_path: Path) -> None:
    weights = np.random.default_rng(1).uniform(0, 3, 60)
    run = built(rows(tmp_path, w=weights), data__weight="w", layers=LAYERS, train__dtype="float64")
    val = run.data.val
    w = weights[val.rows]
    assert run.trainer.evaluate()["val_loss"] == pytest.approx(
        (losses(outputs(run, val.X), val.y) * w).sum() / w.sum(), rel=1e-12
    )


def test_of_large_data_a_fixed_sample_is_scored_each_epoch(tmp_path: Path) -> None:
    run = built(rows(tmp_path, n=4000), layers=LAYERS, train__dtype="float64", train__epochs=1)
    score = run.trainer.evaluators["train"].score
    assert len(score.labels) == TRAIN_SAMPLE < len(run.data.train)
    inputs = run.trainer.evaluators["train"].examples.inputs
    Z = outputs(run, inputs[:, :-1])
    first = run.trainer.evaluate()["train_loss"]
    assert first == pytest.approx(losses(Z, score.labels).mean(), rel=1e-12)
    assert run.trainer.evaluate()["train_loss"] == first
    whole = run.evaluator(run.data.train)()
    assert whole["loss"] == pytest.approx(losses(outputs(run, run.data.train.X), run.data.train.y).mean(), rel=1e-12)


def test_no_rows_have_no_scores(tmp_path: Path) -> None:
    for classes in (3, 0):
        split = {"train": 1.0, "val": 0.0, "test": 0.0}
        run = built(rows(tmp_path, classes=classes), data__split=split)
        scores = run.trainer.evaluate()
        assert all(np.isnan(value) == name.startswith("val_") for name, value in scores.items())


def test_numbers_are_scored_in_their_own_units(tmp_path: Path) -> None:
    run = trained(built(rows(tmp_path, classes=0), layers=LAYERS, train__dtype="float64"))
    val = run.data.val
    y = np.load(tmp_path / "rows.npz")["y"][val.rows]
    predicted = outputs(run, val.X)[0] * run.data.preprocessing.target_scale + run.data.preprocessing.target_offset
    scores = run.trainer.evaluate()
    assert scores["val_rmse"] == pytest.approx(np.sqrt(np.mean((y - predicted) ** 2)), rel=1e-9)
    assert scores["val_r2"] == pytest.approx(1 - ((y - predicted) ** 2).sum() / ((y - y.mean()) ** 2).sum(), rel=1e-9)


def test_an_evaluator_keeps_the_outputs_of_its_latest_call(run: Built) -> None:
    evaluator: Evaluator = run.evaluator(run.data.test)
    evaluator()
    np.testing.assert_allclose(evaluator.outputs, outputs(run, run.data.test.X), rtol=1e-12)


@pytest.mark.parametrize("classes", [2, 7, MOST_CONFUSION_CLASSES, MOST_CONFUSION_CLASSES + 1])
def test_scores_of_few_classes_come_with_their_confusion(classes: int) -> None:
    rng = np.random.default_rng(0)
    labels = rng.integers(1, classes, 300)  # no row of the first class
    Z = rng.standard_normal((classes, 300))
    score = ClassificationScore(labels, classes, lambda outputs: outputs.argmax(axis=0))
    assert score(Z) == class_scores(labels, Z.argmax(axis=0))
    if classes > MOST_CONFUSION_CLASSES:
        assert score.confusion is None
        return
    assert score.confusion is not None
    for true, predicted in [(0, 0), (1, 1), (classes - 1, 0)]:
        assert score.confusion[true, predicted] == np.sum((labels == true) & (Z.argmax(axis=0) == predicted))


def test_scores_of_no_rows_are_unknown() -> None:
    score = ClassificationScore(np.empty(0, np.int64), 3, lambda outputs: outputs.argmax(axis=0))
    assert all(np.isnan(value) for value in score(np.empty((3, 0))).values())
