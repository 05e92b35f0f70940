"""Faults of the data: its order, its split, its classes, its labels, its scale."""

from __future__ import annotations

from math import isfinite, log, log10

import numpy as np

from nn_scratch.doctor.data_features import OrderFeatures
from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import HARM, NORMAL_90
from nn_scratch.doctor.features import Features, decades, ramp
from nn_scratch.doctor.patches import suited_l2
from nn_scratch.doctor.rule import rule

IN_ORDER = 5.0  # standard errors: by chance once in 3,000,000 runs; by the normal distribution, a definition
MOSTLY_SORTED = 0.4  # runs of equal labels over those of a random order; by hand
ENOUGH_ROWS = 200  # to say that nothing can be learned from them; by hand
UNEVEN = 1.5  # rows of the most frequent class for one of the rarest: below, weights change next to nothing; by hand
# strength of batches that are the same in every epoch: enough for a warning, which retraining tests; by hand
FIXED_ORDER = 0.61
FAR = 15.0  # standard errors of a feature's mean from which parts no longer lie in one place; by hand
ABSENT = 0.2  # share of held-out rows of classes that training hardly sees: as many are wrong for certain; by hand
APART = 0.25  # distance of the class shares; by hand
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
def sorted_data(f: Features) -> Suspicion | None:
    """Rows in the order of their labels that are shuffled neither before the split nor before each epoch."""
    order, split = f.data.order, f.data.split
    blocks = not order.mixed and order.batch_z > IN_ORDER
    in_order = sorted_by_label(order) or split.absent > 0.5 or (blocks and order.batch_z > 10 * IN_ORDER)
    if order.shuffled or not in_order:
        return None if order.mixed else fixed_order(f)
    hurts = split_hurts(f, 1.0)
    if not (hurts or blocks):
        return None
    what = "label" if f.case.is_classification else "target"
    patch = {"data.shuffle": True} | ({} if order.mixed else {"train.shuffle": True})
    return Suspicion(
        "sorted_data",
        0.95 if hurts else 0.9,
        "data",
        f"the rows stand in the order of their {what}s and nothing shuffles them, so "
        + (
            "the parts of the split do not resemble each other"
            if hurts
            else f"each batch holds a narrow range of {what}s, and the network unlearns the others"
        ),
        evidence={
            "runs": order.runs,
            "expected_runs": order.expected,
            "order_z": order.z,
            "threshold": IN_ORDER,
            "batch_z": order.batch_z,
            "one_class_batches": order.pure_share,
            "held_rows_of_untrained_classes": split.absent,
            "class_share_distance": split.class_distance,
            "score_lost_by_the_split": split.lost,
        },
        patches=(Patch(patch, "shuffled rows make every part of the split, and every batch, a random sample of all"),),
        cost=max(split.lost, f.case.shortfall) if hurts else None,
        certain=hurts,
        epoch=1,
        step=1,
    )


def sorted_by_label(order: OrderFeatures) -> bool:
    """Whether equal labels, or like numbers, follow each other far more often than by chance."""
    few_runs = not isfinite(order.expected) or order.runs < MOSTLY_SORTED * order.expected
    return order.z > IN_ORDER and few_runs


def fixed_order(f: Features) -> Suspicion | None:
    """The same batches in every epoch: their gradients have the same errors each time."""
    case = f.case
    if case.batch_size >= case.train_rows:
        return None
    return Suspicion(
        "sorted_data",
        FIXED_ORDER,
        "config",
        "train.shuffle is false: every epoch has the same batches in the same order",
        evidence={"batches_an_epoch": int(np.ceil(case.train_rows / case.batch_size))},
        patches=(Patch({"train.shuffle": True}, "other batches in each epoch average the errors of their gradients"),),
        epoch=1,
        step=1,
    )


def split_hurts(f: Features, errors: float) -> bool:
    """Whether the parts differ, and that costs: a simple model loses more than HARM and so many standard errors by the
    split, or the held-out rows are of classes that training hardly sees."""
    case, split = f.case, f.data.split
    if case.judged_by == "train":  # no rows are held out: there are no parts to differ
        return False
    short = not case.held_score > split.pooled - HARM
    lost = split.lost > HARM + errors * case.standard_error and short
    return lost or split.absent > ABSENT or (split.class_distance > APART and lags(f))


def lags(f: Features) -> bool:
    """Whether the score itself is behind the best reference: a split that changes the classes' shares is not undone by
    weighing them."""
    return f.case.best_baseline - f.case.held_score > max(HARM, f.case.standard_error)


