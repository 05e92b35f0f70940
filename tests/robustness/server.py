"""Runs the project's scripts in processes that share the imports: a fork a run instead of a second of start-up.

Reads a job a line from stdin, `{"script", "arguments", "cwd", "log", ...}` (see `Job` in processes.py), forks, and
answers with the child's process number, and when it has ended with its exit code and the megabytes it took.
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import resource
import runpy
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from nn_scratch.cli import slow_steps

SCRIPTS = Path(__file__).resolve().parents[2] / "script"
WARM = (
    *(
        "nn_scratch.cli.train",
        "nn_scratch.cli.terminal",
        "nn_scratch.experiments.predict",
        "sklearn.linear_model",
    ),
    *("nn_scratch.cli.diagnose", "nn_scratch.doctor.watch", "nn_scratch.config.change_text"),
    *("nn_scratch.cli.visualize", "nn_scratch.visualize.gallery", "matplotlib.pyplot"),
)
WATCHED = {"open", "os.rename", "os.remove", "os.mkdir", "os.truncate"}  # audit events at which a kill may come


def main() -> None:
    for name in WARM:
        importlib.import_module(name)
    for line in sys.stdin:
        job = json.loads(line)
        reader, writer = os.pipe()  # a file would come under the limits that a job may have
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 1 << 20)
        child = os.fork()
        if child == 0:
            os._exit(run(job, writer))
        print(child, flush=True)
        _, status, used = os.wait4(child, 0)
        os.close(writer)
        Path(job["log"]).write_bytes(all_of(reader))
        os.close(reader)
        print(os.waitstatus_to_exitcode(status), used.ru_maxrss // 1024, flush=True)


def all_of(pipe: int) -> bytes:
    """What a pipe holds at the moment."""
    os.set_blocking(pipe, False)
    found = b""
    with suppress(BlockingIOError):
        while more := os.read(pipe, 1 << 16):
            found += more
    return found


def run(job: dict[str, Any], log: int) -> int:
    """The exit code of a script, in the process that this one has become; it prints to the descriptor `log`."""
    os.setpgid(0, 0)
    nothing = os.open(os.devnull, os.O_RDWR)
    for file, at in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(file, at)
    # new ones: the old may believe that they can seek, of a file that they were before
    sys.stdout, sys.stderr = (os.fdopen(number, "w", closefd=False) for number in (1, 2))
    os.chdir(job["cwd"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name, limit in job["limits"].items():
        resource.setrlimit(getattr(resource, name), (limit, limit))
    slow_steps.DELAY_SECONDS = 3600.0  # lines that a slow machine prints and a fast one does not
    for name, value in job["constants"].items():
        module, _, constant = name.rpartition(".")
        setattr(importlib.import_module(module), constant, value)
    counted = signal_at(job["signal_at"], job["signal"]) if job["signal_at"] is not None else [0]
    script = SCRIPTS / job["script"]
    sys.argv = [str(script), *job["arguments"]]
    try:
        runpy.run_path(str(script), run_name="__main__")
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    else:
        code = 0
    sys.stdout.flush()
    sys.stderr.flush()
    if job["signal_at"] is not None:
        things, counted[0] = counted[0], sys.maxsize // 2  # what follows is not the script's
        Path(f"{job['log']}.count").write_text(str(things))
    return code


def signal_at(number: int, signum: int) -> list[int]:
    """Send this process a signal at the n-th thing that it does to a file: before it, or in the middle of a write.

    Returns a list of one number, which goes on counting these things.
    """
    count = [0]
    write = os.write

    def reached() -> bool:
        count[0] += 1
        return count[0] == number

    def half(file: int, content: Any) -> int:
        if reached():
            written = write(file, bytes(content)[: len(content) // 2])
            os.kill(os.getpid(), signum)
            return written  # as a system call may, that a signal cut short
        return write(file, content)

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        wanted = event in WATCHED and (event != "open" or (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR))
        if wanted and reached():
            os.kill(os.getpid(), signum)

    patched: Callable[[int, Any], int] = half
    os.write = patched  # type: ignore[assignment]
    sys.addaudithook(watch)
    return count


if __name__ == "__main__":
    main()
