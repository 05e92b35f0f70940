"""What shows over the epochs: too much regularization, too few steps or units, overfitting."""

from __future__ import annotations

from copy import deepcopy
from math import ceil, isfinite, log10
from typing import Any

import numpy as np

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import HARM, Case, LayerOf, walk_entries
from nn_scratch.doctor.features import ramp, score_fallen, shrinking, slope
from nn_scratch.doctor.patches import with_layers
from nn_scratch.doctor.rule import rule

FEW_STEPS = 60  # of any optimizer, in which no network has moved far
LOSS_WORTH = 0.05  # nats of log loss from which a rise is worth a warning
STEPS = 1500  # within which a plain network (baselines.plain_network, 1,200 steps) has learned a small table


@rule(
    "over_regularized",
    stage="config",
    source="Goodfellow et al. 2016, Deep Learning, 7.1; Srivastava et al. 2014, Dropout",
    explains=(
        "underfit",
        "too_few_epochs",
        "lr_too_high",
        "lr_too_low",
        "vanishing_gradient",
        "dead_relu",
        "class_imbalance",
        "noisy_batches",
    ),
)
def over_regularized(case: Case) -> Suspicion | None:
    """A penalty or dropout so strong that the network cannot fit even the rows it trains on."""
    regularize = case.config.get("regularize") or {}
    l1, l2 = float(regularize.get("l1") or 0), float(regularize.get("l2") or 0)
    decay = float(case.optimizer.get("weight_decay") or 0)
    dropouts = [*case.of_type("dropout"), *case.of_type("alpha_dropout")]
    rates = [float(layer.config.get("rate", 0.5)) for layer in dropouts]
    noise = [float(layer.config.get("std", 0)) for layer in case.of_type("gaussian_noise")]
    shrunk = shrinking(case)
    behind = case.best_baseline - case.train_score  # whatever a penalty does to the balance of classes is its doing
    unfit = ramp(behind, 0.0, 0.06) if isfinite(behind) else 0.5
    candidates: list[tuple[float, str, dict[str, Any], Patch]] = []
    for key, value, low, high in (("l2", l2, -2.2, -1.0), ("l1", l1, -3.3, -2.2)):
        if value > 0:
            strength = ramp(log10(value), low, high) * (0.5 + 0.5 * max(ramp(shrunk, 0.0, 0.5), unfit))
            candidates.append(
                (
                    strength,
                    f"the penalty {key}: {value:g} outweighs the data",
                    {
                        key: value,
                        "weights_shrunk_by": shrunk,
                        "penalty_over_data": (case.signals.get("end") or {}).get("penalty_over_data"),
                    },
                    Patch(
                        {f"regularize.{key}": float(f"{value / (100 if key == 'l2' else 1000):.2g}")},
                        "a weaker penalty lets the weights grow to where the data wants them",
                    ),
                )
            )
    if decay > 0 and case.lr * decay > 0:
        per_run = case.lr * decay * max(1, case.steps_done)
        strength = ramp(log10(decay), -0.7, 0.7) * ramp(log10(max(per_run, 1e-9)), -0.5, 1.0)
        candidates.append(
            (
                strength,
                f"weight decay {decay:g} pulls the weights to zero faster than the data pushes them",
                {"weight_decay": decay, "weights_shrunk_by": shrunk},
                Patch({"optimizer.weight_decay": 0.01}, "the usual decay"),
            )
        )
    if rates:
        kept = float(np.prod([1 - rate for rate in rates]))
        strength = max(ramp(max(rates), 0.45, 0.75), ramp(-log10(max(kept, 1e-9)), 0.65, 1.2)) * (0.4 + 0.6 * unfit)
        candidates.append(
            (
                strength,
                f"dropout of {max(rates):g} leaves a share of {kept:.3g} of the signal",
                {"rate": max(rates), "kept_by_all": kept, "train_score": case.train_score},
                Patch(
                    with_layers(case, {one.key: {"rate": 0.2} for one in dropouts}),
                    "enough units stay to carry the signal",
                ),
            )
        )
    if noise:
        strength = ramp(max(noise), 0.5, 1.5) * (0.4 + 0.6 * unfit)
        candidates.append(
            (
                strength,
                f"noise of standard deviation {max(noise):g} drowns the signal",
                {"std": max(noise)},
                Patch(
                    with_layers(case, {one.key: {"std": 0.1} for one in case.of_type("gaussian_noise")}),
                    "noise far below the signal",
                ),
            )
        )
    candidates = [candidate for candidate in candidates if candidate[0] > 0.1]
    if not candidates:
        return None
    strength, because, evidence, patch = max(candidates, key=lambda candidate: candidate[0])
    return Suspicion(
        "over_regularized",
        strength,
        "config",
        because,
        evidence=evidence | {"train_score": case.train_score, "attainable": case.best_baseline},
        cost=case.best_baseline - case.selection_bias - case.held_score,
        patches=(patch, *weaker(patch), *(other[3] for other in candidates if other[3] is not patch)),
        epoch=max(1, case.epochs_done),
    )


