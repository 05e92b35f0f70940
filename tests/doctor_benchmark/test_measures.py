"""Each figure, on results whose answer is known."""

from __future__ import annotations

from dataclasses import replace
from math import isnan, nan
from typing import Any

import pytest

from tests.doctor_benchmark import measures
from tests.doctor_benchmark.case import Case, Kind
from tests.doctor_benchmark.measures import Mean, Result, Said, Share, Trial


def result(kind: Kind = "fault", *findings: tuple[str, str, str | None], **more: Any) -> Result:
    case = Case(
        *("id", kind, "lr_too_high", 0.5, ("lr_too_high",) if kind != "healthy" else (), more.pop("layer", None)),
        seed=1,
        config={},
        changes={},
        curable=kind == "fault",
        repair_seeds=(1, 2),
        cure=(0.9, 0.8),
    )
    plain = Result(case, "", tuple(Said(*finding) for finding in findings), (), {}, (), 0.1)
    return replace(plain, **more)


RIGHT = ("lr_too_high", "critical", "hidden_1")
WRONG = ("overfit", "critical", "output")
WARNED = ("lr_too_high", "warning", None)


def test_the_interval_is_wilsons() -> None:
    assert Share(8, 10).interval == pytest.approx((0.4902, 0.9433), abs=1e-4)
    assert Share(0, 100).interval == pytest.approx((0.0, 0.0370), abs=1e-4)
    assert all(isnan(end) for end in Share(0, 0).interval)


def test_the_mean_of_equal_numbers_is_certain() -> None:
    assert Mean((2.0,) * 9).interval == (2.0, 2.0)
    low, high = Mean((0.0, 1.0) * 50).interval
    assert 0.35 < low < 0.5 < high < 0.65


def test_found_is_a_critical_finding_of_any_rule() -> None:
    results = [result("fault", RIGHT), result("fault", WRONG), result("fault", WARNED), result("fault")]
    assert measures.found(results) == Share(2, 4)
    assert measures.found_by_its_rule(results) == Share(2, 4)
    assert measures.cause_first(results) == Share(2, 4)


@pytest.mark.parametrize(
    ("activations", "layer", "how", "right"),
    [
        (["relu"], "output", "dX_sign", {"output", "hidden_1"}),
        (["relu", "relu"], "hidden_2", "dX_sign", {"hidden_2", "hidden_1"}),
        (["relu", "relu"], "output", "dX_sign", {"output"}),
        (["prelu"], "output", "dX_sign", {"output"}),
        (["relu"], "output", "sign", {"output"}),
    ],
)
def test_a_wrong_sign_sent_to_the_first_layer_is_one_of_that_layer(
    activations: list[str], layer: str, how: str, right: set[str]
) -> None:
    plain = result("fault", layer=layer).case
    config = {"layers": [{"type": "dense", "units": 8, "activation": name} for name in activations]}
    assert measures.layers_of(replace(plain, config=config, wrong_gradient={"layer": layer, "how": how})) == right


def test_a_run_holds_while_it_does_what_its_case_was_chosen_for() -> None:
    harms = (nan, 0.04, 0.05)
    assert [result("fault", harm=harm).holds for harm in harms] == [True, False, True]
    assert [result("healthy", harm=harm).holds for harm in harms] == [True, True, False]
    assert [result("decoy", harm=harm).holds for harm in harms] == [True, True, False]


def test_the_cause_is_first_only_when_it_stands_first() -> None:
    assert measures.cause_first([result("fault", WRONG, RIGHT)]) == Share(0, 1)


def test_false_alarms_are_critical_findings_on_healthy_runs_and_decoys_are_counted_apart() -> None:
    results = [result("healthy", WARNED), result("healthy", WRONG), result("decoy", RIGHT), result("fault", RIGHT)]
    assert measures.false_alarms(results) == Share(1, 2)
    assert measures.false_alarms_on_decoys(results) == Share(1, 1)


def test_the_layer_counts_where_the_fault_has_one() -> None:
    results = [
        result("fault", RIGHT, layer="hidden_1"),
        result("fault", RIGHT, layer="hidden_2"),
        result("fault", RIGHT),
    ]
    assert measures.layer_right(results) == Share(1, 2)


def test_a_patch_repairs_within_two_points_of_the_cure_and_the_best_on_validation_is_kept() -> None:
    cure = 0.85
    poor, good = Trial({}, 0.5, 0.5), Trial({}, 0.9, cure - 0.019)
    lucky = Trial({}, 0.6, cure)
    results = [
        result("fault", trials=(poor, good)),  # kept: good
        result("fault", trials=(lucky, Trial({}, 0.7, cure - 0.021))),  # kept: the second, which falls short
        result("fault", trials=(poor, poor, poor, good)),  # the fourth is not tried
        result("fault", trials=(Trial({}, nan, nan), good)),  # refused, then good
        result("fault"),
    ]
    assert measures.repaired(results) == Share(2, 5)
    assert measures.first_patch_repairs(results) == Share(1, 5)


def test_what_cannot_be_cured_is_not_counted_among_repairs() -> None:
    noise = result("fault")
    assert measures.repaired([replace(noise, case=replace(noise.case, curable=False))]) == Share(0, 0)


def test_harm_is_what_the_first_patch_takes_from_a_healthy_run() -> None:
    results = [
        result("healthy", WARNED, trials=(Trial({}, 0.9, 0.80), Trial({}, 0.9, 0.1))),
        result("healthy", trials=(Trial({}, 0.9, 0.87),)),
        result("healthy"),
    ]
    assert measures.harm_to_healthy(results).values == pytest.approx((5.0, -2.0))


def test_a_baselines_alarm_is_right_for_every_cause_it_could_mean() -> None:
    results = [
        result("fault", alarms={"b": ("exploding", "overfit")}),
        result("fault", alarms={"b": ("overfit",)}),
        result("healthy", alarms={"b": ()}),
        result("healthy", alarms={"b": ("loss",)}),
    ]
    told = measures.baseline_figures(results, "b")
    assert told == {
        "found": Share(2, 2),
        "false alarms": Share(1, 2),
        "on decoys": Share(0, 0),
        "cause first": Share(1, 2),
    }


def test_the_confusion_list_tells_what_was_named_instead() -> None:
    results = [result("fault", RIGHT, trials=(Trial({}, 0.9, 0.85),)), result("fault", WRONG), result("fault")]
    assert measures.confusion(results) == [
        "lr_too_high              1 of   3 first; mended   1 of   3; named: lr_too_high 1, overfit 1, - 1"
    ]
    assert measures.alarms_by_control([result("healthy", WRONG), result("healthy")]) == [
        "healthy  lr_too_high                          1 of   2; named: overfit 1"
    ]


def test_figures_that_fall_short_are_known_as_such() -> None:
    results = [result("fault", RIGHT)] * 96 + [result("fault")] * 4 + [result("healthy")] * 100
    reached = {figure.name: figure.reached(figure.ours.value) for figure in measures.figures(results)}
    assert not reached["harmful faults found"]
    assert reached["false alarms on tricky healthy runs"]
    assert reached["root cause named first"]
    assert not reached["first patch repairs"]
