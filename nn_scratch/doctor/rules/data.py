"""Faults of the data: its order, its split, its labels, its scale."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite, nan
from typing import Any

import numpy as np

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import HARM, NORMAL_90, Case, number
from nn_scratch.doctor.features import ramp, score_fallen
from nn_scratch.doctor.rule import rule

IN_ORDER = 5.0  # standard deviations by which runs of equal labels are fewer than in a random order
MOSTLY_SORTED = 0.4  # runs of equal labels over those of a random order
UNLIKE = 5.0  # the same of label counts a batch
ENOUGH_ROWS = 200  # to say that nothing can be learned from them
UNEVEN = 1.5  # rows of the most frequent class for one of the rarest: below, weights change next to nothing
FAR = 15.0  # standard errors of a feature's mean from which parts no longer lie in one place
LATER = (
    "split_mismatch",
    "class_imbalance",
    "label_noise",
    "constant_init",
    "init_too_large",
    "init_too_small",
    "vanishing_gradient",
    "exploding_gradient",
    "saturated",
    "dead_relu",
    "lr_too_high",
    "lr_too_low",
    "noisy_batches",
    "overfit",
    "underfit",
    "too_few_epochs",
)


@rule(
    "sorted_data",
    stage="data",
    source="Bengio 2012, Practical recommendations for gradient-based training, 3.1 (shuffle the examples)",
    explains=LATER,
)
def sorted_data(case: Case) -> Suspicion | None:
    """Rows in the order of their labels that are shuffled neither before the split nor before each epoch."""
    order = case.card["order"]
    shuffled, mixed = bool(case.config["data"]["shuffle"]), bool(case.config["train"]["shuffle"])
    z = number(order.get("z"))
    strength_of_order = abs(z) if case.is_classification else z
    in_order = isfinite(z) and strength_of_order > IN_ORDER and (not case.is_classification or z < 0)
    if case.is_classification and not number(order.get("runs")) < MOSTLY_SORTED * number(order.get("expected_runs")):
        in_order = False
    batches = case.signals.get("order") or {}
    batch_z = number(batches.get("z"))
    lost = split_cost(case)
    absent = absent_share(case)
    blocks = not mixed and isfinite(batch_z) and batch_z > UNLIKE
    if shuffled or not (in_order or absent > 0.5 or (blocks and batch_z > 10 * UNLIKE)):
        return fixed_order(case) if not mixed else None
    apart = class_distance(case)
    pooled = number((case.signals.get("attainable") or {}).get("pooled"))
    short = not case.held_score > pooled - HARM
    split_hurts = (lost > HARM + case.standard_error and short) or absent > 0.2 or (apart > 0.25 and lags(case))
    strength = 0.95 if split_hurts else 0.9 if blocks else 0.6
    if not (split_hurts or blocks):
        return None
    what = "label" if case.is_classification else "target"
    patch = {"data.shuffle": True} | ({} if mixed else {"train.shuffle": True})
    return Suspicion(
        "sorted_data",
        strength,
        "data",
        f"the rows stand in the order of their {what}s and nothing shuffles them, so "
        + (
            "the parts of the split do not resemble each other"
            if split_hurts
            else f"each batch holds a narrow range of {what}s, and the network forgets the others"
        ),
        evidence={
            "runs": order.get("runs"),
            "expected_runs": order.get("expected_runs"),
            "order_z": z,
            "threshold": -IN_ORDER if case.is_classification else IN_ORDER,
            "batch_z": batch_z,
            "one_class_batches": batches.get("pure_share"),
            "held_rows_of_untrained_classes": absent,
            "class_share_distance": apart,
            "score_lost_by_the_split": lost,
        },
        patches=(Patch(patch, "shuffled rows make every part of the split, and every batch, a random sample of all"),),
        cost=max(lost, case.shortfall) if split_hurts else None,
        certain=split_hurts,
        epoch=1,
        step=1,
    )


def fixed_order(case: Case) -> Suspicion | None:
    """The same batches in every epoch: their gradients have the same errors each time."""
    if case.batch_size >= case.train_rows:
        return None
    return Suspicion(
        "sorted_data",
        0.3,
        "config",
        "train.shuffle is false: every epoch has the same batches in the same order",
        evidence={"batches_an_epoch": int(np.ceil(case.train_rows / case.batch_size))},
        patches=(Patch({"train.shuffle": True}, "other batches in each epoch average the errors of their gradients"),),
        epoch=1,
        step=1,
    )


def split_cost(case: Case) -> float:
    """How much better a simple model does with a random split than with the one in use."""
    found = case.signals.get("attainable") or {}
    return number(found.get("pooled")) - max(-1.0, number(found.get("split")))


def absent_share(case: Case) -> float:
    """The share of held-out rows whose class training never sees (or hardly ever: below a fifth of its share)."""
    if not case.is_classification:
        return 0.0
    counts = case.class_counts
    held = counts["val"] + counts["test"]
    share = counts["train"] / max(1, counts["train"].sum())
    usual = held / max(1, held.sum())
    rare = (share < usual / 5) & (held >= 3)
    return float(held[rare].sum() / max(1, held.sum()))


@rule(
    "split_mismatch",
    stage="data",
    source="Quionero-Candela et al. 2009, Dataset Shift in Machine Learning",
    explains=tuple(name for name in LATER if name != "split_mismatch"),
)
def split_mismatch(case: Case) -> Suspicion | None:
    """Training rows and held-out rows that are not samples of one population."""
    lost, absent = split_cost(case), absent_share(case)
    summary = case.card["feature_summary"]
    shift = abs(number((summary.get("shift_val_z_max") or {}).get("value")))
    shift_test = abs(number((summary.get("shift_test_z_max") or {}).get("value")))
    shift = float(np.nanmax([shift, shift_test, 0.0]))
    features = int(case.card["features"])
    unlike = shift > 5 + 0.5 * np.log(features)
    if not (unlike or absent > 0.2 or class_shift(case) > UNLIKE):
        return None
    apart = class_distance(case)
    pooled = number((case.signals.get("attainable") or {}).get("pooled"))
    short = not case.held_score > pooled - HARM
    hurts = (lost > HARM + 1.5 * case.standard_error and short) or absent > 0.2 or (apart > 0.25 and lags(case))
    # what was learned does not carry over to rows that lie elsewhere, even where a smooth model's does
    hurts |= shift > FAR and lags(case) and case.train_score - case.held_score > 2 * HARM
    shuffled = bool(case.config["data"]["shuffle"])
    patch = {"data.shuffle": True} if not shuffled else {"data.stratify": True}
    own_test = bool(case.card["split"].get("own_test"))
    return Suspicion(
        "split_mismatch",
        0.9 if hurts else 0.5,
        "data",
        "the held-out rows differ from the training rows by more than random sampling explains",
        evidence={
            "largest_shift_z": shift,
            "class_shift_z": class_shift(case),
            "held_rows_of_untrained_classes": absent,
            "class_share_distance": apart,
            "score_lost_by_the_split": lost,
        },
        patches=()
        if own_test and shuffled
        else (Patch(patch, "rows drawn at random make all parts samples of one population"),),
        cost=float(np.nanmax([lost, case.shortfall, 0.0])) if hurts else 0.0,
        certain=hurts,  # the parts differ, and that costs: nothing is left to doubt
    )


def lags(case: Case) -> bool:
    """Whether the score itself is behind the best reference: a split that changes the classes' shares is not undone by
    weighing them."""
    return case.best_baseline - case.held_score > max(HARM, case.standard_error)


def class_distance(case: Case) -> float:
    """Half the sum of the differences between the class shares of train and of the held-out rows: 0 alike, 1 apart."""
    if not case.is_classification:
        return 0.0
    counts = case.class_counts
    held = counts["val"] + counts["test"]
    return float(np.abs(counts["train"] / counts["train"].sum() - held / max(1, held.sum())).sum() / 2)


def class_shift(case: Case) -> float:
    """How far the class counts of val and test are from those of train, in standard deviations."""
    if not case.is_classification:
        return 0.0
    counts = case.class_counts
    worst = 0.0
    n = counts["train"].sum()
    for part in ("val", "test"):
        m = counts[part].sum()
        if not m:
            continue
        pooled = (counts["train"] + counts[part]) / (n + m)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
        with np.errstate(divide="ignore", invalid="ignore"):
            z = np.abs(counts[part] / m - counts["train"] / n) / spread
        worst = max(worst, float(np.nanmax(z, initial=0.0)))
    return worst


@rule(
    "class_imbalance",
    stage="data",
    source="He and Garcia 2009, Learning from Imbalanced Data; Elkan 2001, The Foundations of Cost-Sensitive Learning",
    explains=("underfit", "too_few_epochs"),
)
def class_imbalance(case: Case) -> Suspicion | None:
    """Rare classes that an unweighted loss gives up for the frequent ones."""
    if not case.is_classification or case.config.get("class_weight") is not None:
        return None
    counts = case.class_counts["train"]
    present = counts > 0
    if np.count_nonzero(present) < 2:
        return None
    # a split that keeps a class from training is another fault
    every = np.sum(list(case.class_counts.values()), axis=0)
    ratio = float(min(part.max() / part[present].min() for part in (counts, every)))
    if ratio < UNEVEN:
        return None
    rare = present & (counts < counts[present].mean())
    recall = case.recalls.get("held", case.recalls.get("train", np.full(len(counts), np.nan)))
    rare_recall, other = (
        float(np.nanmean(recall[of])) if np.isfinite(recall[of]).any() else nan for of in (rare, present & ~rare)
    )
    gap = other - rare_recall
    # what the network's own probabilities give when they are weighed alike; and what the rare classes could reach
    reweighted = case.balanced_decisions - case.held_score
    cost = float(np.nanmax([0.0, reweighted, 0.4 * gap * np.count_nonzero(rare) / np.count_nonzero(present)]))
    if not isfinite(gap) or gap < 0.05 or cost < 0.01:
        return None
    strength = ramp(gap, 0.05, 0.35) * ramp(ratio, 1.2, 6) * ramp(other, 0.4, 0.7)
    return Suspicion(
        "class_imbalance",
        strength,
        "data",
        f"the rarest class has 1 row for {ratio:.3g} of the most frequent, and an unweighted loss prefers those: "
        f"recall {rare_recall:.2f} of the rare classes, {other:.2f} of the others; this costs balanced accuracy, not "
        "accuracy",
        evidence={
            "counts_ratio": ratio,
            "rare_recall": rare_recall,
            "other_recall": other,
            "accuracy": case.accuracy,
            "balanced_accuracy": case.held_score,
            "balanced_accuracy_reweighted": case.balanced_decisions,
        },
        patches=(
            Patch(
                {"class_weight": "balanced"},
                "rows of rare classes count for more in the loss; this raises balanced accuracy and may lower accuracy",
            ),
        ),
        cost=cost,
    )


@rule(
    "label_noise",
    stage="data",
    source="Northcutt et al. 2021, Confident Learning: Estimating Uncertainty in Dataset Labels",
    explains=("overfit",),
)
def label_noise(case: Case) -> Suspicion | None:
    """Rows far from every class boundary that have the label of another class."""
    if not case.is_classification:
        return None
    found = case.signals.get("attainable") or {}
    certain, overall = number(found.get("certain_errors")), 1 - number(found.get("margin_accuracy"))
    surest, rows = number(found.get("surest_errors")), number(found.get("rows"))
    if not isfinite(certain) or not rows > 60:
        return None
    chance_error = 1 - case.chance
    spread = np.sqrt(max(certain * (1 - certain), 0.01) / (rows / 3))
    noise = certain - spread
    # where classes cannot be separated, certain rows are no more certain than others
    informed = overall < 0.75 * chance_error and case.best_baseline - case.chance > 0.2 * chance_error
    # errors as frequent far inside a class as anywhere are no overlap
    uniform = rows >= ENOUGH_ROWS and min(surest, certain) > 0.8 * overall
    if not informed and not uniform and case.best_baseline - case.chance < 0.25 * chance_error:
        return little_to_learn(case)
    if noise < 0.03 or not (informed or uniform):
        return None
    # where classes overlap, errors gather at the boundary and the certain rows have few of them
    strength = ramp(noise, 0.03, 0.09) * ramp(noise / max(overall, 1e-9), 0.4, 0.6)
    if isfinite(surest):
        strength *= ramp(surest / max(overall, 1e-9), 0.45, 0.65)  # flipped 0.66 to 1.06, hard 0.12 to 0.68
    if isfinite(case.certain_errors):  # and the network, too, is wrong where it is sure
        strength *= ramp(case.certain_errors, 0.01, 0.05)
    # simple models learned from the same labels: what the network fits worse than they do has another cause
    elsewhere = memorized_for_long(case) or case.fit_shortfall > HARM + case.standard_error
    if strength < 0.05:
        return None
    return Suspicion(
        "label_noise",
        strength * (0.75 if elsewhere else 1.0),
        "data",
        f"about {certain:.0%} of the rows that lie far inside one class have the label of another"
        + (": more than overlapping classes explain" if strength > 0.5 else ", as hard data may have, too"),
        evidence={
            "certain_errors": certain,
            "surest_errors": surest,
            "all_errors": overall,
            "network_certain_errors": case.certain_errors,
            "threshold": 0.03,
            "rows": rows,
        },
        patches=(
            Patch(
                {"train.early_stopping": {"monitor": "val_loss", "patience": 10}},
                "stopping early keeps the network from memorizing wrong labels; correcting the labels is the cure",
            ),
            Patch(
                {"train.early_stopping": {"monitor": "val_loss", "patience": 10}, "regularize.l2": 0.03},
                "and small weights make smooth functions, which single wrong labels change less",
            ),
        ),
        cost=noise,
        testable=False,  # the held-out labels are as wrong as those that are trained on
    )


def memorized_for_long(case: Case) -> bool:
    """Whether training went on far beyond the epoch of the best validation loss, at a price: the wrong labels do harm
    because they are memorized."""
    loss = case.curve("val_loss")
    if not np.isfinite(loss).any():
        return False
    beyond = len(loss) - 1 - int(np.nanargmin(loss))
    return score_fallen(case) > 0.06 and case.train_score - case.held_score > 0.15 and beyond >= 150


def little_to_learn(case: Case) -> Suspicion:
    """Hard data and random labels look alike: nothing tells them apart, so this is no more than a warning, unless no
    model is better than guessing."""
    found = case.signals.get("attainable") or {}
    rows = number(found.get("rows"))
    better = (case.best_baseline - case.selection_bias - case.chance) / max(case.standard_error, 1e-9)
    nothing = rows >= ENOUGH_ROWS and better < NORMAL_90
    return Suspicion(
        "label_noise",
        0.6 if nothing else 0.3,
        "data",
        f"no plain model is {'better' if nothing else 'much better'} than guessing ({case.best_baseline:.3f}, chance "
        f"{case.chance:.3f}): the features say little about the labels, or the labels are wrong",
        evidence={
            "attainable": case.best_baseline,
            "chance": case.chance,
            "standard_errors_above_chance": better,
            "rows": rows,
        },
        most="warning",
        cost=0.0,
        testable=False,
    )


@rule(
    "unscaled_inputs",
    stage="data",
    source="LeCun et al. 1998, Efficient BackProp, 4.3",
    explains=(
        "init_too_large",
        "init_too_small",
        "exploding_gradient",
        "vanishing_gradient",
        "saturated",
        "dead_relu",
        "lr_too_high",
        "lr_too_low",
        "too_few_epochs",
        "underfit",
        "noisy_batches",
        "overfit",
    ),
)
def unscaled_inputs(case: Case) -> Suspicion | None:
    """Features whose scales differ by orders, or that lie far from zero."""
    given = case.card["input"]
    if case.config["data"]["scale"] == "standard":
        return None
    low, high, mean = (number(given.get(name)) for name in ("std_min", "std_max", "mean_abs_max"))
    spread = high / low if low > 0 else np.nan
    off_centre = mean / high if high > 0 else np.nan
    size = max(mean, high)
    strength = max(
        ramp(np.log10(max(size, 1e-9)), 1.0, 2.0),
        ramp(-np.log10(max(size, 1e-9)), 0.9, 2.0),
        ramp(np.log10(max(off_centre, 1e-9)), 0.8, 1.5),
        ramp(np.log10(max(spread, 1e-9)), 1.5, 2.5) * ramp(np.log10(max(size, 1e-9)), 0.5, 1.5),
    )
    if case.config["data"]["scale"] == "none" and (spread > 3 or off_centre > 1):
        strength = max(strength, 0.25)  # retraining tells whether it matters
    if case.layers[0].normalized:  # a batch normalization behind the first layer undoes their scale
        strength *= 0.25
    if strength < 0.1 or case.config["data"]["scale"] == "minmax" or indicators(given):
        return None
    return Suspicion(
        "unscaled_inputs",
        strength,
        "data",
        "the features are fed as they are: " + scales(low, high, mean),
        evidence={"std_ratio": spread, "largest_mean": mean, "largest_std": high, "smallest_std": low},
        patches=(
            Patch({"data.scale": "standard"}, "features of mean 0 and std 1 suit the initial weights and the rate"),
        ),
        layer="hidden_1" if case.hidden else "output",
        epoch=0,
        step=0,
    )


def indicators(given: Mapping[str, Any]) -> bool:
    """Whether all features lie between 0 and 1, as columns of 0 and 1 do, and one of them reaches both."""
    return number(given.get("min")) == 0.0 and number(given.get("max")) == 1.0


def scales(low: float, high: float, mean: float) -> str:
    return f"their standard deviations go from {low:.3g} to {high:.3g}, and their means up to {mean:.3g}"
