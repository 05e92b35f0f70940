"""docs/reference.md: every name that a config may use, with its parameters, their values and defaults, and its source.

All of it comes from the registries and the docstrings of what they hold. `python -m nn_scratch.config.reference_page`
regenerates it; a test fails when it is outdated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nn_scratch.config.parts import parameters_model
from nn_scratch.config.value_schema import show, what
from nn_scratch.data.sources import SOURCES
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.registry import Registry

REFERENCE_PATH = Path(__file__).resolve().parents[2] / "docs" / "reference.md"
HEAD = """\
# Reference

Every name that `config/param.yaml` may use. Wherever a name is given, a mapping with its parameters may be given
instead: `activation: relu` or `activation: {type: leaky_relu, slope: 0.1}`; parameters not given
have their defaults.

*Generated from the code by `python -m nn_scratch.config.reference_page`; not to be edited.*
"""
EVERY = "every one"


@dataclass(frozen=True)
class Chapter:
    """A registry, and the keys of a config that take its names."""

    title: str
    registry: Registry[Any]
    where: str


CHAPTERS = (
    Chapter("Layers", LAYERS, "`layers: [{type: dense, units: 64}, {type: dropout, rate: 0.1}]`"),
    Chapter("Activations", ACTIVATIONS, "`activation` of a dense layer, of an activation layer and of the `output`"),
    Chapter("Initializers", INITIALIZERS, "`init` and `bias_init` of a dense layer"),
    Chapter("Losses", LOSSES, "`loss`"),
    Chapter("Optimizers", OPTIMIZERS, "`optimizer: {type: adam, lr: 0.001}`"),
    Chapter("Schedules", SCHEDULES, "`schedule: {type: cosine, warmup_epochs: 5}`; factors on `optimizer.lr`"),
    Chapter("Data sources", SOURCES, "`data.source`, which also takes the path of a file of your own"),
)


def reference() -> str:
    """The text of docs/reference.md."""
    return "\n".join([HEAD, *(line for chapter in CHAPTERS for line in _chapter(chapter))])


def source_of(part: type) -> str:
    """The text after "Source:" in a docstring, on one line; empty where there is none."""
    found = re.search(r"^Source: (.*?)(?=^In practice:|^$|\Z)", inspect.getdoc(part) or "", re.DOTALL | re.MULTILINE)
    return " ".join(found[1].split()) if found else ""


def _chapter(chapter: Chapter) -> Iterator[str]:
    registry = chapter.registry
    yield f"## {chapter.title}\n\n{chapter.where[0].upper()}{chapter.where[1:]}.\n"
    entries = [(f"`{name}`", registry.summary(name), source_of(registry[name])) for name in sorted(registry)]
    columns = 3 if any(source for *_, source in entries) else 2
    yield from _table(("name", "what it is", "source")[:columns], [entry[:columns] for entry in entries])
    parameters = list(_parameters(registry))
    if parameters:
        yield from _table(("name", "parameter", "value", "default", "meaning"), parameters)


def _parameters(registry: Registry[Any]) -> Iterator[tuple[str, ...]]:
    """A row a parameter; those that every entry has alike come first, once."""
    rows = {name: list(_rows(registry, name)) for name in sorted(registry)}
    shared = [row for row in next(iter(rows.values())) if all(row in others for others in rows.values())]
    yield from ((EVERY, *row) for row in shared)
    for name, own in rows.items():
        yield from ((f"`{name}`", *row) for row in own if row not in shared)


def _rows(registry: Registry[Any], name: str) -> Iterator[tuple[str, str, str, str]]:
    schema = parameters_model(registry, name).json_schema()
    for parameter, value in schema["properties"].items():
        default = "must be given" if parameter in schema.get("required", ()) else f"`{show(value['default'])}`"
        yield f"`{parameter}`", what(value), default, value.get("description", "")


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> Iterator[str]:
    for cells in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
    yield ""


if __name__ == "__main__":
    REFERENCE_PATH.parent.mkdir(exist_ok=True)
    REFERENCE_PATH.write_text(reference(), encoding="utf-8")
    print(f"wrote {REFERENCE_PATH}")
