"""Hidden units over training: which are active, which die, and which recover."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.layer_lines import Series, draw_layers
from nn_scratch.visualize.palette import SEQUENTIAL, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.plots.tensors import edges, shown_layers
from nn_scratch.visualize.style import Sheet, colour_bar, epoch_axis, epoch_ticks, fit, layer_legend, short_number
from nn_scratch.visualize.units import Lives, lives
from nn_scratch.visualize.view import View, thinned
from nn_scratch.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes


MOST_LINES = 40  # of units that die
MAP_COLUMNS = 240


@plot(
    "activation_health",
    title="Activation health",
    look="dark rows: units that are never active (dead) or constant; shares of dead or saturated units that rise",
)
def activation_health(view: View, sheet: Sheet) -> None:
    """Above: the share of dead units and of saturated activations of each layer. Below: every unit, every logged epoch.

    A unit is dead when it is zero on every probe row: no gradient reaches its weights, and a ReLU rarely recovers. An
    activation is saturated where its derivative is under 0.01 (sigmoid, tanh and similar; rectifiers do not saturate,
    and the panel is left out). The maps of layers with exact zeros show the share of probe rows on which each unit is
    active; those of layers without show the standard deviation of each unit over the probe rows. Units are ordered by
    that value in the last epoch. A black row is a unit that is dead or constant.
    """
    layers = lives(view)
    panels = share_panels(view, layers)
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
    for axes in grid[0][len(panels) :]:
        axes.set_axis_off()
    for axes, (title, series) in zip(grid[0], panels.items(), strict=False):
        share_lines(axes, view, series, title)
    layer_legend(sheet, grid[0][len(panels) - 1], list(layers), view.run.layer_names)
    places = [axes for line in grid[1:] for axes in line]
    image = None
    for axes, name in zip(places, names, strict=False):
        image, what = unit_map(axes, view, layers[name])
        axes.set_title(fit(f"{name}: {what}", box_width(axes, sheet), 10))
    for axes in places[len(names) :]:
        axes.set_axis_off()
    if image is not None:
        colour_bar(sheet, image, grid[1][min(columns, len(names)) - 1], "share of the maximum, or of the rows")


def share_panels(view: View, layers: dict[str, Lives]) -> dict[str, Series]:
    """Title and series of the panels that have something to show."""
    panels = {}
    for column, title in (("dead_share", "dead units, %"), ("saturated_share", "saturated activations, %")):
        series = {name: found for name, found in view.series(column).items() if name in layers}
        if column == "dead_share" or any(np.isfinite(values).any() for _, values in series.values()):
            panels[title] = series
    return panels


def share_lines(axes: Axes, view: View, series: Series, title: str) -> None:
    draw_layers(axes, view, {name: (x, 100 * y) for name, (x, y) in series.items()}, logarithmic=False)
    values = np.concatenate([values for _, values in series.values()] or [np.zeros(0)])
    top = max(10.0, 105 * float(np.nanmax(values))) if np.isfinite(values).any() else 100.0
    axes.set_ylim(-0.03 * top, top)  # room for a line at 0
    axes.set_yticks([tick for tick in axes.get_yticks() if 0 <= tick <= top])
    axes.set_title(title)
    epoch_axis(axes, 0, float(max((epochs[-1] for epochs, _ in series.values() if len(epochs)), default=0)))


def unit_map(axes: Axes, view: View, life: Lives) -> tuple[Any, str]:
    """The map of a layer's units, and what it shows."""
    if not (life.active == 1).all():
        return active_map(axes, life), "active share"
    rows = thinned(len(life.epochs), MAP_COLUMNS)
    activations = view.run.activations(life.layer)
    spread = np.stack([np.asarray(activations[row], np.float64).std(axis=0) for row in rows])
    most = float(np.nan_to_num(spread).max())
    drawn = draw_map(axes, spread / (most or 1.0), life.epochs[rows], "unit, by spread")
    return drawn, f"std ≤ {most:.2g}"


def active_map(axes: Axes, life: Lives) -> Any:
    return draw_map(axes, life.active, life.epochs, "unit, by activity")


def draw_map(axes: Axes, values: Array, epochs: Array, label: str) -> Any:
    """(epochs, units) values in [0, 1], units ordered by the last epoch."""
    order = np.argsort(-values[-1], kind="stable")
    image = axes.imshow(
        values[:, order].T,
        aspect="auto",
        cmap=SEQUENTIAL,
        vmin=0,
        vmax=1,
        extent=(*edges(epochs), values.shape[1], 0),
    )
    axes.grid(False)
    epoch_ticks(axes)
    axes.set_ylabel(label)
    return image


def box_width(axes: Axes, sheet: Sheet) -> float:
    return float(axes.get_position().width) * sheet.width


