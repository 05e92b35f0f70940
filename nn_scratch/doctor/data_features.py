"""Features of a run's data: its order, its split, its classes, its labels, its scales."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite, nan
from typing import Any

import numpy as np

from nn_scratch.doctor.evidence import Case, number
from nn_scratch.metrics import Array

MEMORIZED = 0.2  # points of the score between training and held-out rows; by hand
RARE = 5  # times below its usual share, from which a class is as good as absent from training; by hand


@dataclass(frozen=True)
class OrderFeatures:
    """The order of the rows and of the batches.

    shuffled, mixed  whether rows are shuffled before the split, and before each epoch
    z                standard deviations by which runs of equal labels are more than in a random order; of numbers, how
                     far neighbours are alike
    runs, expected   runs of equal labels, and as many as a random order has; of numbers nan
    batch_z          how far the batches' label counts differ, in standard deviations of what shuffling would give
    pure_share       batches of a single class
    """

    shuffled: bool
    mixed: bool
    z: float
    runs: float
    expected: float
    batch_z: float
    pure_share: float | None


@dataclass(frozen=True)
class SplitFeatures:
    """How training rows and held-out rows differ.

    lost            how much better a simple model does with a random split than with the one in use
    pooled          what it reaches with a random one
    absent          share of held-out rows whose class training never sees, or hardly ever
    class_distance  half the sum of the differences of the class shares: 0 alike, 1 apart
    class_shift, shift   largest difference of a class count, and of a feature's mean, in standard errors
    """

    lost: float
    pooled: float
    absent: float
    class_distance: float
    class_shift: float
    shift: float
    own_test: bool


@dataclass(frozen=True)
class BalanceFeatures:
    """The classes' shares, and what they do to the recalls.

    ratio           rows of the most frequent class for one of the rarest, in training and in all rows
    rare_share      of the classes, those with fewer rows than the mean
    rare, other     mean recall of those, and of the others
    reweighted      balanced accuracy that the network's own probabilities gain when divided by the classes' shares
    weighted        whether the loss weighs classes
    """

    weighted: bool
    ratio: float = nan
    rare_share: float = nan
    rare: float = nan
    other: float = nan
    reweighted: float = nan

    @property
    def gap(self) -> float:
        return self.other - self.rare


@dataclass(frozen=True)
class LabelFeatures:
    """Errors of a smooth model where it is sure (see `kernel_ridge_report`).

    certain, surest  share of other labels among the third, and the sixth, of the rows with the widest margin
    overall          among all rows
    network, network_overall   the network's own, among the third of the held-out rows that it is surest of, and all;
                     the latter nan where it memorizes
    rows             how many it was measured on
    """

    certain: float
    surest: float
    overall: float
    network: float
    network_overall: float
    rows: float

    def evenness(self, noise: float) -> float:
        """How even errors are: those of sure rows over those of all, the mean of what the smooth model and the network
        say. noise: the lower end of `certain`. A network that memorizes is confident on every row: no evidence."""
        pairs = ((noise, self.overall), (self.surest, self.overall), (self.network, self.network_overall))
        ratios = [sure / of for sure, of in pairs if isfinite(sure) and of > 0]
        return float(np.mean(ratios)) if ratios else nan


@dataclass(frozen=True)
class ScaleFeatures:
    """Features as they are given, and the targets of a regression as the loss sees them."""

    kind: str  # of data.scale
    low: float  # smallest standard deviation of a feature; high: the largest
    high: float
    mean: float  # largest absolute mean
    indicators: bool  # whether all features lie between 0 and 1, and one of them reaches both
    target_kind: str  # of data.target_scale
    target: Mapping[str, float]  # mean, std, min, max; {} of classes

    @property
    def spread(self) -> float:
        return self.high / self.low if self.low > 0 else nan

    @property
    def off_centre(self) -> float:
        return self.mean / self.high if self.high > 0 else nan

    @property
    def size(self) -> float:
        return max(self.mean, self.high)

    @property
    def target_size(self) -> float:
        """The larger of the targets' mean and standard deviation, where they are not scaled; else nan."""
        if not self.target or self.target_kind != "none":
            return nan
        return max(abs(self.target["mean"]), self.target["std"])


