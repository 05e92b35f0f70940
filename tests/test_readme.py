"""README says what is true: its commands can be typed, its files are there, what it quotes is what is printed."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import yaml

from nn_scratch.cli import COMMANDS
from nn_scratch.cli.output import add_output_arguments
from nn_scratch.cli.process import parser

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "README.md").read_text(encoding="utf-8")
TYPED = re.compile(r"(?:python script/|nn-scratch )(\w+)(?:\.py)?((?: +(?:'[^']*'|[^\s`'#,;|>]+))*)")


def commands() -> list[tuple[str, list[str]]]:
    """Every command of README as (name, arguments), in code and in sentences."""
    found = []
    for name, rest in TYPED.findall(TEXT):
        if name in COMMANDS:
            found.append((name, [word.rstrip(".:)") for word in shlex.split(rest)]))
    return found


def test_the_commands_are_found() -> None:
    found = commands()
    assert len(found) > 25
    assert ("train", ["--config", "config/spiral.yaml"]) in found
    assert {name for name, _ in found} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_can_be_typed_as_it_is_written(name: str) -> None:
    module = import_module(f"nn_scratch.cli.{name}")
    cli = parser(module.__doc__ or "", [], None)
    module.add_arguments(cli)
    add_output_arguments(cli)
    for typed, given in commands():
        if typed == name:
            cli.parse_intermixed_args(given)


def test_the_files_that_it_names_are_there() -> None:
    named = {path for path in re.findall(r"\]\(([^)#]+)\)", TEXT) if "://" not in path}
    named |= set(re.findall(r"`((?:config|docs|nn_scratch|tests)/[\w./-]+\.\w+)`", TEXT))
    named |= {word for _, words in commands() for word in words if re.fullmatch(r"(config|data)/[\w./-]+\.\w+", word)}
    assert len(named) > 15
    made = {"config/<name>.fixed.yaml"}
    assert [path for path in sorted(named - made) if not (PROJECT / path).exists()] == []


def test_the_pictures_come_first_with_the_command_of_the_film() -> None:
    top = TEXT[: TEXT.index("```")]
    assert top.index("docs/cheat-sheet.png") < top.index("docs/film.gif")
    assert "python script/train.py --config config/spiral.yaml" in top
    assert "python script/visualize.py --film-format gif" in top


def test_the_short_config_says_what_the_shipped_one_says() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    shipped = yaml.safe_load((PROJECT / "config" / "param.yaml").read_text(encoding="utf-8"))

    def agrees(some: Any, whole: Any) -> bool:
        if isinstance(some, dict) and isinstance(whole, dict):
            return all(key in whole and agrees(value, whole[key]) for key, value in some.items())
        if isinstance(some, list) and isinstance(whole, list):
            return len(some) == len(whole) and all(map(agrees, some, whole))
        return bool(some == whole)

    assert agrees(yaml.safe_load(block), shipped)


def typed(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *words], cwd=cwd, capture_output=True, text=True, check=False)


def test_the_quoted_error_is_printed(tmp_path: Path) -> None:
    """`units` of the first layer, misspelt where it stands in config/param.yaml."""
    quoted = "\n".join(re.findall(r"^config/param\.yaml:\d+:.*$", TEXT, re.MULTILINE))
    (tmp_path / "config").mkdir()
    text = (PROJECT / "config" / "param.yaml").read_text(encoding="utf-8")
    (tmp_path / "config" / "param.yaml").write_text(text.replace("units: 128", "untis: 128", 1), encoding="utf-8")
    done = typed(str(PROJECT / "script" / "train.py"), "--config", "config/param.yaml", cwd=tmp_path)
    assert (done.returncode, done.stderr.strip()) == (2, quoted)


def test_the_default_run_is_as_good_as_it_says(tmp_path: Path) -> None:
    from nn_scratch import train

    (promised,) = re.findall(r"about (\d+) % of unseen digits right", TEXT)
    assert abs(train(outputs=tmp_path).info["test"]["accuracy"] - int(promised) / 100) < 0.01


@pytest.mark.slow
def test_the_quoted_treatment_is_printed(tmp_path: Path) -> None:
    """`...` stands for lines that are left out; numbers may differ in their last digits from machine to machine."""
    (block,) = re.findall(r"```console\n(\$ python script/train\.py.*?--fix.*?)```", TEXT, re.DOTALL)
    before, printed = set((PROJECT / "config").iterdir()), ""
    for line in block.splitlines():
        if line.startswith("$ python "):
            done = typed(*line.split()[2:], "--outputs", str(tmp_path), cwd=PROJECT)
            assert done.returncode == 0, done.stderr
            printed = done.stdout
    for written in set((PROJECT / "config").iterdir()) - before:
        written.unlink()
    quoted = [line.strip() for line in block.splitlines() if line.strip() not in ("", "...") and line[0] != "$"]
    assert len(quoted) > 4
    lines = [as_words(line) for line in printed.splitlines()]
    assert [line for line in quoted if as_words(line) not in lines] == []


def as_words(line: str) -> str:
    """A line without its numbers, which other machines round otherwise."""
    return " ".join(re.sub(r"[-+]?\d+(\.\d+)?(e[-+]?\d+)?", "#", line).split())


@pytest.mark.slow
def test_the_zoo_is_as_good_as_it_says(tmp_path: Path) -> None:
    quoted = r"(\d+) of (\d+) faults, (\d+) false alarms on (\d+) look-alikes"
    ((found, of, alarms, healthy),) = re.findall(quoted, TEXT)
    done = typed(str(PROJECT / "script" / "zoo.py"), cwd=tmp_path)
    ((seen, faults, wrong, alike),) = re.findall(r"found (\d+) of (\d+), false alarms (\d+) of (\d+)", done.stdout)
    assert (faults, alike) == (of, healthy)
    assert abs(int(seen) - int(found)) <= 2
    assert abs(int(wrong) - int(alarms)) <= 1
