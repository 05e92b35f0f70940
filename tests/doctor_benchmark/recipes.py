"""Healthy recipes: a network, an optimizer and a rate that suit each other, found by a small search."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config, config_from
from tests.doctor_benchmark.parts import DataSet, Part, generator, seeds
from tests.doctor_benchmark.tables import digest, placed
from tests.doctor_benchmark.training import Scores, score

Config = dict[str, Any]  # keys of a config, those that are not the defaults

N_CHECK, N_REPAIR = 3, 3
GROUPS = 3  # of seeds a data set: recipes on the same rows share what they are compared with
NEAR = 0.03  # a healthy recipe's mean score is no further below the best known one's
NEAR_ONCE = 0.07  # and the score of one seed no further than this

ACTIVATIONS = (
    *("relu",) * 6,
    *("tanh",) * 4,
    *("leaky_relu", "elu", "gelu", "silu", "selu", "mish", "prelu", "celu", "softplus", "softsign", "relu6"),
    *("hard_swish", "hard_tanh", "sigmoid"),
)
OPTIMIZERS: dict[str, list[Config]] = {  # a rate that often suits small data
    "adam": [{"type": "adam", "lr": 0.005}] * 4,
    "sgd": [{"type": "sgd", "lr": 0.1}] * 2
    + [{"type": "sgd", "lr": 0.03, "momentum": 0.9}] * 2
    + [{"type": "sgd", "lr": 0.03, "momentum": 0.9, "nesterov": True}],
    "adamw": [{"type": "adamw", "lr": 0.005}],
    "rmsprop": [{"type": "rmsprop", "lr": 0.002}],
    "adagrad": [{"type": "adagrad", "lr": 0.05}],
    "nadam": [{"type": "nadam", "lr": 0.005}],
    "adamax": [{"type": "adamax", "lr": 0.01}],
    "radam": [{"type": "radam", "lr": 0.01}],
    "lion": [{"type": "lion", "lr": 0.001}],
    "adadelta": [{"type": "adadelta", "lr": 1.0}],
}
SCHEDULES: tuple[Any, ...] = ("constant",) * 5 + (
    "cosine",
    {"type": "cosine", "warmup_epochs": 2},
    {"type": "step", "step_size": 20, "gamma": 0.3},
    {"type": "exponential"},
    "one_cycle",
    "polynomial",
    "reduce_on_plateau",
)
SEARCHED = (0.1, 0.3, 1.0, 3.0, 10.0)


class Scorer:
    """Scores of configs at seeds, each trained once."""

    def __init__(self) -> None:
        self.known: dict[str, Scores] = {}

    def __call__(
        self,
        config: Config,
        tables: Config,
        seed: int,
        changes: Config | None = None,
        wrong: dict[str, str] | None = None,
    ) -> Scores:
        key = digest([config, tables, seed, changes or {}, wrong or {}])
        if key not in self.known:
            made = config_from(placed({**config, "seed": seed}, tables))
            if changes:
                data = {
                    k.removeprefix("data."): v for k, v in changes.items() if k in ("data.source", "data.test_source")
                }
                paths = placed({"data": data}, tables)["data"]
                made = change_config(made, {**changes, **{f"data.{k}": v for k, v in paths.items()}})
            self.known[key] = score(made, wrong)
        return self.known[key]

    def mean(self, config: Config, tables: Config, at: Sequence[int], changes: Config | None = None) -> float:
        return float(np.mean([self(config, tables, seed, changes).test for seed in at]))


@dataclass(frozen=True)
class Recipe:
    """A config that works, and how well."""

    data: DataSet
    config: Config
    tables: Config
    check_seeds: list[int]
    repair_seeds: list[int]
    reference: float = 0.0  # the best known score on the check seeds
    scale: float = 1.0
    facts: Config = field(default_factory=dict)  # what the generator wants to remember of it: activation, depth, norm


def reference_networks() -> list[Config]:
    """Recipes that any good one is compared with."""
    relu = {"type": "dense", "activation": "relu"}
    wide = [{**relu, "units": 100}, {**relu, "units": 50}]
    stopping = {"epochs": 60, "early_stopping": {"patience": 15}}
    return [
        {"layers": wide, "optimizer": {"type": "adam", "lr": 0.005}, "train": stopping},
        {"layers": wide, "optimizer": {"type": "adam", "lr": 0.003}, "train": {"epochs": 90}},
        {
            "layers": [{**relu, "units": 100}, {"type": "dropout", "rate": 0.3}, {**relu, "units": 50}],
            "optimizer": {"type": "adam", "lr": 0.003},
            "regularize": {"l2": 0.003},
            "train": {"epochs": 60},
        },
        {"layers": [], "optimizer": {"type": "adam", "lr": 0.02}, "train": {"epochs": 40}},
        {
            "layers": [{"type": "dense", "units": 40, "activation": "tanh"}],
            "optimizer": {"type": "adam", "lr": 0.01},
            "train": {"epochs": 70},
        },
    ]


def sensible(section: Config) -> Config:
    """A `data` section with nothing wrong in its options."""
    return {**section, "scale": "standard", "shuffle": True, "target_scale": "standard"}


def reference(scorer: Scorer, recipe: Recipe) -> float:
    """The best mean score of the reference networks on the recipe's data, at its seeds of checking."""
    more = {key: recipe.config[key] for key in ("class_weight",) if key in recipe.config}
    configs = [{**network, **more, "data": sensible(recipe.config["data"])} for network in reference_networks()]
    return max(scorer.mean(config, recipe.tables, recipe.check_seeds) for config in configs)


