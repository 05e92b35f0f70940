"""How well one column, or two, predict the target by themselves: what gives the target away need not be a copy of it.

Decision trees with few leaves (Breiman et al. 1984) find thresholds, intervals and categories; straight lines through
values and logarithms find what is a sum, a difference, a product or a ratio. All are fitted on training rows and scored
on the rows of val and test together: balanced accuracy for classes, else R².
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from nn_scratch.baselines.copied_target import column_groups, ranked, score_without
from nn_scratch.baselines.kernel_ridge import kernel_ridge_report
from nn_scratch.baselines.once import once_per_split
from nn_scratch.baselines.protocol import MAX_FEATURES, main_score, sample_rows, scores
from nn_scratch.data.prepare import Data
from nn_scratch.metrics import Array

MAX_ROWS = 3000  # bounds time
TREES = 40  # columns that a tree is grown on, those with the strongest relation of ranks first; bounds time
PAIRED = 12  # columns of which pairs are tried; bounds time
ALONE = 0.98  # the score of a few columns by themselves from which they give the target away; by hand
PLAIN = 0.85  # what a plain model on all columns reaches at least where a few of them give the target away; by hand
MORE_ERRORS, CLEAR = 3.0, 0.03  # the others together make so many times the errors, and so much more; by hand
FEWEST_ROWS = 20  # of a class: too few to tell chance from rule; by hand
DEPTH = 2  # of a tree on one column, which finds one interval; twice that on two columns; a definition


@dataclass(frozen=True)
class FewColumns:
    """columns: their names; score: what they reach by themselves; how: "tree", "line", "line of logarithms"."""

    columns: tuple[str, ...]
    score: float
    how: str


@dataclass(frozen=True)
class Rows:
    """Training rows and held-out rows of a table, with y as class indices or as the first target."""

    X: Array
    y: Array
    X_held: Array
    y_held: Array


def columns_alone(data: Data) -> list[FewColumns]:
    """Each of the most telling columns with its score, the best first; [] where there are no rows to score."""
    rows = gathered(data)
    if rows is None:
        return []
    groups = column_groups(data)
    names = strongest(rows, groups)[:TREES]
    return sorted((best_of(data, rows, (name,), groups) for name in names), key=lambda found: -found.score)


def pairs_alone(data: Data) -> list[FewColumns]:
    """Pairs of the most telling columns, and for a numeric target or two classes those that a line serves best; the
    best first (ten at most)."""
    rows, groups = gathered(data), column_groups(data)
    if rows is None or len(groups) < 3:
        return []
    names = strongest(rows, groups)[:PAIRED]
    tried = list(combinations(names, 2))
    if data.task == "regression" or len(data.class_names) == 2:
        tried += [pair for pair in best_lines(rows, groups) if pair not in tried]
    return sorted((best_of(data, rows, pair, groups) for pair in tried), key=lambda found: -found.score)[:10]


@once_per_split
def telling_columns(data: Data, least: float = PLAIN) -> dict[str, Any] | None:
    """One column, or two, that predict the target all but exactly while all the others together do not; else None.

    {"columns", "score", "how", "without"}: `without` is the score of kernel ridge regression on the other columns.
    Nothing is looked for where a plain model on all columns scores less than `least`, nor where a class has few rows,
    of which anything may be true by chance.
    """
    rarest = np.bincount(data.train.y, minlength=len(data.class_names)).min() if data.class_names else len(data.train)
    if rarest < FEWEST_ROWS or len(data.preprocessing.columns) < 2:
        return None
    if least > 0 and (kernel_ridge_report(data).get("pooled") or 0.0) < least:
        return None
    groups = column_groups(data)
    for found in (*columns_alone(data)[:1], *pairs_alone(data)[:1]):
        if found.score < ALONE:
            continue
        without = score_without(data, [feature for name in found.columns for feature in groups[name]]) or 0.0
        if 1 - without > MORE_ERRORS * most_errors(found.score, len(data.val) + len(data.test)) + CLEAR:
            columns = [name for name in groups if name in found.columns]
            return {"columns": columns, "score": found.score, "how": found.how, "without": without}
    return None


def most_errors(score: float, rows: int) -> float:
    """The upper end of a 90 % interval of 1 - score, which was measured on so many rows."""
    error = max(1 - score, 0.0)
    return error + 1.64 * float(np.sqrt(max(error, 1 / rows) * (1 - error) / rows))


def gathered(data: Data) -> Rows | None:
    held = [part for part in (data.val, data.test) if len(part)]
    if data.task == "multi_label" or len(data.train) < 10 or not held:
        return None
    parts = [(part, sample_rows(len(part), MAX_ROWS)) for part in (data.train, *held)]
    X = [part.X[rows, :MAX_FEATURES].astype(np.float64) for part, rows in parts]
    y = [part.y[rows] if part.y.ndim == 1 else part.y[rows, 0].astype(np.float64) for part, rows in parts]
    return Rows(X[0], y[0], np.concatenate(X[1:]), np.concatenate(y[1:]))


def strongest(rows: Rows, groups: dict[str, list[int]]) -> list[str]:
    """Columns by the relation of their features' ranks with the target: the share of variance between classes, or the
    squared correlation of ranks."""
    ranks = np.stack([ranked(x) for x in rows.X.T], axis=1)
    ranks -= ranks.mean(axis=0)
    total = np.maximum((ranks**2).sum(axis=0), 1e-300)
    if rows.y.dtype.kind in "iu":
        one_hot = np.eye(int(rows.y.max()) + 1)[rows.y]
        sizes = np.maximum(one_hot.sum(axis=0), 1)
        explained = ((one_hot.T @ ranks) ** 2 / sizes[:, np.newaxis]).sum(axis=0) / total
    else:
        y = ranked(rows.y)
        y = y - y.mean()
        explained = (y @ ranks) ** 2 / total / max(float(y @ y), 1e-300)
    return sorted(groups, key=lambda name: -float(explained[groups[name]].max()))


def best_of(data: Data, rows: Rows, names: tuple[str, ...], groups: dict[str, list[int]]) -> FewColumns:
    """The best of the models on these columns."""
    features = [feature for name in names for feature in groups[name]]
    found: list[tuple[str, Array | None]] = [("tree", tree(rows, features, DEPTH * len(names)))]
    if data.task == "regression":
        found += [("line", line(rows, features)), ("line of logarithms", line_of_logarithms(rows, features))]
    else:
        found.append(("line", line_between_classes(rows, features)))
    scored = [(how, score(data, rows.y_held, predicted)) for how, predicted in found if predicted is not None]
    how, best = max(scored, key=lambda entry: entry[1])
    return FewColumns(names, best, how)


def score(data: Data, y: Array, predicted: Array) -> float:
    true = y if data.task == "classification" else y[:, np.newaxis]
    found = scores(data, true, predicted)[main_score(data)]
    return -np.inf if found is None else float(found)


def tree(rows: Rows, features: list[int], depth: int) -> Array:
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    model: Any
    if rows.y.dtype.kind in "iu":
        leaves = max(2**depth, 2 * len(np.unique(rows.y)))
        model = DecisionTreeClassifier(
            max_leaf_nodes=leaves, class_weight="balanced", min_samples_leaf=2, random_state=0
        )
    else:  # four leaves reach an R² of at most 0.94 on any column: more would be no small tree
        model = DecisionTreeRegressor(max_leaf_nodes=8 * 2**depth, min_samples_leaf=5, random_state=0)
    found: Array = model.fit(rows.X[:, features], rows.y).predict(rows.X_held[:, features])
    return found


def line(rows: Rows, features: list[int]) -> Array:
    A, B = (np.column_stack([X[:, features], np.ones(len(X))]) for X in (rows.X, rows.X_held))
    found: Array = B @ np.linalg.lstsq(A, rows.y, rcond=None)[0]
    return found


def line_between_classes(rows: Rows, features: list[int]) -> Array:
    """The class with the largest value of a line through its indicator, each class weighing the same."""
    indicators = np.eye(int(rows.y.max()) + 1)[rows.y]
    shares = np.maximum(indicators.mean(axis=0), 1e-9)
    weights = np.sqrt(1 / shares[rows.y])[:, np.newaxis]
    A, B = (np.column_stack([X[:, features], np.ones(len(X))]) for X in (rows.X, rows.X_held))
    found: Array = (B @ np.linalg.lstsq(weights * A, weights * indicators, rcond=None)[0]).argmax(axis=1)
    return found


def line_of_logarithms(rows: Rows, features: list[int]) -> Array | None:
    """log y as a line of log x: products, ratios and powers. Scaling has moved zero, so it is put back below the
    smallest value; None where that leaves too few."""
    low_x, low_y = rows.X[:, features].min(axis=0), rows.y.min()
    spread_x, spread_y = np.ptp(rows.X[:, features], axis=0), float(np.ptp(rows.y))
    if (spread_x == 0).any() or spread_y == 0 or len(features) > 4:
        return None

    def logarithm(values: Array, low: Any, spread: Any) -> Array:
        found: Array = np.log(np.maximum((values - low) / spread, 0) + 1e-2)
        return found

    A, B = (
        np.column_stack([logarithm(X[:, features], low_x, spread_x), np.ones(len(X))]) for X in (rows.X, rows.X_held)
    )
    predicted = B @ np.linalg.lstsq(A, logarithm(rows.y, low_y, spread_y), rcond=None)[0]
    found: Array = (np.exp(np.minimum(predicted, 5.0)) - 1e-2) * spread_y + low_y
    return found


def best_lines(rows: Rows, groups: dict[str, list[int]], most: int = 5) -> list[tuple[str, str]]:
    """The pairs of numeric columns with the largest R² of a plane through them, from the matrix of correlations."""
    names = [name for name, features in groups.items() if len(features) == 1][:300]
    if len(names) < 2:
        return []
    X = rows.X[:, [groups[name][0] for name in names]]
    with np.errstate(all="ignore"):
        R = np.nan_to_num(np.corrcoef(np.column_stack([X, rows.y]), rowvar=False))
    r, C = R[:-1, -1], R[:-1, :-1]
    left = np.maximum(1 - C**2, 1e-6)
    explained = np.triu((r[:, np.newaxis] ** 2 + r**2 - 2 * np.outer(r, r) * C) / left, 1)
    order = np.argsort(explained, axis=None)[::-1][:most]
    return [(names[i], names[j]) for i, j in zip(*np.unravel_index(order, explained.shape), strict=True) if i < j]
