"""The values that a key takes: as JSON Schema, which editors read, and from that as the text of an error.

`fragment(annotation)` turns a type with its bounds, from schema.py or the signature of a part, into JSON
Schema; `must_be(schema, value)` is the error of a value: one line with what to write instead.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, GroupedMetadata, Gt, Le, Lt, MinLen
from typing_extensions import Doc

from nn_scratch.wording import shortened

__all__ = ["JSONSchema", "fragment", "join", "missing_space", "must_be", "show", "what"]

JSONSchema = dict[str, Any]

SIMPLE = {bool: "boolean", int: "integer", float: "number", str: "string", NoneType: "null"}
BOUNDS: dict[type, tuple[str, str]] = {
    Ge: ("ge", "minimum"),
    Gt: ("gt", "exclusiveMinimum"),
    Le: ("le", "maximum"),
    Lt: ("lt", "exclusiveMaximum"),
    MinLen: ("min_length", "minItems"),
}
MISSING_SPACE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*):([A-Za-z0-9_.+-]+)(?![^\s,}\]])")
YAML_1_1_BOOLEANS = {"yes": "true", "y": "true", "on": "true", "no": "false", "n": "false", "off": "false"}


def fragment(annotation: Any, metadata: Iterable[Any] = ()) -> JSONSchema:
    """The JSON Schema of a type. Metadata and classes may have a `json_schema` method, which then gives it."""
    metadata = tuple(metadata)
    if get_origin(annotation) is Annotated:
        annotation, *inner = get_args(annotation)
        return fragment(annotation, (*inner, *metadata))
    own = next((extra for extra in metadata if hasattr(extra, "json_schema")), None)
    schema: JSONSchema = own.json_schema(annotation) if own is not None else _of_type(annotation, metadata)
    description = next((extra.documentation for extra in metadata if isinstance(extra, Doc)), "")
    return schema | {"description": description} if description else schema


def _of_type(annotation: Any, metadata: tuple[Any, ...]) -> JSONSchema:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation is Any:
        return {}
    if origin in (Union, UnionType):
        return any_of(fragment(member, _flat_bounds(metadata)) for member in arguments)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is list:
        return {"type": "array", "items": fragment(arguments[0])} | _bounds(metadata)
    if origin is dict:
        return {"type": "object", "additionalProperties": fragment(arguments[1])}
    if hasattr(annotation, "json_schema"):
        return annotation.json_schema()  # type: ignore[no-any-return]
    schema: JSONSchema = {"type": SIMPLE[annotation]}
    if annotation in (int, float):
        schema |= _bounds(metadata)
    return schema


def _flat_bounds(metadata: Iterable[Any]) -> list[Any]:
    flat: list[Any] = []
    for extra in metadata:
        flat += list(extra) if isinstance(extra, GroupedMetadata) else [extra]  # an Interval is several bounds
    return [extra for extra in flat if type(extra) in BOUNDS]


def _bounds(metadata: Iterable[Any]) -> JSONSchema:
    named = [(*BOUNDS[type(bound)], bound) for bound in _flat_bounds(metadata)]
    return {keyword: getattr(bound, attribute) for attribute, keyword, bound in named}


def any_of(schemas: Iterable[JSONSchema]) -> JSONSchema:
    """One schema for any of several; nested alternatives are flattened."""
    flat: list[JSONSchema] = []
    for schema in schemas:
        flat += schema.get("anyOf", [schema])
    return flat[0] if len(flat) == 1 else {"anyOf": flat}


def join(words: Iterable[str]) -> str:
    """a, b or c"""
    *first, last = words
    return f"{', '.join(first)} or {last}" if first else last


def what(schema: JSONSchema) -> str:
    """The values that may be written, in words: "a whole number from 1 to 100000 or null"."""
    return join(_alternatives(schema))


def _alternatives(schema: JSONSchema) -> list[str]:
    if "anyOf" in schema:
        return [words for one in schema["anyOf"] for words in _alternatives(one)]
    if "enum" in schema:
        return [str(word) for word in schema["enum"]]
    if "$ref" in schema:
        return [f"the name of {_a(kind_of(schema))}", "a mapping with its type"]
    if "title" in schema:
        return [_a(schema["title"])]
    match schema["type"]:
        case "null":
            return ["null"]
        case "boolean":
            return ["true", "false"]
        case "integer":
            return [f"a whole number{_range(schema)}"]
        case "number":
            return [f"a number{_range(schema)}"]
        case "array":
            least = f" of at least {schema['minItems']}" if "minItems" in schema else ""
            return [f"a list{least} (each entry {what(schema['items'])})"]
        case "object" if "properties" in schema:
            return [f"a mapping with the keys {', '.join(schema['properties'])}"]
        case "object":
            return [f"a mapping (each value {what(schema['additionalProperties'])})"]
        case _:
            return ["text"]


def kind_of(reference: JSONSchema) -> str:
    return str(reference["$ref"]).rsplit("/", 1)[-1].replace("_", " ")


def _a(noun: str) -> str:
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def _range(schema: JSONSchema) -> str:
    low, above = schema.get("minimum"), schema.get("exclusiveMinimum")
    high, below = schema.get("maximum"), schema.get("exclusiveMaximum")
    if low is not None and high is not None:
        return f" from {_bound(low)} to {_bound(high)}"
    first = f"of at least {_bound(low)}" if low is not None else f"above {_bound(above)}" if above is not None else ""
    last = f"at most {_bound(high)}" if high is not None else f"below {_bound(below)}" if below is not None else ""
    if first and last:
        return f" {first} and {last}"
    return f" {first or ('of ' + last if high is not None else last)}" if first or last else ""


def _bound(number: float) -> str:
    return str(int(number)) if float(number).is_integer() else str(number)


def show(value: Any) -> str:
    """A value as YAML, at most 40 characters."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            return repr(shortened(value, 40))
        case dict():
            return "a mapping" if value else "{}"
        case list():
            return "a list" if value else "[]"
        case float() if math.isnan(value):
            return ".nan"
        case float() if math.isinf(value):
            return ".inf" if value > 0 else "-.inf"
    return shortened(str(value), 40)


