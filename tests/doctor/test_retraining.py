"""What retraining decides, and what it leaves as it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.doctor.counterfactual import Gain, Interval
from nn_scratch.doctor.diagnose import all_graded, concluded, diagnose, suspected
from nn_scratch.doctor.diagnose import tested as answers
from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.rule import load_rules
from nn_scratch.doctor.severity import Stakes, calibration, combined, cost_of, graded, terms
from nn_scratch.runs.run import Run
from tests.doctor.conftest import Trained

FAR = Suspicion("overfit", 0.9, "end", "it is so")


def gain(mean: float, spread: float = 0.01, share: float = 1.0) -> Gain:
    interval = Interval(mean, mean - spread, mean + spread)
    return Gain("balanced_accuracy", {"balanced_accuracy": interval}, interval, 1, 100, share, 90, "held")


@pytest.fixture
def short(trained: Trained) -> Case:
    """A run that stays behind: one unit for three classes."""
    load_rules()
    return Case(trained(layers=[{"type": "dense", "units": 1, "activation": "relu"}], train={"epochs": 30}))


@pytest.fixture
def well(trained: Trained) -> Case:
    """A run that is not behind."""
    load_rules()
    return Case(trained(train={"epochs": 30}))


def test_a_cure_that_gains_nothing_makes_a_doubtful_finding_a_warning(short: Case) -> None:
    cost = replace(FAR, cost=0.09)
    assert graded(short, cost, 0.0, gain(0.2), "").severity == "critical"
    assert graded(short, cost, 0.0, gain(0.0), "").severity != "critical"


def test_a_change_that_loses_what_it_should_gain_is_no_cure_however_far_the_run_is_behind(short: Case) -> None:
    far = replace(FAR, cost=0.5)
    assert graded(short, far, 0.0, gain(-0.03), "").severity == "critical"
    assert graded(short, far, 0.0, gain(-0.3), "").severity != "critical"


def test_what_surely_gains_5_points_proves_itself_unless_it_was_only_begun(short: Case) -> None:
    faint = replace(FAR, strength=0.05, cost=0.0)
    assert graded(short, faint, 0.0, gain(0.2), "").severity == "critical"
    assert cost_of(short, faint, gain(0.9, share=0.3)).low < cost_of(short, faint, gain(0.9)).low


def test_what_surely_lowers_the_log_loss_is_worth_a_warning_unless_it_was_only_begun(short: Case) -> None:
    faint = replace(FAR, strength=0.05, cost=0.0)
    surely, perhaps = Interval(0.1, 0.06, 0.14), Interval(0.1, -0.02, 0.22)
    assert graded(short, faint, 0.0, replace(gain(0.0), loss=surely), "").severity == "warning"
    assert graded(short, faint, 0.0, replace(gain(0.0), loss=perhaps), "").severity == "info"
    begun = replace(gain(0.0, share=0.5), loss=surely)
    assert graded(short, faint, 0.0, begun, "").severity == "info"


def test_what_surely_gains_next_to_nothing_is_no_warning_however_plain_its_sign(well: Case) -> None:
    plain = replace(FAR, strength=0.9, cost=0.0)
    assert graded(well, plain, 0.0, None, "").severity == "warning"
    assert graded(well, plain, 0.0, gain(0.001, spread=0.0005), "").severity == "info"
    assert graded(well, plain, 0.0, gain(0.001, spread=0.05), "").severity == "warning"  # perhaps it gains


def test_half_a_cure_counts_together_with_the_references() -> None:
    half, behind = (0.06, 0.03), (0.08, 0.05)
    assert Stakes(half, behind, True, True, False, False).grave(0.9, 0.5, 1.0)
    assert not Stakes(half, behind, True, False, False, False).grave(0.9, 0.5, 1.0)
    assert combined(half, behind) == pytest.approx((0.07, 0.07 - 0.03 / 2**0.5))


class Questions:
    """Answers every question in the same way, and counts them."""

    def __init__(self, answer: Gain) -> None:
        self.left, self.answer, self.count = 1000, answer, 0

    def ask(self, changes: object, steps: int, *, whole: bool, ends: int | None) -> Gain:
        self.count += 1
        return self.answer


@pytest.mark.parametrize(("share", "whole", "count"), [(0.5, False, 1), (1.0, True, 1), (0.5, True, 2)])
def test_what_two_suspicions_ask_is_trained_once(short: Case, share: float, whole: bool, count: int) -> None:
    lower = (Patch({"optimizer.lr": 0.001}, "smaller"),)
    rate = Suspicion("lr_too_high", 0.9, "first_steps", "it is so", patches=lower)
    dead = Suspicion("dead_relu", 0.8, "epochs", "it is so", patches=lower, whole=whole)
    questions = Questions(gain(0.02, share=share))
    found = answers(short, [rate, dead], questions)  # type: ignore[arg-type]
    assert (set(found), questions.count) == ({"lr_too_high", "dead_relu"}, count)


def test_what_a_whole_training_disproves_is_not_grave_by_the_references_alone(well: Case, short: Case) -> None:
    plain = replace(FAR, strength=1.0, cost=0.2)
    assert graded(well, plain, 0.0, gain(0.01, spread=0.05), "").severity == "critical"  # it may gain as much
    assert graded(well, plain, 0.0, gain(0.01, spread=0.02), "").severity == "warning"
    assert graded(well, plain, 0.0, gain(0.01, spread=0.02, share=0.5), "").severity == "critical"  # only begun
    assert graded(short, plain, 0.0, gain(0.01, spread=0.02), "").severity == "critical"  # faults come in company


def test_a_change_that_surely_gains_explains_a_run_that_is_surely_behind_at_any_confidence() -> None:
    gained, references = (0.048, 0.026), (0.082, 0.05)
    assert Stakes(gained, references, True, True, False, True).grave(0.1, 0.5, 1.0)
    assert not Stakes(gained, references, True, True, False, False).grave(0.1, 0.5, 1.0)  # perhaps not behind
    assert not Stakes(gained, references, True, False, False, True).grave(0.1, 0.5, 1.0)  # perhaps no gain
    assert not Stakes((0.02, 0.01), references, True, True, False, True).grave(0.1, 0.5, 1.0)  # gains too little


def test_what_may_explain_a_change_that_gained_is_asked_too(trained: Trained) -> None:
    """Equal weights of a size that makes the first steps overflow: a smaller rate helps, other weights more."""
    constant = {"type": "constant", "value": 0.5}
    layers = [{"type": "dense", "units": 16, "activation": "selu", "init": init} for init in (None, constant)]
    source = {"type": "regression", "rows": 300, "features": 5}
    run = trained(data={"source": source}, layers=layers, optimizer={"type": "sgd", "lr": 0.03, "momentum": 0.9})
    diagnosis = diagnose(run)
    asked = [next(iter(one["set"])) for one in diagnosis.retraining["asked"]]
    assert "optimizer.lr" in asked
    assert diagnosis.findings[0].rule == "constant_init"


def test_where_a_whole_training_with_the_first_patch_gains_too_little_the_second_comes_first(short: Case) -> None:
    stop, smooth, both = (Patch({key: 1}, "") for key in ("a", "b", "c"))
    far = replace(FAR, cost=0.5, patches=(stop, smooth, both))

    def patches(of: Gain | None) -> tuple[Patch, ...]:
        (finding,) = all_graded(short, [far], {} if of is None else {"overfit": of})
        assert finding.severity == "critical"
        return finding.patches

    assert patches(gain(0.01)) == (smooth, stop, both)
    assert patches(gain(0.2)) == patches(gain(0.01, share=0.3)) == patches(None) == (stop, smooth, both)


def test_confidence_rises_with_the_gain_and_falls_with_a_rival(short: Case) -> None:
    def sure(rival: float, of: Gain | None) -> float:
        return calibration().confidence("overfit", terms(short, FAR, rival, of))

    assert sure(0.0, gain(0.2)) > sure(0.0, None)
    assert sure(0.0, None) >= sure(1.0, None)
    assert sure(0.0, gain(0.2)) > sure(0.0, gain(-0.2))


def test_an_early_gain_is_no_more_than_what_the_run_is_behind(short: Case) -> None:
    near = replace(FAR, cost=0.0)
    whole, early = cost_of(short, near, gain(0.9)), cost_of(short, near, gain(0.9, share=0.3))
    assert whole.mean == pytest.approx(0.9)
    assert early.mean < whole.mean


def test_without_a_budget_nothing_is_trained_and_the_diagnosis_is_the_same_each_time(trained: Trained) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    told = diagnose(run, budget=0).to_json()
    assert told["retraining"] == {}
    assert told == diagnose(Run(run.path), budget=0).to_json()


def test_with_a_budget_the_diagnosis_is_the_same_each_time_and_tells_what_it_took(trained: Trained) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    told = diagnose(run).to_json()
    assert told == diagnose(Run(run.path)).to_json()
    assert 0 < told["retraining"]["steps"] <= told["retraining"]["budget"] == run.info["steps"]
    assert told["findings"][0]["cost"]["tested"]
    assert told["findings"][0]["cost"]["points"][1] > 0.05


def test_a_healthy_verdict_does_not_contradict_the_list_below_it(trained: Trained, tmp_path: Path) -> None:
    case = Case(trained())
    load_rules()
    worry = Suspicion("overfit", 0.7, "end", "the validation loss rises", log_loss=0.5, cost=0.0)
    diagnosis = concluded(case, [worry], {})
    assert diagnosis.verdict == "healthy"
    assert diagnosis.note.startswith("the validation loss rises; this costs 0.5 nats of log loss")
    assert diagnosis.summary.startswith("healthy, but the validation loss rises")
    assert concluded(case, [], {}).note == ""


def test_what_a_healthy_run_is_better_with_is_not_held_against_it(trained: Trained) -> None:
    case = Case(trained())
    worry = Suspicion("noisy_batches", 0.7, "config", "it is so")
    assert [one.rule for one in concluded(case, [worry], {"noisy_batches": gain(0.0)}).findings] == ["noisy_batches"]
    assert concluded(case, [worry], {"noisy_batches": gain(-0.04)}).findings == ()


def test_every_term_is_between_0_and_1_and_has_a_weight(short: Case) -> None:
    for one in suspected(short):
        values = terms(short, one, 0.5, gain(0.1))
        assert set(values) == set(calibration().weights)
        assert all(0 <= value <= 1 for value in values.values())
    assert all(np.isfinite(finding.confidence) for finding in all_graded(short, suspected(short), {}))
