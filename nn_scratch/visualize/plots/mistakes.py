"""The rows that the trained network misclassifies: as images, or with the columns in which they stand out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.replay import unscaled, word_features
from nn_scratch.visualize.style import Sheet, blank, fit
from nn_scratch.visualize.view import NotForThisRun, View
from nn_scratch.wording import number_text

MOST_IMAGES, MOST_ROWS = 24, 16
ACROSS = 8
COLUMNS = 4  # of a table's row that are named


@dataclass(frozen=True)
class Mistakes:
    """Misclassified validation rows, the one with the most confident wrong prediction first."""

    X: Array  # (rows, features), scaled
    source: Array  # (rows,) number of the row in the data
    truth: Array
    predicted: Array
    probability: Array  # of the predicted class
    looked_at: int


@plot(
    "mistakes",
    title="Misclassified rows",
    look="rows that you would label otherwise too (noise, wrong labels), or what many of them have in common",
)
def mistakes(view: View, sheet: Sheet) -> None:
    """The misclassified validation rows of the probe, the most confident first: images, or rows of a table.

    Above each image: the true class, then the predicted one with its probability. Rows of a table are given with the
    columns in which they lie furthest from the mean of the training rows, in the columns' own units. Confident mistakes
    are the ones to look at: a wrong label, a row unlike all others, or two classes that this network cannot separate.
    """
    found = misclassified(view)
    sheet.about(f"{len(found.X)} of {found.looked_at} validation rows of the probe")
    if not len(found.X):
        sheet.caption("misclassified rows; here there is none")
        sheet.message("No validation row of the probe is misclassified.")
    elif view.image_shape is not None and found.X.shape[1] == np.prod(view.image_shape):
        images(view, sheet, found)
    else:
        rows(view, sheet, found)


def misclassified(view: View) -> Mistakes:
    """Raises NotForThisRun where there are no classes, or no validation rows with their predictions."""
    if not view.classifies:
        raise NotForThisRun("it needs classes; this is a regression")
    probe, predictions = view.run.probe, view.run.predictions
    needed = [probe.get("X_val"), probe.get("rows_val"), predictions.get("val_output"), predictions.get("val_rows")]
    if any(part is None or not len(part) for part in needed) or predictions.get("val_y") is None:
        raise NotForThisRun("it needs validation rows and their predictions")
    X, numbers, output, in_file = (np.asarray(part) for part in needed)
    y = np.asarray(predictions["val_y"]).astype(int)
    place = {int(number): i for i, number in enumerate(in_file.tolist())}
    at = np.array([place.get(int(number), -1) for number in numbers.tolist()])
    known = at >= 0
    X, numbers, at = X[known], numbers[known], at[known]
    predicted, sure = output[at].argmax(axis=1), output[at].max(axis=1)
    wrong = np.flatnonzero(predicted != y[at])
    wrong = wrong[np.argsort(-np.nan_to_num(sure[wrong]), kind="stable")]
    return Mistakes(X[wrong], numbers[wrong], y[at][wrong], predicted[wrong], sure[wrong], len(at))


def images(view: View, sheet: Sheet, found: Mistakes) -> None:
    shape = view.image_shape
    assert shape is not None
    shown = min(MOST_IMAGES, len(found.X))
    if shown < len(found.X):
        sheet.remark(f"the {shown} most confident mistakes of {len(found.X)}")
    down = -(-shown // ACROSS)
    side = (sheet.width - 0.6 - 0.25 * (ACROSS - 1)) / ACROSS
    height = side * shape[0] / shape[1]
    panels = [
        axes
        for line in sheet.grid(down, ACROSS, height=height, left=0.3, right=0.3, gap=(0.6, 0.25), bottom=0.2)
        for axes in line
    ]
    for axes in panels:
        blank(axes)
    pixels = unscaled(view.run, found.X[:shown])
    for i, axes in enumerate(panels[:shown]):
        axes.imshow(pixels[i].reshape(shape), cmap="Greys_r" if theme().dark else "Greys", aspect="auto")
        names = [view.class_names[int(label)] for label in (found.truth[i], found.predicted[i])]
        axes.set_title(fit(f"{names[0]} → {names[1]}  {found.probability[i]:.0%}", side, 9.5), fontsize=9.5)
    sheet.remark("above each: true class → predicted class, its probability")


def rows(view: View, sheet: Sheet, found: Mistakes) -> None:
    shown = min(MOST_ROWS, len(found.X))
    if shown < len(found.X):
        sheet.remark(f"the {shown} most confident mistakes of {len(found.X)}")
    names = view.feature_names
    if len(names) != found.X.shape[1]:
        names = [f"x{i}" for i in range(found.X.shape[1])]
    ((axes,),) = sheet.grid(1, 1, height=0.28 * (shown + 1), left=0.25, right=0.25, bottom=0.15)
    blank(axes)
    room = sheet.width - 0.5
    starts, widths = np.array([0, 0.9, 2.5, 4.6]), np.array([0.8, 1.5, 2.0, room - 4.7])
    axes.set_xlim(0, room)
    axes.set_ylim(shown + 0.5, -0.5)
    header = ("row", "true class", "predicted, with probability", "columns that stand out, in their own units")
    table = [header]
    values, words = unscaled(view.run, found.X[:shown]), word_features(view.run)
    for i in range(shown):
        order = np.argsort(-np.abs(np.nan_to_num(found.X[i])), kind="stable")[:COLUMNS]
        telling = ",  ".join(in_units(fit(names[j], 1.6, 9.5), values[i, j], names[j] in words) for j in order)
        truth, predicted = (view.class_names[int(label)] for label in (found.truth[i], found.predicted[i]))
        table.append((f"{int(found.source[i]):,}", truth, f"{predicted}  {found.probability[i]:.0%}", telling))
    for line, cells in enumerate(table):
        for start, width, cell in zip(starts, widths, cells, strict=True):
            weight = "bold" if line == 0 else "normal"
            axes.text(start, line, fit(cell, width, 9.5, bold=line == 0), va="center", fontsize=9.5, fontweight=weight)


def in_units(name: str, value: float, is_word: bool) -> str:
    """`age 71`; of a feature that stands for a word of text `colour=red`, or `not colour=red`."""
    if is_word:
        return name if value > 0.5 else f"not {name}"
    return f"{name} {number_text(float(value))}"
