"""Predictions of the trained network: confusion, calibration and recall of classes; residuals of quantities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import CLASSES, DASHES, SEQUENTIAL, SERIES, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import Sheet, blank, colour_bar, epoch_axis, epoch_ticks, fit, widest
from nn_scratch.visualize.view import NotForThisRun, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_NUMBERED = 20  # classes whose cells hold numbers
MOST_CLASSES = 60  # with a label each
BINS = 10
FEWEST_IN_BIN = 10  # rows; with fewer, an accuracy is mostly chance
MOST_POINTS = 4000


def outcome(view: View) -> tuple[str, Array, Array]:
    """The part (test, or validation where there is no test), the true labels or values, and the outputs."""
    predictions = view.run.predictions
    for part, words in (("test", "test rows"), ("val", "validation rows")):
        y, output = predictions.get(f"{part}_y"), predictions.get(f"{part}_output")
        if y is not None and output is not None and len(y) and len(y) == len(output) and output.ndim == 2:
            return words, y, output
    raise NotForThisRun(f"training left no predictions{': ' + view.warning if view.warning else ''}")


@plot(
    "confusion",
    title="Confusion matrix",
    look="dark cells off the diagonal: classes that are confused; pale cells on it: classes that are missed",
)
def confusion(view: View, sheet: Sheet) -> None:
    """How many rows of each true class (down) are predicted as which class (across).

    Numbers are rows, colour is the share of the true class. A perfect network has all on the diagonal. A dark cell off
    it is a pair that is confused; a whole dark column is a class that is predicted for any input. Where training did
    not come to its end, the last epoch's validation rows are shown.
    """
    if not view.classifies:
        raise NotForThisRun("it needs classes; this is a regression")
    names = view.class_names
    counts = confusion_counts(view, sheet)
    k = len(counts)
    label_room = min(2.2, widest(names, 9) + 0.15)
    side = min(7.2, max(3.6, 0.42 * k))
    ((axes,),) = sheet.grid(
        1, 1, height=side, left=0.7 + label_room, right=sheet.width - 0.7 - label_room - side, bottom=0.55 + label_room
    )
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    image = axes.imshow(shares, cmap="Greys_r" if theme().dark else "Greys", vmin=0, vmax=1, aspect="auto")
    axes.grid(False)
    step = -(-k // MOST_CLASSES)
    places = list(range(0, k, step))
    labels = [fit(names[i], label_room, 9) for i in places]
    axes.set_yticks(places, labels, fontsize=9 if k <= 36 else 7)
    upright = k > 12 or label_room > 0.5
    axes.set_xticks(places, labels, rotation=90 if upright else 0, fontsize=9 if k <= 36 else 7)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.spines[:].set_visible(False)
    if k <= MOST_NUMBERED:
        for i in range(k):
            for j in range(k):
                if counts[i, j]:
                    colour = theme().paper if shares[i, j] > 0.5 else theme().ink
                    size = 10 if k <= 10 else 7.5
                    axes.text(j, i, f"{counts[i, j]:,}", ha="center", va="center", color=colour, fontsize=size)
    colour_bar(sheet, image, axes, "share of the true class")
    worst(sheet, axes, counts, names)


def worst(sheet: Sheet, axes: Axes, counts: Array, names: list[str]) -> None:
    """Beside the matrix: its largest errors in words."""
    errors = counts.copy()
    np.fill_diagonal(errors, 0)
    order = np.argsort(-errors, axis=None)[:8]
    box = axes.get_position()
    x = box.x1 + 1.25 / sheet.width
    room = sheet.width * (1 - x) - 0.2
    if room < 1.5:
        return
    total, right = int(counts.sum()), int(np.trace(counts))
    lines = [f"{right:,} of {total:,} rows right ({right / max(1, total):.1%})", "", "most frequent errors:"]
    found = [(int(errors.flat[at]), *np.unravel_index(at, errors.shape)) for at in order if errors.flat[at] > 0]
    lines += [f"{n:,} ×  {names[i]} taken for {names[j]}" for n, i, j in found] or ["none"]
    height = sheet.figure.get_size_inches()[1]
    for number, line in enumerate(lines):
        sheet.figure.text(
            x, box.y1 - (0.12 + 0.24 * number) / height, fit(line, room, 10), fontsize=10, color=theme().ink
        )


def confusion_counts(view: View, sheet: Sheet) -> Array:
    try:
        part, y, output = outcome(view)
    except NotForThisRun:
        if not view.run.has("confusion", "val") or not view.last_epoch:
            raise
        sheet.about(f"validation rows, epoch {int(view.run.epochs[-1])}")
        return np.asarray(view.run.confusion("val")[-1])
    sheet.about(f"{len(y):,} {part}")
    k = output.shape[1]
    return np.bincount(y.astype(np.int64) * k + output.argmax(axis=1), minlength=k * k).reshape(k, k)


@plot(
    "calibration",
    title="Calibration",
    look="points below the diagonal: overconfident; above it: underconfident",
)
def calibration(view: View, sheet: Sheet) -> None:
    """Accuracy against the probability of the predicted class, and how many rows have which probability.

    Rows are put into ten bins by the probability of the predicted class. On the diagonal, 80 % of the rows predicted
    with probability 0.8 are right. ECE, the expected calibration error, is the mean distance from the diagonal,
    weighted by the rows in each bin (Guo et al. 2017). Vertical lines are 95 % intervals (Wilson 1927).
    Bins of few rows are
    hollow, and no line joins them.
    """
    if not view.classifies:
        raise NotForThisRun("it needs classes; this is a regression")
    part, y, output = outcome(view)
    sure, right = output.max(axis=1), output.argmax(axis=1) == y
    finite = np.isfinite(sure)
    sure, right = sure[finite], right[finite]
    if not len(sure):
        sheet.message("None of the predicted probabilities is a number.")
        return
    bins = np.clip((sure * BINS).astype(int), 0, BINS - 1)
    number = np.bincount(bins, minlength=BINS)
    filled = number > 0
    accuracy = np.bincount(bins, right, minlength=BINS)[filled] / number[filled]
    confidence = np.bincount(bins, sure, minlength=BINS)[filled] / number[filled]
    error = float(np.sum(np.abs(accuracy - confidence) * number[filled]) / len(sure))
    sheet.about(f"{len(sure):,} {part}", f"ECE {error:.3f}")
    ((axes, bars),) = sheet.grid(1, 2, height=4.8, widths=(1.0, 0.8), gap=(0.7, 1.2), bottom=1.15)
    low, high = wilson(accuracy, number[filled])
    axes.plot([0, 1], [0, 1], color=theme().grey, linewidth=1.0, linestyle=(0, (4, 3)), label="calibrated")
    axes.vlines(confidence, low, high, color=SERIES, linewidth=1.5)
    many = number[filled] >= FEWEST_IN_BIN
    dots: dict[str, Any] = {"color": SERIES, "marker": "o", "linestyle": "", "clip_on": False, "zorder": 3}
    axes.plot(confidence[many], accuracy[many], **dots, label="a bin, with its 95 % interval")
    if not many.all():
        label = f"a bin of fewer than {FEWEST_IN_BIN} rows"
        axes.plot(confidence[~many], accuracy[~many], **dots, markerfacecolor=theme().paper, label=label)
    joined = np.full(BINS, np.nan)
    joined[np.flatnonzero(filled)[many]] = accuracy[many]
    centres = np.full(BINS, np.nan)
    centres[filled] = confidence
    axes.plot(centres, joined, color=SERIES, linewidth=1.4)  # neighbouring bins of enough rows
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1.02)
    axes.set_title("share of rows that are right")
    axes.set_xlabel("probability of the predicted class")
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.14), ncols=3, borderaxespad=0)
    bars.bar((np.arange(BINS) + 0.5) / BINS, number / len(sure), width=0.9 / BINS, color=SERIES)
    bars.set_xlim(0, 1)
    bars.set_title("share of rows in the bin")
    bars.set_xlabel("probability of the predicted class")
    excess = float(sure.mean() - right.mean())
    sheet.caption(
        f"mean probability of the predicted class {sure.mean():.1%}, accuracy {right.mean():.1%}: {verdict(excess)}"
    )


def verdict(excess: float) -> str:
    if abs(excess) < 0.01:
        return "calibrated on the whole"
    if excess > 0:
        return f"overconfident by {excess:.1%} on the whole (points below the diagonal)"
    return f"underconfident by {-excess:.1%} on the whole (points above the diagonal)"


def wilson(share: Array, n: Array, z: float = 1.96) -> tuple[Array, Array]:
    """The 95 % interval of a share of n (Wilson 1927)."""
    centre = (share + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z / (1 + z**2 / n) * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    return centre - half, centre + half


@plot(
    "recall",
    title="Recall of each class over epochs",
    look="a class that stays low while the others rise: rare, or taken for another (see the confusion matrix)",
)
def recall(view: View, sheet: Sheet) -> None:
    """The share of each class's validation rows that is found, after every epoch.

    Classes that rise late are the harder ones. One that stays at zero is never predicted: with few rows of it the
    network does well by ignoring it (class_weight: balanced). One that falls while others rise is being traded away.
    """
    if not view.classifies or not view.run.has("confusion", "val"):
        raise NotForThisRun("it needs classes" if not view.classifies else "it needs at most 100 classes")
    counts = np.asarray(view.run.confusion("val")).astype(float)
    epochs = view.run.epochs[: len(counts)]
    measured = counts.sum(axis=(1, 2)) > 0
    counts, epochs = counts[measured], epochs[measured]
    if not len(epochs):
        sheet.message(f"No epoch was finished: {view.warning}.")
        return
    rows = counts[-1].sum(axis=1)
    with np.errstate(all="ignore"):
        shares = np.diagonal(counts, axis1=1, axis2=2) / counts.sum(axis=2)
    names = view.class_names
    sheet.about("validation rows", f"epoch {' to '.join(dict.fromkeys(f'{end:.0f}' for end in epochs[[0, -1]]))}")
    label_room = min(2.8, widest(names, 9) + 1.1)
    if len(names) <= len(CLASSES):
        ((axes,),) = sheet.grid(1, 1, height=4.4, right=0.6 + label_room + 0.4)
        for i, name in enumerate(names):
            style: dict[str, Any] = {"color": CLASSES[i], "linestyle": DASHES[i]}
            style |= {"marker": "o"} if len(epochs) < 3 else {}
            axes.plot(
                epochs,
                shares[:, i],
                label=fit(f"{name} ({int(rows[i]):,}): {shares[-1, i]:.3f}", label_room, 9),
                **style,
            )
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0, title="class (rows): at the end")
        low = recall_floor(shares[len(shares) // 4 :].min(axis=0, keepdims=True))
        axes.set_ylim(low - 0.02 * (1 - low), 1 + 0.02 * (1 - low))
        axes.set_title("recall" if low == 0 else f"recall (the axis begins at {low:g})")
        epoch_axis(axes, float(epochs[0]), float(epochs[-1]))
        return
    ((axes,),) = sheet.grid(1, 1, height=min(8.0, max(3.2, 0.24 * len(names))), left=0.7 + label_room, right=1.2)
    step = (epochs[-1] - epochs[0]) / (len(epochs) - 1) if len(epochs) > 1 else 1.0
    image = axes.imshow(
        shares.T,
        aspect="auto",
        cmap=SEQUENTIAL,
        vmin=recall_floor(shares),
        vmax=1,
        extent=(epochs[0] - step / 2, epochs[-1] + step / 2, len(names) - 0.5, -0.5),
    )
    axes.grid(False)
    every = -(-len(names) // MOST_CLASSES)
    places = list(range(0, len(names), every))
    axes.set_yticks(
        places,
        [fit(f"{names[i]} ({int(rows[i]):,}): {shares[-1, i]:.3f}", label_room, 9) for i in places],
        fontsize=9 if len(names) <= 36 else 7,
    )
    axes.set_ylabel("class (rows): recall at the end")
    epoch_ticks(axes)
    floor = recall_floor(shares)
    colour_bar(sheet, image, axes, f"recall; darkest: {floor:g} or less" if floor else "recall")


def recall_floor(shares: Array) -> float:
    """Where the colour scale begins: low enough for the last epoch's classes, so that 0.89 differs from 1."""
    last = shares[-1][np.isfinite(shares[-1])]
    low = float(last.min()) if len(last) else 0.0
    return 0.0 if low < 0.5 else float(np.floor(low * 20 - 1) / 20)