@rule(
    "split_mismatch",
    stage="data",
    source="Quionero-Candela et al. 2009, Dataset Shift in Machine Learning",
    explains=tuple(name for name in LATER if name != "split_mismatch"),
)
def split_mismatch(f: Features) -> Suspicion | None:
    """Training rows and held-out rows that are not samples of one population."""
    case, split, shuffled = f.case, f.data.split, f.data.order.shuffled
    # the largest of so many features: its expected maximum grows with the logarithm of their number
    unlike = split.shift > IN_ORDER + 0.5 * log(f.data.features)
    if not (unlike or split.absent > ABSENT or split.class_shift > IN_ORDER):
        return None
    # what was learned does not carry over to rows that lie elsewhere, even where a smooth model's does
    moved = split.shift > FAR and lags(f) and case.train_score - case.held_score > 2 * HARM
    hurts = moved or split_hurts(f, 1.5)
    patch = {"data.stratify": True} if shuffled else {"data.shuffle": True}
    return Suspicion(
        "split_mismatch",
        0.9 if hurts else 0.5,
        "data",
        "the held-out rows differ from the training rows by more than random sampling explains",
        evidence={
            "largest_shift_z": split.shift,
            "class_shift_z": split.class_shift,
            "held_rows_of_untrained_classes": split.absent,
            "class_share_distance": split.class_distance,
            "score_lost_by_the_split": split.lost,
        },
        patches=()
        if split.own_test and shuffled
        else (Patch(patch, "rows drawn at random make all parts samples of one population"),),
        cost=float(np.nanmax([split.lost, case.shortfall, 0.0])) if hurts else 0.0,
        certain=hurts,  # the parts differ, and that costs: nothing is left to doubt
    )


@rule(
    "class_imbalance",
    stage="data",
    source="He and Garcia 2009, Learning from Imbalanced Data; Elkan 2001, The Foundations of Cost-Sensitive Learning",
    explains=("underfit", "too_few_epochs"),
)
def class_imbalance(f: Features) -> Suspicion | None:
    """Rare classes that an unweighted loss gives up for the frequent ones."""
    balance = f.data.balance
    if balance.weighted or not balance.ratio >= UNEVEN:
        return None
    # what the network's own probabilities give when they are weighed alike; and what the rare classes could reach
    cost = float(np.nanmax([0.0, balance.reweighted, 0.4 * balance.gap * balance.rare_share]))
    if not balance.gap >= 0.05 or cost < 0.01:
        return None
    return Suspicion(
        "class_imbalance",
        ramp(balance.gap, 0.05, 0.35) * ramp(balance.ratio, 1.2, 6) * ramp(balance.other, 0.4, 0.7),
        "data",
        f"the rarest class has 1 row for {balance.ratio:.3g} of the most frequent, and an unweighted loss prefers "
        f"those: recall {balance.rare:.2f} of the rare classes, {balance.other:.2f} of the others, which counts in "
        "balanced accuracy and hardly in accuracy",
        evidence={
            "counts_ratio": balance.ratio,
            "rare_recall": balance.rare,
            "other_recall": balance.other,
            "accuracy": f.case.accuracy,
            "balanced_accuracy": f.case.held_score,
            "balanced_accuracy_reweighted": f.case.balanced_decisions,
        },
        patches=weights_of_classes(f),
        cost=cost,
        whole=f.memorizes,  # weights still have an effect where few rows are fitted yet
    )


def weights_of_classes(f: Features) -> tuple[Patch, ...]:
    """Class weights; where every training row is fitted at any weight, then with a penalty, without which weights may
    have no effect there (Byrd and Lipton 2019, What is the Effect of Importance Weighting in Deep Learning?)."""
    why = "rows of rare classes count for more in the loss; this raises balanced accuracy and may lower accuracy"
    alone = Patch({"class_weight": "balanced"}, why)
    if not f.memorizes:
        return (alone,)
    joined = {**alone.set, "regularize.l2": 0.05}
    return alone, Patch(joined, "and a penalty keeps the network from fitting all rows regardless of their weights")


