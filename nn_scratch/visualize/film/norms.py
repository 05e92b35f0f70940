"""The steps of a run that diverged in its first epoch: norms of each layer, step by step."""

from __future__ import annotations

from functools import partial

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Cells, Scale, sequential
from nn_scratch.visualize.film.layout import Fit, even
from nn_scratch.visualize.film.parts import MatrixPart
from nn_scratch.visualize.film.stage import Stage, finite_range, row_names
from nn_scratch.visualize.film.steps import MEASURES
from nn_scratch.visualize.view import View


def draw_norms(stage: Stage, view: View, x: int, y: int, width: int, height: int) -> None:
    assert stage.steps is not None
    px, steps = stage.px, stage.steps
    room = px(110)
    zone = height // max(1, len(steps.norms))
    for number, (measure, norms) in enumerate(steps.norms.items()):
        with np.errstate(all="ignore"):
            powers = np.log10(norms[:, stage.rows])
        powers[~np.isfinite(powers)] = np.nan
        low, high = finite_range([powers])
        top = y + number * zone + px(22)
        across = min(even((width - room) // powers.shape[1]), px(150))
        down = min(even((zone - px(34)) // powers.shape[0]), px(60))
        shown = Fit(len(powers), powers.shape[1], (max(2, down), max(2, across)))
        cells = Cells(sequential(), even(x + room), even(top), shown.rows, shown.columns, shown.cell)
        stage.parts.append(MatrixPart(partial(until, powers), powers.shape[1], Scale(low, high), cells))
        stage.frame_around(cells.x, cells.y, cells.width, cells.height)
        title = f"{MEASURES[measure]} of each layer, step by step: 1e{low:.0f} (dark) to 1e{high:.0f} (bright)"
        stage.text(x + room, top - px(11), title, width - room, 8.5)
        stage.take(measure, cells.x, cells.y, cells.width, cells.height)
        row_names(stage, list(view.layers), cells, x + room - px(6), room - px(10))


def until(values: Array, indices: Array) -> Array:
    """(indices, rows, columns): the columns up to each index; the later ones -inf, drawn as the least value."""
    columns = np.arange(values.shape[1])
    return np.where(columns <= indices[:, None, None], values, -np.inf)
