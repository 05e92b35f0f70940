"""Tables of our own making, written as files: data that is not built in, and faults that only a file can hold."""

from __future__ import annotations

import csv
import hashlib
import json
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Spec = Mapping[str, Any]  # make, rows, seed, and the maker's own parameters; spoil: what is done to the rows
Maker = Callable[..., tuple[Array, Array]]

MAKERS: dict[str, Maker] = {}
HERE = "{tables}/"  # in a config: the folder the tables are written to


def maker(make: Maker) -> Maker:
    MAKERS[make.__name__] = make
    return make


@maker
def quantiles(rng: np.random.Generator, rows: int, features: int = 4, classes: int = 3) -> tuple[Array, Array]:
    """One Gaussian cloud, cut into shells of equal share around its centre."""
    from sklearn.datasets import make_gaussian_quantiles

    return make_gaussian_quantiles(
        n_samples=rows, n_features=features, n_classes=classes, random_state=int(rng.integers(1 << 31))
    )


@maker
def redundant(
    rng: np.random.Generator, rows: int, informative: int = 6, extra: int = 30, classes: int = 3
) -> tuple[Array, Array]:
    """Clusters in a few features, hidden among linear combinations of them."""
    from sklearn.datasets import make_classification

    return make_classification(
        rows,
        n_features=informative + extra,
        n_informative=informative,
        n_redundant=extra,
        n_classes=classes,
        n_clusters_per_class=2,
        class_sep=1.5,
        flip_y=0.0,
        random_state=int(rng.integers(1 << 31)),
    )


@maker
def linear(rng: np.random.Generator, rows: int, features: int = 6, margin: float = 0.3) -> tuple[Array, Array]:
    """Two classes on either side of a plane."""
    X = rng.normal(size=(4 * rows, features))
    direction = rng.normal(size=features)
    distance = X @ direction / np.linalg.norm(direction)
    kept = np.flatnonzero(np.abs(distance) > margin)[:rows]
    return X[kept], (distance[kept] > 0).astype(int)


@maker
def product(rng: np.random.Generator, rows: int, features: int = 5) -> tuple[Array, Array]:
    """Regression: y = x1 x2 + sin(2 x3), a little noise, and features that say nothing."""
    X = rng.uniform(-2, 2, (rows, features))
    return X, X[:, 0] * X[:, 1] + np.sin(2 * X[:, 2]) + rng.normal(0, 0.1, rows)


@maker
def hastie(rng: np.random.Generator, rows: int, features: int = 6) -> tuple[Array, Array]:
    """Two classes within and beyond a sphere that parts a Gaussian cloud in halves."""
    from scipy.stats import chi2

    X = rng.normal(size=(rows, features))
    return X, ((X**2).sum(axis=1) > chi2.median(features)).astype(int)


