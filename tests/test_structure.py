"""How the package is written: functions of a screen's length, no private members of others, nothing unused."""

import ast
import re
from collections import Counter
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[1]
PACKAGE = PROJECT / "nn_scratch"
FILES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text()) for path in sorted(PACKAGE.rglob("*.py"))}

MOST_LINES = 60  # of a function, with its signature and its docstring
LONGER: dict[str, str] = {}  # function -> why it is not cut

# members with an underscore that are other libraries' protocols
PROTOCOLS = {"_exit", "_repr_png_", "_repr_html_", "_repr_mimebundle_"}
# named nowhere in the package: called by scikit-learn's users, zipfile, http.server, pydantic
CALLED_FROM_OUTSIDE = {"predict_log_proba", "seekable", "log_message", "_in_our_words"}


def functions(tree):
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


@pytest.mark.parametrize("name", FILES)
def test_functions_fit_on_a_screen(name):
    lengths = {f"{name}: {f.name}": f.end_lineno - f.lineno + 1 for f in functions(FILES[name])}
    assert not {place: lines for place, lines in lengths.items() if lines > MOST_LINES and place not in LONGER}


def test_there_are_functions_to_measure():
    assert sum(len(functions(tree)) for tree in FILES.values()) > 1000


def private_uses(tree):
    """(line, expression) of each member with one underscore that is neither one's own nor of one's own class."""
    own = {}
    for cls in (node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)):
        members = {f.name for f in functions(cls)}
        members |= {n.attr for n in ast.walk(cls) if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        for node in ast.walk(cls):
            own.setdefault(id(node), set()).update(members)
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and re.match(r"_[^_]", node.attr) and node.attr not in PROTOCOLS:
            itself = isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")
            if not itself and node.attr not in own.get(id(node), ()):
                yield node.lineno, ast.unparse(node)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("nn_scratch"):
            yield from ((node.lineno, alias.name) for alias in node.names if re.match(r"_[^_]", alias.name))


@pytest.mark.parametrize("name", FILES)
def test_no_class_uses_a_private_member_of_another(name):
    assert not list(private_uses(FILES[name]))


def test_private_uses_are_found():
    tree = ast.parse(
        "class A:\n"
        "    def _own(self):\n"
        "        self._x = other._x\n"
        "        return A()._own(), other._theirs\n"
        "from nn_scratch.data.card import _column\n"
    )
    assert sorted(private_uses(tree)) == [(4, "other._theirs"), (5, "_column")]


def test_every_function_class_and_constant_is_used():
    """By the package, its scripts or its pages; a registered one is used by its name."""
    sources = [*PACKAGE.rglob("*.py"), *PACKAGE.rglob("*.js"), *(PROJECT / "script").glob("*.py")]
    words = Counter(word for path in sources for word in re.findall(r"\w+", path.read_text(encoding="utf-8")))
    unused = set()
    for name, tree in FILES.items():
        defined = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)]
        names = {node.name for node in defined if not node.decorator_list and not node.name.startswith("__")}
        names |= {
            target.id
            for node in tree.body
            if isinstance(node, ast.Assign)
            for target in node.targets
            if isinstance(target, ast.Name)
        }
        unused |= {f"{name}: {one}" for one in names - CALLED_FROM_OUTSIDE if words[one] == 1}
    assert not unused
