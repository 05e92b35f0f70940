"""Runs compared: their curves in one picture, their scores, and the keys of their configs that differ.

Runs whose configs differ in nothing but the seed are one group, drawn as a line with a band: a difference between two
groups means something when it is wider than the bands.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.config.writer import ABSENT, config_difference, config_differences, value_text
from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import DASHES, RUNS, theme
from nn_scratch.visualize.style import Sheet, blank, epoch_axis, fit, log_axis, log_helps, widest
from nn_scratch.visualize.view import SCORES, View, number
from nn_scratch.wording import one_line, plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


IGNORED = ("name", "seed")  # a difference in these is none
MOST_GROUPS = len(RUNS)
MOST_KEYS = 600  # 180 inches of them


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but their seed."""

    views: tuple[View, ...]
    label: str

    def curves(self, column: str) -> tuple[Array, Array]:
        """Epochs, and (runs, epochs) values, as far as all the runs came; empty where none has the column."""
        series = [(view.metrics["epoch"], view.metrics[column]) for view in self.views if column in view.metrics]
        if not series:
            return np.zeros(0), np.zeros((0, 0))
        length = min(len(values) for _, values in series)
        epochs = min((epochs for epochs, _ in series), key=len)[:length]
        values = np.stack([values[:length] for _, values in series]).astype(float)
        return epochs, np.where(np.isfinite(values), values, np.nan)


class Comparison:
    """Two runs or more."""

    def __init__(self, views: Sequence[View]) -> None:
        self.views = list(views)

    @cached_property
    def difference(self) -> dict[str, list[str]]:
        """The keys that differ, name aside, and their value in each run ("–": the run has no such key)."""
        return {
            key: ["–" if value is ABSENT else one_line(value_text(value)) for value in values]
            for key, values in self._raw.items()
        }

    @cached_property
    def _raw(self) -> dict[str, list[Any]]:
        found = config_differences([view.run.config for view in self.views])
        return {key: list(values) for key, values in found.items() if key != "name"}

    @cached_property
    def groups(self) -> list[Group]:
        members: list[list[int]] = []  # indices of views whose configs differ in nothing but IGNORED
        for i, view in enumerate(self.views):
            for indices in members:
                first = self.views[indices[0]].run.config
                if all(key in IGNORED for key, _, _ in config_difference(first, view.run.config)):
                    indices.append(i)
                    break
            else:
                members.append([i])
        keys = self._distinguishing_keys([indices[0] for indices in members])
        groups = []
        for indices in members:
            views = tuple(self.views[i] for i in indices)
            values = ", ".join(f"{short} {brief(self._raw[key][indices[0]])}" for key, short in keys.items())
            name = views[0].name if len(views) == 1 else f"{views[0].name} and {plural(len(views) - 1, 'more seed')}"
            groups.append(Group(views, f"{name}: {values}" if values else name))
        return groups

    def _distinguishing_keys(self, firsts: Sequence[int]) -> dict[str, str]:
        """The fewest keys found whose values distinguish groups, by the first run of each, and their short names."""
        keys = [key for key in self.difference if key not in IGNORED]
        columns = {key: [self.difference[key][i] for i in firsts] for key in keys}
        chosen: list[str] = []
        seen: list[Any] = [()] * len(firsts)
        while keys and len(set(seen)) < len(firsts):
            best = max(keys, key=lambda key: len(set(zip(seen, columns[key], strict=True))))
            keys.remove(best)
            chosen.append(best)
            seen = list(zip(seen, columns[best], strict=True))
        return {key: short_key(key, list(self.difference)) for key in chosen}

    @property
    def subtitle(self) -> str:
        return " · ".join(view.name for view in self.views)

    @property
    def warning(self) -> str:
        return "; ".join(f"{view.name} {view.warning}" for view in self.views if view.warning)


def brief(value: Any) -> str:
    """A value for a legend: of a mapping what it is and its main number, such as sgd lr 0.9."""
    if value is ABSENT:
        return "–"
    if not isinstance(value, dict) or "type" not in value:
        return one_line(value_text(value))
    main = [f"{name} {value[name]:g}" for name in ("lr", "units", "rate") if isinstance(value.get(name), int | float)]
    return " ".join([one_line(str(value["type"])), *main])


def short_key(key: str, among: Sequence[str]) -> str:
    """The end of a dotted key that no other key ends with: lr of optimizer.lr, layers.0.units of layers."""
    parts = key.split(".")
    for length in range(1, len(parts)):
        end = ".".join(parts[-length:])
        if not any(other != key and (other == end or other.endswith(f".{end}")) for other in among):
            return end if not end[0].isdigit() else ".".join(parts[-length - 1 :])
    return key


