"""Baselines of equal data are computed once in a process."""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.once import once_per_split
from nn_scratch.config.resolve import config_from
from nn_scratch.data.prepare import Data
from nn_scratch.experiments.build import build_data
from nn_scratch.seeding import spawn_generators


def iris(seed: int = 0, **data: object) -> Data:
    return build_data(config_from({"data": {"source": "iris", **data}}), spawn_generators(seed))


@pytest.fixture
def calls() -> list[str]:
    return []


@pytest.fixture
def counted(calls):
    @once_per_split
    def rows(data: Data, *, more: int = 0) -> dict[str, list[int]]:
        calls.append(data.digest)
        return {"rows": [len(data.train) + more]}

    return rows


def test_equal_data_are_measured_once_and_each_caller_has_a_copy(counted, calls):
    first = counted(iris())
    first["rows"].append(0)
    assert counted(iris()) == {"rows": [106]}
    assert len(calls) == 1
    assert counted(iris(), more=1) == {"rows": [107]}
    assert len(calls) == 2


@pytest.mark.parametrize(
    "other",
    [
        lambda: iris(1),
        lambda: iris(scale="minmax"),
        lambda: iris(split={"train": 0.6, "val": 0.2, "test": 0.2}),
        lambda: changed(iris()),
    ],
    ids=["split", "scale", "shares", "a value"],
)
def test_other_data_have_another_digest(other):
    assert other().digest != iris().digest


def changed(data: Data) -> Data:
    inputs = data.val.inputs.copy()
    inputs[0, 0] = np.nextafter(inputs[0, 0], np.float32(9.0))
    return replace(data, val=replace(data.val, inputs=inputs))


def test_the_number_of_threads_is_part_of_the_key(counted, calls):
    for threads in (1, 2, 1):
        with threadpool_limits(threads, user_api="blas"):
            counted(iris())
    assert len(calls) == 2


def test_what_is_kept_is_what_is_computed():
    assert kernel_ridge_report(iris()) == kernel_ridge_report(iris()) == kernel_ridge_report.__wrapped__(iris())
