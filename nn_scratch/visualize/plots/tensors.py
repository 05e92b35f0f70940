"""The logs of weights, gradients and activations, layer by layer, over epochs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import SEQUENTIAL, SERIES, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import (
    Sheet,
    blank,
    colour_bar,
    epoch_axis,
    epoch_ticks,
    fit,
    short_number,
    symmetric_limit,
)
from nn_scratch.visualize.view import CURVE_POINTS, SAMPLE, View, row_sample, thinned
from nn_scratch.wording import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes


SINGLE_LINES = 64  # a layer of this many weights or fewer is drawn weight by weight
MOST_PANELS = 12
PERCENTILES = np.array([0.0, 5.0, 25.0, 50.0, 75.0, 95.0, 100.0])
BINS = 61


@plot(
    "weights",
    title="Weights over epochs",
    look="a layer whose band stays as it began (not learning) or widens without end (rate too high)",
)
def weights(view: View, sheet: Sheet) -> None:
    """Each layer's weights after every epoch, as percentile bands; a small layer's weights as single lines.

    Dark: the middle half of the weights; light: from the 5th to the 95th percentile; thin lines: the least and the
    greatest; the line: the median. A healthy layer's band moves at first and then settles. Bands that do not move mean
    that the layer does not learn; bands that widen to the end, that training has not settled or the rate is too high.
    """
    bands(view, sheet, "weights", "weight")


@plot(
    "gradients",
    title="Gradients over epochs",
    look="bands flat at zero while the loss is high (vanished), or hundreds of times wider than another layer's",
)
def gradients(view: View, sheet: Sheet) -> None:
    """Each layer's weight gradients on the fixed probe rows after every epoch, as percentile bands.

    Bands as in the plot of weights. They should narrow as the loss falls. Gradients that are flat at zero from the
    start, in the first layers above all, have vanished on their way back; ones that jump up have met a cliff.
    """
    bands(view, sheet, "gradients", "∂loss/∂weight")


@plot(
    "activations",
    title="Activations over epochs",
    look="bands that collapse to one value (a layer whose output is the same for every row) or grow with every epoch",
)
def activations(view: View, sheet: Sheet) -> None:
    """Each layer's outputs on the fixed probe rows after every epoch, as percentile bands.

    Bands as in the plot of weights. Each layer should keep some spread: one whose band is a single line answers every
    row alike. The last layer's outputs are the input of the loss (for classes: logits, whose growth is growing
    certainty).
    """
    bands(view, sheet, "activations", "activation")


def bands(view: View, sheet: Sheet, kind: str, unit: str) -> None:
    tensors = shown_layers(view.tensors(kind), sheet)
    sheet.about(view.logged_span)
    rows = thinned(len(view.run.epochs), CURVE_POINTS)
    if len(rows) < len(view.run.epochs):
        sheet.remark(f"{len(rows)} of {len(view.run.epochs):,} logged epochs, evenly spread")
    epochs = view.run.epochs[rows]
    panels = panel_grid(sheet, len(tensors))
    for axes, (layer, values) in zip(panels, tensors.items(), strict=True):
        small = kind != "activations" and values[0].size <= SINGLE_LINES
        if small:
            lines = np.where(np.isfinite(values[rows]), values[rows], np.nan).reshape(len(rows), -1)
            axes.plot(epochs, lines, linewidth=0.9, alpha=0.8, color=SERIES, marker="." if len(rows) < 3 else "")
        else:
            draw_bands(axes, epochs, percentiles(values, rows))
            sheet.remark("dark: the middle half; light: 5th to 95th percentile; dashed: minimum and maximum")
            if values[0].size > SAMPLE:
                sheet.remark(f"percentiles of {SAMPLE:,} evenly spread entries where a layer has more")
        if kind == "gradients":
            spread_out(axes, values, rows)
        epoch_axis(axes, float(epochs[0]), float(epochs[-1]))
        axes.set_title(panel_title(axes, sheet, layer, kind, values, small))
    for axes in panels:
        if axes.get_subplotspec() is None and axes.get_position().x0 < 0.1:
            axes.set_ylabel(unit)


def spread_out(axes: Axes, values: Array, rows: Array) -> None:
    """Powers of ten, up and down from a strip about zero, where the spread changes by more than a factor 20."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator, SymmetricalLogLocator

    sizes = np.array([np.quantile(np.abs(row), 0.9) if len(row := row_sample(values[at], 4096)) else 0 for at in rows])
    sizes = sizes[np.isfinite(sizes) & (sizes > 0)]
    if len(sizes) < 2 or sizes.max() < 20 * sizes.min():
        axes.yaxis.set_major_locator(MaxNLocator(nbins=7))
        return
    strip = 10.0 ** np.floor(np.log10(sizes.min()))
    axes.set_yscale("symlog", linthresh=strip, linscale=0.5)
    decades = np.log10(sizes.max() / strip)
    locator = SymmetricalLogLocator(base=10 ** max(1, round(decades / 3)), linthresh=strip)
    axes.yaxis.set_major_locator(locator)
    axes.yaxis.set_major_formatter(FuncFormatter(short_number))


