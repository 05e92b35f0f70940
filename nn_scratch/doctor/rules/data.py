"""Faults of the data: its order, its split, its labels, its scale."""

from __future__ import annotations

from math import isfinite, nan
from typing import Any

import numpy as np

from nn_scratch.data.card import alike_by_chance
from nn_scratch.doctor.diagnosis import Finding, Patch, Severity
from nn_scratch.doctor.evidence import HARM, Case, number
from nn_scratch.doctor.rule import rule
from nn_scratch.doctor.severity import grade, ramp, score_fallen

IN_ORDER = 5.0  # standard deviations by which runs of equal labels are fewer than in a random order
MOSTLY_SORTED = 0.4  # runs of equal labels over those of a random order
UNLIKE = 5.0  # the same of label counts a batch
ENOUGH_ROWS = 200  # to say that nothing can be learned from them
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
def sorted_data(case: Case) -> Finding | None:
    """Rows in the order of their labels, with nothing that mixes them before the split or before each epoch."""
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
        return None
    apart = class_distance(case)
    pooled = number((case.signals.get("attainable") or {}).get("pooled"))
    short = not case.held_score > pooled - HARM
    split_hurts = (lost > HARM + case.standard_error and short) or absent > 0.2 or (apart > 0.25 and case.falls_short)
    severity, confidence = grade(case, 0.9 if blocks else 0.6)
    if split_hurts:
        severity, confidence = "critical", 0.95
    elif not blocks:
        return None
    what = "label" if case.is_classification else "target"
    patch = {"data.shuffle": True} | ({} if mixed else {"train.shuffle": True})
    return Finding(
        "sorted_data",
        severity,
        confidence,
        "data",
        f"the rows stand in the order of their {what}s and nothing mixes them, so "
        + (
            "the parts of the split do not resemble each other"
            if split_hurts
            else f"each batch shows the network a single stretch of {what}s, and it forgets the others"
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
        patches=(
            Patch(patch, "mixed rows give every part of the split, and every batch, a fair sample of all of them"),
        ),
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
def split_mismatch(case: Case) -> Finding | None:
    """Training rows and held-out rows are not of one kind."""
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
    hurts = (lost > HARM + 1.5 * case.standard_error and short) or absent > 0.2 or (apart > 0.25 and case.falls_short)
    # what was learned does not carry over to rows that lie elsewhere, even where a smooth model's does
    hurts |= shift > FAR and case.falls_short and case.train_score - case.held_score > 2 * HARM
    severity: Severity = "critical" if hurts else "warning"
    shuffled = bool(case.config["data"]["shuffle"])
    patch = {"data.shuffle": True} if not shuffled else {"data.stratify": True}
    own_test = bool(case.card["split"].get("own_test"))
    return Finding(
        "split_mismatch",
        severity,
        0.9 if hurts else 0.6,
        "data",
        "the rows that are held out differ from the rows that are trained on by more than chance would have it",
        evidence={
            "largest_shift_z": shift,
            "class_shift_z": class_shift(case),
            "held_rows_of_untrained_classes": absent,
            "class_share_distance": apart,
            "score_lost_by_the_split": lost,
        },
        patches=()
        if own_test and shuffled
        else (Patch(patch, "rows drawn at random make the parts samples of the same thing"),),
    )


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
    "leakage",
    stage="data",
    source="Kaufman et al. 2012, Leakage in data mining",
    explains=("split_mismatch", "overfit", "underfit"),
)
def leakage(case: Case) -> Finding | None:
    """Held-out rows that also stand in train, or one feature that gives the target away."""
    found = case.card["duplicates"]
    held = max(1, case.held_rows)
    leaked = int(found["val_in_train"]) + int(found["test_in_train"])
    told = (case.signals.get("end") or {}).get("giveaway") or {}
    if told and number(told["val"]) - number(told["test"]) > HARM:
        return given_away(case, told)
    if leaked / held >= 0.05 and leaked >= 5 and not alike_by_chance(found):
        return Finding(
            "leakage",
            "warning",
            0.8,
            "data",
            f"{leaked} of {held} held-out rows also stand in the training rows, so the score measures memory",
            evidence={"leaked_rows": leaked, "held_rows": held, "threshold": 0.05 * held},
        )
    best = (case.info.get("baselines") or {}).get("best_feature") or {}
    alone = number(best.get(case.score_name))
    second = number(((case.signals.get("attainable") or {}).get("without_best") or {}).get("score"))
    if isfinite(alone) and alone >= 0.98 and int(case.card["features"]) >= 3 and alone - second > 0.1:
        return Finding(
            "leakage",
            "warning",
            0.5,
            "data",
            f"the feature {best['feature']!r} alone predicts the target ({alone:.3f}); is it known before the answer?",
            evidence={"feature": best["feature"], "score_alone": alone, "score_without_it": second},
            patches=(Patch({"data.ignore": [best["feature"]]}, "the network has to use the other columns"),)
            if str(case.card["origin"]).endswith(".csv")
            else (),
        )
    return None


def given_away(case: Case, told: dict[str, Any]) -> Finding | None:
    """A feature that tells the target in the rows of train and val, and not in the test rows, which come later."""
    lost = case.part_score("val") - case.part_score("test")
    spread = 1.5 * case.standard_error
    strength = ramp(number(told["val"]) - number(told["test"]), 0.05, 0.25)
    severity, confidence = grade(case, strength, lost - spread)
    ignored = [*(case.config["data"].get("ignore") or []), told["feature"]]
    return Finding(
        "leakage",
        severity,
        confidence,
        "data",
        f"{told['feature']!r} tells the target in the rows that are trained on, and not in the test rows: it is not "
        "known before the answer is",
        evidence={
            "feature": told["feature"],
            "score_alone_on_val": told["val"],
            "score_alone_on_test": told["test"],
            "network_on_val": case.part_score("val"),
            "network_on_test": case.part_score("test"),
        },
        patches=(Patch({"data.ignore": ignored}, "the network learns from what is known in new rows, too"),),
    )


@rule(
    "class_imbalance",
    stage="data",
    source="He and Garcia 2009, Learning from Imbalanced Data",
    explains=("underfit", "too_few_epochs"),
)
def class_imbalance(case: Case) -> Finding | None:
    """Rare classes that the network passes over for the frequent ones."""
    if not case.is_classification:
        return None
    counts = case.class_counts["train"]
    present = counts > 0
    if np.count_nonzero(present) < 2:
        return None
    # a split that keeps a class from training is another fault
    every = np.sum(list(case.class_counts.values()), axis=0)
    ratio = float(min(part.max() / part[present].min() for part in (counts, every)))
    weighted = case.config.get("class_weight") is not None
    if ratio < 5 or weighted:
        return None
    rare = present & (counts * 4 <= counts.max())
    recall = case.recalls.get("held", np.full(len(counts), np.nan))
    train_recall = case.recalls.get("train", np.full(len(counts), np.nan))
    if not np.isfinite(recall[rare]).any():
        recall = train_recall
    rare_recall = float(np.nanmean(recall[rare])) if np.isfinite(recall[rare]).any() else np.nan
    other = float(np.nanmean(recall[present & ~rare])) if np.isfinite(recall[present & ~rare]).any() else np.nan
    gap = other - rare_recall
    evidence: dict[str, Any] = {
        "counts_ratio": ratio,
        "rare_recall": rare_recall,
        "other_recall": other,
        "balanced_accuracy": case.held_score,
        "attainable": case.best_baseline,
    }
    if not isfinite(gap) or gap < 0.15:
        return None
    strength = ramp(gap, 0.15, 0.4) * ramp(ratio, 5, 12) * ramp(other, 0.5, 0.75)
    # the frequent classes show what the rare ones could reach with as many rows
    cost = 0.6 * gap * np.count_nonzero(rare) / np.count_nonzero(present)
    severity, confidence = grade(case, strength, max(cost, case.shortfall if isfinite(case.shortfall) else 0.0))
    # simple models met the same imbalance: what the network is worse than they are has another cause
    even_so = max((case.references[name] for name in ("linear", "knn") if name in case.references), default=nan)
    if even_so - case.held_score > HARM + 0.5 * case.standard_error:
        confidence = min(confidence, 0.45)
    return Finding(
        "class_imbalance",
        severity,
        confidence,
        "data",
        f"the rarest class has 1 row for {ratio:.0f} of the most frequent, and the network passes the rare over",
        evidence=evidence,
        patches=(
            Patch(
                {"class_weight": "balanced"},
                "rare rows count for more in the loss; it helps, and seldom cures fully: more rare rows would",
            ),
        ),
    )


@rule(
    "label_noise",
    stage="data",
    source="Northcutt et al. 2021, Confident Learning: Estimating Uncertainty in Dataset Labels",
    explains=("overfit",),
)
def label_noise(case: Case) -> Finding | None:
    """Rows far inside one class that carry the label of another."""
    if not case.is_classification:
        return None
    found = case.signals.get("attainable") or {}
    certain, overall = number(found.get("certain_errors")), 1 - number(found.get("margin_accuracy"))
    rows = number(found.get("rows"))
    if not isfinite(certain) or not rows > 60:
        return None
    chance_error = 1 - case.chance
    spread = np.sqrt(max(certain * (1 - certain), 0.01) / (rows / 3))
    noise = certain - spread
    # where nothing can be told apart, certain rows are no more certain than others
    informed = overall < 0.75 * chance_error
    if not informed and case.best_baseline - case.chance < 0.25 * chance_error and overall > 0.3:
        return little_to_learn(case)
    if noise < 0.03 or not informed:
        return None
    # where classes overlap, errors gather at the border and the certain rows have few of them
    strength = ramp(noise, 0.03, 0.09) * ramp(noise / max(overall, 1e-9), 0.4, 0.6)
    surest = number(found.get("surest_errors"))
    if isfinite(surest):
        strength *= ramp(surest / max(overall, 1e-9), 0.2, 0.4)
    if isfinite(case.certain_errors):  # and the network, too, is wrong where it is sure
        strength *= ramp(case.certain_errors, 0.01, 0.05)
    harmful = strength > 0.5
    # simple models learned from the same labels: what the network fits worse than they do has another cause
    elsewhere = learned_by_heart(case) or case.fit_shortfall > HARM + case.standard_error
    return Finding(
        "label_noise",
        "critical" if harmful else "info",
        0.45 if elsewhere else 0.5 + 0.4 * strength,
        "data",
        f"about {certain:.0%} of the rows that lie deep inside one class carry the label of another: "
        "the fault is in the data, and no line of YAML mends it",
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
                "stopping early keeps the network from learning the wrong labels by heart; correct the labels",
            ),
            Patch(
                {"train.early_stopping": {"monitor": "val_loss", "patience": 10}, "regularize.l2": 0.03},
                "and small weights make smooth functions, which single wrong labels bend less",
            ),
        ),
    )


