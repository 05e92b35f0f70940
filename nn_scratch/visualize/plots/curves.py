"""Loss and score over epochs; the first steps; the learning rate."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.visualize.layer_lines import USUAL_UPDATE, draw_layers
from nn_scratch.visualize.palette import AFTER, BEFORE, EXPECTED, SERIES, VAL, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import (
    TRAINING,
    VALIDATION,
    Sheet,
    epoch_axis,
    epoch_ticks,
    layer_legend,
    log_axis,
    log_helps,
)
from nn_scratch.visualize.view import SCORES, View, number

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@plot(
    "curves",
    title="Loss and score",
    look="a validation curve that rises while the training curve falls (overfitting); both poor (underfitting)",
)
def curves(view: View, sheet: Sheet) -> None:
    """Loss and score of training and validation rows after each epoch, with the best epoch marked.

    Both are measured in evaluation mode, so dropout causes no gap. Both curves falling together is healthy. Validation
    loss that rises while training loss falls is overfitting, from about the marked epoch on. Both flat and poor is
    underfitting, or a wrong learning rate; the dotted line is the score of a constant prediction. The dot marks the
    best validation value of each panel. The loss axis is logarithmic where the loss falls by more than a factor 20.
    """
    if not len(view.metrics["epoch"]):
        sheet.message(f"No epoch was finished: {view.warning}.")
        return
    sheet.about(view.span)
    ((loss, score),) = sheet.grid(1, 2, height=4.6, bottom=1.3 if theme().width >= 12 else 1.75)
    draw_curves(loss, view, "loss")
    loss.set_title("loss")
    draw_curves(score, view, view.score)
    score.set_title(SCORES[view.score])
    reference(score, view)
    for axes in (loss, score):
        below(axes)


def draw_curves(axes: Axes, view: View, score: str) -> None:
    """The two curves of a score, and the best epoch."""
    metrics = view.metrics
    epochs = metrics["epoch"]
    drawn = []
    for part, style in (("train", TRAINING), ("val", VALIDATION)):
        values = metrics.get(f"{part}_{score}")
        if values is None:
            continue
        values = np.where(np.isfinite(values), values, np.nan)
        axes.plot(epochs, values, **style, marker="o" if len(epochs) < 4 else "")
        drawn.append(values)
    mark_best(axes, view, score)
    if score == "loss" and log_helps(*drawn):
        log_axis(axes.yaxis)
    epoch_axis(axes, float(epochs[0]), float(epochs[-1]))
    if score == "accuracy":
        axes.set_ylim(top=1.02)


def mark_best(axes: Axes, view: View, score: str) -> None:
    """A dot on the best validation value, and a line at the epoch whose weights are the run's."""
    metrics = view.metrics
    values = metrics.get(f"val_{score}")
    if values is None or not np.isfinite(values).any():
        return
    losses = score in ("loss", "rmse", "mae")
    at = int(np.nanargmin(finite(values)) if losses else np.nanargmax(finite(values)))
    best = int(metrics["epoch"][at])
    label = f"best validation: {values[at]:.4g}, epoch {best}"
    axes.plot([best], [values[at]], marker="o", color=VAL, markersize=7, linestyle="", zorder=4, label=label)
    kept = view.best_epoch
    if kept is not None and kept != best:
        axes.axvline(kept, color=theme().grey, linewidth=1.0, linestyle=":", label=f"lowest loss: epoch {kept}")


def finite(values: Any) -> Any:
    """nan in the place of what is not finite."""
    return np.where(np.isfinite(values), values, np.nan)


def below(axes: Axes, columns: int = 2) -> None:
    """A legend under a panel that leaves 1.1 inches there: it covers no line."""
    columns = columns if theme().width >= 12 else max(1, columns - 1)  # fewer where letters are larger
    axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.13), ncols=columns, borderaxespad=0, columnspacing=1.4)


def reference(axes: Axes, view: View) -> None:
    """The score of a constant prediction on the validation rows."""
    value = baseline(view, "constant")
    if np.isfinite(value) and (view.classifies or value > -1):
        axes.axhline(
            value, color=theme().ink, linewidth=1.0, linestyle=(0, (1, 2)), label=f"constant prediction: {value:.3g}"
        )


def baseline(view: View, model: str) -> float:
    found = view.run.info.get("baselines")
    for key in (model, "val", view.score):
        found = found.get(key) if isinstance(found, dict) else None
    return number(found)