@plot(
    "dying_units",
    title="Units that die",
    look="thick lines that reach the end: units that stay dead; many deaths at one epoch: an update too large",
)
def dying_units(view: View, sheet: Sheet) -> None:
    """A line for each unit that was ever dead: when it died, the size of the update before it, and what followed.

    Thin grey: alive; thick: dead (zero on every probe row). A cross marks the death, a circle the recovery. The text
    gives how far the unit's own weights moved in the epoch of its death, relative to their norm, and how many times the
    layer's median movement that is: a large factor means that a single update killed it. A dead unit whose weights
    still move is reached by other rows or by weight decay and may recover; a frozen one cannot, unless the layers
    before it change. Units of a layer with the same history share one line.
    """
    layers = lives(view)
    sheet.about(view.logged_span)
    total = sum(life.units for life in layers.values())
    found = histories(view, layers)
    ever = sum(len(history.units) for history in found)
    if not ever:
        healthy = "" if view.warning else ", as in a healthy network"
        sheet.caption(f"a line for each unit that dies; here none does{healthy}")
        sheet.message(f"None of the {plural(total, 'hidden unit')} is dead at any logged epoch.")
        return
    sheet.about(f"{ever:,} of {plural(total, 'hidden unit')} were dead at some epoch")
    shown = found[:MOST_LINES]
    if len(shown) < len(found):
        sheet.remark(f"the first {MOST_LINES} of {len(found):,} histories; another layer with --layer NAME")
    lasting = sum(len(history.units) for history in found if history.dead[-1])
    sheet.caption(f"thick lines that reach the end: {plural(lasting, 'unit')} of {total:,} dead at the last epoch")
    ((axes,),) = sheet.grid(1, 1, height=max(0.8, 0.26 * len(shown) + 0.3), left=2.2, right=4.0)
    for y, history in enumerate(shown):
        timeline(axes, y, layers[history.layer], history)
        axes.text(1.01, y, history.words, transform=axes.get_yaxis_transform(), va="center", fontsize=8.5)
    axes.set_yticks(range(len(shown)), [fit(history.label, 2.0, 9) for history in shown])
    axes.set_ylim(len(shown) - 0.4, -0.6)
    epoch_axis(axes, 0, float(view.run.epochs[-1]))
    axes.grid(axis="y", visible=False)
    axes.set_title("thin: alive   ✕ dies   thick: dead   ○ recovers")


@dataclass(frozen=True)
class History:
    """Units of a layer that are dead at the same epochs, with the same outcome."""

    layer: str
    units: tuple[int, ...]
    dead: Array  # (logged epochs,)
    words: str

    @property
    def label(self) -> str:
        if len(self.units) == 1:
            return f"{self.layer} [{self.units[0]}]"
        first, last = self.units[0], self.units[-1]
        which = f"[{first} to {last}]" if last - first == len(self.units) - 1 else f"[{first}, …, {last}]"
        return f"{self.layer}: {len(self.units)} units {which}"


def histories(view: View, layers: dict[str, Lives]) -> list[History]:
    """The history of each unit that was ever dead, equal ones together."""
    found = []
    for name, life in layers.items():
        units = np.flatnonzero(life.dead.any(axis=0))
        moved = moves(view, name) if len(units) else None
        groups: dict[tuple[bytes, str], list[int]] = {}
        for unit in units.tolist():
            groups.setdefault((life.dead[:, unit].tobytes(), state_at_end(life, unit, moved)), []).append(unit)
        found += [
            History(name, tuple(group), life.dead[:, group[0]], outcome(life, group, moved))
            for group in groups.values()
        ]
    return found


def timeline(axes: Axes, y: int, life: Lives, history: History) -> None:
    epochs, unit = life.epochs, history.units[0]
    axes.plot([epochs[0], epochs[-1]], [y, y], color=theme().grey, linewidth=1.0)
    dead = np.where(history.dead, y, np.nan)
    axes.plot(epochs, dead, color=theme().ink, linewidth=4, marker="s", markersize=3.5)
    deaths = np.flatnonzero(life.died[:, unit])
    axes.plot(epochs[deaths], np.full(len(deaths), y), color=theme().ink, marker="x", linestyle="", markersize=8)
    back = np.flatnonzero(life.revived[:, unit])
    hollow: dict[str, Any] = {"markerfacecolor": theme().paper, "markeredgecolor": theme().ink}
    axes.plot(epochs[back], np.full(len(back), y), marker="o", linestyle="", markersize=5, **hollow)


def outcome(life: Lives, units: list[int], moved: Array | None) -> str:
    """When units of one history died last, after what movement, and their state at the end."""
    deaths = np.flatnonzero(life.died[:, units[0]])
    words = [f"died in epoch {int(life.epochs[deaths[-1]])}" if len(deaths) else "dead from the start"]
    if len(deaths) and moved is not None:
        row = deaths[-1]
        own, median = np.sort(moved[row, units]), float(np.median(moved[row]))
        if len(units) > 1:
            words.append(
                f"moved {short_number(float(f'{100 * own[0]:.2g}'))} to {short_number(float(f'{100 * own[-1]:.2g}'))} %"
            )
        else:
            words.append(f"moved {100 * own[0]:.3g} %" + (f", {own[0] / median:.1f}× the median" if median > 0 else ""))
    state = state_at_end(life, units[0], moved)
    return "; ".join([*words, state] if state else words)


def state_at_end(life: Lives, unit: int, moved: Array | None) -> str:
    if not life.dead[-1, unit]:
        return "recovered"
    if moved is None or len(moved) < 2:
        return ""
    return "frozen" if moved[-1, unit] == 0 else "weights still move"


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
