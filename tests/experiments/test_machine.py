"""Threads of BLAS: as many as there are cores to run on, whatever the machine has besides."""

from __future__ import annotations

import os

import pytest

from nn_scratch.experiments.machine import fewer_threads, threads
from tests.small import built, config

WIDE = [{"type": "dense", "units": 512}, {"type": "dense", "units": 512}]


@pytest.mark.parametrize("cores", [1, 3])
def test_large_steps_take_the_cores_that_the_process_may_run_on(cores: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 8)
    network = built("digits", layers=WIDE).network
    assert threads(config("digits"), network, 1024) == cores
    assert threads(config("digits"), network, 1) == 1
    asked = config("digits", train={"threads": 4})
    assert threads(asked, network, 1024) == cores
    wanted = f"train.threads: 4 are asked for and the machine has {cores} cores; {cores} are used"
    assert fewer_threads(asked) == [wanted]
