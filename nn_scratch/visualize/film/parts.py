"""The moving parts of the film. Each draws its static surroundings once, with matplotlib, and itself in every frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.events import Event
from nn_scratch.visualize.film.colour import PAPER, Cells, Frame, Lines, Scale, colour
from nn_scratch.visualize.film.layout import Fit, Tiles
from nn_scratch.visualize.film.letters import Digits, bitmap, paper
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import DPI, first_that_fits, without_last_clauses

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class Part(Protocol):
    """A rectangle of the frame that changes."""

    def paint(self, frame: Frame, index: int) -> None:
        """Draw the film's epoch number `index` (of those that are shown, from 0)."""


class Blocks:
    """Matrices of more values than pixels: each cell is the mean of a block, or its extreme where that is rare."""

    def __init__(self, block: tuple[int, int], samples: Sequence[Array] | Array) -> None:
        """samples: some of the matrices, from which it is chosen what is rare: in about one block of 50."""
        self._block = block
        magnitudes = np.concatenate([np.abs(np.ravel(sample)) for sample in samples])
        magnitudes = magnitudes[np.isfinite(magnitudes)]
        self.beyond = float(np.quantile(magnitudes, 1 - 0.02 / (block[0] * block[1]))) if len(magnitudes) else np.inf

    def __call__(self, values: Array) -> Array:
        """(..., rows, columns) to (..., cells down, cells across)."""
        rows, columns = values.shape[-2:]
        down, across = self._block

        def reduced(operation: np.ufunc) -> Array:
            high = np.swapaxes(folded(operation, values, down), -1, -2)
            return np.swapaxes(folded(operation, high, across), -1, -2)

        with np.errstate(all="ignore"):
            means = reduced(np.add) / np.outer(block_sizes(rows, down), block_sizes(columns, across))
            high, low = reduced(np.maximum), reduced(np.minimum)
            extremes = np.where(high > -low, high, low)
            shown: Array = np.where(np.abs(extremes) > self.beyond, extremes, means)
        return shown


def folded(operation: np.ufunc, values: Array, length: int) -> Array:
    """Blocks of `length` rows reduced to a row each, as by `operation.reduceat`, which takes several times as long."""
    if length == 1:
        return values
    result = values[..., ::length, :].copy()
    for start in range(1, min(length, values.shape[-2])):
        rows = values[..., start::length, :]
        kept = result[..., : rows.shape[-2], :]
        operation(kept, rows, out=kept)
    return result


def block_sizes(length: int, block: int) -> Array:
    """How many of `length` rows are in each block of at most `block` rows."""
    return np.minimum(block, length - np.arange(0, length, block)).astype(np.float32)


class TileGrid:
    """Units as tiles in the shape of the input, a cell of paper between them."""

    def __init__(self, tiles: Tiles, fit: Fit, units: Array) -> None:
        """units: in the order in which they are shown, as far as there is room."""
        self._shown = units[: fit.shown]
        rows, columns = tiles.rows, tiles.columns
        down = (fit.rows + 1) // (rows + 1)
        self._sheet = np.full((down * (rows + 1), fit.across * (columns + 1)), PAPER, np.uint8)
        split = self._sheet.reshape(down, rows + 1, fit.across, columns + 1)
        self._inside = split[:, :rows, :, :columns].transpose(0, 2, 1, 3)  # (down, across, rows, columns): a view
        self._units = np.full((down * fit.across, rows * columns), PAPER, np.uint8)

    def __call__(self, levels: Array) -> Array:
        """(inputs, units) to (cells down, cells across)."""
        self._units[: len(self._shown)] = levels.T[self._shown]
        self._inside[...] = self._units.reshape(self._inside.shape)
        sheet: Array = self._sheet[:-1, :-1].copy()
        return sheet


class MatrixPart:
    """A layer's matrix: weights, gradients or activations."""

    AT_ONCE = 8  # epochs: calls of NumPy cost more than their work on small matrices

    def __init__(
        self,
        source: Callable[[Array], Array],
        count: int,
        scale: Scale,
        cells: Cells,
        blocks: Blocks | None = None,
        tiles: TileGrid | None = None,
        scales: Sequence[Scale] | None = None,
    ) -> None:
        """source: the matrices (numbers, rows, columns) of some of the film's epochs, of which there are `count`;
        scales: one for each of them, in the place of one for all."""
        self._scales, self._count = scales, count
        self._source, self._blocks, self._scale, self._tiles, self.cells = source, blocks, scale, tiles, cells
        self._lines: dict[int, Lines] = {}  # of the epochs that are next

    def levels(self, index: int) -> Array:
        """(cells down, cells across): table indices."""
        (levels,) = self._levels(np.array([index]))
        return np.asarray(levels)

    def _levels(self, indices: Array) -> Array:
        values = self._source(indices)
        if self._blocks is not None:
            values = self._blocks(values)
        if self._scales is None:
            levels = self._scale.levels(values)
        else:
            levels = np.stack([self._scales[i].levels(part) for i, part in zip(indices, values, strict=True)])
        return levels if self._tiles is None else np.stack([self._tiles(part) for part in levels])

    def paint(self, frame: Frame, index: int) -> None:
        if index not in self._lines:
            following = range(index, min(index + self.AT_ONCE, self._count))
            lines = self.cells.lines(self._levels(np.array(following)))
            self._lines = dict(zip(following, zip(*lines, strict=True), strict=True))
        self.cells.place(frame, self._lines[index])