def weaker(patch: Patch) -> list[Patch]:
    """The same penalty left out altogether."""
    penalties = [key for key in patch.set if key in ("regularize.l1", "regularize.l2")]
    return [Patch({key: 0.0}, "no penalty at all") for key in penalties]


@rule(
    "too_few_epochs",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?",
    explains=("underfit", "vanishing_gradient", "class_imbalance", "init_too_small"),
)
def too_few_epochs(case: Case) -> Suspicion | None:
    """Training ended while the loss was still falling."""
    if case.diverged or case.unfinished or case.info.get("status") == "stopped" or not case.epochs_done:
        return None
    falling = slope(case)
    steps = case.steps_done
    if steps < 150 and case.start_loss > 0:  # so few that the slope from the start says more than the last jump
        falling = max(falling, (1 - float(case.curve("train_loss")[-1]) / case.start_loss) / case.epochs_done)
    if falling < 0.003 and steps >= FEW_STEPS:
        return None
    unfit = ramp(case.fit_shortfall, -0.02, 0.05) if isfinite(case.fit_shortfall) else 0.5
    if case.train_score > 0.99 or past_its_best(case):  # all is learned, or more than generalizes
        return None
    strength = (
        max(ramp(falling, 0.005, 0.03), ramp(-log10(max(steps, 1)), -2.7, -2.0))
        * (0.3 + 0.7 * unfit)
        * max(ramp(-log10(max(steps, 1)), -3.6, -2.6), ramp(-case.epochs_done, -40, -10))
    )
    if steps < FEW_STEPS:  # whatever the loss does: nothing is learned in so few
        strength = max(strength, 0.3 + 0.7 * unfit)
    if strength < 0.1:
        return None
    epochs, by = wanted_epochs(case, falling)
    return Suspicion(
        "too_few_epochs",
        strength,
        "end",
        f"training ended after {case.epochs_done} epoch{'s' * (case.epochs_done > 1)} ({steps} steps) while the loss "
        f"was still falling by {falling:.1%} an epoch",
        evidence={"fall_an_epoch": falling, "threshold": 0.003, "steps": steps, "epochs": case.epochs_done},
        patches=(
            Patch({"train.epochs": epochs}, by),
            Patch({"train.epochs": 3 * epochs}, "more of them"),
        ),
        goes_on=True,
        epoch=case.epochs_done,
        step=steps,
    )


def past_its_best(case: Case) -> bool:
    """Whether the validation loss has been rising for the last third of the run or longer."""
    loss = case.curve("val_loss")
    if len(loss) < 6 or not np.isfinite(loss).any():
        return False
    best = int(np.nanargmin(loss))
    return best < 0.67 * len(loss) and float(loss[-1]) > 1.05 * float(loss[best])


def wanted_epochs(case: Case, falling: float) -> tuple[int, str]:
    """Epochs to train for, and why so many: by the loss, at least STEPS steps and five times as many as before."""
    a_epoch = max(1, int(case.info.get("steps_per_epoch") or 1))
    by = {
        "as many epochs as bring the loss, falling at this rate, to a twentieth": case.epochs_done
        + ceil(3.0 / max(falling, 0.01)),
        f"as many epochs as make {STEPS:,} steps, which small networks need": ceil(STEPS / a_epoch),
        "five times as many epochs": 5 * case.epochs_done,
    }
    why = max(by, key=lambda reason: by[reason])
    return int(np.clip(by[why], 10, 2000)), why


