"""Imports point down only: what a module may know of the others is fixed, over the syntax trees."""

import ast
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "nn_scratch"

# The floors, from the ground up: a room imports from floors below its own, and from itself. The modules at the root,
# which every room uses, share the first floor and import each other without a cycle.
FLOORS = [
    {"errors", "metrics", "optional", "paths", "registry", "seeding", "wording"},
    {"data", "nn"},
    {"config", "training"},
    {"runs", "baselines"},
    {"experiments"},
    {"doctor", "visualize", "export"},
    {"api"},
    {"estimators", "benchmarks"},
    {"cli"},
]
FLOOR_OF = {name: floor for floor, names in enumerate(FLOORS) for name in names}
TO_COME: set[str] = set()
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
        if parts[0] == "nn_scratch" and len(parts) > 1 and parts[1] in FLOOR_OF:
            yield parts[1]


FILES = sorted(PACKAGE.rglob("*.py"))


def test_every_room_has_a_floor():
    assert len(FLOORS) == 9
    tops = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES} - {"__init__", "__main__"}
    assert tops | TO_COME == set(FLOOR_OF)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path):
    top = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    if top in ("__init__", "__main__"):  # the doors: `import nn_scratch` and `python -m nn_scratch`
        return
    sideways = FLOORS[0] if top in FLOORS[0] else set()
    upwards = {n for n in own_modules(path) if n != top and FLOOR_OF[n] >= FLOOR_OF[top] and n not in sideways}
    assert not upwards


def test_the_modules_at_the_root_import_each_other_without_a_cycle():
    from graphlib import TopologicalSorter

    graph = {name: set(own_modules(PACKAGE / f"{name}.py")) - {name} for name in FLOORS[0]}
    assert set(TopologicalSorter(graph).static_order()) == FLOORS[0]


def test_only_what_every_room_uses_lies_at_the_root():
    at_the_root = {path.stem for path in PACKAGE.glob("*.py")} - {"__init__", "__main__"}
    assert at_the_root <= FLOORS[0] | {"api"}


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


def test_the_architecture_page_names_every_room_with_its_floor():
    import re

    page = (PROJECT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d) \| (.*?) \|", page, re.MULTILINE)
    named = {room: int(floor) - 1 for floor, rooms in rows for room in re.findall(r"`(\w+)/?`", rooms)}
    assert named == {room: FLOOR_OF[room] for room in named}
    assert set(named) >= set(FLOOR_OF) - TO_COME
