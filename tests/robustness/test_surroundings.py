"""What is around a run may change or be strange: streams, the environment, the folder, other processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.runs.run import Run
from tests.robustness.disks import small_disk
from tests.robustness.processes import ROOT, Ended, Job, Scripts, drop_rights

LONG = ["data.source=iris", "layers=[]", "train.epochs=1000000", "name=run", "log.max_megabytes=1"]
SHORT = ["data.source=iris", "layers=[]", "train.epochs=2", "name=run"]


def when(happens: Callable[[], bool], do: Callable[[], None]) -> threading.Thread:
    """Do something as soon as something happens, in a thread."""

    def wait() -> None:
        while not happens():
            time.sleep(0.01)
        do()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def test_a_folder_deleted_mid_run_ends_it_in_one_line(scripts: Scripts, tmp_path: Path) -> None:
    run = tmp_path / "run-001"
    deleting = when((run / "commit.json").exists, lambda: shutil.rmtree(run, ignore_errors=True))
    ended = scripts.train(tmp_path, *LONG)
    deleting.join()
    assert ended.code == 1
    assert ended.output.splitlines()[-1].startswith(f"{run}/checkpoint.npz: the folder is gone; ")
    assert "Traceback" not in ended.output


def test_a_read_only_folder_is_named(scripts: Scripts, tmp_path: Path) -> None:
    with small_disk(tmp_path, 1 << 20) as mounted:
        if not mounted:
            pytest.skip("it takes the right to mount a file system")
        subprocess.run(["mount", "-o", "remount,ro", str(tmp_path)], check=True)
        ended = scripts.train(tmp_path, *SHORT)
    assert ended.code == 1
    assert ended.output == f"{tmp_path}: the file system is read-only\n"


def test_a_log_larger_than_the_disk_is_refused_before_the_first_step(scripts: Scripts, tmp_path: Path) -> None:
    arguments = [*SHORT, "layers=[{type: dense, units: 2000}]", "log.max_megabytes=9000", "train.epochs=100"]
    with small_disk(tmp_path, 1 << 20) as mounted:
        if not mounted:
            pytest.skip("it takes the right to mount a file system")
        ended = scripts.train(tmp_path, *arguments)
    assert ended.code == 1
    last = ended.output.splitlines()[-1]
    assert last.startswith(f"{tmp_path / 'run-001'}: the log needs about ")
    assert last.endswith(" free; lower log.max_megabytes or switch off log.activations")


def test_a_run_under_way_is_not_resumed_by_a_second_process(scripts: Scripts, tmp_path: Path) -> None:
    run = tmp_path / "run-001"
    first: list[Ended] = []
    with Scripts() as others:
        training = threading.Thread(target=lambda: first.append(others.train(tmp_path, *LONG)))
        training.start()
        while not (run / "commit.json").exists():
            time.sleep(0.01)
        second = scripts.train(tmp_path, "--resume", str(run))
        holder = int((run / "lock").read_text().partition('"pid": ')[2].partition(",")[0])
        os.kill(holder, signal.SIGTERM)
        training.join()
    assert second.code == 1
    assert second.output == (
        f"run-001: another process is writing this run: process {holder} on {os.uname().nodename!r}\n"
    )
    assert first[0].code == 143
    assert first[0].output.splitlines()[-1].endswith("by SIGTERM; to go on: python script/train.py --resume run-001")
    assert not (run / "lock").exists()
    assert Run(run).info["status"] == "interrupted"


def test_a_stale_lock_keeps_nobody_out(scripts: Scripts, tmp_path: Path) -> None:
    killed = scripts.train(tmp_path, *SHORT, signal_at=60)
    assert killed.code == -signal.SIGKILL
    assert (tmp_path / "run-001" / "lock").exists()
    assert scripts.train(tmp_path, "--resume", str(tmp_path / "run-001")).code == 0
    assert not (tmp_path / "run-001" / "lock").exists()


# --- how the process was started


def shell(command: str, tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """A command in bash, in which $TRAIN stands for a short training."""
    arguments = " ".join(f"'{argument}'" for argument in SHORT)
    train = f"{sys.executable} {ROOT / 'script' / 'train.py'} {arguments} --outputs {tmp_path}"
    return subprocess.run(
        ["bash", "-c", command.replace("$TRAIN", train)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], "OPENBLAS_NUM_THREADS": "1", **environment},
        check=False,
    )


WAYS = {
    "its reader leaves": "$TRAIN | head -0; exit ${PIPESTATUS[0]}",
    "no streams": "$TRAIN <&- >&- 2>&-",
    "no stdout": "$TRAIN >&-",
    "neither home nor language": "$TRAIN",
}


@pytest.mark.parametrize("way", WAYS)
def test_a_run_ends_well_however_its_process_was_started(way: str, tmp_path: Path) -> None:
    done = shell(WAYS[way], tmp_path)
    assert done.stderr == ""
    assert done.returncode == 0
    assert Run(tmp_path / "run-001").info["status"] == "finished"


@pytest.mark.parametrize(
    "environment",
    [{"LANG": "C", "PYTHONIOENCODING": "ascii"}, {"PYTHONWARNINGS": "error"}, {"LC_ALL": "POSIX"}],
    ids=lambda environment: ",".join(environment),
)
def test_a_run_ends_well_in_any_environment(environment: dict[str, str], tmp_path: Path) -> None:
    done = shell("$TRAIN", tmp_path, **environment)
    assert done.stderr == ""
    assert done.returncode == 0


def test_output_that_finds_no_room_is_an_error_of_the_environment(tmp_path: Path) -> None:
    done = shell("$TRAIN > /dev/full", tmp_path)
    assert done.stderr == "standard output: No space left on device\n"
    assert done.returncode == 1


def test_finished_runs_are_left_alone(scripts: Scripts, tmp_path: Path) -> None:
    run = tmp_path / "run-001"
    assert scripts.train(tmp_path, *SHORT).code == 0
    before = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*") if path.is_file()}
    assert scripts.run(Job("train.py", ["--resume", str(run)], str(tmp_path))).code == 0
    after = {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in run.rglob("*") if path.is_file()}
    assert before == after


@pytest.mark.parametrize("debug", [False, True])
def test_debug_shows_a_traceback_and_nothing_else_does(debug: bool, scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.train(tmp_path, "train.epochs=0", *(["--debug"] if debug else []))
    problem = "train.epochs=0: train.epochs: must be a whole number from 1 to 1000000, not 0"
    assert ended.code == 2
    assert ended.output.splitlines()[-1] == problem
    assert ended.output.startswith("Traceback (most recent call last)" if debug else problem)


SWALLOWED = """
import signal, sys, time
from nn_scratch.cli.process import parser, run_script

