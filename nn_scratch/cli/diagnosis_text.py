"""A diagnosis as text for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.padding import Padding
from rich.segment import Segment
from rich.text import Text

from nn_scratch.config.change_text import changes, signed, to_paste, to_type
from nn_scratch.config.project import OUTPUTS, command
from nn_scratch.config.writer import ABSENT, value_text
from nn_scratch.doctor.diagnosis import Cost, Diagnosis, Finding, Patch
from nn_scratch.runs.folder import find_folder, shown
from nn_scratch.wording import plural, shortened

COLOURS = {"healthy": "green", "sick": "red", "inconclusive": "yellow"}

SEVERITY_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}


def rendered(diagnosis: Diagnosis, config: Mapping[str, Any], run: str = "") -> RenderableType:
    """The whole diagnosis for the terminal.

    config: that of the run, for the old values of a patch. run: as it is typed, for the commands that apply a patch;
    without it none are shown.
    """
    colour = COLOURS[diagnosis.verdict]
    parts: list[RenderableType] = [Text(diagnosis.summary, f"bold {colour}")]
    patches = 0
    for number, finding in enumerate(diagnosis.findings, start=1):
        parts += ["", *finding_lines(finding, config, number, run, patches)]
        patches += len(finding.patches)
    if diagnosis.retraining:
        parts += ["", Text(retraining_text(diagnosis.retraining), style="dim")]
    return Group(*parts)


def brief(diagnosis: Diagnosis, config: Mapping[str, Any]) -> RenderableType:
    """The verdict and, of a sick run, the first finding with its first patch: for the end of training."""
    colour = COLOURS[diagnosis.verdict]
    lines = [Text.assemble(("doctor:", f"bold {colour}"), f" {diagnosis.summary}")]
    if diagnosis.verdict == "sick" and diagnosis.findings[0].patches:
        patch = diagnosis.findings[0].patches[0]
        change = ", ".join(
            f"without {key}" if new is ABSENT else f"{key}: {value_text(new)}"
            for key, _, new in changes(patch.set, config)
        )
        lines.append(Text.assemble("  try ", (shortened(change, 300), "bold"), f": {shortened(patch.why, 500)}"))
    return Group(*lines)


def finding_lines(
    finding: Finding, config: Mapping[str, Any], number: int, run: str = "", patches_before: int = 0
) -> list[RenderableType]:
    """A finding with its patches, which are numbered through all findings."""
    colour = SEVERITY_COLOURS[finding.severity]
    heading = Text.assemble(
        (f"{number}. {finding.rule}", "bold"),
        "  ",
        (finding.severity, colour),
        "  ",
        (place(finding) + sureness(finding), "dim"),
    )
    lines: list[RenderableType] = [heading, indented(Text(sentence(finding.because)))]
    if finding.evidence:
        numbers = ", ".join(f"{key.replace('_', ' ')} {value_text(value)}" for key, value in finding.evidence.items())
        lines.append(indented(Text(numbers, style="dim")))
    if finding.cost is not None:
        lines.append(indented(Text(cost_text(finding.cost))))
    if finding.symptoms:
        lines.append(indented(Text(f"explains: {', '.join(finding.symptoms)}", style="dim")))
    for count, patch in enumerate(finding.patches, start=patches_before + 1):
        lines += patch_lines(patch, config, count, run)
    lines.append(indented(Text(f"source: {finding.source}", style="dim")))
    return lines


def sentence(because: str) -> str:
    """With a capital and a full stop; a key or a layer's name at the beginning stays as it is written."""
    named = {"_", "."} & set(because.split(" ", 1)[0])
    return (because if named else because[0].upper() + because[1:]) + ("" if because.endswith("?") else ".")


def sureness(finding: Finding) -> str:
    """The confidence of a critical finding; that of others, which is of their cost, is not shown."""
    return f"; confidence {finding.confidence:.0%}" if finding.severity == "critical" else ""


def cost_text(cost: Cost) -> str:
    """The cost of a finding: points of the score with their interval, log loss, and how that is known."""
    measure = {"r2": "R²"}.get(cost.measure, cost.measure.replace("_", " "))
    interval = f"({cost.low:.3f} to {cost.high:.3f})"
    amount = f"{cost.mean:.3f} of {measure}" if cost.low > 0 else f"no measurable {measure}"
    text = f"costs {amount} {interval}"
    if cost.log_loss is not None:
        text += f", and {cost.log_loss:.3f} nats of log loss"
    return text + (", by retraining" if cost.tested else ", as estimated from the references")


def retraining_text(retraining: Mapping[str, Any]) -> str:
    asked = len(retraining["asked"])
    return (
        f"{plural(asked, 'change')} {'was' if asked == 1 else 'were'} tested by retraining for "
        f"{retraining['steps']:,} training steps, of a budget of {retraining['budget']:,}"
    )


def place(finding: Finding) -> str:
    """Where and when: "in hidden_2, epoch 3, step 120"; the stage where no place is known."""
    words = [finding.layer] if finding.layer else []
    words += [f"epoch {finding.epoch}"] if finding.epoch is not None else []
    words += [f"step {finding.step}"] if finding.step is not None else []
    return f"{finding.stage.replace('_', ' ')}" + (f": {', '.join(words)}" if words else "")


def patch_lines(patch: Patch, config: Mapping[str, Any], number: int, run: str = "") -> list[RenderableType]:
    """Why the patch helps, its difference, and how to make it: as YAML to paste and as the command to type."""
    lines = [indented(Text.assemble((f"patch {number}", "bold"), ": ", (patch.why, "italic")))]
    colours = {"-": "red", "+": "green"}
    lines += [indented(Text(f"  {sign} {text}", style=colours[sign])) for sign, text in signed(patch.set, config)]
    if config:
        yaml = to_paste(patch.set, config)
        lines += [indented(Text("  YAML:")), *(Copied(f"       {line}", "dim") for line in yaml)]
    if run:
        typed = f"{command('train')} --config {config_of(run)} {to_type(patch.set, config)}"
        lines += [indented(Text("  command:")), Copied(f"       {typed}", "cyan")]
    return lines


@dataclass(frozen=True)
class Copied:
    """A line to copy, which is never broken in two; to be printed with crop=False."""

    text: str
    style: str

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text, console.get_style(self.style))
        yield Segment.line()


def config_of(run: str) -> str:
    """The path of a run's config as the shell takes it, by how the run is typed."""
    return quote(shown(find_folder(run, OUTPUTS) / "param.yaml"))


def indented(line: RenderableType) -> RenderableType:
    return Padding(line, (0, 0, 0, 3))
