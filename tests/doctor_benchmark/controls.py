"""Healthy runs that look ill, one function a trap: from a healthy recipe to a config whose score is as good.

Each returns None where the recipe does not suit. That it is healthy is measured afterwards (generate.py): its score is
within 3 points of the best known recipe's on the same data.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from typing import Any

import numpy as np

from tests.doctor_benchmark.faults import spoilt
from tests.doctor_benchmark.parts import DataSet, Part
from tests.doctor_benchmark.recipes import Config, Recipe, Scorer, dense

Rng = np.random.Generator
Control = Callable[[Recipe, Part, Rng, Scorer], Recipe | None]
CONTROLS: dict[str, Control] = {}
CONTROLS_WANT: dict[str, dict[str, Any]] = {}


def control(**wanted: Any) -> Callable[[Control], Control]:
    def add(make: Control) -> Control:
        CONTROLS[make.__name__] = make
        CONTROLS_WANT[make.__name__] = wanted
        return make

    return add


def but(recipe: Recipe, **sections: Any) -> Recipe:
    """The recipe with keys of its sections replaced: train={"epochs": 5}; a section that is no mapping, whole."""
    config = deepcopy(recipe.config)
    for name, value in sections.items():
        old = config.get(name)
        config[name] = (
            {**old, **value} if isinstance(old, dict) and isinstance(value, dict) and "type" not in value else value
        )
    return replace(recipe, config=config)


def rate(recipe: Recipe, factor: float) -> Config:
    optimizer = recipe.config["optimizer"]
    return {**optimizer, "lr": float(f"{optimizer['lr'] * factor:.3g}")}


@control()
def plain(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """Any recipe that works: with ReLUs, half of the activations are zero."""
    return recipe


@control(optimizer="sgd")
def large_sgd_rate(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe | None:
    """The largest rate, by factors of 2, with which it still works."""
    seed = recipe.check_seeds[0]
    base = scorer(recipe.config, recipe.tables, seed).val
    found = None
    for factor in (2.0, 4.0, 8.0, 16.0, 32.0):
        tried = but(recipe, optimizer=rate(recipe, factor))
        if scorer(tried.config, tried.tables, seed).val < base - 0.01:
            break
        found = tried
    return found


@control(depth=2)
def restarts(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """A cosine with restarts: the loss jumps, and comes back."""
    epochs = recipe.config["train"]["epochs"]
    period = max(3, epochs // 4)
    schedule = {"type": "cosine", "period": period}
    return but(recipe, schedule=schedule, optimizer=rate(recipe, 2.0), train={"epochs": 4 * period})


@control(activation="tanh", plain=True)
def saturated_but_accurate(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe | None:
    changed = deepcopy(recipe.config)
    gain = float(rng.choice([1.5, 2.0, 3.0]))
    for _, layer in dense(changed):
        layer["init"] = {"type": "glorot_normal", "gain": gain}
    changed["train"]["epochs"] *= 2
    return replace(recipe, config=changed) if recipe.config["layers"] else None


@control()
def separable_imbalance(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """One class in twenty is rare, and far from the other."""
    if part.name != "reported":
        source = {"type": "imbalanced", "rows": 600, "rare_share": 0.05, "distance": 8.0}
        data = DataSet("imbalanced", source, 2, 2, linear=True)
    else:
        data = DataSet(
            "two_normals", {"make": "two_normals", "features": 4, "distance": 8.0, "rare": 0.05}, 2, 4, True, True
        )
    section, tables = data.block(recipe.check_seeds[0])
    config = {**deepcopy(recipe.config), "data": section}
    return replace(recipe, data=data, config=config, tables=tables)


@control(plain=True)
def raw_pixels_normalized_inside(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe | None:
    """Inputs in [0, 255], unscaled; a batch normalization is the first thing they meet."""
    if not recipe.config["layers"]:
        return None
    n = recipe.data.features
    changed = spoilt(recipe, {"scale": [30.0] * n, "offset": [127.0] * n}, data={"scale": "none"})
    changed.config["layers"].insert(0, {"type": "batch_norm"})
    return changed


@control()
def tiny_validation(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    split = recipe.data.split
    val = 12 / recipe.data.rows
    shares = {"train": round(1 - split[2] - val, 6), "val": round(val, 6), "test": split[2]}
    config = deepcopy(recipe.config)
    config["train"].pop("early_stopping", None)
    return but(replace(recipe, config=config), data={"split": shares})


@control(plain=True, depth=2, width="widest")
def dropout_that_works(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    layers: list[Config] = []
    for layer in recipe.config["layers"]:
        layers += [layer, {"type": "dropout", "rate": 0.5}]
    return but(recipe, layers=layers, train={"epochs": recipe.config["train"]["epochs"] * 2})


@control(data=lambda d: d.linear, plain=True)
def converged(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """Trained on long after there is anything left to learn: gradients, updates and losses are next to nothing."""
    train = {"epochs": 4 * recipe.config["train"]["epochs"], "early_stopping": None}
    return but(recipe, train=train, schedule="constant")


@control()
def not_shuffled_but_in_random_order(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    changed = spoilt(recipe, {}, data={"shuffle": False, "stratify": False}, table=True)
    if rng.random() < 0.5:
        changed.config["train"]["shuffle"] = False
    return changed


@control()
def late_in_its_schedule(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """The rate at the end is a thousandth of that at the start, or less."""
    epochs = recipe.config["train"]["epochs"]
    schedule: Config = {"type": "exponential", "gamma": float(f"{1e-3 ** (1 / epochs):.4f}")}
    if rng.random() < 0.4:
        schedule = {"type": "cosine"}
    return but(recipe, schedule=schedule, optimizer=rate(recipe, 2.0), train={"epochs": round(1.5 * epochs)})


@control()
def hard_data(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """Classes that overlap: nobody does better."""
    noise = float(rng.choice([0.5, 0.7]))
    if part.name != "reported":
        options = [
            DataSet("moons", {"type": "moons", "rows": 600, "noise": noise}, 2, 2),
            DataSet("blobs", {"type": "blobs", "rows": 600, "noise": 8 * noise, "classes": 3}, 3, 2, linear=True),
            DataSet("regression", {"type": "regression", "rows": 600, "noise": 200 * noise}, 0, 10, linear=True),
        ]
    else:
        own = {"make": "two_normals", "features": 4, "distance": 1.0 / noise}
        options = [
            DataSet("circles", {"type": "circles", "rows": 600, "noise": 0.5 * noise, "factor": 0.5}, 2, 2),
            DataSet("two_normals", own, 2, 4, True, True),
            DataSet("friedman", {"type": "friedman", "rows": 600, "noise": 8 * noise}, 0, 10),
        ]
    data = options[int(rng.integers(len(options)))]
    section, tables = data.block(recipe.check_seeds[0])
    config = {**deepcopy(recipe.config), "data": section}
    config["train"]["early_stopping"] = {"patience": 12}
    config["loss"] = "auto"
    return replace(recipe, data=data, config=config, tables=tables)


@control(data=lambda d: d.features >= 10, width="widest")
def far_below_train_and_still_the_best(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe | None:
    """Few rows in many dimensions: training is memorized, and validation is as good as it ever was."""
    if not recipe.config["layers"]:
        return None
    return but(recipe, data={"split": {"train": 0.12, "val": 0.28, "test": 0.6}})


@control(plain=True)
def small_rate_many_epochs(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    train = {"epochs": min(600, 6 * recipe.config["train"]["epochs"])}
    return but(recipe, optimizer=rate(recipe, 0.15), train=train, schedule="constant")


@control()
def stopped_early(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return but(recipe, train={"epochs": 300, "early_stopping": {"patience": 8}}, schedule="constant")


@control(plain=True, optimizer="adam")
def full_batch(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return but(recipe, train={"batch_size": 10_000, "epochs": 300}, optimizer=rate(recipe, 3.0), schedule="constant")


@control(plain=True)
def small_batches_that_work(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    epochs = max(8, recipe.config["train"]["epochs"] // 3)
    return but(recipe, train={"batch_size": 3, "epochs": epochs}, optimizer=rate(recipe, 0.3))


SMALL = ("moons", "spiral", "quantiles", "votes", "s_curve", "ripple", "circles", "xor", "checkerboard", "hastie")


@control(data=lambda d: d.name in (*SMALL, "friedman"))
def small_enough_unscaled(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return but(recipe, data={"scale": "none"})


@control()
def between_zero_and_one(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return but(recipe, data={"scale": "minmax"})


@control(depth="deep", activation="relu", plain=True)
def deep_that_works(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return recipe


@control(data=lambda d: d.linear, depth=0)
def no_hidden_layer_needed(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return recipe


@control(data=lambda d: d.linear and d.features > 2)
def few_epochs_that_suffice(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    """The loss still falls; the score is there."""
    return but(recipe, train={"epochs": max(3, recipe.config["train"]["epochs"] // 8), "early_stopping": None})


@control(data=lambda d: d.classes > 0, optimizer="adam")
def unusual_loss_that_works(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    options: list[Any] = ["mse", "hinge", "focal", {"type": "cross_entropy", "label_smoothing": 0.1}]
    return but(recipe, loss=options[int(rng.integers(len(options)))])


@control()
def penalties_that_work(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    return but(recipe, regularize={"l2": 0.003, "clip_norm": 1.0})


@control(data=lambda d: d.classes > 0 and d.rows >= 500)
def mild_imbalance(recipe: Recipe, part: Part, rng: Rng, scorer: Scorer) -> Recipe:
    shares = [4.0] + [1.0] * (recipe.data.classes - 1)
    changed = spoilt(recipe, {"shares" if recipe.data.own_table else "class_shares": shares})
    changed.config["class_weight"] = "balanced"
    return changed
