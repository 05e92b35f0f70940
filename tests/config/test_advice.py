"""Unwise configs train; a line says what to expect of them."""

from __future__ import annotations

from typing import Any

import pytest

from nn_scratch.config.advice import unwise
from nn_scratch.config.resolve import config_from

ZEROS = {"type": "dense", "units": 8, "init": "zeros"}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"optimizer": {"type": "sgd", "lr": 40}}, "optimizer.lr: 40 is 4000 times the usual rate of sgd, 0.01"),
        ({"optimizer": {"type": "adam", "lr": 0.2}}, "optimizer.lr: 0.2 is 200 times the usual rate of adam, 0.001"),
        (
            {"optimizer": {"type": "sgd", "nesterov": True}},
            "optimizer.nesterov: has no effect without momentum; write momentum: 0.9 beside it",
        ),
        ({"regularize": {"l2": 5}}, "regularize.l2: 5 outweighs the data; 0.00001 to 0.01 is usual"),
        ({"regularize": {"l1": 0.6}}, "regularize.l1: 0.6 outweighs the data; 0.00001 to 0.01 is usual"),
        (
            {"layers": [{"type": "dropout", "rate": 0.95}]},
            "layers[0].rate: 0.95 of the values are dropped; 0.1 to 0.5 is usual",
        ),
        (
            {"layers": [ZEROS]},
            "layers[0].init: zeros makes all units of the layer alike, and alike they stay; write he_normal",
        ),
        (
            {"layers": [{"type": "residual", "layers": [ZEROS | {"init": {"type": "normal", "std": 0}}]}]},
            "layers[0].layers[0].init: normal makes all units of the layer alike, and alike they stay; write he_normal",
        ),
        (
            {"output": {"activation": "relu"}},
            "output.activation: relu is applied before the loss, which expects none; write auto",
        ),
        (
            {"data": {"shuffle": False}},
            "data.stratify: has no effect with data.shuffle: false, which leaves the rows in their places",
        ),
    ],
)
def test_an_unwise_choice_is_told(values: dict[str, Any], expected: str) -> None:
    assert unwise(config_from(values)) == [expected]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"optimizer": {"type": "sgd", "lr": 0.5, "momentum": 0.9, "nesterov": True}},
        {"optimizer": "lbfgs"},
        {"optimizer": "adadelta"},
        {"output": {"activation": "identity", "init": "zeros"}},
        {"layers": [{"type": "dropout", "rate": 0.5}]},
        {"data": {"shuffle": False, "stratify": False}},
    ],
)
def test_of_sensible_choices_nothing_is_said(values: dict[str, Any]) -> None:
    assert unwise(config_from(values)) == []
