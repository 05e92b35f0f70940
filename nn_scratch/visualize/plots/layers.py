"""Numbers a layer, from layers.csv: gradient flow, update ratio, distance from initialization."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import (
    GREEN,
    SEQUENTIAL,
    Sheet,
    epoch_axis,
    layer_legend,
    layer_lines,
    log_axis,
)
from nn_scratch.visualize.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

HEALTHY_UPDATE = (1e-4, 1e-2)  # of a step's ‖Δθ‖ / ‖θ‖


@plot(
    "gradient_flow",
    title="Gradient flow",
    look="lines that fan out by factors of ten from layer to layer: the gradient vanishes or explodes on its way back",
)
def gradient_flow(view: View, sheet: Sheet) -> None:
    """How large each layer's weight gradient is after every epoch, as the root mean square of its entries.

    Left: by epoch, on the fixed probe rows. Layers within a factor of ten of each
    other are fine, and all falling as the loss falls is fine. Right: the same, layer by layer from the first to the
    last, at some epochs; a slope over many layers is a gradient that vanishes (rising to the right) or explodes
    (falling).
    """
    if not view.layers:
        sheet.message(f"Nothing was measured: {view.warning}.")
        return
    norms = view.series("dW_norm")
    sizes = {layer: entries(view, layer) for layer in norms}
    sheet.about(view.span, "on the probe rows")
    ((lines, profile),) = sheet.grid(1, 2, height=4.4, right=0.4, gap=(0.7, 2.3), widths=(1.5, 1.0))
    rms = {layer: (epochs, positive(values) / np.sqrt(sizes[layer])) for layer, (epochs, values) in norms.items()}

    def draw(layer: str, style: dict[str, Any]) -> None:
        epochs, values = rms[layer]
        lines.plot(epochs, values, **style, **marker(epochs))

    layer_lines(lines, list(rms), draw)
    log_axis(lines.yaxis)
    layer_legend(sheet, lines, list(rms))
    lines.set_title("root mean square of ∂loss/∂W")
    last = max((epochs[-1] for epochs, _ in rms.values() if len(epochs)), default=0)
    epoch_axis(lines, 0, float(last))
    if len(rms) < 2:
        profile.set_axis_off()
        return
    from matplotlib import colormaps

    names = list(rms)
    chosen = sorted({0, last // 10, last // 3, last})
    for i, epoch in enumerate(chosen):
        y = [at_epoch(*rms[name], epoch) for name in names]
        colour = colormaps[SEQUENTIAL](0.9 * i / max(1, len(chosen) - 1))
        style = ("-", "--", "-.", ":")[i % 4]
        profile.plot(range(len(names)), y, color=colour, linestyle=style, marker="o", label=f"epoch {epoch}")
    log_axis(profile.yaxis)
    layer_ticks(profile, names)
    profile.set_title("the same, from the first layer to the last")
    profile.legend()


@plot(
    "update_ratio",
    title="Update ratio",
    look="a layer outside the shaded band: above it the steps are too long, below it the layer hardly learns",
)
def update_ratio(view: View, sheet: Sheet) -> None:
    """How long the last step of each epoch was, over the length of the layer's parameters: ‖Δθ‖ / ‖θ‖.

    About 1e-3 is a common good value; the shaded band from 1e-4 to 1e-2 holds most healthy runs. It is measured after
    the optimizer, so it tells what the learning rate comes to for this layer. Ratios fall towards the end of
    training. A layer decades below the others is frozen.
    """
    if not view.layers:
        sheet.message(f"Nothing was measured: {view.warning}.")
        return
    ratios = view.series("update_ratio")
    sheet.about(view.span, "the last step of each epoch")
    ((axes,),) = sheet.grid(1, 1, height=4.4, right=1.6)
    axes.axhspan(*HEALTHY_UPDATE, color=GREEN, alpha=0.12, linewidth=0)

    def draw(layer: str, style: dict[str, Any]) -> None:
        epochs, values = ratios[layer]
        axes.plot(epochs, positive(values), **style, **marker(epochs[1:]))

    layer_lines(axes, list(ratios), draw)
    if not any(np.isfinite(positive(values)).any() for _, values in ratios.values()):
        axes.text(0.5, 0.5, "no step was watched", transform=axes.transAxes, ha="center")
        axes.set_ylim(1e-5, 1e-1)
    log_axis(axes.yaxis)
    layer_legend(sheet, axes, list(ratios))
    axes.set_title("‖Δθ‖ / ‖θ‖; shaded: usual")
    epoch_axis(axes, 0, float(max((epochs[-1] for epochs, _ in ratios.values() if len(epochs)), default=0)))


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

    def draw(layer: str, style: dict[str, Any]) -> None:
        epochs, values = relative[layer]
        axes.plot(epochs, np.where(np.isfinite(values), values, np.nan), **style, **marker(epochs))

    layer_lines(axes, list(relative), draw)
    finite = [values[np.isfinite(values)] for _, values in relative.values()]
    biggest = [part.max() for part in finite if len(part)]
    if biggest and max(biggest) > 100 * max(min(biggest), 1e-3):
        axes.set_yscale("symlog", linthresh=max(1e-2, min(biggest)))
    layer_legend(sheet, axes, list(relative))
    axes.set_title("‖W − W₀‖ / ‖W₀‖")
    epoch_axis(axes, 0, float(max((epochs[-1] for epochs, _ in moved.values() if len(epochs)), default=0)))


def entries(view: View, layer: str) -> int:
    """How many weights a layer has; 1 where they were not logged, so that norms are shown as they are."""
    return int(np.prod(view.run.weights(f"{layer}.W").shape[1:])) if view.run.has("weights", f"{layer}.W") else 1


def positive(values: Array) -> Array:
    """nan where a logarithm has nothing to show."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def marker(epochs: Array) -> dict[str, Any]:
    """One epoch alone would be an invisible line."""
    return {"marker": "o", "markersize": 5} if len(epochs) < 3 else {}


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
