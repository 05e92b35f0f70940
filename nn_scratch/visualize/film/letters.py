"""Text in the film: each line, each digit is drawn once, and pasted from then on.

Letters are grey or black on white paper, so that only the plane of brightness changes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.visualize.film.colour import Frame, colour
from nn_scratch.visualize.style import font

Array = NDArray[Any]

PAPER = 235  # white's Y
CHARACTERS = "0123456789.,-+e%∞/ "


def bitmap(text: str, points: float, ink: str, width: int, height: int, bold: bool = False) -> Array:
    """(height, width) Y values of one line on white; what is wider is cut off."""
    from PIL import Image, ImageDraw

    image = Image.new("L", (width, height), 0)
    ImageDraw.Draw(image).text((0, height // 2), text, fill=255, font=font(points, bold), anchor="lm")
    coverage = np.asarray(image, np.float32) / 255
    return np.rint(PAPER + coverage * (colour(ink)[0] - PAPER)).astype(np.uint8)


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

    def write(self, frame: Frame, text: str) -> None:
        rows = slice(self.y, self.y + self._height)
        frame.Y[rows, self.right - self.width : self.right] = PAPER
        x = self.right
        for character in reversed(text[-self._characters :]):
            glyph = self._glyphs[character]
            x -= glyph.shape[1]
            frame.Y[rows, x : x + glyph.shape[1]] = glyph
