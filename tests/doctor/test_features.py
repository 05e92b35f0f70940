"""Each feature of a run against what is known of it."""

from __future__ import annotations

from math import isfinite, log10
from typing import Any

import numpy as np
import pytest

from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.features import Features, decades, features_of, ramp
from nn_scratch.doctor.layout import dense_layers
from tests.doctor.conftest import Trained

DENSE: dict[str, Any] = {"type": "dense", "units": 16, "activation": "relu"}


@pytest.fixture
def measured(trained: Trained) -> Any:
    def go(**sections: Any) -> Features:
        with np.errstate(all="ignore"):
            return features_of(Case(trained(**{"train": {"epochs": 3}, **sections})))

    return go


@pytest.mark.parametrize(
    ("value", "share"), [(0.0, 0.0), (1.0, 0.0), (2.0, 0.5), (3.0, 1.0), (np.inf, 1.0), (np.nan, 0.0), (-np.inf, 0.0)]
)
def test_a_ramp_goes_from_0_to_1(value: float, share: float) -> None:
    assert ramp(value, 1.0, 3.0) == share


def test_decades_of_what_is_not_positive_are_far_below_all() -> None:
    assert [decades(value) for value in (1000.0, 0.0, -1.0, np.nan)] == [pytest.approx(3), -30, -30, -30]


def test_layers_are_read_once_nested_ones_included() -> None:
    block = {"type": "residual", "layers": [{**DENSE, "activation": "identity"}, "batch_norm", {**DENSE, "units": 4}]}
    layers = dense_layers({"layers": [{**DENSE, "trainable": False}, block], "output": {"activation": "softmax"}})
    assert [(one.name, one.key, one.normalized, one.trainable, one.units) for one in layers] == [
        ("hidden_1", "layers.0", False, False, 16),
        ("hidden_2", "layers.1.layers.0", True, True, 16),
        ("hidden_3", "layers.1.layers.2", False, True, 4),
        ("output", "output", False, True, None),
    ]
    assert layers[-1].activation == "softmax"


def test_a_gain_is_the_size_of_the_weights_over_the_suited_one(measured: Any) -> None:
    suited = (2 / 2) ** 0.5  # He, for two inputs
    first = measured(layers=[{**DENSE, "units": 400, "init": {"type": "normal", "std": 7 * suited}}]).layers[0]
    assert first.gain == pytest.approx(7, rel=0.1)
    assert first.drawn
    assert first.twins == 0


def test_equal_units_dead_units_and_saturated_ones_are_counted(measured: Any) -> None:
    found = measured(
        layers=[
            {**DENSE, "init": "zeros"},
            {**DENSE, "bias_init": -50.0},
            {**DENSE, "activation": "tanh", "bias_init": 9},
        ]
    ).layers
    assert (found[0].drawn, found[0].twins) == (False, 1.0)
    assert found[1].dead == 1.0
    assert found[1].bias == -50
    assert found[2].flat == 1.0


def test_a_frozen_layer_has_not_moved(measured: Any) -> None:
    features = measured(layers=[{**DENSE, "trainable": False}, DENSE])
    assert features.layers[0].moved == 0
    assert features.furthest_moved == max(features.layers[1].moved, features.output.moved) > 0


def test_a_gradient_falls_through_sigmoids_and_not_through_relus(measured: Any) -> None:
    deep = [{**DENSE, "activation": "sigmoid"}] * 6
    assert measured(layers=deep).gradient_fall > 2 > abs(measured(layers=[DENSE] * 6).gradient_fall)
    assert not isfinite(measured(layers=[DENSE]).gradient_fall)


def test_steps_of_a_rate_far_too_high_make_their_batches_worse(measured: Any) -> None:
    good, bad = (measured(optimizer={"type": "sgd", "lr": lr}).steps for lr in (0.01, 100.0))
    assert good.worse_share == 0
    assert bad.worse_share > 0.3
    assert bad.update_ratio > 1 > good.update_ratio
    assert (good.first_worse, bad.first_worse is not None) == (None, True)


