"""The colours of the pictures and their meaning: parts of data, classes, layers, runs, steps, states of a unit.

No two meanings share a colour. Every colour has a contrast of at least 3:1 against light and dark paper, letters of
4.5:1 (WCAG 2.2, 1.4.3 and 1.4.11), and the colours of one meaning differ for a deuteranope too (simulated as in Machado
et al. 2009). Where lines share a panel, dashes distinguish them as well.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

TRAIN, VAL = "#0072B2", "#C25500"  # rows of the training part, and of validation or test
CLASSES = ("#9048c0", "#cc8400", "#187860", "#fc5478", "#7890b4", "#247800", "#0078fc")
RUNS = ("#487818", "#f054a8", "#6c6090", "#a89000", "#3c60e4", "#d87878", "#c060e4")  # runs, groups of them, trials
BEFORE, AFTER = "#808080", "#8478fc"  # an update of the weights
EXPECTED = "#48786c"  # what is usual, or what the gradient predicts
SERIES = "#5f7183"  # measurements of one kind, which need no colour of their own

DASHES: tuple[Any, ...] = (
    "-",
    (0, (6, 2)),
    (0, (1, 1.5)),
    (0, (6, 2, 1, 2)),
    (0, (3, 1)),
    (0, (8, 2, 1, 2, 1, 2)),
    (0, (12, 3)),
)

SEQUENTIAL = "viridis"  # values from zero up
SIGNED_LIGHT = (  # signed values on light paper: ColorBrewer's RdBu from blue to red, the colour map "RdBu_r"
    *("#053061", "#2166ac", "#4393c3", "#92c5de", "#d1e5f0", "#f7f7f7"),
    *("#fddbc7", "#f4a582", "#d6604d", "#b2182b", "#67001f"),
)
SIGNED_DARK = ("#9fd0ff", "#2f7fc1", "#202020", "#d1493c", "#ffb59c")  # signed values on dark paper, zero in its middle


@dataclass(frozen=True)
class Theme:
    """Paper and ink, and how large letters are against the picture."""

    name: str
    paper: str
    ink: str  # letters
    grey: str  # letters that matter less, axes
    pale: str  # lines that may be overlooked: grids, rules
    warning: str  # letters: a run that diverged, an error
    layers: tuple[float, float]  # the part of the colour map "plasma" that layers take, first to last
    moments: tuple[float, float]  # greys of epochs, first to last, 0 black, 1 white
    width: float = 12.0  # of a picture in inches
    titled: bool = True  # title, subtitle and the line on what to look for

    @property
    def dark(self) -> bool:
        return self.paper != "#ffffff"


PAGE = Theme("page", "#ffffff", "#222222", "#666666", "#dddddd", "#b3261e", (0.0, 0.6), (0.56, 0.0))
PAPER = Theme("paper", "#ffffff", "#000000", "#555555", "#dddddd", "#b3261e", (0.0, 0.6), (0.56, 0.0), 9.5, False)
SLIDE = Theme("slide", "#ffffff", "#111111", "#555555", "#dddddd", "#b3261e", (0.0, 0.6), (0.56, 0.0), 9.5)
DARK = Theme("dark", "#161616", "#f2f2f2", "#b4b4b4", "#3a3a3a", "#ff8a80", (0.4, 0.95), (0.46, 1.0), 9.5)
THEMES = {theme.name: theme for theme in (PAGE, PAPER, SLIDE, DARK)}

_theme: ContextVar[Theme] = ContextVar("theme", default=PAGE)


def theme() -> Theme:
    """The theme that is drawn in."""
    return _theme.get()


@contextmanager
def themed(chosen: Theme) -> Iterator[None]:
    """Within it pictures are drawn in a theme."""
    token = _theme.set(chosen)
    try:
        yield
    finally:
        _theme.reset(token)


@cache
def layer_shades(count: int, of: Theme) -> tuple[tuple[float, ...], ...]:
    """A colour for each layer, ordered in lightness from the first to the last."""
    from matplotlib import colormaps

    low, high = of.layers
    return tuple(map(tuple, colormaps["plasma"](np.linspace(low, high, max(count, 1)))))


def moment_shades(count: int) -> list[str]:
    """A grey for each of some epochs: the later, the stronger."""
    return [str(round(shade, 3)) for shade in np.linspace(*theme().moments, max(count, 1))]


def signed_map() -> Any:
    """The colour map of signed values: blue below zero, red above, the paper's own brightness at zero."""
    from matplotlib import colormaps
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("signed", SIGNED_DARK) if theme().dark else colormaps["RdBu_r"]


def meanings() -> dict[str, tuple[Any, ...]]:
    """Each meaning's colours on the current theme's paper: what the guide shows, and what tests measure."""
    return {
        "parts: training, validation": (TRAIN, VAL),
        "classes": CLASSES,
        "layers, first to last": layer_shades(4, theme()),
        "runs": RUNS,
        "an update: before, after": (BEFORE, AFTER),
        "usual or expected": (EXPECTED,),
        "one series": (SERIES,),
    }


# --- measures


def linear(colour: Any) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Red, green and blue as amounts of light, 0 to 1 (IEC 61966-2-1)."""
    from matplotlib.colors import to_rgb

    rgb = np.array(to_rgb(colour))
    light: np.ndarray[Any, np.dtype[np.float64]] = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    return light


def contrast(one: Any, other: Any) -> float:
    """WCAG's contrast of two colours, 1 to 21."""
    low, high = sorted(float(linear(colour) @ (0.2126, 0.7152, 0.0722)) for colour in (one, other))
    return (high + 0.05) / (low + 0.05)


def legend_svg() -> str:
    """The palette as an SVG picture, for the guide."""
    from matplotlib.colors import to_hex

    found = meanings()
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="640" height="{20 + 34 * len(found)}" '
        'font-family="sans-serif" font-size="14"><rect width="100%" height="100%" fill="#ffffff"/>'
    ]
    for row, (meaning, colours) in enumerate(found.items()):
        y = 10 + 34 * row
        lines.append(f'<text x="12" y="{y + 19}" fill="#222222">{meaning}</text>')
        lines += [
            f'<rect x="{230 + 44 * place}" y="{y + 2}" width="36" height="24" fill="{to_hex(colour)}"/>'
            for place, colour in enumerate(colours)
        ]
    return "\n".join([*lines, "</svg>\n"])


if __name__ == "__main__":
    from pathlib import Path

    (Path(__file__).parents[2] / "docs" / "palette.svg").write_text(legend_svg())
