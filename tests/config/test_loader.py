"""Whatever the bytes of a config, the loader gives plain values or one-line problems with their places."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from nn_scratch.config.loader import parse, read_document, read_yaml
from nn_scratch.errors import EnvironmentFailure, UserError


def values(text: str) -> Any:
    document = parse(text, "f.yaml")
    assert document.problems == []
    return document.value


def problems(text: str) -> list[str]:
    return [str(problem) for problem in parse(text, "f.yaml").problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001),
        ("1E3", 1000.0),
        ("1.5", 1.5),
        (".5", 0.5),
        ("5.", 5.0),
        ("-1.5e+2", -150.0),
        ("10", 10),
        ("-3", -3),
        ("+3", 3),
        ("010", 10),
        ("0o10", 8),
        ("0xff", 255),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("tRUE", "tRUE"),
        ("1_000", "1_000"),
        ("0b11", "0b11"),
        ("1:30", "1:30"),
        ("1,5", "1,5"),
        ("2024-01-02", "2024-01-02"),
        ("inf", "inf"),
        ("'1'", "1"),
        ('"true"', "true"),
        ('"\\u00e9\\n"', "é\n"),
        ("|\n  1\n", "1\n"),
        ("=", "="),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: Any) -> None:
    found = values(f"key: {text}")["key"]
    assert found == value
    assert type(found) is type(value)


def test_nan_is_a_number() -> None:
    assert math.isnan(values("key: .nan")["key"])


def test_keys_are_always_text() -> None:
    assert values("{0: a, no: b, null: c, 1.5: d, true: e}") == {
        "0": "a",
        "no": "b",
        "null": "c",
        "1.5": "d",
        "true": "e",
    }


def test_every_key_and_value_has_its_place() -> None:
    document = parse("a:\n  - 1\n  - {b: 'c'}\n", "f.yaml")
    assert str(document.keys["a",]) == "f.yaml:1:1"
    assert str(document.values["a", 0]) == "f.yaml:2:5"
    assert str(document.keys["a", 1, "b"]) == "f.yaml:3:6"
    assert str(document.values["a", 1, "b"]) == "f.yaml:3:9"
    assert document.mark(("a", 1, "nothing", "here")) == document.values["a", 1]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2", "f.yaml:2:1: a: written twice (first on line 1); keep one of them"),
        ("{a: 1, 'a': 2}", "f.yaml:1:8: a: written twice (first at column 2); keep one of them"),
        ("a: &x 1", "f.yaml:1:4: a: the anchor &x is not supported; take it out"),
        ("a: *x", "f.yaml:1:4: a: the alias *x is not supported; write the value itself"),
        ("<<: {a: 1}", "f.yaml:1:1: the merge key << is not supported; write the keys themselves"),
        ("a: !!int 1", "f.yaml:1:4: a: the tag !!int is not supported; take it out"),
        (
            "a: !!python/object/apply:os.system [ls]",
            "f.yaml:1:4: a: the tag !!python/object/apply:os.system is not supported; take it out",
        ),
        ("!x a: 1", "f.yaml:1:1: a: the tag !x is not supported; take it out"),
        ("&x a: 1", "f.yaml:1:1: a: the anchor &x is not supported; take it out"),
        ("? [a]\n: 1", "f.yaml:1:3: a key must be a word; put text with special characters in quotes"),
        ("? \n: 2", "f.yaml:1:2: a key is missing before ':'; write key: value"),
        ("a: 1\n---\nb: 2", "f.yaml:2:1: a second document begins here; a config is one, without '---'"),
        (f"a: {'9' * 5000}", "f.yaml:1:4: a: a number of 5000 digits; the most is 300"),
        ("a: 1e999", "f.yaml:1:4: a: the number 1e999 is too large; the most is 1.8e308"),
        ("a: " + "[" * 60, "f.yaml:1:53: a[0][0]: nested more than 50 levels deep; no config needs that"),
        ("a: " + "[" * 60 + "]" * 60, "f.yaml:1:53: a[0][0]: nested more than 50 levels deep; no config needs that"),
        ("- " * 100_000, "f.yaml:1:101: [0][0][0]: nested more than 50 levels deep; no config needs that"),
        ("a: 1\na: " + "[" * 60, "f.yaml:2:53: a[0][0]: nested more than 50 levels deep; no config needs that"),
        ('a: "\\ud800"', "f.yaml:1:4: a: the text holds the character '\\ud800'; take it out"),
        ('"\\0": 1', "f.yaml:1:1: the text holds the character '\\x00'; take it out"),
        ('a: "\\UFFFFFFFF"', "f.yaml:1:7: not valid YAML: a number that names no character or version"),
        ("a: b\0c", "f.yaml:1:5: the character '\\x00' cannot stand in YAML; take it out"),
        ("a: 1\r\nb: \x1b[31m", "f.yaml:2:4: the character '\\x1b' cannot stand in YAML; take it out"),
        (
            "a: b: c",
            "f.yaml:1:5: not valid YAML: a second ': ' on the line; put text with special characters in quotes",
        ),
        ("a:\n  b: 1\n   c: 2", "f.yaml:3:5: not valid YAML: indented too far; indent keys of one mapping alike"),
        ("a:\n  b: 1\n c: 2", "f.yaml:3:2: not valid YAML: not in line with the keys above; indent them alike"),
        ("a:\n\tb: 1", "f.yaml:2:1: not valid YAML: a tab where spaces must be; indent with spaces"),
        ("a: @x", "f.yaml:1:4: not valid YAML: a value cannot begin with '@'; put it in quotes"),
        (
            "a: 'it's'",
            "f.yaml:1:8: not valid YAML: more text after the value; put text with special characters in quotes",
        ),
        ("a: 'b", "f.yaml:1:4: not valid YAML: the quote opened here is not closed; close it"),
        (
            "a: [1, 2",
            "f.yaml:1:4: not valid YAML: the list opened here is not closed or lacks a comma; write [a, b]",
        ),
        (
            "a: {b: 1 c: 2}",
            "f.yaml:1:4: not valid YAML: the mapping opened here is not closed or lacks a comma; write {a: 1, b: 2}",
        ),
        (
            "a: [1,,2]",
            "f.yaml:1:7: not valid YAML: a value is missing; write one, or put text with special characters in quotes",
        ),
        ("a: - b", "f.yaml:1:4: not valid YAML: a '- ' cannot stand here; put list entries on lines of their own"),
        ("a: ? b", "f.yaml:1:4: not valid YAML: a '? ' cannot stand here; put text with special characters in quotes"),
        ("a: 1\nb\n", "f.yaml:3:1: not valid YAML: a key without ':' and a value; write key: value"),
        (": 1", "f.yaml:1:1: not valid YAML: a key is missing before ':'; write key: value"),
        (
            'a: "C:\\new\\q"',
            "f.yaml:1:12: not valid YAML: an unknown escape; use single quotes, in which \\ is an ordinary character",
        ),
        (
            'a: "\\xZZ"',
            "f.yaml:1:7: not valid YAML: an incomplete escape; use single quotes, in which \\ is an ordinary character",
        ),
        ("{a: 1} b", "f.yaml:1:8: not valid YAML: text after the end of the values; indent it or take it out"),
        ("a: *", "f.yaml:1:5: not valid YAML: aliases (*) are not supported; put text that begins with * in quotes"),
        ("a: &", "f.yaml:1:5: not valid YAML: anchors (&) are not supported; put text that begins with & in quotes"),
        ("a: !x!y 1", "f.yaml:1:4: not valid YAML: tags (!) are not supported; put text that begins with ! in quotes"),
        ("a: |x\n b", "f.yaml:1:5: not valid YAML: a wrong header after | or >; put the text in quotes"),
        ("%YAML 2.0\n---\na: 1", "f.yaml:1:1: not valid YAML: directives (%) are not supported; take the line out"),
        (f"%YAML 1.{'9' * 5000}\n---\n", "f.yaml:1:9: not valid YAML: a number that names no character or version"),
    ],
)
def test_what_is_no_config_is_refused_in_one_line(text: str, expected: str) -> None:
    assert problems(text) == [expected]


def test_all_problems_are_found_at_once() -> None:
    assert problems("a: &x 1\nb: *x\nb: !t 2\nc: [") == [
        "f.yaml:1:4: a: the anchor &x is not supported; take it out",
        "f.yaml:2:4: b: the alias *x is not supported; write the value itself",
        "f.yaml:3:1: b: written twice (first on line 2); keep one of them",
        "f.yaml:4:5: not valid YAML: the end comes before a list or mapping is closed; close it with ] or }",
    ]


def test_the_first_of_two_values_is_kept() -> None:
    assert parse("a: 1\na: 2", "f.yaml").value == {"a": 1}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", {}),
        (b"# nothing but words\n", {}),
        (b"---\n", {}),
        (b"\xef\xbb\xbfa: 1\n", {"a": 1}),
        (b"a: 1\r\nb: 2\r\n", {"a": 1, "b": 2}),
        ("имя: 'δ'\n".encode(), {"имя": "δ"}),
    ],
)
def test_files_that_are_read(tmp_path: Path, data: bytes, expected: Any) -> None:
    path = tmp_path / "param.yaml"
    path.write_bytes(data)
    assert read_yaml(path) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("a: 1".encode("utf-16"), "param.yaml:1:1: the file is in UTF-16; save it as UTF-8"),
        ("a: 1".encode("utf-16-be"), "param.yaml:1:1: the file is in UTF-16; save it as UTF-8"),
        ("a: 1\nb: né".encode("latin-1"), "param.yaml:2:5: the byte 0xe9 is not UTF-8; save the file as UTF-8"),
        (b"\0\0\0", "param.yaml:1:1: the character '\\x00' cannot stand in YAML; take it out"),
        (b"#" * 1_000_001, "param.yaml: larger than 1 MB; a config is a page of text: give the YAML file"),
        (b"- a\n", "param.yaml:1:1: the file holds a list, not keys with values; write lines such as seed: 42"),
        (b"42", "param.yaml:1:1: the file holds a single value, not keys with values; write lines such as seed: 42"),
    ],
)
def test_files_that_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: bytes, expected: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("param.yaml").write_bytes(data)
    with pytest.raises(UserError) as error:
        read_yaml(Path("param.yaml"))
    assert error.value.problems == (expected,)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("spirl.yaml", "spirl.yaml: no such file; did you mean 'spiral.yaml'?"),
        ("nowhere/spiral.yaml", "nowhere/spiral.yaml: no such file"),
        ("spiral.yaml/x", "spiral.yaml/x: no such file"),
        ("folder", "folder: is a folder; give a YAML file; did you mean 'param.yaml'?"),
        ("a\0b", "a\\x00b: no such file"),
        ("x" * 300, "x" * 97 + "...: no such file (the name is too long)"),
    ],
)
def test_paths_that_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, expected: str) -> None:
    monkeypatch.chdir(tmp_path)
    Path("spiral.yaml").write_text("seed: 1")
    Path("folder").mkdir()
    Path("folder/param.yaml").write_text("seed: 1")
    with pytest.raises(UserError) as error:
        read_document(Path(path))
    assert str(error.value) == expected


def test_a_file_that_the_system_will_not_read_is_no_mistake_of_the_config(tmp_path: Path) -> None:
    loop = tmp_path / "loop.yaml"
    loop.symlink_to(loop)
    with pytest.raises(EnvironmentFailure, match=r"loop\.yaml: cannot be read \(Too many levels of symbolic links\)$"):
        read_document(loop)


plain_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("abcé: #-'\"{[\n"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abc1:- ", min_size=1), inner, max_size=4),
    max_leaves=12,
)


@given(plain_values)
@settings(max_examples=100, deadline=None)
def test_reads_what_other_yaml_writers_write(value: Any) -> None:
    for flow in (True, False):
        assert parse(yaml.safe_dump(value, default_flow_style=flow, allow_unicode=True), "f.yaml").value == value


@given(st.text(st.sampled_from("ab1:-?,[]{}#&*!|>'\"%@`\\ \t\n~<.0xeé\0\x85"), max_size=40))
@settings(max_examples=500, deadline=None)
def test_any_text_gives_values_or_one_line_problems(text: str) -> None:
    document = parse(text, "f.yaml")
    for problem in document.problems:
        assert str(problem).startswith("f.yaml:")
        assert str(problem).isprintable()
