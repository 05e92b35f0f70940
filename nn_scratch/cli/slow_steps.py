"""A line for every step of the work that lasts longer than a second, before the first epoch and after the last.

The steps are announced through the standard library's logger "nn_scratch.progress", by whatever does the work.
"""

from __future__ import annotations

import logging
import sys
import threading
from argparse import Namespace
from collections.abc import Callable
from contextlib import nullcontext, suppress

from nn_scratch.cli.process import say
from nn_scratch.errors import EnvironmentFailure

LOGGER = logging.getLogger("nn_scratch.progress")
DELAY_SECONDS = 1.0


def announced(arguments: Namespace) -> SlowSteps:
    """Shows slow steps of a command on standard error, unless it is to be quiet."""
    quiet = getattr(arguments, "quiet", False)
    return SlowSteps(lambda line: None if quiet else say(line, sys.stderr))


class SlowSteps(logging.Handler):
    """While the context lasts, shows each announced step once it has lasted so long; the next one ends it.

    An empty announcement ends a step without beginning another.
    """

    def __init__(self, show: Callable[[str], None], delay: float | None = None) -> None:
        """show: prints a line; it is called from another thread, or at once without a delay."""
        super().__init__(logging.INFO)
        self._show, self._delay = show, DELAY_SECONDS if delay is None else delay
        self._timer: threading.Timer | None = None
        self._failure: EnvironmentFailure | None = None
        self._last = ""

    def __enter__(self) -> SlowSteps:
        self._level, self._propagate = LOGGER.level, LOGGER.propagate
        LOGGER.setLevel(logging.INFO)
        LOGGER.propagate = False
        LOGGER.addHandler(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        LOGGER.removeHandler(self)
        LOGGER.setLevel(self._level)
        LOGGER.propagate = self._propagate
        with nullcontext() if kind is None else suppress(EnvironmentFailure):  # the first error is the one to report
            self.end()

    def emit(self, record: logging.LogRecord) -> None:
        self.end()
        step = record.getMessage()
        if not step:
            return
        if not self._delay:
            self._announce(step)
            return
        self._timer = threading.Timer(self._delay, self._announce, (step,))
        self._timer.daemon = True
        self._timer.start()

    def end(self) -> None:
        """The step that was announced last is over. Raises what its line ran into."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer.join()
            self._timer = None
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _announce(self, step: str) -> None:
        if step != self._last:
            try:
                self._show(f"{step} ...")
            except EnvironmentFailure as error:  # in a thread it would be seen by no caller
                self._failure = error
        self._last = step
