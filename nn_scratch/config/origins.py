"""Where the keys of a config were written, for errors that show only once the data or the network are built."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from nn_scratch.config.document import Document, KeyPath
from nn_scratch.errors import UserError
from nn_scratch.wording import printable

if TYPE_CHECKING:
    from nn_scratch.config.schema import Config

KEY = re.compile(r"([a-z_]+(?:\.[^.:\[\]]+|\[\d+\])*): ")
PART = re.compile(r"[^.\[\]]+")


class Origin:
    """The document that a config was read from.

    All are equal, so that configs with equal values are equal wherever they were written.
    """

    def __init__(self, document: Document) -> None:
        self.document = document

    def __eq__(self, other: object) -> bool:
        return True

    def __hash__(self) -> int:
        return 0

    def place(self, path: KeyPath) -> str:
        """File, line and column of a key, or the override that sets it; the file alone where it is not written."""
        mark = self.document.mark(path)
        if mark is None:
            return ""
        return printable(mark.source if mark == self.document.values.get(()) else str(mark))


class LocatedError(UserError):
    """A UserError whose problems say where the config has the key."""


@contextmanager
def locate_errors(config: Config) -> Iterator[None]:
    """Problems that begin with a key of the config (`loss: ...`) say where it is written, as those of the schema do."""
    try:
        yield
    except LocatedError:
        raise
    except UserError as error:
        if config.origin is None:
            raise
        places = [config.origin.place(path) if (path := key_path(problem)) else "" for problem in error.problems]
        raise LocatedError(
            f"{place}: {problem}" if place else problem for place, problem in zip(places, error.problems, strict=True)
        ) from None


def key_path(problem: str) -> KeyPath:
    """`layers[0].units: ...` -> ("layers", 0, "units"); () where it begins with no key of a config."""
    from nn_scratch.config.schema import Config

    found = KEY.match(problem)
    path = () if found is None else tuple(int(part) if part.isdigit() else part for part in PART.findall(found[1]))
    if not path or path[0] not in Config.model_fields:
        return ()
    section = Config.model_fields[str(path[0])].annotation
    keys = getattr(section, "model_fields", None)  # of a section; `data.csv: ...` is about a file
    return path if keys is None or len(path) == 1 or path[1] in keys else ()