def learned_by_heart(case: Case) -> bool:
    """Whether training went on far beyond the epoch of the best validation loss, at a price: the wrong labels do harm
    because they are learned."""
    loss = case.curve("val_loss")
    if not np.isfinite(loss).any():
        return False
    beyond = len(loss) - 1 - int(np.nanargmin(loss))
    return score_fallen(case) > 0.06 and case.train_score - case.held_score > 0.15 and beyond >= 150


def little_to_learn(case: Case) -> Finding:
    """Hard data and random labels look alike. Where another finding is certain, that one comes first."""
    rows = number((case.signals.get("attainable") or {}).get("rows"))
    return Finding(
        "label_noise",
        "critical" if rows >= ENOUGH_ROWS else "warning",
        0.45,
        "data",
        "no plain model does much better than guessing: the features say little about the labels, or the labels are "
        "wrong",
        evidence={"attainable": case.best_baseline, "chance": case.chance, "references": case.references},
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
def unscaled_inputs(case: Case) -> Finding | None:
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
    if case.layers[0].normalized:
        strength *= 0.5
    if strength < 0.1 or case.config["data"]["scale"] == "minmax":
        return None
    severity, confidence = grade(case, strength)
    return Finding(
        "unscaled_inputs",
        severity,
        confidence,
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


def scales(low: float, high: float, mean: float) -> str:
    return f"their standard deviations go from {low:.3g} to {high:.3g}, and their means up to {mean:.3g}"
