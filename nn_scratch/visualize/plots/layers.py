"""Statistics of each layer, from layers.csv: gradient flow and distance from initialization."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.layer_lines import Series, draw_layers, nothing, positive
from nn_scratch.visualize.palette import moment_shades
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import Sheet, epoch_axis, layer_legend, log_axis, short_number
from nn_scratch.visualize.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@plot(
    "gradient_flow",
    title="Gradient flow",
    look="lines that fan out by factors of ten from layer to layer: the gradient vanishes or explodes on its way back",
)
def gradient_flow(view: View, sheet: Sheet) -> None:
    """How large each layer's weight gradient is after every epoch, as the root mean square of its entries.

    Left: by epoch, on the fixed probe rows. Layers within a factor of ten of each other are usual, as are gradients
    that all fall with the loss. Right: the same by depth, at some epochs; a slope over many layers is a gradient that
    vanishes (rising to the right) or explodes (falling). A gradient of exactly zero has no place on a logarithmic axis:
    it is a triangle on its bottom, or a sentence where all are zero.
    """
    if not view.layers:
        sheet.message(f"Nothing was measured: {view.warning}.")
        return
    norms = view.series("dW_norm")
    sizes = {layer: entries(view, layer) for layer in norms}
    sheet.about(view.span, "on the probe rows")
    ((lines, profile),) = sheet.grid(1, 2, height=4.4, right=1.25, gap=(0.7, 2.3), widths=(1.4, 1.0), bottom=0.95)
    rms = {layer: (epochs, values / np.sqrt(sizes[layer])) for layer, (epochs, values) in norms.items()}
    draw_layers(lines, view, rms)
    layer_legend(sheet, lines, list(rms), view.run.layer_names)
    if not any(np.isfinite(positive(values)).any() for _, values in rms.values()):
        sheet.caption("a gradient of exactly zero: weights of zero, or dead units, pass nothing back")
    lines.set_title("root mean square of ∂loss/∂W")
    last = int(max((epochs[-1] for epochs, _ in rms.values() if len(epochs)), default=0))
    epoch_axis(lines, 0, float(last))
    if len(rms) < 2:
        profile.set_axis_off()
        return
    profile_over_depth(profile, rms, last)


def profile_over_depth(profile: Axes, rms: Series, last: int) -> None:
    """Values from the first layer to the last, at some epochs: the later, the darker."""
    names = list(rms)
    profile.set_title("by depth, from the first layer to the last")
    if not any(np.isfinite(positive(values)).any() for _, values in rms.values()):
        nothing(profile, "exactly 0")
        layer_ticks(profile, names)
        return
    chosen = sorted({0, last // 10, last // 3, last})
    for epoch, shade, style in zip(chosen, moment_shades(len(chosen)), ("-", "--", "-.", ":"), strict=False):
        y = positive(np.array([at_epoch(*rms[name], epoch) for name in names]))
        profile.plot(range(len(names)), y, color=shade, linestyle=style, marker="o", label=f"epoch {epoch}")
    log_axis(profile.yaxis)
    layer_ticks(profile, names)
    profile.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0)


@plot(
    "distance",
    title="Distance from initialization",
    look="a layer that has not moved (frozen, or no gradient) and one that still moves as fast as at the start",
)
def distance(view: View, sheet: Sheet) -> None:
    """How far each layer's weights have moved from where they began: ‖W − W₀‖ / ‖W₀‖.

    Curves that rise fast and then flatten are usual. A layer at zero has not learned: it is frozen, or no gradient
    reaches it. A small distance in wide layers is normal (they need to move little); steady growth to the end says that
    training was cut short or that the weights run off.
    """
    if not view.layers:
        sheet.message(f"Nothing was measured: {view.warning}.")
        return
    moved = view.series("distance")
    norms = view.series("W_norm")
    sheet.about(view.span)
    ((axes,),) = sheet.grid(1, 1, height=4.4, right=1.6)
    relative = {}
    for layer, (epochs, values) in moved.items():
        start = norms[layer][1][0] if len(norms[layer][1]) else np.nan
        relative[layer] = (epochs, values / start if start > 0 else values)
        if not start > 0:
            sheet.remark(f"{layer} began at zero: ‖W‖ itself is shown")

    draw_layers(axes, view, relative, logarithmic=False)
    finite = [values[np.isfinite(values)] for _, values in relative.values()]
    biggest = [part.max() for part in finite if len(part)]
    if biggest and max(biggest) > 100 * max(min(biggest), 1e-3):
        axes.set_yscale("symlog", linthresh=max(1e-2, min(biggest)))
        axes.yaxis.set_major_formatter(short_number)
    layer_legend(sheet, axes, list(relative), view.run.layer_names)
    axes.set_title("‖W − W₀‖ / ‖W₀‖")
    epoch_axis(axes, 0, float(max((epochs[-1] for epochs, _ in moved.values() if len(epochs)), default=0)))


def entries(view: View, layer: str) -> int:
    """How many weights a layer has; 1 where they were not logged, so that norms are shown as they are."""
    return int(np.prod(view.run.weights(f"{layer}.W").shape[1:])) if view.run.has("weights", f"{layer}.W") else 1


def at_epoch(epochs: Array, values: Array, epoch: int) -> float:
    found = values[epochs == epoch]
    return float(found[0]) if len(found) else np.nan


def layer_ticks(axes: Axes, names: list[str]) -> None:
    """Layers along x, upright where they are many."""
    step = -(-len(names) // 16)
    places = list(range(0, len(names), step))
    axes.set_xticks(places, [names[i] for i in places])
    if len(names) > 3:
        axes.tick_params(axis="x", labelrotation=40)
    axes.set_xlim(-0.3, len(names) - 0.7)
