"""Ctrl-C and SIGTERM end a command within a second or so, whatever it is doing; what is on disk then goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nn_scratch.runs.run import Run
from tests.robustness.kills import difference, hashes
from tests.robustness.processes import ROOT, Scripts

LONG_CALL = """
import hashlib, os, signal, threading

def long_call(*_):
    # minutes within one call of a library, in which no handler of Python runs
    threading.Timer(0.1, os.kill, (os.getpid(), signal.SIG)).start()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 1 << 30)
    raise AssertionError("the signal came too late")
"""
IN_A_COMMAND = (
    LONG_CALL
    + """
import sys
from nn_scratch.cli.process import parser, run_script
sys.exit(run_script(long_call, parser("")))
"""
)
AFTER_TRAINING = (
    LONG_CALL
    + """
import sys
from nn_scratch.experiments import train
train.score_parts = long_call
from nn_scratch.cli import run_command
sys.exit(run_command("train"))
"""
)
WHILE_ANOTHER_PROCESS_CHECKS_THE_DATA = """
import os, signal, sys, threading, time
from nn_scratch.experiments import train

scored = train.score_parts

def score_parts(session):
    threading.Timer(0.5, lambda: os.kill(os.getpid(), signal.SIG)).start()
    return scored(session)

train.score_parts = score_parts
train.data_checks = lambda data: time.sleep(60)
from nn_scratch.cli import run_command
sys.exit(run_command("train"))
"""
SIGNALS = [("SIGINT", 130), ("SIGTERM", 143)]
ARGUMENTS = ["data.source=iris", "layers=[]", "train.epochs=3", "name=run"]


def python(script: str, name: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], float]:
    """A script in an interpreter of its own, and the seconds it took."""
    started = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", script.replace("signal.SIG)", f"signal.{name})"), *arguments],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
        timeout=100,
    )
    return done, time.monotonic() - started


@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_a_signal_in_a_long_call_of_a_library_ends_the_command(name: str, code: int) -> None:
    done, _ = python(IN_A_COMMAND, name)
    assert (done.returncode, done.stderr) == (code, "stopped\n")


@pytest.mark.parametrize("script", [AFTER_TRAINING, WHILE_ANOTHER_PROCESS_CHECKS_THE_DATA], ids=["scores", "checks"])
@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_a_signal_in_the_end_phase_is_heeded_and_the_run_goes_on(
    name: str, code: int, script: str, scripts: Scripts, tmp_path: Path
) -> None:
    (tmp_path / "whole").mkdir()
    assert scripts.train(tmp_path / "whole", *ARGUMENTS).code == 0
    done, _ = python(script, name, *ARGUMENTS, "--outputs", str(tmp_path))
    assert done.returncode == code, done.stderr
    assert "stopped" in done.stderr.splitlines()[-1]
    run = tmp_path / "run-001"
    assert len(Run(run).metrics["epoch"]) == 3
    assert scripts.train(tmp_path, "--resume", str(run)).code == 0
    assert difference(hashes(tmp_path / "whole" / "run-001"), run) == []


# --- processes that train side by side


def start(tmp_path: Path, *command: str) -> subprocess.Popen[str]:
    """A command with a folder for temporary files of its own, once it trains there."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.poll() is None and not list(temporary.glob("nn_scratch-*/*/*/*/run.json")):
        time.sleep(0.02)
    return process


ZOO = (str(ROOT / "script" / "zoo.py"), "lr_too_low", "--seeds", "40", "--jobs", "2")


def workers(process: int) -> list[int]:
    """The processes below one that train (those that joblib starts beside them to keep its books left out)."""
    children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in children if b"resource_tracker" not in Path(f"/proc/{child}/cmdline").read_bytes()]


@pytest.mark.parametrize(("name", "code"), SIGNALS)
def test_processes_that_train_leave_nothing_behind_when_they_are_stopped(name: str, code: int, tmp_path: Path) -> None:
    process = start(tmp_path, *ZOO)
    process.send_signal(getattr(signal, name))
    _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (code, "stopped\n")
    assert list((tmp_path / "temporary").glob("nn_scratch-*")) == []


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it takes Linux to list a process's children")
def test_processes_that_train_end_with_the_one_that_started_them(tmp_path: Path) -> None:
    process = start(tmp_path, *ZOO)
    children = workers(process.pid)
    assert children
    process.kill()
    process.communicate()
    deadline = time.monotonic() + 30
    while any(alive(child) for child in children):
        assert time.monotonic() < deadline, "they are still there"
        time.sleep(0.02)
    while list((tmp_path / "temporary").glob("nn_scratch-*")):
        assert time.monotonic() < deadline, "their temporary runs are still there"
        time.sleep(0.02)


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="it takes Linux to list a process's children")
def test_a_process_that_is_killed_while_it_trains_is_reported_in_one_line(tmp_path: Path) -> None:
    process = start(tmp_path, *ZOO)
    os.kill(workers(process.pid)[-1], signal.SIGKILL)
    _, told = process.communicate(timeout=100)
    assert process.returncode == 1
    assert told == "a process that trained was killed, perhaps because the memory ran out; try again with more free\n"
    assert list((tmp_path / "temporary").glob("nn_scratch-*")) == []
