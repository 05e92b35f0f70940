"""The arrangement of a run's film, and its frames.

Matplotlib draws what does not change (titles, axes, curves, colour bars) once; from then on a frame is lookup tables
and copies into one buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.events import Event, events_of
from nn_scratch.visualize.film.boundary import draw_boundary, plane_of
from nn_scratch.visualize.film.colour import Frame
from nn_scratch.visualize.film.curves import draw_curves
from nn_scratch.visualize.film.inputs import draw_inputs
from nn_scratch.visualize.film.layout import even
from nn_scratch.visualize.film.letters import Digits
from nn_scratch.visualize.film.matrices import check_kinds, draw_colour_bars, draw_matrices
from nn_scratch.visualize.film.norms import draw_norms
from nn_scratch.visualize.film.pace import pace, stops
from nn_scratch.visualize.film.parts import CaptionPart, NumberPart
from nn_scratch.visualize.film.stage import Box, Stage, finite_range, rule, tick_boxes
from nn_scratch.visualize.film.steps import step_events, steps_of
from nn_scratch.visualize.palette import PAGE, RUNS, Theme, theme
from nn_scratch.visualize.style import DPI, drawing, text_width
from nn_scratch.visualize.view import NOTHING_LOGGED, NotForThisRun, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure


WIDTH, HEIGHT = 1280, 720
CAPTION_SECONDS = 2.5  # a caption is new


class Film:
    """Frames of one run, or of two side by side."""

    def __init__(
        self,
        views: Sequence[View],
        show: Sequence[str] | None = None,
        epochs_per_second: float | None = None,
        fps: int | None = None,
        *,
        size: tuple[int, int] = (WIDTH, HEIGHT),
        seconds: float | None = None,
        theme: Theme = PAGE,
    ) -> None:
        """show: some of KINDS; None: weights and what changed them. seconds: of the film, in the place of its pace.

        Raises UserError where a run logged nothing of what is to be shown.
        """
        check_kinds(show or ())
        self._views, self._show = views, show
        self.width, self.height = size
        # a wide film has its curves beside the matrices, a square or upright one below them
        self._wide = self.width / self.height >= 1.3
        self._unit = min(self.width / (WIDTH if self._wide else 900), self.height / HEIGHT)
        self._theme = theme
        longest = max(views, key=lambda view: len(view.run.epochs))
        if not len(longest.run.epochs):
            raise NotForThisRun(NOTHING_LOGGED)
        self._steps = steps_of(views[0]) if len(views) == 1 else None
        counted = longest.run.epochs if self._steps is None else self._steps.numbers
        self.pace = pace(len(counted), epochs_per_second, fps, seconds)
        self._epochs = counted[self.pace.rows]
        self._events = [self._events_of(view) for view in views]
        if epochs_per_second is None and seconds is None:
            self.pace = replace(self.pace, stops=stops(self._events, self._epochs, self.pace.fps))
        self.fps, self.count = self.pace.fps, self.pace.frames
        with drawing(theme):
            self._build()

    def frames(self) -> Iterator[Array]:
        """Each frame's planes in one buffer, which the next frame overwrites."""
        frame = self._background.copy()
        for index in range(len(self._epochs)):
            for part in self.parts:
                part.paint(frame, index)
            for _ in range(self.pace.times(index)):
                yield frame.buffer

    def picture(self, index: int) -> Array:
        """(height, width, 3) uint8: the film's epoch number `index`, for looking at; -1 the last."""
        frame = self._background.copy()
        for part in self.parts:
            part.paint(frame, range(len(self._epochs))[index])
        return frame.rgb()

    # --- building

    def figure(self) -> Figure:
        """The parts that do not move, as a matplotlib figure of their own."""
        return self._staged().figure

    @property
    def boxes(self) -> list[Box]:
        """What stands where: name, x, y, width and height in pixels of every text, matrix, panel and its ticks."""
        with drawing(self._theme):
            stage = self._staged()
            return [*stage.boxes, *tick_boxes(stage)]

    def _events_of(self, view: View) -> list[Event]:
        return events_of(view) if self._steps is None else step_events(view, self._steps)

    def _staged(self) -> Stage:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        views = self._views
        dpi = DPI * self._unit
        stage = Stage(
            Figure(figsize=(self.width / dpi, self.height / dpi), dpi=dpi),
            self.width,
            self.height,
            self._unit,
            self._epochs,
            self.pace.rows,
            self._steps,
            self._show,
        )
        FigureCanvasAgg(stage.figure)
        if self._steps is None and len(self._epochs) < max(len(view.run.epochs) for view in views):
            stage.remark(f"{len(self._epochs):,} of the logged epochs are shown, evenly spread")
        if len(views) == 1:
            self._one_run(stage, views[0])
        else:
            self._side_by_side(stage, views)
        last = max(view.last_epoch for view in views) if self._steps is None else int(self._epochs[-1])
        self._counter(stage, last)
        if stage.remarks:
            room = self.width - stage.px(32)
            stage.text(stage.px(16), self.height - stage.px(9), "; ".join(stage.remarks), room, 7.5, color=theme().grey)
        return stage

    def _build(self) -> None:
        stage = self._staged()
        canvas: Any = stage.figure.canvas
        for curves in stage.curves:
            curves.axes.set_animated(True)  # the figure is drawn without them
        canvas.draw()
        rest = canvas.copy_from_bbox(stage.figure.bbox)
        past = self._with_curves(stage, canvas)
        canvas.restore_region(rest)
        for curves in stage.curves:
            for artist in curves.artists:
                artist.set_alpha(0.22)
        future = self._with_curves(stage, canvas)
        self._background = past
        self.parts = [curves.part(past, future, self._epochs, self._unit) for curves in stage.curves] + stage.parts

    def _with_curves(self, stage: Stage, canvas: Any) -> Frame:
        for curves in stage.curves:
            curves.axes.draw(canvas.get_renderer())
        frame = Frame(self.width, self.height)
        frame.draw_picture(np.asarray(canvas.buffer_rgba())[: self.height, : self.width, :3])
        return frame

    def _counter(self, stage: Stage, last: int) -> None:
        px, grey = stage.px, theme().grey
        text = f"/ {last:,}"
        stage.text(self.width - px(16), px(30), text, px(160), 13, color=grey, ha="right")
        right = even(self.width - px(22) - round(text_width(text, 13) * DPI * self._unit))
        digits = Digits(right, px(14), 17 * self._unit, theme().ink, max(3, len(str(last))), bold=True)
        stage.take("counter", right - digits.width, px(14), digits.width, px(30))
        counted = "epoch" if self._steps is None else "step"
        stage.text(right - digits.width - px(6), px(30), counted, px(160), 13, color=grey, ha="right")
        stage.parts.append(NumberPart(digits, [str(epoch) for epoch in self._epochs]))

    def _title(self, stage: Stage, text: str) -> None:
        room = self.width - stage.px(16 + 190)
        stage.text(stage.px(16), stage.px(30), text, room, 14, fontweight="bold")

    def _one_run(self, stage: Stage, view: View) -> None:
        self._title(stage, f"{view.subtitle}{optimizer_words(view)}")
        px = stage.px
        captions = self.height - px(18 + 8 + CaptionPart.LINES * CaptionPart.LINE)
        left, right, bottom = px(16), self.width - px(32), captions
        plane = self._steps is None and plane_of(view) is not None
        side = even(min(px(400), (bottom - px(82)) // 2))  # of a plane's square where curves stand beside it
        if self._wide:
            x, width = self.width - px(336), px(316)
            draw_curves(stage, view, "loss", x, px(84), width, px(204))
            if self._steps is None:
                draw_curves(stage, view, view.score, x, px(364), width, px(152))
            draw_colour_bars(stage, view, x, px(576), width)
            right = self.width - px(392)
        elif plane:
            x, high = left + side + px(72), side // 2 - px(40)
            draw_curves(stage, view, "loss", x, px(84), right - x, high)
            draw_curves(stage, view, view.score, x, px(82) + side - high, right - x, high)
        else:
            high = px(120)
            half = (self.width - px(16 + 20 + 130)) // 2
            y = captions - high - px(40)
            draw_curves(stage, view, "loss", px(56), y, half, high)
            if self._steps is None:
                draw_curves(stage, view, view.score, px(56) + half + px(64), y, half, high)
            bottom = y - px(34)
        self._captions(stage, view, 0, px(16), captions + px(6), self.width - px(32))
        if self._steps is not None:
            draw_norms(stage, view, left, px(52), right - left, bottom - px(52))
            return
        top = px(52)
        if plane and self._wide:
            side = even(min(px(400), bottom - px(82) - px(56)))
            draw_boundary(stage, view, left, px(82), side)
            left += side + px(48)
        elif plane:
            draw_boundary(stage, view, left, px(82), side)
            top += side + px(80)
        elif view.image_shape is not None:
            top += draw_inputs(stage, view, left, top, right - left)
        draw_matrices(stage, view, left, top, right - left, bottom - top)

    def _side_by_side(self, stage: Stage, views: Sequence[View]) -> None:
        px, half = stage.px, even(self.width // 2)
        self._title(stage, " against ".join(view.name for view in views))
        losses = [view.metrics[f"{part}_loss"] for view in views for part in ("train", "val")]
        limits = finite_range(losses)
        for i, view in enumerate(views):
            x = px(16) + i * half
            stage.text(x, px(62), view.subtitle, half - px(32), 11, fontweight="bold")
            swatch = px(4)
            stage.figure.add_artist(rule(stage, x, px(74), half - px(32), swatch, RUNS[i]))
            draw_curves(stage, view, "loss", x + px(48), px(102), half - px(92), px(112), limits)
            bottom = self.height - px(18 + 8 + CaptionPart.LINES * CaptionPart.LINE)
            top, left = px(254), x
            if plane_of(view) is not None and self._wide:
                side = px(264)
                draw_boundary(stage, view, x, top + px(22), side)
                left += side + px(32)
            elif view.image_shape is not None and bottom - top > px(320):
                top += draw_inputs(stage, view, x, top + px(6), half - px(32)) + px(6)
            draw_matrices(stage, view, left, top, x + half - px(32) - left, bottom - top)
            self._captions(stage, view, i, x, bottom + px(6), half - px(32))

    def _captions(self, stage: Stage, view: View, number: int, x: int, y: int, width: int) -> None:
        linger = max(1, round(CAPTION_SECONDS * self.fps / self.pace.repeats))
        counted = "epoch" if self._steps is None else "step"
        part = CaptionPart(self._events[number], self._epochs, x, y, width, linger, self._unit, counted)
        stage.take("captions", x, y, width, part.LINES * part.LINE)
        stage.parts.append(part)


def optimizer_words(view: View) -> str:
    optimizer = view.run.config.get("optimizer")
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("lr"), int | float):
        return ""
    return f" · {optimizer.get('type')}, lr {optimizer['lr']:g}"
