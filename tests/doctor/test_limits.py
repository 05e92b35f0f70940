"""Each limit of the doctor names its source beside it; those chosen by hand are listed in docs/limits.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
READ_BY_THE_DOCTOR = ("targets", "card", "columns", "column_types")  # modules of data/ that judge a table
FILES = [
    *(path for room in ("doctor", "baselines") for path in sorted((PROJECT / "nn_scratch" / room).rglob("*.py"))),
    *(PROJECT / f"nn_scratch/data/{name}.py" for name in READ_BY_THE_DOCTOR),
]
# by hand; what bounds time or memory; what defines a term; a formula, a paper or a command
SOURCES = re.compile(
    r"by hand$|bounds (?:time|memory)$|a definition\b|python -m tests\.|scipy\.stats\.|\b(?:19|20)\d\d\b", re.MULTILINE
)


def limits(path: Path) -> Iterator[tuple[str, str]]:
    """(names, comment beside or above) of each assignment of numbers at the top level of a module."""
    lines = path.read_text(encoding="utf-8").splitlines()
    for node in ast.parse("\n".join(lines)).body:
        if not isinstance(node, ast.Assign):
            continue
        values = [one.value for one in ast.walk(node.value) if isinstance(one, ast.Constant)]
        calls = any(isinstance(one, ast.Call) for one in ast.walk(node.value))
        if calls or not any(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
            continue
        above = node.lineno - 1
        while lines[above - 1].startswith("#"):
            above -= 1
        here = [lines[node.lineno - 1].partition("  # ")[2]]
        comments = [line.removeprefix("# ") for line in lines[above : node.lineno - 1]] + here
        yield ast.unparse(node.targets[0]).strip("()"), "\n".join(comment for comment in comments if comment)


def by_hand() -> dict[str, set[str]]:
    """Names of limits chosen by hand, by module."""
    found = {
        path.relative_to(PROJECT / "nn_scratch").as_posix(): {
            name for names, comment in limits(path) if re.search(r"by hand$", comment, re.MULTILINE)
            for name in names.split(", ")
        }
        for path in FILES
    }  # fmt: skip
    return {module: names for module, names in found.items() if names}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PROJECT).as_posix())
def test_a_limit_names_its_source(path: Path) -> None:
    assert not [names for names, comment in limits(path) if not SOURCES.search(comment)]


def test_limits_are_found() -> None:
    assert sum(len(list(limits(path))) for path in FILES) > 90


def test_the_page_lists_the_limits_chosen_by_hand() -> None:
    page = (PROJECT / "docs" / "limits.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `([\w/]+\.py)` \| (.+) \|$", page, re.MULTILINE)
    assert {module: set(re.findall(r"`(\w+)`", names)) for module, names in rows} == by_hand()
