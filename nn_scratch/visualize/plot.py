"""The registry of plots.

A plot is a function that draws on a sheet. Its docstring explains how to read it; the first line is what `--list`
prints.

    @plot("distance", title="Distance from initialization", look="the layer that ...")
    def distance(view: View, sheet: Sheet) -> None:
        \"\"\"How far each layer's weights have moved from where they began. ...\"\"\"

It raises NotForThisRun where the run holds nothing of the kind.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nn_scratch.errors import UserError
from nn_scratch.registry import import_all
from nn_scratch.visualize.style import Sheet
from nn_scratch.visualize.view import View
from nn_scratch.wording import did_you_mean

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Draw = Callable[[View, Sheet], None]


@dataclass(frozen=True)
class Plot:
    """One topic, one picture."""

    name: str
    title: str
    look: str  # what to look for, in one line
    function: Draw

    @property
    def how_to_read(self) -> str:
        return inspect.getdoc(self.function) or ""

    def draw(self, view: View) -> Figure:
        """The finished figure (see `style.drawing`); raises NotForThisRun."""
        sheet = Sheet(self.title, view.subtitle, self.look, view.warning)
        self.function(view, sheet)
        return sheet.finish()


_PLOTS: dict[str, Plot] = {}
FORMER = {"update_ratio": "learning_rate"}  # names of earlier versions


def plot(name: str, *, title: str, look: str) -> Callable[[Draw], Draw]:
    """Function decorator: make a plot known as `name`."""

    def add(function: Draw) -> Draw:
        if name in _PLOTS:
            raise ValueError(f"plot {name!r} is registered twice")
        _PLOTS[name] = Plot(name, title, look, function)
        return function

    return add


def plots() -> dict[str, Plot]:
    """Every plot there is, by name."""
    import_all("nn_scratch.visualize.plots")
    return _PLOTS


def choose(names: list[str] | None) -> list[Plot]:
    """The plots of these names (None: all); UserError for an unknown one."""
    known = plots()
    if names is None:
        return list(known.values())
    names = [FORMER.get(name, name) for name in names]
    problems = [f"--only {name}: no such plot{did_you_mean(name, known)}" for name in names if name not in known]
    if problems:
        raise UserError(problems)
    return [known[name] for name in dict.fromkeys(names)]
