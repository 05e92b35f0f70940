"""Figures of a run that several hypotheses read: dimensionless, so that one limit serves every network and data set."""

from __future__ import annotations

from math import ceil, isfinite, sqrt

import numpy as np

from nn_scratch.doctor.evidence import Case

EARLY = 20  # steps whose batch is passed again after its update


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between; 0 for nan."""
    if not isfinite(value):
        return 1.0 if value == float("inf") else 0.0
    return min(1.0, max(0.0, (value - low) / (high - low)))


def score_fallen(case: Case) -> float:
    """How far the validation score is below its best, both as means over five epochs, by more than chance explains: two
    standard errors of a score of so many rows."""
    score = case.curve("val_balanced_accuracy" if case.is_classification else "val_r2")
    smooth = np.convolve(score, np.ones(5) / 5, mode="valid") if len(score) >= 5 else score
    if not np.isfinite(smooth).any():
        return 0.0
    best = float(np.nanmax(smooth))
    left = min(1.0, max(0.05, 1 - best))
    rows = max(1, int(case.card["parts"]["val"]["rows"]))
    chance = sqrt(left * (1 - left) / rows) if case.is_classification else left * sqrt(2 / rows)
    return max(0.0, best - float(smooth[-1]) - 2 * chance)


def slope(case: Case) -> float:
    """By what share of its level the training loss falls an epoch, at the end; smoothed over the last fifth."""
    loss = np.concatenate([[case.start_loss], case.curve("train_loss")])
    loss = loss[np.isfinite(loss)]
    if len(loss) < 2:
        return 0.0
    k = max(1, min(len(loss) - 1, ceil((len(loss) - 1) / 5)))
    if len(loss) > 2 * k + 1:
        first, last = float(np.mean(loss[-2 * k : -k])), float(np.mean(loss[-k:]))
    else:
        first, last = float(loss[-k - 1]), float(loss[-1])
    return (first - last) / k / max(abs(first), 1e-9)


def shrinking(case: Case) -> float:
    """By what share the weights of the layer that shrank most are smaller at the end than at the start."""
    shares = [
        1 - float(columns["W_norm"][-1] / columns["W_norm"][0])
        for columns in case.by_layer.values()
        if len(columns["W_norm"]) > 1 and columns["W_norm"][0] > 0
    ]
    return max(shares, default=0.0)


def unsteadiness(case: Case) -> float:
    """How much the training loss jumps from epoch to epoch, relative to its level, in the second half."""
    loss = case.curve("train_loss")
    late = loss[len(loss) // 2 :]
    if len(late) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(late))) / max(float(np.mean(late)), 1e-9))


def step_signs(case: Case) -> tuple[dict[str, float], str]:
    """What steps 1 to 20 and the later watched ones say of the size of the updates."""
    steps = case.steps
    early = steps["step"] <= EARLY
    before, after = steps["loss"][early], steps["loss_after"][early]
    known = np.isfinite(before)
    worse = ~(after[known] <= before[known] * 1.01 + 1e-6)
    start = before[known][0] if known.any() else np.nan
    highest = np.nanmax(np.where(np.isfinite(before), before, np.nan)) if known.any() else np.nan
    ratios = {name: columns["update_ratio"] for name, columns in case.steps_by_layer.items()}
    # biases and zero weights make the first ratios large: the median says what the steps do
    medians = {
        name: float(np.nanmedian(values[early])) for name, values in ratios.items() if np.isfinite(values[early]).any()
    }
    late = {
        name: float(np.nanmedian(values[len(values) // 2 :]))
        for name, values in ratios.items()
        if np.isfinite(values[len(values) // 2 :]).any()
    }
    layer = max(medians, key=lambda name: medians[name], default="")
    return {
        "worse_share": float(worse.mean()) if len(worse) else 0.0,
        "growth": float(highest / max(start, case.constant_loss if isfinite(case.constant_loss) else 0, 1e-9))
        if isfinite(highest)
        else 0.0,
        "update_ratio": max(medians.values(), default=0.0),
        "late_update_ratio": max(late.values(), default=0.0),
    }, layer


def broken_step(case: Case) -> int | None:
    """The first step whose batch had a higher loss after its own update."""
    steps = case.steps
    worse = np.flatnonzero(~(steps["loss_after"] <= steps["loss"] * 1.01) & (steps["step"] <= EARLY))
    return int(steps["step"][worse[0]]) if len(worse) else None
