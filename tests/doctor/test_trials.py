"""Candidates compared, paired by row and seed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.doctor import Diagnosis, Finding
from nn_scratch.doctor.counterfactual import Predicted
from nn_scratch.doctor.treatment import Node, Step, better, outcome
from nn_scratch.doctor.trials import Arm, Trial, train_arms, trial_job
from nn_scratch.experiments.parallel import run_all
from nn_scratch.experiments.train import train_stacked
from tests.doctor.conftest import BASE

CONFIG = config_from(BASE)
ROWS = np.arange(200)
SICK = Diagnosis("sick", (Finding("lr_too_high", "critical", 0.9, "first_steps", "it is"),), "")
WELL = Diagnosis("healthy", (), "")


def classes(right: float, sure: float = 0.9, diagnosis: Diagnosis = SICK) -> Arm:
    """Three trials in which this share of 200 rows of two classes is right, each with this probability."""
    y = ROWS % 2
    told = np.where(right * len(ROWS) > ROWS, y, 1 - y)
    output = np.where(np.arange(2) == told[:, np.newaxis], sure, 1 - sure)
    rows = Predicted(y, output, ROWS)
    return Arm("", CONFIG, (Trial(2, "balanced_accuracy", rows, rows, right, diagnosis),) * 3)


def numbers(error: float) -> Arm:
    """Three trials whose predictions are off by this much, in standard deviations of the target."""
    y = np.random.default_rng(0).normal(size=(200, 1))
    rows = Predicted(y, y + error * np.random.default_rng(1).normal(size=(200, 1)), ROWS)
    return Arm("", CONFIG, (Trial(0, "r2", rows, rows, -1.0, SICK),) * 3)


def test_a_gain_is_better_from_what_it_is_worth_and_beyond_chance() -> None:
    over = classes(0.9).over(classes(0.8))
    assert over.score.mean == pytest.approx(0.1)
    assert over.better(0.02)
    assert not classes(0.805).over(classes(0.8)).better(0.0)


def test_a_better_loss_counts_where_the_score_is_as_good() -> None:
    over = classes(0.9, sure=0.9).over(classes(0.9, sure=0.6))
    assert over.score.mean == 0
    assert over.loss.mean == pytest.approx(0.9 * np.log(0.9 / 0.6) + 0.1 * np.log(0.1 / 0.4))
    assert over.better(0.02)
    assert not classes(0.9, sure=0.6).over(classes(0.9, sure=0.9)).progress(0.02)


def test_the_end_of_a_symptom_is_progress_unless_the_score_falls() -> None:
    assert classes(0.5, diagnosis=WELL).over(classes(0.5)).progress(0.02)
    assert not classes(0.5).over(classes(0.5)).progress(0.02)
    assert not classes(0.4, diagnosis=WELL).over(classes(0.5)).progress(0.02)


def test_progress_shows_far_below_an_r2_of_minus_one() -> None:
    over = numbers(100.0).over(numbers(1000.0))
    assert over.score.mean == pytest.approx(0.0)
    assert over.loss.mean == pytest.approx(np.log(10))
    assert over.progress(0.02)


def test_trials_trained_together_are_those_trained_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[int] = []

    def counted(members: list[Any]) -> list[Any]:
        together.append(len(members))
        return train_stacked(members)

    monkeypatch.setattr("nn_scratch.experiments.stacks.train_stacked", counted)
    arms = [Arm(str(lr), change_config(CONFIG, {"optimizer.lr": lr})) for lr in (1e-5, 0.01, 1e30)]
    stacked = train_arms(CONFIG, arms, [1, 2], 1)
    assert together == [6]
    for arm in stacked:
        alone = run_all([trial_job(CONFIG, arm.config, seed) for seed in (1, 2)], 1)
        for trial, single in zip(arm.trials, alone, strict=True):
            assert trial.score == pytest.approx(single.score, abs=0.005)
            np.testing.assert_array_equal(trial.held.numbers, single.held.numbers)
            np.testing.assert_allclose(trial.held.output, single.held.output, atol=1e-4)
            assert trial.diagnosis.verdict == single.diagnosis.verdict
            assert [f.rule for f in trial.diagnosis.findings] == [f.rule for f in single.diagnosis.findings]
    assert {arm.diagnosis.verdict for arm in stacked} == {"sick", "healthy"}
    assert len(together) == 1


def changed(layers_too: bool) -> tuple[Step, ...]:
    rate = Step("optimizer.lr", 0.01, "why", "lr_too_high", {"optimizer.lr": 0.01})
    return (rate, Step("layers", [], "fewer", "vanishing_gradient", None)) if layers_too else (rate,)


def test_of_two_that_do_as_well_the_smaller_change_is_kept() -> None:
    small, large = Node(classes(0.9), changed(False)), Node(classes(0.9), changed(True))
    assert better(small, large)
    assert not better(large, small)
    assert better(Node(classes(0.95), changed(True)), small)


@pytest.mark.parametrize(
    ("judged_by", "rows"), [("held", "rows not trained on"), ("train", "the training rows, since there are no others")]
)
def test_the_outcome_says_which_rows_it_is_measured_on(judged_by: str, rows: str) -> None:
    before = classes(0.5, diagnosis=Diagnosis("sick", SICK.findings, "", {"judged_by": judged_by}))
    after = classes(1.0, diagnosis=WELL)
    said = outcome(Node(after), after.over(before), before)
    assert f" brings 0.500 to 1.000 on {rows} (+0.500, 90 % interval " in said
