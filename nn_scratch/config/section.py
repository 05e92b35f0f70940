"""A mapping of the config, checked by pydantic, with every error in our own words.

`class Train(Section)` declares keys as annotated fields; all errors of a mapping are raised as one pydantic
ValidationError whose messages are those a user reads, each at its path inside the mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, ValidationError, model_validator
from pydantic_core import CoreSchema, InitErrorDetails, PydanticCustomError, core_schema

from nn_scratch.config.document import MAX_PROBLEMS, KeyPath
from nn_scratch.config.synonyms import key_hint
from nn_scratch.config.value_schema import JSONSchema, fragment, must_be, what

__all__ = ["UNKNOWN_KEY", "Section", "Text", "refuse", "with_keys"]

REWORDED = "reworded"  # the type of an error whose message is ours already ...
UNKNOWN_KEY = "unknown_key"  # ... and of one that is about a key, not about its value


def refuse(reason: str, *path: str | int, kind: str = REWORDED) -> NoReturn:
    """Raise a problem with the value (or with the key) at `path` inside what is being validated."""
    raise _validation_error([_error(path, reason, kind)])


@dataclass(frozen=True)
class Text:
    """Marks text of a certain form: `title` is what to write, `pattern` what must be found in it."""

    title: str
    pattern: str

    def json_schema(self, annotation: Any) -> JSONSchema:
        return {"type": "string", "title": self.title, "pattern": self.pattern}

    def __get_pydantic_core_schema__(self, annotation: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.str_schema(pattern=self.pattern)


class Section(BaseModel):
    """A mapping: its keys, their types, bounds, defaults and descriptions."""

    model_config = ConfigDict(
        extra="forbid", strict=True, frozen=True, allow_inf_nan=False, validate_default=True, defer_build=True
    )

    @model_validator(mode="wrap")
    @classmethod
    def _in_our_words(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            return handler(value)
        except ValidationError as error:
            if not isinstance(value, dict):
                refuse(must_be(cls.json_schema(), value))
            raise _validation_error(_reworded(cls, value, error)) from None

    @classmethod
    def json_schema(cls) -> JSONSchema:
        schema: JSONSchema = {"type": "object", "additionalProperties": False, "properties": {}}
        for name, info in cls.model_fields.items():
            key = schema["properties"][name] = _key_schema(cls, name)
            if info.is_required():
                schema.setdefault("required", []).append(name)
            elif not isinstance(info.default, Section):
                key["default"] = info.default
        return schema


def _key_schema(section: type[Section], key: str) -> JSONSchema:
    info = section.model_fields[key]
    return fragment(info.annotation, info.metadata)


def _validation_error(errors: list[InitErrorDetails]) -> ValidationError:
    return ValidationError.from_exception_data("config", errors)


def _error(path: KeyPath, reason: str, kind: str = REWORDED) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(kind, "{reason}", {"reason": reason}), loc=path, input=None)


def _reworded(section: type[Section], value: dict[str, Any], error: ValidationError) -> list[InitErrorDetails]:
    """Pydantic's errors in our words: one a key, or one an entry where something inside a list or mapping is wrong."""
    reworded = []
    missing: dict[str, InitErrorDetails] = {}
    meant: set[str] = set()  # what the hints for unknown keys end in
    places: dict[str, set[KeyPath]] = {}  # where something inside the value of a key is wrong
    for one in error.errors(include_url=False, include_input=False):
        path, kind = one["loc"], one["type"]
        if kind in (REWORDED, UNKNOWN_KEY):
            reworded.append(_error(path, one["ctx"]["reason"], kind))
        elif kind == "extra_forbidden":
            # beyond the problems that are shown, the search for a similar name would only take time
            key = str(path[0])
            reason = _unknown_key(section, key, value[key]) if len(reworded) < MAX_PROBLEMS else "unknown key"
            reworded.append(_error(path, reason, UNKNOWN_KEY))
            meant.add(reason.removeprefix("unknown key; did you mean "))
        elif kind == "missing":
            key = str(path[0])
            missing[key] = _error(path, f"is missing; write {what(_key_schema(section, key))}")
        else:
            key = str(path[0])
            places.setdefault(key, set()).add(_inside(path[1:], value[key]))
    # a key under another library's name is one problem: its hint names the key that is missing
    reworded += [error for key, error in missing.items() if f"{key!r}?" not in meant]
    for key, inside in places.items():
        # Pydantic reports an error for each alternative of a union; the one with the longest path was meant.
        depth = max(len(path) for path in inside)
        for path in sorted((path for path in inside if len(path) == depth), key=str):
            schema, wrong = _key_schema(section, key), value[key]
            for part in path:
                schema, wrong = _entry_schema(schema), wrong[part]
            reworded.append(_error((key, *path), must_be(schema, wrong)))
    return reworded


def _unknown_key(section: type[Section], key: str, value: Any) -> str:
    return f"unknown key{key_hint(key, value, section.model_fields) or f'; {section.__name__} takes none'}"


def with_keys(error: ValidationError, names: Mapping[str, str]) -> ValidationError:
    """The same problems, each under the name that the config has for its first key where `names` gives one."""
    problems = error.errors(include_url=False, include_input=False)
    return _validation_error(
        [
            _error((names.get(str(first), first), *rest), p["msg"], p["type"])
            for p in problems
            for first, *rest in [p["loc"]]
        ]
    )


def _inside(path: tuple[str | int, ...], value: Any) -> KeyPath:
    """The path without the names that pydantic puts into it to tell the alternatives of a union apart."""
    inside: list[str | int] = []
    for part in path:
        if isinstance(part, int) if isinstance(value, list) else isinstance(value, dict) and part in value:
            inside.append(part)
            value = value[part]
    return tuple(inside)


def _entry_schema(schema: JSONSchema) -> JSONSchema:
    """The schema of the entries of a list, or of the values of a mapping with arbitrary keys."""
    entries = (one.get("items", one.get("additionalProperties")) for one in schema.get("anyOf", [schema]))
    return next(entry for entry in entries if entry)