@rule(
    "label_noise",
    stage="data",
    source="Northcutt et al. 2021, Confident Learning: Estimating Uncertainty in Dataset Labels",
    explains=("overfit",),
)
def label_noise(f: Features) -> Suspicion | None:
    """Rows far from every class boundary that have the label of another class."""
    case, labels = f.case, f.data.labels
    if not case.is_classification or not isfinite(labels.certain) or not labels.rows > 60:
        return None
    room, better = 1 - case.chance, case.best_baseline - case.chance
    # where classes cannot be separated, certain rows are no more certain than others
    informed = labels.overall < 0.75 * room and better > 0.2 * room
    # errors as frequent far inside a class as anywhere are no overlap
    uniform = labels.rows >= ENOUGH_ROWS and min(labels.surest, labels.certain) > 0.8 * labels.overall
    if not informed and not uniform and better < 0.25 * room:
        return little_to_learn(f)
    spread = np.sqrt(max(labels.certain * (1 - labels.certain), 0.01) / (labels.rows / 3))
    noise = float(labels.certain - spread)
    strength = noise_strength(f, noise) if noise >= 0.03 and (informed or uniform) else 0.0
    if strength < 0.05:
        return None
    # simple models learned from the same labels: what the network fits worse than they do has another cause
    elsewhere = memorized_for_long(f) or case.fit_shortfall > HARM + case.standard_error
    stop = Patch(
        {"train.early_stopping": {"monitor": "val_loss", "patience": 10}},
        "stopping early keeps the network from memorizing wrong labels; correcting the labels is the cure",
    )
    both = Patch(
        {**stop.set, "regularize.l2": suited_l2(case.train_rows)},
        f"{stop.why}; and small weights make smooth functions, which single wrong labels change less",
    )
    return Suspicion(
        "label_noise",
        strength * (0.75 if elsewhere else 1.0),
        "data",
        f"about {labels.certain:.0%} of the rows that lie far inside one class have the label of another"
        + (": more than overlapping classes explain" if strength > 0.5 else ", as hard data may have, too"),
        evidence={
            "certain_errors": labels.certain,
            "surest_errors": labels.surest,
            "all_errors": labels.overall,
            "network_certain_errors": labels.network,
            "threshold": 0.03,
            "rows": labels.rows,
        },
        patches=(both, stop) if f.memorizes else (stop, both),
        cost=noise,
        testable=False,  # the held-out labels are as wrong as those that are trained on
    )


def noise_strength(f: Features, noise: float) -> float:
    """Where classes overlap, errors gather at the boundary and the certain rows have few of them."""
    labels = f.data.labels
    # errors of the surest rows over those of all: flipped labels 0.59 to 1.15, hard data 0.16 to 0.54 and once 0.71
    # (dev, validation, and the development tables)
    strength = ramp(noise, 0.03, 0.09) * ramp(labels.evenness(noise), 0.5, 0.65)
    if isfinite(labels.network):  # and the network, too, is wrong where it is sure
        strength *= ramp(labels.network, 0.01, 0.05)
    return strength


def memorized_for_long(f: Features) -> bool:
    """Whether training went on far beyond the epoch of the best validation loss, at a price: the wrong labels do harm
    because they are memorized."""
    return f.epochs.score_fallen > 0.06 and f.case.train_score - f.case.held_score > 0.15 and f.epochs.beyond >= 150


def little_to_learn(f: Features) -> Suspicion:
    """Hard data and random labels look alike and cannot be distinguished, so this is no more than a warning, unless no
    model is better than guessing."""
    case, rows = f.case, f.data.labels.rows
    better = (case.best_baseline - case.selection_bias - case.chance) / max(case.standard_error, 1e-9)
    nothing = rows >= ENOUGH_ROWS and better < NORMAL_90
    return Suspicion(
        "label_noise",
        0.6 if nothing else 0.3,
        "data",
        f"no plain model is {'better' if nothing else 'much better'} than guessing ({case.best_baseline:.3f}, chance "
        f"{case.chance:.3f}): the features are hardly informative about the labels, or the labels are wrong",
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
def unscaled_inputs(f: Features) -> Suspicion | None:
    """Features whose scales differ by orders, or that lie far from zero."""
    scale = f.data.scale
    if scale.kind != "none" or scale.indicators:
        return None
    size = log10(max(scale.size, 1e-9))
    strength = max(
        ramp(size, 1.0, 2.0),
        ramp(-size, 0.9, 2.0),
        ramp(decades(scale.off_centre), 0.8, 1.5),
        ramp(decades(scale.spread), 1.5, 2.5) * ramp(size, 0.5, 1.5),
        0.25 if scale.spread > 3 or scale.off_centre > 1 else 0.0,  # retraining decides whether it matters
    )
    if f.layers[0].normalized:  # a batch normalization behind the first layer undoes their scale
        strength *= 0.25
    if strength < 0.1:
        return None
    return Suspicion(
        "unscaled_inputs",
        strength,
        "data",
        f"the features are not scaled: their standard deviations go from {scale.low:.3g} to {scale.high:.3g}, and "
        f"their means up to {scale.mean:.3g}",
        evidence={
            "std_ratio": scale.spread,
            "largest_mean": scale.mean,
            "largest_std": scale.high,
            "smallest_std": scale.low,
        },
        patches=(
            Patch({"data.scale": "standard"}, "features of mean 0 and std 1 suit the initial weights and the rate"),
        ),
        layer=f.layers[0].name,
        epoch=0,
        step=0,
    )
