"""The table of features of a run: every figure that a rule may test, measured once and in one place.

Rules read nothing else: neither the config, nor layers, nor the log. Features are dimensionless (shares, ratios,
standard errors, decades) wherever a limit is set on them, so that one limit serves every network and data set.
Numbers that were not measured are nan.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil, isfinite, isnan, log10, nan, sqrt
from typing import Any

import numpy as np

from nn_scratch.doctor.data_features import MEMORIZED, DataFeatures, data_features
from nn_scratch.doctor.evidence import Case, number
from nn_scratch.doctor.layout import DenseLayer, name_of, walk
from nn_scratch.metrics import Array

EARLY = 20  # steps whose batch is passed again after its update; a definition, as in steps.csv
WORSE = 1.01  # times its loss before an update, from which a batch's loss after it counts as worse; by hand
WRONG_GRADIENT = 2e-2  # relative error of a gradient: kinks and float32 stay below (tests/experiments); by hand


def ramp(value: float, low: float, high: float) -> float:
    """0 up to `low`, 1 from `high` on, straight between; 0 for nan."""
    if not isfinite(value):
        return 1.0 if value == float("inf") else 0.0
    return min(1.0, max(0.0, (value - low) / (high - low)))


def decades(value: float) -> float:
    """log10 of a positive number; of what is smaller than 1e-30, or nan, -30."""
    return log10(value) if value > 1e-30 else -30.0


# --- the table


@dataclass(frozen=True)
class LayerFeatures(DenseLayer):
    """A dense layer: how it is written, how its signal stands at step 0, and how its weights move.

    measured      whether the network at step 0 was measured
    drawn         whether its initializer draws different values
    gain          its initial weights' size over that which suits its width and activation
    twins         share of its units that have the weights and the gradient of another
    dead, flat    share of its units that are 0 on every row; of its outputs where the derivative is below 0.01
    bias          mean of its biases; Z_spread, A_spread: of a unit before and after the activation, over the rows
    gradient      root mean square of its gradient
    dead_shares   share of dead units after each epoch, from epoch 0
    moved         distance from the initial weights at the end, over their norm; shrunk: share of the norm that is lost
    """

    measured: bool = False
    drawn: bool = True
    gain: float = nan
    W_std: float = nan
    W_suited: float = nan
    twins: float = nan
    dead: float = nan
    flat: float = nan
    bias: float = nan
    Z_spread: float = nan
    A_spread: float = nan
    gradient: float = nan
    dead_shares: tuple[float, ...] = ()
    moved: float = nan
    shrunk: float = 0.0


@dataclass(frozen=True)
class StepFeatures:
    """The first steps, and the later watched ones.

    watched       whether any step was watched
    worse_share   of the first 20 steps, those after which their own batch's loss was higher
    growth        the highest loss of the first 20 steps over the first, or over that of a constant
    update_ratio  size of an update over that of the weights, median of the first steps, of the layer where it is
                  largest; late: of the second half of the run; median: of all layers and steps
    layer, first_worse   that layer; and the first step after which its batch's loss was higher
    """

    watched: bool
    worse_share: float = 0.0
    growth: float = 0.0
    update_ratio: float = 0.0
    late_update_ratio: float = 0.0
    median_update_ratio: float = 0.0
    layer: str = ""
    first_worse: int | None = None


@dataclass(frozen=True)
class EpochFeatures:
    """The curves over epochs.

    fall          by what share of its level the training loss falls an epoch, at the end
    unsteadiness  how much the training loss jumps from epoch to epoch, relative to its level, in the second half
    score_fallen  how far the validation score is below its best, by more than chance explains
    best          index of the epoch of the lowest validation loss; None where there is none
    rise          the validation loss of the final model's epoch, the last or the one that early stopping restored, over
                  the lowest; lost_log_loss: the difference in nats
    beyond        epochs after the best; late: whether the best is in the first 70 % of the run, and the training loss
                  fell further since
    """

    done: int
    fall: float
    unsteadiness: float
    score_fallen: float
    best: int | None
    lowest_val_loss: float = nan
    last_val_loss: float = nan
    rise: float = nan
    lost_log_loss: float = 0.0
    beyond: int = 0
    late: bool = False
    past_its_best: bool = False


@dataclass(frozen=True)
class PenaltyFeatures:
    """Penalties and noise. dropouts, noises: rate and std of each such layer, by key."""

    l1: float
    l2: float
    decay: float
    over_data: float | None  # the penalties' gradient over the data's, at the end
    dropouts: Mapping[str, float]
    noises: Mapping[str, float]

    @property
    def kept(self) -> float:
        """The share of the signal that all dropouts leave together."""
        return float(np.prod([1 - rate for rate in self.dropouts.values()]))


@dataclass(frozen=True)
class Features:
    """All features of a run. `case` holds its scores and what it is compared with."""

    case: Case
    data: DataFeatures
    layers: tuple[LayerFeatures, ...]
    steps: StepFeatures
    epochs: EpochFeatures
    penalties: PenaltyFeatures
    loss: str
    wrong_gradient: tuple[str, float, int] | None  # layer, relative error, entries

    @property
    def hidden(self) -> tuple[LayerFeatures, ...]:
        return self.layers[:-1]

    @property
    def output(self) -> LayerFeatures:
        return self.layers[-1]

    @property
    def memorizes(self) -> bool:
        """Whether the training rows are fitted far better than others."""
        return self.case.train_score - self.case.held_score > MEMORIZED

    @property
    def signal(self) -> tuple[LayerFeatures, ...]:
        """The layers that were measured at step 0."""
        return tuple(layer for layer in self.layers if layer.measured)

    @property
    def free(self) -> tuple[LayerFeatures, ...]:
        """Those of them that no normalization rescales."""
        return tuple(layer for layer in self.signal if not layer.normalized)

    @cached_property
    def gradient_fall(self) -> float:
        """Decades by which the gradient at step 0 is smaller in the first layer than in the last hidden one (negative:
        larger); nan for fewer than three hidden layers, or gradients of 0."""
        sizes = [layer.gradient for layer in self.signal]
        if len(sizes) < 4 or not all(isfinite(size) and size > 0 for size in sizes):
            return nan
        return log10(sizes[-2] / sizes[0])

    @cached_property
    def signal_fade(self) -> float:
        """Decades by which what differs from row to row fades from the first to the last hidden layer."""
        first, last = (self.signal[i].A_spread for i in (0, -2))
        return -decades(last / max(first, 1e-30)) if isfinite(first + last) else 0.0

    @property
    def decay_of_run(self) -> float:
        """By how much weight decay alone would shrink the weights in this run: rate x decay x steps."""
        return self.case.lr * self.penalties.decay * max(1, self.case.steps_done)

    @property
    def shrunk(self) -> float:
        """By what share the weights of the layer that shrank most are smaller at the end than at the start."""
        return max((layer.shrunk for layer in self.layers), default=0.0)

    @property
    def furthest_moved(self) -> float:
        """Of the layers that may move, how far the one that moved most is from its initial weights."""
        return max((one.moved for one in self.layers if one.trainable and isfinite(one.moved)), default=0.0)

    @property
    def died(self) -> float:
        """Of the hidden layer where most units died while training, the share of them that did."""
        shares = [layer.dead_shares for layer in self.hidden if len(layer.dead_shares) > 1]
        return max((share[-1] - share[0] for share in shares), default=0.0)

    @property
    def linear(self) -> bool:
        return all(layer.activation == "identity" for layer in self.hidden)

    @property
    def narrowest(self) -> LayerFeatures | None:
        return min(self.hidden, key=lambda layer: layer.units or 0, default=None)


def features_of(case: Case) -> Features:
    """Measure everything that rules read of a run."""
    config = case.config
    return Features(
        case,
        data_features(case),
        tuple(layer_features(case, layer) for layer in case.layers),
        step_features(case),
        epoch_features(case),
        penalty_features(case),
        name_of(config["loss"]),
        wrong_gradient(case),
    )


# --- layers


def layer_features(case: Case, layer: DenseLayer) -> LayerFeatures:
    """Signals of step 0 from signals.json, and of the epochs from layers.csv."""
    found: dict[str, Any] = {}
    panel = case.start_layers.get(layer.name)
    if panel is not None:
        suited = panel["W_std_suited"]
        found |= {
            "measured": True,
            "drawn": panel["W_std_declared"] != 0.0,  # nan: orthogonal
            "gain": panel["W_std"] / suited if suited > 0 else nan,
            "W_std": panel["W_std"],
            "W_suited": suited,
            "twins": panel["twin_units"],
            "dead": panel["dead_share"],
            "flat": panel["flat_share"],
            "bias": panel["b_mean"],
            "Z_spread": panel["Z_spread"],
            "A_spread": panel["A_spread"],
            "gradient": panel["gradient_rms"],
        }
        found["units"] = int(panel["units"])
    columns = case.by_layer.get(layer.name)
    if columns is not None and len(columns["W_norm"]):
        norms = columns["W_norm"]
        found["dead_shares"] = tuple(columns["dead_share"].tolist())
        if norms[0] > 0:
            found["moved"] = float(columns["distance"][-1] / norms[0])
            found["shrunk"] = 1 - float(norms[-1] / norms[0]) if len(norms) > 1 else 0.0
    return LayerFeatures(**{**vars(layer), **found})


def wrong_gradient(case: Case) -> tuple[str, float, int] | None:
    """The layer whose gradient is not the slope of the loss, its relative error, and how many entries were compared.

    Backward runs from the output on: the last wrong layer is the first that went wrong. Where all before it are wrong
    as well, and by a sign, the layer after it sends its gradient back with the wrong sign.
    """
    checked = [entry for entry in case.start.get("gradient_errors", ()) if entry["error"] is not None]
    wrong = [entry for entry in checked if entry["error"] > WRONG_GRADIENT and entry["entries"] >= 2]
    if not wrong:
        return None
    worst = wrong[-1]
    at = checked.index(worst)
    flipped = all(abs(entry["error"] - 2) < 1e-3 for entry in wrong)
    layer = checked[at + 1] if len(wrong) > 1 and at + 1 == len(wrong) < len(checked) and flipped else worst
    return layer["layer"], worst["error"], worst["entries"]


# --- steps and epochs


def step_features(case: Case) -> StepFeatures:
    """steps.csv, where any step was watched."""
    if not len(case.steps.get("step", ())):
        return StepFeatures(watched=False)
    steps = case.steps
    early = steps["step"] <= EARLY
    before, after = steps["loss"][early], steps["loss_after"][early]
    known = np.isfinite(before)
    worse = ~(after[known] <= before[known] * WORSE + 1e-6)
    start = before[known][0] if known.any() else nan
    highest = float(before[known].max()) if known.any() else nan
    reference = max(start, case.constant_loss if isfinite(case.constant_loss) else 0, 1e-9)
    ratios = {name: columns["update_ratio"] for name, columns in case.steps_by_layer.items()}
    # biases and zero weights make the first ratios large: the median is representative
    medians = {name: median(values[early]) for name, values in ratios.items() if np.isfinite(values[early]).any()}
    late = [median(values[len(values) // 2 :]) for values in ratios.values()]
    first = np.flatnonzero(~(steps["loss_after"] <= steps["loss"] * WORSE) & early)
    overall = median(np.concatenate(list(ratios.values())))
    return StepFeatures(
        True,
        float(worse.mean()) if len(worse) else 0.0,
        highest / reference if isfinite(highest) else 0.0,
        max(medians.values(), default=0.0),
        max((one for one in late if not isnan(one)), default=0.0),
        overall if not isnan(overall) else 0.0,
        max(medians, key=lambda name: medians[name], default=""),
        int(steps["step"][first[0]]) if len(first) else None,
    )


def median(values: Array) -> float:
    """Of those that are numbers; nan where none is finite."""
    return float(np.nanmedian(values)) if np.isfinite(values).any() else nan


def epoch_features(case: Case) -> EpochFeatures:
    """metrics.csv."""
    base = (case.epochs_done, fall(case), unsteadiness(case), score_fallen(case))
    loss = case.curve("val_loss")
    if not np.isfinite(loss).any():
        return EpochFeatures(*base, None)
    best, lowest, last = int(np.nanargmin(loss)), float(np.nanmin(loss)), float(loss[-1])
    final = float(loss[case.final_epoch - 1])
    rise = final / max(lowest, 1e-9)
    return EpochFeatures(
        *base,
        best,
        lowest,
        last,
        rise,
        final - lowest if case.is_classification else 0.5 * float(np.log(max(rise, 1e-9))),
        len(loss) - 1 - best,
        best < 0.7 * len(loss) and float(case.curve("train_loss")[-1]) < float(case.curve("train_loss")[best]),
        len(loss) >= 6 and best < 0.67 * len(loss) and last > 1.05 * lowest,
    )


def fall(case: Case) -> float:
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


def unsteadiness(case: Case) -> float:
    """How much the training loss jumps from epoch to epoch, relative to its level, in the second half."""
    loss = case.curve("train_loss")
    late = loss[len(loss) // 2 :]
    if len(late) < 3:
        return 0.0
    return float(np.median(np.abs(np.diff(late))) / max(float(np.mean(late)), 1e-9))


def score_fallen(case: Case) -> float:
    """How far the final model's validation score is below its best, both as means over five epochs, by more than chance
    explains: two standard errors of a score of so many rows."""
    score = case.curve("val_balanced_accuracy" if case.is_classification else "val_r2")[: case.final_epoch]
    smooth = np.convolve(score, np.ones(5) / 5, mode="valid") if len(score) >= 5 else score
    if not np.isfinite(smooth).any():
        return 0.0
    best = float(np.nanmax(smooth))
    left = min(1.0, max(0.05, 1 - best))
    rows = max(1, int(case.card["parts"]["val"]["rows"]))
    chance = sqrt(left * (1 - left) / rows) if case.is_classification else left * sqrt(2 / rows)
    return max(0.0, best - float(smooth[-1]) - 2 * chance)


def penalty_features(case: Case) -> PenaltyFeatures:
    regularize = case.config.get("regularize") or {}
    entries = list(walk(case.config["layers"]))
    return PenaltyFeatures(
        float(regularize.get("l1") or 0),
        float(regularize.get("l2") or 0),
        float(case.optimizer.get("weight_decay") or 0),
        (case.signals.get("end") or {}).get("penalty_over_data"),
        {one.key: number(one.config.get("rate", 0.5)) for one in entries if one.type in ("dropout", "alpha_dropout")},
        {one.key: number(one.config.get("std", 0)) for one in entries if one.type == "gaussian_noise"},
    )