@plot(
    "first_steps",
    title="The first 20 steps",
    look="the loss after an update (violet) above the loss before it (grey): the learning rate is too high",
)
def first_steps(view: View, sheet: Sheet) -> None:
    """The loss of each of the first batches before and after its own update, and what the gradient predicts.

    Left: the further the point after the update lies below the point before it, the more the step reduced the loss of
    its own batch. The bar is the linear prediction loss + ∂L/∂θ · Δθ. Right: the actual change over the predicted one.
    Near 1 the linear approximation holds; near 0 the step is so long that curvature cancels the gain; below 0 the loss
    rose.
    """
    steps = view.run.steps
    first = view.run.layer_names[0] if view.run.layer_names else ""
    here = (steps["layer"] == first) & (steps["step"] <= 20)
    if not here.any() or "loss_after" not in steps:
        sheet.message(f"No step was taken: {view.warning}.")
        return
    numbers, before, after = (steps[name][here] for name in ("step", "loss", "loss_after"))
    with np.errstate(all="ignore"):
        predicted = before + np.array([np.nansum(steps["grad_dot_update"][steps["step"] == step]) for step in numbers])
    sheet.about(f"steps 1 to {int(numbers[-1])}, one batch each")
    ((loss, ratio),) = sheet.grid(1, 2, height=4.3, bottom=1.1)
    loss.vlines(numbers, before, after, color=theme().grey, linewidth=1.0)
    loss.plot(numbers, before, color=BEFORE, marker="o", linestyle="", label="before its update")
    loss.plot(numbers, after, color=AFTER, marker="v", linestyle="", label="after its update")
    loss.plot(numbers, predicted, color=EXPECTED, marker="_", markersize=10, linestyle="", label="predicted")
    ends = np.concatenate([before, after])
    if log_helps(ends):
        log_axis(loss.yaxis)
    elif np.isfinite(ends).any():
        low, high = np.nanmin(ends[np.isfinite(ends)]), np.nanmax(ends[np.isfinite(ends)])
        margin = 0.06 * (high - low) or 0.1
        loss.set_ylim(low - margin, high + margin)
    loss.set_title("loss of the batch")
    loss.set_xlabel("step")
    below(loss, 3)
    with np.errstate(all="ignore"):
        kept = (after - before) / (predicted - before)
    kept = np.where(np.isfinite(kept), kept, np.nan)
    ratio.axhspan(0.3, 1.2, color=EXPECTED, alpha=0.15, linewidth=0, label="usual")
    ratio.axhline(0, color=theme().grey, linewidth=1.0)
    ratio.plot(numbers, np.clip(kept, -2, 3), color=SERIES, marker="o", linestyle="-", linewidth=1.0)
    ratio.set_ylim(-2.1, 3.1)
    ratio.set_title("actual over predicted change of the loss (cut at −2 and 3)")
    ratio.set_xlabel("step")
    below(ratio)
    for axes in (loss, ratio):
        axes.set_xlim(0.5, max(20, int(numbers[-1])) + 0.5)
        axes.set_xticks([1, 5, 10, 15, 20])


@plot(
    "learning_rate",
    title="Learning rate and update ratio over steps",
    look="update ratios far above 1e-2 (steps too long), or far below 1e-4 while the loss is high (hardly learning)",
)
def learning_rate(view: View, sheet: Sheet) -> None:
    """The learning rate at each logged step, and below it each layer's relative update ‖Δθ‖ / ‖θ‖.

    The update ratio is the effect of the learning rate after the optimizer has scaled the gradient. About 1e-3 is a
    common good value, and the band from 1e-4 to 1e-2 holds most healthy runs. It usually falls with the rate and
    towards the end of training. A layer decades below the others hardly trains. A constant rate is given in the title.
    """
    ratios = view.step_series("update_ratio")
    steps = view.run.steps
    first = steps["layer"] == (view.run.layer_names[0] if view.run.layer_names else "")
    if not first.any():
        sheet.message(f"No step was taken: {view.warning}.")
        return
    sheet.about(f"{int(first.sum()):,} logged steps of {int(steps['step'].max()):,}")
    rates = steps["lr"][first]
    if np.ptp(rates) == 0:
        sheet.about(f"constant learning rate {rates[0]:g}")
        ((ratio,),) = sheet.grid(1, 1, height=4.4, right=1.6)
        panels = [ratio]
    else:
        (rate,), (ratio,) = sheet.grid(2, 1, heights=(0.55, 1.0), height=3.4, right=1.6, gap=(0.7, 0.8))
        panels = [rate, ratio]
        rate.plot(steps["step"][first], rates, color=theme().ink, drawstyle="steps-post")
        rate.set_title("learning rate")
        if log_helps(rates):
            log_axis(rate.yaxis)
        else:
            rate.set_ylim(bottom=0)
    ratio.axhspan(*USUAL_UPDATE, color=EXPECTED, alpha=0.15, linewidth=0)
    draw_layers(ratio, view, ratios, linewidth=1.2)
    layer_legend(sheet, ratio, list(ratios), view.run.layer_names)
    ratio.set_title("‖Δθ‖ / ‖θ‖ of each layer's step; shaded: usual")
    for axes in panels:
        axes.set_xlim(0, float(steps["step"].max()) * 1.01)
        epoch_ticks(axes, "step" if axes is ratio else "")
