"""Random configs, drawn from the JSON Schema and so from every part that there is."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from nn_scratch.config.json_schema import config_json_schema
from nn_scratch.nn.losses import LOSSES

SCHEMA = config_json_schema()
TEXT = st.characters(exclude_categories=["Cs", "Cc"])  # lone surrogates and control characters are refused
WORDS = [
    "no",
    "Yes",
    "null",
    "~",
    "1e3",
    "0o7",
    "1_0",
    "12:30",
    ".5",
    "",
    " x",
    "a: b",
    "# c",
    "it's",
    '"',
    "ünïcode",
    "\u2028",
    "-",
    "a\nb",
    "\\",
    "é\t",
    "=",
    "<<",
    "*a",
    "🙂",
]
FORMS = {  # by the start of the pattern: text of the form that it asks for
    "^[A-Za-z0-9]": st.from_regex(r"\A[A-Za-z0-9][A-Za-z0-9._-]{0,20}[A-Za-z0-9_]\Z"),
    "[./": st.builds(lambda head, tail: f"{head}.{tail}", st.sampled_from(WORDS), st.sampled_from(WORDS)),
}


def values(schema: dict[str, Any], depth: int = 0) -> st.SearchStrategy[Any]:
    """Values that a schema allows; lists are short, and shorter the deeper they stand."""
    if "anyOf" in schema:
        return st.one_of(*(values(one, depth) for one in schema["anyOf"]))
    if not schema:
        return st.none() | st.booleans() | st.integers() | st.sampled_from(WORDS)
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return st.deferred(lambda: values(SCHEMA["definitions"][name], depth + 1))
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(schema.get("minimum", -(10**30)), schema.get("maximum", 10**30))
        case "number":
            return st.floats(
                schema.get("minimum", schema.get("exclusiveMinimum")),
                schema.get("maximum", schema.get("exclusiveMaximum")),
                exclude_min="exclusiveMinimum" in schema,
                exclude_max="exclusiveMaximum" in schema,
                allow_nan=False,
                allow_infinity=False,
            )
        case "string":
            pattern = schema.get("pattern", "")
            forms = [form for start, form in FORMS.items() if pattern.startswith(start) and pattern]
            return forms[0] if forms else st.sampled_from(WORDS) | st.text(TEXT, max_size=8)
        case "array":
            least = schema.get("minItems", 0)
            return st.lists(values(schema["items"], depth), min_size=least, max_size=max(least, 3 - depth))
        case "object" if "properties" in schema:
            properties = {key: values(inner, depth) for key, inner in schema["properties"].items()}
            required = schema.get("required", [])
            return st.fixed_dictionaries(
                {key: strategy for key, strategy in properties.items() if key in required},
                optional={key: strategy for key, strategy in properties.items() if key not in required},
            )
    keys = st.sampled_from([word for word in WORDS if word]) | st.text(TEXT, min_size=1, max_size=8)
    return st.dictionaries(keys, values(schema["additionalProperties"], depth), max_size=3)


@st.composite
def configs(draw: st.DrawFn) -> dict[str, Any]:
    """The plain values of a config; without what one key forbids another."""
    config: dict[str, Any] = draw(values(SCHEMA))
    data = config.get("data", {})
    data.pop("task", None)
    if "split" in data:
        val = draw(st.sampled_from([0.1, 0.2, 0.25]))
        data["split"] = {"train": 1 - 2 * val, "val": val, "test": val}
    loss = config.get("loss")
    name = loss["type"] if isinstance(loss, dict) else loss
    if name in LOSSES and LOSSES[name].needs_counts:
        config["data"] = {**data, "target_scale": "none"}
    if config.get("sweep") is not None:
        keys = st.sampled_from(["optimizer.lr", "train.epochs"])
        forms = [[1, "a", None], {"log": [1e-4, 0.1], "steps": 4}, {"range": [1, 9], "when": {"loss": ["mse"]}}]
        config["sweep"] |= {"space": draw(st.dictionaries(keys, st.sampled_from(forms), min_size=1)), "trials": 3}
    return config
