"""Every rule finds its config of the zoo and leaves the healthy look-alike alone."""

from __future__ import annotations

import pytest

from nn_scratch.doctor.rule import RULES, load_rules
from nn_scratch.doctor.zoo import Exhibit, examine, exhibits

EXHIBITS = exhibits()
SEEDS = range(1, 6)
QUESTIONS = {
    "accuracy stays the same every epoch": {"constant_init", "init_too_small"},
    "the model always predicts one class": {"vanishing_gradient", "dead_relu", "class_imbalance"},
    "the weights do not change": {"lr_too_low", "frozen_layer"},
    "loss goes up and down": {"lr_too_high", "noisy_batches"},
}


def named(exhibit: Exhibit) -> str:
    return exhibit.path.name.removesuffix(".yaml")


def test_every_rule_has_a_broken_config_and_a_healthy_one() -> None:
    """But wrong_gradient, which no config can plant."""
    load_rules()
    for healthy in (False, True):
        assert {e.rule for e in EXHIBITS if e.healthy is healthy} == set(RULES) - {"wrong_gradient"}
    assert len(EXHIBITS) == 44


@pytest.mark.parametrize("exhibit", EXHIBITS, ids=named)
def test_every_config_says_what_you_will_see_why_and_the_fix(exhibit: Exhibit) -> None:
    text = exhibit.path.read_text()
    for heading in ("# What you will see:", "# Why:", "# The fix:"):
        assert heading in text


@pytest.mark.parametrize(("question", "rules"), QUESTIONS.items())
def test_the_questions_of_beginners_lead_to_the_zoo(question: str, rules: set[str]) -> None:
    assert {e.rule for e in EXHIBITS if f'# Asked as: "{question}"' in e.path.read_text()} == rules


def check(exhibit: Exhibit, seed: int) -> None:
    diagnosis = examine(exhibit, seed)
    first = diagnosis.findings[0].rule if diagnosis.verdict == "sick" else None
    assert first == (None if exhibit.healthy else exhibit.rule)


@pytest.mark.parametrize(
    "exhibit", [e for e in EXHIBITS if e.rule in ("dead_relu", "leakage", "sorted_data")], ids=named
)
def test_a_rule_tells_its_fault_from_what_looks_like_it(exhibit: Exhibit) -> None:
    check(exhibit, seed=1)


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("exhibit", EXHIBITS, ids=named)
def test_every_rule_tells_its_fault_from_what_looks_like_it(exhibit: Exhibit, seed: int) -> None:
    check(exhibit, seed)
