"""The settings that a sweep tries: each a mapping of dotted keys to values, drawn or enumerated in a fixed order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from math import exp, floor, log
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.config.resolve import change_config
from nn_scratch.config.schema import Config
from nn_scratch.config.sweep import Sweep
from nn_scratch.config.writer import to_plain
from nn_scratch.data.sources import SOURCES
from nn_scratch.errors import UserError
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.registry import Registry

GRID_STEPS = 3  # values of a range in a grid, unless the config gives their number
SOBOL_BLOCK = 1024  # points drawn at once where the number of trials is open
PARTS: Mapping[str, Registry[Any]] = {  # the registry of the part that stands at a key
    "activation": ACTIVATIONS,
    "init": INITIALIZERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "source": SOURCES,
}
Setting = dict[str, Any]  # dotted key to value
Shares = Sequence[float] | NDArray[np.float64]  # a point of the unit cube, an axis a dimension


@dataclass(frozen=True)
class Dimension:
    """The values of one searched key.

    choices: the values to choose from; empty for a range from `low` to `high`, uniform or uniform in the logarithm.
    when: the values that other keys must have for this one to be searched.
    """

    key: str
    choices: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 0.0
    logarithmic: bool = False
    steps: int = GRID_STEPS
    when: Mapping[str, Sequence[Any]] = field(default_factory=dict)

    @property
    def whole(self) -> bool:
        """Whether the values are whole numbers: both ends are."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def at(self, share: float) -> Any:
        """The value at a share of the way, 0 <= share < 1, from the lowest to the highest."""
        if self.choices:
            return self.choices[min(int(share * len(self.choices)), len(self.choices) - 1)]
        low, high = float(self.low), float(self.high)
        if self.whole:  # every whole number has a stretch of length 1 (or its logarithm) of its own
            low, high = low - 0.5, high + 0.5
        if self.logarithmic:
            low = max(low, 0.5) if self.whole else low
            value = exp(log(low) + share * (log(high) - log(low)))
        else:
            value = low + share * (high - low)
        if self.whole:
            return int(min(max(floor(value + 0.5), self.low), self.high))
        return float(f"{value:.6g}")

    def grid(self) -> list[Any]:
        """The values of a grid, both ends among them."""
        if self.choices:
            return list(self.choices)
        spaced = np.geomspace if self.logarithmic else np.linspace
        values = spaced(self.low, self.high, self.steps).tolist()
        found = [round(value) if self.whole else float(f"{value:.6g}") for value in values]
        return list(dict.fromkeys(found))


def dimensions(sweep: Sweep) -> list[Dimension]:
    """The searched keys: a key after those that its `when` names, a part (optimizer) before what is inside it."""
    found = {}
    for key, values in sweep.space.items():
        written: dict[str, Any] = {"choices": values} if isinstance(values, list) else values
        when = {
            other: wanted if isinstance(wanted, list) else [wanted] for other, wanted in written.get("when", {}).items()
        }
        low, high = written.get("range", written.get("log", (0.0, 0.0)))
        found[key] = Dimension(
            key,
            choices=tuple(written.get("choices", ())),
            low=low,
            high=high,
            logarithmic="log" in written,
            steps=written.get("steps", GRID_STEPS),
            when=when,
        )
    ordered: list[Dimension] = []
    left = sorted(found.values(), key=lambda dimension: dimension.key.count("."))
    while left:
        known = {dimension.key for dimension in ordered}
        ready = [d for d in left if all(other in known or other not in found for other in d.when)]
        if not ready:
            circle = ", ".join(dimension.key for dimension in left)
            raise UserError(f"sweep.space: {circle} depend on each other; take one `when` out")
        ordered += ready
        left = [dimension for dimension in left if dimension not in ready]
    return ordered


def check_space(config: Config, sweep: Sweep) -> None:
    """Raise UserError with a line for every key that is not in the config and every value that does not fit it.

    Ranges are checked at both ends; values that another key must allow (`when`) with that key set.
    """
    problems: list[str] = []
    for dimension in dimensions(sweep):
        ends = dimension.choices or (dimension.at(0.0), dimension.at(1.0 - 2.0**-52))
        given = {other: wanted[0] for other, wanted in dimension.when.items()}
        for value in ends:
            try:
                apply_setting(config, {**given, dimension.key: value})
            except UserError as error:
                problems += [f"sweep.space.{dimension.key}: {problem}" for problem in error.problems]
    if problems:
        raise UserError(dict.fromkeys(problems))


