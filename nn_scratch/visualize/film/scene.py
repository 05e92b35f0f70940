"""What stands where in a run's film, and its frames.

Matplotlib draws what does not change (titles, axes, curves, colour bars) once; from then on a frame is lookup tables
and copies into one buffer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.errors import UserError
from nn_scratch.visualize.events import events_of
from nn_scratch.visualize.film.colour import Cells, Frame, Palette, Scale, blends, colour, diverging, sequential
from nn_scratch.visualize.film.layout import Item, Matrix, Place, Tiles, arrange, even
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
from nn_scratch.visualize.palette import CLASSES, RUNS, theme
from nn_scratch.visualize.replay import Plane, Replay
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
)
from nn_scratch.visualize.view import NOTHING_LOGGED, SCORES, NotForThisRun, View, thinned
from nn_scratch.wording import did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = NDArray[Any]

WIDTH, HEIGHT = 1280, 720
KINDS = ("weights", "gradients", "activations")
MOST_EPOCHS = 1200  # that are shown, of a longer run
SECONDS = 12.0  # a film's usual length
SLOWEST, FASTEST = 2, 60  # epochs a second
LEAST_FPS = 8  # below it players stutter; frames are repeated
END_SECONDS = 2.0  # the last epoch is held
CAPTION_SECONDS = 2.5  # a caption is new
MOST_LAYERS = {1: 24, 2: 10, 3: 6}  # layers that are shown, by the number of kinds
SCALE_ROWS = 48  # epochs that a colour scale is taken from


@dataclass(frozen=True)
class Pace:
    """How the logged epochs become frames."""

    rows: Array  # of the tensor logs, in order
    fps: int
    repeats: int  # frames an epoch
    hold: int  # further frames of the last one

    @property
    def frames(self) -> int:
        return len(self.rows) * self.repeats + self.hold


def pace(logged: int, epochs_per_second: float | None = None, fps: int | None = None) -> Pace:
    """A film of 8 to 20 seconds where nothing else is asked for; every logged epoch unless there are too many."""
    rows = thinned(logged, MOST_EPOCHS)
    rate = epochs_per_second or min(FASTEST, max(SLOWEST, round(len(rows) / SECONDS)))
    if fps is None:
        repeats = max(1, ceil(LEAST_FPS / rate))
        fps = max(1, round(rate * repeats))
    else:
        repeats = max(1, round(fps / rate))
    return Pace(rows, fps, repeats, round(END_SECONDS * fps))


@dataclass
class Stage:
    """The static picture under construction, and the parts that will move on it."""

    figure: Figure
    parts: list[Part] = field(default_factory=list)
    curves: list[Curves] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def text(self, x: float, y: float, text: str, room: float, points: float = 9.0, **options: Any) -> None:
        """One line whose middle is y pixels from the top, shortened where it is wider than `room` pixels."""
        text = fit(text, room / DPI, points, bold=options.get("fontweight") == "bold")
        self.figure.text(
            x / WIDTH, 1 - y / HEIGHT, text, va="center", fontsize=points, **{"color": theme().ink, **options}
        )

    def axes(self, x: int, y: int, width: int, height: int) -> Axes:
        return self.figure.add_axes((x / WIDTH, 1 - (y + height) / HEIGHT, width / WIDTH, height / HEIGHT))

    def frame_around(self, x: int, y: int, width: int, height: int) -> None:
        """A hairline just outside a box."""
        from matplotlib.patches import Rectangle

        self.figure.add_artist(
            Rectangle(
                ((x - 1) / WIDTH, 1 - (y + height + 1) / HEIGHT),
                (width + 2) / WIDTH,
                (height + 2) / HEIGHT,
                fill=False,
                edgecolor="#aaaaaa",
                linewidth=0.7,
            )
        )

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
        xs, _ = pixel_places(self.axes, HEIGHT, shown, np.ones(len(shown)))
        marks = []
        for values, ink in self.lines:
            at = np.full(len(shown), np.nan)
            if len(self.epochs):
                nearest = np.minimum(np.searchsorted(self.epochs, shown), len(self.epochs) - 1)
                at = np.where(self.epochs[nearest] == shown, values[nearest], np.nan)
            marks.append((pixel_places(self.axes, HEIGHT, shown, at)[1], ink))
        top, bottom = HEIGHT - right.y1, HEIGHT - right.y0
        return CurvePart(past, future, (x, y, width, height), (round(top), round(bottom)), xs, marks)


class Film:
    """Frames of one run, or of two side by side."""

    def __init__(
        self,
        views: Sequence[View],
        show: Sequence[str] = ("weights",),
        epochs_per_second: float | None = None,
        fps: int | None = None,
    ) -> None:
        """Raises UserError where a run logged nothing of what is to be shown."""
        check_kinds(show)
        self._views, self._show = views, show
        self.width, self.height = WIDTH, HEIGHT
        longest = max(views, key=lambda view: len(view.run.epochs))
        if not len(longest.run.epochs):
            raise NotForThisRun(NOTHING_LOGGED)
        self.pace = pace(len(longest.run.epochs), epochs_per_second, fps)
        self.fps, self.count = self.pace.fps, self.pace.frames
        self._epochs = longest.run.epochs[self.pace.rows]
        with drawing():
            self._build()

    def frames(self) -> Iterator[Array]:
        """Each frame's planes in one buffer, which the next frame overwrites."""
        frame = self._background.copy()
        last = len(self._epochs) - 1
        for index in range(last + 1):
            for part in self.parts:
                part.paint(frame, index)
            for _ in range(self.pace.repeats + (self.pace.hold if index == last else 0)):
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

    def _staged(self) -> Stage:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        views, show = self._views, self._show
        stage = Stage(Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI))
        FigureCanvasAgg(stage.figure)
        if len(self._epochs) < max(len(view.run.epochs) for view in views):
            stage.remark(f"{len(self._epochs):,} of the logged epochs are shown, evenly spread")
        if len(views) == 1:
            self._one_run(stage, views[0], show)
        else:
            self._side_by_side(stage, views, show)
        self._counter(stage, max(view.last_epoch for view in views))
        if stage.remarks:
            stage.text(16, HEIGHT - 9, "; ".join(stage.remarks), WIDTH - 32, 7.5, color=theme().grey)
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

    @staticmethod
    def _drawn(canvas: Any) -> Frame:
        canvas.draw()
        frame = Frame(WIDTH, HEIGHT)
        frame.draw_picture(np.asarray(canvas.buffer_rgba())[..., :3])
        return frame

    def _counter(self, stage: Stage, last: int) -> None:
        text = f"/ {last:,}"
        stage.text(WIDTH - 16, 30, text, 160, 13, color=theme().grey, ha="right")
        from nn_scratch.visualize.style import text_width

        right = WIDTH - 22 - round(text_width(text, 13) * DPI)
        digits = Digits(right, 14, 17, theme().ink, max(3, len(str(last))), bold=True)
        stage.text(right - digits.width - 6, 30, "epoch", 160, 13, color=theme().grey, ha="right")
        stage.parts.append(NumberPart(digits, [str(epoch) for epoch in self._epochs]))

    def _one_run(self, stage: Stage, view: View, show: Sequence[str]) -> None:
        stage.text(16, 30, f"{view.subtitle}{optimizer_words(view)}", 960, 14, fontweight="bold")
        left, right = 16, 888
        plane = self._plane(view)
        bottom = HEIGHT - 18 - CaptionPart.LINES * CaptionPart.LINE - 8
        if plane is not None:
            side = 400
            self._boundary(stage, view, left, 82, side)
            left += side + 48
        self._matrices(stage, view, show, left, 52, right - left, bottom - 52)
        x, width = 944, WIDTH - 944 - 20
        self._curves(stage, view, "loss", x, 84, width, 204)
        self._curves(stage, view, view.score, x, 364, width, 152)
        self._captions(stage, view, 16, bottom + 6, 1264 - 16)
        self._colour_bars(stage, show, view, x, 576, width)

    def _side_by_side(self, stage: Stage, views: Sequence[View], show: Sequence[str]) -> None:
        half = WIDTH // 2
        stage.text(16, 30, " against ".join(view.name for view in views), 760, 14, fontweight="bold")
        self._colour_bars(stage, show, views[0], 800, 26, 200)
        losses = [view.metrics[f"{part}_loss"] for view in views for part in ("train", "val")]
        limits = finite_range(losses)
        for i, view in enumerate(views):
            x = 16 + i * half
            stage.text(x, 62, view.subtitle, half - 32, 11, fontweight="bold", color=RUNS[i])
            self._curves(stage, view, "loss", x + 48, 94, half - 32 - 60, 116, limits)
            bottom = HEIGHT - 18 - CaptionPart.LINES * CaptionPart.LINE - 8
            top, left = 250, x
            if self._plane(view) is not None:
                side = 264
                self._boundary(stage, view, x, top + 22, side)
                left += side + 32
            self._matrices(stage, view, show, left, top, x + half - 32 - left, bottom - top)
            self._captions(stage, view, x, bottom + 6, half - 32)

    def _captions(self, stage: Stage, view: View, x: int, y: int, width: int) -> None:
        linger = max(1, round(CAPTION_SECONDS * self.fps / self.pace.repeats))
        stage.parts.append(CaptionPart(events_of(view), self._epochs, x, y, width, linger))

    def _row(self, view: View, index: int) -> int:
        """The row of a run's tensor logs that stands for the film's epoch: the latest that is not later."""
        return max(0, int(np.searchsorted(view.run.epochs, self._epochs[index], side="right")) - 1)

    # --- matrices

    def _matrices(self, stage: Stage, view: View, show: Sequence[str], x: int, y: int, width: int, height: int) -> None:
        logged = {kind: tensors for kind in show if (tensors := self._tensors(view, kind))}
        if not logged:
            raise UserError(f"{view.name}: nothing to film; it logged no {', no '.join(show)}")
        for kind in show:
            if kind not in logged:
                stage.remark(f"{kind} were not logged")
        zone = height // len(logged)
        for number, (kind, tensors) in enumerate(logged.items()):
            layers = self._layers_shown(stage, list(tensors), MOST_LAYERS[len(logged)])
            items = [self._item(view, kind, layer, tensors[layer]) for layer in layers]
            places = arrange(items, even(x), even(y + number * zone), even(width), even(zone - 4))
            for layer, item, place in zip(layers, items, places, strict=True):
                self._matrix(stage, view, kind, layer, tensors[layer], item, place)

    @staticmethod
    def _tensors(view: View, kind: str) -> dict[str, Array]:
        try:
            return view.tensors(kind)
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
                return Tiles(columns, down, across)
        return Matrix(rows, columns)

    def _matrix(self, stage: Stage, view: View, kind: str, layer: str, tensor: Array, item: Item, place: Place) -> None:
        shown = place.fit
        order = row_order(view, tensor) if kind == "activations" else None

        def source(index: int) -> Array:
            row = tensor[self._row(view, index)]
            return np.asarray(row if order is None else row[order])

        samples = [np.asarray(tensor[row]) for row in thinned(len(tensor), SCALE_ROWS)]
        blocks = Blocks(shown.block, samples) if shown.block != (1, 1) else None
        if blocks is not None:
            samples = [blocks(sample) for sample in samples]
        signed = kind != "activations" or any((sample < 0).any() for sample in samples)
        limit = robust_limit(samples)
        scale = Scale(-limit if signed else 0.0, limit)
        cells = Cells(diverging() if signed else sequential(), place.x, place.y, shown.rows, shown.columns, shown.cell)
        tiles = TileGrid(item, shown) if isinstance(item, Tiles) and shown.across else None
        stage.parts.append(MatrixPart(source, scale, cells, blocks, tiles))
        stage.frame_around(place.x, place.y, cells.width, cells.height)
        rows, columns = tensor.shape[1:]
        name = {"weights": f"{layer}.W", "gradients": f"∂ {layer}.W", "activations": layer}[kind]
        size = {"activations": f"{rows:,} rows × {columns:,}"}.get(kind, f"{rows:,}→{columns:,}")
        ends = f"±{short_number(float(f'{limit:.2g}'))}" if signed else f"0 to {short_number(float(f'{limit:.2g}'))}"
        room = place.room + 10
        title = first_that_fits([f"{name}  {size}  {ends}", f"{name}  {ends}", name], room / DPI, 8.5)
        stage.text(place.x, place.y - 11, title, room, 8.5)
        if tiles is not None:
            some = "each unit's" if shown.shown == columns else f"the first {shown.shown:,} units'"
            stage.remark(f"{layer}: {some} weights in the shape of the input, {item.rows} × {item.columns}")
        if blocks is not None:
            down, across = shown.block
            beyond = short_number(float(f"{blocks.beyond:.2g}"))
            stage.remark(f"{name}: a cell is the mean of {down} × {across}, or its extreme beyond ±{beyond}")

    def _colour_bars(self, stage: Stage, show: Sequence[str], view: View, x: int, y: int, width: int) -> None:
        palettes: list[tuple[Palette, tuple[str, str, str], str]] = [
            (diverging(), ("−", "0", "+"), "ends as in each title")
        ]
        unsigned = "activations" in show and any(
            not (np.asarray(values[-1]) < 0).any() for values in self._tensors(view, "activations").values()
        )
        if unsigned:
            palettes.append((sequential(), ("0", "activations", "+"), ""))
        for i, (palette, labels, what) in enumerate(palettes):
            top = y + 38 * i
            axes = stage.axes(x, top, width, 12)
            axes.imshow(palette.rgb[None, :253], aspect="auto", extent=(-1, 1, 0, 1))
            axes.set_yticks([])
            axes.grid(False)
            axes.set_xticks([])
            for place, label in zip((x, x + width / 2, x + width), labels, strict=True):
                stage.text(place, top + 21, label, 80, 9, ha="center")
            stage.text(x + width / 2, top - 10, what, width, 8, color=theme().grey, ha="center")

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
        metrics = view.metrics
        epochs = metrics["epoch"]
        axes = stage.axes(x, y, width, height)
        name = SCORES.get(score, score)
        stage.text(x - 40, y - 14, name, 80, 10, fontweight="bold")
        columns = [(f"{part}_{score}", style) for part, style in (("train", TRAINING), ("val", VALIDATION))]
        columns = [(column, style) for column, style in columns if column in metrics]
        curves = Curves(axes, (0, 0, 0, 0), epochs, [], [])
        for column, style in columns:
            values = np.where(np.isfinite(metrics[column]), metrics[column], np.nan)
            options = {**style, "linewidth": 1.6}
            if len(epochs) < 3:
                options |= {"marker": "o", "markersize": 4}
            curves.artists += axes.plot(epochs, values, **options)
            curves.lines.append((values, style["color"]))
        span = limits or finite_range([values for values, _ in curves.lines])
        if span[1] > 0:
            axes.set_ylim(*padded(span, score))
        if score == "loss" and log_helps(np.array(span)):
            log_axis(axes.yaxis)
        epoch_axis(axes, 0, max(1, int(self._epochs[-1])))
        axes.xaxis.set_tick_params(labelsize=8)
        axes.yaxis.set_tick_params(labelsize=8)
        axes.xaxis.label.set_fontsize(8.5)
        if not len(epochs):
            axes.text(0.5, 0.5, "no epoch was finished", transform=axes.transAxes, ha="center", color=theme().grey)
        best = view.best_epoch
        if best is not None:
            axes.axvline(best, color=theme().grey, linewidth=0.8, linestyle=":")
            if score == "loss":
                side = "left" if best <= 0.8 * self._epochs[-1] else "right"
                paper = {"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.5}
                place = axes.get_xaxis_transform()
                axes.text(best, 0.97, " best ", transform=place, va="top", fontsize=8, ha=side, bbox=paper)
        # the marker's disc may stand over the axes' edges
        curves.box = (even(x - 8), even(y - 8), even(width + 18), even(height + 16))
        stage.curves.append(curves)
        at = x + width
        for column, style in columns[::-1]:
            digits = Digits(at, y - 23, 9.5, style["color"], 7)
            label = "train" if style is TRAINING else "val"
            texts = [read_out(epochs, metrics[column], epoch) for epoch in self._epochs]
            stage.text(at - digits.width - 4, y - 14, label, 60, 9.5, color=style["color"], ha="right")
            stage.parts.append(NumberPart(digits, texts))
            at -= digits.width + 54

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
        names = view.class_names
        low, high = plane.low, plane.high
        stage.text(x, y - 11, "its answer at every point", side - 90, 8.5)
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
        stage.text(x + side / 2, y + side + 14, f"{features[0]} (scaled) →", side, 9, ha="center")
        if view.classifies and len(names) <= len(CLASSES) - 1:
            at = x
            for name, ink in zip(names, CLASSES, strict=False):
                stage.text(at, y + side + 36, f"● {name}", 110, 9, color=ink)
                at += 116
        stage.text(x + side, y - 11, f"↑ {features[1]} (scaled)", 84, 8.5, ha="right")


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
