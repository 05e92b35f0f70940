"""Parts that a config names: layers, activations, optimizers, data sources ...

Wherever a name is given, a mapping with its parameters may stand instead. The names, and the types, bounds and
defaults of their parameters, come from the registries.

    Named                      the result: a type and all its parameters, defaults included
    PartOf(ACTIVATIONS)        marks a key whose value is a part: Annotated[Named, PartOf(ACTIVATIONS)]
    instantiate(registry, n)   the object that a Named describes
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import GetCoreSchemaHandler, ValidationError, create_model
from pydantic_core import CoreSchema, core_schema

from nn_scratch.config.section import UNKNOWN_KEY, Section, refuse, with_keys
from nn_scratch.config.synonyms import name_hint, own_name
from nn_scratch.config.value_schema import (
    SIMPLE,
    JSONSchema,
    any_of,
    fragment,
    join,
    missing_space,
    must_be,
    show,
    what,
)
from nn_scratch.registry import Declared, Registry
from nn_scratch.wording import did_you_mean

__all__ = ["Named", "ParametersOf", "PartOf", "instantiate", "parameters_model"]

T = TypeVar("T")


@dataclass(frozen=True)
class Named:
    """A part as the config has it: the name it is registered by, and all its parameters (its parts Named)."""

    type: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def but(self, **parameters: Any) -> Named:
        """The same part with some of its parameters changed."""
        return replace(self, parameters=self.parameters | parameters)


def instantiate(registry: Registry[T], named: Named, **more: Any) -> T:
    """The object that `named` describes, with its parts; `more` are arguments that no config gives."""
    built = {
        declared.name: _built(declared.registry, named.parameters[declared.name])
        for declared in registry.parameters(named.type)
        if declared.name in named.parameters
    }
    return registry.create(named.type, **built, **more)


def _built(registry: Registry[Any] | None, value: Any) -> Any:
    if isinstance(value, list):
        return [_built(registry, entry) for entry in value]
    return instantiate(registry, value) if registry is not None and isinstance(value, Named) else value


@dataclass(frozen=True)
class PartOf:
    """Marks the type of a key whose value names a part of a registry: Annotated[Named | None, PartOf(ACTIVATIONS)].

    Other members of the type (None, a number, Literal["auto"]) may be written too. `otherwise` is the type of a
    mapping that gives none.
    """

    registry: Registry[Any]
    otherwise: str = ""

    def json_schema(self, annotation: Any) -> JSONSchema:
        reference = {"$ref": f"#/definitions/{definition_name(self.registry)}"}
        return any_of(reference if member is Named else fragment(member) for member in _members(annotation))

    def __get_pydantic_core_schema__(self, annotation: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        others = tuple(member for member in _members(annotation) if member is not Named)

        def named(value: Any) -> Named:
            if isinstance(value, Named):
                return value
            if not isinstance(value, str | dict):
                refuse(must_be(self.json_schema(annotation), value))
            return self._named(value, self.json_schema(annotation))

        def other_or_named(value: Any, other: core_schema.ValidatorFunctionWrapHandler) -> Any:
            try:
                return other(value)
            except ValidationError:
                return named(value)

        if not others:
            return core_schema.no_info_plain_validator_function(named)
        return core_schema.no_info_wrap_validator_function(other_or_named, handler.generate_schema(_union(others)))

    def _named(self, value: str | dict[str, Any], schema: JSONSchema) -> Named:
        if isinstance(value, str):
            name, parameters, place = value, {}, []
        else:
            parameters, place = dict(value), ["type"]
            name = parameters.pop("type", self.otherwise)
            for key in parameters if name == "" else ():
                if hint := missing_space(key):  # type:dense
                    refuse(f"unknown key; {hint}", key, kind=UNKNOWN_KEY)
        if not isinstance(name, str) or name not in self.registry:
            refuse(self._unknown(name, schema), *place)
        return Named(name, _parameters(self.registry, name, parameters))

    def _unknown(self, name: Any, schema: JSONSchema) -> str:
        kind = self.registry.kind
        if name == "":
            return f"is missing; write the name of the {kind}{did_you_mean('', self.registry)}"
        if not isinstance(name, str):
            return f"must be the name of the {kind}, not {show(name)}{did_you_mean('', self.registry)}"
        alternatives = schema.get("anyOf", [])
        words = [word for one in alternatives for word in one.get("enum", ())]
        hint = name_hint(kind, name[:100], [*self.registry], words)
        others = [what(one) for one in alternatives if "title" in one]
        if others and hint.startswith("; one of"):
            hint += f"; or write {join(others)}"
        return f"unknown {kind} {show(name)}{hint}"


@dataclass(frozen=True)
class ParametersOf:
    """Marks the type of a key that takes the parameters of one part, whose name is not written."""

    registry: Registry[Any]
    name: str
    without: Mapping[str, str] = field(default_factory=dict)  # parameters that the config does not give, and why
    instead: Mapping[str, tuple[Any, Any]] = field(default_factory=dict)  # other types and defaults for some

    def json_schema(self, annotation: Any) -> JSONSchema:
        return self._model.json_schema()

    def __get_pydantic_core_schema__(self, annotation: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        def named(value: Any) -> Named:
            if isinstance(value, Named):
                return value
            for key in value if isinstance(value, dict) else ():
                if why := self.without.get(own_name(str(key), self.without)):
                    refuse(f"{why}; take the key out", str(key), kind=UNKNOWN_KEY)
            return Named(self.name, _validated(self._model, value))

        return core_schema.no_info_plain_validator_function(named)

    @cached_property
    def _model(self) -> type[Section]:
        fields = {**_fields(self.registry, self.name), **self.instead}
        return create_model(self.name, __base__=Section, **{k: v for k, v in fields.items() if k not in self.without})


def _validated(model: type[Section], parameters: Any) -> dict[str, Any]:
    checked = model.model_validate(parameters)
    return {name: getattr(checked, name) for name in model.model_fields}


def _parameters(registry: Registry[Any], name: str, written: dict[str, Any]) -> dict[str, Any]:
    """All parameters of a part, of those that the config gives; former names are read as those of today."""
    former = {old: new for old, new in registry.former_parameters(name).items() if old in written}
    for old, new in former.items():
        if new in written:
            refuse(f"is the former name of {new!r}, which is written too; take {old!r} out", old, kind=UNKNOWN_KEY)
    renamed = {former.get(key, key): value for key, value in written.items()}
    try:
        return _validated(parameters_model(registry, name), renamed)
    except ValidationError as error:
        if not former:
            raise
        raise with_keys(error, {new: old for old, new in former.items()}) from None


@cache
def parameters_model(registry: Registry[Any], name: str) -> type[Section]:
    """The mapping of a part's parameters, without its type."""
    return create_model(name, __base__=Section, **_fields(registry, name))


def _fields(registry: Registry[Any], name: str) -> dict[str, Any]:
    return {
        declared.name: (_config_type(declared), ... if declared.required else declared.default)
        for declared in registry.parameters(name)
    }


def _config_type(declared: Declared) -> Any:
    """The type of a parameter as the config gives it: classes that a registry builds become Named."""
    if declared.registry is None:
        return declared.annotation
    annotation, *extras = get_args(declared.annotation)
    part = PartOf(declared.registry)
    if get_origin(annotation) is list:
        return Annotated[list[Annotated[Named, part]], *extras]
    # text is always the name of a part
    simple = SIMPLE.keys() - {str}
    plain = tuple(member for member in _members(annotation) if member in simple or get_origin(member) is Literal)
    return Annotated[_union((Named, *plain)), part, *extras]


def _members(annotation: Any) -> tuple[Any, ...]:
    return get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)


def _union(members: tuple[Any, ...]) -> Any:
    return Union[members]  # noqa: UP007 (a union of what is known only when the program runs)


def definition_name(registry: Registry[Any], name: str = "") -> str:
    """The place of a registry, or of one of its parts, among the JSON Schema's definitions."""
    return registry.kind.replace(" ", "_") + (f".{name}" if name else "")
