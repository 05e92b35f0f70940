"""The lives of hidden units: which are active, which die, and whether they come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.plots.tensors import edges, shown_layers
from nn_scratch.visualize.style import (
    BLUE,
    GREY,
    SEQUENTIAL,
    VERMILLION,
    Sheet,
    colour_bar,
    epoch_axis,
    epoch_ticks,
    fit,
    layer_legend,
    layer_lines,
)
from nn_scratch.visualize.units import Lives, lives
from nn_scratch.visualize.view import View
from nn_scratch.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Array = NDArray[Any]

MOST_UNITS = 40  # with a line of their own in the timeline


@plot(
    "activation_health",
    title="Activation health",
    look="dark rows (units that are never active: dead) and shares of dead or saturated units that rise",
)
def activation_health(view: View, sheet: Sheet) -> None:
    """Above: the share of dead units and of saturated activations a layer. Below: every unit, every logged epoch.

    A unit is dead when it is zero on every probe row: no gradient reaches its weights, and a ReLU rarely comes back. An
    activation is saturated where its derivative is under 0.01 (sigmoid, tanh and their like; a rectifier has none). In
    the maps colour is the share of probe rows on which a unit is active (not zero), units ordered by that share in the
    last epoch: a map of many colours is a layer whose units tell rows apart; a black row is a dead unit.
    """
    layers = lives(view)
    dead, saturated = view.series("dead_share"), view.series("saturated_share")
    sheet.about(view.logged_span, "on the probe rows")
    shown = shown_layers({layer: life.active for layer, life in layers.items()}, sheet)
    names = list(shown)[:6]
    if len(names) < len(shown):
        sheet.remark(f"maps of the first {len(names)} of {len(shown)} layers; another with --layer NAME")
    columns = max(2, len(names)) if len(names) <= 3 else 3
    rows = -(-len(names) // columns)
    grid = sheet.grid(
        1 + rows, columns, height=2.7, heights=(0.75, *[1.0] * rows), right=1.35, gap=(0.8, 0.75), left=0.8
    )
    for axes, series, title in (
        (grid[0][0], dead, "dead units, % of the layer"),
        (grid[0][1], saturated, "saturated activations, % of the layer"),
    ):
        share_lines(axes, {name: series[name] for name in layers if name in series}, title)
    for axes in grid[0][2:]:
        axes.set_axis_off()
    layer_legend(sheet, grid[0][1], list(layers))
    panels = [axes for line in grid[1:] for axes in line]
    image = None
    for axes, name in zip(panels, names, strict=False):
        image = active_map(axes, layers[name])
        what = f"active share of {plural(layers[name].units, 'unit')}"
        if (layers[name].active == 1).all():
            what = "no unit is ever exactly zero"
        axes.set_title(fit(f"{name}: {what}", box_width(axes, sheet), 10))
    for axes in panels[len(names) :]:
        axes.set_axis_off()
    if image is not None:
        colour_bar(sheet, image, grid[1][-1], "share of probe rows on which active")


def share_lines(axes: Axes, series: dict[str, tuple[Array, Array]], title: str) -> None:
    def draw(layer: str, style: dict[str, Any]) -> None:
        epochs, values = series[layer]
        axes.plot(epochs, 100 * values, **style, marker="o" if len(epochs) < 3 else "")

    layer_lines(axes, list(series), draw)
    values = np.concatenate([values for _, values in series.values()] or [np.zeros(0)])
    if not np.isfinite(values).any():
        text = "none of these layers can saturate" if "saturated" in title else "not measured"
        axes.text(0.5, 0.5, text, transform=axes.transAxes, ha="center", color=GREY)
        axes.set_ylim(0, 100)
    else:
        axes.set_ylim(-1, max(10.0, 105 * float(np.nanmax(values))))
    axes.set_title(title)
    epoch_axis(axes, 0, float(max((epochs[-1] for epochs, _ in series.values() if len(epochs)), default=0)))


def active_map(axes: Axes, life: Lives) -> Any:
    order = np.argsort(-life.active[-1], kind="stable")
    image = axes.imshow(
        life.active[:, order].T,
        aspect="auto",
        cmap=SEQUENTIAL,
        vmin=0,
        vmax=1,
        extent=(*edges(life.epochs), life.units, 0),
    )
    axes.grid(False)
    epoch_ticks(axes)
    axes.set_ylabel("unit, by activity")
    return image


def box_width(axes: Axes, sheet: Sheet) -> float:
    return float(axes.get_position().width) * sheet.width


@plot(
    "dying_units",
    title="Units that die",
    look="orange lines that go on to the end: units lost for good; many at one epoch: one update too large",
)
def dying_units(view: View, sheet: Sheet) -> None:
    """A line for each unit that was ever dead: when it died, how big the update that killed it was, and what then.

    Blue: alive; vermillion: dead (zero on every probe row). At the cross the unit died; the number beside it is how
    far the unit's own weights and bias moved in that epoch, over their length, and in brackets how many times the
    layer's usual move that is: a large factor means that one update threw it off. A dead unit whose weights still
    move (green end) is reached by other rows or by decay and may come back; one whose weights stand still (black end)
    is frozen and cannot, unless the layers before it change. Circles: it came back.
    """
    layers = lives(view)
    sheet.about(view.logged_span)
    ever = [(name, unit) for name, life in layers.items() for unit in np.flatnonzero(life.dead.any(axis=0))]
    total = sum(life.units for life in layers.values())
    if not ever:
        sheet.message(
            f"None of the {plural(total, 'hidden unit')} was ever dead: each answers some probe row. That is health."
        )
        return
    sheet.about(f"{len(ever):,} of {plural(total, 'hidden unit')} were dead at some time")
    shown = ever[:MOST_UNITS]
    if len(shown) < len(ever):
        sheet.remark(f"the first {MOST_UNITS} of {len(ever):,}; another layer with --layer NAME")
    ((axes,),) = sheet.grid(1, 1, height=max(0.8, 0.24 * len(shown) + 0.3), left=1.6, right=4.2)
    moved = {name: moves(view, name) for name in dict.fromkeys(name for name, _ in shown)}
    for y, (name, unit) in enumerate(shown):
        timeline(axes, y, layers[name], int(unit))
        obituary(axes, y, layers[name], int(unit), moved[name])
    axes.set_yticks(range(len(shown)), [f"{fit(name, 0.9, 9)} [{unit}]" for name, unit in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    epoch_axis(axes, 0, float(view.run.epochs[-1]))
    axes.grid(axis="y", visible=False)
    axes.set_title("blue: alive   ✕ dies   orange: dead   ○ comes back")


def timeline(axes: Axes, y: int, life: Lives, unit: int) -> None:
    epochs, dead = life.epochs, life.dead[:, unit]
    axes.plot([epochs[0], epochs[-1]], [y, y], color=BLUE, linewidth=1.2, alpha=0.7)
    axes.plot(epochs, np.where(dead, y, np.nan), color=VERMILLION, linewidth=4, marker="s", markersize=3.5)
    deaths = np.flatnonzero(life.died[:, unit])
    axes.plot(epochs[deaths], np.full(len(deaths), y), color=VERMILLION, marker="x", linestyle="", markersize=7)
    back = np.flatnonzero(life.revived[:, unit])
    paper: dict[str, Any] = {"markerfacecolor": "white", "markeredgecolor": BLUE}
    axes.plot(epochs[back], np.full(len(back), y), marker="o", linestyle="", markersize=5, **paper)


def obituary(axes: Axes, y: int, life: Lives, unit: int, moved: Array | None) -> None:
    """Right of a unit's line: when it died last, what update killed it, and what is to be hoped for."""
    deaths, dead = np.flatnonzero(life.died[:, unit]), life.dead[:, unit]
    words = []
    if len(deaths):
        row = deaths[-1]
        words.append(f"died in epoch {int(life.epochs[row])}")
        if moved is not None:
            usual = float(np.median(moved[row]))
            times = f", {moved[row, unit] / usual:.1f}× usual" if usual > 0 else ""
            words.append(f"moved {100 * moved[row, unit]:.3g} %{times}")
    else:
        words.append("dead from the start")
    if not dead[-1]:
        words.append("came back")
    elif moved is not None and len(moved) > 1:
        words.append("frozen" if moved[-1, unit] == 0 else "still moves")
    axes.text(1.01, y, "; ".join(words), transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)


def moves(view: View, layer: str) -> Array | None:
    """(logged epochs, units): how far each unit's weights moved since the logged epoch before, over their length."""
    if not view.run.has("weights", f"{layer}.W"):
        return None
    W = view.run.weights(f"{layer}.W")
    moved = np.zeros((len(W), W.shape[2]))
    for row in range(1, len(W)):
        with np.errstate(all="ignore"):
            change = np.linalg.norm(W[row] - W[row - 1], axis=0)
            moved[row] = np.nan_to_num(change / np.linalg.norm(W[row - 1], axis=0))
    return moved
