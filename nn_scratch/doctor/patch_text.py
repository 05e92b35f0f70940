"""A diagnosis in words: the sentence, the numbers, the change of YAML, why it helps, and where the rule comes from."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import yaml

from nn_scratch.config.writer import ABSENT
from nn_scratch.doctor.diagnosis import Patch

LONGEST_VALUE = 100


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
    places: dict[str, list[int]] = {}  # by what differs, as text: values need not be hashable
    differing: dict[str, tuple[str, Any, Any]] = {}
    for index, (before, after) in enumerate(zip(old, new, strict=True)):
        if not isinstance(before, Mapping) or not isinstance(after, Mapping):
            continue
        for key in dict.fromkeys((*before, *after)):
            change = (key, before.get(key, ABSENT), after.get(key, ABSENT))
            if change[1] != change[2]:
                places.setdefault(repr(change), []).append(index)
                differing[repr(change)] = change
    return [
        (f"layers {', '.join(map(str, of))}: {key}" if len(of) > 1 else f"layers.{of[0]}.{key}", before, after)
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


def value_text(value: Any) -> str:
    """A value on one line, as YAML would have it, numbers to four digits."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}" if isfinite(value) else "not a number"
    if isinstance(value, list | dict | Mapping):
        text = yaml.safe_dump(shortened(value), default_flow_style=True, width=10**9, sort_keys=False).strip()
        return text if len(text) <= 4 * LONGEST_VALUE else text[: 4 * LONGEST_VALUE] + " ..."
    return str(value)


def shortened(value: Any) -> Any:
    """Mappings without what stands at its default for a reader's eye: null, and floats to four digits."""
    if isinstance(value, Mapping):
        return {key: shortened(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [shortened(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
