"""Faults of the network before its first step: config, initial weights, signals forward and back."""

from __future__ import annotations

from math import inf, isfinite, log10
from typing import Any

from nn_scratch.doctor.diagnosis import Patch, Suspicion
from nn_scratch.doctor.features import WRONG_GRADIENT, Features, LayerFeatures, decades, ramp
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
DEAD = 0.4  # share of a layer's units that are zero on every row before the first step; by hand
OF_NUMBERS = ("mse", "mae", "huber", "log_cosh")
TOGETHER = 0.9  # decades by which the layers' weights are too large, all multiplied; by hand
FLAT = 0.4  # the same of the outputs of a bounded activation that are saturated; by hand
FADED, GROWN = 1.2, 1.5  # decades between the gradients of the first and the last hidden layer; by hand
SMALL = 0.4  # of the suited size; by hand
BY_WIDTH = ("he_", "glorot_", "lecun_", "orthogonal")
BOUNDED = ("sigmoid", "tanh", "hard_tanh", "hard_sigmoid", "softsign")
REACH = {  # the ranges of the activations; a definition
    "relu": (0.0, inf),
    "relu6": (0.0, 6.0),
    "sigmoid": (0.0, 1.0),
    "hard_sigmoid": (0.0, 1.0),
    "tanh": (-1.0, 1.0),
    "hard_tanh": (-1.0, 1.0),
    "softsign": (-1.0, 1.0),
    "softplus": (0.0, inf),
    "softmax": (0.0, 1.0),
}


@rule(
    "wrong_gradient",
    stage="config",
    source="Bishop 1995, Neural Networks for Pattern Recognition, 4.8.1 (central differences)",
    explains=(*TRAINING, "init_too_large", "init_too_small", "constant_init"),
)
def wrong_gradient(f: Features) -> Suspicion | None:
    """The gradient is not the slope of the loss: a fault of the code."""
    if f.wrong_gradient is None:
        return None
    layer, error, entries = f.wrong_gradient
    return Suspicion(
        "wrong_gradient",
        0.95,
        "config",
        f"the gradient of {layer} is not the slope of the loss: a fault of the code, not of the config",
        evidence={"relative_error": error, "threshold": WRONG_GRADIENT, "entries": entries},
        certain=True,
        testable=False,
        layer=layer,
        epoch=0,
        step=0,
    )


@rule(
    "wrong_loss_output",
    stage="config",
    source="Bridle 1990; PyTorch's CrossEntropyLoss: 'the input is expected to contain the unnormalized logits'",
    explains=(*TRAINING, "class_imbalance", "over_regularized"),
)
def wrong_loss_output(f: Features) -> Suspicion | None:
    """An activation on the output that the loss does not expect."""
    activation = f.output.activation
    plain = activation in ("auto", "identity")
    back: dict[str, Any] = {} if plain else {"output.activation": "auto"}
    evidence: dict[str, Any] = {"activation": activation, "loss": f.loss}
    if f.case.is_classification and f.loss in OF_NUMBERS:
        strength = 0.8 if not plain or f.loss == "mae" else 0.6
        because = f"{f.loss} is a loss for numbers: its gradient vanishes where the network is wrong with confidence"
        back = {"loss": "auto", **back}
    elif plain:
        return None
    elif f.case.is_classification:
        strength = {"relu": 1.0, "relu6": 1.0, "softmax": 0.8, "sigmoid": 0.9}.get(activation, 0.6)
        if activation == "softmax" and f.loss == "binary_cross_entropy":  # of one output
            strength = 1.0
        because = f"the loss expects logits, and {activation} is applied to them before"
    else:
        strength, because, more = out_of_reach(f)
        evidence |= more
        if f.data.scale.target_size > 5:
            back |= {"data.target_scale": "standard"}
    if strength == 0:
        return None
    return Suspicion(
        "wrong_loss_output",
        strength,
        "config",
        because,
        evidence=evidence,
        patches=patches_of(back),
        layer="output",
        epoch=0,
        step=0,
    )


