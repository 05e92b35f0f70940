"""The other end of server.py: scripts run to their end, or to a signal at some moment."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

PATIENCE = 120.0  # seconds, after which a script is killed
ROOT = Path(__file__).resolve().parents[2]


@dataclass
class Job:
    """A script to run.

    limits: by the names of `resource.setrlimit`. constants: module constants to change, by their dotted names.
    signal_at: the n-th thing done to a file, at which the process sends itself `signal`; or after: seconds until it
    is sent.
    """

    script: str
    arguments: list[str]
    cwd: str
    limits: dict[str, int] = field(default_factory=dict)
    constants: dict[str, Any] = field(default_factory=dict)
    signal: int = signal.SIGKILL
    signal_at: int | None = None
    after: float | None = None


@dataclass
class Ended:
    """How a job ended: its exit code (of a signal that killed it, the negative number), and all that it printed.

    megabytes: memory at its peak. things: how many things it did to files, where it was to count them (`signal_at`)
    and came to its end.
    """

    code: int
    output: str
    things: int
    megabytes: int


class Scripts:
    """A server, as long as this lasts. Environment variables are those of this process, but for those given."""

    def __init__(self, **environment: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.robustness.server"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"OPENBLAS_NUM_THREADS": "1", **environment},
        )
        self._folder = tempfile.TemporaryDirectory()

    def __enter__(self) -> Scripts:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()
        self._folder.cleanup()

    def run(self, job: Job) -> Ended:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        log = Path(self._folder.name) / "log"
        print(json.dumps(asdict(job) | {"log": str(log)}), file=self._process.stdin, flush=True)
        child = int(self._process.stdout.readline())
        after, signum = (PATIENCE, signal.SIGKILL) if job.after is None else (job.after, job.signal)
        timer = threading.Timer(after, send, (child, signum))
        timer.start()
        code, megabytes = map(int, self._process.stdout.readline().split())
        timer.cancel()
        count = log.with_name("log.count")
        things = int(count.read_text()) if count.exists() else 0
        count.unlink(missing_ok=True)
        return Ended(code, log.read_text(errors="replace"), things, megabytes)

    def train(self, cwd: Path, *arguments: str, **options: Any) -> Ended:
        return self.run(Job("train.py", [*arguments, "--outputs", str(cwd)], str(cwd), **options))


def without_slow_steps(text: str) -> str:
    """What a command printed, but for the lines on steps that last, which a slow machine has and a fast one has not."""
    return "".join(line for line in text.splitlines(keepends=True) if not line.endswith(" ...\n"))


def drop_rights() -> None:
    """Let the next program of this process, root's too, be subject to the permissions of files and folders.

    Of Linux: what root may do besides goes by capabilities, and those to pass over permissions are given up.
    """
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if os.geteuid() == 0:
        for capability in (1, 2):  # CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH
            if prctl(24, capability, 0, 0, 0):  # PR_CAPBSET_DROP
                raise OSError(ctypes.get_errno(), "a capability cannot be given up")


def send(process: int, signum: int) -> None:
    with suppress(ProcessLookupError):  # it may have ended
        os.kill(process, signum)