class Callback:
    def __del__(self):
        signal.raise_signal(signal.SIG)

def main(arguments):
    callback = Callback()
    del callback  # what it raises is lost
    time.sleep(20)

sys.exit(run_script(main, parser("")))
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_a_signal_that_comes_into_a_callback_is_not_lost(name: str, code: int) -> None:
    script = SWALLOWED.replace("signal.SIG)", f"signal.{name})")
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.stderr == "stopped\n"
    assert done.returncode == code


@pytest.mark.parametrize(
    ("script", "arguments", "told"),
    [
        ("train.py", ["--resume", ""], "resume: is empty; write a value, or leave it out\n"),
        ("train.py", ["--outputs", "", "--config="], "config: is empty; write a value, or leave it out\n"),
        ("diagnose.py", [""], "run: is empty; write a value, or leave it out\n"),
    ],
)
def test_an_argument_that_is_empty_is_not_one_that_was_left_out(
    script: str, arguments: list[str], told: str, scripts: Scripts, tmp_path: Path
) -> None:
    ended = scripts.run(Job(script, arguments, str(tmp_path)))
    assert ended.code == 2
    assert ended.output.startswith(told)


def test_a_file_where_the_runs_should_be_is_named(scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = scripts.run(Job("train.py", [*SHORT, "--outputs", str(tmp_path / "file")], str(tmp_path)))
    assert ended.code == 1
    assert ended.output == f"{tmp_path / 'file'}: something else of that name is there\n"


def test_a_working_directory_that_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "here").mkdir()
    done = shell(f"cd {tmp_path / 'here'} && rmdir {tmp_path / 'here'} && $TRAIN", tmp_path)
    assert done.stderr == "the working directory is gone; change to another one\n"
    assert done.returncode == 1


