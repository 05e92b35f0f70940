"""What shows over the epochs: too much regularization, too little time or capacity, learning by heart."""

from __future__ import annotations

from math import ceil, isfinite, log10
from typing import Any

import numpy as np

from nn_scratch.doctor.diagnosis import Finding, Patch
from nn_scratch.doctor.evidence import HARM, Case, LayerOf, name_of
from nn_scratch.doctor.patches import with_layers, without_type
from nn_scratch.doctor.rule import rule
from nn_scratch.doctor.severity import grade, ramp, score_fallen


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
def over_regularized(case: Case) -> Finding | None:
    """A penalty or dropout so strong that the network cannot fit even the rows it trains on."""
    regularize = case.config.get("regularize") or {}
    l1, l2 = float(regularize.get("l1") or 0), float(regularize.get("l2") or 0)
    decay = float(case.optimizer.get("weight_decay") or 0)
    rates = [
        float(layer.get("rate", 0.5))
        for layer in case.config["layers"]
        if name_of(layer) == "dropout" and isinstance(layer, dict)
    ]
    noise = [
        float(layer.get("std", 0))
        for layer in case.config["layers"]
        if name_of(layer) == "gaussian_noise" and isinstance(layer, dict)
    ]
    shrunk = shrinking(case)
    unfit = ramp(case.fit_shortfall, 0.0, 0.06) if isfinite(case.fit_shortfall) else 0.5
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
                f"dropout of {max(rates):g} leaves the layers too little to work with",
                {"rate": max(rates), "threshold": 0.5, "train_score": case.train_score},
                Patch(without_type(case, "dropout", rate=0.2), "enough units stay to carry the signal"),
            )
        )
    if noise:
        strength = ramp(max(noise), 0.5, 1.5) * (0.4 + 0.6 * unfit)
        candidates.append(
            (
                strength,
                f"noise of standard deviation {max(noise):g} drowns the signal",
                {"std": max(noise)},
                Patch(without_type(case, "gaussian_noise", std=0.1), "noise far below the signal"),
            )
        )
    candidates = [candidate for candidate in candidates if candidate[0] > 0.1]
    if not candidates:
        return None
    strength, because, evidence, patch = max(candidates, key=lambda candidate: candidate[0])
    severity, confidence = grade(case, strength)
    return Finding(
        "over_regularized",
        severity,
        confidence,
        "config",
        because,
        evidence=evidence | {"train_score": case.train_score, "attainable": case.best_baseline},
        patches=(patch, *weaker(patch), *(other[3] for other in candidates if other[3] is not patch)),
        epoch=max(1, case.epochs_done),
    )


def weaker(patch: Patch) -> list[Patch]:
    """The same penalty left out altogether."""
    penalties = [key for key in patch.set if key in ("regularize.l1", "regularize.l2")]
    return [Patch({key: 0.0}, "no penalty at all") for key in penalties]


def shrinking(case: Case) -> float:
    """By what share the weights of the layer that shrank most are smaller at the end than at the start."""
    shares = [
        1 - float(columns["W_norm"][-1] / columns["W_norm"][0])
        for columns in case.by_layer.values()
        if len(columns["W_norm"]) > 1 and columns["W_norm"][0] > 0
    ]
    return max(shares, default=0.0)


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


@rule(
    "too_few_epochs",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?",
    explains=("underfit", "vanishing_gradient", "class_imbalance", "init_too_small"),
)
def too_few_epochs(case: Case) -> Finding | None:
    """Training ended while the loss was still falling."""
    if case.diverged or case.unfinished or case.info.get("status") == "stopped" or not case.epochs_done:
        return None
    falling = slope(case)
    steps = case.steps_done
    if steps < 150 and case.start_loss > 0:  # so few that the slope from the start says more than the last jump
        falling = max(falling, (1 - float(case.curve("train_loss")[-1]) / case.start_loss) / case.epochs_done)
    if falling < 0.003:
        return None
    unfit = ramp(case.fit_shortfall, -0.02, 0.05) if isfinite(case.fit_shortfall) else 0.5
    strength = (
        max(ramp(falling, 0.005, 0.03), ramp(-log10(max(steps, 1)), -2.7, -2.0))
        * (0.3 + 0.7 * unfit)
        * max(ramp(-log10(max(steps, 1)), -3.6, -2.6), ramp(-case.epochs_done, -40, -10))
    )
    if strength < 0.1:
        return None
    severity, confidence = grade(case, strength)
    epochs = wanted_epochs(case, falling)
    return Finding(
        "too_few_epochs",
        severity,
        confidence,
        "end",
        f"training ended after {case.epochs_done} epoch{'s' * (case.epochs_done > 1)} ({steps} steps) while the loss "
        f"was still falling by {falling:.1%} an epoch",
        evidence={"fall_an_epoch": falling, "threshold": 0.005, "steps": steps, "epochs": case.epochs_done},
        patches=(
            Patch({"train.epochs": epochs}, "as many epochs as the loss needs to flatten, by its slope at the end"),
            Patch({"train.epochs": 3 * epochs}, "more of them"),
        ),
        epoch=case.epochs_done,
        step=steps,
    )


