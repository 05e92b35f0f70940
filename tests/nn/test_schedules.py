"""Schedules as a user declares them; their values are compared with PyTorch's in test_trajectories."""

from __future__ import annotations

import json

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.nn.schedules import SCHEDULES, Schedule
from tests.nn.subjects import Case, cases


def factors(schedule: Schedule, steps_per_epoch: int, epochs: int) -> list[float]:
    schedule.bind(steps_per_epoch, epochs)
    return schedule.factors(np.arange(steps_per_epoch * epochs)).tolist()


@pytest.mark.parametrize("case", cases(SCHEDULES), ids=str)
def test_factors_are_never_negative_nor_above_1_and_have_a_step_each(case: Case) -> None:
    found = factors(case.create(), 4, 20)
    assert len(found) == 80
    assert all(0 <= factor <= 1 for factor in found)


@pytest.mark.parametrize("case", cases(SCHEDULES), ids=str)
def test_factors_may_be_asked_for_one_by_one(case: Case) -> None:
    schedule = case.create()
    at_once = factors(schedule, 4, 20)
    assert [schedule.factors(np.array([step]))[0] for step in range(80)] == at_once


@pytest.mark.parametrize("case", cases(SCHEDULES), ids=str)
@pytest.mark.parametrize(("steps_per_epoch", "epochs"), [(1, 1), (1, 2), (3, 1)])
def test_a_training_of_a_step_or_two_has_factors_too(case: Case, steps_per_epoch: int, epochs: int) -> None:
    found = factors(case.create(), steps_per_epoch, epochs)
    assert np.isfinite(found).all()


@pytest.mark.parametrize("name", SCHEDULES)
def test_a_warm_up_rises_in_a_straight_line_before_any_schedule(name: str) -> None:
    """By three epochs of four steps; then the schedule runs as it would have from the start, over what is left."""
    parameters = {"milestones": [2]} if name == "multi_step" else {}
    warmed = factors(SCHEDULES.create(name, **parameters, warmup_epochs=2.5, warmup_steps=2), 4, 10)
    plain = factors(SCHEDULES.create(name, **parameters), 4, 7)
    np.testing.assert_allclose(warmed[:12], plain[0] * np.arange(1, 13) / 13)
    assert warmed[12:] == plain


def test_a_warm_up_longer_than_training_never_ends() -> None:
    found = factors(SCHEDULES.create("cosine", warmup_epochs=10), 2, 5)
    np.testing.assert_allclose(found, np.arange(1, 11) / 21)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("step", {"step_size": 2}),
        ("multi_step", {"milestones": [1, 3]}),
        ("exponential", {}),
        ("polynomial", {}),
        ("inverse_power", {}),
        ("cosine", {}),
        ("cosine", {"period": 2}),
        ("one_cycle", {}),
    ],
)
def test_by_epoch_every_step_of_an_epoch_has_the_factor_of_a_step_by_step(name: str, parameters: dict) -> None:
    by_epoch = factors(SCHEDULES.create(name, **parameters, by="epoch"), 3, 6)
    by_step = factors(SCHEDULES.create(name, **parameters, by="step"), 1, 6)
    assert by_epoch == np.repeat(by_step, 3).tolist()


def test_a_polynomial_falls_to_its_least_factor() -> None:
    """m + (1 - m) (1 - t / T)^power, written out."""
    found = factors(SCHEDULES.create("polynomial", power=2.0, min_factor=0.2, total=4), 1, 6)
    assert found == pytest.approx([1.0, 0.2 + 0.8 * 0.5625, 0.2 + 0.8 * 0.25, 0.2 + 0.8 * 0.0625, 0.2, 0.2])


def test_an_inverse_power_is_scikit_learns_invscaling() -> None:
    """η₀ / (rows seen + 1)^power, at the start of each epoch."""
    found = factors(SCHEDULES.create("inverse_power", power=0.25, scale=8.0), 1, 3)
    assert found == pytest.approx([1.0, 9**-0.25, 17**-0.25])


def test_a_cosine_falls_to_its_least_factor() -> None:
    found = factors(SCHEDULES.create("cosine", min_factor=0.5), 1, 4)
    assert found == pytest.approx([1.0, 0.75 + 0.25 * 0.5**0.5, 0.75, 0.75 - 0.25 * 0.5**0.5])


