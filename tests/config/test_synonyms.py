"""Names from Keras, PyTorch and scikit-learn lead to those of this project: every entry of the table is tried."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.json_schema import REGISTRIES
from nn_scratch.config.parts import Named
from nn_scratch.config.resolve import config_from, load_config
from nn_scratch.config.schema import Config
from nn_scratch.config.synonyms import KEYS, NAMES, PARTS, equivalent, squashed
from nn_scratch.errors import UserError

BY_KIND = {registry.kind: registry for registry in REGISTRIES}
WHERE: dict[str, tuple[str, Any]] = {  # where a name of each kind stands: the key in messages, and the config around it
    "layer": ("layers[0]", lambda name: {"layers": [name]}),
    "activation": ("output.activation", lambda name: {"output": {"activation": name}}),
    "initializer": ("output.init", lambda name: {"output": {"init": name}}),
    "loss": ("loss", lambda name: {"loss": name}),
    "optimizer": ("optimizer", lambda name: {"optimizer": name}),
    "schedule": ("schedule", lambda name: {"schedule": name}),
    "data source": ("data.source", lambda name: {"data": {"source": name}}),
}
ENTRIES = [(kind, name) for kind, names in NAMES.items() for name in names]


def problems(values: dict[str, Any]) -> list[str]:
    with pytest.raises(UserError) as error:
        config_from(values)
    return list(error.value.problems)


def spellings(name: str) -> set[str]:
    """As it is, as one word, with hyphens, and as a class: leaky_relu, leakyrelu, leaky-relu, LeakyRelu."""
    words = name.split("_")
    return {name, "".join(words), "-".join(words), "".join(word.capitalize() for word in words)}


def test_every_kind_of_part_has_its_names() -> None:
    assert set(NAMES) == set(WHERE) == set(BY_KIND)
    assert len(ENTRIES) > 150
    assert len(KEYS) > 100


@pytest.mark.parametrize(("kind", "name"), ENTRIES, ids=str)
def test_a_name_from_elsewhere_leads_to_ours(kind: str, name: str) -> None:
    instead, (key, around) = NAMES[kind][name], WHERE[kind]
    assert squashed(name) not in {squashed(ours) for ours in BY_KIND[kind]}, "it is ours already"
    hint = instead if " " in instead else f"did you mean {instead!r}?"
    assert " " in instead or instead in BY_KIND[kind]
    for spelling in spellings(name):
        assert problems(around(spelling)) == [f"{key}: unknown {kind} {spelling!r}; {hint}"]


@pytest.mark.parametrize("kind", WHERE)
def test_our_own_names_are_known_in_any_spelling(kind: str) -> None:
    key, around = WHERE[kind]
    for name in BY_KIND[kind]:
        for spelling in spellings(name) - {name}:
            assert problems(around(spelling)) == [f"{key}: unknown {kind} {spelling!r}; did you mean {name!r}?"]


def test_what_is_to_be_written_instead_of_a_name_can_be_written(tmp_path: Path) -> None:
    tried = 0
    for kind, name in ENTRIES:
        for flow in re.findall(r"write (\{.*?\})", NAMES[kind][name]):
            tried += 1
            path = tmp_path / "a.yaml"
            path.write_text(f"output: {{activation: {flow}}}" if kind == "activation" else "", encoding="utf-8")
            assert load_config(path, [] if kind == "activation" else [f"{WHERE[kind][0]}={flow}"])
    assert tried >= 8


@pytest.mark.parametrize(("name", "ours"), [("relu", "relu"), ("Softmax", "softmax"), ("swish", "silu")])
def test_an_activation_as_a_layer_is_reported_how_to_be_one(name: str, ours: str) -> None:
    assert problems({"layers": [{"type": name}]}) == [
        f"layers[0].type: unknown layer {name!r}; write {{type: activation, activation: {ours}}}, or the activation of "
        "a dense layer"
    ]


# --- keys


@pytest.mark.parametrize("key", KEYS)
def test_a_key_from_elsewhere_leads_to_a_key_of_ours(key: str) -> None:
    """At the top level, where it is a key of the config; and in every part that has the key that is meant."""
    places = KEYS[key]
    (problem,) = problems({key: 0.5})
    if " " in places[0]:
        assert problem == f"{key}: unknown key; {places[0]}"
        return
    there = [place for place in places if place.split(".")[0] in Config.model_fields]
    if there:
        assert problem.startswith(
            (f"{key}: unknown key; did you mean {there[0]} (", f"{key}: unknown key; did you mean '")
        )
        assert there[0] in problem
    tried = 0
    for registry in (*PARTS.values(), BY_KIND["activation"], BY_KIND["initializer"]):
        for name in registry:
            own = [declared.name for declared in registry.parameters(name)]
            meant = next((last for last in (place.rsplit(".", 1)[-1] for place in places) if last in own), None)
            if meant is None or key in own:
                continue
            tried += 1
            lines = problems(WHERE[registry.kind][1]({"type": name, key: 0.5}))
            assert [line.split("unknown key")[1] for line in lines if "unknown key" in line] == [
                f"; did you mean {meant!r}?"
            ]
    assert there or tried


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"lr": 0.001}, "lr: unknown key; did you mean optimizer.lr (optimizer: {lr: 0.001})?"),
        ({"learning_rate": 1e-3}, "learning_rate: unknown key; did you mean optimizer.lr (optimizer: {lr: 0.001})?"),
        ({"epochs": 5}, "epochs: unknown key; did you mean train.epochs (train: {epochs: 5})?"),
        ({"units": 8}, "units: unknown key; did you mean layers.units (layers: [{type: dense, units: 8}])?"),
        ({"neurons": 8}, "neurons: unknown key; did you mean layers.units (layers: [{type: dense, units: 8}])?"),
        ({"dropout": 0.5}, "dropout: unknown key; did you mean layers.rate (layers: [{type: dropout, rate: 0.5}])?"),
        ({"shuffle": True}, "shuffle: unknown key; did you mean data.shuffle or train.shuffle?"),
        ({"random_state": 1}, "random_state: unknown key; did you mean 'seed'?"),
        ({"train": {"lr": 1}}, "train.lr: unknown key; did you mean optimizer.lr (optimizer: {lr: 1})?"),
        ({"optimizer": {"learning_rate": 1}}, "optimizer.learning_rate: unknown key; did you mean 'lr'?"),
        (
            {"layers": [{"type": "dense", "units": 8, "hidden_size": 8}]},
            "layers[0].hidden_size: unknown key; did you mean 'units'?",
        ),
        (
            {"output": {"activation": {"type": "leaky_relu", "alpha": 0.1}}},
            "output.activation.alpha: unknown key; did you mean 'slope'?",
        ),
    ],
)
def test_a_key_is_led_to_its_place(values: dict[str, Any], problem: str) -> None:
    assert problems(values) == [problem]


UNITS = sorted(name for name, places in KEYS.items() if places == ("layers.units",))


@pytest.mark.parametrize("name", UNITS)
@pytest.mark.parametrize("units", [{}, {"units": 8}], ids=["units missing", "units there"])
def test_a_name_for_units_is_one_problem_wherever_it_stands(name: str, units: dict[str, int]) -> None:
    """That the layer lacks its units is the same mistake, where the value stands under another name or elsewhere."""
    elsewhere = f"{name}: unknown key; did you mean layers.units (layers: [{{type: dense, units: 8}}])?"
    layer = {"type": "dense", **units}
    assert problems({"layers": [{**layer, name: 8}]}) == [f"layers[0].{name}: unknown key; did you mean 'units'?"]
    assert problems({"layers": [layer], name: 8}) == [elsewhere]
    assert problems({"layers": [layer], "train": {name: 8}}) == [f"train.{elsewhere}"]
    assert problems({"layers": [layer], "optimizer": {"type": "adam", name: 8}}) == [f"optimizer.{elsewhere}"]
    own = "the number of outputs follows from the data; take the key out"
    first = [] if units else ["layers[0].units: is missing; write a whole number from 1 to 100000"]
    assert problems({"layers": [layer], "output": {name: 8}}) == [*first, f"output.{name}: {own}"]


@pytest.mark.parametrize("name", KEYS)
def test_a_key_from_elsewhere_is_one_problem_at_every_place(name: str) -> None:
    around: list[dict[str, Any]] = [
        {name: 8},
        *({section: {name: 8}} for section in ("data", "train", "regularize", "log", "optimizer", "schedule")),
        {"layers": [{"type": "dense", "units": 4, name: 8}]},
    ]
    tried = 0
    for values in around:
        try:
            config_from(values)
        except UserError as error:
            tried += 1
            (problem,) = error.problems
            assert problem.count("\n") == 0
    assert tried >= 6


def test_two_mistakes_stay_two() -> None:
    two = [{"type": "dense"}, {"type": "dense"}]
    assert len(problems({"layers": two, "neurons": 8})) == 3
    assert len(problems({"layers": [{"type": "dense", "wibble": 8}]})) == 2


# --- a colon without a space after it


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("optimizer: {type: adam, lr:0.001}", "1:25: optimizer.lr:0.001: unknown key; {}: lr: 0.001"),
        ("optimizer:\n  type: adam\n  lr:0.001\nseed: 1\n", "3:3: not valid YAML: {}: lr: 0.001"),
        ("optimizer:\n  lr:0.001\nseed: 1\n", "2:3: optimizer: unknown optimizer 'lr:0.001'; {}: lr: 0.001"),
        ("seed:42\ntrain: {epochs: 3}\n", "1:1: not valid YAML: {}: seed: 42"),
        ("seed:42\n", "1:1: the file holds a single value, not keys with values; {}: seed: 42"),
        ("layers: [{type:dense, units: 3}]", "1:11: layers[0].type:dense: unknown key; {}: type: dense"),
        ("layers: [type:dense]", "1:10: layers[0]: unknown layer 'type:dense'; {}: type: dense"),
        (
            "data: {split: train:0.5}",
            "1:15: data.split: must be a mapping with the keys train, val, test, by, folds, fold, not 'train:0.5'; {}: "
            "train: 0.5",
        ),
    ],
)
def test_a_space_that_is_missing_after_a_colon_is_named(text: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "f.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError) as error:
        load_config(path)
    assert list(error.value.problems) == [f"{path}:{problem.format('write a space after the colon')}"]


# --- the former key of the activation layer


def test_function_is_read_as_activation() -> None:
    config = config_from({"layers": [{"type": "activation", "function": "tanh"}]})
    assert config.layers == [Named("activation", {"activation": Named("tanh")})]
    assert config == config_from({"layers": [{"type": "activation", "activation": "tanh"}]})


@pytest.mark.parametrize(
    ("layer", "problem"),
    [
        ({"function": "tahn"}, "layers[0].function: unknown activation 'tahn'; did you mean 'tanh'?"),
        (
            {"function": {"type": "elu", "alpha": -1}},
            "layers[0].function.alpha: must be a number above 0, not -1",
        ),
        (
            {"function": "tanh", "activation": "relu"},
            "layers[0].function: is the former name of 'activation', which is written too; take 'function' out",
        ),
        ({}, "layers[0].activation: is missing; write the name of an activation or a mapping with its type"),
    ],
)
def test_a_problem_stands_under_the_key_that_was_written(layer: dict[str, Any], problem: str) -> None:
    assert problems({"layers": [{"type": "activation", **layer}]}) == [problem]


# --- the other libraries' own lists

NO_EQUIVALENT = {
    "activation": "threshold glu hardshrink softshrink tanhshrink softmin softmax2d multiheadattention",
    "loss": "nllloss2d gaussiannllloss kldivloss hingeembeddingloss multilabelmarginloss softmarginloss "
    "linearcrossentropyloss multilabelsoftmarginloss cosineembeddingloss marginrankingloss tripletmarginloss "
    "tripletmarginwithdistanceloss ctcloss",
    "optimizer": "muon optimizer",
    "schedule": "lambdalr multiplicativelr sequentiallr chainedscheduler lrscheduler",
    "initializer": "dirac sparse",
}


def classes_of(module: Any) -> Iterable[str]:
    return [name for name, value in vars(module).items() if inspect.isclass(value) and not name.startswith("_")]


@pytest.mark.parametrize("kind", NO_EQUIVALENT)
def test_every_name_of_pytorch_is_known_or_has_no_equivalent(kind: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference, is not installed: pip install .[reference]")
    theirs = {
        "activation": torch.nn.modules.activation.__all__,
        "loss": torch.nn.modules.loss.__all__,
        "optimizer": classes_of(torch.optim),
        "schedule": torch.optim.lr_scheduler.__all__,
        "initializer": [name for name in vars(torch.nn.init) if re.fullmatch(r"[a-z][a-z_]*_", name)],
    }[kind]
    registry = BY_KIND[kind]
    unknown = {squashed(name) for name in theirs if not equivalent(kind, name, [*registry])}
    assert len(theirs) > 5
    assert unknown <= set(NO_EQUIVALENT[kind].split())


def test_every_parameter_of_scikit_learns_perceptron_is_known() -> None:
    from sklearn.neural_network import MLPClassifier

    theirs = [name for name in inspect.signature(MLPClassifier).parameters if name != "verbose"]
    assert len(theirs) > 15
    for name in theirs:
        (problem,) = problems({name: 0.5})
        assert "; did you mean " in problem, problem