def panel_title(axes: Axes, sheet: Sheet, layer: str, kind: str, values: Array, small: bool) -> str:
    rows, columns = values.shape[1:]
    if kind == "activations":
        what = f"{plural(columns, 'unit')} × {plural(rows, 'probe row')}"
    else:
        what = f"{rows:,} → {columns:,}{', a line each' if small else ''}"
    room = axes.get_position().width * sheet.width
    return fit(f"{layer}  {what}", room, 10.5)


def percentiles(values: Array, rows: Array) -> Array:
    """(rows, len(PERCENTILES)) of each logged epoch's entries; nan where none is finite."""
    found = np.full((len(rows), len(PERCENTILES)), np.nan)
    for i, row in enumerate(rows):
        flat = np.sort(row_sample(values[row]))
        if len(flat):
            found[i] = flat[np.rint(PERCENTILES / 100 * (len(flat) - 1)).astype(int)]
    return found


def draw_bands(axes: Axes, epochs: Array, found: Array) -> None:
    least, p5, p25, median, p75, p95, most = found.T
    if len(epochs) == 1:  # a band needs two epochs: a box
        epochs, (least, p5, p25, median, p75, p95, most) = (
            np.array([epochs[0] - 0.2, epochs[0] + 0.2]),
            (np.repeat(value, 2) for value in (least, p5, p25, median, p75, p95, most)),
        )
    axes.fill_between(epochs, p5, p95, color=SERIES, alpha=0.18, linewidth=0, label="5 to 95 %")
    axes.fill_between(epochs, p25, p75, color=SERIES, alpha=0.38, linewidth=0, label="25 to 75 %")
    axes.plot(epochs, median, color=theme().ink, linewidth=1.4, label="median")
    axes.plot(epochs, least, color=theme().grey, linewidth=0.7, linestyle=(0, (4, 2)), label="minimum, maximum")
    axes.plot(epochs, most, color=theme().grey, linewidth=0.7, linestyle=(0, (4, 2)))


def shown_layers(tensors: dict[str, Array], sheet: Sheet) -> dict[str, Array]:
    """All layers, or as many as can be read; those left out are named."""
    if len(tensors) <= MOST_PANELS:
        return tensors
    names = list(tensors)
    sheet.remark(f"{MOST_PANELS} of {len(names)} layers, evenly spread; another with --layer NAME")
    return {names[i]: tensors[names[i]] for i in thinned(len(names), MOST_PANELS)}


