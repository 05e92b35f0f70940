"""What goes wrong from the first steps on: the learning rate, and the size of the batches."""

from __future__ import annotations

from math import isfinite, log10

import numpy as np

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.features import broken_step, ramp, slope, step_signs, unsteadiness
from nn_scratch.doctor.rule import rule

RATE = 0.6  # decades above the usual rate, from which a rate is suspicious by itself


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
def lr_too_high(case: Case) -> Suspicion | None:
    """The network is fine at step 0 and broken by its own updates."""
    if case.optimizer["type"] == "lbfgs" or not len(case.steps.get("step", ())):
        return diverged_at_once(case)
    signs, layer = step_signs(case)
    strength = max(
        1.0 if case.diverged else 0.0,
        ramp(signs["worse_share"], 0.3, 0.6),
        ramp(log10(max(signs["growth"], 1e-9)), 0.3, 1.0),
        ramp(log10(max(signs["update_ratio"], 1e-9)), -1.2, -0.3) * ramp(log10(case.lr_ratio), 0.2, 1.0),
        ramp(log10(case.lr_ratio), RATE, 1.5) * 0.8,
        ramp(signs["late_update_ratio"], 0.03, 0.12) * ramp(log10(case.lr_ratio), -0.3, 0.6),
    )
    if not case.diverged:  # whoever fits the training rows was not broken
        strength *= 0.3 + 0.7 * ramp(case.fit_shortfall, -0.1, 0.02) if isfinite(case.fit_shortfall) else 1.0
    if case.steps_done < 60 and signs["worse_share"] < 0.2 and signs["growth"] < 2:
        strength *= 0.5 if case.epochs_done > 3 else 0.25  # it has hardly begun, and nothing is broken yet
    if case.batch_size <= 2 and not case.diverged:  # at a rate that larger batches bear, it is the noise of so few rows
        strength *= ramp(log10(case.lr_ratio), 0.7, 1.5)
    if case.diverged and case.lr_ratio < 3 and signs["worse_share"] < 0.1:
        strength = 0.7
    if strength < 0.15:
        return None
    # momentum and Adam both forget a spike: a run that ends well was not harmed
    lr = case.lr / 10 if case.lr_ratio < 30 else case.usual_lr
    others = (
        [Patch({"optimizer.lr": rounded_lr(lr / 10)}, "smaller steps still")]
        if case.lr_ratio < 30
        else [
            Patch({"optimizer.lr": rounded_lr(lr * 5)}, "larger steps, which some data bear"),
            Patch({"optimizer.lr": rounded_lr(lr / 5)}, "smaller steps still"),
        ]
    )
    step = broken_step(case)
    return Suspicion(
        "lr_too_high",
        strength,
        "first_steps",
        f"the learning rate {case.lr:g} is too high: "
        + (
            f"its updates made the numbers overflow in epoch {case.info['diverged']['epoch']}"
            if case.diverged
            else f"an update moves the weights by {signs['update_ratio']:.0%} and often makes its own batch worse"
            if signs["worse_share"] > 0.2
            else f"an update moves the weights by {signs['update_ratio']:.2g} of their size"
        ),
        evidence={
            "lr": case.lr,
            "usual_lr": case.usual_lr,
            "times_the_usual": case.lr_ratio,
            "threshold": 10**RATE,
            "steps_that_made_their_batch_worse": signs["worse_share"],
            "loss_growth": signs["growth"],
            "update_ratio": signs["update_ratio"],
            "late_update_ratio": signs["late_update_ratio"],
        },
        patches=(
            Patch({"optimizer.lr": rounded_lr(lr)}, "smaller steps follow the slope of the loss downhill"),
            *others,
        ),
        layer=layer or None,
        epoch=1 if step else None,
        step=step,
    )


def rounded_lr(lr: float) -> float:
    return float(f"{lr:.2g}")


def diverged_at_once(case: Case) -> Suspicion | None:
    if not case.diverged:
        return None
    strength = 0.6
    return Suspicion(
        "lr_too_high",
        strength,
        "first_steps",
        f"the first updates at the rate {case.lr:g} made the weights overflow",
        evidence={"lr": case.lr, "usual_lr": case.usual_lr},
        patches=(Patch({"optimizer.lr": rounded_lr(case.lr / 10)}, "smaller steps"),),
        layer=(case.info.get("diverged") or {}).get("layer"),
        epoch=1,
        step=1,
    )