@dataclass(frozen=True)
class ComparisonPlot:
    """One picture of several runs."""

    name: str
    title: str
    look: str
    function: Callable[[Comparison, Sheet], None]

    @property
    def how_to_read(self) -> str:
        import inspect

        return inspect.getdoc(self.function) or ""

    def draw(self, comparison: Comparison) -> Figure:
        sheet = Sheet(self.title, comparison.subtitle, self.look, comparison.warning)
        self.function(comparison, sheet)
        return sheet.finish()


COMPARISONS: dict[str, ComparisonPlot] = {}


def comparison_plot(
    name: str, *, title: str, look: str
) -> Callable[[Callable[[Comparison, Sheet], None]], Callable[[Comparison, Sheet], None]]:
    """Function decorator: make a plot of several runs known as `name`."""

    def add(function: Callable[[Comparison, Sheet], None]) -> Callable[[Comparison, Sheet], None]:
        COMPARISONS[name] = ComparisonPlot(name, title, look, function)
        return function

    return add


@comparison_plot(
    "curves_compared",
    title="Loss and score of several runs",
    look="curves that part by more than the width of the bands: a difference that is more than the luck of the seed",
)
def curves_compared(comparison: Comparison, sheet: Sheet) -> None:
    """Validation (full lines) and training (thin, pale) of each run; runs that differ in their seed alone are a band.

    The band reaches from the least to the greatest of a group's runs, the line is their mean. Where bands overlap, the
    difference may be the luck of the seed. A lower validation loss counts, not a lower training loss.
    """
    groups = shown_groups(comparison, sheet)
    score = groups[0].views[0].score
    room = min(3.4, widest([group.label for group in groups], 9) + 0.6)
    ((loss, points),) = sheet.grid(1, 2, height=4.6, right=room + 0.3)
    last = max(view.last_epoch for view in comparison.views)
    for axes, name in ((loss, "loss"), (points, score)):
        drawn = [draw_group(axes, group, name, i, room) for i, group in enumerate(groups)]
        axes.set_title(SCORES.get(name, name))
        values = [values for values in drawn if values.size]
        if name == "loss" and values and log_helps(*values):
            log_axis(axes.yaxis)
        epoch_axis(axes, 0, max(1, last))
    points.legend(loc="upper left", bbox_to_anchor=(1.02, 1.02), borderaxespad=0)
    several = any(len(group.views) > 1 for group in groups)
    bands = "bands: least to greatest of the seeds" if several else "no bands: each has one seed (train.py --seeds N)"
    sheet.remark(f"thick: validation; thin: training; {bands}")


def draw_group(axes: Axes, group: Group, score: str, place: int, room: float) -> Array:
    style = {"color": RUNS[place], "linestyle": DASHES[place]}
    epochs, training = group.curves(f"train_{score}")
    if training.size:
        axes.plot(epochs, mean(training), linewidth=0.9, alpha=0.45, **style)
    epochs, values = group.curves(f"val_{score}")
    label = fit(group.label, room - 0.5, 9)
    if not values.size:
        axes.plot([], [], label=label, **style)
        return np.zeros(0)
    axes.plot(epochs, mean(values), linewidth=2.0, label=label, marker="o" if len(epochs) < 3 else "", **style)
    if len(values) > 1:
        low, high = np.nanmin(filled(values), axis=0), np.nanmax(filled(values), axis=0)
        axes.fill_between(epochs, low, high, color=style["color"], alpha=0.18, linewidth=0)
    return values


def filled(values: Array) -> Array:
    """Columns of nan alone as zeros, so that NumPy has something to reduce."""
    return np.where(np.isnan(values).all(axis=0), 0.0, values)


def mean(values: Array) -> Array:
    """Over runs; nan where no run has a number."""
    number_of = np.sum(~np.isnan(values), axis=0)
    means = np.full(values.shape[1], np.nan)
    np.divide(np.nansum(values, axis=0), number_of, out=means, where=number_of > 0)
    return means


def shown_groups(comparison: Comparison, sheet: Sheet) -> list[Group]:
    groups = comparison.groups
    if len(groups) > MOST_GROUPS:
        sheet.remark(f"the first {MOST_GROUPS} of {len(groups)} groups of runs")
    return groups[:MOST_GROUPS]


