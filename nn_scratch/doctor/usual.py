"""Settings that usually train, as patches: what a treatment tries where the patches of no finding are left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.config.writer import to_plain
from nn_scratch.doctor.diagnosis import Patch
from nn_scratch.doctor.evidence import WORKING_LR
from nn_scratch.errors import UserError

FEWEST_UNITS = 8  # a narrower layer may be too narrow for anything; by hand
USUAL_UNITS = 32  # of a narrower layer instead; by hand
FEWEST_STEPS = 1500  # a few seconds of a small network; by hand
MOST_DROPOUT = 0.5  # the rate of hidden layers in Srivastava et al. 2014
MORE = 4  # times as many epochs, and units; by hand
MOST_UNITS = 256  # that a widened layer gets; by hand
MOST_STEPS = 100_000  # of a longer training: half a minute of a small network; bounds time


def usual_settings(config: Config, steps: int) -> Iterator[Patch]:
    """Patches, a key each, back to settings that train most small networks; none for what is so already.

    steps: how many training steps the config's epochs are.
    """
    plain = to_plain(config)
    for key, value, why in (*of_sections(plain), *of_length(plain, steps)):
        if value_at(plain, key) != value:
            yield Patch({key: value}, why)
    layers = of_layers(plain["layers"])
    if layers != plain["layers"]:
        yield Patch({"layers": layers}, "layers as they usually train: ReLU, its own initializer, no narrow one")


def of_sections(plain: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    yield "data.scale", "standard", "features of mean 0 and standard deviation 1 are what initial weights expect"
    yield "data.target_scale", "standard", "a target of standard deviation 1 is what rates and initial weights expect"
    yield "output.activation", "auto", "the loss expects outputs without an activation"
    yield "output.init", None, "initial weights that suit the output"
    yield "loss", "auto", "the loss that fits the target"
    yield "data.shuffle", True, "the parts of the split have the same kinds of rows"
    yield "train.shuffle", True, "each batch has all kinds of rows"
    optimizer = plain["optimizer"]
    kind = optimizer["type"] if isinstance(optimizer, Mapping) else optimizer
    if kind in WORKING_LR:
        momentum = float(optimizer.get("momentum") or 0.0) if isinstance(optimizer, Mapping) else 0.0
        rate = WORKING_LR[kind] * (1 - min(0.99, momentum))
        if not rate / 5 <= float(optimizer["lr"]) <= rate * 5:
            yield "optimizer", {"type": "adam", "lr": WORKING_LR["adam"]}, "Adam at a rate that trains most networks"
    for name in ("l1", "l2"):
        yield f"regularize.{name}", 0.0, "no penalty on the weights"


def of_length(plain: Mapping[str, Any], steps: int) -> Iterator[tuple[str, Any, str]]:
    train = plain["train"]
    if steps < FEWEST_STEPS:
        epochs = -(-int(train["epochs"]) * FEWEST_STEPS // max(1, steps))
        yield "train.epochs", epochs, f"{FEWEST_STEPS:,} steps, where {steps:,} may be too few"
    if train["early_stopping"] is not None and steps < FEWEST_STEPS:
        yield "train.early_stopping", None, "training is not ended early"


def of_layers(layers: list[Any]) -> list[Any]:
    """The layers with ReLU, its own initializer, at least FEWEST_UNITS units, and no more than half dropped."""
    changed = deepcopy(layers)
    for entry in changed:
        if not isinstance(entry, dict):
            continue
        if entry["type"] == "dense":
            entry |= {"activation": "relu", "init": None, "bias_init": 0.0, "trainable": True}
            if entry["units"] < FEWEST_UNITS:
                entry["units"] = USUAL_UNITS
        elif entry["type"] == "dropout" and entry["rate"] > MOST_DROPOUT:
            entry["rate"] = 0.2
        elif entry["type"] == "residual":
            entry["layers"] = of_layers(entry["layers"])
    return changed


def more_of_it(config: Config, steps: int) -> Iterator[list[Patch]]:
    """Longer training, wider layers, and both: for a network that trains and stays behind what the data allow."""
    plain = to_plain(config)
    longer = Patch({"train.epochs": MORE * int(plain["train"]["epochs"])}, "training had not converged")
    wider = Patch({"layers": widened(plain["layers"])}, "wider layers can follow a finer structure")
    plans = [[longer], [longer, wider], [wider]] if plain["layers"] else [[longer]]
    yield from (plan for plan in plans if longer not in plan or MORE * steps <= MOST_STEPS)


def widened(layers: list[Any]) -> list[Any]:
    changed = deepcopy(layers)
    for entry in changed:
        if isinstance(entry, dict) and entry["type"] == "dense":
            entry["units"] = min(MORE * int(entry["units"]), max(MOST_UNITS, int(entry["units"])))
    return changed


def value_at(plain: Mapping[str, Any], key: str) -> Any:
    found: Any = plain
    for part in key.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return found


def fitting(config: Config, patches: Iterator[Patch]) -> list[Patch]:
    """Those that the config takes."""
    found = []
    for patch in patches:
        try:
            change_config(config, patch.set)
        except UserError:
            continue
        found.append(patch)
    return found
