"""docs/run-folder.md: the keys of every document of a run's folder, with their types and meanings.

All of it comes from the models. `python -m nn_scratch.runs.documents.page` regenerates it; a test fails when it is
outdated.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_origin

from pydantic import InstanceOf
from pydantic.fields import FieldInfo

from nn_scratch.runs.documents import Card, Commit, Diagnosis, Document, Info, Labels, Signals
from nn_scratch.runs.documents.base import TextOrNumber

PAGE_PATH = Path(__file__).resolve().parents[3] / "docs" / "run-folder.md"
DOCUMENTS: tuple[type[Document], ...] = (Info, Card, Signals, Commit, Diagnosis, Labels)
HEAD = """\
# The documents of a run's folder

The JSON files below `outputs/<run>/`. A key that may be missing is marked "optional"; null stands for "none", and for a
number that is not finite. Readers ignore keys that are not listed. `metrics.csv`, `layers.csv`, `steps.csv` and the
`.npy` logs are described in docs/python.md.

*Generated from the code by `python -m nn_scratch.runs.documents.page`; not to be edited.*
"""
NAMES = {str: "text", int: "whole number", float: "number", bool: "true or false", Any: "any"}


def page() -> str:
    """The text of docs/run-folder.md."""
    return "\n".join([HEAD, *(line for document in DOCUMENTS for line in _chapter(document))])


def _chapter(document: type[Document]) -> Iterator[str]:
    module = inspect.getdoc(sys.modules[document.__module__]) or ""
    file, _, about = module.partition(": ")
    yield f"## {file}\n\n{about[:1].upper()}{about[1:]}\n"
    yield "| key | value | meaning |\n| --- | --- | --- |"
    yield from _rows(document, "", set())
    yield ""


def _rows(document: type[Document], above: str, shown: set[type[Document]]) -> Iterator[str]:
    """A row a key; the keys of a mapping that stands in several places are listed in the first."""
    for name, field in document.model_fields.items():
        key = f"{above}{field.alias or name}"
        value, inner = _value(field.annotation)
        optional = "" if field.is_required() else ", optional"
        meaning = _meaning(field) or (_summary(inner) if inner is not None else "")
        yield f"| `{key}` | {value}{optional} | {meaning} |"
        if inner is not None and inner not in shown:
            shown.add(inner)
            yield from _rows(
                inner, f"{key}{'.*' if 'mapping of' in value else '[]' if 'list' in value else ''}.", shown
            )


def _meaning(field: FieldInfo) -> str:
    return next((each for each in field.metadata if isinstance(each, str)), "")


def _summary(document: type[Document]) -> str:
    text = document.__dict__.get("__doc__") or ""
    return " ".join(text.split()).rstrip(".")


def _value(annotation: Any) -> tuple[str, type[Document] | None]:
    """The name of a type, and the document inside it, if there is one."""
    arguments = get_args(annotation)
    if isinstance(annotation, type) and issubclass(annotation, Document):
        return "mapping", annotation
    if annotation is InstanceOf[str]:
        return "text", None
    if annotation is TextOrNumber:
        return "text or number", None
    origin = get_origin(annotation)
    if origin is list:
        value, inner = _value(arguments[0])
        return f"list of {_grouped(value)}", inner
    if origin is dict:
        value, inner = _value(arguments[1])
        return f"mapping of {_grouped(value)}", inner
    if NoneType in arguments:
        (one,) = (each for each in arguments if each is not NoneType)
        value, inner = _value(one)
        return f"{value} or null", inner
    if all(isinstance(each, str) for each in arguments) and arguments:
        return ", ".join(f"`{each}`" for each in arguments), None
    return NAMES.get(arguments[0] if arguments else annotation, "any"), None


def _grouped(value: str) -> str:
    return f"({value})" if " or " in value else value


if __name__ == "__main__":
    PAGE_PATH.write_text(page(), encoding="utf-8")
    print(f"wrote {PAGE_PATH}")