def test_a_cosine_restarts_after_longer_and_longer_periods() -> None:
    found = factors(SCHEDULES.create("cosine", period=1, period_growth=3), 1, 14)
    assert [t for t, factor in enumerate(found) if factor == 1.0] == [0, 1, 4, 13]


# --- reduce_on_plateau


def heard(schedule: Schedule, column: str, scores: list[float]) -> list[float]:
    """The factor of each epoch."""
    schedule.bind(2, len(scores))
    found = []
    for epoch, score in enumerate(scores):
        both = schedule.factors(np.array([2 * epoch, 2 * epoch + 1]))
        assert both[0] == both[1]
        found.append(float(both[0]))
        schedule.epoch_ended({"epoch": epoch + 1, "step": 2 * epoch + 2, "lr": 0.1, column: score})
    return found


@pytest.mark.parametrize(
    ("column", "better", "mode"),
    [
        ("val_loss", -1, "auto"),
        ("val_rmse", -1, "auto"),
        ("val_accuracy", 1, "auto"),
        ("val_r2", 1, "auto"),
        ("val_accuracy", -1, "min"),
        ("val_loss", 1, "max"),
    ],
)
def test_a_plateau_is_where_the_score_does_not_get_better(column: str, better: int, mode: str) -> None:
    schedule = SCHEDULES.create("reduce_on_plateau", monitor=column, mode=mode, patience=1, factor=0.5)
    rising = [better * score for score in (1.0, 2.0, 3.0, 3.0, 3.0, 4.0, 4.0, 4.0)]
    assert heard(schedule, column, rising) == [1, 1, 1, 1, 1, 0.5, 0.5, 0.5]


def test_gains_smaller_than_the_threshold_are_none() -> None:
    schedule = SCHEDULES.create("reduce_on_plateau", patience=0, factor=0.5, threshold=0.1)
    assert heard(schedule, "val_loss", [1.0, 0.89, 0.81, 0.8, 0.5]) == [1, 1, 1, 0.5, 0.5]
    schedule = SCHEDULES.create("reduce_on_plateau", patience=0, factor=0.5, threshold=0.1)
    assert heard(schedule, "val_loss", [-1.0, -1.05, -1.2, 0.0]) == [1, 1, 0.5, 0.5], "a score below zero, too"


def test_a_score_that_is_not_a_number_is_no_improvement() -> None:
    schedule = SCHEDULES.create("reduce_on_plateau", patience=0, factor=0.5)
    nan = float("nan")
    assert heard(schedule, "val_loss", [nan, 1.0, nan, 1.0, 0.5]) == [1, 0.5, 0.5, 0.25, 0.125]


def test_scores_heard_during_the_warm_up_do_not_count() -> None:
    schedule = SCHEDULES.create("reduce_on_plateau", patience=0, factor=0.5, warmup_epochs=2)
    schedule.bind(1, 6)
    for score in (1.0, 1.0, 1.0, 1.0, 0.5):
        schedule.epoch_ended({"val_loss": score})
    np.testing.assert_allclose(schedule.factors(np.arange(6)), [0.5 / 3, 1.0 / 3, 0.5, 0.5, 0.5, 0.5])


def test_a_score_that_does_not_exist_is_named() -> None:
    schedule = SCHEDULES.create("reduce_on_plateau", monitor="val_los")
    schedule.bind(1, 1)
    with pytest.raises(UserError) as error:
        schedule.epoch_ended({"train_loss": 1.0, "val_loss": 1.0})
    assert str(error.value) == "schedule.monitor: no score is called 'val_los'; did you mean 'val_loss'?"


@pytest.mark.parametrize("case", cases(SCHEDULES), ids=str)
@pytest.mark.parametrize("stop", [0, 1, 6])
def test_a_schedule_restored_goes_on_as_if_it_had_never_stopped(case: Case, stop: int) -> None:
    scores = [3.0, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0]

    def run(schedule: Schedule, epochs: range) -> list[float]:
        found = []
        for epoch in epochs:
            found += schedule.factors(np.arange(2 * epoch, 2 * epoch + 2)).tolist()
            schedule.epoch_ended({"val_loss": scores[epoch]})
        return found

    whole, first, second = case.create(), case.create(), case.create()
    for schedule in (whole, first, second):
        schedule.bind(2, len(scores))
    expected = run(whole, range(len(scores)))
    before = run(first, range(stop))
    second.restore(json.loads(json.dumps(first.state())))  # as the checkpoint keeps it
    assert before + run(second, range(stop, len(scores))) == expected
