"""What stands where in a run's film, and its frames.

Matplotlib draws what does not change (titles, axes, curves, colour bars) once; from then on a frame is lookup tables
and copies into one buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.visualize.events import Event, events_of
from nn_scratch.visualize.film.colour import Cells, Frame, Palette, Scale, blends, colour, diverging, sequential
from nn_scratch.visualize.film.layout import Fit, Item, Matrix, Place, Tiles, arrange, even
from nn_scratch.visualize.film.letters import Digits
from nn_scratch.visualize.film.parts import (
    Blocks,
    BoundaryPart,
    CaptionPart,
    CurvePart,
    MatrixPart,
    NumberPart,
    Part,
    TileGrid,
    pixel_places,
)
from nn_scratch.visualize.film.predictions import PredictionsPart, predictions
from nn_scratch.visualize.film.steps import MEASURES, step_events, steps_of
from nn_scratch.visualize.palette import CLASSES, PAGE, RUNS, Theme, theme
from nn_scratch.visualize.replay import Plane, Replay, unscaled
from nn_scratch.visualize.style import (
    DPI,
    TRAINING,
    VALIDATION,
    drawing,
    epoch_axis,
    first_that_fits,
    fit,
    log_axis,
    log_helps,
    short_number,
    symmetric_limit,
    text_width,
    widest,
)
from nn_scratch.visualize.view import NOTHING_LOGGED, SCORES, NotForThisRun, View, thinned
from nn_scratch.wording import did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Box = tuple[str, float, float, float, float]  # what, x, y, width, height

WIDTH, HEIGHT = 1280, 720
KINDS = ("weights", "changes", "gradients", "activations")
MOST_EPOCHS = 1200  # that are shown, of a longer run
SECONDS = 12.0  # a film's usual length
SLOWEST, FASTEST = 2, 60  # epochs a second
LEAST_FPS = 8  # below it players stutter; frames are repeated
END_SECONDS = 2.0  # the last epoch is held
CAPTION_SECONDS = 2.5  # a caption is new
MOST_LAYERS = {1: 24, 2: 10, 3: 6, 4: 5}  # layers that are shown, by the number of kinds
STOP_SECONDS = 0.8  # the film stops at an event
MOST_STOPS = 8
MOST_TILES = 48  # units as images: more would be too small to see
LEAST_NAMES = 9  # pixels of a row of weights that bears a feature's name
SCALE_ROWS = 48  # epochs that a colour scale is taken from


@dataclass(frozen=True)
class Pace:
    """How the logged epochs become frames."""

    rows: Array  # of the tensor logs, in order
    fps: int
    repeats: int  # frames an epoch
    hold: int  # further frames of the last one
    stops: Mapping[int, int] = field(default_factory=dict)  # further frames of an epoch in which something happens

    @property
    def frames(self) -> int:
        return len(self.rows) * self.repeats + self.hold + sum(self.stops.values())

    def times(self, index: int) -> int:
        """Frames of the film's epoch number `index`."""
        return self.repeats + self.stops.get(index, 0) + (self.hold if index == len(self.rows) - 1 else 0)


