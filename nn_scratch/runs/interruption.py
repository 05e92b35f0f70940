"""Ctrl-C and SIGTERM: training stops after the step under way, anything else at once, and the process within a second.

Python runs the handler of a signal between two bytecodes of the main thread. A long call of a library (a solver, the
search for neighbours) can delay it for minutes, so a thread watches over signals as well and ends the process. That is
as safe as a kill: the state on disk can be resumed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import sleep
from types import FrameType
from typing import Any

STOPPING = (signal.SIGINT, signal.SIGTERM)
GRACE_SECONDS = 0.8  # until the main thread has to notice a signal
UNWINDING_SECONDS = 5.0  # until the process has to end once it has
PARENT_SECONDS = 0.2  # between two looks at whether the parent is there
WATCH = "signals"  # the name of the thread that watches over them, which waits and holds no lock


class _Watch:
    """Whether the main thread has noticed a signal, and whether it is writing what must not be cut off."""

    def __init__(self) -> None:
        self.noticed = threading.Event()
        self.shields = 0
        self.free = threading.Event()
        self.free.set()
        self.farewells: list[Callable[[], None]] = []


_watch = _Watch()


def notice() -> None:
    """The signal has been seen, and the main thread is on its way out."""
    _watch.noticed.set()


@contextmanager
def shielded() -> Iterator[None]:
    """Within it the process is not ended by the watching thread: for a commit, which a large network takes a while."""
    _watch.shields += 1
    _watch.free.clear()
    try:
        yield
    finally:
        _watch.shields -= 1
        if not _watch.shields:
            _watch.free.set()


@contextmanager
def farewell(tidy: Callable[[], None]) -> Iterator[None]:
    """Within it `tidy` is called before the watching thread ends the process: it removes what is temporary."""
    _watch.farewells.append(tidy)
    try:
        yield
    finally:
        _watch.farewells.remove(tidy)


def watch_signals() -> None:
    """Start the thread that ends the process where the main thread does not notice SIGINT or SIGTERM.

    It learns of signals by `signal.set_wakeup_fd`, so each needs a handler in Python; an ignored one stays so.
    """
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    try:
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    except ValueError:  # not in the main thread, or a system that takes sockets alone
        os.close(reader)
        os.close(writer)
        return
    if hasattr(os, "register_at_fork"):  # a child's signals are not those of this process
        os.register_at_fork(after_in_child=lambda: signal.set_wakeup_fd(-1))
    threading.Thread(target=_end_after_signals, args=(reader,), name=WATCH, daemon=True).start()


def end_with_parent(parent: int, tidy: Callable[[], None] = lambda: None) -> None:
    """Start the thread that calls `tidy` and ends this process once its parent, the process `parent`, has ended."""

    def watch() -> None:
        while os.getppid() == parent:
            sleep(PARENT_SECONDS)
        tidy()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _end_after_signals(reader: int) -> None:
    while numbers := os.read(reader, 64):
        received = [number for number in numbers if number in STOPPING]
        if received:
            break
    else:
        return
    while True:
        if _watch.noticed.wait(GRACE_SECONDS):
            _watch.noticed.clear()
            _watch.noticed.wait(UNWINDING_SECONDS)
        if _watch.free.is_set():
            break
        _watch.free.wait()
    with suppress(OSError, ValueError, AttributeError):
        os.write(sys.stderr.fileno(), b"stopped\n")
    for tidy in _watch.farewells:
        with suppress(Exception):
            tidy()
    os._exit(128 + received[0])


@dataclass
class Stop:
    """Signals received while a run trains. at_once: whether the next one is raised as KeyboardInterrupt."""

    received: list[int] = field(default_factory=list)
    at_once: bool = False

    @property
    def signum(self) -> int:
        return self.received[0] if self.received else signal.SIGINT

    def no_more_waiting(self) -> None:
        """From here on a signal ends what is done at once; one that came already does so now."""
        self.at_once = True
        if self.received:
            raise KeyboardInterrupt


@contextmanager
def stop_on_signals(ask: Callable[[], None]) -> Iterator[Stop]:
    """Let Ctrl-C and SIGTERM call `ask`, which is to stop training after the step under way; a second one ends it.

    Outside the main thread, where no handler can be set, nothing changes.
    """
    stop = Stop()
    handlers: dict[signal.Signals, Any] = {}

    def handle(signum: int, frame: FrameType | None) -> None:
        again = bool(stop.received)
        stop.received.append(signum)
        if stop.at_once:
            notice()
            raise KeyboardInterrupt
        if again:
            signal.signal(signum, handlers[signal.Signals(signum)])
            signal.raise_signal(signum)
            return
        ask()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    for asking in STOPPING:
        if signal.getsignal(asking) is not signal.SIG_IGN:  # as `nohup` and `&` leave it
            handlers[asking] = signal.signal(asking, handle)
    try:
        yield stop
    finally:
        for signum, handler in handlers.items():
            signal.signal(signum, handler)