def apply_setting(config: Config, setting: Setting) -> Config:
    """The config of a trial, without the sweep. Raises UserError where a key or a value does not fit.

    `optimizer.type: sgd` keeps the parameters that the new type has, too (lr), and takes the defaults of the others.
    """
    changes: Setting = {}
    for key in sorted(setting, key=lambda key: (key.count("."), not key.endswith(".type"))):
        part, _, last = key.rpartition(".")
        old = value_at(config, part) if last == "type" else None
        if isinstance(old, dict) and isinstance(setting[key], str):
            changes[part] = {"type": setting[key], **_shared_parameters(part, setting[key], old)}
        else:
            changes[key] = setting[key]
    return change_config(config, {"sweep": None, **changes})


def _shared_parameters(part: str, name: str, old: Mapping[str, Any]) -> dict[str, Any]:
    """Of a part's parameters, those that the part of another name takes as well."""
    *before, last = part.split(".")
    registry: Registry[Any] | None = LAYERS if before[-1:] == ["layers"] else PARTS.get(last)
    if registry is None or name not in registry:
        return {}
    taken = {declared.name for declared in registry.parameters(name)}
    return {key: value for key, value in old.items() if key in taken}


def settings(config: Config, sweep: Sweep) -> Iterator[Setting]:
    """The settings of the trials, in order: the same config yields the same settings. Optuna's are drawn elsewhere."""
    searched = dimensions(sweep)
    if sweep.method == "grid":
        yield from _limited(_grid(config, searched), sweep.trials)
    else:
        draws = _sobol(config, sweep, len(searched)) if sweep.method == "sobol" else _random(config, len(searched))
        yield from _limited((setting_at(config, searched, shares) for shares in draws), sweep.trials)


def setting_at(config: Config, searched: Sequence[Dimension], shares: Shares) -> Setting:
    """The setting at a point of the unit cube, an axis a dimension; keys whose `when` fails are left out."""
    setting: Setting = {}
    for dimension, share in zip(searched, shares, strict=True):
        if applies(dimension, setting, config):
            setting[dimension.key] = dimension.at(float(share))
    return setting


def applies(dimension: Dimension, setting: Mapping[str, Any], config: Config) -> bool:
    """Whether the other keys have the values that the dimension's `when` requires."""
    return all(
        (setting[other] if other in setting else value_at(config, other)) in wanted
        for other, wanted in dimension.when.items()
    )


def value_at(config: Config, key: str) -> Any:
    """The plain value at a dotted key of the config; None where there is no such key."""
    value: Any = to_plain(config)
    for part in key.split("."):
        if isinstance(value, str) and part == "type":  # a part given by its name alone
            return value
        if isinstance(value, list):
            value = value[int(part)] if part.isdigit() and int(part) < len(value) else None
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


def _grid(config: Config, searched: Sequence[Dimension]) -> Iterator[Setting]:
    """Every combination, the last key fastest; those that differ only in keys that do not apply, once."""
    seen: list[Setting] = []
    conditional = any(dimension.when for dimension in searched)
    for values in product(*(dimension.grid() for dimension in searched)):
        setting: Setting = {}
        for dimension, value in zip(searched, values, strict=True):
            if applies(dimension, setting, config):
                setting[dimension.key] = value
        if conditional:
            if setting in seen:
                continue
            seen.append(setting)
        yield setting


def _random(config: Config, axes: int) -> Iterator[Shares]:
    generator = np.random.default_rng([config.seed, 1])
    while True:
        yield generator.random(axes)


def _sobol(config: Config, sweep: Sweep, axes: int) -> Iterator[Shares]:
    """Source: Sobol' 1967; scrambled as in Owen 1998, by SciPy."""
    from scipy.stats import qmc

    points = qmc.Sobol(axes, scramble=True, seed=np.random.default_rng([config.seed, 1]))
    block = SOBOL_BLOCK if sweep.trials is None else 1 << (sweep.trials - 1).bit_length()  # a power of 2 is balanced
    while True:
        yield from points.random(block)


def _limited(found: Iterator[Setting], most: int | None) -> Iterator[Setting]:
    for number, setting in enumerate(found):
        if most is not None and number >= most:
            return
        yield setting
