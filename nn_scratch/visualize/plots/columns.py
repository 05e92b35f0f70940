"""Which columns of a table matter, and how the prediction changes along them: what importance.json holds."""

from __future__ import annotations

import json
from datetime import date, timedelta
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from nn_scratch.visualize.palette import CLASSES, DASHES, SERIES, theme
from nn_scratch.visualize.plot import plot
from nn_scratch.visualize.style import Sheet, fit, short_number, widest
from nn_scratch.visualize.view import NotForThisRun, View

MOST_BARS = 25
MOST_LINES = 6


def measured(view: View) -> dict[str, Any]:
    """The contents of importance.json; NotForThisRun where there is none."""
    path = view.run.path / "importance.json"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if not found["columns"]:
            raise KeyError("columns")
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        raise NotForThisRun("it needs importance.json, which visualize measures on the rows of a table") from None
    return dict(found)


@plot(
    "importance",
    title="Permutation importance of the columns",
    look="a column of no importance can be left out; one that matters more than makes sense may give the target away",
)
def importance(view: View, sheet: Sheet) -> None:
    """How much the score falls when one column's values are exchanged between the rows.

    Bars are means over several permutations, lines their standard deviation, on rows that were not trained on. A bar
    near zero is a column that the network does without, by itself: of two columns that say the same either can be
    missing, so that both look unimportant. Breiman 2001, as scikit-learn measures it; importance.csv has the numbers.
    """
    found = measured(view)
    rows = found["columns"][:MOST_BARS]
    names = [str(row["column"]) for row in rows]
    room = min(3.2, widest(names, 9) + 0.2)
    sheet.about(f"{found['score']} {found['value']:.3g} on {found['rows']:,} {found['parts']}")
    ((axes,),) = sheet.grid(height=max(1.6, 0.27 * len(rows)), left=0.45 + room, right=1.9)
    places = np.arange(len(rows))
    means = np.array([row["importance"] or 0.0 for row in rows])
    spread = np.array([row["std"] or 0.0 for row in rows])
    axes.barh(places, means, height=0.65, color=SERIES)
    axes.hlines(places, means - spread, means + spread, color=theme().ink, linewidth=1.2)
    axes.axvline(0, color=theme().grey, linewidth=0.8)
    axes.set_yticks(places, [fit(name, room, 9) for name in names], fontsize=9)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    axes.grid(False, axis="y")
    axes.set_xlabel(f"loss of {found['score']}")
    for place, mean, deviation in zip(places, means, spread, strict=True):
        axes.annotate(
            f"{mean:.3f} ± {deviation:.3f}",
            (1.02, place),
            xycoords=("axes fraction", "data"),
            va="center",
            fontsize=8.5,
            color=theme().ink,
            annotation_clip=False,
        )
    if len(found["columns"]) > MOST_BARS:
        sheet.remark(f"the first {MOST_BARS} of {len(found['columns']):,} columns; all are in importance.csv")


@plot(
    "partial_dependence",
    title="Partial dependence of the most important columns",
    look="steep parts: the prediction depends on the column; flat ones: it does not; few rows are beyond the end ticks",
)
def partial_dependence(view: View, sheet: Sheet) -> None:
    """The mean prediction when one column is set to a value in every row, the others being left as they are.

    In the column's own units; the ticks along the bottom are the deciles of its values. A line is the probability of a
    class, or the predicted value. It shows what the network does, not what causes what; where two columns go together,
    it averages over rows that do not exist. All panels have one scale. Friedman 2001.
    """
    found = measured(view)
    curves = [curve for curve in found["partial_dependence"] if len(curve["grid"]) > 1]
    if not curves:
        raise NotForThisRun("it needs a column that varies")
    outputs = [str(name) for name in found["outputs"]]
    shown = outputs_shown(curves, outputs)
    what = "mean probability" if view.classifies else "mean prediction"
    of = f" of {outputs[shown[0]]}" if len(shown) == 1 else ""
    some = "500 of " if found["rows"] > 500 else ""
    sheet.about(f"{what}{of} over {some}{found['rows']:,} {found['parts']}")
    columns = min(3, len(curves))
    lines = -(-len(curves) // columns)
    panels = sheet.grid(lines, columns, height=2.35, right=1.75, gap=(1.05, 0.6), bottom=0.75)
    spare = [axes for line in panels for axes in line]
    for curve, axes in zip(curves, spare, strict=False):
        draw_curve(axes, curve, shown, outputs)
    limits = np.array([axes.get_ylim() for axes in spare[: len(curves)]])
    for axes in spare[: len(curves)]:  # one scale: how steep a line is tells how much the column counts
        axes.set_ylim(limits.min(), limits.max())
        axes.yaxis.set_major_formatter(tick_text)
    for axes in spare[len(curves) :]:
        axes.set_visible(False)
    if len(shown) > 1:
        panels[0][columns - 1].legend(
            loc="upper left",
            bbox_to_anchor=(1.03, 1.02),
            borderaxespad=0,
            title="class" if view.classifies else "target",
        )
    if len(shown) < len(outputs) and len(outputs) > 2:
        sheet.remark(f"the {len(shown)} of {len(outputs)} outputs that change most")


def outputs_shown(curves: list[dict[str, Any]], outputs: list[str]) -> list[int]:
    """Which outputs have a line: the second of two classes, else those that change most."""
    if len(outputs) <= 2:
        return [len(outputs) - 1]
    change = np.max([np.ptp(np.array(curve["outputs"], float), axis=0) for curve in curves], axis=0)
    return sorted(np.argsort(-change, kind="stable")[:MOST_LINES].tolist())


def draw_curve(axes: Axes, curve: dict[str, Any], shown: list[int], outputs: list[str]) -> None:
    values = np.array(curve["outputs"], float)
    is_text = curve["kind"] in ("text", "boolean")
    grid = np.arange(len(values)) if is_text else np.array(curve["grid"], float)
    for i, k in enumerate(shown):
        style: dict[str, Any] = {"color": CLASSES[i % len(CLASSES)] if len(shown) > 1 else SERIES}
        style |= {"linestyle": DASHES[i % len(DASHES)] if len(shown) > 1 else "-"}
        if is_text:  # categories have no order that a line could follow
            style |= {"marker": "o", "linestyle": "none"}
        elif len(grid) < 8:
            style |= {"marker": "o", "markersize": 4}
        axes.plot(grid, values[:, k], label=fit(outputs[k], 1.2, 9), **style)
    axes.set_xlabel(fit(str(curve["column"]), 2.6, 10))
    if is_text:
        words = {0.0: "no", 1.0: "yes"} if curve["kind"] == "boolean" else {}
        labels = [fit(words.get(label, str(label)), 0.75, 8) for label in curve["grid"]]
        axes.set_xlim(-0.5, len(values) - 0.5)
        axes.set_xticks(grid, labels, rotation=35, ha="right", fontsize=8)
        return
    for decile in curve["deciles"]:
        axes.plot([decile, decile], [0, 0.03], transform=axes.get_xaxis_transform(), color=theme().grey, linewidth=1.0)
    if curve["kind"] == "date":
        places = np.linspace(grid[0], grid[-1], 3)
        axes.set_xticks(places, [str(date(1970, 1, 1) + timedelta(days=float(day))) for day in places], fontsize=8)
    else:
        axes.xaxis.set_major_formatter(tick_text)


def tick_text(value: float, _: Any = None) -> str:
    """A number of a table's column: 0.5, 1990, 25,000."""
    return f"{value:,.7g}" if 1e4 <= abs(value) < 1e7 else short_number(value)
