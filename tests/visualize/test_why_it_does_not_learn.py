"""docs/why-it-does-not-learn.md: every command runs, and says what is quoted below it."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
PAGE = (PROJECT / "docs" / "why-it-does-not-learn.md").read_text()
SECTIONS = [section for section in PAGE.split("\n## ")[1:] if "$ " in section]
# by the section's address: balanced accuracies, of the broken run and the mended one
TOLD = {
    address: (float(broken), float(mended))
    for address, broken, mended in re.findall(r"\]\(#([\w-]+)\) \| ([\d.]+) \| ([\d.]+) \|", PAGE)
}


def address(section):
    return section.split("\n")[0].lower().replace(",", "").replace(" ", "-")


def commands(section):
    """Each command of a section, with the lines that are quoted below it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", section, re.S):
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def accuracy(folder):

    return json.loads((folder / "run.json").read_text())["test"]["accuracy"]


def test_the_page_answers_each_question():
    assert len(SECTIONS) == 8
    assert sum(len(commands(section)) for section in SECTIONS) == 7 * 4 + 3
    assert list(TOLD) == [address(section) for section in SECTIONS if "mended" in section]
    pictures = re.findall(r"\]\((why/\w+\.png)\)", PAGE)
    assert len(pictures) == 7
    assert all((PROJECT / "docs" / picture).is_file() for picture in pictures)


@pytest.mark.slow
@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.split("\n")[0])
def test_every_command_says_what_is_quoted(section, tmp_path):
    for command, quoted in commands(section):
        program, *arguments = shlex.split(command)
        assert program == "python"
        script = [sys.executable, str(PROJECT / arguments[0])]
        if arguments[0] == "script/train.py":
            script += [*arguments[1:], "--outputs", str(tmp_path)]
        else:  # the run's name is the first argument
            script += [str(tmp_path / arguments[1]), *arguments[2:]]
        done = subprocess.run(script, cwd=PROJECT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        assert " ".join(" ".join(quoted).split()) in " ".join(done.stdout.split()), command
    broken = [folder for folder in tmp_path.iterdir() if (tmp_path / f"{folder.name[:-4]}-mended-001").is_dir()]
    for folder in broken:
        mended = tmp_path / f"{folder.name[:-4]}-mended-001"
        assert balanced(mended) > balanced(folder) or "Split" in section
        assert (balanced(folder), balanced(mended)) == pytest.approx(TOLD[address(section)], abs=0.02)
    rows = dict(re.findall(r"^\| (\w+) \| ([\d.]+) \|$", section, re.M))
    for activation, told in rows.items():
        folder = tmp_path / f"{activation.replace('_', '-')}-001"
        assert not folder.is_dir() or accuracy(folder) == pytest.approx(float(told), abs=0.02)


def balanced(folder):

    return json.loads((folder / "run.json").read_text())["test"]["balanced_accuracy"]
