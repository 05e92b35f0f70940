"""The plain network that a run is compared with."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nn_scratch.baselines.plain_network import plain_network
from nn_scratch.config.resolve import config_from
from nn_scratch.data.prepare import Data
from nn_scratch.experiments.build import build_data
from nn_scratch.seeding import spawn_generators


def data_of(source: Any, **more: Any) -> Data:
    return build_data(config_from({"data": {"source": source, **more}}), spawn_generators(0))


@pytest.mark.parametrize("source", ["digits", "moons", "spiral", "regression"])
def test_it_learns_what_can_be_learned(source: str) -> None:
    found = plain_network(data_of(source))
    assert found["score"] > 0.93
    assert found["train_score"] > 0.93


def test_it_gives_the_same_each_time() -> None:
    assert plain_network(data_of("wine")) == plain_network(data_of("wine"))


def test_it_needs_no_scaling_of_the_config() -> None:
    as_they_are = data_of("wine", scale="none", target_scale="none")
    assert as_they_are.train.X.max() > 1000
    assert plain_network(as_they_are)["score"] > 0.9


def test_labels_without_a_reason_are_not_predicted() -> None:
    data = data_of("iris")
    rng = np.random.default_rng(0)
    parts = {name: replace(part, y=rng.permutation(part.y)) for name, part in vars(data).items() if hasattr(part, "y")}
    assert plain_network(replace(data, **parts))["score"] < 0.6


def test_nothing_is_said_where_no_row_can_be_scored() -> None:
    assert plain_network(data_of("iris", split={"train": 1.0, "val": 0.0, "test": 0.0}))["score"] is None
