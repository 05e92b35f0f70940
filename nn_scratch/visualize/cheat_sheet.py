"""One page of healthy and sick shapes, drawn from real runs that are trained for it on the spot."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from nn_scratch.config.resolve import load_config
from nn_scratch.config.schema import Config
from nn_scratch.experiments.parallel import Job, run_all
from nn_scratch.runs.run import Run
from nn_scratch.visualize.layer_lines import USUAL_UPDATE, Series, draw_layers
from nn_scratch.visualize.palette import EXPECTED, theme
from nn_scratch.visualize.plots.curves import draw_curves
from nn_scratch.visualize.plots.layers import entries
from nn_scratch.visualize.plots.units import active_map
from nn_scratch.visualize.style import blank, epoch_axis, fit
from nn_scratch.visualize.units import lives
from nn_scratch.visualize.view import SCORES, NotForThisRun, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 16.0
ROW = 1.25  # inches
BAND = 0.95  # above each row: its name, what to see, how it was made

SIGMOID = "{type: dense, units: 32, activation: sigmoid}"


@dataclass(frozen=True)
class Shape:
    """One row of the page."""

    name: str
    see: str  # what to see, from left to right
    overrides: tuple[str, ...]  # of the project's own config
    lesson: str = ""  # of the zoo


SHAPES = (
    Shape(
        "healthy",
        "both losses fall and settle; update ratios near 1e-3; gradients shrink together; units of many shades",
        ("train.epochs=40",),
    ),
    Shape(
        "overfitting",
        "the training loss falls to 0 while the validation loss rises: the rows, mislabelled ones too, are memorized",
        ("data.source={type: digits, label_noise: 0.25}", "train.epochs=40"),
        lesson="overfit",
    ),
    Shape(
        "underfitting",
        "both curves flat, equal and poor from the start, everything else healthy: a straight line cannot part spirals",
        ("data.source=spiral", "layers=[]", "train.epochs=40", "optimizer.lr=0.01"),
        lesson="underfit",
    ),
    Shape(
        "learning rate too low",
        "smooth, slow, nearly straight curves that still fall at the end; update ratios far below the band",
        ("optimizer.lr=0.000005", "train.epochs=40"),
        lesson="lr_too_low",
    ),
    Shape(
        "learning rate too high: units die",
        "a loss that leaps, then stays at that of guessing; update ratios above the band, then none; black rows",
        ("optimizer={type: sgd, lr: 0.9}", "train.epochs=40"),
        lesson="lr_too_high",
    ),
    Shape(
        "learning rate far too high: diverged",
        "no curve at all: a number was not finite in the first epoch; what there is ends before it",
        ("optimizer={type: sgd, lr: 200}", "train.epochs=40"),
        lesson="exploding_gradient",
    ),
    Shape(
        "vanishing gradients",
        "nothing moves; gradients fan out, ten times smaller with every sigmoid layer towards the input",
        (f"layers=[{', '.join([SIGMOID] * 6)}]", "optimizer={type: sgd, lr: 0.1}", "train.epochs=40"),
        lesson="vanishing_gradient",
    ),
    Shape(
        "initial weights too large",
        "a loss that starts near 100; training recovers, the validation loss stays at tens of times a healthy one",
        (
            "layers=[{type: dense, units: 128, init: {type: normal, std: 1.0}}, "
            "{type: dense, units: 64, init: {type: normal, std: 1.0}}]",
            "train.epochs=40",
        ),
        lesson="init_too_large",
    ),
    Shape(
        "all weights begin equal",
        "units that all do the same: the map is one shade from top to bottom, and the score stays poor",
        (
            "layers=[{type: dense, units: 128, init: {type: constant, value: 0.01}}, "
            "{type: dense, units: 64, init: {type: constant, value: 0.01}}]",
            "output={init: {type: constant, value: 0.01}}",
            "train.epochs=40",
        ),
        lesson="constant_init",
    ),
)


def cheat_sheet(report: Callable[[int, int], None]) -> Figure:
    """Train every shape and draw the page. report: called with the number of runs trained so far and in all.

    Call within `drawing`.
    """
    with tempfile.TemporaryDirectory(prefix="nn_scratch-", ignore_cleanup_errors=True) as folder:
        runs = []
        for path in run_all(Job(config_of(shape), folder_of, outputs=Path(folder)) for shape in SHAPES):
            runs.append(Run(path))
            report(len(runs), len(SHAPES))
        return page(SHAPES, [View(run) for run in runs])


def config_of(shape: Shape) -> Config:
    name = shape.name.split(":")[0].replace(" ", "-")
    return load_config(None, [*shape.overrides, "log.probe_rows=128", "train.threads=1"], name=name)


def folder_of(run: Run) -> Path:
    return run.path


def page(shapes: Sequence[Shape], views: Sequence[View]) -> Figure:
    from matplotlib.figure import Figure

    columns: tuple[tuple[str, Callable[[Axes, View], None]], ...] = (
        ("loss", loss_panel),
        ("score", score_panel),
        ("update ratio ‖Δθ‖ / ‖θ‖", update_panel),
        ("size of ∂loss/∂W", gradient_panel),
        ("active share, last hidden layer", units_panel),
    )
    total = 1.35 + len(shapes) * (ROW + BAND)
    figure = Figure(figsize=(WIDTH, total), dpi=100)
    figure.text(
        0.25 / WIDTH, 1 - 0.4 / total, "Healthy and sick shapes", fontsize=18, fontweight="bold", color=theme().ink
    )
    words = (
        "Each row is a real run of the project's config with the changes that stand beside its name. Blue: training; "
        "orange, dashed: validation; dark to light: layers, from first to last; shaded: usual."
    )
    figure.text(0.25 / WIDTH, 1 - 0.7 / total, fit(words, WIDTH - 0.5, 10), fontsize=10, color=theme().grey)
    room = (WIDTH - 0.7 - 0.3 - 0.65 * (len(columns) - 1)) / len(columns)
    for row, (shape, view) in enumerate(zip(shapes, views, strict=True)):
        top = total - 1.0 - row * (ROW + BAND)
        heading(figure, shape, total, top)
        for place, (title, draw) in enumerate(columns):
            x = 0.7 + place * (room + 0.65)
            axes = figure.add_axes((x / WIDTH, (top - BAND + 0.28 - ROW) / total, room / WIDTH, ROW / total))
            draw(axes, view)
            axes.tick_params(labelsize=7.5)
            axes.set_xlabel("")
            axes.set_title(title if row == 0 else "", fontsize=9)
    return figure


def heading(figure: Figure, shape: Shape, total: float, top: float) -> None:
    from nn_scratch.visualize.style import text_width

    colour = theme().ink if shape.name == "healthy" else theme().warning
    figure.text(0.25 / WIDTH, (top - 0.14) / total, shape.name, fontsize=12, fontweight="bold", color=colour)
    used = 0.25 + text_width(shape.name, 12, bold=True) + 0.25
    changes = "   ".join(shape.overrides).replace(", ".join([SIGMOID] * 6), f"{SIGMOID}, … six times")
    lesson = f"lesson: config/zoo/{shape.lesson}.yaml" if shape.lesson else "lesson: config/param.yaml"
    right = 1 - 0.3 / WIDTH
    figure.text(right, (top - 0.14) / total, lesson, fontsize=8.5, color=theme().ink, ha="right")
    changes = fit(changes, WIDTH - used - 0.6 - text_width(lesson, 8.5), 8.5, at_end=True)
    figure.text(used / WIDTH, (top - 0.14) / total, changes, fontsize=8.5, color=theme().grey)
    figure.text(0.25 / WIDTH, (top - 0.36) / total, fit(shape.see, WIDTH - 0.5, 10), fontsize=10, color=theme().ink)


def loss_panel(axes: Axes, view: View) -> None:
    curve(axes, view, "loss")


def score_panel(axes: Axes, view: View) -> None:
    curve(axes, view, view.score)


def curve(axes: Axes, view: View, score: str) -> None:
    if not len(view.metrics["epoch"]) or not view.last_epoch:
        note(axes, f"{SCORES.get(score, score)}: {view.warning}")
        return
    draw_curves(axes, view, score)


def update_panel(axes: Axes, view: View) -> None:
    per_layer(axes, view, view.series("update_ratio"))
    axes.axhspan(*USUAL_UPDATE, color=EXPECTED, alpha=0.15, linewidth=0)


def gradient_panel(axes: Axes, view: View) -> None:
    norms = view.series("dW_norm")
    per_layer(axes, view, {layer: (x, y / np.sqrt(entries(view, layer))) for layer, (x, y) in norms.items()})


def per_layer(axes: Axes, view: View, series: Series) -> None:
    if not any(np.isfinite(values).any() for _, values in series.values()):
        note(axes, "not measured")
        return
    draw_layers(axes, view, series)
    epoch_axis(axes, 0, max(1, view.last_epoch))


def units_panel(axes: Axes, view: View) -> None:
    try:
        life = list(lives(view).values())[-1]
    except NotForThisRun:
        note(axes, "no hidden layer")
        return
    active_map(axes, life)
    axes.set_ylabel("")


def note(axes: Axes, text: str) -> None:
    blank(axes)
    axes.text(
        0.5,
        0.5,
        fit(text, 2.6, 8.5),
        transform=axes.transAxes,
        ha="center",
        va="center",
        color=theme().grey,
        fontsize=8.5,
    )
