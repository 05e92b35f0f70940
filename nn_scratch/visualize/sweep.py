"""The pictures of a sweep, and sweep.html that holds them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.experiments.sweeps.importance import FEWEST_TRIALS, coordinate, importance
from nn_scratch.experiments.sweeps.rows import Row, indistinguishable
from nn_scratch.experiments.sweeps.space import Dimension, dimensions
from nn_scratch.experiments.sweeps.sweep import Swept, as_cell
from nn_scratch.runs.files import disk_errors, write_text
from nn_scratch.runs.run import Run
from nn_scratch.visualize.gallery import save
from nn_scratch.visualize.palette import DASHES, RUNS, SEQUENTIAL, SERIES, theme
from nn_scratch.visualize.style import Sheet, drawing, fit, log_axis
from nn_scratch.visualize.view import SCORES
from nn_scratch.visualize.web.plots_page import embedded, page

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_RANKED = 30  # trials in the ranking
MOST_CURVES = 8  # trials whose curves stand out
MOST_PALE = 150  # trials whose curves are drawn at all


@dataclass(frozen=True)
class SweepPlot:
    """One picture of a sweep."""

    name: str
    title: str
    look: str
    function: Callable[[Swept, Sheet], None]

    @property
    def how_to_read(self) -> str:
        import inspect

        return inspect.getdoc(self.function) or ""


SWEEP_PLOTS: dict[str, SweepPlot] = {}


def sweep_plot(name: str, *, title: str, look: str) -> Callable[..., Callable[[Swept, Sheet], None]]:
    """Function decorator: make a picture of a sweep known as `name`."""

    def add(function: Callable[[Swept, Sheet], None]) -> Callable[[Swept, Sheet], None]:
        SWEEP_PLOTS[name] = SweepPlot(name, title, look, function)
        return function

    return add


def draw_sweep(swept: Swept) -> Path:
    """Draw every picture to plots/*.png of the sweep's folder, and write sweep.html; returns its path."""
    folder = swept.folder / "plots"
    if folder.is_symlink():
        raise UserError(f"{folder}: a symbolic link is not followed; remove it")
    with disk_errors(folder):
        folder.mkdir(exist_ok=True)
    pictures: list[tuple[SweepPlot, Path]] = []
    with drawing():
        for plot in SWEEP_PLOTS.values():
            sheet = Sheet(plot.title, subtitle(swept), plot.look)
            plot.function(swept, sheet)
            pictures.append((plot, save(sheet.finish(), folder / plot.name)))
    path = swept.folder / "sweep.html"
    write_text(path, sweep_page(swept, pictures))
    return path


def subtitle(swept: Swept) -> str:
    seeds = f" · {swept.sweep.seeds} seeds each" if swept.sweep.seeds > 1 else ""
    return f"{swept.folder.name} · {swept.sweep.method} · {len(swept.rows)} trials{seeds} · {label(swept)}"


def label(swept: Swept) -> str:
    part, _, name = swept.metric.partition("_")
    return f"{ {'val': 'validation', 'train': 'training'}.get(part, part) } {SCORES.get(name, name.replace('_', ' '))}"


# --- pictures


@sweep_plot(
    "ranking",
    title="The trials, ranked",
    look="bars of the best that overlap: the seeds do not tell these settings apart, so take the simplest of them",
)
def ranking(swept: Swept, sheet: Sheet) -> None:
    """The trials, the best at the top: the mean over seeds (dot), each seed (small marks), and two standard errors.

    Trials in colour are within two standard errors of the paired difference to the best. With one seed there are no
    bars, and the order of trials that are close is luck.
    """
    order = swept.ranked[:MOST_RANKED]
    if not order:
        sheet.message("No trial has a score.")
        return
    near = indistinguishable(swept.rows, swept.minimize)
    ((axes,),) = sheet.grid(height=0.9 + 0.24 * len(order), left=4.6)
    for place, row in enumerate(order):
        colour = RUNS[0] if row.trial in near or (not near and place == 0) else theme().grey
        if len(row.scores) > 1:
            error = 2 * row.std / np.sqrt(len(row.scores))
            axes.plot([row.mean - error, row.mean + error], [place, place], color=colour, linewidth=2)
            axes.plot(row.scores, [place] * len(row.scores), "|", color=colour, markersize=7)
        axes.plot([row.mean], [place], "o", color=colour, markersize=6)
    axes.set_yticks(range(len(order)), [fit(f"{row.trial}: {brief(row)}", 4.2, 9) for row in order])
    axes.set_ylim(len(order) - 0.5, -0.5)
    axes.set_xlabel(label(swept))
    if len(swept.ranked) > MOST_RANKED:
        sheet.remark(f"the best {MOST_RANKED} of {len(swept.ranked)} trials with a score")


@sweep_plot(
    "keys",
    title="The score against each key",
    look="a slope or a hump that stands out of the scatter: there the key matters; a flat cloud: it does not",
)
def keys(swept: Swept, sheet: Sheet) -> None:
    """A dot a trial: its score over the value of one key, for all values of the others. Black: the best trial.

    For a key that chooses among few values, dots are spread a little to the sides, and a bar marks the median.
    """
    rows, searched = swept.ranked, dimensions(swept.sweep)
    if not rows:
        sheet.message("No trial has a score.")
        return
    columns = min(3, len(searched))
    lines = -(-len(searched) // columns)
    panels = [axes for line in sheet.grid(lines, columns, height=2.8, gap=(0.95, 0.7)) for axes in line]
    for axes in panels[len(searched) :]:
        axes.set_axis_off()
    for axes, dimension in zip(panels, searched, strict=False):
        with_key = [row for row in rows if dimension.key in row.values]
        x = np.array([position(dimension, row) for row in with_key])
        y = np.array([row.mean for row in with_key])
        axes.plot(x, y, "o", color=SERIES, alpha=0.55, markersize=4.5)
        if with_key and with_key[0] is rows[0]:
            axes.plot(x[:1], y[:1], "o", color=theme().ink, markersize=8)
        if dimension.choices:
            draw_choices(axes, dimension, with_key)
        elif dimension.logarithmic:
            axes.set_xlim(dimension.low / 1.2, dimension.high * 1.2)
            log_axis(axes.xaxis)
        axes.set_xlabel(fit(dimension.key, 3.2, 10))
    for line in range(lines):
        panels[line * columns].set_ylabel(fit(label(swept), 2.6, 10))
    robust_limits(panels[: len(searched)], [row.mean for row in rows], swept.minimize, sheet)


@sweep_plot(
    "importance",
    title="Which key decides",
    look="the longest bar: tune that key first; a key near zero may stay as it is",
)
def importances(swept: Swept, sheet: Sheet) -> None:
    """The share of the score's variance over the searched space that each key explains by itself.

    Estimated by functional ANOVA on a random forest of the trials; what is missing to 100 % is due to combinations of
    keys. With few trials it is a rough estimate: a key that matters shows in the picture of the score against each key,
    too.
    """
    shares = importance(dimensions(swept.sweep), swept.rows)
    if not shares:
        sheet.message(f"Fewer than {FEWEST_TRIALS} trials have a score: too few to say which key decides.")
        return
    order = sorted(shares, key=lambda key: shares[key])
    ((axes,),) = sheet.grid(height=0.8 + 0.36 * len(order), left=3.2)
    axes.barh(range(len(order)), [100 * shares[key] for key in order], color=SERIES, height=0.6)
    for place, key in enumerate(order):
        axes.text(100 * shares[key] + 1, place, f"{100 * shares[key]:.0f} %", va="center", fontsize=9)
    axes.set_yticks(range(len(order)), [fit(key, 2.9, 10) for key in order])
    axes.set_xlim(0, 108)
    axes.set_xlabel("share of the score's variance (%)")
    axes.grid(visible=False, axis="y")


@sweep_plot(
    "parallel",
    title="The settings of the best and of the others",
    look="axes at which the bright lines come together: values that good settings have in common",
)
def parallel(swept: Swept, sheet: Sheet) -> None:
    """A line a trial through the value of each key, its score on the last axis. Bright and thick: the higher it ranks.

    Ranges run from their lowest value, at the bottom, to their highest, on the scale they were searched on.
    """
    rows, searched = swept.ranked, dimensions(swept.sweep)
    if len(rows) < 2:
        sheet.message("Fewer than two trials have a score.")
        return
    import matplotlib

    ((axes,),) = sheet.grid(height=4.4, left=0.9, right=0.9, bottom=0.8)
    low, high = robust_range(np.array([row.mean for row in rows]), swept.minimize)
    shades = matplotlib.colormaps[SEQUENTIAL]
    for place, row in reversed(list(enumerate(rows))):  # the best last, on top
        good = 1.0 - place / (len(rows) - 1)
        share = float(np.clip((row.mean - low) / ((high - low) or 1.0), 0, 1))
        heights = [coordinate(d, row.values[d.key]) if d.key in row.values else np.nan for d in searched]
        style: dict[str, Any] = {"color": shades(0.92 * good), "alpha": 0.2 + 0.7 * good**3}
        axes.plot(range(len(searched) + 1), [*heights, share], linewidth=0.8 + 1.8 * good**3, **style)
    for place, dimension in enumerate(searched):
        axes.axvline(place, color=theme().grey, linewidth=1)
        for height, text in axis_labels(dimension):
            axes.text(place + 0.02, height, fit(text, 1.1, 8.5), fontsize=8.5, va="center", bbox=WHITE_BOX)
    axes.axvline(len(searched), color=theme().grey, linewidth=1)
    for height, value in ((0.0, low), (1.0, high)):
        axes.text(len(searched) + 0.02, height, f"{value:.4g}", fontsize=8.5, va="center", bbox=WHITE_BOX)
    names = [fit(d.key, 9.0 / (len(searched) + 1), 9.5) for d in searched]
    axes.set_xticks(range(len(searched) + 1), [*names, fit(label(swept), 1.6, 9.5)])
    axes.set_xlim(-0.15, len(searched) + 0.35)
    axes.set_ylim(-0.06, 1.06)
    axes.set_yticks([])
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)


@sweep_plot(
    "curves",
    title="How the trials learned",
    look="good settings that still rise at the end: train them longer; bad ones that fall back: a rate too high",
)
def learning_curves(swept: Swept, sheet: Sheet) -> None:
    """The score over the epochs of every trial's first seed: the best in colour, the others pale."""
    name = swept.metric if swept.metric.startswith(("val_", "train_")) else f"val_{swept.metric.partition('_')[2]}"
    ((axes,),) = sheet.grid(height=4.4, right=3.4)
    order = swept.ranked
    shades = [*RUNS, theme().ink]
    drawn: list[float] = []
    for place, row in reversed(list(enumerate(order[:MOST_PALE]))):
        curve = curve_of(swept, row, name)
        if curve is None:
            continue
        epochs, values = curve
        drawn += values[np.isfinite(values)].tolist()
        if place < MOST_CURVES:
            axes.plot(
                epochs, values, color=shades[place], linestyle=DASHES[place % len(DASHES)], zorder=3, linewidth=1.6
            )
        else:
            axes.plot(epochs, values, color=theme().pale, linewidth=0.8, zorder=1)
    if not drawn:
        sheet.remark("no trial has logged this score by epoch")
        return
    for place, row in enumerate(order[:MOST_CURVES]):
        text = fit(f"{row.trial}: {brief(row)}", 2.6, 8.5)
        axes.plot([], [], color=shades[place], linestyle=DASHES[place % len(DASHES)], label=text)
    axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0, fontsize=8.5)
    axes.set_xlabel("epoch")
    axes.set_ylabel(label(swept))
    robust_limits([axes], drawn, swept.minimize, sheet)


WHITE_BOX = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 1.0}


def brief(row: Row) -> str:
    """The setting in few letters: the last part of each key, and its value."""
    return ", ".join(f"{short_key(key)} {short(value)}" for key, value in row.values.items())


def short_key(key: str) -> str:
    """units of layers.0.units; of a part's type the part: optimizer of optimizer.type."""
    return key.removesuffix(".type").rpartition(".")[2]


def short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else as_cell(value)


def position(dimension: Dimension, row: Row) -> float:
    """Where a trial stands on the axis of a key: its value, or the place of its choice, spread a little."""
    value = row.values[dimension.key]
    if not dimension.choices:
        return float(value)
    return dimension.choices.index(value) + 0.3 * (((row.trial * 0.6180339887) % 1.0) - 0.5)  # the golden ratio


def draw_choices(axes: Axes, dimension: Dimension, rows: Sequence[Row]) -> None:
    for place, choice in enumerate(dimension.choices):
        scores = [row.mean for row in rows if row.values[dimension.key] == choice]
        if scores:
            axes.plot([place - 0.28, place + 0.28], [np.median(scores)] * 2, color=theme().ink, linewidth=2)
    room = 3.0 / len(dimension.choices)
    axes.set_xticks(range(len(dimension.choices)), [fit(as_cell(choice), room, 9) for choice in dimension.choices])
    axes.set_xlim(-0.6, len(dimension.choices) - 0.4)


def axis_labels(dimension: Dimension) -> list[tuple[float, str]]:
    if dimension.choices:
        return [(coordinate(dimension, choice), as_cell(choice)) for choice in dimension.choices]
    middle = dimension.at(0.5)
    return [(coordinate(dimension, value), f"{value:.3g}") for value in (dimension.low, middle, dimension.high)]


def robust_range(scores: Any, minimize: bool) -> tuple[float, float]:
    """Lowest and highest score to show: failed trials far off the good ones do not squeeze these together."""
    values = np.asarray(scores, float)
    low, high = float(values.min()), float(values.max())
    first, middle, third = np.quantile(values, (0.25, 0.5, 0.75))
    reach = 3.0 * (third - first)
    if minimize:
        high = min(high, float(middle + reach)) if reach > 0 else high
    else:
        low = max(low, float(middle - reach)) if reach > 0 else low
    return low, high


def robust_limits(panels: Sequence[Axes], scores: Sequence[float], minimize: bool, sheet: Sheet) -> None:
    low, high = robust_range(scores, minimize)
    margin = 0.06 * ((high - low) or 1.0)
    outside = sum(1 for score in scores if not low - margin <= score <= high + margin)
    for axes in panels:
        axes.set_ylim(low - margin, high + margin)
    if outside:
        sheet.remark(f"{outside} values far from the good ones lie outside the axis")


def curve_of(swept: Swept, row: Row, name: str) -> tuple[Any, Any] | None:
    if not row.runs:
        return None
    try:
        metrics = Run(swept.folder / "runs" / row.runs[0]).metrics
    except UserError:  # its folder was removed: the row stays
        return None
    return (metrics["epoch"], metrics[name]) if name in metrics and len(metrics[name]) else None


# --- the page


def sweep_page(swept: Swept, pictures: Sequence[tuple[SweepPlot, Path]]) -> str:
    figures = "\n".join(
        f'<figure><img src="{embedded(path, "image/png")}" alt="{escape(plot.title)}">'
        f"<figcaption>{escape(' '.join(plot.how_to_read.split()))}</figcaption></figure>"
        for plot, path in pictures
    )
    best = f"<pre>{escape(best_change(swept))}</pre>" if swept.ranked else "<p>No trial has a score.</p>"
    sections = [("best", "The best setting", best), ("plots", "Pictures", figures), ("trials", "Trials", table(swept))]
    heading = f'<h1>{escape(swept.folder.name)}</h1><p class="sub">{escape(subtitle(swept))}</p><p>{verdict(swept)}</p>'
    return page(swept.folder.name, heading, sections)


def verdict(swept: Swept) -> str:
    """One sentence: how well the best did, and whether seeds can tell it from the next."""
    order = swept.ranked
    if not order:
        return "No trial has a score."
    best = order[0]
    text = f"Trial {best.trial} is best, with a {label(swept)} of {best.mean:.4g}"
    near = indistinguishable(swept.rows, swept.minimize)
    if len(near) > 1:
        return escape(f"{text}; {len(near) - 1} other trials are within the spread of {swept.sweep.seeds} seeds.")
    if not near and len(order) > 1:
        return escape(f"{text}. Each setting was trained once: train the best ones with more seeds before you choose.")
    return escape(f"{text}.")


def best_change(swept: Swept) -> str:
    return "\n".join(f"{key}: {as_cell(value)}" for key, value in swept.ranked[0].values.items())


def table(swept: Swept) -> str:
    """Every trial, the best first; those without a score at the end, with the reason."""
    head = "".join(
        f"<th>{escape(name)}</th>" for name in ("trial", "status", swept.metric, "std", "epochs", *swept.keys, "")
    )
    order = [*swept.ranked, *(row for row in swept.rows if not np.isfinite(row.mean))]
    lines = []
    for row in order:
        numbers = [f"{value:.4g}" if np.isfinite(value) else "–" for value in (row.mean, row.std)]
        values = [as_cell(row.values[key]) if key in row.values else "" for key in swept.keys]
        cells = [str(row.trial), row.status, *numbers, str(row.epochs), *values, row.error]
        lines.append("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>")
    return f"<table><tr>{head}</tr>\n" + "\n".join(lines) + "</table>"