class CurvePart:
    """A panel of curves: what is past in full colour, what is to come pale, and a marker on the present."""

    def __init__(
        self,
        past: Frame,
        future: Frame,
        box: tuple[int, int, int, int],
        line: tuple[int, int],
        xs: Array,
        marks: Sequence[tuple[Array, str]],
        unit: float = 1.0,
    ) -> None:
        """box: x, y, width, height in pixels; line: top and bottom of the marker; xs: its place at each epoch;
        marks: for each curve the height of its point at each epoch (nan: none) and its colour; unit: of marks."""
        self._past, self._future, self._box, self.line, self.marks = past, future, box, line, marks
        self.xs = np.rint(xs / 2).astype(int) * 2
        self._dots = [Stamp(round(5 * unit), colour(name)) for _, name in marks]
        self._thick = max(1, round(unit))
        self._grey = colour("#888888")[0]

    def paint(self, frame: Frame, index: int) -> None:
        x, y, width, height = self._box
        now = int(self.xs[index])
        frame.copy_box(self._past, x, y, now - x, height)
        frame.copy_box(self._future, now, y, x + width - now, height)
        top, bottom = self.line
        frame.Y[top:bottom, now : now + self._thick] = self._grey
        for (ys, _), dot in zip(self.marks, self._dots, strict=True):
            if np.isfinite(ys[index]):
                dot.paint(frame, now, float(ys[index]))