# --- files and folders that permissions keep one from


def denied(script: str, *arguments: str, cwd: Path, tree: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """A command of a checkout, in a process that is subject to permissions even where this one is root's."""
    return subprocess.run(
        [sys.executable, str(tree / "script" / script), *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        check=False,
        preexec_fn=drop_rights,
    )


LINUX = pytest.mark.skipif(sys.platform != "linux", reason="it takes Linux to give up the rights of root")


@LINUX
@pytest.mark.parametrize("what", ["run-001", "run-001/checkpoint.npz", "run-001/run.json"])
def test_what_may_not_be_read_is_an_error_of_the_environment(what: str, scripts: Scripts, tmp_path: Path) -> None:
    assert scripts.train(tmp_path, *SHORT).code == 0
    (tmp_path / what).chmod(0)
    done = denied("train.py", "--resume", str(tmp_path / "run-001"), "train.epochs=9", cwd=tmp_path)
    (tmp_path / what).chmod(0o700)
    assert done.stderr.endswith(": permission denied\n")
    assert done.returncode == 1


@LINUX
def test_a_fix_that_finds_no_room_in_config_is_written_into_the_run(scripts: Scripts, tmp_path: Path) -> None:
    sick = ["data.source=iris", "train.epochs=20", "optimizer={type: sgd, lr: 1e-6}", "layers=[]", "name=run"]
    assert scripts.train(tmp_path, *sick).code == 0
    checkout = tmp_path / "checkout"
    for name in ("script", "nn_scratch", "config"):
        shutil.copytree(ROOT / name, checkout / name)
    (checkout / "config").chmod(0o500)
    done = denied("diagnose.py", "run-001", "--fix", cwd=tmp_path, tree=checkout)
    (checkout / "config").chmod(0o700)
    assert done.returncode == 0, done.stderr
    assert "optimizer.lr" in done.stdout
    told = "".join(done.stdout.split())  # the terminal wraps
    assert f"({checkout / 'config'}cannotbewritten,soitisintherun'sfolder:" in told
    assert "fixed.yaml:permissiondenied" in told
    assert (tmp_path / "run-001" / "fixed.yaml").read_text().startswith("# Mended by the doctor: ")


@pytest.mark.parametrize("log", ["metrics.csv", "weights/output.W.npy"])
def test_a_log_that_was_deleted_is_named_when_the_run_is_to_go_on(log: str, scripts: Scripts, tmp_path: Path) -> None:
    assert scripts.train(tmp_path, *SHORT).code == 0
    path = tmp_path / "run-001" / log
    path.unlink()
    ended = scripts.train(tmp_path, "--resume", str(tmp_path / "run-001"), "train.epochs=4")
    assert ended.code == 1
    assert ended.output == f"{path}: no such file\n"


@pytest.mark.parametrize("case", [["optimizer.lr=1e300"], ["data.source=./tiny.npz"]])
def test_numpy_warns_of_nothing(case: list[str], tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "tiny.npz", X=1e-310 * rng.normal(size=(60, 2)), y=np.arange(60) % 2)
    arguments = " ".join(f"'{argument}'" for argument in case)
    done = shell(f"cd {tmp_path} && $TRAIN {arguments}", tmp_path)
    assert "Warning" not in done.stderr + done.stdout
    assert done.returncode in (0, 2, 3)
    assert all(":" in line for line in done.stderr.splitlines())  # of ours, with a place
