"""The diagnosis: findings with their evidence and the changes of the config that mend them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nn_scratch.runs.files import finite

Severity = Literal["critical", "warning", "info"]
Stage = Literal["data", "config", "init", "first_steps", "epochs", "end"]
Verdict = Literal["healthy", "sick", "inconclusive"]

SCHEMA = 1  # of diagnosis.json; a definition
STAGES: tuple[Stage, ...] = ("data", "config", "init", "first_steps", "epochs", "end")
MOST_KEYS = 2  # of a patch: more than that is another experiment, not a repair; a definition


@dataclass(frozen=True)
class Patch:
    """A change of the config: new values by dotted key, and why they help."""

    set: Mapping[str, Any]
    why: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.set) <= MOST_KEYS:
            raise ValueError(f"a patch changes 1 to {MOST_KEYS} keys, not {len(self.set)}")

    def to_json(self) -> dict[str, Any]:
        return {"set": dict(self.set), "why": self.why}


@dataclass(frozen=True)
class Suspicion:
    """The evidence of a hypothesis in a run: how far its mechanism is at work, before anything is known of its cost.

    strength: 0 to 1. cost: points of the score that it costs, where the hypothesis gives a better estimate than the
    shortfall behind the references; log_loss: nats that it costs. certain: follows by logic, not from figures. most:
    the gravest severity that it may have. testable: whether retraining with the first patch can tell its cost; goes_on:
    whether that patch is more epochs, so that training continues from where the run ended; whole: whether its effect
    shows only over the run's full length, as that of memorizing; ends: steps after which training with it ends by
    itself.
    """

    rule: str
    strength: float
    stage: Stage
    because: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    patches: tuple[Patch, ...] = ()
    layer: str | None = None
    epoch: int | None = None
    step: int | None = None
    cost: float | None = None
    log_loss: float | None = None
    certain: bool = False
    most: Severity = "critical"
    testable: bool = True
    goes_on: bool = False
    whole: bool = False
    ends: int | None = None


@dataclass(frozen=True)
class Cost:
    """The cost of a finding: points of a measure with their interval, and nats of log loss.

    tested: measured by retraining with and without a change; else estimated from the references.
    """

    measure: str
    mean: float
    low: float
    high: float
    tested: bool = False
    log_loss: float | None = None

    def to_json(self) -> dict[str, Any]:
        return {
            "measure": self.measure,
            "points": [round(value, 4) for value in (self.mean, self.low, self.high)],
            "log_loss": None if self.log_loss is None else round(self.log_loss, 4),
            "tested": self.tested,
        }


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or worth knowing.

    because: one plain sentence. evidence: the numbers, with the thresholds they crossed. confidence: 0 to 1, that this
    is so and does what the severity says. where: layer, epoch, step; None where it has no such place. cost: what it
    costs, where that is known.
    """

    rule: str
    severity: Severity
    confidence: float
    stage: Stage
    because: str
    evidence: Mapping[str, Any] = field(default_factory=dict)
    patches: tuple[Patch, ...] = ()
    layer: str | None = None
    epoch: int | None = None
    step: int | None = None
    symptoms: tuple[str, ...] = ()
    source: str = ""
    cost: Cost | None = None

    @property
    def where(self) -> dict[str, Any]:
        return {"layer": self.layer, "epoch": self.epoch, "step": self.step}

    def to_json(self) -> dict[str, Any]:
        return {
            "rule": self.rule,
            "severity": self.severity,
            "confidence": round(self.confidence, 2),
            "stage": self.stage,
            "where": self.where,
            "evidence": finite(dict(self.evidence)),
            "cost": None if self.cost is None else finite(self.cost.to_json()),
            "because": self.because,
            "symptoms": list(self.symptoms),
            "patches": [patch.to_json() for patch in self.patches],
            "source": self.source,
        }


@dataclass(frozen=True)
class Diagnosis:
    """The findings on a run, the root cause first; `figures` are those that the verdict rests on.

    note: what a healthy run should know nevertheless, in one sentence; "" where there is nothing. retraining: what was
    asked of the network, and the training steps that it took.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""
    retraining: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "summary": self.summary,
            "note": self.note,
            "figures": finite(dict(self.figures)),
            "findings": [finding.to_json() for finding in self.findings],
            "retraining": finite(dict(self.retraining)),
        }
