"""What others would have said of the same runs. Each takes a Run and names the alarms it raises, first the first.

The thresholds are the published defaults; what they are taken from stands beside each. Nothing is tuned, and no code is
theirs: the rules are restated from their documentation and papers, for what our log holds of a run.

An alarm counts as right for every cause it could mean (RIGHT), which is generous.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from nn_scratch.runs.run import Run

Baseline = Callable[[Run], list[str]]
BASELINES: dict[str, Baseline] = {}

RIGHT: dict[str, frozenset[str]] = {
    "dead": frozenset({"dead_relu", "init_too_small", "constant_init"}),
    "saturated": frozenset({"saturated", "init_too_large", "unscaled_inputs"}),
    "vanishing": frozenset({"vanishing_gradient", "init_too_small", "constant_init"}),
    "exploding": frozenset({"exploding_gradient", "lr_too_high", "init_too_large", "unscaled_inputs"}),
    "weights": frozenset({"constant_init", "init_too_large", "init_too_small"}),
    "ratio_high": frozenset({"lr_too_high"}),
    "ratio_low": frozenset({"lr_too_low", "frozen_layer"}),
    "unchanged": frozenset({"frozen_layer", "lr_too_low", "constant_init"}),
    "loss": frozenset({"lr_too_high", "lr_too_low", "wrong_gradient", "wrong_loss_output"}),
    "slow": frozenset({"lr_too_low", "too_few_epochs", "underfit"}),
    "unstable": frozenset({"lr_too_high", "noisy_batches", "sorted_data"}),
    "overfit": frozenset({"overfit", "label_noise", "split_mismatch", "leakage"}),
    "imbalance": frozenset({"class_imbalance"}),
    "inputs": frozenset({"unscaled_inputs"}),
}


def baseline(raise_alarms: Baseline) -> Baseline:
    BASELINES[raise_alarms.__name__] = raise_alarms
    return raise_alarms


def diverged(run: Run) -> bool:
    return run.info.get("status") == "diverged"


def per_layer(run: Run, column: str) -> dict[str, np.ndarray[Any, Any]]:
    """The column of layers.csv, by layer, epoch by epoch."""
    return {name: run.layers[column][run.layers["layer"] == name] for name in run.layer_names}


def batch_losses(run: Run) -> np.ndarray[Any, Any]:
    """The batch's loss at each watched step."""
    first = run.steps["layer"] == run.layer_names[0]
    return run.steps["loss"][first]


def activation_of(run: Run) -> str:
    found: list[str] = []

    def walk(layers: list[dict[str, Any]]) -> None:
        for layer in layers:
            named = layer.get("activation")
            if named is not None:
                found.append(named if isinstance(named, str) else named["type"])
            walk(layer.get("layers", []))

    walk(run.config["layers"])
    kinds = [name for name in found if name != "identity"]
    return kinds[0] if kinds else "identity"


@baseline
def always_healthy(run: Run) -> list[str]:
    return []


@baseline
def loss_only(run: Run) -> list[str]:
    """The training loss is not finite, or has not come down by a tenth."""
    losses = run.metrics["train_loss"]
    start = (run.info.get("initial") or {}).get("train_loss")
    if diverged(run) or not len(losses) or not np.isfinite(losses[-1]):
        return ["loss"]
    return ["loss"] if start is not None and losses[-1] > 0.9 * start else []


