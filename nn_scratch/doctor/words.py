"""A diagnosis in words: the sentence, the numbers, the change of YAML, why it helps, and where the rule comes from."""

from __future__ import annotations

from collections.abc import Mapping
from math import isfinite
from typing import Any

import yaml
from rich.console import Group, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.text import Text

from nn_scratch.config.writer import ABSENT
from nn_scratch.doctor.diagnosis import Diagnosis, Finding, Patch

COLOURS = {"healthy": "green", "sick": "red", "inconclusive": "yellow"}
SEVERITY_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}
LONGEST_VALUE = 100


def rendered(diagnosis: Diagnosis, config: Mapping[str, Any]) -> RenderableType:
    """The whole diagnosis for the terminal; `config` is that of the run, for the old values of a patch."""
    colour = COLOURS[diagnosis.verdict]
    parts: list[RenderableType] = [Text.from_markup(f"[bold {colour}]{escape(diagnosis.summary)}[/]")]
    for number, finding in enumerate(diagnosis.findings, start=1):
        parts += ["", *finding_lines(finding, config, number)]
    return Group(*parts)


def brief(diagnosis: Diagnosis, config: Mapping[str, Any]) -> RenderableType:
    """The verdict and, of a sick run, the first finding with its first patch: for the end of training."""
    colour = COLOURS[diagnosis.verdict]
    lines = [Text.from_markup(f"[bold {colour}]doctor:[/] {escape(diagnosis.summary)}")]
    if diagnosis.verdict == "sick" and diagnosis.findings[0].patches:
        patch = diagnosis.findings[0].patches[0]
        change = ", ".join(f"{key}: {value_text(new)}" for key, _, new in changes(patch, config))
        lines.append(Text.from_markup(f"  try [bold]{escape(change)}[/]: {escape(patch.why)}"))
    return Group(*lines)


def finding_lines(finding: Finding, config: Mapping[str, Any], number: int) -> list[RenderableType]:
    colour = SEVERITY_COLOURS[finding.severity]
    heading = (
        f"[bold]{number}. {finding.rule}[/]  [{colour}]{finding.severity}[/]  "
        f"[dim]{place(finding)}; confidence {finding.confidence:.0%}[/]"
    )
    sentence = finding.because[0].upper() + finding.because[1:] + ("" if finding.because.endswith("?") else ".")
    lines: list[RenderableType] = [Text.from_markup(heading), indented(Text(sentence))]
    if finding.evidence:
        numbers = ", ".join(f"{key.replace('_', ' ')} {value_text(value)}" for key, value in finding.evidence.items())
        lines.append(indented(Text(numbers, style="dim")))
    if finding.symptoms:
        lines.append(indented(Text(f"explains: {', '.join(finding.symptoms)}", style="dim")))
    for patch in finding.patches:
        lines += [indented(line) for line in patch_lines(patch, config)]
    lines.append(indented(Text(f"source: {finding.source}", style="dim")))
    return lines


def place(finding: Finding) -> str:
    """Where and when: "in hidden_2, epoch 3, step 120"; the stage where no place is known."""
    words = [finding.layer] if finding.layer else []
    words += [f"epoch {finding.epoch}"] if finding.epoch is not None else []
    words += [f"step {finding.step}"] if finding.step is not None else []
    return f"{finding.stage.replace('_', ' ')}" + (f": {', '.join(words)}" if words else "")


def patch_lines(patch: Patch, config: Mapping[str, Any]) -> list[Text]:
    """The patch as a difference of YAML, and why it helps."""
    lines = []
    for key, old, new in changes(patch, config):
        lines += [Text(f"- {key}: {value_text(old)}", style="red")] if old is not ABSENT else []
        lines += [Text(f"+ {key}: {value_text(new)}", style="green")] if new is not ABSENT else []
    return [*lines, Text(f"  {patch.why}", style="italic")]


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


def indented(line: RenderableType) -> RenderableType:
    return Padding(line, (0, 0, 0, 3))