@rule(
    "lr_too_low",
    stage="first_steps",
    source="Bengio 2012, Practical recommendations for gradient-based training, 2.1",
    explains=("too_few_epochs", "underfit", "vanishing_gradient", "init_too_small"),
)
def lr_too_low(case: Case) -> Suspicion | None:
    """Every layer's updates are so small that the network stays where it began."""
    if case.diverged or not len(case.steps.get("step", ())) or case.optimizer["type"] == "lbfgs":
        return None
    moved = [
        float(columns["distance"][-1] / columns["W_norm"][0])
        for name, columns in case.by_layer.items()
        if columns["W_norm"][0] > 0 and case.layer(name).trainable
    ]
    ratios = np.concatenate([columns["update_ratio"] for columns in case.steps_by_layer.values()])
    ratio = float(np.nanmedian(ratios)) if np.isfinite(ratios).any() else 0.0
    furthest = max(moved, default=0.0)
    low = -log10(max(case.lr_ratio, 1e-12))
    strength = max(
        ramp(low, 1.2, 2.0) * ramp(-furthest, -0.3, -0.1),
        ramp(-log10(max(ratio, 1e-15)), 3.6, 4.6) * ramp(low, 0.7, 1.4),
        ramp(low, 1.8, 2.6) * 0.9,
        # a smooth, slow fall that is nowhere near its end
        ramp(low, 0.5, 1.2)
        * ramp(-furthest, -1.2, -0.4)
        * ramp(case.fit_shortfall, 0.02, 0.06)
        * ramp(-unsteadiness(case), -0.1, -0.02)
        * ramp(case.epochs_done, 4, 12),
        # far from what the training rows allow, in a smooth fall, at a rate that is not large
        0.6
        * ramp(low, -0.2, 0.3)
        * ramp(case.fit_shortfall, 0.06, 0.15)
        * ramp(-unsteadiness(case), -0.05, -0.01)
        * ramp(case.epochs_done, 8, 16)
        * ramp(slope(case), 0.0005, 0.003),  # a loss that stands still does not wait for larger steps
    )
    if strength < 0.15:
        return None
    larger = max(case.usual_lr, 5 * case.lr)
    return Suspicion(
        "lr_too_low",
        strength,
        "first_steps",
        f"the learning rate {case.lr:g} is too low: in {case.epochs_done} epochs no layer moved by more than "
        f"{furthest:.1%} of its weights",
        evidence={
            "lr": case.lr,
            "usual_lr": case.usual_lr,
            "times_the_usual": case.lr_ratio,
            "median_update_ratio": ratio,
            "furthest_moved": furthest,
        },
        patches=(
            Patch(
                {"optimizer.lr": rounded_lr(larger)},
                "a rate at which this optimizer usually works" if larger <= case.usual_lr else "five times the rate",
            ),
            Patch({"optimizer.lr": rounded_lr(larger * 3)}, "a larger one, for so few epochs"),
        ),
        epoch=1,
        step=1,
    )


@rule(
    "noisy_batches",
    stage="first_steps",
    source="McCandlish et al. 2018, An Empirical Model of Large-Batch Training",
    explains=("overfit", "underfit", "dead_relu", "saturated", "too_few_epochs"),
)
def noisy_batches(case: Case) -> Suspicion | None:
    """Batches of so few rows that the noise of their gradients hides their mean."""
    size = case.batch_size
    larger = min(4 * size if size > 2 else 16, case.train_rows)
    if size > 8 or case.diverged or larger <= size:
        return None
    wobble = unsteadiness(case)
    strength = ramp(-log10(size), -0.95, -0.3) * (0.4 + 0.6 * ramp(wobble, 0.1, 0.4))
    if strength < 0.15:
        return None
    return Suspicion(
        "noisy_batches",
        strength,
        "first_steps",
        f"batches of {size} row{'s' * (size > 1)} give gradients that are mostly noise at the rate {case.lr:g}",
        evidence={"batch_size": size, "unsteadiness": wobble, "threshold": 0.1},
        patches=(
            Patch({"train.batch_size": larger}, "the mean of more rows has less noise"),
            Patch(
                {"train.batch_size": larger, "optimizer.lr": rounded_lr(case.lr / 3)},
                "and smaller steps average over more of them",
            ),
        ),
        epoch=1,
        step=1,
    )
