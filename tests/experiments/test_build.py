"""From a config to a run that is ready to start: what the data and the config together rule out, and what is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.parts import instantiate
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import Built
from nn_scratch.experiments.model import load_model
from nn_scratch.experiments.train import train
from nn_scratch.nn.layers import LAYERS
from nn_scratch.training.observers import ObserverList
from tests.small import DENSE, built, config, rows


def refusal(source: Any, **changes: Any) -> str:
    with pytest.raises(UserError) as error:
        built(source, **changes)
    return str(error.value)


# --- combinations without a meaning


def test_losses_for_classes_are_refused_for_numbers(tmp_path: Path) -> None:
    assert refusal(rows(tmp_path, classes=0), loss="cross_entropy") == (
        "loss: cross_entropy is no loss for regression; write auto, or one of: poisson, mse, mae, huber, log_cosh"
    )


def test_losses_for_numbers_alone_are_refused_for_classes(tmp_path: Path) -> None:
    message = refusal(rows(tmp_path), loss="poisson", data__target_scale="none")
    assert message.startswith("loss: poisson is no loss for classification; write auto, or one of: cross_entropy, ")


def test_counts_are_not_standardized(tmp_path: Path) -> None:
    assert refusal(rows(tmp_path, classes=0), loss="poisson") == (
        "data.target_scale: standard makes targets negative, and poisson (loss) needs counts; write none"
    )


def test_counts_are_not_negative(tmp_path: Path) -> None:
    assert refusal(rows(tmp_path, classes=0), loss="poisson", data__target_scale="none") == (
        "loss: poisson needs counts, and y is negative in some rows; write mse, or mae"
    )


def test_counts_are_trained_on_as_they_are(tmp_path: Path) -> None:
    np.savez(tmp_path / "counts.npz", X=np.random.default_rng(0).normal(size=(40, 2)), y=np.arange(40.0) % 5)
    run = built(str(tmp_path / "counts.npz"), loss="poisson", data__target_scale="none")
    assert set(run.data.train.y.ravel().tolist()) <= {0.0, 1.0, 2.0, 3.0, 4.0}


@pytest.mark.parametrize(
    ("classes", "class_weight", "expected"),
    [
        (0, "balanced", "class_weight: a regression has no classes to weigh; write null"),
        (3, {"4": 2}, "class_weight.4: no such class; one of: 0, 1, 2"),
    ],
)
def test_weights_are_of_classes_that_there_are(classes: int, class_weight: Any, expected: str, tmp_path: Path) -> None:
    assert refusal(rows(tmp_path, classes=classes), class_weight=class_weight) == expected


@pytest.mark.parametrize(
    ("classes", "changes", "expected"),
    [
        (
            3,
            {"train__early_stopping": {"monitor": "val_r2"}},
            "train.early_stopping.monitor: 'val_r2' is not measured in this run; one of: train_accuracy, "
            "train_balanced_accuracy, train_loss, val_accuracy, val_balanced_accuracy, val_loss",
        ),
        (
            0,
            {"schedule": {"type": "reduce_on_plateau", "monitor": "val_los"}},
            "schedule.monitor: 'val_los' is not measured in this run; did you mean 'val_loss'?",
        ),
        (
            3,
            {
                "schedule": {"type": "reduce_on_plateau"},
                "data__split": {"train": 0.8, "val": 0.0, "test": 0.2},
            },
            "schedule.monitor: val_loss needs more than the 0 rows of val; write train_loss, or give data.split.val a "
            "larger share",
        ),
        (
            0,
            {
                "train__early_stopping": {"monitor": "val_r2"},
                "data__split": {"train": 0.9833, "val": 0.0167, "test": 0.0},
            },
            "train.early_stopping.monitor: val_r2 needs more than the 1 row of val; write train_r2, or give "
            "data.split.val a larger share",
        ),
    ],
)
def test_what_is_waited_for_is_measured(classes: int, changes: dict[str, Any], expected: str, tmp_path: Path) -> None:
    assert refusal(rows(tmp_path, classes=classes), **changes) == expected


@pytest.mark.parametrize("classes", [3, 0])
def test_every_score_of_a_run_can_be_waited_for(classes: int, tmp_path: Path) -> None:
    source = rows(tmp_path, classes=classes)
    columns = built(source).trainer.score_columns
    assert len(columns) == 6
    for column in columns:
        run = built(source, train__early_stopping={"monitor": column})
        assert run.trainer.early_stopping is not None
        assert run.trainer.early_stopping.monitor == column


def test_a_network_of_which_nothing_is_trainable_stays_as_it_is(tmp_path: Path) -> None:
    run = built(rows(tmp_path), layers=[DENSE | {"trainable": False}], output={"trainable": False})
    before = run.trainer.network.theta.copy()
    run.trainer.run(ObserverList([]))
    assert run.trainer.step > 0
    assert np.array_equal(run.trainer.network.theta, before)


# --- what is told


def test_a_mean_over_more_steps_than_there_are_is_reported(tmp_path: Path) -> None:
    first, second = built(rows(tmp_path), train__ema_decay=0.999).notices
    assert first == (
        "train.ema_decay: scores, layers.csv, the logs of weights, gradients and activations, and the model are of the "
        "averaged weights; steps.csv and step/ are of the weights that the optimizer updates"
    )
    assert second == (
        "train.ema_decay: 0.999 averages about 1,000 steps and training has 20, so that the first weights count to the "
        "end; write 0.5"
    )
    assert built(rows(tmp_path), train__ema_decay=0.5).notices == (first,)


def test_unwise_choices_are_reported_with_the_run(tmp_path: Path) -> None:
    run = built(rows(tmp_path), layers=[DENSE, "alpha_dropout"])
    assert run.notices == (
        "layers[1]: alpha_dropout keeps mean and variance after selu alone, not after tanh; write dropout",
    )


# --- weights of classes and rows


def weights_of(run: Built) -> np.ndarray:
    found = run.trainer.train_examples.weights
    assert found is not None
    return found


def test_balanced_classes_weigh_the_same_in_all(tmp_path: Path) -> None:
    run = built(rows(tmp_path), class_weight="balanced")
    y = run.data.train.y
    totals = [weights_of(run)[y == k].sum() for k in range(3)]
    np.testing.assert_allclose(totals, len(y) / 3, rtol=1e-6)


def test_without_weights_all_rows_are_alike(tmp_path: Path) -> None:
    assert built(rows(tmp_path)).trainer.train_examples.weights is None


# --- layers, drawn and read again


def test_a_dense_layer_without_an_activation_is_written_as_the_relu_it_is(tmp_path: Path) -> None:
    layer = config("iris", layers=[{"type": "dense", "units": 3}]).layers[0]
    assert instantiate(LAYERS, layer).f.registered_name == layer.parameters["activation"].type == "relu"


def test_adding_a_layer_changes_no_split_and_no_first_layer(tmp_path: Path) -> None:
    source = rows(tmp_path)
    few, more = built(source, layers=[DENSE]), built(source, layers=[DENSE, "dropout", DENSE])
    np.testing.assert_array_equal(few.data.train.rows, more.data.train.rows)
    np.testing.assert_array_equal(few.probe_rows, more.probe_rows)
    first = [run.network.named(run.network.theta)["hidden_1.W"] for run in (few, more)]
    np.testing.assert_array_equal(*first)


def test_a_model_that_does_not_fit_its_config_is_refused(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=1), tmp_path / "out")
    text = (run.path / "param.yaml").read_text()
    (run.path / "param.yaml").write_text(text.replace("units: 5", "units: 6"))
    with pytest.raises(UserError) as error:
        load_model(type(run)(run.path))
    assert str(error.value) == f"{run.path / 'model.npz'}: hidden_1.W does not fit param.yaml; train the run anew"
