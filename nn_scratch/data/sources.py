"""The built-in data sets: real ones that come with scikit-learn, and synthetic ones drawn from the seed.

Each takes parameters that spoil the data on purpose (`sort`, `label_noise`, `class_shares`, `duplicates`, `scale`,
`offset`), so that one can watch what such data does to a network.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from annotated_types import Ge, Gt, Le

from nn_scratch.data.split import apportion
from nn_scratch.data.table import Table, number_columns, numbered_names, pixel_names
from nn_scratch.data.targets import index_labels
from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.registry import Doc, Registry
from nn_scratch.seeding import random_state
from nn_scratch.wording import plural

MAX_VALUES = 100_000_000  # rows x features of a synthetic table: 800 MB

Rows = Annotated[int, Ge(2), Le(1_000_000), Doc("number of rows")]
Share = Annotated[float, Ge(0), Le(1)]


@dataclass(frozen=True, kw_only=True)
class Source:
    """A data set that can be had by name."""

    sort: Annotated[bool, Doc("rows in the order of their target, as many files come")] = False
    duplicates: Annotated[float, Ge(0), Le(0.95), Doc("share of the rows that are replaced by copies of others")] = 0.0
    scale: Annotated[float | list[float], Doc("multiplies the features: one number, or one a feature")] = 1.0
    offset: Annotated[float | list[float], Doc("added to the features after `scale`: one number, or one a feature")] = (
        0.0
    )

    def draw(self, rng: np.random.Generator) -> Table:
        """The rows as they are, before anything is spoilt."""
        raise NotImplementedError

    def relabel(self, y: Array, n_classes: int, rng: np.random.Generator) -> Array:
        return y

    def load(self, rng: np.random.Generator) -> Table:
        """The table; the same rows for a generator in the same state."""
        table = self.draw(rng)
        X, y = table.X, self.relabel(table.y, len(table.class_names), rng)
        if self.scale != 1.0 or self.offset != 0.0:
            X = X * self._one_a_feature("scale", X.shape[1]) + self._one_a_feature("offset", X.shape[1])
        rows = np.arange(len(X))
        n_copies = round(self.duplicates * len(rows))
        if n_copies:
            shuffled = rng.permutation(len(rows))
            rows[shuffled[:n_copies]] = rng.choice(shuffled[n_copies:], n_copies)
        if self.sort:
            rows = rows[np.argsort(y[rows] if y.ndim == 1 else y[rows, 0], kind="stable")]
        return Table(
            X=X[rows] if n_copies or self.sort else X,
            y=y[rows],
            task=table.task,
            columns=table.columns,
            target_names=table.target_names,
            origin=f"built in: {self.registered_name}",  # type: ignore[attr-defined]
            class_names=table.class_names,
            image_shape=table.image_shape,
        )

    def _one_a_feature(self, key: str, n_features: int) -> Array:
        value = np.asarray(getattr(self, key), dtype=np.float64)
        if value.ndim and len(value) != n_features:
            raise UserError(
                f"data.source.{key}: {plural(len(value), 'number')} for {n_features} features; give one number, or one "
                "a feature"
            )
        return value


SOURCES: Registry[Source] = Registry("data source")


@dataclass(frozen=True, kw_only=True)
class ClassSource(Source):
    """A data set whose target is a class."""

    label_noise: Annotated[float, Ge(0), Le(1), Doc("share of the rows whose label is changed to another class")] = 0.0
    class_shares: Annotated[
        list[Annotated[float, Gt(0)]] | None, Doc("rows of each class, relative to the others; null: as they come")
    ] = None

    def relabel(self, y: Array, n_classes: int, rng: np.random.Generator) -> Array:
        n_wrong = round(self.label_noise * len(y))
        if not n_wrong:
            return y
        wrong = rng.choice(len(y), n_wrong, replace=False)
        y = y.copy()
        y[wrong] = (y[wrong] + rng.integers(1, n_classes, n_wrong)) % n_classes
        return y

    def shares(self, n_classes: int) -> list[float]:
        """The classes' rows, relative to each other."""
        return self.class_shares or [1.0] * n_classes

    def counts(self, rows: int, n_classes: int) -> list[int]:
        """Rows of each class, at least one, `rows` in all."""
        shares = self.shares(n_classes)
        if len(shares) != n_classes:
            raise UserError(
                f"data.source.class_shares: {plural(len(shares), 'share')} for {n_classes} classes; give one for each "
                "class"
            )
        if rows < n_classes:
            raise UserError(f"data.source.rows: {rows} rows for {n_classes} classes; ask for one a class or more")
        counts = apportion(rows, np.asarray(shares))
        counts[np.argmax(counts)] -= np.sum(counts == 0)
        return [max(1, int(count)) for count in counts]


