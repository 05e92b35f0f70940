"""The registry of rules: functions from the features of a run to a suspicion, known by their names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from nn_scratch.doctor.diagnosis import Stage, Suspicion
from nn_scratch.doctor.features import Features
from nn_scratch.registry import import_all

Check = Callable[[Features], Suspicion | None]


@dataclass(frozen=True)
class Rule:
    """A rule: what it looks for, at which stage of a run its cause lies, and what it explains.

    explains: rules whose findings are symptoms where this one is the cause.
    """

    name: str
    stage: Stage
    source: str
    explains: frozenset[str]
    check: Check

    @property
    def summary(self) -> str:
        return (self.check.__doc__ or "").split("\n", 1)[0]


RULES: dict[str, Rule] = {}


def load_rules() -> None:
    """Import every module of rules, so that all are registered in RULES."""
    import_all("nn_scratch.doctor.rules")


def rule(name: str, *, stage: Stage, source: str, explains: tuple[str, ...] = ()) -> Callable[[Check], Check]:
    """Decorator: register a rule by its name."""

    def add(check: Check) -> Check:
        if name in RULES:
            raise ValueError(f"rule {name!r} is registered twice")
        RULES[name] = Rule(name, stage, source, frozenset(explains), check)
        return check

    return add
