"""The static picture of a film while it is made up: where texts, panels and parts stand, in pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Cells, Frame
from nn_scratch.visualize.film.layout import even
from nn_scratch.visualize.film.parts import CurvePart, Part, pixel_places
from nn_scratch.visualize.film.steps import Steps
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import DPI, fit, text_width
from nn_scratch.visualize.view import View

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[str, float, float, float, float]  # what, x, y, width, height

LEAST_NAMES = 9  # pixels of a row of weights that bears a feature's name


@dataclass
class Stage:
    """The static picture under construction, and the parts that will move on it. Places are pixels from the top left.

    unit: how many times larger letters and gaps are than in a film of 1280 x 720. epochs: that the film shows, in
    order, or steps where there are `steps`; rows: of the longest log, which they stand for. show: which kinds of
    tensors, None for those that the run has.
    """

    figure: Figure
    width: int
    height: int
    unit: float
    epochs: Array
    rows: Array
    steps: Steps | None = None
    show: Sequence[str] | None = None
    parts: list[Part] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

    def row(self, view: View, index: int) -> int:
        """The row of a run's tensor logs that stands for the film's epoch: the latest that is not later."""
        return max(0, int(np.searchsorted(view.run.epochs, self.epochs[index], side="right")) - 1)

    def px(self, length: float) -> int:
        """Pixels, an even number, of a length in a film of 1280 x 720."""
        return even(round(length * self.unit))

    def take(self, name: str, x: float, y: float, width: float, height: float) -> None:
        """Remember what stands where, for the test that nothing collides."""
        self.boxes.append((name, x, y, width, height))

    def text(self, x: float, y: float, text: str, room: float, points: float = 9.0, **given: Any) -> None:
        """One line whose middle is y pixels from the top, shortened where it is wider than `room` pixels."""
        bold = given.get("fontweight") == "bold"
        text = fit(text, room / (DPI * self.unit), points, bold=bold)
        options: dict[str, Any] = {"color": theme().ink, "va": "center", "fontsize": points, "ha": "left"} | given
        artist = self.figure.text(x / self.width, 1 - y / self.height, text, **options)
        wide, high = text_width(text, points, bold) * DPI * self.unit, points * self.unit * DPI / 72
        if wide > 0.8 * room:  # matplotlib's letters may be wider by some percent
            drawn = artist.get_window_extent().width
            if drawn > room:
                text = fit(text, room / (DPI * self.unit) * room / drawn, points, bold=bold)
                artist.set_text(text)
                drawn = artist.get_window_extent().width
            wide = drawn
        left = x - wide * {"right": 1.0, "center": 0.5}.get(str(options["ha"]), 0.0)
        if text:
            self.take(text, left, y - high / 2, wide, high)

    def axes(self, x: int, y: int, width: int, height: int) -> Axes:
        return self.figure.add_axes(
            (x / self.width, 1 - (y + height) / self.height, width / self.width, height / self.height)
        )

    def frame_around(self, x: int, y: int, width: int, height: int) -> None:
        """A hairline just outside a box."""
        from matplotlib.patches import Rectangle

        corner = (x - 1) / self.width, 1 - (y + height + 1) / self.height
        size = (width + 2) / self.width, (height + 2) / self.height
        self.figure.add_artist(Rectangle(corner, *size, fill=False, edgecolor=theme().grey, linewidth=0.6))

    def remark(self, text: str) -> None:
        if text not in self.remarks:
            self.remarks.append(text)


@dataclass
class Curves:
    """A panel of curves over epochs; its lines are pale until their time has come."""

    axes: Axes
    box: tuple[int, int, int, int]
    epochs: Array
    lines: list[tuple[Array, str]]
    artists: list[Any]

    def part(self, past: Frame, future: Frame, shown: Array, unit: float) -> CurvePart:
        """shown: the epochs of the film; unit: of letters and marks."""
        x, y, width, height = self.box
        right = self.axes.get_window_extent()
        xs, _ = pixel_places(self.axes, past.height, shown, np.ones(len(shown)))
        marks = []
        for values, ink in self.lines:
            at = np.full(len(shown), np.nan)
            if len(self.epochs):
                nearest = np.minimum(np.searchsorted(self.epochs, shown), len(self.epochs) - 1)
                at = np.where(self.epochs[nearest] == shown, values[nearest], np.nan)
            marks.append((pixel_places(self.axes, past.height, shown, at)[1], ink))
        top, bottom = past.height - right.y1, past.height - right.y0
        return CurvePart(past, future, (x, y, width, height), (round(top), round(bottom)), xs, marks, unit)


def tick_boxes(stage: Stage) -> list[Box]:
    """Where the labels of axes and of their ticks stand, which matplotlib sets."""
    stage.figure.canvas.draw()
    found = []
    for axes in stage.figure.axes:
        frame = axes.bbox
        for axis in (axes.xaxis, axes.yaxis) if axes.axison else ():
            for label in [axis.label, *axis.get_ticklabels(), *axis.get_ticklabels(minor=True)]:
                box = label.get_window_extent()
                across, up = (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2
                # ticks beyond the ends of an axis have labels that are not drawn
                drawn = frame.x0 - 1 <= across <= frame.x1 + 1 or frame.y0 - 1 <= up <= frame.y1 + 1
                if label.get_text() and label.get_visible() and drawn:
                    found.append((f"tick {label.get_text()}", box.x0, stage.height - box.y1, box.width, box.height))
    return found


def rule(stage: Stage, x: float, y: float, width: float, height: float, ink: str) -> Any:
    """A filled rectangle."""
    from matplotlib.patches import Rectangle

    corner = x / stage.width, 1 - (y + height) / stage.height
    return Rectangle(corner, width / stage.width, height / stage.height, facecolor=ink, linewidth=0)


def row_names(stage: Stage, names: Sequence[str], cells: Cells, right: int, room: int) -> None:
    """A name beside each row of cells, where rows are high enough for letters."""
    if len(names) != cells.rows or cells.cell[0] < stage.px(LEAST_NAMES):
        return
    for row, name in enumerate(names):
        y = cells.y + (row + 0.5) * cells.cell[0]
        stage.text(right, y, name, room, min(8.5, 0.7 * cells.cell[0] / stage.unit * 72 / DPI), ha="right")


def finite_range(series: Sequence[Array]) -> tuple[float, float]:
    """The least and the greatest finite value; (0, 1) where there is none or only one."""
    values = np.concatenate([np.ravel(part) for part in series]) if series else np.zeros(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)
