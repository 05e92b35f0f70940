"""A change of a config as people read and use it: key by key; as YAML to paste; as arguments to type.

Throughout, `new` is the change, new values by dotted key, and `config` the plain values of the config that it changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.writer import ABSENT, config_difference, to_plain, value_text, yaml_line
from nn_scratch.errors import UserError

USUAL = {"bias": True, "bias_init": 0.0, "trainable": True}  # of a dense layer: left out of patches; a definition


def changes(new: Mapping[str, Any], config: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """What changes: key, old value, new value; ABSENT where nothing stands, or what stands by default.

    Where the layers stay and their values change, those values, with the layers' names; of several layers that change
    alike as one: "layers 0, 2: activation (hidden_1, hidden_3)".
    """
    found: list[tuple[str, Any, Any]] = []
    names = layer_names(config.get("layers") or [])
    for key, value in new.items():
        old = old_value(config, key)
        if key == "layers" and isinstance(old, list) and [*map(kind_of, old)] == [*map(kind_of, value)]:
            found += of_layers(written_out(old, config), written_out(value, config), names)
        elif key == "layers" and isinstance(old, list) and value == old[: len(value)]:
            numbers = range(len(value), len(old))
            which = named_places([f"layers.{number}" for number in numbers], names)
            found.append(
                (f"layers {', '.join(map(str, numbers))}{which}", ", ".join(map(kind_of, old[len(value) :])), ABSENT)
            )
        else:
            place = ".".join(key.split(".")[:2])
            which = named_places([place], names) if key.startswith("layers.") else ""
            found.append((f"{key}{which}", *stated(key, old, value, config)))
    return found


def signed(new: Mapping[str, Any], config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """`changes` as lines of a difference: ("-", "optimizer.lr: 0.1"), ("+", "optimizer.lr: 0.01")."""
    lines = []
    for key, *values in changes(new, config):
        lines += [
            (sign, f"{key}: {value_text(value)}") for sign, value in zip("-+", values, strict=True) if value != ABSENT
        ]
    return lines


def written_out(layers: list[Any], config: Mapping[str, Any]) -> list[Any]:
    """Layers with every default; as they are where no config can have them."""
    try:
        found: list[Any] = to_plain(change_config(config_from(config), {"layers": layers}))["layers"]
    except UserError:
        return layers
    return found


def stated(key: str, old: Any, new: Any, config: Mapping[str, Any]) -> tuple[Any, Any]:
    """Old and new value without null: the initializer that stands for it, or ABSENT where nothing does."""
    if key.rpartition(".")[2] == "init":
        layer = old_value(config, key.rpartition(".")[0])
        activation = layer.get("activation") if isinstance(layer, Mapping) else None
        return tuple(suited(activation) if value is None else value for value in (old, new))
    return tuple(ABSENT if value is None else value for value in (old, new))  # type: ignore[return-value]


def suited(activation: Any) -> Any:
    """The initializer that `init: null` stands for, with an activation."""
    from nn_scratch.nn.activations import ACTIVATIONS

    plain = dict(activation) if isinstance(activation, Mapping) else {"type": activation or "identity"}
    kind = plain.pop("type")
    name, parameters = ACTIVATIONS.create("identity" if kind == "auto" else kind, **plain).initializer
    return {"type": name, **parameters} if parameters else name


def kind_of(layer: Any) -> str:
    return str(layer["type"] if isinstance(layer, Mapping) else layer)


def layer_names(layers: list[Any], key: str = "layers", taken: list[int] | None = None) -> dict[str, str]:
    """By dotted key, the names of dense layers, nested too: {"layers.0": "hidden_1"}; of others the type."""
    counted = [0] if taken is None else taken
    found: dict[str, str] = {}
    for number, layer in enumerate(layers):
        place = f"{key}.{number}"
        if kind_of(layer) == "dense":
            counted[0] += 1
            found[place] = f"hidden_{counted[0]}"
        else:
            found[place] = kind_of(layer)
        if isinstance(layer, Mapping) and isinstance(layer.get("layers"), list):
            found |= layer_names(layer["layers"], f"{place}.layers", counted)
    return found


def named_places(places: list[str], names: Mapping[str, str]) -> str:
    """ " (hidden_1, hidden_3)", or nothing where no name is known."""
    known = [names[place] for place in places if place in names]
    return f" ({', '.join(known)})" if known else ""


def of_layers(old: list[Any], new: list[Any], names: Mapping[str, str]) -> list[tuple[str, Any, Any]]:
    """What differs within layers that stay; a change that several layers share, once."""
    places: dict[str, list[str]] = {}  # by the change as text: values need not be hashable
    differing: dict[str, tuple[str, Any, Any]] = {}
    for key, before, after in config_difference({"layers": old}, {"layers": new}):
        _, index, inner = key.split(".", 2)
        change = (inner, *stated(key, before, after, {"layers": new}))
        if change[1] == change[2]:  # the initializer by its name, and by null
            continue
        places.setdefault(repr(change), []).append(index)
        differing[repr(change)] = change
    found = []
    for of, (key, before, after) in zip(places.values(), differing.values(), strict=True):
        which = named_places([f"layers.{index}" for index in of], names)
        where = f"layers {', '.join(of)}: {key}" if len(of) > 1 else f"layers.{of[0]}.{key}"
        found.append((where + which, before, after))
    return found


def old_value(config: Mapping[str, Any], key: str) -> Any:
    """The value at a dotted key; ABSENT where there is none."""
    found: Any = config
    for part in key.split("."):
        if isinstance(found, list) and part.isdigit() and int(part) < len(found):
            found = found[int(part)]
        elif isinstance(found, Mapping) and part in found:
            found = found[part]
        else:
            return ABSENT
    return found


# --- to use


def to_paste(new: Mapping[str, Any], config: Mapping[str, Any]) -> list[str]:
    """The change as lines of YAML; of the layers the whole list, each with its name."""
    lines: list[str] = []
    sections: dict[str, list[tuple[list[str], Any]]] = {}
    for key, given in new.items():
        section, *inner = key.split(".")
        value = stated(key, ABSENT, given, config)[1]
        sections.setdefault(section, []).append((inner, None if value is ABSENT else value))
    for section, entries in sections.items():
        if section == "layers":
            pasted_list = [*pasted_layers(new, config)]
            lines += ["layers:", *pasted_list] if pasted_list else ["layers: []"]
        elif isinstance(part := config.get(section), Mapping) and "type" in part and entries[0][0]:
            # a part is written whole: what is left out of it would be that of the default part
            changed = {**part, **{inner[0]: value for inner, value in entries if len(inner) == 1}}
            lines.append(pasted(section, changed))
        elif len(entries) == 1 and not entries[0][0]:
            lines.append(pasted(section, entries[0][1]))
        else:
            lines.append(f"{section}:")
            lines += [f"  {pasted('.'.join(inner), value)}" for inner, value in entries]
    return lines


def pasted(key: str, value: Any) -> str:
    """A key with its value on one line; what is none is left out."""
    *outer, last = key.split(".")
    if value is None:
        return f"# leave out {key}"
    text = f"{last}: {yaml_line(compact(value))}"
    for part in reversed(outer):
        text = f"{part}: {{{text}}}"
    return text


def pasted_layers(new: Mapping[str, Any], config: Mapping[str, Any]) -> Iterator[str]:
    try:
        layers = to_plain(change_config(config_from(config), new))["layers"]
    except UserError:
        layers = new.get("layers", [])
    names = layer_names(layers)
    for number, layer in enumerate(layers):
        name = names[f"layers.{number}"]
        yield f"  - {yaml_line(compact(layer))}" + (f"  # {name}" if name != kind_of(layer) else "")


def compact(value: Any) -> Any:
    """Mappings without entries that are null, or that every dense layer has."""
    if isinstance(value, Mapping):
        return {
            key: compact(entry)
            for key, entry in value.items()
            if entry is not None and not (key in USUAL and entry == USUAL[key])
        }
    return [compact(entry) for entry in value] if isinstance(value, list) else value


def to_type(new: Mapping[str, Any], config: Mapping[str, Any]) -> str:
    """The change as overrides of the command line: "optimizer.lr=0.01 layers.0.init=he_normal"."""
    import shlex

    arguments = []
    for key, value in new.items():
        old = old_value(config, key)
        if key == "layers" and isinstance(old, list) and [*map(kind_of, old)] == [*map(kind_of, value)]:
            now, then = ({"layers": written_out(layers, config)} for layers in (old, value))
            for path, before, after in config_difference(now, then):
                shown, wanted = stated(path, before, after, then)
                if shown != wanted:
                    arguments.append(override(path, wanted))
        else:
            arguments.append(override(key, stated(key, old, value, config)[1]))
    return shlex.join(arguments)


def override(key: str, value: Any) -> str:
    return f"{key}={'null' if value is ABSENT else yaml_line(compact(value))}"
