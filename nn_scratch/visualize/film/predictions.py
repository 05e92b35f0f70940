"""Inputs as images with the network's prediction beside them, changing as it learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Frame
from nn_scratch.visualize.film.letters import bitmap, paper
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.view import View


@dataclass(frozen=True)
class Predictions:
    """Probe rows and what is predicted for them at each logged epoch."""

    rows: Array  # (shown,) of the probe, those whose prediction changes last first
    truth: Array  # (shown,) class indices
    predicted: Array  # (logged epochs, shown) class indices
    probability: Array  # (logged epochs, shown) of the predicted class


def predictions(view: View, most: int) -> Predictions | None:
    """The rows whose prediction changes last; None where the run has no classes or no logged outputs.

    Of rows that change equally late, those that differ in their true class come first, so that the classes alternate.
    """
    run = view.run
    y = run.probe.get("y")
    if not view.classifies or y is None or y.ndim != 1 or not run.has("activations", "output"):
        return None
    probabilities = as_probabilities(np.asarray(run.activations("output")[: len(run.epochs)], np.float64))
    if len(y) != probabilities.shape[1] or not len(probabilities):
        return None
    predicted = probabilities.argmax(axis=2)
    changed = predicted[1:] != predicted[:-1]
    last = np.where(changed.any(axis=0), len(changed) - changed[::-1].argmax(axis=0), 0) if len(changed) else 0 * y
    order = np.lexsort((np.arange(len(y)), -np.broadcast_to(last, len(y))))
    counts: dict[int, int] = {}
    turns = []
    for row in order.tolist():  # the n-th row of a class comes in the n-th round
        label = int(y[row])
        counts[label] = counts.get(label, 0) + 1
        turns.append((counts[label] > 2, row))
    chosen = np.array([row for _, row in sorted(turns, key=lambda turn: turn[0])][:most], int)
    at = predicted[:, chosen]
    return Predictions(
        chosen, y[chosen].astype(int), at, np.take_along_axis(probabilities[:, chosen], at[..., None], 2)[..., 0]
    )


def as_probabilities(logits: Array) -> Array:
    """(epochs, rows, classes) from logits; one logit is that of the second of two classes. Not finite: even odds."""
    logits = np.clip(np.nan_to_num(logits, posinf=1e6, neginf=-1e6), -1e6, 1e6)
    if logits.shape[2] == 1:
        logits = np.concatenate([np.zeros_like(logits), logits], axis=2)
    exponentials = np.exp(logits - logits.max(axis=2, keepdims=True))
    return np.asarray(exponentials / exponentials.sum(axis=2, keepdims=True))


class PredictionsPart:
    """Below each input: the predicted class, bold where it is wrong, and a bar as long as its probability."""

    def __init__(
        self,
        found: Predictions,
        names: Sequence[str],
        rows: Sequence[int],
        boxes: Sequence[tuple[int, int, int]],
        points: float,
    ) -> None:
        """rows: of the logs, one for each of the film's epochs; boxes: x, y and width of the text below each input."""
        self._found, self._rows, self._boxes = found, rows, boxes
        self._names, self._points = names, points
        self.height = round(points * 100 / 72 * 1.5) // 2 * 2
        self._ink, self._grey, self._paper = theme().ink, theme().grey, paper()
        self._bar = round(points * 0.45) // 2 * 2 or 2
        self._texts: dict[tuple[int, bool], Array] = {}

    def _text(self, label: int, right: bool, width: int) -> Array:
        if (label, right) not in self._texts:
            text = f"{self._names[label]} {'✓' if right else '✗'}"
            ink = self._grey if right else self._ink
            self._texts[label, right] = bitmap(text, self._points, ink, width, self.height, not right, self._paper)
        return self._texts[label, right]

    def paint(self, frame: Frame, index: int) -> None:
        row = self._rows[index]
        for place, (x, y, width) in enumerate(self._boxes):
            label = int(self._found.predicted[row, place])
            right = label == self._found.truth[place]
            frame.Y[y : y + self.height, x : x + width] = self._text(label, right, width)
            below = slice(y + self.height, y + self.height + self._bar)
            filled = x + round(width * float(self._found.probability[row, place]))
            frame.Y[below, x:filled] = 110
            frame.Y[below, filled : x + width] = self._paper - 25 if self._paper > 128 else self._paper + 40