def must_be(schema: JSONSchema, value: Any) -> str:
    """The error of a value, with what to write instead."""
    return f"must be {what(schema)}, not {show(value)}{_hint(schema, value)}"


def _hint(schema: JSONSchema, value: Any) -> str:
    alternatives = schema.get("anyOf", [schema])
    types = {one.get("type") for one in alternatives}
    if isinstance(value, str):
        if types & {"integer", "number"}:
            if _is_number(value):
                return "; take the quotes away"
            for plain in (value.replace("_", ""), value.replace(",", ".")):
                if _is_number(plain):
                    return f"; write {plain}"
        if any("properties" in one for one in alternatives) and (hint := missing_space(value)):
            return f"; {hint}"
        if "boolean" in types and value.lower() in YAML_1_1_BOOLEANS:
            return f"; write {YAML_1_1_BOOLEANS[value.lower()]}"
        words = [str(word) for one in alternatives for word in one.get("enum", ())]
        near = get_close_matches(value.lower()[:100], words, n=1, cutoff=0.6)
        return f"; did you mean {near[0]!r}?" if near else ""
    if isinstance(value, float) and "integer" in types and value.is_integer():
        return f"; write {int(value)}"
    if value is None and any("properties" in one for one in alternatives):
        return "; take the key out for its defaults"
    if isinstance(value, int | float) and "string" in types:
        return f"; write '{show(value)}', in quotes"
    return ""


def missing_space(text: str) -> str:
    """ "write a space after the colon: lr: 0.001" for a text that begins like lr:0.001, else nothing."""
    found = MISSING_SPACE.match(text)
    return f"write a space after the colon: {found[1]}: {shortened(found[2], 40)}" if found else ""


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) and "_" not in text
    except ValueError:
        return False
