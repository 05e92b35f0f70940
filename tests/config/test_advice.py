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
            "layers[0].init: zeros makes all units of the layer equal, and they stay equal; write he_normal",
        ),
        (
            {"layers": [{"type": "residual", "layers": [ZEROS | {"init": {"type": "normal", "std": 0}}]}]},
            "layers[0].layers[0].init: normal makes all units of the layer equal, and they stay equal; write he_normal",
        ),
        (
            {"output": {"activation": "relu"}},
            "output.activation: relu is applied before the loss, which expects none; write auto",
        ),
        (
            {"layers": [{"type": "dense", "units": 8}, "dropout", "alpha_dropout"]},
            "layers[2]: alpha_dropout keeps mean and variance after selu alone, not after relu; write dropout",
        ),
        (
            {"layers": [{"type": "dense", "units": 8}, {"type": "residual", "layers": ["alpha_dropout"]}]},
            "layers[1].layers[0]: alpha_dropout keeps mean and variance after selu alone, not after relu; write "
            "dropout",
        ),
        (
            {"optimizer": "lbfgs", "layers": ["gaussian_noise", "dropout"]},
            "optimizer: the line search of lbfgs needs a loss without noise; leave out dropout and gaussian_noise",
        ),
        (
            {"optimizer": "lbfgs", "layers": [], "train": {"batch_size": 64}},
            "train.batch_size: has no effect: lbfgs takes all training rows at every step",
        ),
        (
            {"optimizer": "lbfgs", "layers": [], "regularize": {"clip_norm": 1}},
            "regularize.clip_norm: has no effect: the line search of lbfgs needs the gradient as it is",
        ),
        (
            {"layers": ["batch_norm"], "regularize": {"max_norm": 2}},
            "regularize.max_norm: there is no hidden dense layer, so it bounds the weights of the output alone; add a "
            "layer such as {type: dense, units: 64}, or write null",
        ),
        (
            {
                "layers": [{"type": "dense", "units": 8, "trainable": False}, "batch_norm"],
                "output": {"trainable": False},
                "regularize": {"max_norm": 2},
            },
            "regularize.max_norm: has no effect: it bounds dense layers, and none is trainable; write null",
        ),
        (
            {"layers": [{"type": "dense", "units": 8, "trainable": False}, "dropout"], "output": {"trainable": False}},
            "layers: none is trainable, nor is the output, so nothing is learned; write trainable: true in one",
        ),
        (
            {"layers": ["batch_norm"], "train": {"batch_size": 1}},
            "train.batch_size: 1 row has no variance, so batch_norm has no statistics of a batch; write 16 or more",
        ),
        (
            {"train": {"epochs": 10, "early_stopping": {"patience": 10}}},
            "train.early_stopping.patience: 10 epochs without improvement cannot pass in train.epochs: 10",
        ),
        (
            {"train": {"epochs": 10}, "schedule": {"type": "cosine", "warmup_epochs": 10}},
            "schedule.warmup_epochs: 10 is all of train.epochs: 10; a tenth of it is usual",
        ),
        (
            {"optimizer": "adamw", "regularize": {"l2": 0.01}},
            "regularize.l2: adamw has weight_decay beside it, to the same end; write 0.0",
        ),
    ],
)
def test_an_unwise_choice_is_reported(values: dict[str, Any], expected: str) -> None:
    assert unwise(config_from(values)) == [expected]


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"optimizer": {"type": "sgd", "lr": 0.5, "momentum": 0.9, "nesterov": True}},
        {"optimizer": "lbfgs", "layers": [{"type": "dense", "units": 8}]},
        {"layers": [{"type": "dense", "units": 8, "activation": "selu"}, "alpha_dropout", "alpha_dropout"]},
        {"layers": [{"type": "dense", "units": 8}, "batch_norm", "alpha_dropout"]},
        {"regularize": {"max_norm": 3}},
        {"optimizer": "adadelta"},
        {"output": {"activation": "identity", "init": "zeros"}},
        {"layers": [{"type": "dropout", "rate": 0.5}]},
        {"data": {"shuffle": False, "stratify": False}},
    ],
)
def test_of_sensible_choices_nothing_is_said(values: dict[str, Any]) -> None:
    assert unwise(config_from(values)) == []