def pace(
    logged: int, epochs_per_second: float | None = None, fps: int | None = None, seconds: float | None = None
) -> Pace:
    """A film of 8 to 20 seconds unless set otherwise; every logged epoch unless there are too many."""
    rows = thinned(logged, MOST_EPOCHS)
    if seconds is not None:
        epochs_per_second = len(rows) / max(0.1, seconds - END_SECONDS)
    rate = epochs_per_second or min(FASTEST, max(SLOWEST, round(len(rows) / SECONDS)))
    if seconds is not None:
        fps = fps or (30 if rate > 15 else 24)
        most = max(1, round((seconds - END_SECONDS) * fps))
        rows = thinned(logged, min(MOST_EPOCHS, most))
        repeats = max(1, most // len(rows))
        return Pace(rows, fps, repeats, max(0, round(seconds * fps) - repeats * len(rows)))
    if fps is None:
        repeats = max(1, ceil(LEAST_FPS / rate))
        fps = max(1, round(rate * repeats))
    else:
        repeats = max(1, round(fps / rate))
    return Pace(rows, fps, repeats, round(END_SECONDS * fps))


@dataclass
class Stage:
    """The static picture under construction, and the parts that will move on it. Places are pixels from the top left.

    unit: how many times larger letters and gaps are than in a film of 1280 x 720.
    """

    figure: Figure
    width: int
    height: int
    unit: float
    parts: list[Part] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    boxes: list[Box] = field(default_factory=list)

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
        self.figure.text(x / self.width, 1 - y / self.height, text, **options)
        wide, high = text_width(text, points, bold) * DPI * self.unit, points * self.unit * DPI / 72
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

    def part(self, past: Frame, future: Frame, shown: Array) -> CurvePart:
        """shown: the epochs of the film."""
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
        return CurvePart(past, future, (x, y, width, height), (round(top), round(bottom)), xs, marks)


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
        """What does not move, as a matplotlib figure of its own."""
        return self._staged().figure

    @property
    def boxes(self) -> list[Box]:
        """What stands where: name, x, y, width and height in pixels of every text, matrix and panel."""
        return self._boxes

    def _events_of(self, view: View) -> list[Event]:
        return events_of(view) if self._steps is None else step_events(view, self._steps)

    def _staged(self) -> Stage:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        views = self._views
        dpi = DPI * self._unit
        stage = Stage(
            Figure(figsize=(self.width / dpi, self.height / dpi), dpi=dpi), self.width, self.height, self._unit
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
        self._boxes = stage.boxes
        return stage

    def _build(self) -> None:
        stage = self._staged()
        canvas = stage.figure.canvas
        past = self._drawn(canvas)
        for curves in stage.curves:
            for artist in curves.artists:
                artist.set_alpha(0.22)
        future = self._drawn(canvas) if stage.curves else past
        self._background = past
        self.parts = [curves.part(past, future, self._epochs) for curves in stage.curves] + stage.parts

    def _drawn(self, canvas: Any) -> Frame:
        canvas.draw()
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
        if self._wide:
            x, width = self.width - px(336), px(316)
            self._curves(stage, view, "loss", x, px(84), width, px(204))
            if self._steps is None:
                self._curves(stage, view, view.score, x, px(364), width, px(152))
            self._colour_bars(stage, view, x, px(576), width)
            right = self.width - px(392)
        else:
            high = px(120)
            half = (self.width - px(16 + 20 + 130)) // 2
            y = captions - high - px(40)
            self._curves(stage, view, "loss", px(56), y, half, high)
            if self._steps is None:
                self._curves(stage, view, view.score, px(56) + half + px(64), y, half, high)
            bottom = y - px(34)
        self._captions(stage, view, 0, px(16), captions + px(6), self.width - px(32))
        if self._steps is not None:
            self._norms(stage, view, left, px(52), right - left, bottom - px(52))
            return
        top = px(52)
        if self._plane(view) is not None:
            side = even(min(px(400), bottom - px(82) - px(56)))
            if self._wide:
                self._boundary(stage, view, left, px(82), side)
                left += side + px(48)
            else:
                side = even(min(side, (bottom - px(82)) // 2))
                self._boundary(stage, view, left, px(82), side)
                top += side + px(80)
        elif view.image_shape is not None:
            top += self._inputs(stage, view, left, top, right - left)
        self._matrices(stage, view, left, top, right - left, bottom - top)

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
            self._curves(stage, view, "loss", x + px(48), px(102), half - px(92), px(112), limits)
            bottom = self.height - px(18 + 8 + CaptionPart.LINES * CaptionPart.LINE)
            top, left = px(254), x
            if self._plane(view) is not None and self._wide:
                side = px(264)
                self._boundary(stage, view, x, top + px(22), side)
                left += side + px(32)
            self._matrices(stage, view, left, top, x + half - px(32) - left, bottom - top)
            self._captions(stage, view, i, x, bottom + px(6), half - px(32))

    def _captions(self, stage: Stage, view: View, number: int, x: int, y: int, width: int) -> None:
        linger = max(1, round(CAPTION_SECONDS * self.fps / self.pace.repeats))
        counted = "epoch" if self._steps is None else "step"
        part = CaptionPart(self._events[number], self._epochs, x, y, width, linger, self._unit, counted)
        stage.take("captions", x, y, width, part.LINES * part.LINE)
        stage.parts.append(part)

    def _row(self, view: View, index: int) -> int:
        """The row of a run's tensor logs that stands for the film's epoch: the latest that is not later."""
        return max(0, int(np.searchsorted(view.run.epochs, self._epochs[index], side="right")) - 1)

    # --- inputs and their predictions

    def _inputs(self, stage: Stage, view: View, x: int, y: int, width: int) -> int:
        """A row of images with the predictions below them; returns the pixels that it takes, 0 where there are none."""
        px = stage.px
        cell = px(104)
        found = predictions(view, max(1, width // cell))
        shape, X = view.image_shape, view.run.probe.get("X")
        if found is None or shape is None or X is None or X.shape[1] != shape[0] * shape[1]:
            return 0
        stage.text(
            x,
            y + px(8),
            "inputs whose prediction changes last: predicted class, ✗ wrong, bar: its probability",
            width,
            8.5,
        )
        side, top = px(64), y + px(20)
        pixels = unscaled(view.run, X[found.rows])
        boxes = []
        for place, row in enumerate(found.rows.tolist()):
            left = even(x + place * cell)
            axes = stage.axes(left, top, side, side)
            axes.imshow(pixels[place].reshape(shape), cmap="Greys_r" if self._theme.dark else "Greys", aspect="auto")
            axes.set_axis_off()
            stage.take(f"input {row}", left, top, side, side)
            boxes.append((left, top + side + px(2), cell - px(12)))
        names = [fit(name, (cell - px(36)) / (DPI * self._unit), 10) for name in view.class_names]
        rows = [self._row(view, index) for index in range(len(self._epochs))]
        part = PredictionsPart(found, names, rows, boxes, 10 * self._unit)
        stage.parts.append(part)
        height = 20 * self._unit + side + part.height + px(18)
        stage.take("predictions", x, top + side + px(2), width, part.height + px(6))
        return even(round(height))

    # --- the steps of a run that diverged in its first epoch

    def _norms(self, stage: Stage, view: View, x: int, y: int, width: int, height: int) -> None:
        assert self._steps is not None
        px, steps = stage.px, self._steps
        room = px(110)
        zone = height // max(1, len(steps.norms))
        for number, (measure, norms) in enumerate(steps.norms.items()):
            with np.errstate(all="ignore"):
                powers = np.log10(norms[:, self.pace.rows])
            powers[~np.isfinite(powers)] = np.nan
            low, high = finite_range([powers])
            top = y + number * zone + px(22)
            across = min(even((width - room) // powers.shape[1]), px(150))
            down = min(even((zone - px(34)) // powers.shape[0]), px(60))
            shown = Fit(len(powers), powers.shape[1], (max(2, down), max(2, across)))
            cells = Cells(sequential(), even(x + room), even(top), shown.rows, shown.columns, shown.cell)
            stage.parts.append(MatrixPart(partial(until, powers), Scale(low, high), cells))
            stage.frame_around(cells.x, cells.y, cells.width, cells.height)
            title = f"{MEASURES[measure]} of each layer, step by step: 1e{low:.0f} (dark) to 1e{high:.0f} (bright)"
            stage.text(x + room, top - px(11), title, width - room, 8.5)
            stage.take(measure, cells.x, cells.y, cells.width, cells.height)
            self._row_names(stage, list(view.layers), cells, x + room - px(6), room - px(10))

    def _row_names(self, stage: Stage, names: Sequence[str], cells: Cells, right: int, room: int) -> None:
        """A name beside each row of cells, where rows are high enough for letters."""
        if len(names) != cells.rows or cells.cell[0] < stage.px(LEAST_NAMES):
            return
        for row, name in enumerate(names):
            y = cells.y + (row + 0.5) * cells.cell[0]
            stage.text(right, y, name, room, min(8.5, 0.7 * cells.cell[0] / self._unit * 72 / DPI), ha="right")

    # --- matrices

    def _kinds(self, view: View) -> Sequence[str]:
        if self._show is not None:
            return self._show
        return ("weights", "changes") if view.run.has("weights", f"{view.layers[0]}.W") else KINDS

    def _matrices(self, stage: Stage, view: View, x: int, y: int, width: int, height: int) -> None:
        kinds = self._kinds(view)
        logged = {kind: tensors for kind in kinds if (tensors := self._tensors(view, kind))}
        if not logged:
            raise UserError(f"{view.name}: nothing to film; it logged no {', no '.join(kinds)}")
        for kind in kinds:
            if kind not in logged:
                stage.remark(f"{kind} were not logged")
        zone = height // len(logged)
        names = self._feature_names(view)
        room = 0
        if names and set(logged) - {"activations"}:
            widest_name = min(1.1, widest(names, 8) + 0.08)
            room = even(round(widest_name * DPI * self._unit))
        for number, (kind, tensors) in enumerate(logged.items()):
            layers = self._layers_shown(stage, list(tensors), MOST_LAYERS[len(logged)])
            items = [self._item(view, kind, layer, tensors[layer]) for layer in layers]
            left = x + (room if kind != "activations" else 0)
            box = even(left), even(y + number * zone), even(width - (left - x)), even(zone - 4)
            places = arrange(items, *box, self._unit)
            for layer, item, place in zip(layers, items, places, strict=True):
                self._matrix(stage, view, kind, layer, tensors[layer], item, place)
                first = layer == view.run.layer_names[0] and place.x == box[0]
                if first and room and kind != "activations" and place.fit.block[0] == 1:
                    cells = Cells(sequential(), place.x, place.y, place.fit.rows, place.fit.columns, place.fit.cell)
                    self._row_names(stage, names, cells, left - stage.px(4), room)

    @staticmethod
    def _feature_names(view: View) -> list[str]:
        """Of a table whose columns have names; empty for images and for many features."""
        names = view.feature_names
        return names if 0 < len(names) <= 40 and view.image_shape is None else []

    @staticmethod
    def _tensors(view: View, kind: str) -> dict[str, Array]:
        try:
            return view.tensors("weights" if kind == "changes" else kind)
        except NotForThisRun:
            return {}

    @staticmethod
    def _layers_shown(stage: Stage, layers: list[str], most: int) -> list[str]:
        if len(layers) <= most:
            return layers
        stage.remark(f"{most} of {len(layers)} layers are shown, evenly spread")
        return [layers[i] for i in thinned(len(layers), most)]

    @staticmethod
    def _item(view: View, kind: str, layer: str, tensor: Array) -> Item:
        rows, columns = tensor.shape[1:]
        if kind != "activations" and layer == view.run.layer_names[0] and view.image_shape is not None:
            down, across = view.image_shape
            if down * across == rows and rows > 1:
                return Tiles(min(columns, MOST_TILES), down, across)
        return Matrix(rows, columns)

    def _matrix(self, stage: Stage, view: View, kind: str, layer: str, tensor: Array, item: Item, place: Place) -> None:
        shown = place.fit
        as_tiles = isinstance(item, Tiles) and shown.across > 0
        order = row_order(view, tensor) if kind == "activations" else None
        units = by_movement(tensor) if as_tiles else None
        begin = np.asarray(tensor[0])

        def at(row: int) -> Array:
            values = tensor[row] if kind != "changes" else tensor[row] - begin
            if units is not None:
                return np.asarray(values[:, units])
            return np.asarray(values if order is None else values[order])

        def source(index: int) -> Array:
            return at(self._row(view, index))

        samples = [at(int(row)) for row in thinned(len(tensor), SCALE_ROWS)]
        blocks = Blocks(shown.block, samples) if shown.block != (1, 1) else None
        if blocks is not None:
            samples = [blocks(sample) for sample in samples]
        signed = kind != "activations" or any((sample < 0).any() for sample in samples)
        limit = robust_limit(samples)
        scale = Scale(-limit if signed else 0.0, limit)
        scales = self._scales(source, blocks) if kind == "gradients" else None
        cells = Cells(diverging() if signed else sequential(), place.x, place.y, shown.rows, shown.columns, shown.cell)
        tiles = TileGrid(item, shown) if isinstance(item, Tiles) and as_tiles else None
        stage.parts.append(MatrixPart(source, scale, cells, blocks, tiles, scales))
        stage.frame_around(place.x, place.y, cells.width, cells.height)
        stage.take(f"{kind} {layer}", place.x, place.y, cells.width, cells.height)
        self._matrix_title(stage, kind, layer, tensor, place, None if scales else (limit, signed))
        columns = tensor.shape[2]
        if tiles is not None:
            some = "" if shown.shown == columns else f", {shown.shown:,} of {columns:,}"
            stage.remark(
                f"{layer}: each unit's weights as an image of {item.rows} × {item.columns}, what moved most first{some}"
            )
        if blocks is not None:
            down, across = shown.block
            beyond = short_number(float(f"{blocks.beyond:.2g}"))
            name = {"changes": f"Δ {layer}", "gradients": f"∂ {layer}"}.get(kind, layer)
            stage.remark(f"{name}: a cell is the mean of {down} × {across}, or its extreme beyond ±{beyond}")

    def _scales(self, source: Callable[[int], Array], blocks: Blocks | None) -> list[Scale]:
        """A scale for each epoch: gradients shrink as the loss does, and on one scale would fade early."""
        scales = []
        for index in range(len(self._epochs)):
            values = source(index)
            limit = symmetric_limit(values if blocks is None else blocks(values))
            limit = max(limit, 1e-30)  # so that its inverse is a float32
            scales.append(Scale(-limit, limit))
        return scales

    def _matrix_title(
        self, stage: Stage, kind: str, layer: str, tensor: Array, place: Place, ends: tuple[float, bool] | None
    ) -> None:
        rows, columns = tensor.shape[1:]
        name = {"weights": f"{layer}.W", "changes": f"Δ {layer}.W", "gradients": f"∂ {layer}.W"}.get(kind, layer)
        size = {"activations": f"{rows:,} rows × {columns:,}"}.get(kind, f"{rows:,}→{columns:,}")
        if ends is None:
            scale = "scale of each epoch"
        else:
            end = short_number(float(f"{ends[0]:.2g}"))
            scale = f"±{end}" if ends[1] else f"0 to {end}"
        room = place.room
        long = f"{name} since the start" if kind == "changes" else f"{name}  {size}"
        variants = [f"{long}  {scale}", f"{name}  {scale}", name]
        title = first_that_fits(variants, room / (DPI * self._unit), 8.5)
        stage.text(place.x, place.y - stage.px(11), title, room, 8.5)

    def _colour_bars(self, stage: Stage, view: View, x: int, y: int, width: int) -> None:
        if self._steps is not None:
            return
        px, kinds = stage.px, self._kinds(view)
        palettes: list[tuple[Palette, tuple[str, str, str], str]] = []
        if set(kinds) - {"activations"}:
            palettes.append((diverging(), ("−", "0", "+"), "ends as in each title, of the whole run"))
        unsigned = "activations" in kinds and any(
            not (np.asarray(values[-1]) < 0).any() for values in self._tensors(view, "activations").values()
        )
        if unsigned:
            palettes.append((sequential(), ("0", "activations", "+"), ""))
        for i, (palette, labels, what) in enumerate(palettes):
            top = y + px(38) * i
            axes = stage.axes(x, top, width, px(12))
            axes.imshow(palette.rgb[None, :253], aspect="auto", extent=(-1, 1, 0, 1))
            axes.set_yticks([])
            axes.grid(False)
            axes.set_xticks([])
            for place, label in zip((x + px(6), x + width / 2, x + width - px(6)), labels, strict=True):
                stage.text(place, top + px(21), label, px(80), 9, ha="center")
            stage.text(x + width / 2, top - px(10), what, width, 8, color=theme().grey, ha="center")

    # --- curves

    def _curves(
        self,
        stage: Stage,
        view: View,
        score: str,
        x: int,
        y: int,
        width: int,
        height: int,
        limits: tuple[float, float] | None = None,
    ) -> None:
        px = stage.px
        metrics = (
            view.metrics if self._steps is None else {"epoch": self._steps.numbers, "train_loss": self._steps.loss}
        )
        epochs = metrics["epoch"]
        axes = stage.axes(x, y, width, height)
        stage.take(score, x, y, width, height)
        name = SCORES.get(score, score)
        stage.text(x - px(40), y - px(14), name, px(80), 10, fontweight="bold")
        columns = [(f"{part}_{score}", style) for part, style in (("train", TRAINING), ("val", VALIDATION))]
        columns = [(column, style) for column, style in columns if column in metrics]
        curves = Curves(axes, (0, 0, 0, 0), epochs, [], [])
        for column, style in columns:
            values = np.where(np.isfinite(metrics[column]), metrics[column], np.nan)
            options = {**style, "linewidth": 1.6}
            if len(epochs) < 8:
                options |= {"marker": "o", "markersize": 4}
            curves.artists += axes.plot(epochs, values, **options)
            curves.lines.append((values, style["color"]))
        span = limits or finite_range([values for values, _ in curves.lines])
        if span[1] > 0:
            axes.set_ylim(*padded(span, score))
        if score == "loss" and log_helps(np.array(span)):
            log_axis(axes.yaxis)
        epoch_axis(axes, 0, max(1, int(self._epochs[-1])))
        if self._steps is not None:
            axes.set_xlabel("step")
        axes.xaxis.set_tick_params(labelsize=8)
        axes.yaxis.set_tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(8.5)
        if not len(epochs):
            axes.text(0.5, 0.5, "no epoch was finished", transform=axes.transAxes, ha="center", color=theme().grey)
        best = view.best_epoch if self._steps is None else None
        if best is not None:
            axes.axvline(best, color=theme().grey, linewidth=0.8, linestyle=":")
            if score == "loss":
                side = "left" if best <= 0.8 * self._epochs[-1] else "right"
                paper = {"facecolor": theme().paper, "alpha": 0.8, "linewidth": 0, "pad": 0.5}
                place = axes.get_xaxis_transform()
                axes.text(best, 0.97, " best ", transform=place, va="top", fontsize=8, ha=side, bbox=paper)
        # the marker's disc may stand over the axes' edges
        curves.box = (even(x - px(8)), even(y - px(8)), even(width + px(18)), even(height + px(16)))
        stage.curves.append(curves)
        at = even(x + width)
        for column, style in columns[::-1]:
            digits = Digits(at, y - px(23), 9.5 * self._unit, theme().ink, 7)
            label = "train" if style is TRAINING else "val"
            texts = [read_out(epochs, metrics[column], epoch) for epoch in self._epochs]
            stage.text(at - digits.width - px(4), y - px(14), label, px(60), 9.5, ha="right")
            left = at - digits.width - px(8) - round(text_width(label, 9.5) * DPI * self._unit)
            stage.figure.add_artist(rule(stage, left - px(14), y - px(16), px(12), px(4), style["color"]))
            stage.take(f"{score} {label}", at - digits.width, y - px(20), digits.width, px(14))
            stage.parts.append(NumberPart(digits, texts))
            at = even(left - px(26))

    # --- the plane of a 2-D data set

    @staticmethod
    def _plane(view: View) -> Plane | None:
        try:
            plane = Plane(view, 100, 100)
            Replay(view.run)
        except NotForThisRun:
            return None
        return plane

    def _boundary(self, stage: Stage, view: View, x: int, y: int, side: int) -> None:
        plane, replay = Plane(view, side // 4, side // 4), Replay(view.run)
        px = stage.px
        side = side // 4 * 4
        names = view.class_names
        low, high = plane.low, plane.high
        stage.text(x, y - px(11), "prediction at every point", side - px(110), 8.5)
        stage.take("boundary", x, y, side, side)
        stage.frame_around(x, y, side, side)
        if view.classifies and len(names) <= len(CLASSES) - 1:
            palette = blends(CLASSES[: len(names)])
            levels: Callable[[Array], Array] = partial(class_levels, classes=len(names))
            inks = [colour(ink) for ink in CLASSES[: len(names)]]
            colours = [inks[int(label) % len(inks)] for label in plane.y]
        else:
            answers = replay.outputs(len(view.run.epochs) - 1, plane.grid)[:, -1]
            palette = sequential()
            levels = partial(value_levels, scale=Scale(*finite_range([answers])))
            colours = [colour(theme().ink)] * len(plane.y)
        cells = Cells(palette, x, y, plane.down, plane.across, (4, 4))
        spots = np.column_stack(
            [
                x + (plane.points[:, 0] - low[0]) / (high[0] - low[0]) * side,
                y + (high[1] - plane.points[:, 1]) / (high[1] - low[1]) * side,
            ]
        )
        points = [
            (int(at[0]), int(at[1]), ink)
            for at, ink in zip(spots.tolist(), colours, strict=True)
            if np.isfinite(at).all()
        ]

        def answer(index: int) -> Array:
            return np.asarray(levels(replay.outputs(self._row(view, index), plane.grid))).reshape(
                plane.down, plane.across
            )

        stage.parts.append(BoundaryPart(answer, cells, points))
        features = view.feature_names if len(view.feature_names) == 2 else ["feature 1", "feature 2"]
        stage.text(x + side / 2, y + side + px(14), f"{features[0]} (scaled) →", side, 9, ha="center")
        if view.classifies and len(names) <= len(CLASSES) - 1:
            room = side // max(1, len(names))
            for place, (name, ink) in enumerate(zip(names, CLASSES, strict=False)):
                at, middle = x + place * room, y + side + px(36)
                stage.figure.add_artist(rule(stage, at, middle - px(4), px(8), px(8), ink))
                stage.text(at + px(13), middle, name, room - px(18), 9)
        stage.text(x + side, y - px(11), f"↑ {features[1]} (scaled)", px(100), 8.5, ha="right")


def stops(events: Sequence[Sequence[Event]], epochs: Array, fps: int) -> dict[int, int]:
    """Further frames of the epochs of some events, so that a caption can be read when it comes."""
    last = len(epochs) - 1
    at = sorted({int(np.searchsorted(epochs, min(event.epoch, epochs[-1]))) for view in events for event in view})
    return {index: round(STOP_SECONDS * fps) for index in at[:MOST_STOPS] if 0 < index < last}


def rule(stage: Stage, x: float, y: float, width: float, height: float, ink: str) -> Any:
    """A filled rectangle."""
    from matplotlib.patches import Rectangle

    corner = x / stage.width, 1 - (y + height) / stage.height
    return Rectangle(corner, width / stage.width, height / stage.height, facecolor=ink, linewidth=0)


def until(values: Array, index: int) -> Array:
    """The columns up to `index`; the later ones nan, so that they are drawn as paper."""
    return np.where(np.arange(values.shape[1]) <= index, values, -np.inf)


def by_movement(tensor: Array) -> Array:
    """A layer's units, the one whose weights moved furthest first."""
    moved = np.nan_to_num(np.linalg.norm(np.asarray(tensor[-1], np.float64) - tensor[0], axis=0))
    return np.argsort(-moved, kind="stable")


def optimizer_words(view: View) -> str:
    optimizer = view.run.config.get("optimizer")
    if not isinstance(optimizer, dict) or not isinstance(optimizer.get("lr"), int | float):
        return ""
    return f" · {optimizer.get('type')}, lr {optimizer['lr']:g}"


def row_order(view: View, tensor: Array) -> Array | None:
    """Probe rows by class, so that what a unit has learned shows as stripes."""
    y = view.run.probe.get("y")
    if y is None or len(y) != tensor.shape[1]:
        return None
    return np.argsort(np.ravel(y) if y.ndim == 1 else y[:, 0], kind="stable")


def robust_limit(samples: Sequence[Array]) -> float:
    """The 99.5 % quantile of |values| over all epochs; but where a run explodes at its end, ten times what is usual,
    so that its first epochs are not white."""
    overall = symmetric_limit(*samples)
    usual = float(np.median([symmetric_limit(sample) if np.any(sample) else 0.0 for sample in samples]))
    return min(overall, 10 * usual) if usual > 0 else overall


def class_levels(probabilities: Array, classes: int) -> Array:
    """Table indices of `blends`: the likeliest class's colour, the paler the less sure."""
    from nn_scratch.visualize.film.colour import LEVELS, NOT_FINITE

    steps = LEVELS // classes
    finite = np.isfinite(probabilities).all(axis=1)
    likeliest = np.where(finite, np.nan_to_num(probabilities).argmax(axis=1), 0)
    top = np.take_along_axis(np.nan_to_num(probabilities), likeliest[:, None], axis=1)[:, 0]
    certainty = np.clip((top - 1 / classes) / (1 - 1 / classes), 0, 1)
    levels = likeliest * steps + np.rint(certainty * (steps - 1)).astype(int)
    return np.where(finite, levels, NOT_FINITE).astype(np.uint8)


def value_levels(outputs: Array, scale: Scale) -> Array:
    return scale.levels(outputs[:, -1])


def finite_range(series: Sequence[Array]) -> tuple[float, float]:
    """The least and the greatest finite value; (0, 1) where there is none or only one."""
    values = np.concatenate([np.ravel(part) for part in series]) if series else np.zeros(0)
    values = values[np.isfinite(values)]
    if not len(values):
        return 0.0, 1.0
    low, high = float(values.min()), float(values.max())
    return (low, high) if high > low else (low, low + 1.0)


def padded(span: tuple[float, float], score: str) -> tuple[float, float]:
    low, high = span
    if score == "loss" and low > 0 and high > 20 * low:
        return low / 1.3, high * 1.3
    if score == "accuracy":
        return max(-0.02, low - 0.05 * (high - low)), 1.02
    margin = 0.05 * (high - low)
    return (0.0 if score == "loss" and low >= 0 else low - margin), high + margin


def read_out(epochs: Array, values: Array, epoch: int) -> str:
    """A value at an epoch in at most 7 characters; nothing where it was not measured."""
    at = np.flatnonzero(epochs == epoch)
    if not len(at):
        return ""
    value = float(values[at[0]])
    if not np.isfinite(value):
        return "∞" if np.isinf(value) else ""
    return f"{value:.4f}" if abs(value) < 100 else f"{value:.1e}".replace("e+0", "e").replace("e+", "e")


def check_kinds(show: Sequence[str]) -> None:
    problems = [f"--show {kind}: cannot be filmed{did_you_mean(kind, KINDS)}" for kind in show if kind not in KINDS]
    if problems:
        raise UserError(problems)
