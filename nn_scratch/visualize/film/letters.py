"""Text in the film: each line, each digit is drawn once, and pasted from then on.

Letters and paper are shades of grey, so that only the plane of brightness changes.
"""

from __future__ import annotations

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.film.colour import Frame, colour
from nn_scratch.visualize.palette import theme
from nn_scratch.visualize.style import draw_text, font

CHARACTERS = "0123456789.,-+e%∞/ "


def paper() -> int:
    """The Y of the theme's paper, which is grey of some brightness."""
    return colour(theme().paper)[0]


def bitmap(
    text: str, points: float, ink: str, width: int, height: int, bold: bool = False, ground: int | None = None
) -> Array:
    """(height, width) Y values of one line on a ground of Y (None: the theme's paper); what is wider is cut off."""
    from PIL import Image, ImageDraw

    ground = paper() if ground is None else ground
    image = Image.new("L", (width, height), 0)
    draw_text(ImageDraw.Draw(image), 0, height // 2, text, points, bold)
    coverage = np.asarray(image, np.float32) / 255
    return np.rint(ground + coverage * (colour(ink)[0] - float(ground))).astype(np.uint8)


class Digits:
    """Writes changing numbers at one place, right-aligned."""

    def __init__(self, right: int, y: int, points: float, ink: str, characters: int, bold: bool = False) -> None:
        """right, y: upper right corner in pixels; characters: the most that are ever written."""
        letters = font(points, bold)
        self._height = round(points * 100 / 72 * 1.3)
        self._glyphs = {
            character: bitmap(character, points, ink, round(letters.getlength(character)), self._height, bold)
            for character in CHARACTERS
        }
        self.right, self.y, self.points, self._characters = right, y, points, characters
        self.width = characters * self._glyphs["0"].shape[1]
        self._paper = paper()

    def write(self, frame: Frame, text: str) -> None:
        rows = slice(self.y, self.y + self._height)
        frame.Y[rows, self.right - self.width : self.right] = self._paper
        x = self.right
        for character in reversed(text[-self._characters :]):
            glyph = self._glyphs[character]
            x -= glyph.shape[1]
            frame.Y[rows, x : x + glyph.shape[1]] = glyph
