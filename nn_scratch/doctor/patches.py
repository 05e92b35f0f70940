"""Changes of the list of layers, which count as one key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from typing import Any

from nn_scratch.doctor.diagnosis import MOST_KEYS
from nn_scratch.doctor.features import Features
from nn_scratch.doctor.layout import DenseLayer, walk

PRIOR_STD = 0.3  # of the weights, of which few networks need more once inputs are scaled; by hand
MOST_L2 = 0.1  # above it a penalty outweighs the data; by hand


def suited_l2(rows: int) -> float:
    """The L2 penalty that keeps weights near PRIOR_STD: for a mean loss over so many rows, that of a normal prior
    (MacKay 1992, A practical Bayesian framework for backpropagation networks)."""
    return float(f"{min(MOST_L2, 1 / (max(1, rows) * PRIOR_STD**2)):.1g}")


def with_layers(f: Features, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`layers` with values changed: {"layers.0": {"init": None}} to {"layers": [...]}."""
    layers = deepcopy(f.case.config["layers"])
    for key, values in changes.items():
        entry: Any = {"layers": layers}
        for part in key.split("."):
            entry = entry[int(part)] if isinstance(entry, list) else entry[part]
        entry.update(values)
    return {"layers": layers}


def relu_layers(f: Features) -> dict[str, Any]:
    """`layers` with ReLU and its own initializer for every hidden layer that has an activation."""
    changes: dict[str, dict[str, Any]] = {}
    for layer in f.hidden:
        if layer.activation != "identity":
            changes.setdefault(layer.key, {})["init"] = None
            changes.setdefault(layer.activation_key or layer.key, {})["activation"] = "relu"
    return with_layers(f, changes)


def normalized_layers(f: Features) -> dict[str, Any]:
    """`layers` with a batch normalization between every hidden layer and its activation, nested ones included."""
    layers = deepcopy(f.case.config["layers"])
    chosen = {layer.key: layer for layer in f.hidden if not layer.normalized and layer.activation != "identity"}

    def rebuilt(entries: list[Any], key: str) -> list[Any]:
        found: list[Any] = []
        for index, entry in enumerate(entries):
            here = f"{key}.{index}"
            if isinstance(entry, Mapping) and entry.get("layers"):
                entry = {**entry, "layers": rebuilt(entry["layers"], f"{here}.layers")}
            layer = chosen.get(here)
            if layer is None:
                found.append(entry)
            elif layer.activation_key is not None:
                found += [entry, "batch_norm"]
            else:
                activation = entry.get("activation") or "relu"
                found += [
                    {**entry, "activation": "identity"},
                    "batch_norm",
                    {"type": "activation", "activation": activation},
                ]
        return found

    return {"layers": rebuilt(layers, "layers")}


def with_values(f: Features, layers: Sequence[DenseLayer], **values: Any) -> dict[str, Any]:
    """The same values for some layers: a key a layer where a patch has room for them, else `layers` as one key."""
    keys = {f"{layer.key}.{name}": value for layer in layers for name, value in values.items()}
    if len(keys) <= MOST_KEYS:
        return keys
    hidden = with_layers(f, {layer.key: values for layer in layers if layer.key != "output"})
    return hidden | {key: value for key, value in keys.items() if key.startswith("output.")}


def nonlinear_layers(f: Features) -> list[Any]:
    """`layers` with ReLU in every dense layer; one hidden layer where there is none."""
    if not f.hidden:
        return [{"type": "dense", "units": 32, "activation": "relu"}]
    layers: list[Any] = deepcopy(f.case.config["layers"])
    for entry in walk(layers):
        if entry.type == "dense":
            entry.config.update(activation="relu", init=None)  # type: ignore[attr-defined]
    return layers


def widened(f: Features, layers: Sequence[DenseLayer], units: int) -> dict[str, Any]:
    """Dense layers with so many units: one by its own key, several as `layers`."""
    if len(layers) == 1:
        return {f"{layers[0].key}.units": units}
    return with_layers(f, {layer.key: {"units": units} for layer in layers})


def without_column(f: Features, column: str) -> dict[str, Any]:
    """`data.ignore` with one more column."""
    return without_columns(f, [column])


def without_columns(f: Features, columns: Sequence[str]) -> dict[str, Any]:
    """`data.ignore` with some more columns."""
    return {"data.ignore": [*(f.case.config["data"].get("ignore") or []), *columns]}
