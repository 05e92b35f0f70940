"""Where calls of Linux are absent, as on Windows and macOS, the package imports, trains, resumes and draws the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.robustness.kills import difference, hashes
from tests.robustness.processes import ROOT, Scripts, without_slow_steps

WINDOWS = """
import asyncio, multiprocessing, os, random, signal, subprocess, sys, tempfile, types

for name in ("fcntl", "resource", "pwd", "grp"):
    sys.modules[name] = None
sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda file, mode, count: None)
for name in ("mkfifo", "fork", "register_at_fork", "geteuid", "O_DIRECTORY", "O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC"):
    delattr(os, name)
for name in ("SIGKILL", "pthread_kill"):
    delattr(signal, name)

def no_pipe(file, warn_on_full_buffer=True):
    raise ValueError("only sockets")

signal.set_wakeup_fd = no_pipe
really_open = os.open

def no_folder(path, flags, *rest, **options):
    if os.path.isdir(path):
        raise PermissionError(13, "Permission denied", path)
    return really_open(path, flags, *rest, **options)

os.open = no_folder
"""
MACOS = """
import errno, fcntl, os

del fcntl.F_SETPIPE_SZ
really_sync = os.fsync

def no_folder(file):
    if os.path.isdir(f"/dev/fd/{file}"):
        raise OSError(errno.EINVAL, "Invalid argument")
    really_sync(file)

os.fsync = no_folder
"""
COMMAND = """
import sys
from nn_scratch.cli import run_command
sys.exit(run_command(sys.argv.pop(1)))
"""
IMPORTS = """
import importlib, pkgutil
import nn_scratch

names = [module.name for module in pkgutil.walk_packages(nn_scratch.__path__, "nn_scratch.")]
for name in names:
    if not name.endswith("__main__"):
        importlib.import_module(name)
print(len(names))
"""
ARGUMENTS = [
    *("data.source=iris", "name=run", "log.every=2"),
    "layers=[{type: dense, units: 4}, {type: dropout, rate: 0.2}]",
]


def python(preamble: str, script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", preamble + script, *arguments], capture_output=True, text=True, cwd=ROOT, check=False
    )
    assert (done.returncode, without_slow_steps(done.stderr)) == (0, "")
    return done


@pytest.mark.parametrize("system", [WINDOWS, MACOS], ids=["windows", "macos"])
def test_every_module_imports(system: str) -> None:
    assert int(python(system, IMPORTS).stdout) > 100


@pytest.mark.parametrize("system", [WINDOWS, MACOS], ids=["windows", "macos"])
def test_a_run_is_trained_further_and_drawn_with_the_same_bytes(system: str, scripts: Scripts, tmp_path: Path) -> None:
    whole = tmp_path / "whole"
    whole.mkdir()
    assert scripts.train(whole, *ARGUMENTS, "train.epochs=5").code == 0
    python(system, COMMAND, "train", *ARGUMENTS, "train.epochs=3", "--outputs", str(tmp_path))
    run = tmp_path / "run-001"
    python(system, COMMAND, "train", "--resume", str(run), "train.epochs=5")
    assert difference(hashes(whole / "run-001"), run) == []
    python(system, COMMAND, "visualize", str(run))
    assert list((run / "plots").glob("*.png"))
    assert (run / "weights.mp4").is_file()
