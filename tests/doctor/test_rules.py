"""What the rules find, where, and what they leave alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.doctor import Finding, Patch, diagnose
from nn_scratch.doctor.diagnose import ranked, untreated
from nn_scratch.doctor.diagnosis import STAGES, Stage
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.features import features_of
from nn_scratch.doctor.report import diagnose_and_keep
from nn_scratch.doctor.rule import RULES, load_rules, rule
from nn_scratch.doctor.rules.first_steps import too_low
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.runs.run import Run
from tests.doctor.conftest import Trained

NAMES = {
    *("lr_too_high", "lr_too_low", "constant_init", "init_too_large", "init_too_small", "vanishing_gradient"),
    *("exploding_gradient", "dead_relu", "saturated", "unscaled_inputs", "sorted_data", "split_mismatch", "leakage"),
    *("class_imbalance", "label_noise", "wrong_loss_output", "over_regularized", "too_few_epochs", "underfit"),
    *("overfit", "frozen_layer", "wrong_gradient", "noisy_batches"),
}


def dense(**parameters: object) -> dict[str, object]:
    return {"type": "dense", "units": 16, "activation": "relu", **parameters}


def test_every_cause_has_a_rule_that_says_what_it_looks_for_and_where_it_is_from() -> None:
    load_rules()
    assert set(RULES) == NAMES
    for known in RULES.values():
        assert known.summary.endswith((".", "heart"))
        assert known.source
        assert known.stage in STAGES
        assert known.explains <= NAMES


def test_a_rule_is_registered_once() -> None:
    load_rules()
    with pytest.raises(ValueError, match=r"^rule 'lr_too_high' is registered twice$"):
        rule("lr_too_high", stage="end", source="")(lambda case: None)


def test_a_good_run_is_healthy_and_hears_why(trained: Trained) -> None:
    diagnosis = diagnose(trained())
    assert diagnosis.verdict == "healthy"
    assert diagnosis.summary.startswith("healthy")
    assert ": balanced accuracy " in diagnosis.summary
    assert diagnosis.figures["score"] > diagnosis.figures["attainable"] - 0.05


def test_a_low_rate_that_brought_the_weights_far_is_told_by_the_loss(trained: Trained) -> None:
    run = trained(
        data={"source": {"type": "spiral"}},
        layers=[dense(), dense(units=8)],
        optimizer={"type": "adam", "lr": 0.001},
        train={"epochs": 60},
    )
    (found,) = [finding for finding in diagnose(run).findings if finding.rule == "lr_too_low"]
    said = (
        r"the learning rate 0\.001 is too low: after 60 epochs the training loss was still falling, by \d\.\d% an epoch"
    )
    assert re.fullmatch(said, found.because)
    # a network that has begun to memorize its training rows does not learn too slowly
    features = features_of(Case(run))
    memorizing = replace(features, epochs=replace(features.epochs, past_its_best=True))
    assert too_low(features) > too_low(memorizing)


def test_the_same_folder_gives_the_same_diagnosis(trained: Trained) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    first = diagnose_and_keep(run).to_json()
    written = (run.path / "diagnosis.json").read_bytes()
    diagnose_and_keep(Run(run.path))
    assert (run.path / "diagnosis.json").read_bytes() == written
    assert json.loads(written)["findings"][0]["rule"] == first["findings"][0]["rule"] == "lr_too_low"


def test_sick_means_that_a_finding_is_critical(trained: Trained) -> None:
    diagnosis = diagnose(trained(train={"epochs": 1, "batch_size": 256}, optimizer={"type": "sgd", "lr": 0.001}))
    assert diagnosis.verdict == "sick"
    assert diagnosis.findings[0].severity == "critical"


@pytest.mark.parametrize(
    ("layers", "wanted"),
    [
        ([dense(), dense(bias_init=-20.0)], ("dead_relu", "hidden_2")),
        ([dense(activation="tanh"), dense(activation="tanh", bias_init=15.0)], ("saturated", "hidden_2")),
        ([dense(init="zeros"), dense()], ("constant_init", "hidden_1")),
        ([dense(), dense(init="zeros")], ("constant_init", "hidden_2")),
        ([dense(), dense(units=1)], ("underfit", "hidden_2")),
    ],
)
def test_the_layer_at_fault_is_named(trained: Trained, layers: list[object], wanted: tuple[str, str]) -> None:
    data = {"source": {"type": "spiral", "rows": 400, "classes": 3, "turns": 0.5}}
    first = diagnose(trained(data=data, layers=layers, train={"epochs": 40})).findings[0]
    assert (first.rule, first.layer, first.severity) == (*wanted, "critical")


def test_a_diverged_run_is_diagnosed(trained: Trained) -> None:
    data = {"source": {"type": "regression", "rows": 300}}
    run = trained(data=data, optimizer={"type": "sgd", "lr": 50.0})
    assert run.info["status"] == "diverged"
    first = diagnose(run).findings[0]
    assert (first.rule, first.severity) == ("lr_too_high", "critical")
    assert first.patches[0].set["optimizer.lr"] < 1


@pytest.fixture
def wrong_backward(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """hidden_2's gradient has the wrong sign."""
    right = Dense.backward

    def backward(self: Dense, dA: np.ndarray) -> np.ndarray:
        dX = right(self, dA)
        if self.name == "hidden_2":
            np.negative(self.dWb, out=self.dWb)
        return dX

    monkeypatch.setattr(Dense, "backward", backward)
    return


