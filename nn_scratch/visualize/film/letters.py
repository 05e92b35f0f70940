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
        # digits of one width, so that a number does not dance
        self._advance = round(font(points, bold).getlength("0"))
        self._height = round(points * 100 / 72 * 1.3)
        self._glyphs = {
            character: bitmap(character, points, ink, self._advance, self._height, bold) for character in CHARACTERS
        }
        self._right, self._y, self._characters = right, y, characters

    @property
    def width(self) -> int:
        return self._characters * self._advance

    def write(self, frame: Frame, text: str) -> None:
        rows = slice(self._y, self._y + self._height)
        frame.Y[rows, self._right - self.width : self._right] = PAPER
        x = self._right
        for character in reversed(text[-self._characters :]):
            x -= self._advance
            frame.Y[rows, x : x + self._advance] = self._glyphs.get(character, self._glyphs[" "])