@rule(
    "underfit",
    stage="end",
    source="Goodfellow et al. 2016, Deep Learning, 5.2",
    explains=("lr_too_high", "lr_too_low", "too_few_epochs", "noisy_batches", "dead_relu"),
)
def underfit(case: Case) -> Suspicion | None:
    """The network is too small, or linear: it stays behind on the rows it trains on as well."""
    if case.diverged:
        return None
    unfit = case.fit_shortfall
    if not isfinite(unfit) or unfit < 0.02:
        return None
    # after so few steps a wide network is no further: time comes before capacity
    begun = ramp(log10(max(1, case.steps_done)), 1.7, 2.5) if slope(case) > 0.003 or case.steps_done < FEW_STEPS else 1
    widths = [(layer, int(layer.config["units"])) for layer in case.hidden]
    linear = not any(layer.activation not in ("identity",) for layer in case.hidden)
    outputs = len(case.card["classes"] or []) or len(case.card["target"])
    narrow = min(widths, key=lambda pair: pair[1], default=None)
    enough = max(4, min(8, outputs // 2))
    bend = max(case.references.get("knn", -1), case.references.get("kernel", -1)) - case.references.get(
        "linear", np.nan
    )
    patches: tuple[Patch, ...]
    early = False  # whether the config alone says so
    if linear:
        early = bend > 0.05
        strength = 0.5 + 0.5 * ramp(bend, 0.02, 0.08)
        because = "there is no hidden layer with a nonlinear activation: stacked linear layers are one linear model"
        where = case.hidden[0].name if case.hidden else "output"
        patches = (Patch({"layers": nonlinear_layers(case)}, "a nonlinear hidden layer can follow the data"),)
        evidence: dict[str, Any] = {"nonlinear_layers": 0}
    elif narrow is not None and narrow[1] <= enough:
        layer, units = narrow
        strength = ramp(-units, -max(6.0, outputs / 1.5), -2.0) * (0.3 + 0.7 * begun)
        because = f"{layer.name} has {units} unit{'s' * (units > 1)}, through which the whole signal passes"
        where = layer.name
        every = [one for one, width in widths if width <= enough]
        patches = (
            Patch(widened(case, every, 32), "more units fit more of the data"),
            Patch(widened(case, every, 128), "more of them"),
        )
        evidence = {"units": units, "threshold": enough}
        early = units <= 2
    else:
        where = narrow[0].name if narrow else "output"
        strength = 0.15 * ramp(unfit, 0.03, 0.1)  # too little to name a cause by
        because = f"the training score is {case.train_score:.3f}, and on held-out rows {case.best_reference}"
        patches = (
            ()
            if narrow is None
            else (Patch({f"{narrow[0].key}.units": 4 * narrow[1]}, "more units fit more of the data"),)
        )
        evidence = {}
    return Suspicion(
        "underfit",
        strength,
        "config" if early else "end",
        because,
        evidence=evidence
        | {"train_score": case.train_score, "held_score": case.held_score, "attainable": case.best_baseline},
        patches=patches,
        layer=where,
        epoch=case.epochs_done,
    )


def widened(case: Case, layers: list[LayerOf], units: int) -> dict[str, Any]:
    if len(layers) == 1:
        return {f"{layers[0].key}.units": units}
    return with_layers(case, {layer.key: {"units": units} for layer in layers})


def nonlinear_layers(case: Case) -> list[Any]:
    if not case.hidden:
        return [{"type": "dense", "units": 32, "activation": "relu"}]
    layers: list[Any] = deepcopy(case.config["layers"])
    for entry in walk_entries(layers, "layers"):
        if entry.type == "dense":
            entry.config.update(activation="relu", init=None)  # type: ignore[attr-defined]
    return layers


@rule(
    "overfit",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?; Srivastava et al. 2014",
    explains=("label_noise",),
)
def overfit(case: Case) -> Suspicion | None:
    """The network memorizes its training rows: on held-out rows the score falls behind, or the loss rises."""
    if case.diverged or case.epochs_done < 5 or case.judged_by == "train":
        return None
    loss = case.curve("val_loss")
    gap = case.train_score - case.held_score
    if not np.isfinite(loss).any():
        return None
    best = int(np.nanargmin(loss))
    rise = float(loss[-1] / max(float(loss[best]), 1e-9))
    lost_loss = float(loss[-1] - loss[best]) if case.is_classification else 0.5 * float(np.log(max(rise, 1e-9)))
    fallen = score_fallen(case)
    late = best < 0.7 * len(loss)
    rising = ramp(gap, 0.05, 0.2) * ramp(log10(max(rise, 1e-9)), 0.04, 0.3) * (1.0 if late else 0.3)
    # the loss on held-out rows may never have been good enough to rise
    memorized = 0.6 * ramp(gap, 0.2, 0.35) * ramp(case.shortfall, HARM, 2 * HARM)
    overconfident = 0.3 * ramp(lost_loss, LOSS_WORTH, 3 * LOSS_WORTH) if late else 0.0
    strength = max(rising, memorized, overconfident)
    if strength < 0.1:
        return None
    stop = Patch(
        {"train.early_stopping": {"monitor": "val_loss", "patience": 10}},
        "training stops when the validation loss rises, and returns to the epoch of the lowest",
    )
    smooth = Patch({"regularize.l2": 0.01 if rising >= memorized else 0.05}, "small weights make smooth functions")
    by_loss = max(rising, overconfident) >= memorized
    return Suspicion(
        "overfit",
        strength,
        "end",
        f"since epoch {best + 1} the loss on held-out rows rises ({loss[best]:.3g} to {loss[-1]:.3g}) while the "
        "training loss falls: the network memorizes its training rows"
        if by_loss
        else f"the training score is {case.train_score:.3f}, that on held-out rows {case.held_score:.3f}, "
        f"where {case.best_reference}: the network memorizes its training rows",
        evidence={
            "train_score": case.train_score,
            "held_score": case.held_score,
            "val_loss_over_best": rise,
            "best_epoch": best + 1,
            "score_lost_since_its_best": fallen,
        },
        patches=(stop, smooth) if by_loss else (smooth, stop),
        cost=float(np.nanmax([case.shortfall, fallen, 0.0])),
        log_loss=max(0.0, lost_loss) if late else None,
        epoch=best + 1,
    )
