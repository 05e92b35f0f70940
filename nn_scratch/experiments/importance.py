"""Which columns of a table matter to a trained network, and how its prediction changes along each of them."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.data.columns import Column, recoded
from nn_scratch.data.table import Table
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import read_source
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.metrics import Array, rounded
from nn_scratch.runs.files import write_bytes, write_json
from nn_scratch.runs.run import Run
from nn_scratch.seeding import spawn_generators

MOST_ROWS = 2000  # that the importance is measured on
MOST_COLUMNS = 200
REPEATS = 10  # permutations of each column
TOP = 6  # columns whose partial dependence is measured
CURVE_ROWS = 500  # over which a point of it is a mean
POINTS = 25  # of a column of numbers, from its 2nd to its 98th percentile
MOST_CATEGORIES = 12
FEWEST_ROWS = 50  # of the test, without which those of validation are taken as well


@dataclass(frozen=True)
class HeldOut:
    """Rows that were not trained on, as the model takes them."""

    X: Array  # (rows, columns) raw
    y: Array  # (rows,) class indices, or (rows, targets)
    parts: str  # where they are from


def measure_importance(run: Run) -> None:
    """Write importance.csv and importance.json to the run's folder. Raises UserError where the rows cannot be had.

    Permutation importance (Breiman 2001) by scikit-learn: how much the score falls when the values of one column are
    exchanged between the rows. Partial dependence (Friedman 2001): the mean prediction over rows in which one column
    is set to a value. Both in the columns' own units, on rows that were not trained on.
    """
    from sklearn.inspection import permutation_importance
    from threadpoolctl import threadpool_limits

    model = load_model(run)
    held = held_out_rows(run, model)
    columns = model.preprocessing.columns
    if len(columns) > MOST_COLUMNS:
        raise UserError(f"{len(columns):,} columns, and at most {MOST_COLUMNS} are measured")
    with threadpool_limits(limits=1):
        measured = permutation_importance(
            Predictor(model), held.X, held.y, scoring=score, n_repeats=REPEATS, random_state=0
        )
        order = np.argsort(-measured.importances_mean, kind="stable")
        dependence = [partial_dependence(model, columns[j], int(j), held.X) for j in order[:TOP]]
    importance = [
        {"column": columns[j].name, "importance": measured.importances_mean[j], "std": measured.importances_std[j]}
        for j in order
    ]
    text = StringIO()
    writer = csv.DictWriter(text, ["column", "importance", "std"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, **{key: f"{row[key]:.6g}" for key in ("importance", "std")}} for row in importance)
    write_bytes(run.path / "importance.csv", text.getvalue().encode())
    outputs = list(model.class_names or model.preprocessing.target_names)
    document = {
        "score": "balanced accuracy" if model.class_names else "R²",
        "value": score(Predictor(model), held.X, held.y),
        "rows": len(held.X),
        "parts": held.parts,
        "repeats": REPEATS,
        "outputs": outputs,
        "columns": importance,
        "partial_dependence": dependence,
    }
    write_json(run.path / "importance.json", rounded(document))


def held_out_rows(run: Run, model: Model) -> HeldOut:
    """The test rows of a run, and where they are few those of validation, from its source."""
    config = config_from(run.config)
    table = read_source(config, spawn_generators(config.seed))
    if table.image_shape is not None:
        raise UserError("pixels are no columns with a meaning")
    predictions = run.predictions
    test = table if table.test is None else table.test
    chosen = [(test, predictions["test_rows"])]
    parts = "test rows"
    if len(predictions["test_rows"]) < FEWEST_ROWS:
        chosen.append((table, predictions["val_rows"]))
        parts = "test and validation rows"
    if any(len(rows) and rows.max() >= len(source.X) for source, rows in chosen):
        raise UserError(f"{table.origin}: the rows have changed since the run began")
    X = np.concatenate([_as_in_training(source, model)[rows] for source, rows in chosen])
    y = np.concatenate([source.y[rows] for source, rows in chosen])
    if len(X) < 2:
        raise UserError("no rows are kept for the test or for validation")
    if len(X) > MOST_ROWS:
        kept = np.sort(np.random.default_rng(0).choice(len(X), MOST_ROWS, replace=False))
        X, y = X[kept], y[kept]
    return HeldOut(X, y, parts)


def _as_in_training(table: Table, model: Model) -> Array:
    """The table's values in the columns, and in the codes of categories, of the model."""
    places = {column.name: j for j, column in enumerate(table.columns)}
    fitted = model.preprocessing.columns
    absent = [column.name for column in fitted if column.name not in places]
    if absent:
        raise UserError(f"{table.origin}: no column {absent[0]!r} any more")
    kept = [places[column.name] for column in fitted]
    X = np.asarray(table.X[:, kept], dtype=np.float64)
    return recoded([table.columns[j] for j in kept], fitted, X)


class Predictor:
    """A model as scikit-learn's inspection takes one."""

    def __init__(self, model: Model) -> None:
        self.model = model

    def fit(self, X: Array, y: Array) -> Predictor:
        return self

    def predict(self, X: Array) -> Array:
        return self.model.predict(X)


def score(predictor: Predictor, X: Array, y: Array) -> float:
    """Balanced accuracy, or R² (of several targets its mean)."""
    from sklearn.metrics import r2_score

    output = predictor.predict(X)
    if not predictor.model.class_names:
        return float(r2_score(y, output))
    right = output.argmax(axis=1) == y
    return float(np.mean([right[y == k].mean() for k in np.unique(y)]))


def partial_dependence(model: Model, column: Column, j: int, X: Array) -> dict[str, Any]:
    """Mean outputs (points, outputs) where one column is set to each of some values, in its own units."""
    values = X[:, j][~np.isnan(X[:, j])]
    if column.kind == "text":
        most = np.argsort([-count for count in column.counts], kind="stable")[:MOST_CATEGORIES]
        grid = np.sort(most).astype(np.float64)
        labels: list[Any] = [column.categories[int(code)] for code in grid]
    else:
        different = np.unique(values)
        grid = different
        if len(different) > POINTS:
            low, high = np.percentile(values, [2, 98])
            grid = np.linspace(low, high, POINTS)
        labels = grid.tolist()
    rows = np.random.default_rng(0).choice(len(X), min(len(X), CURVE_ROWS), replace=False)
    changed = X[rows].copy()
    outputs = []
    for value in grid:
        changed[:, j] = value
        outputs.append(model.predict(changed).mean(axis=0).tolist())
    shares = np.percentile(values, np.arange(10, 100, 10)).tolist() if column.kind != "text" and len(values) else []
    return {"column": column.name, "kind": column.kind, "grid": labels, "outputs": outputs, "deciles": shares}
