"""A Config as readable YAML, and as plain values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from math import isfinite
from typing import Any

import yaml

from nn_scratch.config.parts import Named, ParametersOf
from nn_scratch.config.schema import Config
from nn_scratch.config.section import Section

__all__ = ["ABSENT", "config_difference", "config_differences", "dump_config", "to_plain", "value_text", "yaml_line"]

LINE_LENGTH = 150
LONGEST_VALUE = 400
BLOCK_STYLE = {(), ("data",), ("layers",), ("train",)}  # mappings and lists that get a line an entry, however short

# Text that every YAML parser takes for text without quotes: a word, or a path that begins with one, unless one of the
# versions of YAML, or a language's own float(), gives the word a meaning.
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*")
MEANINGS = frozenset(["y", "n", "yes", "no", "on", "off", "true", "false", "null", "inf", "infinity", "nan"])

ABSENT = "(absent)"


def to_plain(config: Config) -> dict[str, Any]:
    """The plain values (dict, list, str, int, float, bool, None) that load back to an equal Config, every one."""
    plain: dict[str, Any] = _plain(config)
    return plain


def _plain(value: Any) -> Any:
    match value:
        case Section():
            values = {}
            for name, info in type(value).model_fields.items():
                named_by_key = any(isinstance(extra, ParametersOf) for extra in info.metadata)
                values[name] = _plain(getattr(value, name).parameters if named_by_key else getattr(value, name))
            return values
        case Named():
            return {"type": value.type, **_plain(value.parameters)} if value.parameters else value.type
        case list():
            return [_plain(entry) for entry in value]
        case dict():
            return {key: _plain(entry) for key, entry in value.items()}
    return value


def dump_config(config: Config) -> str:
    """The config as YAML, every default written out: a section a block, what is short on one line.

    Loads back to an equal Config, here and in any YAML parser: text that could be taken for something else is quoted.
    """
    return _serialized(_node(to_plain(config), ()))


def yaml_line(value: Any) -> str:
    """A plain value as YAML on one line: {type: adam, lr: 0.001}."""
    node = _in_flow(_node(value, ("",)))
    return _serialized(node).strip().removesuffix("\n...")  # which ends a document of one word


def _in_flow(node: yaml.Node) -> yaml.Node:
    """The node with all mappings and lists in it on one line, however long."""
    if isinstance(node, yaml.CollectionNode):
        node.flow_style = True
        for entry in node.value:
            for part in entry if isinstance(entry, tuple) else (entry,):
                _in_flow(part)
    return node


class _Dumper(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)  # lists are indented like mappings


def _serialized(node: yaml.Node) -> str:
    text: str = yaml.serialize(node, Dumper=_Dumper, allow_unicode=True, width=float("inf"))
    return text


def _node(value: Any, path: tuple[str | int, ...]) -> yaml.Node:
    if not isinstance(value, dict | list):
        return _scalar_node(value)
    node: yaml.MappingNode | yaml.SequenceNode
    if isinstance(value, dict):
        entries = [(_scalar_node(key), _node(entry, (*path, key))) for key, entry in value.items()]
        node = yaml.MappingNode("tag:yaml.org,2002:map", entries, flow_style=True)
    else:
        nodes = [_node(entry, (*path, index)) for index, entry in enumerate(value)]
        node = yaml.SequenceNode("tag:yaml.org,2002:seq", nodes, flow_style=True)
    margin = 2 * len(path) + len(str(path[-1])) if path else 0
    node.flow_style = not value or (path not in BLOCK_STYLE and margin + len(_serialized(node)) <= LINE_LENGTH)
    return node


def _scalar_node(value: Any) -> yaml.ScalarNode:
    match value:
        case None:
            kind, text, style = "null", "null", None
        case bool():
            kind, text, style = "bool", "true" if value else "false", None
        case int():
            kind, text, style = "int", str(value), None
        case float():
            # YAML 1.1 requires a decimal point in numbers with an exponent
            kind, text, style = "float", re.sub(r"^(-?\d+)e", r"\1.0e", repr(value)), None
        case _:
            is_word = WORD.fullmatch(value) and value.lower() not in MEANINGS
            kind, text, style = "str", value, None if is_word else "'"
    return yaml.ScalarNode(f"tag:yaml.org,2002:{kind}", text, style=style)


def config_difference(a: Config | Mapping[str, Any], b: Config | Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """The differences of two configs: (dotted key, value of a, value of b); see `config_differences`."""
    return [(key, of_a, of_b) for key, (of_a, of_b) in config_differences([a, b]).items()]


def config_differences(configs: Sequence[Config | Mapping[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """The differences of configs, or of the plain values of their param.yaml: {dotted key: its value in each}.

    Keys are those of overrides (layers.0.units). A part of another type differs as a whole; where a config has no such
    key its value is ABSENT.
    """
    return dict(_differences([to_plain(one) if isinstance(one, Config) else one for one in configs], ()))


def _differences(values: Sequence[Any], path: tuple[str, ...]) -> Iterator[tuple[str, tuple[Any, ...]]]:
    if all(isinstance(value, list) for value in values):
        values = [{str(index): entry for index, entry in enumerate(entries)} for entries in values]
    first, *others = values
    if all(isinstance(value, Mapping) for value in values) and all(
        value.get("type") == first.get("type") for value in others
    ):
        for key in dict.fromkeys(key for value in values for key in value):
            yield from _differences([value.get(key, ABSENT) for value in values], (*path, str(key)))
    elif any(value != first for value in others):
        yield ".".join(path), tuple(values)


def value_text(value: Any) -> str:
    """A plain value on one line, as YAML would have it: floats to four digits, entries that are null left out."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:.4g}" if isfinite(value) else "not a number"
    if isinstance(value, list | Mapping):
        text = yaml.safe_dump(_abridged(value), default_flow_style=True, width=10**9, sort_keys=False).strip()
        return text if len(text) <= LONGEST_VALUE else text[:LONGEST_VALUE] + " ..."
    return str(value)


def _abridged(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _abridged(entry) for key, entry in value.items() if entry is not None}
    if isinstance(value, list):
        return [_abridged(entry) for entry in value]
    return float(f"{value:.4g}") if isinstance(value, float) else value
