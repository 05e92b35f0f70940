"""Faults of the network before its first step: config, initial weights, signals forward and back."""

from __future__ import annotations

from math import isfinite, log10

import numpy as np

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.evidence import Case, LayerOf, name_of, number
from nn_scratch.doctor.features import ramp
from nn_scratch.doctor.patches import normalized_layers, relu_layers, with_values
from nn_scratch.doctor.rule import rule

TRAINING = (
    "lr_too_high",
    "lr_too_low",
    "noisy_batches",
    "overfit",
    "underfit",
    "too_few_epochs",
    "dead_relu",
    "saturated",
    "vanishing_gradient",
    "exploding_gradient",
)
DEAD = 0.4  # share of a layer's units that are zero on every row before the first step
OF_NUMBERS = ("mse", "mae", "huber", "log_cosh")
TOGETHER = 0.9  # decades by which the layers' weights are too large, all multiplied
WRONG = 2e-2  # relative error of the gradient
BOUNDED = ("sigmoid", "tanh", "hard_tanh", "hard_sigmoid", "softsign")
REACH = {
    "relu": (0.0, np.inf),
    "relu6": (0.0, 6.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softplus": (0.0, np.inf),
    "softmax": (0.0, 1.0),
}


@rule(
    "wrong_gradient",
    stage="config",
    source="Bishop 1995, Neural Networks for Pattern Recognition, 4.8.1 (central differences)",
    explains=(*TRAINING, "init_too_large", "init_too_small", "constant_init"),
)
def wrong_gradient(case: Case) -> Suspicion | None:
    """The gradient is not the slope of the loss: a fault of the code."""
    checked = [entry for entry in case.start.get("gradient_errors", ()) if entry["error"] is not None]
    wrong = [entry for entry in checked if entry["error"] > WRONG and entry["entries"] >= 2]
    if not wrong:
        return None
    # backward runs from the output on: the last wrong layer is the first that went wrong; where all before it are
    # wrong as well, and by a sign, the layer after it sends its gradient back with the wrong sign
    worst = wrong[-1]
    at = checked.index(worst)
    flipped = all(abs(entry["error"] - 2) < 1e-3 for entry in wrong)
    if len(wrong) > 1 and at + 1 == len(wrong) and flipped and at + 1 < len(checked):
        worst = {**checked[at + 1], "error": worst["error"]}
    return Suspicion(
        "wrong_gradient",
        0.95,
        "config",
        f"the gradient of {worst['layer']} is not the slope of the loss: a fault of the code, not of the config",
        evidence={"relative_error": worst["error"], "threshold": WRONG, "entries": worst["entries"]},
        certain=True,
        testable=False,
        layer=worst["layer"],
        epoch=0,
        step=0,
    )


@rule(
    "wrong_loss_output",
    stage="config",
    source="Bridle 1990; PyTorch's CrossEntropyLoss: 'the input is expected to contain the unnormalized logits'",
    explains=(*TRAINING, "class_imbalance", "over_regularized"),
)
def wrong_loss_output(case: Case) -> Suspicion | None:
    """An activation on the output that the loss does not expect."""
    activation, loss = case.layers[-1].activation, name_of(case.config["loss"])
    plain = activation in ("auto", "identity")
    of_numbers = case.is_classification and loss in OF_NUMBERS
    if plain and not of_numbers:
        return None
    evidence: dict[str, object] = {"activation": activation, "loss": loss}
    keys: dict[str, object] = {} if plain else {"output.activation": "auto"}
    if of_numbers:
        strength = 0.8 if not plain or loss == "mae" else 0.6
        because = f"{loss} is a loss for numbers: its gradient vanishes where the network is wrong with confidence"
        keys = {"loss": "auto", **keys}
    elif case.is_classification:
        strength = {"relu": 1.0, "relu6": 1.0, "softmax": 0.8, "sigmoid": 0.9}.get(activation, 0.6)
        if activation == "softmax" and loss == "binary_cross_entropy":  # of one output
            strength = 1.0
        because = f"the loss expects logits, and {activation} is applied to them before"
    else:
        low, high = REACH.get(activation, (-np.inf, np.inf))
        target = case.start.get("target") or {}
        least, most, std = (number(target.get(name)) for name in ("min", "max", "std"))
        beyond = max(low - least, most - high) / std if std > 0 else 0.0
        evidence |= {"reach": [low, high], "targets": [least, most], "beyond_in_std": beyond}
        strength = ramp(beyond, 0.05, 0.7)
        size = max(abs(number(target.get("mean"))), std)
        if size > 5 and case.config["data"]["target_scale"] == "none":
            keys |= {"data.target_scale": "standard"}
        if activation == "softmax":  # of one output it is 1; several always sum to 1
            strength, evidence["outputs"] = 1.0, len(case.card["target"])
        because = (
            f"{activation} gives numbers from {low:g} to {high:g}, and the targets go from {least:.3g} to {most:.3g}"
        )
        if strength == 0:
            return None
        if activation == "softmax":
            because = "softmax makes the outputs of a regression sum to 1" + (
                ": a single output is always 1" if len(case.card["target"]) == 1 else ", whatever the targets are"
            )
    return Suspicion(
        "wrong_loss_output",
        strength,
        "config",
        because,
        evidence=evidence,
        patches=patches_of(keys),
        layer="output",
        epoch=0,
        step=0,
    )


def patches_of(keys: dict[str, object]) -> tuple[Patch, ...]:
    """All the changes at once; where one of them is the output's alone, that as the second."""
    why = "a loss for the kind of target, applied to the output that it expects"
    first = {key: value for key, value in keys.items() if key == "output.activation"}
    return (Patch(keys, why), *((Patch(first, why),) if first and first != keys else ()))


@rule(
    "frozen_layer",
    stage="config",
    source="Zhang et al. 2021 (AUTOTRAINER, ICSE) and this project's logs",
    explains=TRAINING,
)
def frozen_layer(case: Case) -> Suspicion | None:
    """A layer whose weights stay as they are while the others move."""
    frozen = [layer for layer in case.layers if not layer.trainable]
    if not frozen:
        return None
    moved = {
        name: float(columns["distance"][-1] / columns["W_norm"][0]) if columns["W_norm"][0] else 0.0
        for name, columns in case.by_layer.items()
    }
    all_frozen = len(frozen) == len(case.layers)
    first = frozen[0]
    keys = with_values(case, frozen, trainable=True)
    named = ", ".join(layer.name for layer in frozen)
    strength = 1.0 if all_frozen or frozen[-1].name == "output" else 0.85
    return Suspicion(
        "frozen_layer",
        strength,
        "config",
        f"the weights of {named} never change: trainable is false",
        evidence={"moved": moved.get(first.name)}
        | ({} if all_frozen else {"others_moved": max(moved.values(), default=0.0)}),
        patches=(Patch(keys, "weights that are updated can fit the data"),),
        layer=first.name,
        epoch=1,
        step=1,
    )


@rule(
    "constant_init",
    stage="init",
    source="Goodfellow et al. 2016, Deep Learning, 8.4 (breaking symmetry)",
    explains=(*TRAINING, "init_too_small", "init_too_large"),
)
def constant_init(case: Case) -> Suspicion | None:
    """Units that begin alike and have the same gradient: they stay one unit."""
    hidden = [(layer, case.start_layers[layer.name]) for layer in case.hidden if layer.name in case.start_layers]
    # other layers only seem alike where no gradient reaches them
    constant = [(layer, panel) for layer, panel in hidden if not declared_spread(panel) and panel["units"] > 1]
    if not constant:
        return None
    stuck = [(layer, panel) for layer, panel in constant if panel["twin_units"] > 0.5]
    layer, panel = constant[0]
    output = [case.layers[-1]] if constant_output(case) else []
    patch = with_values(case, [*(one for one, _ in constant), *output], init=None)
    # gradients that differ part the units in time, but late and little
    strength = 0.95 if stuck else 0.6
    return Suspicion(
        "constant_init",
        strength,
        "init",
        f"all units of {layer.name} begin with the same weights"
        + (" and get the same gradient, so they stay one unit" if stuck else ", and part only slowly"),
        evidence={"twin_units": panel["twin_units"], "threshold": 0.5, "W_std": panel["W_std"]},
        patches=(Patch(patch, "random weights make the units differ, so that each can learn something of its own"),),
        layer=layer.name,
        epoch=0,
        step=0,
    )


def declared_spread(panel: dict[str, float]) -> bool:
    """Whether the layer's initializer draws different values (orthogonal says nan)."""
    return panel["W_std_declared"] != 0.0


def constant_output(case: Case) -> bool:
    panel = case.start_layers.get("output")
    return panel is not None and panel["W_std_declared"] == 0.0


def gain_ratio(panel: dict[str, float]) -> float:
    """The initial weights' size over that which suits the layer."""
    return panel["W_std"] / panel["W_std_suited"] if panel["W_std_suited"] > 0 else np.nan


def off_scale(case: Case) -> list[tuple[LayerOf, dict[str, float], float]]:
    """Layers and how their weights compare to what suits them; those that a normalization rescales left out."""
    return [
        (layer, case.start_layers[layer.name], gain_ratio(case.start_layers[layer.name]))
        for layer in case.layers
        if layer.name in case.start_layers and not layer.normalized
    ]


@rule(
    "init_too_large",
    stage="init",
    source="Glorot and Bengio 2010; He et al. 2015, Delving Deep into Rectifiers",
    explains=TRAINING,
)
def init_too_large(case: Case) -> Suspicion | None:
    """Initial weights far larger than the layer's width asks for: saturated units, or huge outputs."""
    total = sum(log10(r) for _, _, r in off_scale(case) if isfinite(r) and r > 0)
    least = 2.2 if total < TOGETHER else 1.5  # layers that are somewhat too large each add up
    large = [(layer, panel, r) for layer, panel, r in off_scale(case) if r > least]
    if not large:
        return None
    layer, panel, r = large[0]
    worst = max(r for _, _, r in large)
    output = number((case.start.get("output") or {}).get("std"))
    flat = max(panel["flat_share"] for _, panel, _ in large)
    strength = max(
        ramp(total, 0.4, 1.2) * ramp(log10(max(output, 1e-9)), 0.3, 1.3),
        ramp(flat, 0.3, 0.8),
        ramp(log10(worst), 0.5, 1.3) * 0.9,
    )
    keys = init_patch(case, [layer for layer, _, _ in large])
    return Suspicion(
        "init_too_large",
        strength,
        "init",
        f"the initial weights of {layer.name} are {r:.3g} times as large as its width and activation ask for",
        evidence={
            "W_std": panel["W_std"],
            "suited": panel["W_std_suited"],
            "times": r,
            "threshold": least,
            "loss_at_start": case.start_loss,
            "loss_of_a_constant": case.constant_loss,
            "saturated_at_start": flat,
        },
        patches=(Patch(keys, "signals keep their size from layer to layer, and no unit starts saturated"),),
        layer=layer.name,
        epoch=0,
        step=0,
    )


def by_width(layer: LayerOf) -> bool:
    """Whether the initializer takes its size from the layer's width, as the defaults do: such weights may differ from
    those that suit the activation, and are never far too small."""
    return name_of(layer.config.get("init") or "he_normal").startswith(("he_", "glorot_", "lecun_", "orthogonal"))


def init_patch(case: Case, layers: list[LayerOf]) -> dict[str, object]:
    return with_values(case, layers, init=None)


@rule(
    "init_too_small",
    stage="init",
    source="Glorot and Bengio 2010; He et al. 2015, Delving Deep into Rectifiers",
    explains=TRAINING,
)
def init_too_small(case: Case) -> Suspicion | None:
    """Initial weights so small that the signal fades from layer to layer."""
    small = [
        (layer, panel, r)
        for layer, panel, r in off_scale(case)
        if r < 0.4 and panel["twin_units"] < 0.5 and not by_width(layer)
    ]
    small = [entry for entry in small if entry[0].name != "output" or len(small) > 1]
    if not small:
        return None
    total = -sum(log10(r) for _, _, r in off_scale(case) if isfinite(r) and 0 < r < 0.4)
    layer, panel, r = small[0]
    strength = ramp(total, 0.8, 3.0)
    return Suspicion(
        "init_too_small",
        strength,
        "init",
        f"the initial weights of {layer.name} are {r:.2g} times what its width and activation ask for, "
        "so hardly any signal passes",
        evidence={
            "W_std": panel["W_std"],
            "suited": panel["W_std_suited"],
            "times": r,
            "threshold": 0.4,
            "last_hidden_std": case.start_layers[case.hidden[-1].name]["A_spread"] if case.hidden else None,
        },
        patches=(
            Patch(init_patch(case, [layer for layer, _, _ in small]), "signals keep their size from layer to layer"),
        ),
        layer=layer.name,
        epoch=0,
        step=0,
    )


@rule(
    "dead_relu",
    stage="init",
    source="Lu et al. 2019, Dying ReLU and Initialization; Maas et al. 2013",
    explains=("vanishing_gradient", "lr_too_low", "underfit", "too_few_epochs", "lr_too_high", "overfit"),
)
def dead_relu(case: Case) -> Suspicion | None:
    """Units that are zero on every probe row: before the first step, or since some epoch."""
    start = [(layer, case.start_layers[layer.name]) for layer in case.hidden if layer.name in case.start_layers]
    dead = [(layer, panel) for layer, panel in start if panel["dead_share"] > DEAD and declared_spread(panel)]
    if any(not declared_spread(panel) for _, panel in start):
        dead = [(layer, panel) for layer, panel in dead if panel["b_mean"] < 0]
    if dead:
        layer, panel = dead[0]
        biased = panel["b_mean"] < 0
        # in narrow layers some units are dead by chance
        strength = ramp(panel["dead_share"], DEAD, 0.9) * (1.0 if biased else 0.6)
        alike = [one for one, of in dead if (of["b_mean"] < 0) == biased]
        keys = with_values(case, alike, **({"bias_init": 0.0} if biased else {"init": None}))
        return Suspicion(
            "dead_relu",
            strength,
            "init",
            f"{panel['dead_share']:.0%} of the units of {layer.name} are 0 on every row before the first step: "
            + ("their biases keep them below zero" if biased else "their weights keep them below zero"),
            evidence={"dead_share": panel["dead_share"], "threshold": DEAD, "bias": panel["b_mean"]},
            patches=(
                Patch(keys, "units that are above zero on some rows have a gradient"),
                Patch(layer.with_activation("leaky_relu"), "a leaky unit has a gradient below zero, too"),
            ),
            layer=layer.name,
            epoch=0,
            step=0,
        )
    late = []
    for layer in case.hidden:
        shares = case.by_layer.get(layer.name, {}).get("dead_share", np.empty(0))
        if len(shares) > 1 and shares[-1] > 0.4 and shares[-1] > shares[0] + 0.3:
            late.append((layer, shares))
    if not late:
        return None
    layer, shares = late[0]
    epoch = int(np.flatnonzero(shares > (shares[0] + shares[-1]) / 2)[0])
    strength = 0.5 * ramp(float(shares[-1]), 0.4, 0.9)
    return Suspicion(
        "dead_relu",
        strength,
        "epochs",
        f"{shares[-1]:.0%} of the units of {layer.name} are 0 on every row, most since epoch {epoch}",
        evidence={"dead_share": float(shares[-1]), "at_start": float(shares[0]), "threshold": 0.4},
        patches=(
            Patch({"optimizer.lr": case.lr / 10}, "smaller steps do not push units below zero on every row"),
            Patch(layer.with_activation("leaky_relu"), "a leaky unit has a gradient below zero, too"),
        ),
        layer=layer.name,
        epoch=epoch,
    )


@rule(
    "saturated",
    stage="init",
    source="Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks",
    explains=("vanishing_gradient", "lr_too_low", "underfit", "too_few_epochs", "lr_too_high", "overfit"),
)
def saturated(case: Case) -> Suspicion | None:
    """Bounded units that stand at their ends, where their derivative is next to nothing."""
    found = [
        (layer, case.start_layers[layer.name])
        for layer in case.hidden
        if layer.activation in BOUNDED and layer.name in case.start_layers and not layer.normalized
    ]
    flat = [(layer, panel) for layer, panel in found if panel["flat_share"] > 0.4]
    if not flat:
        return None
    layer, panel = flat[0]
    biased = abs(panel["b_mean"]) > 2 * panel["Z_spread"] and abs(panel["b_mean"]) > 1
    keys = with_values(case, [one for one, _ in flat], **({"bias_init": 0.0} if biased else {"init": None}))
    strength = ramp(panel["flat_share"], 0.4, 0.9)
    return Suspicion(
        "saturated",
        strength,
        "init",
        f"{panel['flat_share']:.0%} of the outputs of {layer.name} are saturated before the first step: "
        f"the derivative of {layer.activation} is below 0.01 there",
        evidence={"saturated_share": panel["flat_share"], "threshold": 0.4, "bias": panel["b_mean"]},
        patches=(Patch(keys, "near zero the activation is steep and passes the gradient on"),),
        layer=layer.name,
        epoch=0,
        step=0,
    )


@rule(
    "vanishing_gradient",
    stage="init",
    source="Hochreiter 1991; Bengio et al. 1994; Glorot and Bengio 2010",
    explains=("lr_too_low", "underfit", "too_few_epochs", "frozen_layer"),
)
def vanishing_gradient(case: Case) -> Suspicion | None:
    """The gradient fades from the output to the first layer, though the weights have the right size."""
    panels = [case.start_layers[layer.name] for layer in case.layers if layer.name in case.start_layers]
    if len(panels) < 4:
        return None
    sizes = np.array([panel["gradient_rms"] for panel in panels])
    if not (np.isfinite(sizes).all() and (sizes > 0).all()):
        return None
    fall = float(np.log10(sizes[-2] / sizes[0]))
    per_layer = fall / (len(sizes) - 2)
    # what differs from row to row fades on its way forward, and the gradient of it on its way back
    fade = -log10(max(panels[-2]["A_spread"] / max(panels[0]["A_spread"], 1e-30), 1e-30))
    if (fall < 1.2 or per_layer < 0.2) and fade < 1.5:
        return None
    strength = max(ramp(fall, 1.2, 2.5), ramp(fade, 1.2, 2.4))
    activation = case.hidden[0].activation
    relu = Patch(relu_layers(case), "a ReLU passes the gradient on at its full size where it is active")
    return Suspicion(
        "vanishing_gradient",
        strength,
        "init",
        f"the gradient of {case.hidden[0].name} is {10**-fall:.1g} times that of {case.hidden[-1].name} before the "
        f"first step: each {activation} layer passes on a fraction of it",
        evidence={"gradient_ratio": 10**-fall, "threshold": 10**-1.2, "layers": len(sizes)},
        patches=(
            relu,
            Patch(normalized_layers(case), "batch normalization restores the size of the signal in every layer"),
        ),
        layer=case.hidden[0].name,
        epoch=0,
        step=0,
    )


@rule(
    "exploding_gradient",
    stage="init",
    source="Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
    explains=TRAINING,
)
def exploding_gradient(case: Case) -> Suspicion | None:
    """Gradients that are huge before the first step: targets without scale, or a depth that makes them grow."""
    target = case.start.get("target") or {}
    size = max(abs(number(target.get("mean"))), number(target.get("std")))
    if not case.is_classification and isfinite(size) and size > 5 and case.config["data"]["target_scale"] == "none":
        strength = ramp(log10(size), 0.7, 1.7)
        return Suspicion(
            "exploding_gradient",
            strength,
            "init",
            f"the targets are not scaled (mean or standard deviation {size:.3g}), and the gradient grows with them",
            evidence={"target_mean": target.get("mean"), "target_std": target.get("std"), "loss": case.start_loss},
            patches=(
                Patch({"data.target_scale": "standard"}, "targets of mean 0 and std 1 suit the weights and the rate"),
            ),
            layer="output",
            epoch=0,
            step=1,
        )
    panels = [case.start_layers[layer.name] for layer in case.layers if layer.name in case.start_layers]
    sizes = np.array([panel["gradient_rms"] for panel in panels])
    if len(sizes) < 4 or not (sizes > 0).all():
        return None
    growth = float(np.log10(sizes[0] / sizes[-2]))
    if growth < 1.5:
        return None
    strength = ramp(growth, 1.5, 3.0)
    return Suspicion(
        "exploding_gradient",
        strength,
        "init",
        f"the gradient grows {10**growth:.2g}-fold from {case.hidden[-1].name} back to {case.hidden[0].name}",
        evidence={"growth": 10**growth, "threshold": 10**1.5},
        patches=(
            Patch({"optimizer.lr": case.lr / 10}, "smaller steps suit the larger gradient"),
            Patch({"regularize.clip_norm": 1.0}, "gradients of large norm are scaled down"),
        ),
        layer=case.hidden[0].name,
        epoch=0,
        step=0,
    )