def dense(config: Config, layers: list[Config] | None = None, path: str = "layers") -> Iterator[tuple[str, Config]]:
    """The dense hidden layers: dotted path and mapping, in order."""
    for i, layer in enumerate(config.get("layers", []) if layers is None else layers):
        here = f"{path}.{i}"
        if layer["type"] == "dense":
            yield here, layer
        elif layer["type"] == "residual":
            yield from dense(config, layer["layers"], f"{here}.layers")


def draw(part: Part, generator_seed: int, index: int, **wanted: Any) -> Recipe:
    """A recipe of the part, not yet searched. wanted: data (a predicate), depth, activation, optimizer, plain (no
    normalisation, dropout, residual block), width."""
    rng = generator(part, generator_seed, 1, index)
    sets = [i for i, d in enumerate(part.data) if wanted.get("data", lambda d: True)(d)]
    chosen_set = int(rng.choice(sets))
    data = part.data[chosen_set]
    at = seeds(part, generator_seed, GROUPS * chosen_set + int(rng.integers(GROUPS)), N_CHECK + N_REPAIR)
    section, tables = data.block(at[0])
    activation = wanted.get("activation") or str(rng.choice(ACTIVATIONS))
    depth = wanted.get("depth")
    if depth is None:
        depth = int(
            rng.choice([0, 1, 2, 3, part.deep[0]], p=[0.1 * data.linear, 0.35, 0.35, 0.2 - 0.1 * data.linear, 0.1])
        )
    if activation == "sigmoid":
        depth = min(depth, 2)
    plain = bool(wanted.get("plain")) or rng.random() < 0.55
    norm = None if plain or rng.random() < 0.5 else str(rng.choice(["batch_norm", "layer_norm"]))
    drop = 0.0 if plain or rng.random() < 0.5 else float(rng.choice([0.1, 0.2, 0.3]))
    residual = not plain and depth >= 3 and rng.random() < 0.5
    widths = [w for w in part.widths if w >= 12 or data.features <= 4 or data.linear]
    widths = [w for w in widths if w * w * max(depth - 1, 0) <= 70_000]  # a run is to take a second, not a minute
    width = wanted.get("width") or int(rng.choice(widths))
    layers: list[Config] = []
    for k in range(depth):
        unit: Config = {
            "type": "dense",
            "units": width if residual or k == 0 else int(max(8, width // rng.integers(1, 3))),
        }
        if norm:
            layers += [
                {**unit, "activation": "identity"},
                {"type": norm},
                {"type": "activation", "activation": activation},
            ]
        elif residual and k > 0:
            layers.append({"type": "residual", "layers": [{**unit, "activation": activation}]})
        else:
            layers.append({**unit, "activation": activation})
        if drop and unit["units"] >= 24:
            layers.append({"type": "dropout", "rate": drop})
    chosen = OPTIMIZERS[wanted.get("optimizer") or str(rng.choice(list(OPTIMIZERS), p=optimizer_shares()))]
    n_train = data.rows * data.split[0]
    batch = int(rng.choice([8, 16, 32, 64], p=[0.15, 0.3, 0.4, 0.15]))
    epochs = int(np.clip(rng.integers(500, 1400) * batch / n_train, 25, 150))
    config: Config = {
        "data": section,
        "layers": layers,
        "optimizer": deepcopy(chosen[int(rng.integers(len(chosen)))]),
        "schedule": deepcopy(SCHEDULES[int(rng.integers(len(SCHEDULES)))]),
        "train": {"epochs": epochs, "batch_size": batch},
    }
    if not plain and rng.random() < 0.3:
        config["regularize"] = {"l2": float(rng.choice([1e-5, 1e-4, 1e-3]))}
    if rng.random() < 0.15:
        config["train"]["early_stopping"] = {"patience": 15}
    if data.classes == 2 and rng.random() < 0.3:
        config["loss"] = "binary_cross_entropy"
    facts = {"activation": activation, "depth": depth, "norm": norm, "dropout": drop, "residual": residual}
    return Recipe(data, config, tables, at[:N_CHECK], at[N_CHECK:], facts=facts)


def optimizer_shares() -> list[float]:
    counts = [len(choices) for choices in OPTIMIZERS.values()]
    return [count / sum(counts) for count in counts]


def search(scorer: Scorer, recipe: Recipe, factors: Sequence[float] = SEARCHED) -> Recipe | None:
    """The recipe with a rate amid those that work; None where none is as good as the best known recipe."""
    usual = recipe.config["optimizer"]["lr"]
    seed = recipe.check_seeds[0]
    tried = []
    for factor in factors:
        config = {**recipe.config, "optimizer": {**recipe.config["optimizer"], "lr": float(f"{usual * factor:.3g}")}}
        tried.append((scorer(config, recipe.tables, seed).val, config))
    best = max(value for value, _ in tried)
    good = [config for value, config in tried if value >= best - 0.02]
    found = replace(recipe, config=good[len(good) // 2])
    return checked(scorer, found)


def checked(scorer: Scorer, recipe: Recipe) -> Recipe | None:
    """The recipe with its reference, or None where it falls short of it."""
    best = reference(scorer, recipe)
    scale = 1.0 if recipe.data.classes else max(best, 0.05)
    found = [scorer(recipe.config, recipe.tables, seed) for seed in recipe.check_seeds]
    shares = [one.test / scale for one in found]
    if np.mean(shares) < best / scale - NEAR or min(shares) < best / scale - NEAR_ONCE - 0.05 * (
        recipe.data.rows < 200
    ):
        return None
    return replace(recipe, reference=best, scale=scale)


def copy_of(config: Config) -> Config:
    return json.loads(json.dumps(config))