@comparison_plot(
    "scores_compared",
    title="Scores of several runs",
    look="groups whose dots do not overlap; a small difference between groups that do is luck until shown otherwise",
)
def scores_compared(comparison: Comparison, sheet: Sheet) -> None:
    """Each run's score after training on training, validation and test rows; the bar is the mean of runs of one group.

    Judge by the validation score, and look at the test score last: choosing by it makes it another validation score.
    """
    groups = shown_groups(comparison, sheet)
    score = groups[0].views[0].score
    parts = ("train", "val", "test")
    room = min(4.0, widest([group.label for group in groups], 9) + 0.3)
    (panels,) = sheet.grid(1, 3, height=max(1.4, 0.5 * len(groups) + 0.6), left=0.4 + room, gap=(0.5, 0.35))
    for axes, part in zip(panels, parts, strict=True):
        for place, group in enumerate(groups):
            values = np.array([final_score(view, part, score) for view in group.views])
            values = values[np.isfinite(values)]
            axes.plot(values, np.full(len(values), place), marker="o", color=RUNS[place], alpha=0.6, linestyle="")
            if len(values):
                axes.vlines(values.mean(), place - 0.3, place + 0.3, color=RUNS[place], linewidth=2.5)
                spread = f" ± {values.std(ddof=1):.4f}" if len(values) > 1 else ""
                text = f"{values.mean():.4f}{spread}"
                axes.annotate(
                    text, (values.mean(), place - 0.34), ha="center", va="bottom", fontsize=8.5, annotation_clip=False
                )
        axes.set_ylim(len(groups) - 0.4, -0.75)
        axes.margins(x=0.25)
        labels = [fit(group.label, room, 9) for group in groups] if part == "train" else [""] * len(groups)
        axes.set_yticks(range(len(groups)), labels)
        axes.grid(axis="y", visible=False)
        axes.set_title(f"{part}: {SCORES.get(score, score)}")
        axes.tick_params(axis="x", labelrotation=0)
        axes.locator_params(axis="x", nbins=4)
    sheet.remark("a dot a run; bar and number: the mean of the group's runs ± their standard deviation")


def final_score(view: View, part: str, score: str) -> float:
    scores = view.run.info.get(part)
    return number(scores.get(score)) if isinstance(scores, dict) else float("nan")


@comparison_plot(
    "verdicts_compared",
    title="Scores and verdicts",
    look="the verdict and the root cause beside the score: a low score without a finding is one to diagnose",
)
def verdicts_compared(comparison: Comparison, sheet: Sheet) -> None:
    """A row for each run: its scores, its best epoch, and the doctor's verdict with the first finding.

    Scores are those of the network that the run kept: of the best epoch with early stopping, else of the last.
    """
    score = comparison.views[0].score
    title = SCORES.get(score, score)
    header = ["run", f"train {title}", f"validation {title}", f"test {title}", "best epoch", "verdict", "first finding"]
    rows = [header]
    for view in comparison.views[:MOST_KEYS]:
        scores = [final_score(view, part, score) for part in ("train", "val", "test")]
        numbers = [f"{value:.4f}" if np.isfinite(value) else "–" for value in scores]
        best = f"{view.best_epoch} of {view.last_epoch}" if view.best_epoch is not None else "–"
        rows.append([view.name, *numbers, best, *verdict(view)])
    table(sheet, rows, bold=0)


def verdict(view: View) -> tuple[str, str]:
    """The doctor's verdict and its first finding."""
    diagnosis = view.run.diagnosis
    if not diagnosis:
        return "not diagnosed", view.warning or "–"
    findings = diagnosis.get("findings")
    first = findings[0] if isinstance(findings, list) and findings and isinstance(findings[0], dict) else {}
    return one_line(str(diagnosis.get("verdict"))), one_line(str(first.get("rule", "–")))


def table(sheet: Sheet, rows: Sequence[Sequence[str]], bold: int) -> None:
    """Rows of cells, the first row the header; columns as wide as their content, shortened where there is no room."""
    ((axes,),) = sheet.grid(1, 1, height=0.3 * (len(rows) + 0.4), left=0.25, right=0.25, bottom=0.15)
    blank(axes)
    total = sheet.width - 0.5
    wanted = np.array([min(4.0, widest(column, 10) + 0.35) for column in zip(*rows, strict=True)])
    rest = wanted[1:].sum()
    widths = wanted * np.array([1.0, *[min(1.0, (total - wanted[0]) / rest)] * (len(wanted) - 1)])
    axes.set_xlim(0, total)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    for line, row in enumerate(rows):
        axes.axhline(line + 0.5, color=theme().pale, linewidth=0.8)
        for at, room, cell in zip(np.cumsum(widths) - widths, widths, row, strict=True):
            weight = "bold" if line == bold else "normal"
            text = fit(cell, room - 0.15, 10, bold=line == bold)
            axes.text(at, line, text, va="center", fontweight=weight)


@comparison_plot(
    "config_difference",
    title="What differs in the configs",
    look="more than one line: then the pictures cannot tell which of the differences it was",
)
def draw_config_difference(comparison: Comparison, sheet: Sheet) -> None:
    """The keys whose values are not the same in all runs, and their values.

    One line is an experiment. Several lines are several experiments at once; change one thing at a time to know which
    it was. The seed alone: what is seen is luck.
    """
    rows = list(comparison.difference.items())[:MOST_KEYS]
    if len(rows) < len(comparison.difference):
        sheet.remark(f"the first {MOST_KEYS} of {len(comparison.difference)} keys")
    if not rows:
        sheet.message("The configs are the same, names aside.")
        return
    header = ["", *(view.name for view in comparison.views)]
    table(sheet, [header, *([key, *values] for key, values in rows)], bold=0)
