"""One line for each layer, over epochs or steps, on a logarithmic axis that marks values of exactly zero."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import layer_styles, log_axis
from nn_scratch.visualize.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Series = dict[str, tuple[Array, Array]]

USUAL_UPDATE = (1e-4, 1e-2)  # of a step's ‖Δθ‖ / ‖θ‖


def positive(values: Array) -> Array:
    """nan where a logarithm has nothing to show."""
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def marker(x: Array) -> dict[str, Any]:
    """One point alone would be an invisible line."""
    return {"marker": "o", "markersize": 5} if len(x) < 3 else {}


def draw_layers(axes: Axes, view: View, series: Series, logarithmic: bool = True, **options: Any) -> None:
    """Draw a line a layer in the layer's own colour, series: layer to (x, values).

    On a logarithmic axis zeros are triangles on its bottom, and layers that are zero throughout are named in the
    legend. Where every layer is, a note replaces the empty axis.
    """
    styles = layer_styles(view.run.layer_names)
    zeros = {layer: np.isfinite(y) & (y == 0) for layer, (_, y) in series.items()}
    never = [layer for layer, (_, y) in series.items() if not np.isfinite(positive(y)).any()]
    for layer, (x, y) in series.items():
        style = styles[layer] | options
        if logarithmic and layer in never:
            style["label"] += ": exactly 0" if zeros[layer].any() else ": not measured"
        values = positive(y) if logarithmic else np.where(np.isfinite(y), y, np.nan)
        axes.plot(x, values, **style, **marker(x))
    if not logarithmic:
        return
    if len(never) == len(series):
        all_zero = any(zero.any() for zero in zeros.values())
        nothing(axes, "exactly 0 in every layer, at every epoch" if all_zero else "not measured")
        return
    log_axis(axes.yaxis)
    for layer, (x, _) in series.items():
        at = x[zeros[layer]]
        at = at[:: max(1, len(at) // 20)]
        options = {"linestyle": "", "marker": "v", "markersize": 5, "color": styles[layer]["color"]}
        axes.plot(at, np.full(len(at), 0.012), transform=axes.get_xaxis_transform(), clip_on=False, **options)
    if any(zero.any() for layer, zero in zeros.items() if layer not in never):
        room: dict[str, Any] = {"ha": "right", "va": "bottom", "fontsize": 8.5, "color": theme().grey}
        axes.text(0.995, 0.03, "▼ exactly 0", transform=axes.transAxes, **room)


def nothing(axes: Axes, text: str) -> None:
    """A sentence in the place of values."""
    axes.set_yticks([])
    axes.grid(False)
    axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", va="center", fontsize=12, color=theme().ink)
