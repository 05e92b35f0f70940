"""The plane of a data set with two features: what the network predicts at every point of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Cells, Scale, blends, colour, sequential
from nn_scratch.visualize.film.parts import BoundaryPart
from nn_scratch.visualize.film.stage import Stage, finite_range, rule
from nn_scratch.visualize.palette import CLASSES, theme
from nn_scratch.visualize.replay import Plane, Replay
from nn_scratch.visualize.view import NotForThisRun, View


def plane_of(view: View) -> Plane | None:
    try:
        plane = Plane(view, 100, 100)
        Replay(view.run)
    except NotForThisRun:
        return None
    return plane


def draw_boundary(stage: Stage, view: View, x: int, y: int, side: int) -> None:
    plane, replay = Plane(view, side // 4, side // 4), Replay(view.run)
    px = stage.px
    side = side // 4 * 4
    names = view.class_names
    low, high = plane.low, plane.high
    stage.text(x, y - px(11), "prediction at every point", side - px(110), 8.5)
    stage.take("boundary", x, y, side, side)
    stage.frame_around(x, y, side, side)
    if view.classifies and len(names) <= len(CLASSES) - 1:
        palette = blends(CLASSES[: len(names)])
        levels: Callable[[Array], Array] = partial(class_levels, classes=len(names))
        inks = [colour(ink) for ink in CLASSES[: len(names)]]
        colours = [inks[int(label) % len(inks)] for label in plane.y]
    else:
        answers = replay.outputs(len(view.run.epochs) - 1, plane.grid)[:, -1]
        palette = sequential()
        levels = partial(value_levels, scale=Scale(*finite_range([answers])))
        colours = [colour(theme().ink)] * len(plane.y)
    cells = Cells(palette, x, y, plane.down, plane.across, (4, 4))
    spots = np.column_stack(
        [
            x + (plane.points[:, 0] - low[0]) / (high[0] - low[0]) * side,
            y + (high[1] - plane.points[:, 1]) / (high[1] - low[1]) * side,
        ]
    )
    points = [
        (int(at[0]), int(at[1]), ink) for at, ink in zip(spots.tolist(), colours, strict=True) if np.isfinite(at).all()
    ]

    def answer(index: int) -> Array:
        return np.asarray(levels(replay.outputs(stage.row(view, index), plane.grid))).reshape(plane.down, plane.across)

    stage.parts.append(BoundaryPart(answer, cells, points, stage.unit))
    features = view.feature_names if len(view.feature_names) == 2 else ["feature 1", "feature 2"]
    stage.text(x + side / 2, y + side + px(14), f"{features[0]} (scaled) →", side, 9, ha="center")
    if view.classifies and len(names) <= len(CLASSES) - 1:
        room = side // max(1, len(names))
        for place, (name, ink) in enumerate(zip(names, CLASSES, strict=False)):
            at, middle = x + place * room, y + side + px(36)
            stage.figure.add_artist(rule(stage, at, middle - px(4), px(8), px(8), ink))
            stage.text(at + px(13), middle, name, room - px(18), 9)
    stage.text(x + side, y - px(11), f"↑ {features[1]} (scaled)", px(100), 8.5, ha="right")


def class_levels(probabilities: Array, classes: int) -> Array:
    """Table indices of `blends`: the likeliest class's colour, the paler the less sure."""
    from nn_scratch.visualize.film.colour import LEVELS, NOT_FINITE

    steps = LEVELS // classes
    finite = np.isfinite(probabilities).all(axis=1)
    likeliest = np.where(finite, np.nan_to_num(probabilities).argmax(axis=1), 0)
    top = np.take_along_axis(np.nan_to_num(probabilities), likeliest[:, None], axis=1)[:, 0]
    certainty = np.clip((top - 1 / classes) / (1 - 1 / classes), 0, 1)
    levels = likeliest * steps + np.rint(certainty * (steps - 1)).astype(int)
    return np.where(finite, levels, NOT_FINITE).astype(np.uint8)


def value_levels(outputs: Array, scale: Scale) -> Array:
    return scale.levels(outputs[:, -1])
