"""config/param.schema.json: the schema of a config for editors, which complete and explain keys.

`python -m nn_scratch.config.json_schema` regenerates it; a test fails when it is outdated.
"""

from __future__ import annotations

import json
from typing import Any

from nn_scratch.config.parts import PartOf, definition_name, parameters_model
from nn_scratch.config.project import CONFIGS
from nn_scratch.config.schema import Config
from nn_scratch.config.value_schema import JSONSchema
from nn_scratch.data.sources import SOURCES
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.registry import Registry

__all__ = ["SCHEMA_PATH", "config_json_schema", "dump_json_schema"]

SCHEMA_PATH = CONFIGS / "param.schema.json"
REGISTRIES: tuple[Registry[Any], ...] = (
    SOURCES,
    LAYERS,
    ACTIVATIONS,
    INITIALIZERS,
    LOSSES,
    OPTIMIZERS,
    SCHEDULES,
)


def config_json_schema() -> JSONSchema:
    """The JSON Schema (draft 7, which every editor supports) of a config."""
    markers = [extra for info in Config.model_fields.values() for extra in info.metadata if isinstance(extra, PartOf)]
    otherwise = {marker.registry: marker.otherwise for marker in markers}
    definitions: JSONSchema = {}
    for registry in REGISTRIES:
        definitions[definition_name(registry)] = _any_part(registry)
        for name in registry:
            definitions[definition_name(registry, name)] = _part(registry, name, otherwise.get(registry))
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "A run of nn_scratch",
        **Config.json_schema(),
        "definitions": definitions,
    }


def _any_part(registry: Registry[Any]) -> JSONSchema:
    """A name, where the part has no parameters that must be given, or a mapping."""
    models = {name: parameters_model(registry, name) for name in registry}
    names = [
        {"const": name, "description": registry.summary(name)}
        for name, model in models.items()
        if not any(info.is_required() for info in model.model_fields.values())
    ]
    return {"anyOf": [*names, *({"$ref": f"#/definitions/{definition_name(registry, name)}"} for name in registry)]}


def _part(registry: Registry[Any], name: str, otherwise: str | None) -> JSONSchema:
    schema = parameters_model(registry, name).json_schema()
    kind = {"const": name, "description": f"the {registry.kind}: {registry.summary(name)}"}
    required = [*([] if name == otherwise else ["type"]), *schema.get("required", [])]
    return {
        "type": "object",
        "description": registry.summary(name),
        "properties": {"type": kind, **schema["properties"]},
        "required": required,
        "additionalProperties": False,
    }


def dump_json_schema() -> str:
    """The text of config/param.schema.json."""
    return json.dumps(config_json_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    SCHEMA_PATH.write_text(dump_json_schema(), encoding="utf-8")
    print(f"wrote {SCHEMA_PATH}")
