"""Plain values with the places where they were written, and problems that say where they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NoReturn

from nn_scratch.errors import UserError
from nn_scratch.wording import printable, shortened

__all__ = ["MAX_PROBLEMS", "Document", "KeyPath", "Mark", "Problem", "dotted", "printable", "shortened"]

MAX_PROBLEMS = 100

KeyPath = tuple[str | int, ...]


@dataclass(frozen=True, order=True)
class Mark:
    """A place in what the user wrote: a line and column of the file, or an argument of the command line."""

    order: int  # 0 for the file; 1, 2, ... for the arguments, in the order typed
    line: int
    column: int
    source: str = field(compare=False)

    def __str__(self) -> str:
        return self.source if self.order else f"{self.source}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One error of a config, printed as `config/param.yaml:12:5: layers[0].untis: unknown key`."""

    mark: Mark | None  # None for a config that was never written down
    path: KeyPath
    reason: str

    def __str__(self) -> str:
        return ": ".join(printable(part) for part in (str(self.mark or ""), dotted(self.path), self.reason) if part)


@dataclass
class Document:
    """Plain values (dict, list, str, int, float, bool, None) and where each was written.

    `keys` and `values` give the mark of each key and of each value by its path. `problems` are those after which
    reading continued; `broken` are the paths whose value could not be read and is None.
    """

    value: Any
    keys: dict[KeyPath, Mark] = field(default_factory=dict)
    values: dict[KeyPath, Mark] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[KeyPath] = field(default_factory=set)

    def mark(self, path: KeyPath, of_key: bool = False) -> Mark | None:
        """Where the value (or the key) at `path` was written, or the nearest mapping or list around it."""
        if of_key and path in self.keys:
            return self.keys[path]
        for end in range(len(path), -1, -1):
            if path[:end] in self.values:
                return self.values[path[:end]]
        return None

    def is_broken(self, path: KeyPath) -> bool:
        return any(path[:end] in self.broken for end in range(len(path) + 1))

    def refuse(self) -> NoReturn:
        """Raise every problem at once, in the order of the text."""
        nowhere = Mark(0, 0, 0, "")
        ordered = sorted(set(self.problems), key=lambda problem: (problem.mark or nowhere, str(problem)))
        lines = [str(problem) for problem in ordered[:MAX_PROBLEMS]]
        if len(ordered) > MAX_PROBLEMS:
            lines.append(f"... and {len(ordered) - MAX_PROBLEMS} more problems; correct the first ones and try again")
        raise UserError(lines)


def dotted(path: KeyPath) -> str:
    """`("layers", 0, "units")` as messages have it: `layers[0].units`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f"{'.' if text else ''}{shortened(part)}"
    return text
