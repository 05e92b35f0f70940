"""The configs that come with the project, and the JSON Schema that explains them to editors."""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft7Validator

from nn_scratch.config.advice import unwise
from nn_scratch.config.json_schema import REGISTRIES, SCHEMA_PATH, config_json_schema, dump_json_schema
from nn_scratch.config.loader import read_document, read_yaml
from nn_scratch.config.project import default_config
from nn_scratch.config.resolve import config_from, load_config
from nn_scratch.config.schema import Config
from nn_scratch.config.section import Section
from nn_scratch.config.writer import to_plain
from nn_scratch.errors import UserError
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from tests.config.strategies import configs

DEFAULT_CONFIG = default_config()
ROOT = DEFAULT_CONFIG.parents[1]
SHIPPED = sorted(
    path for path in DEFAULT_CONFIG.parent.glob("*.yaml") if ".fixed" not in path.suffixes
)  # not what --fix wrote
VALIDATOR = Draft7Validator(config_json_schema())


def test_there_are_five_or_more_of_them() -> None:
    assert len(SHIPPED) >= 5
    assert DEFAULT_CONFIG in SHIPPED


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_each_loads_without_a_warning_and_fits_the_json_schema(path: Path) -> None:
    assert unwise(load_config(path)) == []
    assert [error.message for error in VALIDATOR.iter_errors(read_yaml(path))] == []
    assert path.read_text(encoding="utf-8").startswith("# yaml-language-server: $schema=param.schema.json\n")


def test_without_a_path_the_project_s_own_config_is_loaded_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_config() == load_config(DEFAULT_CONFIG)


def test_checking_a_config_needs_none_of_the_slow_libraries() -> None:
    program = (
        "import sys; from nn_scratch.config.resolve import load_config; load_config();"
        "print([name for name in ('matplotlib', 'rich', 'scipy', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_problems_of_the_project_s_own_config_name_it_from_where_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = tmp_path / "config" / "param.yaml"
    config.parent.mkdir()
    config.write_text("sed: 1\n")
    monkeypatch.setattr("nn_scratch.config.resolve.default_config", lambda: config)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match=r"^config/param\.yaml:1:1: sed: unknown key"):
        load_config()


def keys(section: type[Section]) -> list[str]:
    inner = [info.annotation for info in section.model_fields.values()]
    return [
        *section.model_fields,
        *(key for kind in inner if isinstance(kind, type) and issubclass(kind, Section) for key in keys(kind)),
    ]


def test_the_default_config_has_every_key_and_a_comment_on_it() -> None:
    lines = DEFAULT_CONFIG.read_text(encoding="utf-8").splitlines()
    wanted = keys(Config)
    assert len(wanted) > 40
    written = [match[1] for line in lines if (match := re.match(r"\s*(\w+):.*#", line))]
    # sections explain themselves by the comments of their keys
    assert set(wanted) - set(written) == {"data", "regularize"}
    document = read_document(DEFAULT_CONFIG)
    uncommented = [
        ".".join(map(str, path))
        for path, mark in document.keys.items()
        if "#" not in lines[mark.line - 1]
        and "layers" not in path
        and path not in {("data",), ("regularize",), ("train",)}
    ]
    assert uncommented == []


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_another_optimizer_is_one_override_of_the_default_config(name: str) -> None:
    assert load_config(None, [f"optimizer.type={name}"]).optimizer.type == name


@pytest.mark.parametrize(
    "name", [name for name in SCHEDULES if not any(p.required for p in SCHEDULES.parameters(name))]
)
def test_another_schedule_is_one_override_of_the_default_config(name: str) -> None:
    assert load_config(None, [f"schedule.type={name}"]).schedule.type == name


def test_the_json_schema_is_current() -> None:
    assert SCHEMA_PATH.read_text(encoding="utf-8") == dump_json_schema(), "run python -m nn_scratch.config.json_schema"


