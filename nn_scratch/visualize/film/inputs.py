"""The row of images in a film, each with the class that the network predicts for it as it learns."""

from __future__ import annotations

from nn_scratch.visualize.film.layout import even
from nn_scratch.visualize.film.predictions import PredictionsPart, predictions
from nn_scratch.visualize.film.stage import Stage
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.replay import unscaled
from nn_scratch.visualize.style import DPI, fit
from nn_scratch.visualize.view import View


def draw_inputs(stage: Stage, view: View, x: int, y: int, width: int) -> int:
    """A row of images with the predictions below them; returns the pixels that it takes, 0 where there are none."""
    px = stage.px
    cell = px(104)
    found = predictions(view, max(1, width // cell))
    shape, X = view.image_shape, view.run.probe.get("X")
    if found is None or shape is None or X is None or X.shape[1] != shape[0] * shape[1]:
        return 0
    stage.text(
        x,
        y + px(8),
        "inputs whose prediction changes last: predicted class, ✗ wrong, bar: its probability",
        width,
        8.5,
    )
    side, top = px(64), y + px(20)
    pixels = unscaled(view.run, X[found.rows])
    boxes = []
    for place, row in enumerate(found.rows.tolist()):
        left = even(x + place * cell)
        axes = stage.axes(left, top, side, side)
        axes.imshow(pixels[place].reshape(shape), cmap="Greys_r" if theme().dark else "Greys", aspect="auto")
        axes.set_axis_off()
        stage.take(f"input {row}", left, top, side, side)
        boxes.append((left, top + side + px(2), cell - px(12)))
    names = [fit(name, (cell - px(36)) / (DPI * stage.unit), 10) for name in view.class_names]
    rows = [stage.row(view, index) for index in range(len(stage.epochs))]
    part = PredictionsPart(found, names, rows, boxes, 10 * stage.unit)
    stage.parts.append(part)
    height = 20 * stage.unit + side + part.height + px(18)
    stage.take("predictions", x, top + side + px(2), width, part.height + px(6))
    return even(round(height))
