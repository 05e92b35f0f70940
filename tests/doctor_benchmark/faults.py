"""What can be wrong, one function a cause: from a healthy recipe to the changes that spoil it.

Each returns None where the recipe does not suit. Whether a fault does harm is measured afterwards (generate.py).
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tests.doctor_benchmark.parts import Part
from tests.doctor_benchmark.recipes import Config, Recipe, dense
from tests.doctor_benchmark.tables import HERE, digest

Rng = np.random.Generator


@dataclass(frozen=True)
class Planted:
    """changes: dotted keys that spoil the recipe. rules: findings that name the cause. layer: where, if in one layer.

    twin: the recipe without the fault, where it is not the recipe as it came. cures: other ways to mend the faulty
    run than taking the changes back. undone: taking the changes back is a cure that a config can hold. decoy: whether a
    harmless one is kept as a decoy; not where something else is wrong with the data.
    """

    changes: Config
    rules: tuple[str, ...]
    severity: float
    layer: str | None = None
    twin: Recipe | None = None
    cures: tuple[Config, ...] = ()
    undone: bool = True
    decoy: bool = True
    tables: Config = field(default_factory=dict)
    wrong_gradient: dict[str, str] | None = None


Fault = Callable[[Recipe, Part, Rng], Planted | None]
FAULTS: dict[str, Fault] = {}
WANTED: dict[str, dict[str, Any]] = {}  # of the recipes that a fault is planted in; see recipes.draw


def fault(**wanted: Any) -> Callable[[Fault], Fault]:
    def add(plant: Fault) -> Fault:
        FAULTS[plant.__name__] = plant
        WANTED[plant.__name__] = wanted
        return plant

    return add


def between(rng: Rng, low: float, high: float) -> tuple[float, float]:
    """A number, uniform in its logarithm, and how far along the way it is, 0 to 1."""
    share = float(rng.uniform())
    return float(f"{low * (high / low) ** share:.3g}"), share


def name_of(layers: list[tuple[str, Config]], k: int) -> str:
    return f"hidden_{k + 1}" if k < len(layers) else "output"


# ---- the step ----


@fault()
def lr_too_high(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    factor, severity = between(rng, 10, 2000)
    lr = float(f"{recipe.config['optimizer']['lr'] * factor:.3g}")
    return Planted({"optimizer.lr": lr}, ("lr_too_high",), severity)


@fault()
def lr_too_low(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    factor, severity = between(rng, 30, 30_000)
    lr = float(f"{recipe.config['optimizer']['lr'] / factor:.3g}")
    return Planted({"optimizer.lr": lr}, ("lr_too_low",), severity)


@fault(plain=True)
def noisy_batches(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    if recipe.config["optimizer"]["type"] == "adadelta":
        return None
    size = int(rng.integers(1, 3))
    return Planted({"train.batch_size": size}, ("noisy_batches", "lr_too_high"), 1.0 - 0.5 * (size - 1))


@fault()
def too_few_epochs(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    epochs = int(rng.integers(1, 4))
    return Planted({"train.epochs": epochs, "train.early_stopping": None}, ("too_few_epochs",), (3 - epochs) / 2)


# ---- initial values ----


@fault(plain=True)
def constant_init(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    if not layers:
        return None
    value = float(rng.choice([0.0, 0.0, 0.01, 0.1, 0.5]))
    init = "zeros" if value == 0 and rng.random() < 0.5 else {"type": "constant", "value": value}
    if rng.random() < 0.5:
        return Planted({f"{path}.init": init for path, _ in layers}, ("constant_init",), 1.0)
    k = int(rng.integers(len(layers)))
    return Planted({f"{layers[k][0]}.init": init}, ("constant_init",), 0.5, layer=name_of(layers, k))


def fan_in(recipe: Recipe, layers: list[tuple[str, Config]], k: int) -> int:
    return int(layers[k - 1][1]["units"]) if k else recipe.data.features


def _scaled_init(recipe: Recipe, rng: Rng, factor: float, severity: float, rules: tuple[str, ...]) -> Planted | None:
    layers = list(dense(recipe.config))
    if not layers:
        return None
    chosen = list(range(len(layers)))
    layer = None
    if rng.random() < 0.4:
        chosen = [int(rng.integers(len(layers)))]
        layer = name_of(layers, chosen[0])
    changes: Config = {}
    for k in chosen:
        std = float(f"{factor * np.sqrt(2 / fan_in(recipe, layers, k)):.3g}")
        gain = float(f"{factor * np.sqrt(2):.3g}")
        init = {"type": "normal", "std": std} if severity > 0.5 else {"type": "he_normal", "gain": gain}
        changes[f"{layers[k][0]}.init"] = init
    return Planted(changes, rules, severity, layer=layer)


@fault(plain=True)
def init_too_large(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    factor, severity = between(rng, 4, 60)
    bounded = recipe.facts["activation"] in ("tanh", "sigmoid", "softsign", "hard_tanh", "relu6")
    rules = ("init_too_large", "saturated") if bounded else ("init_too_large", "exploding_gradient")
    return _scaled_init(recipe, rng, factor, severity, rules)


@fault(plain=True)
def init_too_small(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    factor, severity = between(rng, 3, 3000)
    return _scaled_init(recipe, rng, 1 / factor, severity, ("init_too_small",))


@fault(plain=True, depth="deep", activation="relu")
def vanishing_gradient(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    f = str(rng.choice(["sigmoid", "sigmoid", "hard_sigmoid", "tanh"]))
    changes: Config = {}
    for path, _ in dense(recipe.config):
        changes[f"{path}.activation"] = f
        if f == "tanh":
            changes[f"{path}.init"] = {"type": "glorot_uniform", "gain": 0.5}
    return Planted(changes, ("vanishing_gradient",) + (("init_too_small",) if f == "tanh" else ()), 0.7)


@fault(plain=True, depth="deep", activation="relu")
def exploding_gradient(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    factor, severity = between(rng, 1.8, 4)
    gain = float(f"{factor * np.sqrt(2):.3g}")
    changes = {f"{path}.init": {"type": "he_normal", "gain": gain} for path, _ in dense(recipe.config)}
    return Planted(changes, ("exploding_gradient", "init_too_large"), severity)


@fault(plain=True, data=lambda d: d.classes == 0, optimizer="sgd")
def exploding_target(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    return Planted({"data.target_scale": "none"}, ("exploding_gradient", "lr_too_high"), 0.5)


# ---- units ----


@fault(plain=True, activation="relu")
def dead_relu(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    if not layers:
        return None
    size, severity = between(rng, 2, 20)
    k = int(rng.integers(len(layers)))
    return Planted({f"{layers[k][0]}.bias_init": -size}, ("dead_relu",), severity, layer=name_of(layers, k))


@fault(plain=True)
def saturated(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    if recipe.facts["activation"] not in ("tanh", "sigmoid", "hard_tanh") or not layers:
        return None
    size, severity = between(rng, 5, 30)
    k = int(rng.integers(len(layers)))
    sign = 1 if rng.random() < 0.5 else -1
    return Planted({f"{layers[k][0]}.bias_init": sign * size}, ("saturated",), severity, layer=name_of(layers, k))


WANTED["saturated"]["activation"] = "tanh"


@fault()
def frozen_layer(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    k = int(rng.integers(len(layers) + 1))
    path = layers[k][0] if k < len(layers) else "output"
    return Planted({f"{path}.trainable": False}, ("frozen_layer",), 0.5, layer=name_of(layers, k))


@fault(plain=True)
def wrong_gradient(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    k = int(rng.integers(len(layers) + 1))
    hidden = k > 0  # what lies before the first layer hears nothing of its dX
    how = str(rng.choice(["sign", "rolled"] + ["dX_sign"] * hidden + ["no_derivative"] * (k < len(layers))))
    name = name_of(layers, k)
    planted = {"layer": name, "how": how}
    return Planted({}, ("wrong_gradient",), 0.5, layer=name, undone=False, wrong_gradient=planted)


# ---- capacity and penalties ----


@fault(data=lambda d: not d.linear)
def underfit(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = list(dense(recipe.config))
    if not layers or recipe.facts["norm"] or recipe.facts["residual"]:
        return None
    how = int(rng.integers(3))
    if how == 0:
        return Planted({"layers": []}, ("underfit",), 1.0)
    if how == 1:
        return Planted({f"{path}.activation": "identity" for path, _ in layers}, ("underfit",), 1.0)
    units = int(rng.integers(1, 3))
    return Planted({f"{path}.units": units for path, _ in layers}, ("underfit",), 1 - 0.3 * (units - 1))


@fault()
def over_regularized(recipe: Recipe, part: Part, rng: Rng) -> Planted | None:
    layers = recipe.config["layers"]
    how = int(rng.integers(3))
    if how == 0:
        value, severity = between(rng, 0.03, 3)
        return Planted({"regularize.l2": value}, ("over_regularized",), severity)
    if how == 1:
        value, severity = between(rng, 0.01, 0.3)
        return Planted({"regularize.l1": value}, ("over_regularized",), severity)
    if not layers or recipe.facts["residual"]:
        return None
    rate = float(rng.choice([0.8, 0.9, 0.95]))
    new: list[Config] = []
    for layer in layers:
        new.append({**layer, "rate": rate} if layer["type"] == "dropout" else layer)
        if layer["type"] == "dense" and not recipe.facts["norm"] and not recipe.facts["dropout"]:
            new.append({"type": "dropout", "rate": rate})
    if new == layers:
        return None
    return Planted({"layers": new}, ("over_regularized",), (rate - 0.7) / 0.25)


NOISY_TARGETS = {"regression": {"noise": 100.0}, "friedman": {"noise": 4.0}, "diabetes": {}}


@fault(
    plain=True,
    data=lambda d: d.name in NOISY_TARGETS or (d.classes > 0 and not d.linear),
    depth=3,
    width="widest",
    activation="relu",
    optimizer="adam",
)
def overfit(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """Few, noisy rows, a wide network and many epochs; the twin is held back, and stops in time.

    Who names the noise is right too: it is there.
    """
    noise = float(rng.choice([0.15, 0.2, 0.25]))
    rows = {"split": {"train": 0.2, "val": 0.2, "test": 0.6}}
    twin = spoilt(recipe, NOISY_TARGETS.get(recipe.data.name, {"label_noise": noise}), data=rows)
    twin.config["train"] |= {"epochs": 150, "batch_size": 16, "early_stopping": {"patience": 12}}
    twin.config["optimizer"]["lr"] = 0.003
    twin.config["schedule"] = "constant"
    twin.config["regularize"] = {"l2": float(rng.choice([0.03, 0.1]))}
    changes = {"train.early_stopping": None, "train.epochs": 400, "regularize.l2": 0.0}
    return Planted(changes, ("overfit", "label_noise"), noise / 0.25, twin=twin, decoy=False)


# ---- loss and output ----


@fault(data=lambda d: d.classes > 0)
def wrong_loss_output(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    options: list[Config] = [
        {"output.activation": "softmax"},
        {"output.activation": "relu"},
        {"output.activation": "tanh"},
        {"loss": "mse"},
        {"loss": "mae"},
        {"loss": "mse", "output.activation": "softmax"},
        {"loss": "mae", "output.activation": "sigmoid"},
    ]
    if recipe.data.classes > 2:
        options.append({"output.activation": "sigmoid"})
    changes = options[int(rng.integers(len(options)))]
    if changes == {"output.activation": "softmax"} and recipe.config.get("loss"):
        changes = {"output.activation": "relu"}
    return Planted(changes, ("wrong_loss_output",), 0.5, layer="output")


# ---- data ----


def spoilt(recipe: Recipe, spoil: Config, data: Config | None = None, table: bool = False) -> Recipe:
    """The recipe on spoilt rows: through the source's parameters, or in a file of its own (`table`)."""
    kind = recipe.data.as_table() if table else recipe.data
    block, tables = kind.block(recipe.check_seeds[0], spoil)
    config = deepcopy(recipe.config)
    config["data"] = {**config["data"], **block, **(data or {})}
    return Recipe(
        kind, config, tables, recipe.check_seeds, recipe.repair_seeds, recipe.reference, recipe.scale, recipe.facts
    )