@baseline
def sagemaker_debugger(run: Run) -> list[str]:
    """Amazon SageMaker Debugger's built-in rules at the defaults of its developer guide.

    ExplodingTensor: a value is not finite. VanishingGradient: mean |gradient| < 1e-7. WeightUpdateRatio: above 10 or
    below 1e-8. DeadRelu: over 50 % of a layer's ReLUs active on under 1 % of the rows. PoorWeightInitialization: the
    layers' largest over smallest variance of weights exceeds 10. SaturatedActivation: over 50 % of a layer beyond
    the thresholds at which the derivative is 1e-7. LossNotDecreasing: not 0.1 % lower after 10 steps. Overfit: (val -
    train) / train loss over 0.1. ClassImbalance: counts over 10 to 1, or 0.7 of a class mispredicted.
    """
    alarms = []
    if diverged(run):
        alarms.append("exploding")
    steps = run.steps
    entries = {name: sizes(run, name) for name in run.layer_names}
    for name in run.layer_names:
        norms = per_layer(run, "dW_norm")[name]
        # the mean of |g| is at most the norm over the root of the number of entries, and about 0.8 of it
        if (0.8 * norms[np.isfinite(norms)] / np.sqrt(entries[name]) < 1e-7).any():
            alarms.append("vanishing")
            break
    ratios = steps["update_ratio"][np.isfinite(steps["update_ratio"])]
    if (ratios > 10).any():
        alarms.append("ratio_high")
    if (ratios < 1e-8).any():
        alarms.append("ratio_low")
    if activation_of(run) == "relu" and any(
        (values > 0.5).any() for name, values in per_layer(run, "nearly_dead_share").items() if name != "output"
    ):
        alarms.append("dead")
    stds = np.array([values[0] for values in per_layer(run, "W_std").values()])
    if len(stds) > 1 and stds.max() ** 2 > 10 * max(stds.min() ** 2, 1e-30):
        alarms.append("weights")
    if activation_of(run) in ("tanh", "sigmoid") and share_beyond(run, {"tanh": 9.4999, "sigmoid": 16.99999}) > 0.5:
        alarms.append("saturated")
    losses = batch_losses(run)[::10]
    if len(losses) > 1 and (losses[1:] > losses[:-1] * 0.999).any():
        alarms.append("loss")
    train, val = run.metrics["train_loss"], run.metrics["val_loss"]
    with np.errstate(all="ignore"):
        if ((val - train) / np.abs(train) > 0.1).any():
            alarms.append("overfit")
    if imbalance(run) > 10 or worst_miss(run) > 0.7:
        alarms.append("imbalance")
    return alarms


@baseline
def autotrainer(run: Run) -> list[str]:
    """AutoTrainer (Zhang et al., ICSE 2021), at the defaults of its replication code.

    Explosion: not finite. Where accuracy stays under 0.7 or never gains 0.01: dying ReLU (70 % of gradients zero),
    explosion (first over last layer's gradient above 70), vanishing (below 1e-3, and the first under 1e-4), else slow
    convergence. Otherwise oscillation: swings of 0.03 in more than 0.2 of the epochs. It knows classes alone.
    """
    if diverged(run):
        return ["exploding"]
    train, val = run.metrics.get("train_accuracy"), run.metrics.get("val_accuracy")
    if train is None or val is None:
        return []
    gains = [float(np.max(np.diff(scores), initial=0.0)) for scores in (train, val)]
    slow = max(gains) < 0.01
    if min(np.nanmax(train), np.nanmax(val)) < 0.7 or slow:
        norms = np.array([per_layer(run, "dW_norm")[name][1:] for name in run.layer_names])
        zero = np.array([per_layer(run, "dW_zero_share")[name][1:] for name in run.layer_names])
        weight = np.array([sizes(run, name) for name in run.layer_names])[:, None]
        with np.errstate(all="ignore"):
            ratio = norms[0] / norms[-1]
        if ((zero * weight).sum(axis=0) / weight.sum() >= 0.7).any():
            return ["dead"]
        if (ratio > 70).any():
            return ["exploding"]
        if ((ratio < 1e-3) & (norms[0] < 1e-4)).any():
            return ["vanishing"]
        return ["slow"] if slow else []
    middle = train[1:-1]
    tops = middle[(middle >= train[:-2]) & (middle >= train[2:])]
    bottoms = middle[(middle <= train[:-2]) & (middle <= train[2:])]
    n = min(len(tops), len(bottoms))
    return ["unstable"] if np.sum(tops[:n] - bottoms[:n] >= 0.03) >= 0.2 * len(train) else []


