"""What belongs to which part. Data sets, widths of layers, depths of deep networks and seeds are of one part alone, so
that a threshold which fits the development part by accident shows on the others. `validation` tells whether a change
that was made for the development part holds elsewhere, and may be looked into; `reported` is for the figures alone.

            development                     validation                      reported
real        iris, wine                                                      breast_cancer, digits, diabetes
built in    moons, blobs, spiral,                                           circles, xor, checkerboard, friedman
            classification, regression
files       quantiles, redundant, linear,   ten, votes, categories, s_curve hastie, waveform, clusters, rings,
            product                         heavy_tails, sine, ripple,      two_normals, friedman2
                                            quadratic, swiss_roll, sparse
imbalanced  imbalanced                      imbalanced                      two_normals
widths      8 16 32 64 128                  10 20 40 80 160                 4 12 24 48 96 256 512
deep        5, 7 hidden layers              4, 9 hidden layers              6, 8 hidden layers

The activations, optimizers, schedules and causes are the same in all: there are only so many.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tests.doctor_benchmark.tables import HERE, digest

PartName = Literal["dev", "validation", "reported"]


@dataclass(frozen=True)
class Part:
    name: PartName
    widths: tuple[int, ...]
    deep: tuple[int, ...]
    seed_offset: int
    data: tuple[DataSet, ...]


@dataclass(frozen=True)
class DataSet:
    """What can be learned from: a built-in source, or a table of our own.

    linear: a linear model is as good as any (so that a network without hidden layers is no fault).
    split: shares of train, val, test; the test's rows decide how exactly a score is known.
    """

    name: str
    source: dict[str, Any]  # type and parameters; or make and parameters, of a table
    classes: int  # 0: a regression
    features: int
    own_table: bool = False
    linear: bool = False
    split: tuple[float, float, float] = (0.5, 0.2, 0.3)
    rows: int = 600

    def block(self, seed: int, spoil: dict[str, Any] | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """The `data` section, and the tables it needs; `spoil` as in tables.spoil, for tables of our own, or as the
        source's own parameters."""
        train, val, test = self.split
        section: dict[str, Any] = {"split": {"train": train, "val": val, "test": test}}
        if not self.own_table:
            return {"source": {**self.source, **(spoil or {})}, **section}, {}
        spec = {"rows": self.rows, **self.source, "seed": seed, "spoil": spoil or {}}
        name = f"table-{digest(spec)}.npz"
        return {"source": HERE + name, **section}, {name: spec}

    def as_table(self) -> DataSet:
        """The same data as a file, whose rows can be put in any order."""
        if self.own_table:
            return self
        source = {"make": "builtin", "source": self.source, "rows": self.rows}
        return DataSet(self.name, source, self.classes, self.features, True, self.linear, self.split, self.rows)


def built_in(name: str, classes: int, features: int, /, rows: int = 600, linear: bool = False, **more: Any) -> DataSet:
    return DataSet(name, {"type": name, "rows": rows, **more}, classes, features, linear=linear, rows=rows)


def own(name: str, classes: int, features: int, /, rows: int = 600, linear: bool = False, **more: Any) -> DataSet:
    return DataSet(name, {"make": name, **more}, classes, features, own_table=True, linear=linear, rows=rows)


DEV = Part(
    "dev",
    widths=(8, 16, 32, 64, 128),
    deep=(5, 7),
    seed_offset=0,
    data=(
        DataSet("iris", {"type": "iris"}, 3, 4, linear=True, split=(0.4, 0.2, 0.4), rows=150),
        DataSet("wine", {"type": "wine"}, 3, 13, linear=True, split=(0.4, 0.2, 0.4), rows=178),
        built_in("moons", 2, 2, noise=0.15),
        built_in("moons", 2, 2, noise=0.25),
        built_in("blobs", 4, 2, classes=4, noise=1.5, linear=True),
        built_in("blobs", 3, 8, classes=3, features=8, noise=4.0, linear=True),
        built_in("spiral", 3, 2, classes=3, noise=0.1),
        built_in("spiral", 2, 2, classes=2, turns=0.6, noise=0.1),
        built_in("classification", 3, 20, classes=3, features=20, informative=8, separation=1.5, linear=True),
        built_in("classification", 5, 12, classes=5, features=12, informative=6, separation=2.0),
        built_in("regression", 0, 10, noise=10.0, linear=True),
        own("quantiles", 3, 4, features=4, classes=3),
        own("redundant", 3, 36, informative=6, extra=30, classes=3),
        own("linear", 2, 6, linear=True),
        own("product", 0, 5),
    ),
)

VALIDATION = Part(
    "validation",
    widths=(10, 20, 40, 80, 160),
    deep=(4, 9),
    seed_offset=500_000,
    data=(
        own("ten", 10, 10, features=10, classes=10, linear=True),
        own("votes", 2, 15, features=15),
        own("categories", 3, 16, linear=True),
        own("s_curve", 4, 3, classes=4),
        own("heavy_tails", 3, 6, features=6, classes=3),
        own("sine", 0, 1),
        own("ripple", 0, 2),
        own("quadratic", 0, 6, features=6),
        own("swiss_roll", 0, 3),
        own("sparse", 2, 40, features=40, linear=True),
    ),
)

REPORTED = Part(
    "reported",
    widths=(4, 12, 24, 48, 96, 256, 512),
    deep=(6, 8),
    seed_offset=1_000_000,
    data=(
        DataSet("breast_cancer", {"type": "breast_cancer"}, 2, 30, linear=True, split=(0.4, 0.2, 0.4), rows=569),
        DataSet("digits", {"type": "digits"}, 10, 64, split=(0.25, 0.15, 0.6), rows=1797),
        DataSet("diabetes", {"type": "diabetes"}, 0, 10, linear=True, split=(0.4, 0.2, 0.4), rows=442),
        built_in("circles", 2, 2, noise=0.1, factor=0.5),
        built_in("circles", 2, 2, noise=0.15, factor=0.4),
        built_in("xor", 2, 2, noise=0.05),
        built_in("checkerboard", 2, 2, fields=3),
        built_in("friedman", 0, 10),
        own("hastie", 2, 6, features=6),
        own("waveform", 3, 21, linear=True),
        own("clusters", 5, 8, features=8, classes=5, spread=0.9),
        own("clusters", 8, 12, features=12, classes=8, spread=0.8),
        own("rings", 4, 2, classes=4),
        own("rings", 3, 2, classes=3, noise=0.2),
        own("two_normals", 2, 4, features=4, distance=3.0, linear=True),
        own("friedman2", 0, 4),
    ),
)

PARTS: dict[PartName, Part] = {part.name: part for part in (DEV, VALIDATION, REPORTED)}


def seeds(part: Part, generator_seed: int, index: int, n: int) -> list[int]:
    """Seeds of runs, never the same in two parts: index is that of the recipe."""
    start = 2_000_000 * (1 + generator_seed % 1000) + part.seed_offset + 100 * index
    return [start + i for i in range(n)]


def generator(part: Part, generator_seed: int, *place: int) -> np.random.Generator:
    return np.random.default_rng([generator_seed, part.seed_offset, *place])
