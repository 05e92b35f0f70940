"""How grave and how sure: what a mechanism, the shortfall behind the references and retraining show together.

The confidence that a suspicion is the cause of a harmful fault is a logistic score of the terms of `terms`, mapped to
the share of right findings by a second logistic of that score (Platt 1999). Both are fitted by
`python -m tests.doctor_benchmark.calibrate` and stored in calibration.json; to apply them takes nothing but NumPy.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from math import exp, inf, isfinite
from pathlib import Path
from typing import Any

from nn_scratch.doctor.counterfactual import Gain
from nn_scratch.doctor.diagnosis import Cost, Finding, Severity, Suspicion
from nn_scratch.doctor.evidence import HARM, NORMAL_90, Case
from nn_scratch.doctor.features import ramp

LITTLE = 0.01  # of the score, below which a gain is not worth a word; by hand

CALIBRATION = Path(__file__).with_name("calibration.json")


@dataclass(frozen=True)
class Calibration:
    """The fitted score: the sum of weights times terms, an intercept and an offset a rule; and what it means.

    slope, offset    of the score, for the share of suspicions of that score that were right
    critical         the confidence from which a finding may be critical
    interval         standard errors between the cost and the lower end that has to be above HARM
    """

    weights: Mapping[str, float]
    intercept: float
    rules: Mapping[str, float]
    slope: float
    offset: float
    critical: float
    interval: float

    def score(self, rule: str, values: Mapping[str, float]) -> float:
        return (
            self.intercept
            + self.rules.get(rule, 0.0)
            + sum(weight * values[name] for name, weight in self.weights.items())
        )

    def confidence(self, rule: str, values: Mapping[str, float]) -> float:
        return 1 / (1 + exp(-max(-30.0, min(30.0, self.slope * self.score(rule, values) + self.offset))))


@cache
def calibration() -> Calibration:
    """The contents of calibration.json."""
    found: dict[str, Any] = json.loads(CALIBRATION.read_text(encoding="utf-8"))
    return Calibration(**{field.name: found[field.name] for field in fields(Calibration)})


def terms(case: Case, suspicion: Suspicion, rival: float, gain: Gain | None) -> dict[str, float]:
    """The terms of the confidence, each between 0 and 1 (`strength`, ... as in calibration.json).

    rival: the strength of the strongest other suspicion that would explain this one.
    """
    lost = cost_of(case, suspicion, None).mean
    return {
        "strength": suspicion.strength,
        "strong": ramp(suspicion.strength, 0.6, 1.0),
        "short": ramp(lost, 0.0, 0.1),
        "far_short": ramp(lost, 0.1, 0.4),
        "clearly_short": ramp(lost / max(case.standard_error, 1e-3), 0.5, 4.0),
        "unfit": ramp(case.fit_shortfall, -0.02, 0.06) if isfinite(case.fit_shortfall) else 0.5,
        "rival": rival,
        "gained": ramp(gain.mean, 0.0, 0.1) if gain else 0.0,
        "surely_gained": ramp(gain.low, 0.0, HARM) if gain else 0.0,
        "nothing_gained": 1 - ramp(gain.mean, 0.0, HARM) if gain else 0.0,
        "harmed": ramp(-gain.mean, 0.02, 0.1) if gain else 0.0,
    }


def cost_of(case: Case, suspicion: Suspicion, gain: Gain | None) -> Cost:
    """The cost of the suspicion if it is right: as retraining measured it, else by the references."""
    measure = "balanced accuracy" if case.is_classification else "R²"
    if gain is not None:
        measured = gain.loss.mean if gain.loss.low > 0 or gain.loss.high < 0 else None
        loss = measured if suspicion.log_loss is None else suspicion.log_loss
        # what a change gains early in training may be caught up with later: no more than the run is behind in the end
        most = float("inf") if gain.share == 1.0 else behind(case, suspicion)
        margin = NORMAL_90 * case.standard_error
        mean, low, high = min(gain.mean, most), min(gain.low, most - margin), min(gain.high, most + margin)
        return Cost(measure, mean, low, high, True, loss)
    lost = float(case.shortfall if suspicion.cost is None else suspicion.cost)
    if case.diverged:
        lost = max(1.0, lost if isfinite(lost) else 1.0)
    if not isfinite(lost):
        lost = 0.0
    margin = NORMAL_90 * case.standard_error
    return Cost(measure, lost, lost - margin, lost + margin, False, suspicion.log_loss)


def behind(case: Case, suspicion: Suspicion) -> float:
    """The most that the run may be behind what is attainable, for any class weights."""
    estimates = [suspicion.cost, case.shortfall, case.best_baseline - case.held_score, 0.0]
    return max(value for value in estimates if value is not None and isfinite(value))


@dataclass(frozen=True)
class Stakes:
    """The cost of a suspicion, as far as it decides the severity.

    cost, by_references   (mean, lower end of the 90 % interval): as measured, by retraining where that was done; and by
                          the references alone
    tested, confirmed, refuted   whether retraining measured it, and surely gained something, or surely lost HARM
    behind                       whether the run is surely HARM behind the references
    most                         the most that the run gains by the change, trained to its end; inf if it was not
    log_loss                     the same of the log loss, in nats: lower and upper end
    """

    cost: tuple[float, float]
    by_references: tuple[float, float]
    tested: bool
    confirmed: bool
    refuted: bool
    behind: bool
    most: float = inf
    log_loss: tuple[float, float] = (0.0, inf)

    @classmethod
    def of(cls, case: Case, suspicion: Suspicion, gain: Gain | None) -> Stakes:
        cost, plain = cost_of(case, suspicion, gain), cost_of(case, suspicion, None)
        confirmed, refuted = (gain.low > 0, gain.high < -HARM) if gain is not None else (False, False)
        tested = gain is not None
        estimates = (cost.mean, cost.low), (plain.mean, plain.low)
        found = cls(*estimates, tested, confirmed, refuted, case.falls_short)
        if gain is None or gain.share < 1.0:
            return found
        return replace(found, most=gain.high, log_loss=(gain.loss.low, gain.loss.high))

    @property
    def idle(self) -> bool:
        """Whether the change surely gains next to nothing, and the run is not behind."""
        return self.most < LITTLE and self.log_loss[1] < HARM and not self.behind

    def grave(self, confidence: float, likely: float, interval: float) -> bool:
        """Whether a finding of this confidence is critical: the lower end of what it costs is above HARM.

        likely: the confidence that this takes; interval: how many standard errors the lower end is below the mean. A
        change that surely gains HARM proves itself, independent of other evidence. Of one that surely gains something,
        retraining and references measured the same cost, and count by their precision; it explains a run that is surely
        behind where that cost is HARM. A patch that gained nothing is weak evidence where the run is far behind, since
        faults come in company: twice HARM then; but no patch loses HARM, and where the run is not behind, none that is
        trained to its end gains surely less.
        """
        if self.refuted:
            return False
        disproved = self.most < HARM and not self.behind
        joint = combined(self.cost, self.by_references) if self.confirmed else self.cost
        if (self.tested and self.cost[1] > HARM) or (self.confirmed and self.behind and joint[0] > HARM):
            return True
        ends = [mean - interval * (mean - low) / NORMAL_90 for mean, low in (self.cost, joint, self.by_references)]
        return confidence >= likely and (max(ends[:2]) > HARM or (ends[2] > 2 * HARM and not disproved))


def combined(*estimates: tuple[float, float]) -> tuple[float, float]:
    """The mean of estimates (mean, lower end), weighed by the inverse of their variances, and its lower end."""
    precisions = [1 / max(mean - low, 1e-9) ** 2 for mean, low in estimates]
    total = sum(precisions)
    mean = sum(p * estimate[0] for p, estimate in zip(precisions, estimates, strict=True)) / total
    return mean, mean - total**-0.5


def graded(case: Case, suspicion: Suspicion, rival: float, gain: Gain | None, source: str) -> Finding:
    """The suspicion with its severity, its confidence and its cost."""
    fitted = calibration()
    confidence = 0.97 if suspicion.certain else fitted.confidence(suspicion.rule, terms(case, suspicion, rival, gain))
    return Finding(
        suspicion.rule,
        severity_of(suspicion, Stakes.of(case, suspicion, gain), confidence),
        confidence,
        suspicion.stage,
        suspicion.because,
        suspicion.evidence,
        suspicion.patches,
        suspicion.layer,
        suspicion.epoch,
        suspicion.step,
        source=source,
        cost=cost_of(case, suspicion, gain),
    )


def severity_of(suspicion: Suspicion, stakes: Stakes, confidence: float) -> Severity:
    """critical: by logic, or by what it costs (`Stakes.grave`); info: a weak sign, or of what surely costs nothing."""
    fitted = calibration()
    if suspicion.certain:
        return suspicion.most
    if suspicion.most == "critical" and stakes.grave(confidence, fitted.critical, fitted.interval):
        return "critical"
    if stakes.idle:
        return "info"
    costs = stakes.confirmed or max(suspicion.log_loss or 0.0, stakes.log_loss[0]) > HARM
    worth = costs or confidence >= fitted.critical / 2 or suspicion.strength > 0.6
    return "warning" if worth else "info"
