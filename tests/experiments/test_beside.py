"""A part of a command's work in a second process."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from nn_scratch.errors import UserError
from nn_scratch.experiments import beside
from nn_scratch.experiments.beside import Beside
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from tests.small import config, differing, rows


@pytest.fixture(params=[True, False], ids=["fork", "alone"])
def forked(request, monkeypatch):
    """Whether a second process is there; Linux alone has one."""
    if request.param and not hasattr(os, "sched_getaffinity"):
        pytest.skip("the fork is used on Linux alone")
    monkeypatch.setattr(beside, "forks", lambda: request.param)
    return request.param


def test_the_result_is_what_the_function_returned(forked):
    with Beside(lambda: {"process": os.getpid(), "ä": [1, None]}) as other:
        result = other.result()
    assert result["ä"] == [1, None]
    assert (result["process"] != os.getpid()) is forked


def test_an_error_is_raised_where_the_command_is(forked):
    def fail():
        raise UserError("data.csv: is empty")

    with pytest.raises(UserError, match=r"^data\.csv: is empty$"), Beside(fail) as other:
        other.result()


def test_a_process_that_is_killed_is_replaced(forked):
    first = os.getpid()

    def killed_unless_first():
        if os.getpid() != first:
            os.kill(os.getpid(), 9)
        return "drawn"

    with Beside(killed_unless_first) as other:
        assert other.result() == "drawn"


@pytest.mark.usefixtures("forked")
def test_an_error_of_the_rest_ends_the_second_process():
    reading, _ = never = os.pipe()
    with pytest.raises(KeyboardInterrupt), Beside(lambda: os.read(reading, 1)):
        raise KeyboardInterrupt
    for end in never:
        os.close(end)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork has no second process")
def test_where_no_process_may_be_made_the_first_does_the_work(monkeypatch):
    def refused():
        raise BlockingIOError(11, "no more processes")

    monkeypatch.setattr(beside, "forks", lambda: True)
    monkeypatch.setattr(os, "fork", refused)
    with Beside(os.getpid) as other:
        assert not other.forked
        assert other.result() == os.getpid()


@pytest.mark.parametrize("cores", [1, 64])
def test_the_data_of_a_run_are_checked_by_either_process_alike(cores, tmp_path):
    """In a process that has not loaded OpenMP, as that of a command; by the first process, or by the second."""
    program = """
import sys
from pathlib import Path
from nn_scratch.experiments import beside, train
from tests.small import config
cores = int(sys.argv[1])
beside.usable_cores = train.usable_cores = lambda: cores
train.train_beside_checks(config(sys.argv[2]), Path(sys.argv[3]))
print("sklearn.neighbors" in sys.modules)
"""
    table = rows(tmp_path)
    arguments = [str(cores), table, str(tmp_path / "both")]
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).resolve().parents[2],
    )
    checked_here = cores == 1 or sys.platform != "linux"
    assert (done.stdout, done.stderr) == (f"{checked_here}\n", "")
    alone, (both,) = train(config(table), tmp_path / "alone"), map(Run, (tmp_path / "both").iterdir())
    assert differing(alone, both) == []
    assert alone.signals == both.signals
    assert alone.info["baselines"] == both.info["baselines"]
    assert alone.info["baselines"]["linear"]


@pytest.mark.skipif(sys.platform != "linux", reason="the second process is used on Linux alone")
def test_the_second_process_ends_with_the_first():
    program = """
import os, time
from nn_scratch.experiments import beside
beside.forks = lambda: True
with beside.Beside(lambda: time.sleep(60)) as other:
    print(other._child, flush=True)
    other.result()
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as first:
        second = int(first.stdout.readline())
        first.kill()
    for _ in range(200):
        if not Path(f"/proc/{second}").exists():
            break
        time.sleep(0.05)
    assert not Path(f"/proc/{second}").exists()


def test_beside_another_thread_there_is_no_fork():
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert not beside.forks()
    finally:
        stop.set()
        thread.join()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork has no second process")
def test_a_signal_to_the_second_process_is_not_taken_for_one_to_the_first(monkeypatch):
    fork = os.fork
    wakeup, heard = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(wakeup, False)

    def struck_at_once():
        child = fork()
        if child == 0:  # as early as can be: no handler of the first process has been taken back
            signal.set_wakeup_fd(heard, warn_on_full_buffer=False)
            os.kill(os.getpid(), signal.SIGTERM)
        return child

    monkeypatch.setattr(beside, "forks", lambda: True)
    monkeypatch.setattr(os, "fork", struck_at_once)
    first, handler = os.getpid(), signal.signal(signal.SIGTERM, lambda *_: None)
    try:
        with Beside(os.getpid) as other:
            assert other.result() == first  # the second process has ended, so this one did its work
        with pytest.raises(BlockingIOError):
            os.read(wakeup, 1)
    finally:
        signal.signal(signal.SIGTERM, handler)
        os.close(wakeup)
        os.close(heard)


def test_where_openmp_is_loaded_there_is_no_fork():
    import sklearn.neighbors  # noqa: F401  (brings its own)

    assert beside.has_openmp()
    assert not beside.forks()
