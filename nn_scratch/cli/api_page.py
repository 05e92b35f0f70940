"""docs/api.md: every public name with its signature and its docstring.

`python -m nn_scratch.cli.api_page` writes it anew; a test fails when it is outdated.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

API_PATH = Path(__file__).resolve().parents[2] / "docs" / "api.md"
HEAD = """\
# Python API

What `from nn_scratch import ...` gives. How it is used together: [python.md](python.md).

The examples are run by the tests. In those of functions and runs, `folder` is an empty folder and `run` is
`train({"data": {"source": "iris"}, "train": {"epochs": 40}}, name="iris", outputs=folder)`; in those of estimators
`X, y = sklearn.datasets.load_iris(return_X_y=True)`, and `Observer`, the base class of `EpochCallback`, is
`nn_scratch.training.observers.Observer`.

*Generated from the docstrings by `python -m nn_scratch.cli.api_page`; not to be edited.*
"""
ORDER = (
    *("train", "resume", "sweep", "load_config", "Run", "Model", "predict", "diagnose", "treat", "visualize"),
    *("EpochCallback", "MLPClassifier", "MLPRegressor"),
)


def api_page() -> str:
    """The page as text."""
    import nn_scratch

    assert {*ORDER, "__version__"} == set(nn_scratch.__all__)
    parts = [HEAD]
    for name in ORDER:
        part = nn_scratch.__getattr__(name)  # visualize: the function, whether or not its package is imported
        parts.append(f"## {name}\n\n{signature(name, part)}\n\n{as_markdown(part)}")
        if inspect.isclass(part):
            for method, member in members(part):
                shown = member.fget if isinstance(member, property) else getattr(member, "func", member)
                head = f"`{name}.{method}`" if shown is not member else signature(f"{name}.{method}", member)
                parts.append(f"### {name}.{method}\n\n{head}\n\n{as_markdown(shown)}")
    return "\n".join(part.rstrip() + "\n" for part in parts)


def members(part: type) -> Iterator[tuple[str, Any]]:
    """The public members that have a docstring, those of our own base classes included."""
    found: dict[str, Any] = {}
    for base in reversed(part.__mro__):
        if base.__module__.startswith("nn_scratch"):
            found |= vars(base)
    for name, member in found.items():
        if name.startswith("_"):
            continue
        function = member.__func__ if isinstance(member, classmethod) else member
        if hasattr(function, "fn"):  # available_if of scikit-learn
            function = function.fn
        if inspect.getdoc(function) and (
            callable(function) or hasattr(function, "func") or isinstance(function, property)
        ):
            yield name, function


def signature(name: str, part: Any) -> str:
    """The call as code, a line a parameter where it is long; types are in the docstring."""
    parameters = [
        parameter.replace(annotation=inspect.Parameter.empty)
        for parameter in inspect.signature(part).parameters.values()
        if parameter.name not in ("self", "cls")
    ]
    text = str(inspect.Signature(parameters)).replace("'", '"')
    if len(text) > 90:
        text = "(\n    " + text[1:-1].replace(", ", ",\n    ") + ",\n)"
    return f"```python\n{name}{text}\n```"


def as_markdown(part: Any) -> str:
    """A docstring in numpydoc's sections as Markdown: headings bold, entries a list, examples code."""
    lines = (inspect.getdoc(part) or "").splitlines()
    sections: list[tuple[str, list[str]]] = [("", [])]
    for index, line in enumerate(lines):
        if index + 1 < len(lines) and line and set(lines[index + 1]) == {"-"}:
            sections.append((line, []))
        elif not (line and set(line) == {"-"}):
            sections[-1][1].append(line)
    text = ""
    for title, body in sections:
        content = "\n".join(body).strip("\n")
        if title == "Examples":
            text += f"**{title}**\n\n```python\n{content}\n```\n\n"
        elif title:
            text += f"**{title}**\n\n{entries(content)}\n\n"
        else:
            text += f"{content}\n\n"
    return text.rstrip()


def entries(content: str) -> str:
    """`name : type` and what is indented below it as a list."""
    listed = []
    for line in content.splitlines():
        if line.startswith("    "):
            listed.append(f"  {line.strip()}")
        elif line:
            entry, colon, kind = line.partition(" : ")
            listed.append(f"- `{entry}`{': ' if colon else ''}{kind}")
    return re.sub(r"\n{2,}", "\n", "\n".join(listed))


if __name__ == "__main__":
    API_PATH.write_text(api_page(), encoding="utf-8")
    print(f"wrote {API_PATH}")
