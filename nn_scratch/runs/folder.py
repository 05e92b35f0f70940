"""Where runs live: outputs/<name>-001, -002, ...; and who writes into one."""

from __future__ import annotations

import json
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from nn_scratch.config.project import OUTPUTS, command
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.paths import expanded
from nn_scratch.runs.files import OF_THE_MACHINE, disk_errors, open_raw, write_all
from nn_scratch.wording import did_you_mean, printable, shortened

GROUPED = "runs"  # the folder within a group (a sweep, several seeds) that holds its runs
NUMBERED = re.compile(r"(?P<name>.+)-(?P<number>\d{3,})")


def new_folder(name: str, outputs: Path = OUTPUTS) -> Path:
    """Make the next free folder of a name; two processes at once get two folders."""
    with disk_errors(outputs):
        outputs.mkdir(parents=True, exist_ok=True)
        taken = [
            int(match["number"])
            for entry in outputs.iterdir()
            if (match := NUMBERED.fullmatch(entry.name)) and match["name"] == name
        ]
        number = max(taken, default=0)
        while True:
            number += 1
            folder = outputs / f"{name}-{number:03d}"
            try:
                folder.mkdir()
            except FileExistsError:
                continue
            return folder


def find_folder(run: str | Path, outputs: Path = OUTPUTS) -> Path:
    """The folder of a run: a path, or the name of a folder under outputs/."""
    path, typed = expanded(run), printable(shortened(str(run), 200))
    with suppress(OSError, ValueError), unreadable(path):  # no name of a file at all: too long, or with a zero byte
        for candidate in (path, outputs / path):
            if (candidate / "param.yaml").is_file() or (candidate / "run.json").is_file():
                return candidate
        if path.is_dir():
            raise UserError(f"{typed}: not a run: the folder holds no param.yaml")
    raise UserError(f"{typed}: no such run under {shown(outputs)}{did_you_mean(path.name, names(outputs))}")


@contextmanager
def unreadable(path: Path) -> Iterator[None]:
    """Tell of a folder that may not be looked into; other errors are passed on."""
    try:
        yield
    except OSError as error:
        if error.errno not in OF_THE_MACHINE:
            raise
        with disk_errors(path):
            raise


def names(outputs: Path = OUTPUTS) -> list[str]:
    """The runs under outputs/, those of groups (<group>/runs/<name>) included, the newest last."""
    if not outputs.is_dir():
        return []
    written = []
    for document in (*outputs.glob("*/run.json"), *outputs.glob(f"*/{GROUPED}/*/run.json")):
        with suppress(OSError):  # it may be gone by now, or closed to us
            written.append((document.stat().st_mtime, document.parent.relative_to(outputs).as_posix()))
    return [name for _, name in sorted(written)]


def newest(outputs: Path = OUTPUTS) -> Path:
    known = names(outputs)
    if not known:
        raise UserError(f"no run under {shown(outputs)} yet: type `{command('train')}` first")
    return outputs / known[-1]


def shown(path: Path) -> str:
    """A path as it is typed in the working directory."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except ValueError:
        return str(path)


@contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Hold the folder's lock: one process writes a run. The lock of a process that has died is no lock."""
    path = folder / "lock"
    with disk_errors(path):
        file = open_lock(path)
    try:
        if file is None:
            raise EnvironmentFailure(f"{shown(folder)}: another process is writing this run: {holder(path)}")
        words = json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode()
        with disk_errors(path, len(words)):
            os.ftruncate(file, 0)
            write_all(file, words, 0)
        yield
    finally:
        if file is not None:
            with suppress(OSError):  # the folder may be gone
                path.unlink()
            os.close(file)


def open_lock(path: Path) -> int | None:
    """A descriptor of the lock's file, held; None where another process holds it."""
    while True:
        file = open_raw(path, os.O_CREAT)
        if not lock(file):
            os.close(file)
            return None
        # the holder may have removed the file in the meantime, and a lock on a removed file locks nothing
        try:
            if os.path.samestat(os.fstat(file), path.stat()):
                return file
        except FileNotFoundError:
            pass
        os.close(file)


def holder(path: Path) -> str:
    """The holder that is written in a lock's file."""
    try:
        lock = json.loads(path.read_bytes()[:1000])
        return f"process {int(lock['pid'])} on {str(lock['host'])[:100]!r}"
    except (OSError, ValueError, TypeError, KeyError):
        return "unknown"


def lock(file: int) -> bool:
    """Take the exclusive lock of an open file, which the system drops when the process ends; False when it is held."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        try:
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined,unused-ignore]
        except OSError:
            return False
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
