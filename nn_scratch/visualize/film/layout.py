"""Where each matrix stands in the film, and how many pixels a weight gets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import ceil, log, sqrt

LARGEST_CELL = 48  # pixels a side
MOST_STRETCHED = 3  # a cell's longer side over its shorter one
TITLE = 22  # pixels above each matrix
GAP = 16  # pixels between matrices
LEAST_WIDTH = 160  # pixels that a title takes
ENOUGH_TILES = 24  # units that are shown, where more would be too small
TIGHT = 4  # pixels: below this a single weight is hard to see


@dataclass(frozen=True)
class Fit:
    """How a matrix is drawn in a box: cells of (height, width) pixels, each one value or the block of several."""

    rows: int  # of cells
    columns: int
    cell: tuple[int, int]
    block: tuple[int, int] = (1, 1)  # values a cell, (down, across)
    across: int = 0  # tiles: how many stand side by side
    shown: int = 0  # tiles: how many there is room for
    left_out: float = 1.0  # tiles: how many there are for each that is shown

    @property
    def height(self) -> int:
        return self.rows * self.cell[0]

    @property
    def width(self) -> int:
        return self.columns * self.cell[1]

    @property
    def score(self) -> float:
        """The quantity that the arrangement maximizes: the area, and cells that can be seen."""
        seen = 1.0 if min(self.cell) >= TIGHT else 0.0
        hidden = self.block[0] * self.block[1] * self.left_out
        return log(self.height * self.width) + seen - 1.5 * log(hidden)


@dataclass(frozen=True)
class Matrix:
    """Values (rows, columns), each a cell; of more values than pixels, each a block."""

    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.rows, self.columns

    def fit(self, width: int, height: int, unit: float = 1.0) -> Fit:
        down, across = cell_side(height, self.rows, unit), cell_side(width, self.columns, unit)
        cell = (min(down, MOST_STRETCHED * across), min(across, MOST_STRETCHED * down))
        block = (ceil(self.rows / max(1, height // cell[0])), ceil(self.columns / max(1, width // cell[1])))
        return Fit(ceil(self.rows / block[0]), ceil(self.columns / block[1]), cell, block)


@dataclass(frozen=True)
class Tiles:
    """Units, each a tile in the shape of the input: `count` pictures of (rows, columns), a cell apart."""

    count: int
    rows: int
    columns: int

    @property
    def shape(self) -> tuple[int, int]:
        across = max(1, round(sqrt(1.6 * self.count * self.rows / self.columns)))
        return ceil(self.count / across) * (self.rows + 1), across * (self.columns + 1)

    def fit(self, width: int, height: int, unit: float = 1.0) -> Fit:
        best: Fit | None = None
        for side in range(even(int(LARGEST_CELL * unit / 2)), 1, -2):
            across = min(self.count, (width + side) // (side * (self.columns + 1)))
            down = min(ceil(self.count / max(1, across)), (height + side) // (side * (self.rows + 1)))
            if across < 1 or down < 1:
                continue
            shown = min(self.count, across * down)
            best = Fit(
                down * (self.rows + 1) - 1,
                across * (self.columns + 1) - 1,
                (side, side),
                across=across,
                shown=shown,
                left_out=self.count / shown,
            )
            if shown >= min(self.count, ENOUGH_TILES):
                break
        # a tile larger than the box: the plain matrix, in blocks
        return best or Matrix(self.rows * self.columns, self.count).fit(width, height, unit)


Item = Matrix | Tiles


@dataclass(frozen=True)
class Place:
    """A matrix's upper left corner in pixels, the width its title may take, and its fit."""

    x: int
    y: int
    room: int
    fit: Fit


def cell_side(pixels: int, cells: int, unit: float = 1.0) -> int:
    """The largest even side, from 2 to LARGEST_CELL, of so many cells in a row."""
    return max(2, min(even(int(LARGEST_CELL * unit)), pixels // max(1, cells) // 2 * 2))


def arrange(items: Sequence[Item], x: int, y: int, width: int, height: int, unit: float = 1.0) -> list[Place]:
    """Place matrices in order, on one shelf or several, so that little of the room is left over; all even numbers.

    unit: how many times larger letters and gaps are than in a film of 1280 x 720.
    """
    candidates = (
        shelves_of(items, split, heights, widths, x, y, width, height, unit)
        for split in splits(len(items))
        for heights in (0.0, 0.5, 1.0)
        for widths in (0.0, 0.5, 1.0)
    )
    return max(candidates, key=lambda places: sum(place.fit.score for place in places))


def splits(count: int) -> Iterator[tuple[tuple[int, int], ...]]:
    """Ways to cut a row of `count` into consecutive shelves: all for a few items, equal ones for many."""
    for shelves in range(1, min(count, 6) + 1):
        equal = tuple(round(count * i / shelves) for i in range(1, shelves))
        for cuts in combinations(range(1, count), shelves - 1) if count <= 6 else (equal,):
            yield tuple(zip((0, *cuts), (*cuts, count), strict=True))


def shelves_of(
    items: Sequence[Item],
    split: Sequence[tuple[int, int]],
    height_power: float,
    width_power: float,
    x: int,
    y: int,
    width: int,
    height: int,
    unit: float = 1.0,
) -> list[Place]:
    """One arrangement: shelves get heights, and items widths, in proportion to a power of their sizes."""
    title, gap, narrowest = (even(int(pixels * unit)) for pixels in (TITLE, GAP, LEAST_WIDTH))
    heights = shares(
        [max(item.shape[0] for item in items[start:stop]) for start, stop in split],
        height_power,
        height - len(split) * title - gap // 2 * (len(split) - 1),
    )
    places: list[Place] = []
    top = y
    for (start, stop), room in zip(split, heights, strict=True):
        shelf = items[start:stop]
        inside = width - gap * (len(shelf) - 1)
        least = min(narrowest, inside // len(shelf))
        left, tallest = x, 0
        for item, box in zip(shelf, shares([item.shape[1] for item in shelf], width_power, inside, least), strict=True):
            fit = item.fit(box, room, unit)
            taken = even(max(fit.width, min(box, narrowest)))
            places.append(Place(left, top + title, taken, fit))
            left += taken + gap
            tallest = max(tallest, fit.height)
        top += title + even(tallest) + gap // 2
    return places


def shares(sizes: Sequence[int], power: float, room: int, least: int = 24) -> list[int]:
    """Divide `room` in proportion to sizes**power, in even parts of `least` or more."""
    weights = [size**power for size in sizes]
    spare = max(0, room - least * len(sizes))
    return [max(2, even(int(least + spare * weight / sum(weights)))) for weight in weights]


def even(pixels: int) -> int:
    return pixels // 2 * 2
