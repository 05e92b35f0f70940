"""Changes of the list of layers, which count as one key."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from nn_scratch.doctor.evidence import Case, name_of


def with_layers(case: Case, changes: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """`layers` with values changed: {"layers.0": {"init": None}} to {"layers": [...]}."""
    layers = deepcopy(case.config["layers"])
    for key, values in changes.items():
        entry: Any = {"layers": layers}
        for part in key.split("."):
            entry = entry[int(part)] if isinstance(entry, list) else entry[part]
        entry.update(values)
    return {"layers": layers}


def relu_layers(case: Case) -> dict[str, Any]:
    """`layers` with ReLU and its own initializer for every hidden layer that has an activation."""
    return with_layers(
        case,
        {
            layer.key: {"activation": "relu", "init": None}
            for layer in case.hidden
            if name_of(layer.config.get("activation") or "relu") != "identity"
        },
    )


def without_type(case: Case, kind: str, **values: Any) -> dict[str, Any]:
    """`layers` with the parameters of every layer of a type replaced."""
    layers = deepcopy(case.config["layers"])
    for entry in layers:
        if name_of(entry) == kind:
            entry.update(values)
    return {"layers": layers}
