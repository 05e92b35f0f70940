"""How sure and how bad: what a mechanism and a shortfall say together."""

from __future__ import annotations

from math import isfinite, sqrt

import numpy as np

from nn_scratch.doctor.diagnosis import Severity
from nn_scratch.doctor.evidence import HARM, Case

PLAIN = 1.2  # times HARM: the shortfall that a weak mechanism needs to be critical
CLEAR = 0.75  # the same of a mechanism that leaves no doubt
NOISE = 0.8  # standard errors of the score on top, for a weak mechanism


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between; 0 for nan."""
    if not isfinite(value):
        return 1.0 if value == float("inf") else 0.0
    return min(1.0, max(0.0, (value - low) / (high - low)))


def score_fallen(case: Case) -> float:
    """How far the validation score is below its best, both as means over five epochs, by more than chance would have
    it: two standard errors of a score of so many rows."""
    score = case.curve("val_balanced_accuracy" if case.is_classification else "val_r2")
    smooth = np.convolve(score, np.ones(5) / 5, mode="valid") if len(score) >= 5 else score
    if not np.isfinite(smooth).any():
        return 0.0
    best = float(np.nanmax(smooth))
    left = min(1.0, max(0.05, 1 - best))
    rows = max(1, int(case.card["parts"]["val"]["rows"]))
    chance = sqrt(left * (1 - left) / rows) if case.is_classification else left * sqrt(2 / rows)
    return max(0.0, best - float(smooth[-1]) - 2 * chance)


def needed(case: Case, strength: float) -> float:
    """The shortfall from which a mechanism of a strength (0 to 1) is taken to cost HARM."""
    weight = min(1.0, max(0.0, strength))
    return HARM * (PLAIN + (CLEAR - PLAIN) * weight) + NOISE * (1.2 - 0.7 * weight) * case.standard_error


def grade(case: Case, strength: float, cost: float | None = None) -> tuple[Severity, float]:
    """Severity and confidence of a finding whose mechanism has a strength from 0 to 1.

    cost: the points it costs, where the rule knows better than the shortfall behind the attainable.
    """
    lost = case.shortfall if cost is None else cost
    if case.diverged:
        lost = max(1.0, lost if isfinite(lost) else 1.0)
    if not isfinite(lost):
        return ("warning" if strength > 0.5 else "info"), 0.3 * strength
    margin = lost - needed(case, strength)
    if strength >= 0.2 and margin > 0:
        return "critical", min(0.98, 0.35 + 0.5 * strength + 0.15 * ramp(margin, 0.0, 0.1))
    return ("warning" if strength > 0.6 else "info"), 0.2 + 0.4 * strength