@pytest.mark.usefixtures("wrong_backward")
def test_a_wrong_gradient_is_reported_by_differences_of_the_loss(trained: Trained) -> None:
    first = diagnose(trained(layers=[dense(), dense(), dense()])).findings[0]
    assert (first.rule, first.layer) == ("wrong_gradient", "hidden_2")
    assert first.evidence["relative_error"] == pytest.approx(2.0)
    assert first.patches == ()


@pytest.mark.parametrize("std", [1e-6, 1e-3, 10.0])
@pytest.mark.parametrize("activation", ["relu", "tanh", "leaky_relu"])
def test_small_and_large_weights_are_no_wrong_gradient(trained: Trained, std: float, activation: str) -> None:
    layer = dense(init={"type": "normal", "std": std}, activation=activation)
    run = trained(layers=[layer] * 4, train={"epochs": 1})
    assert "wrong_gradient" not in [finding.rule for finding in diagnose(run).findings]


def finding(rule: str, severity: str, stage: str, confidence: float = 0.9) -> Finding:
    return Finding(rule, severity, confidence, stage, "it is so")  # type: ignore[arg-type]


def test_the_earliest_cause_comes_first_and_what_it_explains_becomes_its_symptom() -> None:
    load_rules()
    found = ranked(
        [
            finding("dead_relu", "critical", "epochs"),
            finding("lr_too_high", "critical", "first_steps"),
            finding("overfit", "info", "end"),
            finding("leakage", "warning", "data"),
        ]
    )
    assert [one.rule for one in found] == ["lr_too_high", "leakage"]
    assert found[0].symptoms == ("dead_relu", "overfit")


def test_few_patches_are_joined_by_one_with_the_patch_of_a_symptom() -> None:
    load_rules()
    rate, penalty, others = Patch({"optimizer.lr": 1.0}, "smaller"), Patch({"regularize.l2": 0.0}, "none"), ()
    for number in range(3):
        cause = replace(
            finding("lr_too_high", "critical", "first_steps"),
            patches=(rate, *others),
            evidence={"gain_at_least": 0.2},
        )
        symptom = replace(finding("over_regularized", "warning", "config"), patches=(penalty,))
        (found,) = ranked([cause, symptom])
        joined = [patch.set for patch in found.patches if len(patch.set) > 1]
        assert joined == ([{"optimizer.lr": 1.0, "regularize.l2": 0.0}] if number < 2 else [])
        assert found.patches[: 1 + len(others)] == cause.patches
        others = (*others, Patch({"optimizer.lr": 0.1**number}, "another"))


def test_the_same_patch_is_offered_once_and_none_for_a_weak_sign_of_how_training_ended() -> None:
    load_rules()
    scaled, drawn = Patch({"data.scale": "standard"}, "scaled"), Patch({"layers.0.init": None}, "drawn")
    cause = replace(finding("unscaled_inputs", "critical", "data"), patches=(scaled,))
    large = replace(finding("init_too_large", "critical", "init"), patches=(drawn,))
    (found,) = ranked([cause, large, replace(large, rule="saturated", confidence=0.8)])
    assert [patch.set for patch in found.patches] == [scaled.set, {**scaled.set, **drawn.set}]
    cause = replace(cause, evidence={"gain_at_least": 0.2})
    small = replace(finding("underfit", "info", "end"), patches=(Patch({"layers.0.units": 64}, "more"),))
    (found,) = ranked([cause, small])
    assert found.patches == (scaled,)
    (found,) = ranked([cause, replace(small, severity="warning")])
    assert len(found.patches) == 2


