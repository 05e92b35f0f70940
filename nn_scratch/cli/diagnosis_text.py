"""A diagnosis as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from nn_scratch.config.writer import ABSENT, value_text
from nn_scratch.doctor.diagnosis import Diagnosis, Finding, Patch
from nn_scratch.doctor.patch_text import changes

COLOURS = {"healthy": "green", "sick": "red", "inconclusive": "yellow"}

SEVERITY_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}


def rendered(diagnosis: Diagnosis, config: Mapping[str, Any], run: str = "") -> RenderableType:
    """The whole diagnosis for the terminal; `config` is that of the run, for the old values of a patch."""
    colour = COLOURS[diagnosis.verdict]
    parts: list[RenderableType] = [Text(diagnosis.summary, f"bold {colour}")]
    for number, finding in enumerate(diagnosis.findings, start=1):
        parts += ["", *finding_lines(finding, config, number)]
    return Group(*parts)


def brief(diagnosis: Diagnosis, config: Mapping[str, Any]) -> RenderableType:
    """The verdict and, of a sick run, the first finding with its first patch: for the end of training."""
    colour = COLOURS[diagnosis.verdict]
    lines = [Text.assemble(("doctor:", f"bold {colour}"), f" {diagnosis.summary}")]
    if diagnosis.verdict == "sick" and diagnosis.findings[0].patches:
        patch = diagnosis.findings[0].patches[0]
        change = ", ".join(f"{key}: {value_text(new)}" for key, _, new in changes(patch, config))
        lines.append(Text.assemble("  try ", (change, "bold"), f": {patch.why}"))
    return Group(*lines)


def finding_lines(finding: Finding, config: Mapping[str, Any], number: int) -> list[RenderableType]:
    colour = SEVERITY_COLOURS[finding.severity]
    heading = Text.assemble(
        (f"{number}. {finding.rule}", "bold"),
        "  ",
        (finding.severity, colour),
        "  ",
        (f"{place(finding)}; confidence {finding.confidence:.0%}", "dim"),
    )
    sentence = finding.because[0].upper() + finding.because[1:] + ("" if finding.because.endswith("?") else ".")
    lines: list[RenderableType] = [heading, indented(Text(sentence))]
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


def indented(line: RenderableType) -> RenderableType:
    return Padding(line, (0, 0, 0, 3))
