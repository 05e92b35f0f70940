"""The mended config as YAML: above each changed line what stood there, and why it was changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nn_scratch.config.schema import Config
from nn_scratch.config.writer import ABSENT, config_difference, dump_config, value_text
from nn_scratch.wording import one_line


@dataclass(frozen=True)
class Change:
    """A key that was changed, why, and the rule that proposed it."""

    key: str
    why: str
    rule: str


def fixed_yaml(
    original: Config, mended: Config, made: Sequence[Change], summary: str, title: str = "Mended by the doctor"
) -> str:
    """The YAML of `mended`, with a comment above every line that differs from `original`."""
    lines = dump_config(mended).splitlines()
    comments: dict[int, list[str]] = {}
    for key, old, _ in config_difference(original, mended):
        if key in ("name", "seed"):
            continue
        change = next((change for change in reversed(made) if related(change.key, key)), None)
        at = line_of(lines, key)
        was = "was not there" if old is ABSENT else f"was {value_text(old)}"
        short = ".".join(key.split(".")[-2:]) if not key.startswith("layers") else key
        because = f"; {change.rule}: {change.why}" if change else ""
        comments.setdefault(at, []).append(one_line(f"{short} {was}{because}"))
    rules = ", ".join(dict.fromkeys(change.rule for change in made))
    head = [f"# {title}: {rules}.", f"# {one_line(summary)}.", ""]
    body = []
    for number, line in enumerate(lines):
        margin = " " * (len(line) - len(line.lstrip()))
        body += [f"{margin}# {comment}" for comment in comments.get(number, [])]
        body.append(line)
    return "\n".join([*head, *body]) + "\n"


def related(one: str, other: str) -> bool:
    return one == other or other.startswith(f"{one}.") or one.startswith(f"{other}.")


def line_of(lines: Sequence[str], key: str) -> int:
    """The line on which a key stands, or the section that it is in."""
    section, *rest = key.split(".")
    start = next((n for n, line in enumerate(lines) if line.startswith(f"{section}:")), 0)
    block = [start]
    for number in range(start + 1, len(lines)):
        if not lines[number].startswith(" "):
            break
        block.append(number)
    if not rest:
        return start
    if section == "layers":
        items = [number for number in block if lines[number].startswith("  - ")]
        index = int(rest[0])
        return items[index] if index < len(items) else start
    return next((number for number in block if lines[number].startswith(f"  {rest[0]}:")), start)
