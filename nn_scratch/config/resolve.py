"""A Config from a file, the overrides of the command line and the defaults: the entry point of this package."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from nn_scratch.config.document import Document, Mark, Problem
from nn_scratch.config.loader import read_document
from nn_scratch.config.overrides import apply_override, set_value
from nn_scratch.config.project import default_config
from nn_scratch.config.schema import Config
from nn_scratch.config.section import UNKNOWN_KEY
from nn_scratch.config.writer import to_plain
from nn_scratch.paths import expanded
from nn_scratch.wording import printable, shortened

MEANT = re.compile(r"unknown key; did you mean ([a-z_]+(?:\.[a-z_0-9]+)+) \(")

__all__ = ["change_config", "config_from", "load_config", "override_config"]


def load_config(path: str | Path | None = None, overrides: Sequence[str] = (), name: str | None = None) -> Config:
    """Read a config, apply `key=value` overrides in their order, and check everything.

    Without a path it is the project's own config/param.yaml; a relative path is taken from the current directory.
    `name` replaces the config's `name`. Raises UserError with a line for every problem of the file and the overrides
    together, EnvironmentFailure when the file cannot be read.
    """
    default = default_config()
    document = read_document(default, _from_here(default)) if path is None else read_document(expanded(path))
    if "layers" not in document.value and any(override.startswith("layers.") for override in overrides):
        document.value["layers"] = deepcopy(Config.model_fields["layers"].default)
    for order, override in enumerate(overrides, 1):
        apply_override(document, override, order)
    if name is not None:
        argument = Mark(len(overrides) + 1, 1, 1, printable(shortened(f"--name {name}")))
        set_value(document, ["name"], name, argument)
    return _checked(document)


def config_from(values: Mapping[str, Any]) -> Config:
    """A Config from plain values, as a run's param.yaml holds them; raises UserError with a line for every problem."""
    return _checked(Document(dict(values)))


def change_config(config: Config, changes: Mapping[str, Any]) -> Config:
    """The config with values replaced by their dotted keys: {"optimizer.lr": 0.001, "layers.0.units": 64}.

    Raises UserError where a key or a value does not fit.
    """
    document = Document(to_plain(config))
    for key, value in changes.items():
        set_value(document, key.split("."), deepcopy(value), None)
    return _checked(document)


def override_config(config: Config, overrides: Sequence[str]) -> Config:
    """The config with `key=value` overrides applied, as on the command line."""
    document = Document(to_plain(config))
    for order, override in enumerate(overrides, 1):
        apply_override(document, override, order)
    return _checked(document)


def _from_here(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _checked(document: Document) -> Config:
    config = None
    try:
        config = Config.model_validate(document.value)
    except ValidationError as error:
        for one in error.errors(include_url=False, include_input=False):
            path = one["loc"]
            if not document.is_broken(path):
                mark = document.mark(path, of_key=one["type"] == UNKNOWN_KEY)
                document.problems.append(Problem(mark, path, one["msg"]))
    if config is None or document.problems:
        document.problems = without_consequences(document.problems)
        document.refuse()
    return config.written_in(document)


def without_consequences(problems: Sequence[Problem]) -> list[Problem]:
    """The problems without that of a missing key whose value stands in the wrong place: `neurons: 8` beside layers."""
    elsewhere = {tuple(found[1].split(".")) for one in problems if (found := MEANT.match(one.reason))}
    missing = [one for one in problems if one.reason.startswith("is missing") and len(one.path) > 1]
    explained = []
    for first, *_, last in elsewhere:
        known = [one for one in missing if (one.path[0], one.path[-1]) == (first, last)]
        explained += known if len(known) == 1 else []
    return [one for one in problems if one not in explained]