@baseline
def deepdiagnosis(run: Run) -> list[str]:
    """DeepDiagnosis (Wardat et al., ICSE 2022), at the defaults of its replication code.

    Numerical: a layer's mean activation is zero or not finite. Dead node: 70 % of a ReLU layer's activations are zero
    in the last epoch. Saturated: half of a layer's inputs beyond 5. Vanishing: mean |gradient| < 1e-7. Unchanged: five
    epochs of one loss, or twenty of one accuracy. Poor weights: variance outside [1e-5, 10].
    """
    alarms = []
    means = per_layer(run, "A_mean")
    if diverged(run) or any((~np.isfinite(values) | (values == 0)).any() for values in means.values()):
        alarms.append("exploding" if diverged(run) else "dead")
    if activation_of(run) == "relu" and any(
        values[-1] >= 0.7 for name, values in per_layer(run, "zero_share").items() if name != "output"
    ):
        alarms.append("dead")
    if activation_of(run) in ("tanh", "sigmoid") and share_beyond(run, {"tanh": 5.0, "sigmoid": 5.0}) > 0.5:
        alarms.append("saturated")
    losses = run.metrics["train_loss"]
    if any(np.ptp(losses[i : i + 5]) == 0 for i in range(0, len(losses) - 4, 5)):
        alarms.append("loss")
    scores = run.metrics.get("train_accuracy")
    if scores is not None and any(np.ptp(scores[i : i + 20]) == 0 for i in range(0, len(scores) - 19, 20)):
        alarms.append("unchanged")
    for name, values in per_layer(run, "dW_norm").items():
        if (0.8 * values[np.isfinite(values)] / np.sqrt(sizes(run, name)) < 1e-7).any():
            alarms.append("vanishing")
            break
    variances = np.concatenate(list(per_layer(run, "W_std").values())) ** 2
    if (variances < 1e-5).any() or (variances > 10).any():
        alarms.append("weights")
    return alarms


@baseline
def inputs_outside_one(run: Run) -> list[str]:
    """Features as the network is fed them leave [-1, 1] (DeepDiagnosis, TheDeepChecker)."""
    return ["inputs"] if np.abs(run.probe["X"]).max() > 1 + 1e-6 else []


def sizes(run: Run, layer: str) -> int:
    parameter = f"{layer}.W"
    return int(np.prod(run.weights(parameter).shape[1:])) if run.has("weights", parameter) else 1


def share_beyond(run: Run, limits: dict[str, float]) -> float:
    """The largest share, over hidden layers of the first kind of activation, of activations whose input was beyond its
    limit, at the end of training."""
    kind = activation_of(run)
    if kind not in limits:
        return 0.0
    edge = np.tanh(limits[kind]) if kind == "tanh" else 1 / (1 + np.exp(-limits[kind]))
    worst = 0.0
    for name in run.layer_names[:-1]:
        if run.has("activations", name):
            A = np.asarray(run.activations(name)[-1], dtype=np.float64)
            low = -edge if kind == "tanh" else 1 - edge
            worst = max(worst, float(np.mean((edge <= A) | (low >= A))))
    return worst


def imbalance(run: Run) -> float:
    counts = list((run.card["parts"]["train"].get("class_counts") or {}).values())
    return max(counts) / max(1, min(counts)) if counts else 1.0


def worst_miss(run: Run) -> float:
    """The share of mispredictions of the class that is predicted worst, on the validation rows at the end."""
    if not run.has("confusion", "val") or not len(run.confusion("val")):
        return 0.0
    confusion = np.asarray(run.confusion("val")[-1], dtype=np.float64)
    rows = confusion.sum(axis=1)
    there = rows > 0
    return float(np.max(1 - np.diag(confusion)[there] / rows[there])) if there.any() else 0.0
