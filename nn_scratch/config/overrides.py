"""Changes of a config by dotted keys: `optimizer.lr=0.01 layers.0.units=64 'optimizer={type: sgd, lr: 0.1}'`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from nn_scratch.config.document import Document, KeyPath, Mark, Problem
from nn_scratch.config.loader import parse
from nn_scratch.wording import printable, shortened

__all__ = ["apply_override", "set_value"]


def apply_override(document: Document, override: str, order: int) -> None:
    """Set the value of `key=value` in the document; it is YAML, and replaces the value at the key entirely.

    `order` counts the arguments from 1. Errors are added to the document's problems.
    """
    dotted_key, equals, text = override.partition("=")
    mark = Mark(order, 1, 1, printable(shortened(override)))
    keys = dotted_key.strip().split(".")
    if not equals or "" in keys:
        reason = "is no change of the config; write key=value, as in train.epochs=10"
        document.problems.append(Problem(mark, (), reason))
        return
    if any("\ud800" <= letter <= "\udfff" for letter in dotted_key):  # bytes that are no text
        document.problems.append(Problem(mark, (), "is not UTF-8; write key=value, as in train.epochs=10"))
        return
    value = parse(text, mark.source, order)
    document.problems += [Problem(mark, (*keys, *problem.path), problem.reason) for problem in value.problems]
    path = set_value(document, keys, value.value, mark)
    if value.problems and path is not None:
        document.broken.add(path)


def set_value(document: Document, keys: Sequence[str], value: Any, mark: Mark | None) -> KeyPath | None:
    """Replace the value at the dotted keys, and return its path; None, and a problem, where there is no such place.

    The keys may lead through mappings that the document does not have: they start empty, for the schema to fill, and
    a part given by its name alone becomes a mapping (`optimizer: adam` is {type: adam}). A list must have the entry.
    """
    path: KeyPath = ()
    inside: Any = document.value
    for key in keys[:-1]:
        part = _part(document, inside, key, path, mark)
        if part is None:
            return None
        path = (*path, part)
        found = inside.get(part) if isinstance(inside, dict) else inside[part]
        if found is None:
            found = {}
            _place(document, path, mark)
        elif isinstance(found, str):
            found = {"type": found}
        elif not isinstance(found, dict | list):
            document.problems.append(Problem(mark, path, f"a single value; there is no {keys[len(path)]!r} in it"))
            return None
        inside[part] = found
        inside = found
    part = _part(document, inside, keys[-1], path, mark)
    if part is None:
        return None
    inside[part] = value
    path = (*path, part)
    _place(document, path, mark)
    return path


def _part(document: Document, inside: Any, key: str, path: KeyPath, mark: Mark | None) -> str | int | None:
    """The key of a mapping or the index in a list; None, and a problem, where the list has no such entry."""
    if isinstance(inside, dict):
        return key
    entries = {str(index): index for index in range(len(inside))}
    if key not in entries:
        there = f"from 0 to {len(inside) - 1}" if inside else "none, the list is empty"
        reason = f"there is no entry {shortened(key)!r}; the entries are {there}"
        document.problems.append(Problem(mark, path, reason))
    return entries.get(key)


def _place(document: Document, path: KeyPath, mark: Mark | None) -> None:
    """Record that the value at `path`, and all below it, was written at `mark`."""
    for marks in (document.keys, document.values):
        for inner in [inner for inner in marks if inner[: len(path)] == path]:
            del marks[inner]
        if mark is not None:
            marks[path] = mark
    document.broken = {inner for inner in document.broken if not inner or inner[: len(path)] != path}
