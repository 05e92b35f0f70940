"""From numbers to the Y, U and V planes that the encoder takes, through lookup tables.

H.264 in browsers is YUV 4:2:0: a full-size plane of brightness Y, and planes of colour U and V of half the width and
height. ITU-R BT.709, limited range (Y from 16 to 235, U and V from 16 to 240), is what HD players expect.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import SEQUENTIAL, signed_map, theme

LEVELS = 253  # odd: the middle one, 126, is zero exactly
NOT_FINITE, PAPER = 254, 255  # two entries of the table that are no values

KR, KB = 0.2126, 0.0722  # BT.709's weights of red and blue in the brightness


def yuv(rgb: Array) -> Array:
    """(..., 3) red, green and blue in [0, 1] to (..., 3) Y, U and V as uint8."""
    rgb = np.asarray(rgb, np.float32)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    Y = KR * red + (1 - KR - KB) * green + KB * blue
    U = (blue - Y) / (2 * (1 - KB))
    V = (red - Y) / (2 * (1 - KR))
    planes = np.stack([16 + 219 * Y, 128 + 224 * U, 128 + 224 * V], axis=-1)
    return np.rint(planes).astype(np.uint8)


def colour(name: str) -> tuple[int, int, int]:
    """Y, U and V of a colour by name or #rrggbb."""
    from matplotlib.colors import to_rgb

    Y, U, V = yuv(np.array(to_rgb(name))).tolist()
    return Y, U, V


class Palette:
    """256 colours as tables of Y, U and V: LEVELS values, one for what is not finite, one for the paper between."""

    def __init__(self, rgb: Array) -> None:
        """rgb: (LEVELS, 3) in [0, 1]."""
        from matplotlib.colors import to_rgb

        table = np.full((256, 3), to_rgb(theme().paper), np.float32)
        table[:LEVELS] = rgb
        table[NOT_FINITE] = to_rgb("#F0E442")
        self.rgb = table
        self.Y, self.U, self.V = np.ascontiguousarray(yuv(table).T)
        self._runs: dict[tuple[str, int], Array] = {}

    def runs(self, plane: str, length: int) -> Array:
        """(256, length): each colour as that many pixels in a row, so that one `take` writes whole cells."""
        key = (plane, length)
        if key not in self._runs:
            self._runs[key] = np.repeat(getattr(self, plane)[:, None], length, axis=1)
        return self._runs[key]


def diverging() -> Palette:
    """Signed values: blue below zero, neutral at zero, red above."""

    return Palette(signed_map()(np.linspace(0, 1, LEVELS))[:, :3])


def sequential() -> Palette:
    """Values from zero up."""
    import matplotlib

    return Palette(matplotlib.colormaps[SEQUENTIAL](np.linspace(0, 1, LEVELS))[:, :3])


def blends(colours: Sequence[str]) -> Palette:
    """Classes: from the paper to each class's own colour, as one table cut into equal parts."""
    from matplotlib.colors import to_rgb

    blank = np.array(to_rgb(theme().paper))
    table = np.tile(blank.astype(np.float32), (LEVELS, 1))
    steps = LEVELS // len(colours)
    for i, name in enumerate(colours):
        share = np.linspace(0.12, 0.75, steps)[:, None]
        table[i * steps : (i + 1) * steps] = (1 - share) * blank + share * np.array(to_rgb(name))
    return Palette(table)


