"""The layers of a config as the doctor sees them: one walk, nested layers included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

NORMALIZATIONS = ("batch_norm", "layer_norm", "rms_norm")


@dataclass(frozen=True)
class Entry:
    """A layer of any type as the config has it."""

    type: str
    key: str  # dotted, of its mapping in the config: layers.0, layers.3.layers.1
    config: Mapping[str, Any]


@dataclass(frozen=True)
class DenseLayer:
    """A dense layer as the config has it, with what follows it."""

    name: str
    key: str  # dotted, of its mapping in the config: layers.0, layers.3.layers.1, output
    activation: str  # its own, or that of the activation layer behind it
    activation_key: str | None  # of the activation layer that gives it; None: its own
    normalized: bool  # whether a normalization follows before the next dense layer
    trainable: bool
    units: int | None  # None: the output, whose units the data decide
    init: str  # the initializer's name
    init_gain: float  # the gain that the config gives it, over its default; 1 where it gives none

    def with_activation(self, name: str) -> dict[str, Any]:
        """The change that gives it another activation, wherever that is written."""
        return {f"{self.activation_key or self.key}.activation": name}


def dense_layers(config: Mapping[str, Any]) -> list[DenseLayer]:
    """The dense layers of a config in order, the output last."""
    entries = list(walk(config["layers"]))
    hidden = [entry for entry in entries if entry.type == "dense"]
    output = config.get("output") or {}
    return [
        *(dense_layer(f"hidden_{i}", one, *followers(one, entries)) for i, one in enumerate(hidden, 1)),
        dense_layer("output", Entry("dense", "output", output), name_of(output.get("activation", "auto")), None, False),
    ]


def dense_layer(name: str, entry: Entry, activation: str, activation_key: str | None, normalized: bool) -> DenseLayer:
    own, units = entry.config, entry.config.get("units")
    return DenseLayer(
        name,
        entry.key,
        activation,
        activation_key,
        normalized,
        bool(own.get("trainable", True)),
        None if units is None else int(units),
        name_of(own.get("init") or "he_normal"),
        relative_gain(own.get("init")),
    )


def relative_gain(init: Any) -> float:
    """The gain that an initializer is given, over its default; 1 where it is given none."""
    from nn_scratch.nn.initializers import INITIALIZERS

    if not isinstance(init, Mapping) or "gain" not in init:
        return 1.0
    return float(init["gain"] / next(p.default for p in INITIALIZERS.parameters(init["type"]) if p.name == "gain"))


def walk(layers: list[Any], key: str = "layers") -> Iterator[Entry]:
    """Every layer, nested ones included, in the order of the forward pass."""
    for index, layer in enumerate(layers):
        here = f"{key}.{index}"
        config: Mapping[str, Any] = {"type": layer} if isinstance(layer, str) else layer
        yield Entry(str(config["type"]), here, config)
        yield from walk(config.get("layers") or [], f"{here}.layers")


def followers(dense: Entry, entries: list[Entry]) -> tuple[str, str | None, bool]:
    """The layers between a dense layer and the next: the activation in force, the key of the activation layer (None:
    the dense layer's own), and whether a normalization."""
    activation, key, normalized = name_of(dense.config.get("activation") or "relu"), None, False
    block = dense.key.rpartition(".")[0]
    for follower in entries[entries.index(dense) + 1 :]:
        if follower.type == "dense" or follower.key.rpartition(".")[0] != block or "layers" in follower.config:
            break
        normalized = normalized or follower.type in NORMALIZATIONS
        if follower.type == "activation" and activation == "identity":
            activation, key = name_of(follower.config["activation"]), follower.key
    return activation, key, normalized


def name_of(part: Any) -> str:
    """The name of a part that the config gives by name or as a mapping."""
    return str(part["type"] if isinstance(part, Mapping) else part)
