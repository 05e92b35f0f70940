"""Scores of predictions whose targets are there, summed up block by block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from nn_scratch.data.columns import Coded, Column, texts_of
from nn_scratch.data.notation import MISSING_WORDS, number
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.metrics import Array, accuracy_from, balanced_accuracy_from, confusion_counts

Cells = Sequence[str] | Coded | Array


class Scores(Protocol):
    rows: int  # with a target that was known in training

    def add(self, targets: Sequence[Cells], decided: Array, output: Array) -> None:
        """Count in some rows: their targets as written, a column each; what was decided; the outputs."""
        ...

    def result(self) -> dict[str, float]: ...


def scores_for(preprocessing: Preprocessing) -> Scores:
    if preprocessing.task == "classification":
        return ClassScores(preprocessing)
    return LabelScores(preprocessing) if preprocessing.task == "multi_label" else ValueScores(preprocessing)


class ClassScores:
    """Accuracy, balanced accuracy, log loss."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.rows, self._log_loss = 0, 0.0
        self._names = preprocessing.class_names
        self._confusion = np.zeros((len(self._names),) * 2, np.int64)
        self._code = {name: k for k, name in enumerate(self._names)}
        lowered = [name.lower() for name in self._names]
        self._lowered = {name: k for k, name in enumerate(lowered) if lowered.count(name) == 1}

    def _class_of(self, cell: str) -> int:
        """The index of a class; -1 for one that training did not have, or none."""
        text = cell.strip()
        code = self._code.get(text, self._lowered.get(text.lower(), -1))
        if code < 0 and (value := number(text)) is not None and value == value:
            code = self._code.get(texts_of(np.array([value]))[0], -1)  # 1.0 is the class 1
        return code

    def add(self, targets: Sequence[Cells], decided: Array, output: Array) -> None:
        cells = targets[0]
        if isinstance(cells, Coded):
            true = np.array([self._class_of(text) for text in cells.texts])[cells.codes]
        else:
            texts = texts_of(cells) if isinstance(cells, np.ndarray) else cells
            known = {text: self._class_of(text) for text in set(texts)}
            true = np.array([known[text] for text in texts])
        there = np.flatnonzero(true >= 0)
        self.rows += len(there)
        self._confusion += confusion_counts(true[there], decided[there], len(self._names))
        self._log_loss -= float(np.log(np.maximum(output[there, true[there]], 1e-15)).sum())

    def result(self) -> dict[str, float]:
        if not self.rows:
            return {}
        return {
            "accuracy": accuracy_from(self._confusion),
            "balanced_accuracy": balanced_accuracy_from(self._confusion),
            "log_loss": self._log_loss / self.rows,
        }


def _numbers(targets: Sequence[Cells], preprocessing: Preprocessing) -> Array:
    """(rows, targets) float64, NaN where one is no number."""
    nothing = MISSING_WORDS | {word.lower() for word in preprocessing.na_values}
    styles = preprocessing.target_styles or ("",) * len(targets)
    columns = [Column("", style=style) for style in styles]
    values = np.column_stack([column.read(cells, nothing) for column, cells in zip(columns, targets, strict=True)])
    return np.where(np.isfinite(values), values, np.nan)


class ValueScores:
    """R², RMSE and mean absolute error; of several targets R² and the errors are means over them."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.rows = 0
        self._preprocessing = preprocessing
        n = len(preprocessing.target_names)
        self._squares, self._absolute = np.zeros(n), np.zeros(n)
        self._mean, self._spread = np.zeros(n), np.zeros(n)

    def add(self, targets: Sequence[Cells], decided: Array, output: Array) -> None:
        y = _numbers(targets, self._preprocessing)
        there = ~np.isnan(y).any(axis=1)
        y, error = y[there], output[there] - y[there]
        if not len(y):
            return
        delta = y.mean(axis=0) - self._mean  # the update of Chan, Golub and LeVeque (1979)
        total = self.rows + len(y)
        self._spread += ((y - y.mean(axis=0)) ** 2).sum(axis=0) + delta**2 * (self.rows * len(y) / total)
        self._mean += delta * (len(y) / total)
        self._squares += (error**2).sum(axis=0)
        self._absolute += np.abs(error).sum(axis=0)
        self.rows = total

    def result(self) -> dict[str, float]:
        if not self.rows:
            return {}
        scores = {
            "rmse": float(np.sqrt(self._squares / self.rows).mean()),
            "mae": float((self._absolute / self.rows).mean()),
        }
        if self.rows > 1 and (self._spread > 0).all():
            scores = {"r2": float((1 - self._squares / self._spread).mean()), **scores}
        return scores


class LabelScores:
    """Share of labels, and of rows with all labels, that are right."""

    def __init__(self, preprocessing: Preprocessing) -> None:
        self.rows = self._right = self._exact = 0
        self._preprocessing = preprocessing

    def add(self, targets: Sequence[Cells], decided: Array, output: Array) -> None:
        y = _numbers(targets, self._preprocessing)
        there = ~np.isnan(y).any(axis=1)
        right = (y[there] != 0) == decided[there]
        self.rows += len(right)
        self._right += int(right.sum())
        self._exact += int(right.all(axis=1).sum())

    def result(self) -> dict[str, float]:
        if not self.rows:
            return {}
        labels = len(self._preprocessing.target_names)
        return {"accuracy": self._right / self.rows / labels, "exact_match": self._exact / self.rows}