def as_changes(recipe: Recipe, other: Recipe) -> Config:
    """What turns the data section of the one into that of the other."""
    keys = {*recipe.config["data"], *other.config["data"]}
    return {
        f"data.{key}": other.config["data"].get(key)
        for key in sorted(keys)
        if recipe.config["data"].get(key) != other.config["data"].get(key)
    }


@fault(plain=True)
def unscaled_inputs(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """Features of very different size; the twin scales them, the faulty run does not."""
    span, severity = between(rng, 30, 10_000)
    n = recipe.data.features
    scale = [float(f"{span ** rng.uniform():.3g}") for _ in range(n)]
    scale[int(rng.integers(n))] = span
    offset = [float(f"{s * rng.uniform(-3, 3):.3g}") for s in scale]
    twin = spoilt(recipe, {"scale": scale, "offset": offset})
    return Planted({"data.scale": "none"}, ("unscaled_inputs",), severity, twin=twin)


@fault(data=lambda d: d.classes > 0)
def sorted_data(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """The rows that train lie sorted by class, and no epoch shuffles them; validation and test are as they should."""
    train = recipe.data.split[0]
    twin = spoilt(recipe, {"sort_first": train}, table=True)
    changes = {"data.shuffle": False, "train.shuffle": False, "train.batch_size": int(rng.choice([8, 16]))}
    return Planted(changes, ("sorted_data",), 0.5, twin=twin)


@fault(data=lambda d: d.classes > 0)
def sorted_file(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """The whole file is sorted by class, and nothing is shuffled."""
    twin = spoilt(recipe, {"sort_first": 1.0}, table=True)
    changes: Config = {"data.shuffle": False}
    if rng.random() < 0.5:
        changes["train.shuffle"] = False
    return Planted(changes, ("sorted_data", "split_mismatch"), 1.0, twin=twin)


@fault()
def split_mismatch(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """The file is in the order of a feature, and split as it lies: training never sees what the test asks."""
    twin = spoilt(recipe, {"order_by": int(rng.integers(recipe.data.features))}, table=True)
    return Planted({"data.shuffle": False}, ("split_mismatch", "sorted_data"), 0.7, twin=twin)


@fault(data=lambda d: d.classes > 0)
def leakage(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """A column tells the target in the rows we have, and nothing in those that come later."""
    noise, severity = between(rng, 0.02, 0.3)
    kind = recipe.data.as_table()
    spec = {"rows": round(kind.rows / 0.7) if recipe.data.rows >= 500 else kind.rows, **kind.source}
    spec |= {"seed": recipe.check_seeds[0], "spoil": {}, "leak": noise}
    tables = {f"table-{digest(s)}.csv": s for s in ({**spec, "part": "train"}, {**spec, "part": "test"})}
    here, later = (HERE + name for name in tables)
    config = deepcopy(recipe.config)
    config["data"] = {
        "source": here,
        "test_source": later,
        "ignore": ["x0"],
        "split": {"train": 0.8, "val": 0.2, "test": 0.0},
    }
    twin = Recipe(kind, config, tables, recipe.check_seeds, recipe.repair_seeds, 0, 1.0, recipe.facts)
    return Planted({"data.ignore": []}, ("leakage",), 1 - severity, twin=twin)


@fault(data=lambda d: d.name not in ("iris", "wine", "linear"))
def duplicates(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    """Rows stand in several splits: the scores are too good, and the training is none the worse."""
    share = float(rng.choice([0.3, 0.5, 0.7]))
    other = spoilt(recipe, {"duplicates": share})
    return Planted(as_changes(recipe, other), ("leakage",), share, undone=False, tables=other.tables)


@fault(data=lambda d: d.classes == 2 or d.name in ("blobs", "clusters"))
def class_imbalance(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    ratio = int(rng.choice([15, 25, 40]))
    classes = recipe.data.classes
    shares = [float(ratio)] + [1.0 if k % 2 else float(ratio) for k in range(1, classes)]
    other = spoilt(recipe, {"shares" if recipe.data.own_table else "class_shares": shares})
    changes = as_changes(recipe, other)
    cures = ({"class_weight": "balanced"},)
    return Planted(changes, ("class_imbalance",), ratio / 40, cures=cures, undone=False, tables=other.tables)


@fault(data=lambda d: d.classes > 0)
def label_noise(recipe: Recipe, part: Part, rng: Rng) -> Planted:
    share = float(rng.choice([0.15, 0.25, 0.4]))
    other = spoilt(recipe, {"label_noise": share})
    return Planted(as_changes(recipe, other), ("label_noise",), share / 0.4, undone=False, tables=other.tables)
