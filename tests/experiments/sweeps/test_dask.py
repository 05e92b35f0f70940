"""A sweep on a real Dask scheduler, whose workers and which itself are killed midway: every row is there, each once."""

from __future__ import annotations

import csv
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.sweeps import sweep as sweeping
from nn_scratch.experiments.sweeps.executors import OnDask, run_on_worker
from nn_scratch.experiments.sweeps.rows import Row, read_rows
from nn_scratch.experiments.sweeps.sweep import Swept, Table, new_job, settings

pytest.importorskip("distributed")
PROJECT = Path(__file__).resolve().parents[3]


def poisonous(job: Mapping[str, Any]) -> Row:
    """Trial 3 kills its worker, whenever it is tried."""
    if job["trial"] == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_on_worker(job)


def started(arguments: list[str], ready: str, failures: int) -> tuple[subprocess.Popen[str], str]:
    """A process, once a line of its output matches; and the match."""
    allowed = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": str(failures)}
    environment = os.environ | {"PYTHONPATH": str(PROJECT)} | allowed
    command = [sys.executable, "-m", *arguments]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment, cwd=PROJECT)
    assert process.stderr is not None
    for line in process.stderr:
        if found := re.search(ready, line):
            return process, found[1]
    raise AssertionError(f"{arguments} ended")


@contextmanager
def cluster(workers: int, failures: int = 2) -> Iterator[tuple[str, list[subprocess.Popen[str]]]]:
    scheduler, address = started(
        ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"],
        r"Scheduler at:\s+(tcp://127\.0\.0\.1:\d+)",
        failures,
    )
    processes = [scheduler]
    try:
        for _ in range(workers):
            worker = [
                "distributed.cli.dask_worker",
                address,
                "--nthreads",
                "1",
                "--no-dashboard",
                "--host",
                "127.0.0.1",
            ]
            processes.append(started(worker, r"(Registered to)", failures)[0])
        yield address, processes
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.communicate(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.communicate()


def swept(tmp_path: Path, trials: int) -> Swept:
    config = config_from(
        {
            "name": "dask",
            "data": {"source": "iris"},
            "layers": [{"type": "dense", "units": 4}],
            "train": {"epochs": 2},
            "sweep": {"space": {"optimizer.lr": {"log": [1e-3, 1e-1]}}, "trials": trials},
        }
    )
    for folder in ("rows", "runs"):
        (tmp_path / folder).mkdir()
    return Swept(tmp_path, config)


def run(swept: Swept, address: str, told: Callable[[Row], None]) -> None:
    drawn = enumerate(settings(swept.config, swept.sweep), start=1)
    jobs = [new_job(swept, number, setting) for number, setting in drawn]
    with closing(OnDask(address, run=poisonous)) as execute:
        execute((job for job in jobs if not job.done), told)
    swept.rows = read_rows(swept.folder)
    Table(swept, None).write()


def statuses(folder: Path) -> dict[int, str]:
    with (folder / "trials.csv").open(newline="") as file:
        return {int(row["trial"]): row["status"] for row in csv.DictReader(file)}


def test_a_trial_that_kills_its_worker_is_a_row_and_all_others_are_there(tmp_path: Path) -> None:
    told: list[int] = []
    with cluster(workers=2) as (address, _):
        run(swept(tmp_path, 5), address, lambda row: told.append(row.trial))
    assert sorted(told) == [1, 2, 3, 4, 5]
    assert statuses(tmp_path) == {1: "finished", 2: "finished", 3: "killed", 4: "finished", 5: "finished"}


def test_trials_that_wait_behind_one_that_kills_its_worker_are_not_blamed(tmp_path: Path) -> None:
    """All five wait on the only worker when the third kills it, and no failure is allowed."""
    with cluster(workers=1, failures=0) as (address, _):
        run(swept(tmp_path, 5), address, lambda row: None)
    assert statuses(tmp_path) == {1: "finished", 2: "finished", 3: "killed", 4: "finished", 5: "finished"}


@pytest.mark.slow
def test_forty_trials_survive_a_killed_worker_and_another_scheduler(tmp_path: Path) -> None:
    """A worker is killed when ten rows are there; later a new scheduler takes over what has no row."""
    forty = swept(tmp_path, 40)
    told: list[int] = []

    with cluster(workers=2) as (address, processes):

        def kill_one(row: Row) -> None:
            told.append(row.trial)
            if len(told) == 10:
                processes[1].kill()
            if len(told) == 20:
                raise KeyboardInterrupt  # as if this process, or its scheduler, went away

        with pytest.raises(KeyboardInterrupt):
            run(forty, address, kill_one)
    assert len(read_rows(tmp_path)) >= 20
    with cluster(workers=2) as (address, _):
        run(forty, address, lambda row: told.append(row.trial))
    found = statuses(tmp_path)
    assert sorted(found) == list(range(1, 41))
    assert {trial for trial, status in found.items() if status != "finished"} == {3}


@dataclass(eq=False)
class Ended:
    """In place of Dask's future."""

    status: str


class LosingClient:
    """In place of Dask's client: the first three futures of each trial are lost, the fourth finishes. Keeps keys."""

    loop = None

    def __init__(self) -> None:
        self.keys: list[str] = []

    def nthreads(self) -> dict[str, int]:
        return {"worker": 1}

    def submit(
        self, run: Callable[[Mapping[str, Any]], Row], job: dict[str, Any], *, key: str, **more: object
    ) -> Ended:
        trial = key.rsplit("-", 1)[0] + "-"
        lost = sum(known.startswith(trial) for known in self.keys) < 3
        self.keys.append(key)
        if not lost:
            run(job)
        return Ended("lost" if lost else "finished")

    def close(self) -> None:
        pass


class InOrder(list[Any]):
    """In place of Dask's as_completed: futures end in the order in which they are added."""

    def __init__(self, *args: object, **options: object) -> None:
        super().__init__()

    def add(self, future: Any) -> None:
        self.append(future)

    def __next__(self) -> Any:
        return self.pop(0)


def test_a_trial_that_is_submitted_again_has_a_new_key_however_long_the_sweep_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = LosingClient()
    monkeypatch.setattr("distributed.Client", lambda *args, **options: client)
    monkeypatch.setattr("distributed.as_completed", InOrder)
    clock = count(step=60)  # a minute passes at each look
    monkeypatch.setattr("nn_scratch.experiments.sweeps.executors.monotonic", lambda: float(next(clock)))
    sweep = swept(tmp_path, 3)
    jobs = [new_job(sweep, number, one) for number, one in enumerate(settings(sweep.config, sweep.sweep), start=1)]
    rows: list[int] = []
    execute = OnDask("unused")
    execute(jobs, lambda row: rows.append(row.trial))
    assert sorted(rows) == [1, 2, 3]
    assert len(client.keys) == len(set(client.keys)) == 12


def test_no_scheduler_is_one_line() -> None:
    with pytest.raises(EnvironmentFailure, match=r"--dask nonsense: no scheduler answers: "):
        OnDask("nonsense")


def test_the_public_function_takes_an_address(tmp_path: Path) -> None:
    config = swept(tmp_path, 3).config
    with cluster(workers=1) as (address, _):
        done = sweeping.sweep(config, tmp_path / "outputs", dask=address)
    assert [row.status for row in done.rows] == ["finished"] * 3