# ---- real data, from scikit-learn's own files ----


@dataclass(frozen=True, kw_only=True)
class RealClasses(ClassSource):
    def read(self) -> tuple[Array, Array, dict[str, Any]]:
        """X (rows, features), labels (rows,) and what else the table needs."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> Table:
        X, labels, other = self.read()
        y, class_names = index_labels(labels)
        if self.class_shares:
            X, y = self._thin_out(X, y, rng)
        return Table(X=X, y=y, task="classification", class_names=class_names, origin="", **other)

    def _thin_out(self, X: Array, y: Array, rng: np.random.Generator) -> tuple[Array, Array]:
        """As many rows as the wanted shares allow, in their old order."""
        there = np.bincount(y)
        self.counts(len(y), len(there))
        shares = np.asarray(self.class_shares)
        shares = shares / shares.sum()
        wanted = np.maximum(1, np.floor(shares * (there / shares).min() + 1e-9).astype(int))
        kept = np.sort(
            np.concatenate([rng.choice(np.flatnonzero(y == k), wanted[k], replace=False) for k in range(len(there))])
        )
        return X[kept], y[kept]


def _bunch(name: str) -> Any:
    import sklearn.datasets

    return getattr(sklearn.datasets, f"load_{name}")()


def _named_classes(name: str, target: str) -> tuple[Array, Array, dict[str, Any]]:
    bunch = _bunch(name)
    names = number_columns(str(feature) for feature in bunch.feature_names)
    return bunch.data, bunch.target_names[bunch.target], {"columns": names, "target_names": (target,)}


@SOURCES.register("digits")
@dataclass(frozen=True, kw_only=True)
class Digits(RealClasses):
    """1,797 handwritten digits of 8 x 8 pixels, 0 to 16; 10 classes."""

    def read(self) -> tuple[Array, Array, dict[str, Any]]:
        return *_digits(), {
            "columns": number_columns(pixel_names(8, 8)),
            "target_names": ("digit",),
            "image_shape": (8, 8),
        }


def _digits() -> tuple[Array, Array]:
    # The default data set, at the start of every first run: its file is read without importing
    # scikit-learn, which takes a second.
    package = find_spec("sklearn")
    if package is not None and package.submodule_search_locations:
        path = Path(package.submodule_search_locations[0]) / "datasets" / "data" / "digits.csv.gz"
        if path.is_file():
            with gzip.open(path, "rt", encoding="ascii") as lines:
                values = np.loadtxt(lines, delimiter=",", dtype=np.uint8)
            return np.ascontiguousarray(values[:, :-1]), values[:, -1].astype(np.int64)
    bunch = _bunch("digits")
    return bunch.data.astype(np.uint8), bunch.target


@SOURCES.register("iris")
@dataclass(frozen=True, kw_only=True)
class Iris(RealClasses):
    """150 flowers, 4 lengths in cm, sorted by species; 3 classes."""

    def read(self) -> tuple[Array, Array, dict[str, Any]]:
        return _named_classes("iris", "species")


@SOURCES.register("wine")
@dataclass(frozen=True, kw_only=True)
class Wine(RealClasses):
    """178 wines, 13 measurements on very different scales, sorted by grower; 3 classes."""

    def read(self) -> tuple[Array, Array, dict[str, Any]]:
        return _named_classes("wine", "grower")


@SOURCES.register("breast_cancer")
@dataclass(frozen=True, kw_only=True)
class BreastCancer(RealClasses):
    """569 biopsies, 30 measurements of cell nuclei; benign or malignant."""

    def read(self) -> tuple[Array, Array, dict[str, Any]]:
        return _named_classes("breast_cancer", "diagnosis")


@SOURCES.register("diabetes")
@dataclass(frozen=True, kw_only=True)
class Diabetes(Source):
    """442 patients, 10 measurements; regression of the disease's progress after a year."""

    def draw(self, rng: np.random.Generator) -> Table:
        bunch = _bunch("diabetes")
        return Table(
            X=bunch.data,
            y=bunch.target.reshape(-1, 1).astype(np.float64),
            task="regression",
            columns=number_columns(bunch.feature_names),
            target_names=("progression",),
            origin="",
        )


# ---- synthetic data, drawn from the seed ----


def _check_size(rows: int, features: int) -> None:
    if rows * features > MAX_VALUES:
        raise UserError(
            f"data.source: {rows:,} rows x {features:,} features are more than {MAX_VALUES:,} values; ask for fewer"
        )


