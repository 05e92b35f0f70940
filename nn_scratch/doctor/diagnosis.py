"""What the doctor says: findings with their evidence and the changes of the config that mend them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nn_scratch.runs.files import finite

Severity = Literal["critical", "warning", "info"]
Stage = Literal["data", "config", "init", "first_steps", "epochs", "end"]
Verdict = Literal["healthy", "sick", "inconclusive"]

SCHEMA = 1
STAGES: tuple[Stage, ...] = ("data", "config", "init", "first_steps", "epochs", "end")
MOST_KEYS = 2  # of a patch: more than that is another experiment, not a repair


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
class Finding:
    """One thing that is wrong, or worth knowing.

    because: one plain sentence. evidence: the numbers, with the thresholds they crossed. confidence: 0 to 1, that this
    is so and does what the severity says. where: layer, epoch, step; None where it has no such place.
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
            "because": self.because,
            "symptoms": list(self.symptoms),
            "patches": [patch.to_json() for patch in self.patches],
            "source": self.source,
        }


@dataclass(frozen=True)
class Diagnosis:
    """The findings on a run, the root cause first; `figures` are those that speak for its health."""

    verdict: Verdict
    findings: tuple[Finding, ...]
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "verdict": self.verdict,
            "summary": self.summary,
            "figures": finite(dict(self.figures)),
            "findings": [finding.to_json() for finding in self.findings],
        }