class Stamp:
    """A disc of one colour with a smooth edge, blended into the frame at even places."""

    def __init__(self, radius: int, ink: tuple[int, int, int]) -> None:
        self._size = 2 * radius + 2
        along = np.arange(self._size) - (self._size - 1) / 2
        coverage = np.clip(radius + 0.5 - np.hypot.outer(along, along), 0, 1).astype(np.float32)
        quarters = coverage.reshape(self._size // 2, 2, self._size // 2, 2).mean(axis=(1, 3))
        # new = old (1 - coverage) + ink coverage, rounded
        colours = np.array(ink[1:], np.float32)[:, None, None]
        self._bright = 1 - coverage, coverage * np.float32(ink[0]) + np.float32(0.5)
        self._coloured = 1 - quarters, quarters * colours + np.float32(0.5)

    def paint(self, frame: Frame, x: float, y: float) -> None:
        """Centre within a pixel of x and y; a disc that would reach over the frame's edge is left out."""
        size = self._size
        left, top = (2 * round((centre - size / 2) / 2) for centre in (x, y))
        if left < 0 or top < 0 or left + size > frame.width or top + size > frame.height:
            return
        bright = frame.Y[top : top + size, left : left + size]
        coloured = frame.UV[:, top // 2 : (top + size) // 2, left // 2 : (left + size) // 2]
        for box, (keep, add) in ((bright, self._bright), (coloured, self._coloured)):
            np.add(box * keep, add, out=box, casting="unsafe")


class NumberPart:
    """A number that changes: the epoch, a loss."""

    def __init__(self, digits: Digits, texts: Sequence[str]) -> None:
        self._digits, self.texts = digits, texts

    @property
    def place(self) -> tuple[int, int]:
        """The upper right corner, in pixels."""
        return self._digits.right, self._digits.y

    @property
    def points(self) -> float:
        return self._digits.points

    def paint(self, frame: Frame, index: int) -> None:
        self._digits.write(frame, self.texts[index])


class CaptionPart:
    """The latest events, the newest on top and in black until it has had time to be read."""

    LINES, LINE = 3, 20

    def __init__(
        self,
        events: Sequence[Event],
        epochs: Array,
        x: int,
        y: int,
        width: int,
        linger: int,
        unit: float = 1.0,
        counted: str = "epoch",
    ) -> None:
        """epochs: of each of the film's epochs; linger: for how many of them a caption is new; unit: of letters."""
        self.LINE = round(20 * unit / 2) * 2
        self._points, self._counted = 10.5 * unit, counted
        self._inks, self._paper = (theme().ink, theme().grey), paper()
        self.x, self.y, self._width, self._linger = x, y, width, linger
        # an event of an epoch that is not shown appears with the next one that is
        self._events = [(int(np.searchsorted(epochs, min(event.epoch, epochs[-1]))), event) for event in events]
        self._told: list[tuple[tuple[int, bool], ...]] = [self._latest(index) for index in range(len(epochs))]
        self._blocks: dict[tuple[tuple[int, bool], ...], Array] = {}

    def _text(self, number: int) -> str:
        event = self._events[number][1]
        return f"{self._counted} {event.epoch}: {event.text}"

    def told(self, index: int) -> list[tuple[str, bool]]:
        """The lines that stand there, the newest first, and whether each is new."""
        return [(self._text(number), new) for number, new in self._told[index]]

    def _latest(self, index: int) -> tuple[tuple[int, bool], ...]:
        """Events by number, and whether each is new."""
        past = [(number, index - at < self._linger) for number, (at, _) in enumerate(self._events) if at <= index]
        return tuple(past[-self.LINES :][::-1])

    def _block(self, told: tuple[tuple[int, bool], ...]) -> Array:
        """All lines as one picture."""
        block = np.full((self.LINES, self.LINE, self._width), self._paper, np.uint8)
        for line, (number, new) in zip(block, told, strict=False):
            wordings = without_last_clauses(self._text(number))
            text = first_that_fits(wordings, self._width / DPI, self._points, bold=new)
            ink = self._inks[0 if new else 1]
            line[...] = bitmap(text, self._points, ink, self._width, self.LINE, new, self._paper)
        return block.reshape(-1, self._width)

    def paint(self, frame: Frame, index: int) -> None:
        told = self._told[index]
        if told not in self._blocks:
            self._blocks[told] = self._block(told)
        frame.Y[self.y : self.y + self.LINES * self.LINE, self.x : self.x + self._width] = self._blocks[told]


class BoundaryPart:
    """What the network answers at every point of the plane, and the probe rows on it."""

    def __init__(
        self,
        levels: Callable[[int], Array],
        cells: Cells,
        points: Sequence[tuple[int, int, tuple[int, int, int]]],
        unit: float,
    ) -> None:
        """levels: table indices of the film's epoch number; points: x, y and colour of each probe row."""
        self._levels, self._cells = levels, cells
        self._points = Points(points, max(1, round(unit)))

    def paint(self, frame: Frame, index: int) -> None:
        self._cells.paint(frame, self._levels(index))
        self._points.paint(frame)


class Points:
    """Small dots with a white rim, as lists of pixels."""

    SHAPE = ("..www..", ".wcccw.", "wcccccw", "wcccccw", "wcccccw", ".wcccw.", "..www..")

    def __init__(self, points: Sequence[tuple[int, int, tuple[int, int, int]]], larger: int = 1) -> None:
        """larger: how many pixels wide and high each of SHAPE's is."""
        shape = ["".join(mark * larger for mark in line) for line in self.SHAPE for _ in range(larger)]
        middle = len(shape) // 2
        inks: dict[tuple[int, int], tuple[int, int, int]] = {}
        for x, y, ink in points:
            for i, line in enumerate(shape):
                for j, mark in enumerate(line):
                    if mark != ".":
                        inks[y + i - middle, x + j - middle] = ink if mark == "c" else (235, 128, 128)
        quarters: dict[tuple[int, int], list[tuple[int, int, int]]] = {}
        for (i, j), ink in inks.items():
            quarters.setdefault((i // 2, j // 2), []).append(ink)
        mixed = {  # the colour of 2 x 2 pixels is the dot's where it covers two of them or more
            place: np.rint(np.mean(found, axis=0)).astype(int).tolist()
            for place, found in quarters.items()
            if len(found) >= 2
        }
        found = {
            "Y": {place: ink[0] for place, ink in inks.items()},
            "U": {place: ink[1] for place, ink in mixed.items()},
            "V": {place: ink[2] for place, ink in mixed.items()},
        }
        self._pixels = {
            plane: (
                np.array([y for y, _ in places], int),
                np.array([x for _, x in places], int),
                np.array(list(places.values()), np.uint8),
            )
            for plane, places in found.items()
        }

    def paint(self, frame: Frame) -> None:
        for plane, (y, x, values) in self._pixels.items():
            getattr(frame, plane)[y, x] = values


def pixel_places(axes: Axes, height: int, xs: Array, values: Array) -> tuple[Array, Array]:
    """Pixels from the left and from the top of points in data units; nan where a value is not finite."""
    with np.errstate(all="ignore"):
        places = axes.transData.transform(np.column_stack([xs, values]))
    return places[:, 0], height - places[:, 1]
