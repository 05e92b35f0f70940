"""Pictures for inputs that can be pictured: a plane of two features, and images."""

from __future__ import annotations

from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import CLASSES, SEQUENTIAL, signed_map, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.replay import Plane, Replay
from nn_scratch.visualize.style import Sheet, blank, colour_bar, fit, symmetric_limit
from nn_scratch.visualize.view import NotForThisRun, View

MARKERS = "osD^vP"
MOST_TILES = 128
EPOCHS = 6


@plot(
    "boundary",
    title="Decision boundary",
    look="how it bends with the epochs; one that winds around single points has learned the noise",
)
def boundary(view: View, sheet: Sheet) -> None:
    """The prediction at every point of the plane of the two features, at several epochs.

    Dots are probe rows. Colour is the likeliest class, paler where the network is less sure; for a regression, the
    predicted value. A boundary that stays a straight line is a network that has not bent yet (or cannot); islands
    around single rows are overfitting.
    """
    plane = Plane(view, 160, 160)
    replay = Replay(view.run)
    names = view.class_names
    if view.classifies and len(names) > len(CLASSES) - 1:
        raise NotForThisRun(f"it needs at most {len(CLASSES) - 1} classes")
    rows = chosen_rows(view)
    sheet.about(view.logged_span, "features as scaled for training")
    columns = min(3, len(rows))
    lines = -(-len(rows) // columns)
    side = 3.15
    left = 0.75
    gap = 0.6
    right = sheet.width - left - columns * side - (columns - 1) * gap
    grid = [
        axes
        for line in sheet.grid(lines, columns, height=side, left=left, right=right, gap=(0.75, gap))
        for axes in line
    ]
    answers = [replay.outputs(int(row), plane.grid) for row in rows]
    limits = value_limits(answers) if not view.classifies else (0.0, 1.0)
    features = view.feature_names if len(view.feature_names) == 2 else ["feature 1", "feature 2"]
    image = None
    for axes, row, answer in zip(grid, rows, answers, strict=False):
        if view.classifies:
            axes.imshow(class_colours(answer).reshape(160, 160, 3), extent=plane.extent, aspect="auto")
        else:
            image = axes.imshow(
                answer[:, 0].reshape(160, 160),
                extent=plane.extent,
                aspect="auto",
                cmap=SEQUENTIAL,
                vmin=limits[0],
                vmax=limits[1],
            )
        axes.grid(False)
        dots(axes, plane, view)
        axes.set_xlim(plane.low[0], plane.high[0])
        axes.set_ylim(plane.low[1], plane.high[1])
        axes.set_title(f"epoch {int(view.run.epochs[row])}")
        axes.set_xlabel(fit(features[0], side, 10))
    grid[0].set_ylabel(fit(features[1], side, 10))
    for axes in grid[len(rows) :]:
        blank(axes)
    if image is not None:
        colour_bar(sheet, image, grid[columns - 1], "predicted value")
    else:
        grid[columns - 1].legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0, title="class")


def chosen_rows(view: View) -> Array:
    """Some logged epochs, close together at the start, where most happens."""
    last = len(view.run.epochs) - 1
    wanted = [0, *np.rint(np.geomspace(1, max(1, last), EPOCHS - 1)).astype(int)]
    return np.unique(np.minimum(wanted, last))


def value_limits(answers: list[Array]) -> tuple[float, float]:
    values = np.concatenate([answer[:, 0] for answer in answers])
    values = values[np.isfinite(values)]
    return (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)


def class_colours(probabilities: Array) -> Array:
    """(points, 3): the likeliest class's colour, mixed with white where it is less sure; grey for no number."""
    from matplotlib.colors import to_rgb

    finite = np.isfinite(probabilities.sum(axis=1))
    probabilities = np.where(finite[:, None], probabilities, 0)
    k = probabilities.shape[1]
    likeliest = probabilities.argmax(axis=1)
    certainty = np.clip((probabilities.max(axis=1) - 1 / k) / (1 - 1 / k), 0, 1)
    inks = np.array([to_rgb(colour) for colour in CLASSES[:k]])
    share = (0.12 + 0.5 * certainty)[:, None]
    mixed: Array = (1 - share) * np.array(to_rgb(theme().paper)) + share * inks[likeliest]
    mixed[~finite] = 0.6
    return mixed


