"""A part of the work in a second process, while the first continues with the rest."""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from types import TracebackType
from typing import IO, Generic, NoReturn, TypeVar
from warnings import catch_warnings

from nn_scratch.experiments.machine import usable_cores
from nn_scratch.runs.interruption import STOPPING, WATCH, end_with_parent

T = TypeVar("T")


class Beside(Generic[T]):
    """A function called in a fork of this process, which has all that was imported and read before.

    with Beside(draw_plots) as plots:
        draw_film()
        paths = plots.result()

    What it returns must be a value that JSON keeps as it is. Where there is no second core, or no fork that is safe,
    or where the fork fails, the function is called in this process by `result`, and raises its errors here.
    """

    def __init__(self, function: Callable[[], T]) -> None:
        self._function = function
        self._child = 0
        self._pipe: IO[bytes] | None = None

    @property
    def forked(self) -> bool:
        """Whether there is a second process."""
        return self._pipe is not None

    def __enter__(self) -> Beside[T]:
        if not forks():
            return self
        reading, writing = os.pipe()
        first = os.getpid()
        if sys.stdout is not None:
            sys.stdout.flush()
        # a signal that the fork met with this process's handlers would reach this process's watch over signals, too
        before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPPING)
        try:
            with catch_warnings(action="ignore"):  # of Python 3.12 about threads, of which there is one
                self._child = os.fork()
            if self._child == 0:
                self._work(writing, before, first)
        except OSError:  # no more processes are allowed
            os.close(reading)
            os.close(writing)
            return self
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb")
        return self

    def _work(self, writing: int, mask: set[int | signal.Signals], first: int) -> NoReturn:
        """The fork's whole life, which ends with the first process; what it raises is raised once more, by that one."""
        code = 1
        try:
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the first process, which ends this one
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            end_with_parent(first)
            logging.disable()  # what is announced is what the first process does
            answer = json.dumps(self._function()).encode()
            with os.fdopen(writing, "wb") as pipe:
                pipe.write(answer)
            code = 0
        finally:
            os._exit(code)

    def result(self) -> T:
        """What the function returned; called once."""
        if self._pipe is not None:
            answer = self._pipe.read()
            _, status = os.waitpid(self._child, 0)
            self._child = 0
            if status == 0:
                found: T = json.loads(answer)
                return found
        return self._function()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pipe is not None:
            self._pipe.close()
        if self._child:
            os.kill(self._child, signal.SIGTERM)
            os.waitpid(self._child, 0)
            self._child = 0


def forks() -> bool:
    """Whether a second process has a core of its own, and a fork is safe: no thread may hold a lock just then, and
    OpenMP, whose threads a fork lacks, may not have been loaded (scikit-learn's would wait for them for ever)."""
    if sys.platform != "linux" or not hasattr(os, "fork") or usable_cores() < 2:
        return False
    alone = all(thread is threading.current_thread() or thread.name == WATCH for thread in threading.enumerate())
    return alone and not has_openmp()


def has_openmp() -> bool:
    """Whether a library that this process has loaded uses OpenMP."""
    from threadpoolctl import ThreadpoolController

    return bool(ThreadpoolController().select(user_api="openmp").lib_controllers)
