"""Faults that show over the epochs: too much regularization, too few steps or units, overfitting."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isfinite, log10
from typing import Any, NamedTuple

import numpy as np

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import HARM
from nn_scratch.doctor.features import Features, decades, ramp
from nn_scratch.doctor.patches import nonlinear_layers, suited_l2, widened, with_layers
from nn_scratch.doctor.rule import rule
from nn_scratch.wording import plural

FEW_STEPS = 60  # of any optimizer, in which no network has moved far; by hand
LOSS_WORTH = 0.05  # nats of log loss from which a rise is worth a warning; by hand
STEPS = 1500  # within which a plain network (baselines.plain_network, 1,200 steps) has learned a small table; by hand
PATIENCE = 10  # epochs without a lower validation loss, after which training stops; by hand
LEARNED = 0.99  # training score from which more epochs have nothing to gain; by hand


class Strong(NamedTuple):
    """One kind of regularization: how far it is too strong, that in words, with what figures, and what weakens it."""

    strength: float
    because: str
    evidence: dict[str, Any]
    patch: Patch


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
def over_regularized(f: Features) -> Suspicion | None:
    """A penalty or dropout so strong that the network cannot fit even the rows it trains on."""
    case = f.case
    behind = case.best_baseline - case.train_score  # a shift of the class balance is an effect of the penalty, too
    unfit = ramp(behind, 0.0, 0.06) if isfinite(behind) else 0.5
    found = [one for one in (*penalties(f, unfit), *noise(f, unfit)) if one.strength > 0.1]
    if not found:
        return None
    worst = max(found, key=lambda one: one.strength)
    return Suspicion(
        "over_regularized",
        worst.strength,
        "config",
        worst.because,
        evidence=worst.evidence | {"train_score": case.train_score, "attainable": case.best_baseline},
        cost=case.best_baseline - case.selection_bias - case.held_score,
        patches=(worst.patch, *weaker(f, worst.patch), *(one.patch for one in found if one is not worst)),
        epoch=max(1, case.epochs_done),
    )


def penalties(f: Features, unfit: float) -> Iterator[Strong]:
    """L1, L2 and weight decay."""
    own = f.penalties
    shrunk = {"weights_shrunk_by": f.shrunk}
    why = "a weaker penalty lets the weights grow to where the loss is minimal"
    for key, value, low, high, less in (("l2", own.l2, -2.2, -1.0, 100), ("l1", own.l1, -3.3, -2.2, 1000)):
        if value > 0:
            yield Strong(
                ramp(log10(value), low, high) * (0.5 + 0.5 * max(ramp(f.shrunk, 0.0, 0.5), unfit)),
                f"the penalty {key}: {value:g} outweighs the data",
                {key: value, **shrunk, "penalty_over_data": own.over_data},
                Patch({f"regularize.{key}": float(f"{value / less:.2g}")}, why),
            )
    if f.decay_of_run > 0:
        yield Strong(
            ramp(log10(own.decay), -0.7, 0.7) * ramp(decades(f.decay_of_run), -0.5, 1.0),
            f"weight decay {own.decay:g} pulls the weights to zero faster than the data pushes them",
            {"weight_decay": own.decay, **shrunk},
            Patch({"optimizer.weight_decay": 0.01}, "the usual decay"),
        )


def noise(f: Features, unfit: float) -> Iterator[Strong]:
    """Dropout and Gaussian noise."""
    own = f.penalties
    if own.dropouts:
        rate = max(own.dropouts.values())
        yield Strong(
            max(ramp(rate, 0.45, 0.75), ramp(-decades(own.kept), 0.65, 1.2)) * (0.4 + 0.6 * unfit),
            f"dropout of {rate:g} leaves a share of {own.kept:.3g} of the signal",
            {"rate": rate, "kept_by_all": own.kept, "train_score": f.case.train_score},
            Patch(
                with_layers(f, {key: {"rate": 0.2} for key in own.dropouts}), "enough units stay to carry the signal"
            ),
        )
    if own.noises:
        std = max(own.noises.values())
        yield Strong(
            ramp(std, 0.5, 1.5) * (0.4 + 0.6 * unfit),
            f"noise of standard deviation {std:g} drowns the signal",
            {"std": std},
            Patch(with_layers(f, {key: {"std": 0.1} for key in own.noises}), "noise far below the signal"),
        )


def weaker(f: Features, patch: Patch) -> list[Patch]:
    """The same penalty or dropout left out altogether."""
    penalties = [key for key in patch.set if key in ("regularize.l1", "regularize.l2")]
    found = [Patch({key: 0.0}, "no penalty at all") for key in penalties]
    if "layers" in patch.set and f.penalties.dropouts:
        without = with_layers(f, {key: {"rate": 0.0} for key in f.penalties.dropouts})
        found.append(Patch(without, "no dropout at all: of narrow layers it leaves too few units"))
    return found


@rule(
    "too_few_epochs",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?",
    explains=("underfit", "vanishing_gradient", "class_imbalance", "init_too_small"),
)
def too_few_epochs(f: Features) -> Suspicion | None:
    """Training ended while the loss was still falling."""
    case, epochs, steps = f.case, f.epochs.done, f.case.steps_done
    if case.diverged or case.unfinished or case.info.get("status") == "stopped" or not epochs:
        return None
    falling = f.epochs.fall
    if steps < 150 and case.start_loss > 0:  # so few that the slope from the start is more reliable than the last jump
        falling = max(falling, (1 - float(case.curve("train_loss")[-1]) / case.start_loss) / epochs)
    if falling < 0.003 and steps >= FEW_STEPS:
        return None
    if case.train_score > LEARNED or f.epochs.past_its_best:  # all is learned, or more than generalizes
        return None
    strength = still_falling(f, falling)
    if strength < 0.1:
        return None
    wanted, why = wanted_epochs(f, falling)
    return Suspicion(
        "too_few_epochs",
        strength,
        "end",
        f"training ended after {plural(epochs, 'epoch')} ({plural(steps, 'step')}) while the loss was still falling by "
        f"{falling:.1%} an epoch",
        evidence={"fall_an_epoch": falling, "threshold": 0.003, "steps": steps, "epochs": epochs},
        patches=(
            Patch({"train.epochs": wanted}, why),
            Patch({"train.epochs": 3 * wanted}, "more of them"),
        ),
        goes_on=True,
        epoch=epochs,
        step=steps,
    )


def still_falling(f: Features, falling: float) -> float:
    """How likely the loss would go on falling: by its slope, how few steps there were, and what is still to fit."""
    steps = f.case.steps_done
    unfit = 0.3 + 0.7 * (ramp(f.case.fit_shortfall, -0.02, 0.05) if isfinite(f.case.fit_shortfall) else 0.5)
    if steps < FEW_STEPS:  # independent of the loss: nothing is learned in so few
        return unfit
    few = -log10(max(steps, 1))
    by_slope = max(ramp(falling, 0.005, 0.03), ramp(few, -2.7, -2.0))
    return by_slope * unfit * max(ramp(few, -3.6, -2.6), ramp(-f.epochs.done, -40, -10))


def wanted_epochs(f: Features, falling: float) -> tuple[int, str]:
    """Epochs to train for, and why so many: by the loss, at least STEPS steps and five times as many as before."""
    an_epoch = max(1, int(f.case.info.get("steps_per_epoch") or 1))
    by = {
        "as many epochs as bring the loss, falling at this rate, to a twentieth": f.epochs.done
        + ceil(3.0 / max(falling, 0.01)),
        f"as many epochs as make {STEPS:,} steps, which small networks need": ceil(STEPS / an_epoch),
        "five times as many epochs": 5 * f.epochs.done,
    }
    why = max(by, key=lambda reason: by[reason])
    return int(np.clip(by[why], 10, 2000)), why


@rule(
    "underfit",
    stage="end",
    source="Goodfellow et al. 2016, Deep Learning, 5.2",
    explains=("lr_too_high", "lr_too_low", "too_few_epochs", "noisy_batches", "dead_relu"),
)
def underfit(f: Features) -> Suspicion | None:
    """The network is too small, or linear: it stays behind on the rows it trains on as well."""
    case = f.case
    if case.diverged or not case.fit_shortfall >= 0.02:
        return None
    found = linear(f) if f.linear else narrow(f)
    behind = {"train_score": case.train_score, "held_score": case.held_score, "attainable": case.best_baseline}
    return Suspicion("underfit", **{**found, "evidence": {**found["evidence"], **behind}}, epoch=case.epochs_done)


def linear(f: Features) -> dict[str, Any]:
    """Without a nonlinear activation, as far as nonlinear models do better than the linear one."""
    reached, smooth = f.case.references, {"type": "dense", "units": 128, "activation": "silu"}
    bend = max(reached.get("knn", -1), reached.get("kernel", -1)) - reached.get("linear", np.nan)
    return {
        "strength": 0.5 + 0.5 * ramp(bend, 0.02, 0.08),
        "stage": "config" if bend > 0.05 else "end",
        "because": "there is no hidden layer with a nonlinear activation: stacked linear layers are one linear model",
        "evidence": {"nonlinear_layers": 0},
        "patches": (
            Patch({"layers": nonlinear_layers(f)}, "a nonlinear hidden layer can follow the data"),
            Patch({"layers": [smooth, smooth]}, "two wide and smooth ones can follow a finer structure"),
        ),
        "layer": f.layers[0].name,
    }


def narrow(f: Features) -> dict[str, Any]:
    """A layer of few units; where none is, too little to name a cause by."""
    case, layer = f.case, f.narrowest
    assert layer is not None  # a network without hidden layers is linear
    units, outputs = layer.units or 0, f.data.outputs
    enough = max(4, min(8, outputs // 2))
    if units > enough:
        return {
            "strength": 0.15 * ramp(case.fit_shortfall, 0.03, 0.1),
            "stage": "end",
            "because": f"the training score is {case.train_score:.3f}, and on held-out rows {case.best_reference}",
            "evidence": {},
            "patches": (Patch(widened(f, [layer], 4 * units), "more units fit more of the data"),),
            "layer": layer.name,
        }
    # after few steps a wide network is no further: time comes before capacity
    waits = f.epochs.fall > 0.003 or case.steps_done < FEW_STEPS
    begun = ramp(log10(max(1, case.steps_done)), 1.7, 2.5) if waits else 1.0
    every = [one for one in f.hidden if (one.units or 0) <= enough]
    return {
        "strength": ramp(-units, -max(6.0, outputs / 1.5), -2.0) * (0.3 + 0.7 * begun),
        "stage": "config" if units <= 2 else "end",
        "because": f"{layer.name} has {plural(units, 'unit')}, through which the whole signal passes",
        "evidence": {"units": units, "threshold": enough},
        "patches": (
            Patch(widened(f, every, 32), "more units fit more of the data"),
            Patch(widened(f, every, 128), "more of them"),
        ),
        "layer": layer.name,
    }


@rule(
    "overfit",
    stage="end",
    source="Prechelt 1998, Early Stopping - but when?; Srivastava et al. 2014",
    explains=("label_noise",),
)
def overfit(f: Features) -> Suspicion | None:
    """The network memorizes its training rows: on held-out rows the score falls behind, or the loss rises."""
    case, epochs = f.case, f.epochs
    if case.diverged or epochs.done < 5 or case.judged_by == "train" or epochs.best is None:
        return None
    gap = case.train_score - case.held_score
    rising = ramp(gap, 0.05, 0.2) * ramp(decades(epochs.rise), 0.04, 0.3) * (1.0 if epochs.late else 0.3)
    # the loss on held-out rows may never have been good enough to rise
    memorized = 0.6 * ramp(gap, 0.2, 0.35) * ramp(case.shortfall, HARM, 2 * HARM)
    overconfident = 0.3 * ramp(epochs.lost_log_loss, LOSS_WORTH, 3 * LOSS_WORTH) if epochs.late else 0.0
    strength = max(rising, memorized, overconfident)
    if strength < 0.1 and not (epochs.late and epochs.lost_log_loss > LOSS_WORTH):
        return None
    by_loss = max(rising, overconfident) >= memorized
    an_epoch = max(1, int(case.info.get("steps_per_epoch") or 1))
    stop = Patch(
        {"train.early_stopping": {"monitor": "val_loss", "patience": PATIENCE}},
        "training stops when the validation loss rises, and returns to the epoch of the lowest",
    )
    smooth = Patch({"regularize.l2": suited_l2(case.train_rows)}, "small weights make smooth functions")
    both = Patch({**stop.set, **smooth.set}, f"{stop.why}; and {smooth.why}")
    return Suspicion(
        "overfit",
        strength,
        "end",
        f"since epoch {epochs.best + 1} the loss on held-out rows rises ({epochs.lowest_val_loss:.3g} to "
        f"{epochs.last_val_loss:.3g}) while the training loss falls: the network memorizes its training rows"
        if by_loss
        else f"the training score is {case.train_score:.3f}, that on held-out rows {case.held_score:.3f}, "
        f"where {case.best_reference}: the network memorizes its training rows",
        evidence={
            "train_score": case.train_score,
            "held_score": case.held_score,
            "val_loss_over_best": epochs.rise,
            "best_epoch": epochs.best + 1,
            "score_lost_since_its_best": epochs.score_fallen,
        },
        # weights that have memorized were large long before the loss rose
        patches=(stop, both, smooth) if by_loss and not f.memorizes else (both, stop, smooth),
        cost=float(np.nanmax([case.shortfall, epochs.score_fallen, 0.0])),
        log_loss=max(0.0, epochs.lost_log_loss) if epochs.late else None,
        epoch=epochs.best + 1,
        whole=True,
        ends=(epochs.best + 1 + PATIENCE + 1) * an_epoch if by_loss and not f.memorizes else None,
    )
