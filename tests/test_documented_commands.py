"""Every command line of README, CONTRIBUTING and docs/ works: its arguments are known and its files exist.

The slow test runs them, in the order in which they are written, in a copy of the project.
`python -m tests.test_documented_commands` lists them.
"""

import argparse
import importlib.util
import re
import shlex
import shutil
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from nn_scratch.cli import COMMANDS
from nn_scratch.cli.output import add_output_arguments

PROJECT = Path(__file__).resolve().parents[1]
PAGES = [PROJECT / "README.md", PROJECT / "CONTRIBUTING.md", *sorted((PROJECT / "docs").glob("*.md"))]
STARTS = r"(?:\.venv/bin/)?python (?:script/\w+\.py|-m (?:nn_scratch|tests)\S*)|nn-scratch \w+|make \w"
# take minutes by design, or need a folder that is not here: their arguments are checked, and they are not run
NOT_RUN = re.compile(
    r"benchmark|^make|-m tests|--live|--dask|\bFOLDER|\bDIR\b|jq |trials=100|--to (?:torch|keras)|--url|postgres"
)
# files that the reader writes, as the page shows
THEIR_OWN = {
    "config/sweep.yaml": "sweep: {trials: 2, space: {optimizer.lr: {log: [1e-4, 0.1]}}}\ntrain: {epochs: 2}\n",
    "table.csv": "size,rooms,price\n" + "".join(f"{i % 17},{i % 5},{3 * (i % 17) + i % 5}\n" for i in range(90)),
}
DIVERGES = re.compile(r"lr=(?:\d{2,}|\d\.\d*e)")


def documented():
    """(page, command) of each, comments and prompts left out."""
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
        typed = "\n".join(block for language, block in blocks if language in ("", "bash", "sh", "console"))
        lines = [line.strip().removeprefix("$ ") for line in typed.replace("\\\n", " ").split("\n")]
        inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL))
        lines += [found.replace("\n", " ") for found in inline]
        for line in lines:
            if re.match(STARTS, line):
                yield page.name, re.sub(r"\s+(?:#|\||>).*$", "", line).strip()


FOUND = list(dict.fromkeys(documented()))


def words(command):
    """The words of a command without the program; (None, words) for make."""
    typed = shlex.split(re.sub(r"\$\(.*?\)|\"\$\(.*?\)\"", "RUN", command))
    if typed[0] == "make":
        return "make", typed[1:]
    if typed[0] == "nn-scratch":
        return typed[1], typed[2:]
    if typed[1] == "-m":
        return (typed[3], typed[4:]) if typed[2] == "nn_scratch" and len(typed) > 3 else (typed[2], typed[3:])
    return Path(typed[1]).stem, typed[2:]


def test_there_are_commands():
    assert len(FOUND) > 40
    assert {page for page, _ in FOUND} >= {"README.md", "CONTRIBUTING.md", "python.md", "sweeps.md"}


@pytest.mark.parametrize(("page", "command"), FOUND)
def test_a_documented_command_has_known_arguments(page, command):
    name, arguments = words(command)
    if name == "make":
        targets = re.findall(r"^(\w[\w-]*):", (PROJECT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
        assert set(arguments) <= set(targets)
    elif name in COMMANDS:
        module = import_module(f"nn_scratch.cli.{name}")
        parser = argparse.ArgumentParser(exit_on_error=False)
        module.add_arguments(parser)
        add_output_arguments(parser)
        parsed = parser.parse_intermixed_args(arguments)
        config = getattr(parsed, "config", None)
        if config is not None and not str(config).startswith("outputs/"):
            assert (PROJECT / config).is_file() or str(config) in THEIR_OWN
    else:
        assert importlib.util.find_spec(name) is not None


@pytest.fixture(scope="module")
def checkout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy") / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns(".*", "outputs", "*.egg-info", "*.fixed.yaml"))
    (folder / "outputs").mkdir()
    for name, text in THEIR_OWN.items():
        (folder / name).write_text(text)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("page", dict.fromkeys(page for page, _ in FOUND))
def test_documented_commands_run(page, checkout):
    started = page.startswith("why-") or page == "README.md"  # others speak of a run that the reader has
    if not started and not (checkout / "outputs" / "digits-001").exists():
        run("train", ["train.epochs=2"], checkout)
    for command in (command for where, command in FOUND if where == page and not NOT_RUN.search(command)):
        name, arguments = words(command)
        if name == "sweep" and "--resume" not in arguments:
            arguments += ["train.epochs=2"]  # as many as show that it works
        if name == "init" and not arguments:
            arguments = ["--force"]  # a checkout has a config
        if name in COMMANDS:
            run(name, ["digits-001" if word == "RUN" else word for word in arguments], checkout, command)


def run(name, arguments, checkout, command=""):
    typed = [sys.executable, "-m", "nn_scratch", name, *arguments]
    done = subprocess.run(typed, cwd=checkout, capture_output=True, text=True, check=False, timeout=1200)
    allowed = {0, 3} if DIVERGES.search(command) else {0}
    assert done.returncode in allowed, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert "Traceback" not in done.stderr


if __name__ == "__main__":
    for page, command in FOUND:
        print(f"{page}: {command}{'   (arguments alone)' if NOT_RUN.search(command) else ''}")
