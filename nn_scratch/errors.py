"""The errors a user can meet, one class per exit code.

A message is one line per problem: where, what, and what to write instead. Commands print the message and leave with
`exit_code`; a traceback is printed with --debug only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any


class NNScratchError(Exception):
    """A failure with a cause the user can act on; `str(error)` is what is printed."""

    exit_code = 70
    document: Mapping[str, Any] | None = None  # what --json prints beside the message

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors come back from other processes as they were, independent of their constructor's signature."""
        return _restored, (type(self), self.args, self.__dict__)


def _restored(kind: type[NNScratchError], args: tuple[Any, ...], attributes: dict[str, Any]) -> NNScratchError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class UserError(NNScratchError):
    """The config, the data or the arguments are wrong; holds every problem found, one line each."""

    exit_code = 2

    def __init__(self, problems: str | Iterable[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class EnvironmentFailure(NNScratchError):
    """The environment does not allow it: no space, no permission, a folder that is gone."""

    exit_code = 1


class Diverged(NNScratchError):
    """Training met a value that is not finite. The log up to the last whole epoch is kept.

    Attributes: `epoch` and `step`, both counted from 1; `layer`, the first whose numbers were not finite.
    """

    exit_code = 3

    def __init__(self, epoch: int, step: int, layer: str, what: str) -> None:
        self.epoch, self.step, self.layer, self.what = epoch, step, layer, what
        super().__init__(f"training diverged in epoch {epoch}, step {step}: {what} of layer {layer} is not finite")