@plot(
    "residuals",
    title="Predicted against true values",
    look="points off the diagonal in a curve (underfitting), or errors that widen with the prediction",
)
def residuals(view: View, sheet: Sheet) -> None:
    """Left: each row's prediction against its true value. Right: its error (prediction − true value) by prediction.

    A good fit lies along the diagonal, with errors of one width around zero. A bend means that the network misses a
    shape in the data; a flat cloud, that it hardly does better than the mean; a funnel, that errors grow with the
    value (a logarithm of the target may help).
    """
    if view.classifies:
        raise NotForThisRun("it needs a regression; this has classes")
    part, y, output = outcome(view)
    y = y.reshape(len(y), -1)
    targets = min(y.shape[1], 3)
    if targets < y.shape[1]:
        sheet.remark(f"the first {targets} of {y.shape[1]} targets")
    if len(y) > MOST_POINTS:
        keep = np.linspace(0, len(y) - 1, MOST_POINTS).astype(int)
        sheet.remark(f"{MOST_POINTS:,} of {len(y):,} rows, evenly spread")
        y, output = y[keep], output[keep]
    sheet.about(f"{len(y):,} {part}")
    grid = sheet.grid(targets, 2, height=4.4 if targets == 1 else 3.2, left=0.95)
    for target, (fitted, errors) in enumerate(grid):
        finite = np.isfinite(output[:, target])
        true, predicted = y[finite, target], output[finite, target]
        name = fit((view.target_names * targets)[target], 2.5, 10)
        if not len(true):
            blank(fitted)
            blank(errors)
            continue
        low, high = min(true.min(), predicted.min()), max(true.max(), predicted.max())
        margin = 0.04 * (high - low) or 1.0
        fitted.plot([low, high], [low, high], color=theme().grey, linestyle=(0, (4, 3)), linewidth=1.0)
        fitted.plot(true, predicted, color=SERIES, marker="o", markersize=4, alpha=0.7, linestyle="")
        fitted.set_xlim(low - margin, high + margin)
        fitted.set_ylim(low - margin, high + margin)
        fitted.set_xlabel(f"true {name}")
        fitted.set_ylabel(f"predicted {name}")
        rest = true - true.mean()
        explained = 1 - float(np.sum((predicted - true) ** 2) / np.sum(rest**2)) if np.any(rest) else np.nan
        rmse = float(np.sqrt(np.mean((predicted - true) ** 2)))
        fitted.set_title(f"R² {explained:.3f}, RMSE {rmse:.4g} (in units of {name})")
        errors.axhline(0, color=theme().grey, linestyle=(0, (4, 3)), linewidth=1.0)
        errors.plot(predicted, predicted - true, color=SERIES, marker="o", markersize=4, alpha=0.7, linestyle="")
        errors.set_xlabel(f"predicted {name}")
        errors.set_ylabel("prediction − true value")
        errors.set_title("errors")