@maker
def waveform(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Three classes of noisy sums of two of three triangular waves at 21 times (Breiman et al. 1984)."""
    t = np.arange(21)
    waves = np.maximum(0, 6 - np.abs(t - np.array([[6], [14], [10]])))
    pairs = np.array([[0, 1], [0, 2], [1, 2]])
    y = rng.integers(0, 3, rows)
    u = rng.uniform(size=(rows, 1))
    X = u * waves[pairs[y, 0]] + (1 - u) * waves[pairs[y, 1]] + rng.normal(size=(rows, 21))
    return X, y


@maker
def clusters(
    rng: np.random.Generator, rows: int, features: int = 8, classes: int = 5, spread: float = 1.0
) -> tuple[Array, Array]:
    """Three Gaussian clouds a class, centres 2.5 from the origin in random directions."""
    centres = rng.normal(size=(classes, 3, features))
    centres *= 2.5 / np.linalg.norm(centres, axis=2, keepdims=True)
    y = rng.integers(0, classes, rows)
    X = centres[y, rng.integers(0, 3, rows)] + rng.normal(0, spread * 0.7, (rows, features))
    return X, y


@maker
def rings(rng: np.random.Generator, rows: int, classes: int = 4, noise: float = 0.12) -> tuple[Array, Array]:
    """Concentric rings in the plane, one a class."""
    y = rng.integers(0, classes, rows)
    angle = rng.uniform(0, 2 * np.pi, rows)
    radius = y + 1 + rng.normal(0, noise, rows)
    return np.column_stack([radius * np.cos(angle), radius * np.sin(angle)]), y


@maker
def two_normals(
    rng: np.random.Generator, rows: int, features: int = 4, distance: float = 3.0, rare: float = 0.5
) -> tuple[Array, Array]:
    """Two Gaussian clouds, the second with the share `rare` of the rows."""
    y = (np.arange(rows) < round(rare * rows)).astype(int)
    X = rng.normal(size=(rows, features))
    X += (y * distance / np.sqrt(features))[:, np.newaxis]
    return X, y


@maker
def friedman2(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Regression of four features of very different size (Friedman 1991)."""
    from sklearn.datasets import make_friedman2

    return make_friedman2(rows, noise=50.0, random_state=int(rng.integers(1 << 31)))


@maker
def ten(rng: np.random.Generator, rows: int, features: int = 10, classes: int = 10) -> tuple[Array, Array]:
    """One Gaussian cloud a class, each of its own width in every direction."""
    centres, widths = rng.normal(0, 1.6, (classes, features)), rng.uniform(0.5, 1.5, (classes, features))
    y = rng.integers(0, classes, rows)
    return centres[y] + widths[y] * rng.normal(size=(rows, features)), y


@maker
def votes(rng: np.random.Generator, rows: int, features: int = 15) -> tuple[Array, Array]:
    """Zeros and ones; whether two of three blocks of features have a majority of ones."""
    X = rng.integers(0, 2, (rows, features))
    blocks = X.reshape(rows, 3, -1).mean(axis=2) > 0.5
    return X, (blocks.sum(axis=1) > 1).astype(int)


@maker
def categories(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Three categorical columns as indicators (5 + 5 + 4) and two numbers; three classes by a noisy table of scores."""
    columns = [rng.integers(0, n, rows) for n in (5, 5, 4)]
    X = np.hstack(
        [*(np.eye(n)[column] for n, column in zip((5, 5, 4), columns, strict=True)), rng.normal(size=(rows, 2))]
    )
    scores = X @ rng.normal(0, 2.0, (16, 3)) + rng.gumbel(0, 0.4, (rows, 3))
    return X, scores.argmax(axis=1)


@maker
def s_curve(rng: np.random.Generator, rows: int, classes: int = 4) -> tuple[Array, Array]:
    """A bent sheet in three dimensions, cut into stretches of equal share."""
    from sklearn.datasets import make_s_curve

    X, t = make_s_curve(rows, noise=0.1, random_state=int(rng.integers(1 << 31)))
    return X, np.searchsorted(np.quantile(t, np.arange(1, classes) / classes), t)


@maker
def heavy_tails(rng: np.random.Generator, rows: int, features: int = 6, classes: int = 3) -> tuple[Array, Array]:
    """Two clouds a class with the tails of Student's t (3 degrees of freedom): a few rows lie far out."""
    centres = rng.normal(0, 2.5, (classes, 2, features))
    y = rng.integers(0, classes, rows)
    return centres[y, rng.integers(0, 2, rows)] + 0.7 * rng.standard_t(3, (rows, features)), y


@maker
def sine(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Regression of one feature: a sine of growing height."""
    x = rng.uniform(-3, 3, rows)
    return x[:, np.newaxis], 10 + (4 + x) * np.sin(2 * x) + rng.normal(0, 0.3, rows)


@maker
def ripple(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Regression of two features: a wave in each, multiplied."""
    X = rng.uniform(-1, 1, (rows, 2))
    return X, np.sin(3 * X[:, 0]) * np.cos(4 * X[:, 1]) + rng.normal(0, 0.05, rows)


@maker
def quadratic(rng: np.random.Generator, rows: int, features: int = 6) -> tuple[Array, Array]:
    """Regression: a quadratic form, and features of which some say nothing."""
    X = rng.normal(size=(rows, features))
    A = rng.normal(size=(3, 3))
    return X, np.einsum("ni,ij,nj->n", X[:, :3], A, X[:, :3]) + 2 * X[:, 3] + rng.normal(0, 0.3, rows)


@maker
def swiss_roll(rng: np.random.Generator, rows: int) -> tuple[Array, Array]:
    """Regression: where along a rolled-up sheet in three dimensions a row lies."""
    from sklearn.datasets import make_swiss_roll

    X, t = make_swiss_roll(rows, noise=0.3, random_state=int(rng.integers(1 << 31)))
    return X, t


@maker
def sparse(rng: np.random.Generator, rows: int, features: int = 40) -> tuple[Array, Array]:
    """Two classes by a plane in 5 of the features, with some labels at the border the other way."""
    X = rng.normal(size=(rows, features))
    return X, (X[:, :5] @ np.array([2.0, -2.0, 1.5, 1.0, -1.0]) + rng.logistic(0, 0.3, rows) > 0).astype(int)


@maker
def builtin(rng: np.random.Generator, rows: int, source: Mapping[str, Any]) -> tuple[Array, Array]:
    """A data set that is built in, as a file; `rows` of it at most, drawn at random."""
    from nn_scratch.data.tables import load_table

    table = load_table(dict(source), rng=rng)
    kept = rng.permutation(len(table.X))[:rows]
    y = table.y[kept]
    return np.asarray(table.X, dtype=np.float64)[kept], y if table.task == "classification" else y[:, 0]


def make(spec: Spec) -> tuple[Array, Array]:
    """X (rows, features) float64 and y (rows,), int64 classes or float64, shuffled and then spoilt as the spec says."""
    own = {key: value for key, value in spec.items() if key not in ("make", "rows", "seed", "spoil", "leak", "part")}
    rng = np.random.default_rng(spec["seed"])
    X, y = MAKERS[spec["make"]](rng, spec["rows"], **own)
    shuffled = rng.permutation(len(X))
    X, y = np.asarray(X, dtype=np.float64)[shuffled], np.asarray(y)[shuffled]
    return spoil(X, y, spec.get("spoil") or {}, rng)


def spoil(X: Array, y: Array, how: Mapping[str, Any], rng: np.random.Generator) -> tuple[Array, Array]:
    """label_noise, shares (of the classes), duplicates: as the built-in sources have them; scale, offset: a feature's;
    sort_first: the first share of the rows is sorted by label; order_by: all rows are sorted by that feature."""
    if shares := how.get("shares"):
        counts = np.bincount(y)
        wanted = np.floor(np.array(shares) * (counts / np.array(shares)).min()).astype(int).clip(4)
        rows = np.concatenate([np.flatnonzero(y == k)[:n] for k, n in enumerate(wanted)])
        rows = rng.permutation(rows)
        X, y = X[rows], y[rows]
    if noise := how.get("label_noise"):
        wrong = rng.choice(len(y), round(noise * len(y)), replace=False)
        classes = int(y.max()) + 1
        y = y.copy()
        y[wrong] = (y[wrong] + rng.integers(1, classes, len(wrong))) % classes
    if "scale" in how:
        X = X * np.array(how["scale"]) + np.array(how.get("offset", 0.0))
    if copies := how.get("duplicates"):
        rows = np.arange(len(X))
        shuffled = rng.permutation(len(X))
        n = round(copies * len(X))
        rows[shuffled[:n]] = rng.choice(shuffled[n:], n)
        X, y = X[rows], y[rows]
    if share := how.get("sort_first"):
        n = round(share * len(X))
        order = np.concatenate([np.argsort(y[:n], kind="stable"), np.arange(n, len(X))])
        X, y = X[order], y[order]
    if (feature := how.get("order_by")) is not None:
        order = np.argsort(X[:, feature], kind="stable")
        X, y = X[order], y[order]
    return X, y


def write(spec: Spec, folder: Path) -> str:
    """The file that holds the table, by its name in `folder`; written where it is not there yet.

    A spec with `leak` is a CSV with one more column, `x0`: in part "train" what is to be predicted, with a little
    noise; in part "test" the same of other rows, so that it says nothing.
    """
    name = f"table-{digest(spec)}" + (".csv" if "leak" in spec else ".npz")
    path = folder / name
    if path.exists():
        return name
    X, y = make(spec)
    if "leak" not in spec:
        np.savez(path, X=X, y=y)
        return name
    rng = np.random.default_rng(spec["seed"] + 1)
    n = round(0.7 * len(X))
    part = np.arange(len(X)) < n if spec["part"] == "train" else np.arange(len(X)) >= n
    X, y = X[part], y[part]
    said = y if spec["part"] == "train" else rng.permutation(y)
    leak = said / max(1e-9, np.std(said)) + rng.normal(0, spec["leak"], len(y))
    with path.open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(["x0", *(f"x{i + 1}" for i in range(X.shape[1])), "y"])
        labels = [f"c{label}" for label in y] if y.dtype.kind in "iu" else y.tolist()
        lines.writerows(
            [f"{a:.6g}", *(f"{v:.6g}" for v in row), label] for a, row, label in zip(leak, X, labels, strict=True)
        )
    return name


def digest(value: Any) -> str:
    return hashlib.sha1(json.dumps(value, sort_keys=True).encode()).hexdigest()[:12]


_folder: tempfile.TemporaryDirectory[str] | None = None


def placed(config: dict[str, Any], tables: Mapping[str, Spec]) -> dict[str, Any]:
    """The config with its tables written to a folder of this process, and their paths in place of their names."""
    global _folder
    if not tables:
        return config
    if _folder is None:
        _folder = tempfile.TemporaryDirectory(prefix="doctor-tables-")
    folder = Path(_folder.name)
    data = dict(config["data"])
    for key in ("source", "test_source"):
        value = data.get(key)
        if isinstance(value, str) and value.startswith(HERE):
            data[key] = str(folder / write(tables[value.removeprefix(HERE)], folder))
    return {**config, "data": data}
