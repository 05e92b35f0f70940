"""The curves of a film, pale until their time has come, with their values of now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.layout import even
from nn_scratch.visualize.film.letters import Digits
from nn_scratch.visualize.film.parts import NumberPart
from nn_scratch.visualize.film.stage import Curves, Stage, finite_range, rule
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import DPI, TRAINING, VALIDATION, epoch_axis, log_axis, log_helps, text_width
from nn_scratch.visualize.view import SCORES, View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


Style = dict[str, Any]  # of a line


def draw_curves(
    stage: Stage,
    view: View,
    score: str,
    x: int,
    y: int,
    width: int,
    height: int,
    limits: tuple[float, float] | None = None,
) -> None:
    """A panel of a score's curves with its name and its values of now. limits: of the scale, of several runs alike."""
    px = stage.px
    metrics = view.metrics if stage.steps is None else {"epoch": stage.steps.numbers, "train_loss": stage.steps.loss}
    axes = stage.axes(x, y, width, height)
    stage.take(score, x, y, width, height)
    stage.text(x - px(40), y - px(14), SCORES.get(score, score), px(80), 10, fontweight="bold")
    # the marker's disc may stand over the axes' edges
    box = even(x - px(8)), even(y - px(8)), even(width + px(18)), even(height + px(16))
    curves = Curves(axes, box, metrics["epoch"], [], [])
    columns = [(f"{part}_{score}", style) for part, style in (("train", TRAINING), ("val", VALIDATION))]
    columns = [(column, style) for column, style in columns if column in metrics]
    for column, style in columns:
        values = np.where(np.isfinite(metrics[column]), metrics[column], np.nan)
        marked: Style = {"marker": "o", "markersize": 4} if len(values) < 8 else {}
        curves.artists += axes.plot(metrics["epoch"], values, **style, **marked, linewidth=1.6)
        curves.lines.append((values, style["color"]))
    set_scales(stage, axes, score, limits or finite_range([values for values, _ in curves.lines]))
    if not len(metrics["epoch"]):
        axes.text(0.5, 0.5, "no epoch was finished", transform=axes.transAxes, ha="center", color=theme().grey)
    if stage.steps is None and view.best_epoch is not None:
        mark_best(stage, axes, view.best_epoch, named=score == "loss")
    stage.curves.append(curves)
    write_values(stage, score, metrics, columns, even(x + width), y)


def set_scales(stage: Stage, axes: Axes, score: str, span: tuple[float, float]) -> None:
    if span[1] > 0:
        axes.set_ylim(*padded(span, score))
    if score == "loss" and log_helps(np.array(span)):
        log_axis(axes.yaxis)
    epoch_axis(axes, 0, max(1, int(stage.epochs[-1])))
    if stage.steps is not None:
        axes.set_xlabel("step")
    axes.xaxis.set_tick_params(labelsize=8)
    axes.yaxis.set_tick_params(labelsize=8)
    axes.xaxis.label.set_fontsize(8.5)


def mark_best(stage: Stage, axes: Axes, epoch: int, *, named: bool) -> None:
    """A line at the best epoch, beside which the word stands where it is named."""
    axes.axvline(epoch, color=theme().grey, linewidth=0.8, linestyle=":")
    if named:
        side = "left" if epoch <= 0.8 * stage.epochs[-1] else "right"
        paper = {"facecolor": theme().paper, "alpha": 0.8, "linewidth": 0, "pad": 0.5}
        place = axes.get_xaxis_transform()
        axes.text(epoch, 0.97, " best ", transform=place, va="top", fontsize=8, ha=side, bbox=paper)


def write_values(
    stage: Stage,
    score: str,
    metrics: Mapping[str, Array],
    columns: Sequence[tuple[str, dict[str, Any]]],
    at: int,
    y: int,
) -> None:
    """The values of now above a panel, from its right edge `at` to the left, each with its line's colour and name."""
    px = stage.px
    for column, style in columns[::-1]:
        digits = Digits(at, y - px(23), 9.5 * stage.unit, theme().ink, 7)
        label = "train" if style is TRAINING else "val"
        texts = [read_out(metrics["epoch"], metrics[column], epoch) for epoch in stage.epochs]
        stage.text(at - digits.width - px(4), y - px(14), label, px(60), 9.5, ha="right")
        left = at - digits.width - px(8) - round(text_width(label, 9.5) * DPI * stage.unit)
        stage.figure.add_artist(rule(stage, left - px(14), y - px(16), px(12), px(4), style["color"]))
        stage.take(f"{score} {label}", at - digits.width, y - px(20), digits.width, px(14))
        stage.parts.append(NumberPart(digits, texts))
        at = even(left - px(26))


def padded(span: tuple[float, float], score: str) -> tuple[float, float]:
    low, high = span
    if score == "loss" and low > 0 and high > 20 * low:
        return low / 1.3, high * 1.3
    if score == "accuracy":
        return max(-0.02, low - 0.05 * (high - low)), 1.02
    margin = 0.05 * (high - low)
    return (0.0 if score == "loss" and low >= 0 else low - margin), high + margin


def read_out(epochs: Array, values: Array, epoch: int) -> str:
    """A value at an epoch in at most 7 characters, the last one after the run's end; nothing where there is none."""
    at = np.flatnonzero(epochs == min(epoch, epochs[-1])) if len(epochs) else epochs
    if not len(at):
        return ""
    value = float(values[at[0]])
    if not np.isfinite(value):
        return "∞" if np.isinf(value) else ""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")
