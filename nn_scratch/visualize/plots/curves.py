"""Loss and score over epochs; the first steps; the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import (
    BLACK,
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    TRAIN,
    VAL,
    VERMILLION,
    Sheet,
    epoch_axis,
    layer_legend,
    layer_lines,
    log_axis,
    log_helps,
)
from nn_scratch.visualize.view import SCORES, View, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@plot(
    "curves",
    title="Loss and score",
    look="a validation curve that turns while the training curve goes on (overfitting); both poor (underfitting)",
)
def curves(view: View, sheet: Sheet) -> None:
    """Loss and score of training and validation rows after each epoch, with the best epoch marked.

    Both are measured in evaluation mode, so that dropout is no reason for a gap. The two curves falling together is
    health. Validation rising while training falls is overfitting, from about the marked epoch on. Both flat far from
    good is underfitting, or a learning rate that is wrong; the dotted line is what a constant answer scores. A loss
    axis of powers of ten is used where the loss falls by more than a factor 20.
    """
    if not len(view.metrics["epoch"]):
        sheet.message(f"No epoch was finished: {view.warning}.")
        return
    sheet.about(view.span)
    ((loss, score),) = sheet.grid(1, 2, height=4.6)
    draw_curves(loss, view, "loss")
    loss.set_title("loss")
    draw_curves(score, view, view.score)
    score.set_title(SCORES[view.score])
    reference(score, view)
    for axes in (loss, score):
        axes.legend(loc="best")


def draw_curves(axes: Axes, view: View, score: str) -> None:
    """The two curves of a score, and the best epoch."""
    metrics = view.metrics
    epochs = metrics["epoch"]
    drawn = []
    for part, style in (("train", TRAIN), ("val", VAL)):
        values = metrics.get(f"{part}_{score}")
        if values is None:
            continue
        values = np.where(np.isfinite(values), values, np.nan)
        axes.plot(epochs, values, **style, marker="o" if len(epochs) < 4 else "")
        drawn.append(values)
    best = view.best_epoch
    if best is not None and np.any(epochs == best):
        value = drawn[-1][epochs == best][0]
        axes.plot([best], [value], marker="o", color=VAL["color"], markersize=7, linestyle="", zorder=4)
        axes.axvline(best, color=GREY, linewidth=1.0, linestyle=":", label=f"lowest validation loss: epoch {best}")
    if score == "loss" and log_helps(*drawn):
        log_axis(axes.yaxis)
    epoch_axis(axes, float(epochs[0]), float(epochs[-1]))
    if score == "accuracy":
        axes.set_ylim(top=1.02)


def reference(axes: Axes, view: View) -> None:
    """What a constant answer scores on the validation rows."""
    value = baseline(view, "constant")
    if np.isfinite(value) and (view.classifies or value > -1):
        axes.axhline(value, color=BLACK, linewidth=1.0, linestyle=(0, (1, 2)), label=f"a constant answer: {value:.3g}")


def baseline(view: View, model: str) -> float:
    found = view.run.info.get("baselines")
    for key in (model, "val", view.score):
        found = found.get(key) if isinstance(found, dict) else None
    return number(found)


@plot(
    "first_steps",
    title="The first 20 steps",
    look="the loss after an update (orange) above the loss before it (blue): the learning rate is too high",
)
def first_steps(view: View, sheet: Sheet) -> None:
    """The loss of each of the first batches before and after its own update, and what the gradient promised.

    Left: the lower the second point of each pair against the first, the more the step helped on the very batch it was
    made for. Green is what a straight line along the gradient promises, loss + dL/dθ · Δθ. Right: the change that came
    over the change that was promised. About 1 is a step the loss surface agrees with; near 0 the step is so long that
    curvature eats the gain; below 0 the loss rose.
    """
    steps = view.run.steps
    first = view.run.layer_names[0] if view.run.layer_names else ""
    here = (steps["layer"] == first) & (steps["step"] <= 20)
    if not here.any() or "loss_after" not in steps:
        sheet.message(f"No step was taken: {view.warning}.")
        return
    numbers, before, after = (steps[name][here] for name in ("step", "loss", "loss_after"))
    with np.errstate(all="ignore"):
        promised = before + np.array([np.nansum(steps["grad_dot_update"][steps["step"] == step]) for step in numbers])
    sheet.about(f"steps 1 to {int(numbers[-1])}, one batch each")
    ((loss, ratio),) = sheet.grid(1, 2, height=4.3)
    loss.vlines(numbers, before, after, color=GREY, linewidth=1.0)
    loss.plot(numbers, before, color=BLUE, marker="o", linestyle="", label="before its update")
    loss.plot(numbers, after, color=ORANGE, marker="v", linestyle="", label="after its update")
    loss.plot(numbers, promised, color=GREEN, marker="_", markersize=10, linestyle="", label="promised")
    ends = np.concatenate([before, after])
    if log_helps(ends):
        log_axis(loss.yaxis)
    elif np.isfinite(ends).any():
        low, high = np.nanmin(ends[np.isfinite(ends)]), np.nanmax(ends[np.isfinite(ends)])
        margin = 0.06 * (high - low) or 0.1
        loss.set_ylim(low - margin, high + margin)
    loss.set_title("loss of the batch")
    loss.set_xlabel("step")
    loss.legend()
    with np.errstate(all="ignore"):
        kept = (after - before) / (promised - before)
    kept = np.where(np.isfinite(kept), kept, np.nan)
    ratio.axhspan(0.3, 1.2, color=GREEN, alpha=0.12, linewidth=0, label="usual")
    ratio.axhline(0, color=VERMILLION, linewidth=1.0)
    ratio.plot(numbers, np.clip(kept, -2, 3), color=BLUE, marker="o", linestyle="-", linewidth=1.0)
    ratio.set_ylim(-2.1, 3.1)
    ratio.set_title("change of the loss over the change promised (cut at −2 and 3)")
    ratio.set_xlabel("step")
    ratio.legend(loc="lower right")
    for axes in (loss, ratio):
        axes.set_xlim(0.5, max(20, int(numbers[-1])) + 0.5)
        axes.set_xticks([1, 5, 10, 15, 20])


@plot(
    "learning_rate",
    title="Learning rate and update ratio over steps",
    look="update ratios far above 1e-2 (steps too long), or far below 1e-4 while the loss is high (hardly learning)",
)
def learning_rate(view: View, sheet: Sheet) -> None:
    """The learning rate at each watched step, and below it how long each layer's update is: ‖Δθ‖ / ‖θ‖.

    The ratio is what the rate comes to once the optimizer has scaled the gradient; about 1e-3 is a common good value,
    and the band from 1e-4 to 1e-2 holds most healthy runs. It should fall with the rate, and at the end of training.
    """
    ratios = view.step_series("update_ratio")
    steps = view.run.steps
    first = steps["layer"] == (view.run.layer_names[0] if view.run.layer_names else "")
    if not first.any():
        sheet.message(f"No step was taken: {view.warning}.")
        return
    sheet.about(f"{int(first.sum()):,} watched steps of {int(steps['step'].max()):,}")
    (rate,), (ratio,) = sheet.grid(2, 1, heights=(0.55, 1.0), height=3.4, right=1.5, gap=(0.7, 0.8))
    rate.plot(steps["step"][first], steps["lr"][first], color=BLACK, drawstyle="steps-post")
    rate.set_title("learning rate")
    if log_helps(steps["lr"][first]):
        log_axis(rate.yaxis)
    else:
        rate.set_ylim(bottom=0)
    ratio.axhspan(1e-4, 1e-2, color=GREEN, alpha=0.12, linewidth=0)

    def draw(layer: str, style: dict[str, Any]) -> None:
        x, y = ratios[layer]
        ratio.plot(x, np.where(y > 0, y, np.nan), **{**style, "linewidth": 1.2})

    layer_lines(ratio, list(ratios), draw)
    log_axis(ratio.yaxis)
    layer_legend(sheet, ratio, list(ratios))
    ratio.set_title("‖Δθ‖ / ‖θ‖ of each layer's step; shaded: usual")
    ratio.set_xlabel("step")
    for axes in (rate, ratio):
        axes.set_xlim(0, float(steps["step"].max()) * 1.01)