def test_the_json_schema_is_one_and_refers_to_what_is_there() -> None:
    schema = json.loads(dump_json_schema())
    Draft7Validator.check_schema(schema)
    references = set(re.findall(r'"#/definitions/([^"]+)"', dump_json_schema()))
    assert references == set(schema["definitions"])
    assert len(references) == len(REGISTRIES) + sum(len(registry) for registry in REGISTRIES)


def described(schema: dict[str, Any], path: str) -> list[str]:
    """The keys that come without a word of explanation."""
    silent = []
    for name, inner in schema.get("properties", {}).items():
        silent += [] if inner.get("description") else [f"{path}.{name}"]
        silent += described(inner, f"{path}.{name}")
    return silent


def test_the_json_schema_explains_every_key() -> None:
    schema = config_json_schema()
    silent = described(schema, "")
    for name, definition in schema["definitions"].items():
        silent += described(definition, name)
    assert silent == []


@given(configs())
@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
def test_every_config_that_loads_fits_the_json_schema(values: dict[str, Any]) -> None:
    assert [error.message for error in VALIDATOR.iter_errors(values)] == []
    assert [error.message for error in VALIDATOR.iter_errors(to_plain(config_from(values)))] == []


@pytest.mark.parametrize(
    "values",
    [
        {"sed": 1},
        {"seed": -1},
        {"seed": "1"},
        {"name": "../x"},
        {"layers": [{"type": "dense"}]},
        {"layers": ["dense"]},
        {"layers": [{"type": "dense", "units": 8, "untis": 8}]},
        {"layers": [{"type": "dense", "units": 8, "activation": "rleu"}]},
        {"output": {"units": 3}},
        {"data": {"source": "irsi"}},
        {"train": {"shuffle": "no"}},
        {"class_weight": {"a": 0}},
        {"optimizer": {"type": "sgd", "beta1": 0.9}},
        {"schedule": {"type": "step", "step_size": 0}},
    ],
)
def test_the_json_schema_refuses_what_the_loader_refuses(values: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(values)
    with pytest.raises(UserError):
        config_from(values)


INSERTED = [
    *b"\0 \xff \xfe\xff \xef\xbb\xbf *a &a !!int <<: ? - : { } [ ] ' | --- ... # ~ null true relu .nan 1e999".split(),
    *(b'"', b"\t", b"\r", b"\\", b"|\n", b"%YAML 1.1\n", b'"\\ud800"', b'"\\UFFFFFFFF"', b"\xc2\x85", b"\x1b[31m"),
    *(b"9" * 5000, b"[" * 60, b"{a: " * 60, b"- " * 60),
]


def mutated(data: bytes, rng: random.Random) -> bytes:
    for _ in range(rng.choice([1, 1, 2, 5, 30])):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(5):
            case 0:
                data = data[:at] + bytes([rng.randrange(256)]) + data[at + 1 :]
            case 1:
                data = data[:at] + rng.choice(INSERTED) + data[at:]
            case 2:
                data = data[:at] + data[at + rng.choice([1, 5, 50]) :]
            case 3:
                start = rng.randrange(len(data) + 1)
                data = data[:at] + data[start : start + rng.choice([5, 50, 500])] + data[at:]
            case _:
                words = list(re.finditer(rb"[\w.]+", data))
                word = rng.choice(words) if words else None
                data = data[: word.start()] + rng.choice(INSERTED) + data[word.end() :] if word else data
    return data


def test_a_spoilt_config_loads_or_is_refused_in_lines_that_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = random.Random(0)
    originals = [path.read_bytes() for path in SHIPPED]
    refused = 0
    for _ in range(400):
        Path("f.yaml").write_bytes(mutated(rng.choice(originals), rng))
        try:
            load_config("f.yaml")
        except UserError as error:
            refused += 1
            for problem in error.problems:
                assert problem.startswith("f.yaml:")
                assert problem.isprintable()
                assert len(problem) < 600
    assert refused > 100
