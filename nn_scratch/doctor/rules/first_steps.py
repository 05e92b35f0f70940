"""Faults that show from the first steps on: the learning rate, and the size of the batches."""

from __future__ import annotations

from math import isfinite, log10
from typing import Any

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.features import Features, decades, ramp
from nn_scratch.doctor.rule import rule
from nn_scratch.wording import plural

RATE = 0.6  # decades above the usual rate, from which a rate is suspicious by itself; by hand
FAR_ABOVE = 30  # times the usual rate, from which that one is better than a tenth of the rate; by hand
DIED = 0.4  # share of a layer's units that die while training, from which on steps are suspicious; by hand
SMALL_BATCH = 8  # rows, up to which a batch may be too small; by hand


@rule(
    "lr_too_high",
    stage="first_steps",
    source="LeCun et al. 1998, Efficient BackProp, 4.6; Bengio 2012, 2.1",
    explains=(
        "dead_relu",
        "saturated",
        "vanishing_gradient",
        "exploding_gradient",
        "noisy_batches",
        "overfit",
        "underfit",
        "too_few_epochs",
        "lr_too_low",
        "over_regularized",
    ),
)
def lr_too_high(f: Features) -> Suspicion | None:
    """The network is fine at step 0 and broken by its own updates."""
    case, steps = f.case, f.steps
    if case.optimizer["type"] == "lbfgs" or not steps.watched:
        return diverged_at_once(f)
    strength = too_high(f)
    if strength < 0.15:
        return None
    return Suspicion(
        "lr_too_high",
        strength,
        "first_steps",
        f"the learning rate {case.lr:g} is too high: {what_it_does(f)}",
        evidence={
            **rate_evidence(f),
            "threshold": 10**RATE,
            "steps_that_made_their_batch_worse": steps.worse_share,
            "loss_growth": steps.growth,
            "update_ratio": steps.update_ratio,
            "late_update_ratio": steps.late_update_ratio,
            "died_while_training": f.died,
        },
        patches=smaller_rates(f),
        layer=steps.layer or None,
        epoch=1 if steps.first_worse else None,
        step=steps.first_worse,
    )


def what_it_does(f: Features) -> str:
    """The plainest sign of a rate that is too high, in words."""
    steps = f.steps
    if f.case.diverged:
        return f"its updates made the numbers overflow in epoch {f.case.info['diverged']['epoch']}"
    if steps.worse_share > 0.2:
        return f"an update moves the weights by {steps.update_ratio:.0%} and often makes its own batch worse"
    if f.died > DIED and f.died > steps.worse_share:
        return f"{f.died:.0%} of the units of a layer died while training: they are 0 on every row"
    if steps.growth > 2:
        return f"within the first steps the loss of a batch rose to {steps.growth:.3g} times where it began"
    return f"an update moves the weights by {steps.update_ratio:.2g} times their size"


def too_high(f: Features) -> float:
    """How far the updates are larger than the network bears, less where there is another reason for what they do."""
    case, steps, rate = f.case, f.steps, log10(f.case.lr_ratio)
    strength = max(
        1.0 if case.diverged else 0.0,
        ramp(steps.worse_share, 0.3, 0.6),
        ramp(decades(steps.growth), 0.3, 1.0),
        ramp(decades(steps.update_ratio), -1.2, -0.3) * ramp(rate, 0.2, 1.0),
        ramp(rate, RATE, 1.5) * 0.8,
        ramp(steps.late_update_ratio, 0.03, 0.12) * ramp(rate, -0.3, 0.6),
        0.6 * ramp(f.died, DIED, 0.9),  # steps that were too large push units below zero on every row
    )
    if case.diverged:
        return 0.7 if case.lr_ratio < 3 and steps.worse_share < 0.1 else strength
    if isfinite(case.fit_shortfall):  # a network that fits the training rows was not broken
        strength *= 0.3 + 0.7 * ramp(case.fit_shortfall, -0.1, 0.02)
    if case.steps_done < 60 and steps.worse_share < 0.2 and steps.growth < 2:
        strength *= 0.5 if case.epochs_done > 3 else 0.25  # it has hardly begun, and nothing is broken yet
    if case.batch_size <= 2:  # at a rate that larger batches bear, it is the noise of so few rows
        strength *= ramp(rate, 0.7, 1.5)
    return strength


def smaller_rates(f: Features) -> tuple[Patch, ...]:
    lr, usual = f.case.lr / 10, f.case.usual_lr
    if f.case.lr_ratio < FAR_ABOVE:
        others = [Patch({"optimizer.lr": rounded_lr(lr / 10)}, "smaller steps still")]
        if f.data.scale.target_size > 1:
            others.append(Patch({"data.target_scale": "standard"}, "smaller targets have smaller gradients"))
    else:
        lr = usual
        others = [
            Patch({"optimizer.lr": rounded_lr(lr * 5)}, "larger steps, which some data bear"),
            Patch({"optimizer.lr": rounded_lr(lr / 5)}, "smaller steps still"),
        ]
    return Patch({"optimizer.lr": rounded_lr(lr)}, "smaller steps follow the slope of the loss downhill"), *others


def rounded_lr(lr: float) -> float:
    return float(f"{lr:.2g}")


def rate_evidence(f: Features) -> dict[str, Any]:
    return {"lr": f.case.lr, "usual_lr": f.case.usual_lr, "times_the_usual": f.case.lr_ratio}


