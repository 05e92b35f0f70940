"""What the doctor once got wrong on real data and programs: a small run of each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.doctor import Diagnosis, diagnose
from nn_scratch.doctor.data_features import MEMORIZED
from nn_scratch.doctor.diagnose import suspected
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.patches import suited_l2
from nn_scratch.doctor.rule import load_rules
from tests.doctor.conftest import Trained

DENSE: dict[str, Any] = {"type": "dense", "units": 16, "activation": "relu"}
REGRESSION = {"type": "regression", "rows": 300, "noise": 10.0}


def rules(diagnosis: Diagnosis, *severities: str) -> list[str]:
    return [one.rule for one in diagnosis.findings if not severities or one.severity in severities]


def test_mild_imbalance_is_not_blamed_on_the_learning_rate(trained: Trained) -> None:
    source = {"type": "blobs", "rows": 900, "classes": 3, "noise": 4.0, "class_shares": [4.0, 1.0, 1.0]}
    found = diagnose(trained(data={"source": source}, optimizer={"type": "adam", "lr": 0.001}, train={"epochs": 60}))
    assert "lr_too_low" not in rules(found)


def test_rare_classes_that_are_given_up_are_met_by_class_weights(trained: Trained) -> None:
    source = {"type": "blobs", "rows": 1500, "classes": 2, "noise": 5.0, "class_shares": [15.0, 1.0]}
    (imbalance,) = [one for one in diagnose(trained(data={"source": source})).findings if one.rule == "class_imbalance"]
    assert imbalance.patches[0].set == {"class_weight": "balanced"}
    assert imbalance.because.endswith("which counts in balanced accuracy and hardly in accuracy")


def test_overlapping_classes_are_no_wrong_labels(trained: Trained) -> None:
    found = diagnose(trained(data={"source": {"type": "blobs", "rows": 600, "classes": 3, "noise": 6.0}}))
    assert "label_noise" not in rules(found, "critical")


def test_unscaled_targets_are_met_by_scaling_them(trained: Trained) -> None:
    data = {"source": REGRESSION, "target_scale": "none"}
    found = diagnose(trained(data=data, optimizer={"type": "sgd", "lr": 0.05}))
    patches = [patch.set for one in found.findings[:1] for patch in one.patches]
    assert found.verdict == "sick"
    assert any("data.target_scale" in patch for patch in patches)


def test_a_softmax_over_the_one_output_of_a_regression_is_named_whatever_the_targets_are(trained: Trained) -> None:
    data = {"source": REGRESSION, "target_scale": "minmax"}
    first = diagnose(trained(data=data, output={"activation": "softmax"}, loss="mse")).findings[0]
    assert (first.rule, first.severity, first.layer) == ("wrong_loss_output", "critical", "output")
    assert first.because.endswith("a single output is always 1")


def test_time_comes_before_capacity(trained: Trained) -> None:
    layers = [{**DENSE, "units": 4}]
    run = trained(layers=layers, optimizer={"type": "adam", "lr": 0.002}, train={"epochs": 5, "batch_size": 32})
    assert run.info["steps"] < 60
    assert diagnose(run).findings[0].rule == "too_few_epochs"


def test_scales_that_a_normalization_undoes_are_no_first_cause(trained: Trained) -> None:
    data = {"source": REGRESSION, "scale": "none", "target_scale": "standard"}
    layers = [{**DENSE, "activation": "identity"}, "batch_norm", {"type": "activation", "activation": "relu"}]
    run = trained(data=data, layers=layers, output={"activation": "softmax"}, loss="mse")
    assert diagnose(run).findings[0].rule == "wrong_loss_output"


def test_a_validation_loss_that_rises_is_reported_of_a_healthy_run_with_what_it_costs(trained: Trained) -> None:
    layers = [{**DENSE, "units": 64}, {**DENSE, "units": 32}]
    run = trained(
        data={"source": "digits"}, layers=layers, optimizer={"type": "adam", "lr": 0.003}, train={"epochs": 60}
    )
    found = diagnose(run)
    assert found.verdict == "healthy"
    assert "the loss on held-out rows rises" in found.note
    assert found.note.endswith("nats of log loss, not balanced accuracy")
    assert found.summary.startswith(f"healthy, but {found.note}: ")
    assert found.findings[0].patches[0].set.keys() == {"train.early_stopping"}


def test_rows_that_are_never_shuffled_are_at_least_a_warning(trained: Trained) -> None:
    found = diagnose(trained(data={"source": "iris"}, train={"epochs": 20, "shuffle": False}))
    (order,) = [one for one in found.findings if one.rule == "sorted_data"]
    assert order.patches[0].set == {"train.shuffle": True}


def test_dropout_that_leaves_next_to_nothing_is_not_passed_over(trained: Trained) -> None:
    layers = [DENSE, {"type": "dropout", "rate": 0.95}]
    found = diagnose(trained(data={"source": {"type": "moons", "rows": 300}}, layers=layers))
    assert rules(found)[0] == "over_regularized"


def test_more_epochs_and_fewer_are_not_asked_of_one_run(trained: Trained) -> None:
    data = {"source": {"type": "blobs", "rows": 120, "classes": 3, "noise": 6.0}}
    for epochs in (60, 300):
        run = trained(data=data, layers=[{**DENSE, "units": 64}], train={"epochs": epochs})
        assert not {"too_few_epochs", "overfit"} <= set(rules(diagnose(run)))


def test_there_is_one_usual_rate_for_one_config(trained: Trained) -> None:
    data = {"source": {"type": "spiral", "rows": 300, "classes": 3, "turns": 0.5}}
    for lr in (1e-6, 3.0):
        found = diagnose(trained(data=data, optimizer={"type": "adam", "lr": lr})).findings[0]
        assert found.evidence["usual_lr"] == 0.004
        assert found.patches[0].set["optimizer.lr"] == pytest.approx(0.004)


def test_a_patch_changes_something(trained: Trained) -> None:
    """No `batch_size: 2 -> 2`, whatever the run."""
    run = trained(data={"source": {"type": "blobs", "rows": 12, "classes": 2}}, train={"epochs": 3, "batch_size": 8})
    for one in diagnose(run, budget=0).findings:
        for patch in one.patches:
            assert any(stands(run.config, key) != value for key, value in patch.set.items())


def stands(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config[int(part)] if isinstance(config, list) else (config or {}).get(part)
    return config


def test_equal_rows_that_change_no_score_are_no_leak(trained: Trained) -> None:
    found = diagnose(trained(data={"source": {"type": "blobs", "rows": 400, "classes": 3, "duplicates": 0.3}}))
    assert "leakage" not in rules(found)


def test_the_shipped_initial_weights_are_not_too_small(trained: Trained) -> None:
    layers = [{**DENSE, "activation": kind, "init": "glorot_uniform"} for kind in ("relu", "tanh", "gelu")]
    assert "init_too_small" not in rules(diagnose(trained(layers=layers), budget=0))


def test_a_rate_too_high_for_targets_as_they_are_may_suit_them_scaled(trained: Trained, tmp_path: Path) -> None:
    X = np.random.default_rng(0).normal(size=(300, 3))
    path = tmp_path / "threes.npz"
    np.savez(path, X=X, y=3 * np.sin(X).sum(axis=1))
    data, rate = {"source": str(path)}, {"type": "sgd", "lr": 0.1, "momentum": 0.9}
    offered = {}
    for scale in ("none", "standard"):
        run = trained(data={**data, "target_scale": scale}, optimizer=rate)
        found = next(one for one in diagnose(run, budget=0).findings if one.rule == "lr_too_high")
        offered[scale] = [dict(patch.set) for patch in found.patches]
    assert {"data.target_scale": "standard"} in offered["none"]
    assert {"data.target_scale": "standard"} not in offered["standard"]


def test_a_small_gain_makes_any_initial_weights_too_small(trained: Trained) -> None:
    layers = [{**DENSE, "init": {"type": "he_normal", "gain": 0.02}}] * 4
    found = diagnose(trained(layers=layers)).findings[0]
    assert found.rule == "init_too_small"
    assert "vanishing_gradient" in found.symptoms


def test_columns_of_0_and_1_need_no_scaling(trained: Trained, tmp_path: Any) -> None:
    X = np.random.default_rng(0).integers(0, 2, (300, 9))
    path = tmp_path / "bits.csv"
    lines = [f"{','.join(map(str, row))},{'ab'[int(row[:3].sum() > 1)]}" for row in X]
    path.write_text("\n".join([",".join([*(f"x{i}" for i in range(9)), "y"]), *lines]) + "\n")
    found = diagnose(trained(data={"source": str(path), "target": "y", "scale": "none"}))
    assert "unscaled_inputs" not in rules(found)


def test_a_loss_that_rises_on_the_training_rows_too_is_not_called_memorizing(trained: Trained) -> None:
    source = {"type": "blobs", "rows": 300, "classes": 3, "noise": 1.0}
    run = trained(data={"source": source}, regularize={"l2": 3.0}, optimizer={"type": "sgd", "lr": 0.1})
    val_loss, train_loss = run.metrics["val_loss"], run.metrics["train_loss"]
    assert val_loss[-1] > val_loss.min()
    assert train_loss[-1] > train_loss[val_loss.argmin()]
    assert rules(diagnose(run, budget=0))[0] == "over_regularized"
    assert "overfit" not in rules(diagnose(run, budget=0))


def test_what_retraining_surely_gains_is_a_warning_even_where_it_costs_little(trained: Trained) -> None:
    layers = [{**DENSE, "units": 64}, {"type": "dropout", "rate": 0.9}]
    adam = {"type": "adam", "lr": 0.001}
    found = diagnose(trained(data={"source": "digits"}, layers=layers, optimizer=adam, train={"epochs": 60}))
    assert found.verdict == "healthy"
    (dropout,) = [one for one in found.findings if one.rule == "over_regularized"]
    assert dropout.severity == "warning"
    assert dropout.evidence["gain_at_least"] > 0
    assert "not balanced accuracy" not in found.note
    assert f"; this costs {dropout.evidence['gain_by_retraining']:.3f} of balanced accuracy" in found.note


def test_where_every_row_is_fitted_class_weights_with_a_penalty_come_second(trained: Trained) -> None:
    source = {"type": "blobs", "rows": 400, "classes": 2, "features": 20, "noise": 20.0, "class_shares": [6.0, 1.0]}
    run = trained(data={"source": source}, layers=[{**DENSE, "units": 128}], train={"epochs": 60})
    assert run.info["train"]["balanced_accuracy"] > 0.99
    (imbalance,) = [one for one in diagnose(run, budget=0).findings if one.rule == "class_imbalance"]
    first, second = imbalance.patches  # until retraining shows what the first gains
    assert first.set == {"class_weight": "balanced"}
    assert second.set == {"class_weight": "balanced", "regularize.l2": 0.05}


def test_a_penalty_suits_the_number_of_rows() -> None:
    assert [suited_l2(rows) for rows in (10, 120, 1200, 120_000)] == [0.1, 0.09, 0.009, 9e-05]


@pytest.mark.parametrize("memorizes", [False, True])
def test_a_network_that_memorizes_is_met_by_a_penalty_beside_early_stopping(trained: Trained, memorizes: bool) -> None:
    source = {"type": "blobs", "rows": 200, "classes": 2, "features": 20, "noise": 12.0}
    data = {"source": {**source, "label_noise": 0.3 * memorizes}}
    run = trained(data=data, layers=[{**DENSE, "units": 128}], train={"epochs": 100})
    load_rules()
    case = Case(run)
    assert (case.train_score - case.held_score > MEMORIZED) is memorizes
    (overfit,) = [one for one in suspected(case) if one.rule == "overfit"]
    penalty = {"regularize.l2": suited_l2(case.train_rows)}
    stop = {"train.early_stopping": {"monitor": "val_loss", "patience": 10}}
    both = {**stop, **penalty}
    assert [patch.set for patch in overfit.patches] == ([both, stop, penalty] if memorizes else [stop, both, penalty])
    assert overfit.epoch is not None
    with_patience = (overfit.epoch + 11) * run.info["steps_per_epoch"]
    assert overfit.ends == (None if memorizes else with_patience)


def test_a_small_rate_that_is_still_on_its_way_is_tested_where_a_run_is_behind(trained: Trained) -> None:
    data = {"source": {"type": "moons", "rows": 600, "noise": 0.15}}
    layers = [{**DENSE, "units": 32, "activation": "tanh"}]
    for lr, tested in ((0.0015, True), (0.05, False)):
        optimizer = {"type": "sgd", "lr": lr, "momentum": 0.9}
        run = trained(data=data, layers=layers, optimizer=optimizer, train={"epochs": 56})
        found = [one for one in diagnose(run).findings if one.rule == "lr_too_low"]
        assert ["gain_by_retraining" in one.evidence for one in found] == [True] * tested
