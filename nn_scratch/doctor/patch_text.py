"""What a patch changes of a config, key by key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nn_scratch.config.writer import ABSENT, config_difference
from nn_scratch.doctor.diagnosis import Patch


def changes(patch: Patch, config: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What a patch changes: key, old value, new value. Where the layers stay and their values change, those values;
    of several layers that change alike as one: "layers 0, 1, 2: activation"."""
    found: list[tuple[str, Any, Any]] = []
    for key, value in patch.set.items():
        old = old_value(config, key)
        if key == "layers" and isinstance(old, list) and [*map(kind_of, old)] == [*map(kind_of, value)]:
            found += of_layers(old, value)
        elif key == "layers" and isinstance(old, list) and value == old[: len(value)]:
            numbers = ", ".join(str(number) for number in range(len(value), len(old)))
            found.append((f"layers {numbers}", ", ".join(map(kind_of, old[len(value) :])), ABSENT))
        else:
            found.append((key, old, value))
    return found


def kind_of(layer: Any) -> str:
    return str(layer["type"] if isinstance(layer, Mapping) else layer)


def of_layers(old: list[Any], new: list[Any]) -> list[tuple[str, Any, Any]]:
    """What differs within layers that stay; a change that several layers share, once."""
    places: dict[str, list[str]] = {}  # by the change as text: values need not be hashable
    differing: dict[str, tuple[str, Any, Any]] = {}
    for key, before, after in config_difference({"layers": old}, {"layers": new}):
        _, index, inner = key.split(".", 2)
        places.setdefault(repr((inner, before, after)), []).append(index)
        differing[repr((inner, before, after))] = (inner, before, after)
    return [
        (f"layers {', '.join(of)}: {key}" if len(of) > 1 else f"layers.{of[0]}.{key}", before, after)
        for of, (key, before, after) in zip(places.values(), differing.values(), strict=True)
    ]


def old_value(config: Mapping[str, Any], key: str) -> Any:
    """What stands at a dotted key; ABSENT where nothing does."""
    found: Any = config
    for part in key.split("."):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            return ABSENT
    return found