def out_of_reach(f: Features) -> tuple[float, str, dict[str, Any]]:
    """How far the targets of a regression lie beyond what the output's activation can give, and that in words."""
    activation, target, outputs = f.output.activation, f.data.scale.target, f.data.targets
    low, high = REACH.get(activation, (-inf, inf))
    beyond = max(low - target["min"], target["max"] - high) / target["std"] if target.get("std", 0) > 0 else 0.0
    evidence = {"reach": [low, high], "targets": [target.get("min"), target.get("max")], "beyond_in_std": beyond}
    if activation == "softmax":  # of one output it is 1; several always sum to 1
        always = ": a single output is always 1" if outputs == 1 else " for any targets"
        return 1.0, f"softmax makes the outputs of a regression sum to 1{always}", {**evidence, "outputs": outputs}
    span = f"{target.get('min', 0):.3g} to {target.get('max', 0):.3g}"
    because = f"{activation} gives numbers from {low:g} to {high:g}, and the targets go from {span}"
    return ramp(beyond, 0.05, 0.7), because, evidence


def patches_of(keys: dict[str, Any]) -> tuple[Patch, ...]:
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
def frozen_layer(f: Features) -> Suspicion | None:
    """A layer whose weights stay as they are while the others move."""
    frozen = [layer for layer in f.layers if not layer.trainable]
    if not frozen:
        return None
    all_frozen = len(frozen) == len(f.layers)
    first = frozen[0]
    others = {} if all_frozen else {"others_moved": f.furthest_moved}
    return Suspicion(
        "frozen_layer",
        1.0 if all_frozen or frozen[-1].name == "output" else 0.85,
        "config",
        f"the weights of {', '.join(layer.name for layer in frozen)} never change: trainable is false",
        evidence={"moved": first.moved} | others,
        patches=(Patch(with_values(f, frozen, trainable=True), "weights that are updated can fit the data"),),
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
def constant_init(f: Features) -> Suspicion | None:
    """Units that begin alike and have the same gradient: they stay one unit."""
    # other layers only seem alike where no gradient reaches them
    constant = [layer for layer in f.hidden if layer.measured and not layer.drawn and (layer.units or 0) > 1]
    if not constant:
        return None
    # gradients that differ part the units in time, but late and little
    stuck = any(layer.twins > 0.5 for layer in constant)
    first = constant[0]
    output = [f.output] if f.output.measured and not f.output.drawn else []
    return Suspicion(
        "constant_init",
        0.95 if stuck else 0.6,
        "init",
        f"all units of {first.name} begin with the same weights"
        + (" and get the same gradient, so they stay one unit" if stuck else ", and part only slowly"),
        evidence={"twin_units": first.twins, "threshold": 0.5, "W_std": first.W_std},
        patches=(
            Patch(
                with_values(f, [*constant, *output], init=None),
                "random weights make the units differ, so that each can learn something of its own",
            ),
        ),
        layer=first.name,
        epoch=0,
        step=0,
    )


@rule(
    "init_too_large",
    stage="init",
    source="Glorot and Bengio 2010; He et al. 2015, Delving Deep into Rectifiers",
    explains=TRAINING,
)
def init_too_large(f: Features) -> Suspicion | None:
    """Initial weights far larger than the layer's width allows: saturated units, or huge outputs."""
    total = sum(log10(layer.gain) for layer in f.free if layer.gain > 0)
    least = 2.2 if total < TOGETHER else 1.5  # layers that are somewhat too large each add up
    large = [layer for layer in f.free if layer.gain > least]
    if not large:
        return None
    first = large[0]
    output = float((f.case.start.get("output") or {}).get("std") or 0.0)
    flat = max(layer.flat for layer in large)
    return Suspicion(
        "init_too_large",
        max(
            ramp(total, 0.4, 1.2) * ramp(decades(output), 0.3, 1.3),
            ramp(flat, 0.3, 0.8),
            ramp(log10(max(layer.gain for layer in large)), 0.5, 1.3) * 0.9,
        ),
        "init",
        f"the initial weights of {first.name} are {first.gain:.3g} times as large as its width and activation ask for",
        evidence={
            "W_std": first.W_std,
            "suited": first.W_suited,
            "times": first.gain,
            "threshold": least,
            "loss_at_start": f.case.start_loss,
            "loss_of_a_constant": f.case.constant_loss,
            "saturated_at_start": flat,
        },
        patches=(
            Patch(
                with_values(f, large, init=None),
                "signals keep their size from layer to layer, and no unit starts saturated",
            ),
        ),
        layer=first.name,
        epoch=0,
        step=0,
    )


@rule(
    "init_too_small",
    stage="init",
    source="Glorot and Bengio 2010; He et al. 2015, Delving Deep into Rectifiers",
    explains=TRAINING,
)
def init_too_small(f: Features) -> Suspicion | None:
    """Initial weights so small that the signal fades from layer to layer."""
    # initializers that take their size from the width may not suit the activation, and only a gain makes them too small
    drawn = [layer for layer in f.free if layer.twins < 0.5]
    drawn = [layer for layer in drawn if layer.init_gain < SMALL or not layer.init.startswith(BY_WIDTH)]
    small = [layer for layer in drawn if layer.gain < SMALL]
    if not [layer for layer in small if layer.name != "output" or len(small) > 1]:
        return None
    first = small[0]
    return Suspicion(
        "init_too_small",
        ramp(-sum(log10(layer.gain) for layer in f.free if 0 < layer.gain < SMALL), 0.8, 3.0),
        "init",
        f"the initial weights of {first.name} are {first.gain:.2g} times what its width and activation ask for, "
        "so hardly any signal passes",
        evidence={
            "W_std": first.W_std,
            "suited": first.W_suited,
            "times": first.gain,
            "threshold": SMALL,
            "last_hidden_std": f.hidden[-1].A_spread if f.hidden else None,
        },
        patches=(Patch(with_values(f, small, init=None), "signals keep their size from layer to layer"),),
        layer=first.name,
        epoch=0,
        step=0,
    )


@rule(
    "dead_relu",
    stage="init",
    source="Lu et al. 2019, Dying ReLU and Initialization; Maas et al. 2013",
    explains=("vanishing_gradient", "lr_too_low", "underfit", "too_few_epochs", "lr_too_high", "overfit"),
)
def dead_relu(f: Features) -> Suspicion | None:
    """Units that are zero on every probe row: before the first step, or since some epoch."""
    start = [layer for layer in f.hidden if layer.measured]
    dead = [layer for layer in start if layer.dead > DEAD and layer.drawn]
    if any(not layer.drawn for layer in start):
        dead = [layer for layer in dead if layer.bias < 0]
    return dead_at_start(f, dead) if dead else dead_since(f)


def dead_at_start(f: Features, dead: list[LayerFeatures]) -> Suspicion:
    first = dead[0]
    biased = first.bias < 0
    alike = [layer for layer in dead if (layer.bias < 0) == biased]
    keys = with_values(f, alike, **({"bias_init": 0.0} if biased else {"init": None}))
    # below zero on every row a leaky unit has a gradient, and is linear
    leaky = (
        () if biased else (Patch(first.with_activation("leaky_relu"), "a leaky unit has a gradient below zero, too"),)
    )
    return Suspicion(
        "dead_relu",
        ramp(first.dead, DEAD, 0.9) * (1.0 if biased else 0.6),  # in narrow layers some units are dead by chance
        "init",
        f"{first.dead:.0%} of the units of {first.name} are 0 on every row before the first step: "
        + ("their biases keep them below zero" if biased else "their weights keep them below zero"),
        evidence={"dead_share": first.dead, "threshold": DEAD, "bias": first.bias},
        patches=(Patch(keys, "units that are above zero on some rows have a gradient"), *leaky),
        layer=first.name,
        epoch=0,
        step=0,
    )


def dead_since(f: Features) -> Suspicion | None:
    """Units that died while training: most often a step that was too large."""
    late = [
        layer
        for layer in f.hidden
        if len(layer.dead_shares) > 1 and layer.dead_shares[-1] > max(DEAD, layer.dead_shares[0] + 0.3)
    ]
    if not late:
        return None
    first = late[0]
    shares = first.dead_shares
    epoch = next(n for n, share in enumerate(shares) if share > (shares[0] + shares[-1]) / 2)
    return Suspicion(
        "dead_relu",
        0.35 * ramp(shares[-1], DEAD, 0.9),  # the step that did it, if it is known, comes first
        "epochs",
        f"{shares[-1]:.0%} of the units of {first.name} are 0 on every row, most since epoch {epoch}",
        evidence={"dead_share": shares[-1], "at_start": shares[0], "threshold": DEAD},
        patches=(
            Patch({"optimizer.lr": f.case.lr / 10}, "smaller steps do not push units below zero on every row"),
            Patch(first.with_activation("leaky_relu"), "a leaky unit has a gradient below zero, too"),
        ),
        layer=first.name,
        epoch=epoch,
    )


@rule(
    "saturated",
    stage="init",
    source="Glorot and Bengio 2010, Understanding the difficulty of training deep feedforward neural networks",
    explains=("vanishing_gradient", "lr_too_low", "underfit", "too_few_epochs", "lr_too_high", "overfit"),
)
def saturated(f: Features) -> Suspicion | None:
    """Bounded units that stand at their ends, where their derivative is next to nothing."""
    bounded = [layer for layer in f.hidden if layer.activation in BOUNDED and layer.measured and not layer.normalized]
    flat = [layer for layer in bounded if layer.flat > FLAT]
    if not flat:
        return None
    first = flat[0]
    biased = abs(first.bias) > 2 * first.Z_spread and abs(first.bias) > 1
    keys = with_values(f, flat, **({"bias_init": 0.0} if biased else {"init": None}))
    return Suspicion(
        "saturated",
        ramp(first.flat, FLAT, 0.9),
        "init",
        f"{first.flat:.0%} of the outputs of {first.name} are saturated before the first step: "
        f"the derivative of {first.activation} is below 0.01 there",
        evidence={"saturated_share": first.flat, "threshold": FLAT, "bias": first.bias},
        patches=(Patch(keys, "near zero the activation is steep and passes the gradient on"),),
        layer=first.name,
        epoch=0,
        step=0,
    )


@rule(
    "vanishing_gradient",
    stage="init",
    source="Hochreiter 1991; Bengio et al. 1994; Glorot and Bengio 2010",
    explains=("lr_too_low", "underfit", "too_few_epochs", "frozen_layer"),
)
def vanishing_gradient(f: Features) -> Suspicion | None:
    """The gradient fades from the output to the first layer, though the weights have the right size."""
    fall = f.gradient_fall
    if not isfinite(fall):
        return None
    # what differs from row to row fades on its way forward, and the gradient of it on its way back
    fade = f.signal_fade
    if (fall < FADED or fall / (len(f.signal) - 2) < 0.2) and fade < 1.5:
        return None
    first, last = f.hidden[0], f.hidden[-1]
    return Suspicion(
        "vanishing_gradient",
        max(ramp(fall, FADED, 2.5), ramp(fade, FADED, 2.4)),
        "init",
        f"the gradient of {first.name} is {10**-fall:.1g} times that of {last.name} before the "
        f"first step: each {first.activation} layer passes on a fraction of it",
        evidence={"gradient_ratio": 10**-fall, "threshold": 10**-FADED, "layers": len(f.signal)},
        patches=(
            Patch(relu_layers(f), "a ReLU passes the gradient on at its full size where it is active"),
            Patch(normalized_layers(f), "batch normalization restores the size of the signal in every layer"),
        ),
        layer=first.name,
        epoch=0,
        step=0,
    )


@rule(
    "exploding_gradient",
    stage="init",
    source="Pascanu et al. 2013, On the difficulty of training recurrent neural networks",
    explains=TRAINING,
)
def exploding_gradient(f: Features) -> Suspicion | None:
    """Gradients that are huge before the first step: targets without scale, or a depth that makes them grow."""
    if f.data.scale.target_size > 5:
        return unscaled_targets(f)
    growth = -f.gradient_fall
    if not growth >= GROWN:
        return None
    first, last = f.hidden[0], f.hidden[-1]
    return Suspicion(
        "exploding_gradient",
        ramp(growth, GROWN, 3.0),
        "init",
        f"the gradient grows {10**growth:.2g}-fold from {last.name} back to {first.name}",
        evidence={"growth": 10**growth, "threshold": 10**GROWN},
        patches=(
            Patch({"optimizer.lr": f.case.lr / 10}, "smaller steps suit the larger gradient"),
            Patch({"regularize.clip_norm": 1.0}, "gradients of large norm are scaled down"),
        ),
        layer=first.name,
        epoch=0,
        step=0,
    )


def unscaled_targets(f: Features) -> Suspicion:
    size, target = f.data.scale.target_size, f.data.scale.target
    return Suspicion(
        "exploding_gradient",
        ramp(log10(size), 0.7, 1.7),
        "init",
        f"the targets are not scaled (mean or standard deviation {size:.3g}), and the gradient grows with them",
        evidence={"target_mean": target["mean"], "target_std": target["std"], "loss": f.case.start_loss},
        patches=(
            Patch({"data.target_scale": "standard"}, "targets of mean 0 and std 1 suit the weights and the rate"),
        ),
        layer="output",
        epoch=0,
        step=1,
    )