def wanted_epochs(case: Case, falling: float) -> int:
    """Epochs by which the loss, falling at this share an epoch, would be a twentieth; and at least 1,500 steps."""
    by_slope = case.epochs_done + ceil(3.0 / max(falling, 0.01))
    a_epoch = max(1, int(case.info.get("steps_per_epoch") or 1))
    return int(np.clip(max(by_slope, ceil(1500 / a_epoch), 5 * case.epochs_done), 10, 2000))


@rule(
    "underfit",
    stage="end",
    source="Goodfellow et al. 2016, Deep Learning, 5.2",
    explains=("lr_too_high", "lr_too_low", "too_few_epochs", "noisy_batches", "dead_relu"),
)
def underfit(case: Case) -> Finding | None:
    """The network is too small, or linear: it stays behind on the rows it trains on as well."""
    if case.diverged:
        return None
    unfit = case.fit_shortfall
    if not isfinite(unfit) or unfit < 0.02:
        return None
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
        because = "there is no hidden layer with a nonlinear activation: stacked linear layers draw straight lines only"
        where = case.hidden[0].name if case.hidden else "output"
        patches = (Patch({"layers": bent_layers(case)}, "a hidden layer that bends can follow the data"),)
        evidence: dict[str, Any] = {"nonlinear_layers": 0}
    elif narrow is not None and narrow[1] <= enough:
        layer, units = narrow
        strength = ramp(-units, -max(6.0, outputs / 1.5), -2.0)
        because = f"{layer.name} has {units} unit{'s' * (units > 1)}, through which all must pass"
        where = layer.name
        every = [one for one, width in widths if width <= enough]
        patches = (
            Patch(widened(case, every, 32), "more units can tell more rows apart"),
            Patch(widened(case, every, 128), "more still"),
        )
        evidence = {"units": units, "threshold": enough}
        early = units <= 2
    else:
        where = narrow[0].name if narrow else "output"
        strength = 0.15 * ramp(unfit, 0.03, 0.1)  # too little to name a cause by
        because = f"the network stays behind on the very rows that it trains on: on others {case.best_reference}"
        patches = (
            ()
            if narrow is None
            else (Patch({f"{narrow[0].key}.units": 4 * narrow[1]}, "more units can tell more rows apart"),)
        )
        evidence = {}
    severity, confidence = grade(case, strength)
    return Finding(
        "underfit",
        severity,
        confidence,
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


def bent_layers(case: Case) -> list[Any]:
    if not case.hidden:
        return [{"type": "dense", "units": 32, "activation": "relu"}]
    from copy import deepcopy

    layers: list[Any] = deepcopy(case.config["layers"])
    for entry in layers:
        if name_of(entry) == "dense":
            entry |= {"activation": "relu", "init": None}
        if name_of(entry) == "activation":
            entry["activation"] = "relu"
    return layers


@rule(
    "overfit",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?; Srivastava et al. 2014",
    explains=("label_noise",),
)
def overfit(case: Case) -> Finding | None:
    """The network learns its rows by heart: the score on held-out rows falls behind, and their loss rises."""
    if case.diverged or case.epochs_done < 5:
        return None
    loss = case.curve("val_loss")
    gap = case.train_score - case.held_score
    if not np.isfinite(loss).any() or gap < 0.05:
        return None
    best = int(np.nanargmin(loss))
    rise = float(loss[-1] / max(float(loss[best]), 1e-9))
    fallen = score_fallen(case)
    late = best < 0.7 * len(loss)
    rising = ramp(gap, 0.05, 0.2) * ramp(log10(max(rise, 1e-9)), 0.04, 0.3) * (1.0 if late else 0.3)
    # the loss on held-out rows may never have been good enough to rise
    by_heart = 0.6 * ramp(gap, 0.2, 0.35) * ramp(case.shortfall, HARM, 2 * HARM)
    strength = max(rising, by_heart)
    if strength < 0.1:
        return None
    cost = max(case.shortfall if isfinite(case.shortfall) else 0.0, fallen)
    severity, confidence = grade(case, strength, cost)
    stop = Patch(
        {"train.early_stopping": {"monitor": "val_loss", "patience": 10}},
        "training stops, and goes back to the epoch where unseen rows were predicted best",
    )
    smooth = Patch({"regularize.l2": 0.01 if rising >= by_heart else 0.05}, "small weights make smooth functions")
    return Finding(
        "overfit",
        severity,
        confidence,
        "end",
        f"since epoch {best + 1} the loss on rows not trained on rises ({loss[best]:.3g} to {loss[-1]:.3g}) while the "
        "training loss falls: the network learns its rows by heart"
        if rising >= by_heart
        else f"the training rows are predicted with {case.train_score:.3f}, the others with {case.held_score:.3f}, "
        f"where {case.best_reference}: the network learns its rows by heart",
        evidence={
            "train_score": case.train_score,
            "held_score": case.held_score,
            "val_loss_over_best": rise,
            "best_epoch": best + 1,
            "score_lost_since_its_best": fallen,
        },
        patches=(stop, smooth) if rising >= by_heart else (smooth, stop),
        epoch=best + 1,
    )