@dataclass(frozen=True, kw_only=True)
class DrawnClasses(ClassSource):
    rows: Rows = 1000

    def n_classes(self) -> int:
        return 2

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        """X (rows, features) and y (rows,), class k in counts[k] rows; in any order."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> Table:
        k = self.n_classes()
        X, y = self.sample(self.counts(self.rows, k), rng)
        shuffled = rng.permutation(len(X))
        return Table(
            X=X[shuffled],
            y=y[shuffled].astype(np.int64),
            task="classification",
            columns=number_columns(numbered_names(X.shape[1])),
            target_names=("class",),
            class_names=tuple(str(label) for label in range(k)),
            origin="",
        )


@SOURCES.register("moons")
@dataclass(frozen=True, kw_only=True)
class Moons(DrawnClasses):
    """Two interleaved half circles in the plane; 2 classes."""

    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise on both features")] = 0.2

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_moons

        X, y = make_moons(tuple(counts), noise=self.noise, random_state=random_state(rng))
        return X, y


@SOURCES.register("circles")
@dataclass(frozen=True, kw_only=True)
class Circles(DrawnClasses):
    """A circle within a circle; 2 classes."""

    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise on both features")] = 0.1
    factor: Annotated[float, Ge(0), Le(0.99), Doc("radius of the inner circle; the outer one's is 1")] = 0.5

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_circles

        X, y = make_circles(tuple(counts), noise=self.noise, factor=self.factor, random_state=random_state(rng))
        return X, y


@SOURCES.register("spiral")
@dataclass(frozen=True, kw_only=True)
class Spiral(DrawnClasses):
    """Interleaved spiral arms in the plane, one a class."""

    classes: Annotated[int, Ge(2), Le(20), Doc("number of arms")] = 3
    turns: Annotated[float, Gt(0), Le(10), Doc("how often an arm winds around the centre")] = 0.75
    noise: Annotated[
        float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise on the angle, in radians")
    ] = 0.15

    def n_classes(self) -> int:
        return self.classes

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        y = np.repeat(np.arange(self.classes), counts)
        radius = np.sqrt(rng.uniform(0.0, 1.0, len(y)))  # as many rows in every unit of area
        angle = 2 * np.pi * (self.turns * radius + y / self.classes) + rng.normal(0.0, self.noise, len(y))
        return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), y


@SOURCES.register("blobs")
@dataclass(frozen=True, kw_only=True)
class Blobs(DrawnClasses):
    """One Gaussian cloud a class, centres drawn from [-10, 10] in every feature."""

    classes: Annotated[int, Ge(2), Le(1000), Doc("number of clouds")] = 3
    features: Annotated[int, Ge(1), Le(10_000), Doc("number of features")] = 2
    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of a cloud")] = 1.0

    def n_classes(self) -> int:
        return self.classes

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_blobs

        _check_size(self.rows, self.features)
        X, y = make_blobs(
            counts, n_features=self.features, cluster_std=self.noise, shuffle=False, random_state=random_state(rng)
        )
        return X, y


@SOURCES.register("imbalanced")
@dataclass(frozen=True, kw_only=True)
class Imbalanced(DrawnClasses):
    """Two overlapping Gaussian clouds, the second far rarer; 2 classes."""

    rare_share: Annotated[float, Gt(0), Le(0.5), Doc("share of the rows in the second class")] = 0.05
    distance: Annotated[float, Ge(0), Le(1_000_000), Doc("between the centres, in standard deviations of a cloud")] = (
        3.0
    )
    features: Annotated[int, Ge(1), Le(10_000), Doc("number of features")] = 2

    def shares(self, n_classes: int) -> list[float]:
        return self.class_shares or [1 - self.rare_share, self.rare_share]

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        _check_size(self.rows, self.features)
        y = np.repeat([0, 1], counts)
        X = rng.normal(size=(len(y), self.features))
        X += (y * self.distance / np.sqrt(self.features))[:, np.newaxis]
        return X, y


@SOURCES.register("xor")
@dataclass(frozen=True, kw_only=True)
class Xor(DrawnClasses):
    """The square around the origin, labelled by whether the signs of x1 and x2 differ; 2 classes."""

    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise on both features")] = 0.1

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        y = np.repeat([0, 1], counts)
        x1 = rng.uniform(-1.0, 1.0, len(y))
        x2 = rng.uniform(0.0, 1.0, len(y)) * np.where((x1 < 0) == (y == 0), -1, 1)
        X = np.column_stack([x1, x2])
        return X + rng.normal(0.0, self.noise, X.shape), y


@SOURCES.register("checkerboard")
@dataclass(frozen=True, kw_only=True)
class Checkerboard(DrawnClasses):
    """The fields of a checkerboard on the unit square; 2 classes."""

    fields: Annotated[int, Ge(2), Le(20), Doc("fields along each side")] = 4
    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise, in fields")] = 0.0

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        y = np.repeat([0, 1], counts)
        row, column = np.divmod(np.arange(self.fields**2), self.fields)
        colour = (row + column) % 2
        field = np.concatenate([rng.choice(np.flatnonzero(colour == k), counts[k]) for k in (0, 1)])
        X = np.column_stack([column[field], row[field]]) + rng.uniform(size=(len(y), 2))
        return (X + rng.normal(0.0, self.noise, X.shape)) / self.fields, y


@SOURCES.register("classification")
@dataclass(frozen=True, kw_only=True)
class Classification(DrawnClasses):
    """Clusters at the corners of a hypercube, in features of which some are uninformative."""

    classes: Annotated[int, Ge(2), Le(1000), Doc("number of classes")] = 3
    features: Annotated[int, Ge(2), Le(10_000), Doc("number of features")] = 20
    informative: Annotated[int, Ge(2), Le(100), Doc("informative features; the others are noise")] = 10
    separation: Annotated[float, Ge(0), Le(1_000_000), Doc("half the side of the hypercube; more is easier")] = 1.0

    def n_classes(self) -> int:
        return self.classes

    def sample(self, counts: list[int], rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_classification

        _check_size(self.rows, self.features)
        _check_informative(self.informative, self.features)
        if self.informative < 10 and self.classes > 2**self.informative:
            raise UserError(
                f"data.source.informative: {self.informative} informative features have {2**self.informative} corners, "
                f"too few for {self.classes} classes; ask for more"
            )
        return make_classification(  # type: ignore[no-any-return]
            self.rows,
            n_features=self.features,
            n_informative=self.informative,
            n_redundant=0,
            n_clusters_per_class=1,
            n_classes=self.classes,
            weights=np.asarray(counts) / self.rows,
            flip_y=0.0,
            class_sep=self.separation,
            shuffle=True,
            random_state=random_state(rng),
        )


def _check_informative(informative: int, features: int) -> None:
    if informative > features:
        raise UserError(f"data.source.informative: {informative} informative features of {features}; ask for fewer")


@dataclass(frozen=True, kw_only=True)
class DrawnQuantities(Source):
    rows: Rows = 1000
    noise: Annotated[float, Ge(0), Le(1_000_000), Doc("standard deviation of Gaussian noise on the target")] = 1.0

    def sample(self, rng: np.random.Generator) -> tuple[Array, Array]:
        """X (rows, features) and y (rows,)."""
        raise NotImplementedError

    def draw(self, rng: np.random.Generator) -> Table:
        X, y = self.sample(rng)
        return Table(
            X=X,
            y=y.reshape(len(X), -1),
            task="regression",
            columns=number_columns(numbered_names(X.shape[1])),
            target_names=("y",),
            origin="",
        )


@SOURCES.register("regression")
@dataclass(frozen=True, kw_only=True)
class Regression(DrawnQuantities):
    """A linear target of a few of the features."""

    features: Annotated[int, Ge(1), Le(10_000), Doc("number of features")] = 10
    informative: Annotated[int, Ge(1), Le(10_000), Doc("informative features; the others are noise")] = 5

    def sample(self, rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_regression

        _check_size(self.rows, self.features)
        _check_informative(self.informative, self.features)
        return make_regression(  # type: ignore[no-any-return]
            self.rows,
            n_features=self.features,
            n_informative=self.informative,
            noise=self.noise,
            random_state=random_state(rng),
        )


@SOURCES.register("friedman")
@dataclass(frozen=True, kw_only=True)
class Friedman(DrawnQuantities):
    """y = 10 sin(pi x1 x2) + 20 (x3 - 1/2)^2 + 10 x4 + 5 x5; further features are noise (Friedman 1991)."""

    features: Annotated[int, Ge(5), Le(10_000), Doc("number of features; the first five count")] = 10

    def sample(self, rng: np.random.Generator) -> tuple[Array, Array]:
        from sklearn.datasets import make_friedman1

        _check_size(self.rows, self.features)
        return make_friedman1(  # type: ignore[no-any-return]
            self.rows, n_features=self.features, noise=self.noise, random_state=random_state(rng)
        )