class Scale:
    """Fixed over the whole film: which value is which level."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high
        self._factor = np.float32((LEVELS - 1) / (high - low))
        self._offset = np.float32(0.5 - low * (LEVELS - 1) / (high - low))

    def levels(self, values: Array) -> Array:
        """Table indices (uint8) of values; values beyond the ends get their colour, nan one of its own."""
        with np.errstate(all="ignore"):
            scaled = np.multiply(values, self._factor, dtype=np.float32)
            scaled += self._offset
            np.clip(scaled, 0, LEVELS - 1, out=scaled)  # nan stays nan
            if np.isnan(scaled.sum()):
                scaled[np.isnan(scaled)] = NOT_FINITE
            return scaled.astype(np.uint8)


class Frame:
    """One picture as the encoder takes it: a buffer, and its planes as views."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        area = width * height
        self.buffer = np.empty(area * 3 // 2, np.uint8)
        self.Y = self.buffer[:area].reshape(height, width)
        self.UV = self.buffer[area:].reshape(2, height // 2, width // 2)
        self.U, self.V = self.UV

    def draw_picture(self, rgb: Array) -> None:
        """Fill the frame with a picture (height, width, 3) uint8; the colour of 2 x 2 pixels is their mean."""
        planes = yuv(rgb.astype(np.float32) / 255)
        self.Y[...] = planes[..., 0]
        for plane, values in ((self.U, planes[..., 1]), (self.V, planes[..., 2])):
            quarters = values.reshape(self.height // 2, 2, self.width // 2, 2).astype(np.uint16)
            plane[...] = (quarters.sum(axis=(1, 3)) + 2) // 4

    def copy(self) -> Frame:
        twin = Frame(self.width, self.height)
        twin.buffer[...] = self.buffer
        return twin

    def copy_box(self, other: Frame, x: int, y: int, width: int, height: int) -> None:
        """Take a box, all even, from another frame."""
        self.Y[y : y + height, x : x + width] = other.Y[y : y + height, x : x + width]
        half = np.s_[:, y // 2 : (y + height) // 2, x // 2 : (x + width) // 2]
        self.UV[half] = other.UV[half]

    def rgb(self) -> Array:
        """(height, width, 3) uint8, as a player shows it."""
        Y = (self.Y.astype(np.float32) - 16) / 219
        U, V = (
            (plane.repeat(2, axis=0).repeat(2, axis=1).astype(np.float32) - 128) / 224 for plane in (self.U, self.V)
        )
        red, blue = Y + 2 * (1 - KR) * V, Y + 2 * (1 - KB) * U
        green = (Y - KR * red - KB * blue) / (1 - KR - KB)
        return np.rint(np.clip(np.stack([red, green, blue], axis=-1), 0, 1) * 255).astype(np.uint8)


Lines = tuple[Array, Array, Array]  # of pixels, in Y, U and V


class Cells:
    """A matrix drawn as rectangles of one colour each, at even places and of even sizes: 4:2:0 then blurs nothing."""

    def __init__(self, palette: Palette, x: int, y: int, rows: int, columns: int, cell: tuple[int, int]) -> None:
        """x, y: upper left corner in pixels; cell: a cell's (height, width)."""
        self.palette, self.x, self.y, self.rows, self.columns, self.cell = palette, x, y, rows, columns, cell
        width = cell[1]
        self._tables = [
            palette.runs("Y", width),
            palette.runs("U", width // 2),
            palette.runs("V", width // 2),
        ]

    @property
    def height(self) -> int:
        return self.rows * self.cell[0]

    @property
    def width(self) -> int:
        return self.columns * self.cell[1]

    def lines(self, levels: Array) -> Lines:
        """(..., rows, columns) levels to the line of pixels of each row of cells: Y, U and V of (..., rows, pixels)."""
        known = levels.astype(np.intp)
        Y, U, V = (table.take(known, axis=0, mode="clip").reshape(*levels.shape[:-1], -1) for table in self._tables)
        return Y, U, V

    def place(self, frame: Frame, lines: Lines) -> None:
        """Draw the lines (rows, pixels) of one matrix."""
        for plane, line, part in zip((frame.Y, frame.U, frame.V), lines, (1, 2, 2), strict=True):
            x, y, height = self.x // part, self.y // part, self.cell[0] // part
            box = plane[y : y + self.rows * height, x : x + self.width // part]
            # a view, not a copy: splitting the first axis keeps the plane's strides
            box.reshape(self.rows, height, -1)[...] = line[:, None]

    def paint(self, frame: Frame, levels: Array) -> None:
        """Draw table indices (rows, columns) uint8."""
        self.place(frame, self.lines(levels))
