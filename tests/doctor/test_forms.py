"""The same fault, written in other ways, is diagnosed alike."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.config.writer import to_plain
from nn_scratch.doctor.diagnose import diagnose
from nn_scratch.doctor.evidence import Case
from nn_scratch.doctor.features import features_of
from nn_scratch.doctor.layout import dense_layers
from nn_scratch.doctor.patches import normalized_layers, relu_layers
from nn_scratch.doctor.zoo import config_of, exhibits
from nn_scratch.experiments.parallel import train_or_diverged
from tests.doctor.conftest import Trained

SPIRAL = {"source": {"type": "spiral", "rows": 400, "classes": 3, "turns": 0.5}}
BROKEN = [exhibit for exhibit in exhibits() if not exhibit.healthy]
SAMPLE = ("dead_relu", "frozen_layer")  # fast ones, of an activation and of a layer's own key


def as_layers(layers: list[Any]) -> list[Any]:
    """Each activation as a layer of its own."""
    found: list[Any] = []
    for layer in deepcopy(layers):
        activation = layer.get("activation") if layer["type"] == "dense" else None
        if activation is None or activation == "identity":
            found.append(layer)
        else:
            # the dense layer's weights stay those that suit the activation
            suited = {"relu": "he_normal"}.get(str(activation), "glorot_uniform")
            init = layer.get("init") or suited
            found += [
                {**layer, "activation": "identity", "init": init},
                {"type": "activation", "activation": activation},
            ]
    return found


def as_mappings(layers: list[Any]) -> list[Any]:
    """Each activation as a mapping."""
    return [
        {**layer, "activation": {"type": layer["activation"]}} if isinstance(layer.get("activation"), str) else layer
        for layer in deepcopy(layers)
    ]


@pytest.mark.parametrize("form", [as_layers, as_mappings])
@pytest.mark.parametrize("exhibit", BROKEN, ids=lambda exhibit: exhibit.name)
def test_layers_and_activations_are_read_alike_in_every_form(exhibit: Any, form: Any) -> None:
    config = to_plain(config_of(exhibit, 1))
    written = to_plain(config_from({**config, "layers": form(config["layers"])}))

    def read(plain: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
        return [(layer.name, layer.activation, layer.normalized) for layer in dense_layers(plain)]

    assert read(written) == read(config)


@pytest.mark.parametrize(
    "layers",
    [
        [{"type": "dense", "units": 16, "activation": "tanh", "bias_init": 15.0}],
        as_layers([{"type": "dense", "units": 16, "activation": "tanh", "bias_init": 15.0}]),
        as_mappings([{"type": "dense", "units": 16, "activation": "tanh", "bias_init": 15.0}]),
    ],
    ids=["own", "layer", "mapping"],
)
def test_saturated_units_are_found_whoever_applies_the_activation(trained: Trained, layers: list[Any]) -> None:
    first = diagnose(trained(data=SPIRAL, layers=layers, train={"epochs": 40}), budget=0).findings[0]
    assert (first.rule, first.layer, first.severity) == ("saturated", "hidden_1", "critical")


@pytest.mark.parametrize("kind", ["dropout", "alpha_dropout"])
def test_dropout_inside_a_block_is_found_and_lowered_there(trained: Trained, kind: str) -> None:
    dense: dict[str, Any] = {"type": "dense", "units": 16, "activation": "relu"}
    block = {"type": "residual", "layers": [dense, {"type": kind, "rate": 0.9}, dense, {"type": kind, "rate": 0.9}]}
    run = trained(data=SPIRAL, layers=[{"type": kind, "rate": 0.9}, dense, block], train={"epochs": 40})
    found = [finding for finding in diagnose(run, budget=0).findings if finding.rule == "over_regularized"]
    assert found
    changed = found[0].patches[0].set["layers"]
    assert [layer["rate"] for layer in changed[2]["layers"] if layer["type"] == kind] == [0.2, 0.2]


def test_patches_reach_activation_layers_and_blocks(trained: Trained) -> None:
    dense = {"type": "dense", "units": 16, "activation": "sigmoid"}
    block = {"type": "residual", "layers": as_layers([dense])}
    features = features_of(Case(trained(layers=[dense, block], train={"epochs": 1})))
    relu = relu_layers(features)["layers"]
    assert relu[0]["activation"] == "relu"
    assert relu[1]["layers"][1]["activation"] == "relu"
    normalized = normalized_layers(features)["layers"]
    assert [layer if isinstance(layer, str) else layer["type"] for layer in normalized] == [
        "dense",
        "batch_norm",
        "activation",
        "residual",
    ]
    config_from({**features.case.config, "layers": normalized})


def check(exhibit: Any, form: Any, folder: Path) -> None:
    config = to_plain(config_of(exhibit, 1))
    run = train_or_diverged(config_from({**config, "layers": form(config["layers"])}), folder)
    assert diagnose(run).findings[0].rule == exhibit.rule


@pytest.mark.parametrize("exhibit", [e for e in BROKEN if e.rule in SAMPLE], ids=lambda exhibit: exhibit.name)
@pytest.mark.parametrize("form", [as_layers, as_mappings])
def test_some_faults_of_the_zoo_are_named_in_every_form(exhibit: Any, form: Any, tmp_path: Path) -> None:
    check(exhibit, form, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", [as_layers, as_mappings])
@pytest.mark.parametrize("exhibit", BROKEN, ids=lambda exhibit: exhibit.name)
def test_faults_of_the_zoo_are_named_in_every_form(exhibit: Any, form: Any, tmp_path: Path) -> None:
    check(exhibit, form, tmp_path)