def test_units_that_die_while_training_are_laid_to_the_rate(trained: Trained) -> None:
    load_rules()
    features = features_of(Case(trained()))
    rule = RULES["lr_too_high"]
    assert rule.check(features) is None
    dying = replace(features.hidden[0], dead_shares=(0.1, 0.9, 1.0))
    found = rule.check(replace(features, layers=(dying, features.output)))
    assert found is not None
    assert found.evidence["died_while_training"] == 0.9
    assert found.because.endswith(": 90% of the units of a layer died while training: they are 0 on every row")


def test_a_leaky_unit_is_no_cure_of_a_bias_that_keeps_it_below_zero(trained: Trained) -> None:
    first = diagnose(trained(layers=[dense(bias_init=-20.0)])).findings[0]
    assert first.rule == "dead_relu"
    assert first.patches[0].set == {"layers.0.bias_init": 0.0}
    assert not [patch for patch in first.patches if "leaky_relu" in str(patch.set)]


def test_a_linear_model_is_offered_wide_layers_beside_a_small_one(trained: Trained) -> None:
    data = {"source": {"type": "spiral", "rows": 300, "classes": 3}}
    first = diagnose(trained(data=data, layers=[])).findings[0]
    assert first.rule == "underfit"
    assert [[layer["units"] for layer in patch.set["layers"]] for patch in first.patches[:2]] == [[32], [128, 128]]


def test_a_low_rate_is_met_by_more_epochs_as_well(trained: Trained) -> None:
    first = diagnose(trained(optimizer={"type": "sgd", "lr": 1e-5})).findings[0]
    assert first.rule == "lr_too_low"
    assert first.patches[2].set == {**first.patches[1].set, "train.epochs": 60}


def test_a_doubtful_cause_gives_way_to_a_certain_one() -> None:
    load_rules()
    found = ranked([finding("unscaled_inputs", "critical", "data", 0.4), finding("frozen_layer", "critical", "config")])
    assert found[0].rule == "frozen_layer"


def test_a_patch_changes_two_keys_at_most() -> None:
    with pytest.raises(ValueError, match=r"^a patch changes 1 to 2 keys, not 3$"):
        Patch({"a": 1, "b": 2, "c": 3}, "because")


def test_a_run_that_is_not_finished_is_judged_by_its_last_epoch_and_said_to_be_unfinished(trained: Trained) -> None:
    run = trained()
    info = json.loads((run.path / "run.json").read_text())
    scored = {"train": None, "val": None, "test": None, "baselines": None}
    (run.path / "run.json").write_text(json.dumps(info | scored | {"status": "running", "epochs": 0, "steps": 0}))
    for name in ("predictions.npz", "signals.json"):
        (run.path / name).unlink()
    run = Run(run.path)
    diagnosis = diagnose(run)
    epochs, score = info["epochs"], run.metrics["val_balanced_accuracy"][-1]
    assert diagnosis.verdict == "inconclusive"
    assert diagnosis.summary.startswith(
        f"inconclusive: not finished, {epochs} of {epochs} epochs; so far balanced accuracy {score:.3f} on rows not "
    )
    assert diagnosis.summary.endswith(f"to go on: python script/train.py --resume {run.as_typed}")
    assert not [finding for finding in diagnosis.findings if finding.rule == "too_few_epochs"]


def test_every_frozen_layer_is_named_and_thawed(trained: Trained) -> None:
    frozen = dense(trainable=False)
    found = diagnose(trained(layers=[frozen, frozen], output={"trainable": False})).findings[0]
    assert found.because == "the weights of hidden_1, hidden_2, output never change: trainable is false"
    assert set(found.patches[0].set) == {"layers", "output.trainable"}
    assert all(layer["trainable"] for layer in found.patches[0].set["layers"])


@pytest.mark.parametrize(("stage", "offered"), [("data", 1), ("init", 0), ("first_steps", 0), ("end", 1)])
def test_a_healthy_run_is_offered_no_gamble(stage: Stage, offered: int) -> None:
    said = untreated(replace(finding("lr_too_high", "warning", stage), patches=(Patch({"optimizer.lr": 0.1}, "why"),)))
    assert len(said.patches) == offered
    assert said.rule == "lr_too_high"


def test_a_run_without_signals_is_diagnosed_by_what_it_has(trained: Trained, tmp_path: Path) -> None:
    run = trained()
    (run.path / "signals.json").unlink()
    assert diagnose(Run(run.path)).verdict == "healthy"
