"""Imports point down only: what a module may know of the others is fixed, over the syntax trees."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "nn_scratch"

# From the ground up; a module may import what stands on a lower line, and its own package.
LEVELS = [
    {"errors", "seeding", "metrics"},
    {"registry", "cli"},
    {"data", "nn"},
    {"config"},
    {"examples", "reference", "regularize"},
    {"evaluate"},
    {"measure", "steps"},
    {"trainer"},
    {"runs", "yardstick"},
    {"warm_start"},
    {"build"},
    {"first_look"},
    {"experiment"},
    {"predict"},
    {"doctor", "visualize"},
    {"benchmarks"},
    {"find_lr"},
    {"check"},
    {"console"},
    {"commands"},
]
LEVEL_OF = {name: level for level, names in enumerate(LEVELS) for name in names}
NUMPY_ONLY = {"numpy", "scipy", "annotated_types", "typing_extensions", "nn_scratch"}


def imported(path):
    """The absolute names of all modules that a file imports, wherever it does so."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def own_modules(path):
    """What a file imports of the package, as the top-level module or package below nn_scratch."""
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "nn_scratch" and len(parts) > 1 and parts[1] in LEVEL_OF:
            yield parts[1]


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_module_has_a_level():
    tops = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} - {"__init__"}
    assert tops == set(LEVEL_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if top == "__init__":
        assert not list(own_modules(path))
        return
    upwards = {name for name in own_modules(path) if name != top and LEVEL_OF[name] >= LEVEL_OF[top]}
    assert not upwards


def test_the_network_is_numpy_alone():
    files = sorted((PACKAGE / "nn").rglob("*.py"))
    assert len(files) > 20
    foreign = {
        (path.name, name)
        for path in files
        for name in imported(path)
        if name.split(".")[0] not in NUMPY_ONLY and not is_standard(name)
    }
    assert not foreign


def is_standard(name):
    import sys

    return name.split(".")[0] in sys.stdlib_module_names


def test_scripts_are_thin():
    """A script parses, calls and prints: no NumPy, no mathematics, and few lines."""
    scripts = sorted((PROJECT / "script").glob("*.py"))
    assert len(scripts) >= 4
    for path in scripts:
        foreign = {n for n in imported(path) if not is_standard(n) and not n.startswith("nn_scratch")}
        assert not foreign, path.name
        assert len(path.read_text().splitlines()) <= 80, path.name