@dataclass(frozen=True)
class DataFeatures:
    """All of them; features, outputs and targets: how many there are."""

    order: OrderFeatures
    split: SplitFeatures
    balance: BalanceFeatures
    labels: LabelFeatures
    scale: ScaleFeatures
    features: int
    outputs: int
    targets: int


def data_features(case: Case) -> DataFeatures:
    card = case.card
    targets = len(card["target"])
    return DataFeatures(
        order_features(case),
        split_features(case),
        balance_features(case),
        label_features(case),
        scale_features(case),
        int(card["features"]),
        len(card["classes"] or ()) or targets,
        targets,
    )


def order_features(case: Case) -> OrderFeatures:
    order, batches = case.card["order"], case.signals.get("order") or {}
    z = number(order.get("z"))
    return OrderFeatures(
        bool(case.config["data"]["shuffle"]),
        bool(case.config["train"]["shuffle"]),
        -z if case.is_classification else z,
        number(order.get("runs")),
        number(order.get("expected_runs")),
        number(batches.get("z")),
        batches.get("pure_share"),
    )


def split_features(case: Case) -> SplitFeatures:
    found = case.signals.get("attainable") or {}
    summary = case.card["feature_summary"]
    shifts = [abs(number((summary.get(f"shift_{part}_z_max") or {}).get("value"))) for part in ("val", "test")]
    pooled = number(found.get("pooled"))
    return SplitFeatures(
        pooled - max(-1.0, number(found.get("split"))),
        pooled,
        absent_share(case),
        class_distance(case),
        class_shift(case),
        float(np.nanmax([*shifts, 0.0])),
        bool(case.card["split"].get("own_test")),
    )


def absent_share(case: Case) -> float:
    if not case.is_classification:
        return 0.0
    counts = case.class_counts
    held = counts["val"] + counts["test"]
    share = counts["train"] / max(1, counts["train"].sum())
    usual = held / max(1, held.sum())
    rare = (share < usual / RARE) & (held >= 3)
    return float(held[rare].sum() / max(1, held.sum()))


def class_distance(case: Case) -> float:
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


def balance_features(case: Case) -> BalanceFeatures:
    weighted = case.config.get("class_weight") is not None
    counts = case.class_counts["train"] if case.is_classification else np.empty(0)
    present = counts > 0
    if np.count_nonzero(present) < 2:
        return BalanceFeatures(weighted)
    # a split that keeps a class from training is another fault
    every = np.sum(list(case.class_counts.values()), axis=0)
    rare = present & (counts < counts[present].mean())
    recall = case.recalls.get("held", case.recalls.get("train", np.full(len(counts), nan)))
    return BalanceFeatures(
        weighted,
        float(min(part.max() / part[present].min() for part in (counts, every))),
        float(np.count_nonzero(rare) / np.count_nonzero(present)),
        mean_of(recall[rare]),
        mean_of(recall[present & ~rare]),
        case.balanced_decisions - case.held_score,
    )


def mean_of(values: Array) -> float:
    """Of those that are known; nan where none is."""
    return float(np.nanmean(values)) if np.isfinite(values).any() else nan


def label_features(case: Case) -> LabelFeatures:
    found: Mapping[str, Any] = case.signals.get("attainable") or {}
    certain, surest, right = (number(found.get(key)) for key in ("certain_errors", "surest_errors", "margin_accuracy"))
    own = nan if case.train_score - case.held_score > MEMORIZED else 1 - case.accuracy
    return LabelFeatures(certain, surest, 1 - right, case.certain_errors, own, number(found.get("rows")))


def scale_features(case: Case) -> ScaleFeatures:
    given, target = case.card["input"], case.start.get("target") or {}
    low, high, mean = (number(given.get(name)) for name in ("std_min", "std_max", "mean_abs_max"))
    return ScaleFeatures(
        str(case.config["data"]["scale"]),
        low,
        high,
        mean,
        number(given.get("min")) == 0.0 and number(given.get("max")) == 1.0,
        str(case.config["data"]["target_scale"]),
        {name: number(target.get(name)) for name in ("mean", "std", "min", "max")} if target else {},
    )