def dots(axes: Any, plane: Plane, view: View) -> None:
    if not view.classifies:
        axes.plot(*plane.points.T, color=theme().ink, marker=".", markersize=3, linestyle="")
        return
    for i, name in enumerate(view.class_names):
        here = plane.points[np.flatnonzero(plane.y == i)]
        axes.plot(
            *here.T,
            color=CLASSES[i],
            marker=MARKERS[i % len(MARKERS)],
            markersize=4,
            markeredgecolor="white",
            markeredgewidth=0.4,
            linestyle="",
            label=fit(name, 1.1, 9),
        )


@plot(
    "first_layer",
    title="First-layer weights as images",
    look="strokes, edges and blobs (it has learned); salt and pepper as at the start (it has not, or does not need to)",
)
def first_layer(view: View, sheet: Sheet) -> None:
    """Each unit of the first layer as the image it answers to most: before training, at the end, and what changed.

    Red pixels excite the unit, blue ones inhibit it, white ones do not matter; one scale for all. Smooth patterns are
    features of the data; noise as at the start is weights that training had no reason to move.
    """
    shape = view.image_shape
    if shape is None:
        raise NotForThisRun("it needs image data")
    first = view.run.layer_names[0]
    if not view.run.has("weights", f"{first}.W"):
        raise NotForThisRun("it needs log.weights: true")
    W = view.run.weights(f"{first}.W")
    if W.shape[1] != shape[0] * shape[1]:
        raise NotForThisRun("it needs a first layer that takes the image")
    units = W.shape[2]
    shown = most_changed(W)
    if len(shown) < units:
        sheet.remark(f"{len(shown)} of {units:,} units: those whose weights changed most")
    start, end = np.asarray(W[0][:, shown]), np.asarray(W[-1][:, shown])
    pictures = [(f"epoch {int(view.run.epochs[0])}, as initialized", start)]
    if len(W) > 1:
        pictures += [(f"epoch {int(view.run.epochs[-1])}", end), ("what training changed", end - start)]
    limit = symmetric_limit(start, end)
    sheet.about(first, view.logged_span)
    across = max(1, int(np.ceil(np.sqrt(len(shown) * 0.75 * shape[0] / shape[1]))))
    down = -(-len(shown) // across)
    panel = (sheet.width - 0.35 - 1.0 - 0.3 * (len(pictures) - 1)) / len(pictures)
    height = panel * down * (shape[0] + 1) / (across * (shape[1] + 1))
    (panels,) = sheet.grid(
        1, len(pictures), height=max(1.2, min(6.5, height)), left=0.35, right=1.0, gap=(0.5, 0.3), bottom=0.25
    )
    image = None
    for axes, (title, weights) in zip(panels, pictures, strict=True):
        image = axes.imshow(tiled(weights, shape, across), cmap=signed_map(), vmin=-limit, vmax=limit, aspect="equal")
        axes.set_anchor("NW")
        blank(axes)
        axes.set_title(title)
    if image is not None:
        colour_bar(sheet, image, panels[-1], "weight")


def most_changed(W: Array) -> Array:
    """The units to show, in order of their number: all, or the MOST_TILES whose weights moved furthest."""
    if W.shape[2] <= MOST_TILES:
        return np.arange(W.shape[2])
    moved = np.nan_to_num(np.linalg.norm(np.asarray(W[-1], np.float64) - W[0], axis=0))
    return np.sort(np.argsort(-moved, kind="stable")[:MOST_TILES])


def tiled(weights: Array, shape: tuple[int, int], across: int) -> Array:
    """(inputs, units) as a sheet of images, a pixel apart; nan where there is none."""
    rows, columns = shape
    down = -(-weights.shape[1] // across)
    sheet = np.full((down * (rows + 1), across * (columns + 1)), np.nan)
    for i, unit in enumerate(weights.T):
        y, x = i // across * (rows + 1), i % across * (columns + 1)
        sheet[y : y + rows, x : x + columns] = unit.reshape(shape)
    return sheet[:-1, :-1]
