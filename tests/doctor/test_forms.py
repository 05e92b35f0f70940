"""The same fault, written in other ways, is diagnosed alike."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import change_config, config_from
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


def as_blocks(layers: list[Any]) -> list[Any]:
    """All layers behind the first one in a residual block, which needs an input and an output of equal width; a copy of
    the first where it has no others."""
    first, *others = deepcopy(layers)
    if others and others[-1]["units"] != first["units"]:
        return [first, *others, {"type": "residual", "layers": [others[-1]]}]
    return [first, {"type": "residual", "layers": others or [deepcopy(first)]}]


FORMS = [as_layers, as_mappings, as_blocks]
# The sum of a block and its input is larger than either: at this rate the network in blocks diverges, where that
# without them is noisy. A tenth of the rate and larger batches mend both.
IN_BLOCKS = {"noisy_batches": "lr_too_high"}


def as_names(config: dict[str, Any]) -> dict[str, Any]:
    """Each part whose parameters are the defaults as its name alone."""

    def shortened(plain: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
        found = dict(plain)
        for key in keys:
            if isinstance(plain[key], Mapping):
                found[key] = plain[key]["type"]
        return found

    short = shortened(config, ("schedule", "optimizer", "loss"))
    named = {key: value for key, value in short.items() if config_from({**config, key: value}) == config_from(config)}
    source = shortened(config["data"], ("source",))
    data = source if config_from({**config, "data": source}) == config_from(config) else config["data"]
    return {**config, **named, "data": data}


@pytest.mark.parametrize("form", [as_layers, as_mappings])
@pytest.mark.parametrize("exhibit", BROKEN, ids=lambda exhibit: exhibit.name)
def test_layers_and_activations_are_read_alike_in_every_form(exhibit: Any, form: Any) -> None:
    config = to_plain(config_of(exhibit, 1))
    written = to_plain(config_from({**config, "layers": form(config["layers"])}))

    def read(plain: Mapping[str, Any]) -> list[tuple[str, str, bool]]:
        return [(layer.name, layer.activation, layer.normalized) for layer in dense_layers(plain)]

    assert read(written) == read(config)


@pytest.mark.parametrize("exhibit", BROKEN, ids=lambda exhibit: exhibit.name)
def test_layers_in_blocks_are_read_as_those_outside(exhibit: Any) -> None:
    plain = to_plain(config_of(exhibit, 1))
    written = to_plain(config_from({**plain, "layers": as_blocks(plain["layers"])}))
    read, expected = dense_layers(written), dense_layers(plain)
    for nested, own in zip(read, expected[:-1], strict=False):
        assert (nested.activation, nested.normalized, nested.trainable) == (
            own.activation,
            own.normalized,
            own.trainable,
        )
        assert (nested.name, nested.units, nested.init) == (own.name, own.units, own.init)
    assert any(".layers." in layer.key for layer in read)
    assert read[-1] == expected[-1]


def test_a_part_by_its_name_is_the_same_config() -> None:
    shortened = 0
    for exhibit in BROKEN:
        config = config_of(exhibit, 1)
        written = as_names(to_plain(config))
        assert config_from(written) == config
        shortened += isinstance(written["schedule"], str) + isinstance(written["data"]["source"], str)
    assert shortened > len(BROKEN)  # every schedule, and the sources without parameters of their own


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
def test_dropout_inside_a_block_is_found_and_lowered_there_or_left_out(trained: Trained, kind: str) -> None:
    dense: dict[str, Any] = {"type": "dense", "units": 16, "activation": "relu"}
    block = {"type": "residual", "layers": [dense, {"type": kind, "rate": 0.9}, dense, {"type": kind, "rate": 0.9}]}
    run = trained(data=SPIRAL, layers=[{"type": kind, "rate": 0.9}, dense, block], train={"epochs": 40})
    found = [finding for finding in diagnose(run, budget=0).findings if finding.rule == "over_regularized"]
    assert found
    for patch, rate in zip(found[0].patches[:2], (0.2, 0.0), strict=True):
        changed = patch.set["layers"]
        assert [layer["rate"] for layer in changed[2]["layers"] if layer["type"] == kind] == [rate, rate]
        change_config(config_from(run.config), patch.set)


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
    expected = IN_BLOCKS.get(exhibit.rule, exhibit.rule) if form is as_blocks else exhibit.rule
    assert diagnose(run).findings[0].rule == expected


@pytest.mark.parametrize("exhibit", [e for e in BROKEN if e.rule in SAMPLE], ids=lambda exhibit: exhibit.name)
@pytest.mark.parametrize("form", FORMS)
def test_some_faults_of_the_zoo_are_named_in_every_form(exhibit: Any, form: Any, tmp_path: Path) -> None:
    check(exhibit, form, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("exhibit", BROKEN, ids=lambda exhibit: exhibit.name)
def test_faults_of_the_zoo_are_named_in_every_form(exhibit: Any, form: Any, tmp_path: Path) -> None:
    check(exhibit, form, tmp_path)
