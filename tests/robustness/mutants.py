"""A mutation check of the backward passes: a sign flipped, a term dropped, a transpose swapped; some test must fail.

Every function named `backward` in nn_scratch/nn is mutated, one place at a time, in a copy of the package, and the
gradient checks that concern it are run against the copy until one fails.

`python -m tests.robustness.mutants --minutes 20` prints the mutants that no test noticed.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import re
import shutil
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NN = Path("nn_scratch") / "nn"
SWAPPED = {"add": "subtract", "subtract": "add", "multiply": "divide", "divide": "multiply"}
OPERATORS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
}


# Mutants that compute the same: kind, class and place of each
EQUIVALENT = {("sign flipped", "Softsign", "np.add(self.work, 1.0, out=self.work)")}  # it is squared next


@dataclass(frozen=True)
class Mutant:
    """A file in which one place of one backward pass is changed."""

    file: Path  # within the project
    owner: str  # the class
    kind: str
    line: int
    before: str
    source: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.owner}.backward: {self.kind}: {self.before}"


def mutants(file: Path) -> Iterator[Mutant]:
    """Every mutant of every backward pass of a file."""
    tree = ast.parse((ROOT / file).read_text())
    for owner in [node for node in tree.body if isinstance(node, ast.ClassDef)]:
        for function in owner.body:
            if isinstance(function, ast.FunctionDef) and function.name == "backward" and not is_abstract(function):
                for place, kind in places(function):
                    yield mutant(file, tree, owner.name, place, kind)


def is_abstract(function: ast.FunctionDef) -> bool:
    return any("abstractmethod" in ast.unparse(decorator) for decorator in function.decorator_list)


def places(function: ast.FunctionDef) -> Iterator[tuple[ast.AST, str]]:
    """What can be mutated in a function, and how."""
    for node in ast.walk(function):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield node, "statement dropped"
        if isinstance(node, ast.AugAssign):
            yield node, "statement dropped"
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            if node.func.attr in SWAPPED and len(node.args) == 2:
                yield node, "operation swapped"
            if node.func.attr == "negative":
                yield node, "sign flipped"
            if node.func.attr in ("dot", "matmul") or node.func.attr in SWAPPED:
                yield node, "sign flipped"
        if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
            yield node, "operation swapped"
            if isinstance(node.op, ast.Add | ast.Sub):
                yield node, "term dropped"
        if isinstance(node, ast.Attribute) and node.attr == "T":
            yield node, "transpose swapped"
        if isinstance(node, ast.Constant) and isinstance(node.value, float) and node.value != 0.0:
            yield node, "sign flipped"
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield node, "sign flipped"


def mutant(file: Path, tree: ast.Module, owner: str, place: ast.AST, kind: str) -> Mutant:
    """The tree with `place` changed."""
    changed = deepcopy(tree)
    before, wanted = ast.unparse(place), (type(place), place.lineno, place.col_offset, place.end_col_offset)  # type: ignore[attr-defined]

    class Change(ast.NodeTransformer):
        done = False

        def visit(self, node: ast.AST) -> ast.AST:
            here = (type(node), *(getattr(node, name, None) for name in ("lineno", "col_offset", "end_col_offset")))
            if not self.done and here == wanted:
                self.done = True
                return ast.copy_location(new(node, kind), node)
            return self.generic_visit(node)

    changed = ast.fix_missing_locations(Change().visit(changed))
    return Mutant(file, owner, kind, wanted[1], before, ast.unparse(changed))


def new(node: ast.AST, kind: str) -> ast.AST:
    """What stands in place of a node."""
    if kind == "statement dropped":
        return ast.Pass()
    if kind == "transpose swapped" and isinstance(node, ast.Attribute):
        return node.value
    if kind == "term dropped" and isinstance(node, ast.BinOp):
        return node.left
    if isinstance(node, ast.BinOp):
        return ast.BinOp(node.left, OPERATORS[type(node.op)](), node.right)
    if isinstance(node, ast.UnaryOp):
        return node.operand
    if isinstance(node, ast.Constant):
        return ast.UnaryOp(ast.USub(), node)
    assert isinstance(node, ast.Call)
    assert isinstance(node.func, ast.Attribute)
    if kind == "operation swapped":
        return with_function(node, SWAPPED[node.func.attr])
    if node.func.attr == "negative":
        return with_function(node, "positive")
    out = next((keyword.value for keyword in node.keywords if keyword.arg == "out"), None)
    if out is None:
        return ast.UnaryOp(ast.USub(), node)
    # np.negative(np.multiply(..., out=Q), out=Q)
    negative = ast.parse("np.negative(0, out=0)", mode="eval").body
    assert isinstance(negative, ast.Call)
    negative.args, negative.keywords[0].value = [node], out
    return negative


def with_function(node: ast.Call, name: str) -> ast.Call:
    assert isinstance(node.func, ast.Attribute)
    return ast.Call(ast.Attribute(node.func.value, name, ast.Load()), node.args, node.keywords)


def tests_of(mutant: Mutant) -> Iterator[list[str]]:
    """The tests that concern a mutant, as arguments of pytest: the nearest first, and then those further off."""
    text = (ROOT / mutant.file).read_text()
    found = re.search(rf'register\("(\w+)"[^\n]*\)\n(?:@[^\n]*\n)*class {mutant.owner}\b', text)
    if found:
        yield ["tests/nn/test_gradients.py", "-k", found[1]]
    yield [
        f"tests/nn/test_{name}.py" for name in ("gradients", "stability", "network", "losses", "layers", "trajectories")
    ]
    yield ["tests/training/test_stacked.py"]


def survives(mutant: Mutant, copy: Path) -> bool:
    """Whether all of the tests pass, in processes that import the copy."""
    path = copy / mutant.file
    original = path.read_text()
    path.write_text(mutant.source)
    try:
        return all(passes(arguments, copy) for arguments in tests_of(mutant))
    finally:
        path.write_text(original)


def passes(arguments: list[str], copy: Path) -> bool:
    child = os.fork()
    if child == 0:
        try:
            os._exit(run_tests(arguments, copy))
        except BaseException:  # whatever happened, this process is not to clean up
            traceback.print_exc()
            os._exit(99)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1, 2, 4, 5), f"pytest ended with {code}: {(copy / 'log').read_text()}"
    return code in (0, 5)  # 5: there are no such tests; 2 and 4: the mutant cannot even be imported


def run_tests(arguments: list[str], copy: Path) -> int:
    """The exit code of pytest, in a process that is there for this alone."""
    import pytest

    os.chdir(copy)
    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for number in (1, 2):
        os.dup2(log, number)
    sys.dont_write_bytecode = True
    sys.path[:] = [str(copy), *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT)]
    for name in [name for name in sys.modules if name.split(".")[0] in ("nn_scratch", "tests")]:
        del sys.modules[name]
    return int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *arguments]))


def main(minutes: float, seed: int, only: str, most: int | None = None) -> int:
    """Try mutants whose description holds `only`, at most so many and for so long; returns how many no test noticed."""
    import numpy  # noqa: F401
    import pytest  # noqa: F401
    import scipy.special  # noqa: F401

    files = sorted(path.relative_to(ROOT) for path in (ROOT / NN).rglob("*.py"))
    everything = [mutant for file in files for mutant in mutants(file) if only in str(mutant)]
    everything = [one for one in everything if (one.kind, one.owner, one.before) not in EQUIVALENT]
    random.Random(seed).shuffle(everything)
    tried: Counter[str] = Counter()
    survivors = []
    ends = time.monotonic() + 60 * minutes
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        for part in ("nn_scratch", "tests/nn", "tests/training"):
            shutil.copytree(ROOT / part, copy / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", copy)
        assert passes(["tests/nn/test_gradients.py", "-k", "tanh"], copy), "the tests fail without any mutant"
        for mutant in everything[:most]:
            if time.monotonic() > ends:
                break
            tried[mutant.kind] += 1
            if survives(mutant, copy):
                survivors.append(mutant)
                print(f"unnoticed: {mutant}", flush=True)
    backwards = len({(mutant.file, mutant.owner) for mutant in everything})
    print(
        f"{sum(tried.values())} of {len(everything)} mutants of {backwards} backward passes tried, "
        f"{len(survivors)} unnoticed; {dict(tried)}"
    )
    return len(survivors)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--seed", type=int, default=0, help="of the order in which they are tried")
    parser.add_argument("--only", default="", metavar="TEXT", help="mutants whose description holds this")
    parser.add_argument("--most", type=int, help="how many are tried (default: all)")
    options = parser.parse_args()
    sys.exit(min(1, main(options.minutes, options.seed, options.only, options.most)))