def diverged_at_once(f: Features) -> Suspicion | None:
    """Before any step was watched, or with L-BFGS, which has a line search."""
    if not f.case.diverged:
        return None
    return Suspicion(
        "lr_too_high",
        0.6,
        "first_steps",
        f"the first updates at the rate {f.case.lr:g} made the weights overflow",
        evidence={"lr": f.case.lr, "usual_lr": f.case.usual_lr},
        patches=(Patch({"optimizer.lr": rounded_lr(f.case.lr / 10)}, "smaller steps"),),
        layer=(f.case.info.get("diverged") or {}).get("layer"),
        epoch=1,
        step=1,
    )


def how_far(f: Features) -> str:
    """How little came of the steps: in all, or where the weights did move far, each at the end."""
    epochs = plural(f.case.epochs_done, "epoch")
    if f.furthest_moved > 0.5 and f.epochs.fall > 0:
        return f"after {epochs} the training loss was still falling, by {f.epochs.fall:.1%} an epoch"
    return f"in {epochs} no layer moved by more than {f.furthest_moved:.1%} of its weights"


@rule(
    "lr_too_low",
    stage="first_steps",
    source="Bengio 2012, Practical recommendations for gradient-based training, 2.1",
    explains=("too_few_epochs", "underfit", "vanishing_gradient", "init_too_small"),
)
def lr_too_low(f: Features) -> Suspicion | None:
    """Every layer's updates are so small that the network stays where it began."""
    case = f.case
    if case.diverged or not f.steps.watched or case.optimizer["type"] == "lbfgs":
        return None
    strength = too_low(f)
    if strength < 0.15:
        return None
    larger = max(case.usual_lr, 5 * case.lr)
    return Suspicion(
        "lr_too_low",
        strength,
        "first_steps",
        f"the learning rate {case.lr:g} is too low: {how_far(f)}",
        evidence={
            **rate_evidence(f),
            "median_update_ratio": f.steps.median_update_ratio,
            "furthest_moved": f.furthest_moved,
        },
        patches=(
            Patch(
                {"optimizer.lr": rounded_lr(larger)},
                "a rate at which this optimizer usually works" if larger <= case.usual_lr else "five times the rate",
            ),
            Patch({"optimizer.lr": rounded_lr(larger * 3)}, "a larger one, for so few epochs"),
            Patch(
                {"optimizer.lr": rounded_lr(larger * 3), "train.epochs": 3 * int(case.info["epochs_asked"])},
                "and three times as many of them",
            ),
        ),
        epoch=1,
        step=1,
    )


def too_low(f: Features) -> float:
    """How far the steps are too small: by their size, by how far the weights came, or by a smooth fall that is nowhere
    near its end."""
    case = f.case
    low, moved = -log10(max(case.lr_ratio, 1e-12)), f.furthest_moved
    smooth, unfit = -f.epochs.unsteadiness, case.fit_shortfall
    return max(
        ramp(low, 1.2, 2.0) * ramp(-moved, -0.3, -0.1),
        ramp(-log10(max(f.steps.median_update_ratio, 1e-15)), 3.6, 4.6) * ramp(low, 0.7, 1.4),
        ramp(low, 1.8, 2.6) * 0.9,
        ramp(low, 0.5, 1.2)
        * ramp(-moved, -1.2, -0.4)
        * ramp(unfit, 0.02, 0.06)
        * ramp(smooth, -0.1, -0.02)
        * ramp(case.epochs_done, 4, 12),
        # far from what the training rows allow, at a rate that is not large; a loss that stands still waits for nothing
        0.6
        * ramp(low, -0.2, 0.3)
        * ramp(unfit, 0.06, 0.15)
        * ramp(smooth, -0.05, -0.01)
        * ramp(case.epochs_done, 8, 16)
        * ramp(f.epochs.fall, 0.0005, 0.003),
        # behind for certain, at a small rate, and still on the way to what generalizes: retraining decides
        0.6
        * (case.falls_short and not f.epochs.past_its_best)
        * ramp(low, 0.3, 0.8)
        * ramp(smooth, -0.05, -0.01)
        * ramp(f.epochs.fall, 0.003, 0.006),
    )


@rule(
    "noisy_batches",
    stage="first_steps",
    source="McCandlish et al. 2018, An Empirical Model of Large-Batch Training",
    explains=("overfit", "underfit", "dead_relu", "saturated", "too_few_epochs"),
)
def noisy_batches(f: Features) -> Suspicion | None:
    """Batches of so few rows that the noise of their gradients hides their mean."""
    size = f.case.batch_size
    larger = min(4 * size if size > 2 else 16, f.case.train_rows)
    if size > SMALL_BATCH or f.case.diverged or larger <= size:
        return None
    strength = ramp(-log10(size), -0.95, -0.3) * (0.4 + 0.6 * ramp(f.epochs.unsteadiness, 0.1, 0.4))
    if strength < 0.15:
        return None
    return Suspicion(
        "noisy_batches",
        strength,
        "first_steps",
        f"batches of {plural(size, 'row')} give gradients that are mostly noise at the rate {f.case.lr:g}",
        evidence={"batch_size": size, "unsteadiness": f.epochs.unsteadiness, "threshold": 0.1},
        patches=(
            Patch({"train.batch_size": larger}, "the mean of more rows has less noise"),
            Patch(
                {"train.batch_size": larger, "optimizer.lr": rounded_lr(f.case.lr / 3)},
                "and smaller steps average over more of them",
            ),
        ),
        epoch=1,
        step=1,
    )