def test_what_regularizes_is_found_in_blocks_too(measured: Any) -> None:
    block = {
        "type": "residual",
        "layers": [DENSE, {"type": "dropout", "rate": 0.5}, {"type": "gaussian_noise", "std": 2}],
    }
    own = measured(
        layers=[DENSE, {"type": "alpha_dropout", "rate": 0.2}, block],
        regularize={"l2": 0.1},
        optimizer={"type": "adamw", "lr": 0.01, "weight_decay": 0.5},
    )
    assert own.penalties.dropouts == {"layers.1": 0.2, "layers.2.layers.1": 0.5}
    assert own.penalties.noises == {"layers.2.layers.2": 2.0}
    assert own.penalties.kept == pytest.approx(0.4)
    assert (own.penalties.l1, own.penalties.l2) == (0.0, 0.1)
    assert own.decay_of_run == pytest.approx(0.01 * 0.5 * own.case.steps_done)


def test_the_curve_of_the_validation_loss_tells_the_best_epoch_and_the_rise(measured: Any) -> None:
    features = measured(
        data={"source": {"type": "blobs", "rows": 90, "classes": 3, "noise": 6.0}},
        layers=[{**DENSE, "units": 128}],
        optimizer={"type": "adam", "lr": 0.05},
        train={"epochs": 60},
    )
    loss = features.case.curve("val_loss")
    assert features.epochs.best == int(loss.argmin())
    assert features.epochs.rise == pytest.approx(loss[-1] / loss.min())
    assert features.epochs.lost_log_loss == pytest.approx(loss[-1] - loss.min())
    assert features.epochs.beyond == len(loss) - 1 - features.epochs.best
    assert features.epochs.past_its_best


def test_a_model_restored_from_its_best_epoch_has_lost_nothing_since(measured: Any) -> None:
    memorizing: dict[str, Any] = {
        "data": {"source": {"type": "blobs", "rows": 90, "classes": 3, "noise": 6.0}},
        "layers": [{**DENSE, "units": 128}],
        "optimizer": {"type": "adam", "lr": 0.05},
    }
    stopping = {"monitor": "val_loss", "patience": 50}
    features = measured(**memorizing, train={"epochs": 60, "early_stopping": stopping})
    loss = features.case.curve("val_loss")
    assert loss[-1] > 1.1 * loss.min()
    assert features.case.final_epoch == int(loss.argmin()) + 1
    assert (features.epochs.rise, features.epochs.lost_log_loss, features.epochs.score_fallen) == (1.0, 0.0, 0.0)
    last = {"early_stopping": {**stopping, "restore_best": False}}
    kept = measured(**memorizing, train={"epochs": 60, **last})
    assert kept.epochs.lost_log_loss == pytest.approx(loss[-1] - loss.min())


def test_rows_sorted_by_label_show_in_order_and_split(measured: Any) -> None:
    source = {"type": "blobs", "rows": 300, "classes": 3, "noise": 1.0, "sort": True}
    sorted_rows = measured(
        data={"source": source, "shuffle": False, "stratify": False}, train={"epochs": 3, "shuffle": False}
    )
    order, split = sorted_rows.data.order, sorted_rows.data.split
    assert order.z > 10
    assert order.runs < 0.1 * order.expected
    assert order.batch_z > 10
    assert split.class_distance > 0.25
    mixed = measured(data={"source": {**source, "sort": False}}).data
    assert abs(mixed.order.z) < 5
    assert mixed.split.class_distance < 0.1


def test_shares_of_classes_and_their_recalls(measured: Any) -> None:
    source = {"type": "blobs", "rows": 400, "classes": 2, "noise": 1.0, "class_shares": [9.0, 1.0]}
    balance = measured(data={"source": source}).data.balance
    assert balance.ratio == pytest.approx(9, rel=0.15)
    assert balance.rare_share == 0.5
    assert balance.gap == balance.other - balance.rare
    assert not balance.weighted
    assert measured(data={"source": source}, class_weight="balanced").data.balance.weighted


def test_scales_of_features_and_targets(measured: Any) -> None:
    scale = measured(
        data={"source": {"type": "regression", "rows": 200}, "scale": "none", "target_scale": "none"}
    ).data.scale
    assert scale.size == max(scale.mean, scale.high)
    assert scale.target_size == pytest.approx(max(abs(scale.target["mean"]), scale.target["std"]))
    assert not isfinite(measured().data.scale.target_size)  # of classes
    assert log10(scale.spread) >= 0