def panel_grid(sheet: Sheet, panels: int, height: float | None = None, **options: Any) -> list[Axes]:
    """So many panels in rows of up to four; the last row's empty places stay blank."""
    columns = panels if panels <= 3 else (2 if panels == 4 else (3 if panels <= 9 else 4))
    rows = -(-panels // columns)
    if height is None:
        height = {1: 4.2, 2: 2.8, 3: 2.2}.get(rows, 2.0)
    grid = [axes for line in sheet.grid(rows, columns, height=height, **options) for axes in line]
    for axes in grid[panels:]:
        blank(axes)
    return grid[:panels]


@plot(
    "distributions",
    title="Distributions of weights and gradients over epochs",
    look="weights piling up at one value or at the edges; gradients at the bottom (zero) while the loss is still high",
)
def distributions(view: View, sheet: Sheet) -> None:
    """How each layer's weights (above) and the sizes of its gradients (below) are spread: a column a logged epoch.

    Colour is the share of a layer's entries in each bin; each column adds up to one. Weights usually keep a bell shape
    that slowly widens. Two ridges, or a ridge that runs to the edge, are weights being pushed apart without end.
    Gradients are shown by size, in powers of ten: they move down as the loss falls; far below the other layers' from
    the start, they have vanished. Zeros, and values beyond the axis, are counted in the outermost bins.
    """
    from matplotlib.ticker import MaxNLocator

    weights = shown_layers(view.tensors("weights"), sheet)
    logged = {"weights": weights}
    if view.run.has("gradients", f"{next(iter(weights))}.W"):
        logged["gradients"] = {layer: values for layer, values in view.tensors("gradients").items() if layer in weights}
    sheet.about(view.logged_span)
    columns = min(len(weights), 6)
    if len(weights) > columns:
        names = [list(weights)[i] for i in thinned(len(weights), columns)]
        sheet.remark(f"{columns} of {len(view.layers)} layers, evenly spread; another with --layer NAME")
        logged = {kind: {name: tensors[name] for name in names} for kind, tensors in logged.items()}
    grid = sheet.grid(len(logged), columns, height=2.9, right=1.15, gap=(0.75, 0.75))
    rows = thinned(len(view.run.epochs), CURVE_POINTS)
    epochs = view.run.epochs[rows]
    for line, (kind, tensors) in zip(grid, logged.items(), strict=True):
        measure = plain_histogram if kind == "weights" else magnitude_histogram
        found = [measure(values, rows) for values in tensors.values()]
        top = max(float(np.quantile(share, 0.99)) for share, _, _ in found) or 1.0
        for axes, (layer, _), (share, low, high) in zip(line, tensors.items(), found, strict=True):
            image = axes.imshow(
                share.T,
                aspect="auto",
                origin="lower",
                cmap=SEQUENTIAL,
                vmin=0,
                vmax=top,
                extent=(*edges(epochs), low, high),
            )
            axes.grid(False)
            axes.set_title(fit(layer, axes.get_position().width * sheet.width, 10.5))
            epoch_ticks(axes)
            if kind == "gradients":
                axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
                axes.yaxis.set_major_formatter(lambda value, _: f"1e{value:.0f}")
        line[0].set_ylabel("weight" if kind == "weights" else "|∂loss/∂weight|")
        colour_bar(sheet, image, line[-1], "share of entries in a bin")


def plain_histogram(values: Array, rows: Array) -> tuple[Array, float, float]:
    """(rows, BINS) shares of each logged epoch's entries in equal bins, and the axis's ends, symmetric about zero."""
    limit = symmetric_limit(*(row_sample(values[row], 4096) for row in thinned(len(values), 24)))
    return histogram(values, rows, -limit, limit), -limit, limit


def magnitude_histogram(values: Array, rows: Array) -> tuple[Array, float, float]:
    """The same of log10 |entry|; the axis spans what occurs, at most twelve powers of ten, zeros in its lowest bin."""
    samples = np.concatenate([np.abs(row_sample(values[row], 4096)) for row in thinned(len(values), 24)])
    samples = samples[samples > 0]
    if not len(samples):
        return histogram(values, rows, -12.0, 0.0, log10_magnitude), -12.0, 0.0
    high = float(np.ceil(np.log10(samples.max())))
    low = max(float(np.floor(np.log10(np.quantile(samples, 0.01)))), high - 12)
    return histogram(values, rows, low, high, log10_magnitude), low, high


def log10_magnitude(values: Array) -> Array:
    with np.errstate(divide="ignore"):
        logarithms: Array = np.log10(np.abs(values))
    return logarithms


def histogram(
    values: Array, rows: Array, low: float, high: float, transform: Callable[[Array], Array] | None = None
) -> Array:
    """(rows, BINS) shares of each logged epoch's entries; values beyond the ends are counted in the last bins."""
    shares = np.zeros((len(rows), BINS))
    for i, row in enumerate(rows):
        flat = row_sample(values[row])
        if len(flat):
            places = flat if transform is None else transform(flat)
            bins = np.clip((places.astype(np.float64) - low) * (BINS / (high - low)), 0, BINS - 1).astype(np.int64)
            shares[i] = np.bincount(bins, minlength=BINS) / len(flat)
    return shares


def edges(epochs: Array) -> tuple[float, float]:
    """The left edge of the first column and the right edge of the last, of evenly spread epochs."""
    step = (epochs[-1] - epochs[0]) / (len(epochs) - 1) if len(epochs) > 1 else 1.0
    return float(epochs[0] - step / 2), float(epochs[-1] + step / 2)
