"""How every picture looks: colours, letters, and the sheet with its title and the line on what to look for.

Matplotlib is used through its objects, without pyplot's global state, and is imported only when something is drawn.
Margins are set in inches rather than by a layout engine, which would take longer than the drawing itself.
"""

from __future__ import annotations

import logging
import os
import re
import sys
import unicodedata
import warnings
from collections.abc import Iterator, Sequence, Set
from contextlib import chdir, contextmanager, nullcontext
from functools import cache, lru_cache
from pathlib import Path
from textwrap import wrap
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.colorbar import Colorbar
    from matplotlib.figure import Figure
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont
from nn_scratch.metrics import Array
from nn_scratch.visualize.palette import DASHES, PAGE, TRAIN, VAL, Theme, layer_shades, theme, themed
from nn_scratch.wording import one_line

TRAINING: dict[str, Any] = {"color": TRAIN, "linestyle": "-", "label": "train"}

VALIDATION: dict[str, Any] = {"color": VAL, "linestyle": DASHES[1], "label": "validation"}

SCALE_QUANTILE = 0.995  # of |values|: the end of a colour scale, so that one outlier does not make all others pale

DPI = 100

HEADER, FOOTER = 0.85, 0.55

RC: dict[str, Any] = {
    "font.size": 10.0,
    "axes.titlesize": 10.5,
    "axes.titlelocation": "left",
    "axes.titley": 1.0,  # no ticks stand there, and to look for them takes a seventh of the time
    "axes.labelsize": 10.0,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.linewidth": 0.8,
    "xtick.labelsize": 9.0,
    "ytick.labelsize": 9.0,
    "legend.fontsize": 9.0,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.parse_math": False,  # names come from the user's data: a $ in them is a $
    "svg.fonttype": "path",
    "svg.hashsalt": "nn_scratch",
    "image.interpolation": "nearest",
    "path.simplify": True,
}


SETTINGS = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}  # of the environment, while matplotlib is imported


def import_matplotlib() -> ModuleType:
    """matplotlib, imported as if the user had no settings of it: a matplotlibrc may be unreadable, MPLBACKEND unknown.

    Where it has been imported before, it is left as it is; `drawing` applies the settings.
    """
    if "matplotlib" in sys.modules:
        return sys.modules["matplotlib"]
    before = {name: os.environ.get(name) for name in SETTINGS}
    os.environ |= SETTINGS
    try:
        # the working directory's own file comes before that of the environment
        with chdir(Path(__file__).parent) if Path("matplotlibrc").exists() else nullcontext(), quiet():
            import matplotlib.font_manager  # which needs a folder for its cache
    finally:
        for name, value in before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value
    return matplotlib


_missing: set[str] = set()  # letters that no font had, in all that was drawn
# after DejaVu Sans, for the letters that it lacks, where they are installed
FALLBACKS = (
    *("Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Noto Sans JP", "Noto Sans KR", "WenQuanYi Zen Hei"),
    *("Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Tamil", "Noto Sans Thai", "Noto Sans Ethiopic"),
)


@cache
def families() -> list[str]:
    """The fonts that letters are looked for in, in this order."""
    from matplotlib.font_manager import fontManager

    installed = {font.name for font in fontManager.ttflist}
    return ["DejaVu Sans", *(name for name in FALLBACKS if name in installed)]


def missing() -> frozenset[str]:
    """The letters that no font had, in all that was drawn."""
    return frozenset(_missing)


def note_missing(letters: Set[str]) -> None:
    """Letters that no font had in what another process drew."""
    _missing.update(letters)


def forget_missing(letters: Set[str]) -> None:
    """Because what held them is drawn once more, with other fonts."""
    _missing.difference_update(letters)


def missing_letters() -> str:
    """A sentence about the letters that no installed font had, and what to install; empty where there are none."""
    if not _missing:
        return ""
    scripts = sorted({unicodedata.name(letter, "unknown").split(" ")[0] for letter in _missing})
    letters = " ".join(sorted(_missing)[:10])
    return (
        f"letters that no installed font has are drawn as boxes: {letters} ({', '.join(scripts)}); install a Noto font"
    )


@contextmanager
def quiet() -> Iterator[None]:
    """Within it matplotlib does not log that it builds a cache of fonts, or finds no folder to keep it in."""
    logger = logging.getLogger("matplotlib")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


PLAIN = 0x250  # the letters below are in DejaVu Sans: Latin, accents, the signs of the captions apart


def settings(theme: Theme, letters: Set[str] | None = None) -> dict[str, Any]:
    """matplotlib's settings for a theme. letters: of all names that will be drawn, as far as they are known.

    Where they are all in DejaVu Sans the other fonts are left out: matplotlib goes through every one for every text.
    """
    ink, grey = theme.ink, theme.grey
    return RC | {
        "figure.facecolor": theme.paper,
        "axes.facecolor": theme.paper,
        "savefig.facecolor": theme.paper,
        "text.color": ink,
        "axes.titlecolor": ink,
        "axes.labelcolor": ink,
        "axes.edgecolor": grey,
        "xtick.color": grey,
        "ytick.color": grey,
        "xtick.labelcolor": ink,
        "ytick.labelcolor": ink,
        "font.family": families()[:1] if letters is not None and in_first_font(letters) else families(),
        "grid.color": "#e8e8e8" if not theme.dark else "#303030",
    }


def in_first_font(letters: Set[str]) -> bool:
    """Whether DejaVu Sans has every letter."""
    rare = {letter for letter in letters if ord(letter) >= PLAIN}
    if not rare:
        return True
    return all(family_of(letter) == families()[0] for letter in rare)


@contextmanager
def drawing(chosen: Theme = PAGE, letters: Set[str] | None = None) -> Iterator[None]:
    """Within it figures are made and saved in a theme, independent of the user's matplotlib settings.

    letters: see `settings`; None: any.
    """
    matplotlib = import_matplotlib()
    defaults = {key: value for key, value in matplotlib.rcParamsDefault.items() if not key.startswith("backend")}
    style = matplotlib.rc_context(defaults | settings(chosen, letters))
    with themed(chosen), style, warnings.catch_warnings(), quiet():
        # a letter that no font has is drawn as a box; the picture is still worth having, and the letter is named
        warnings.filterwarnings("always", message="Glyph .* missing from font")
        warnings.filterwarnings("ignore", message="Matplotlib currently does not support .* natively")  # before 3.11
        show = warnings.showwarning

        def note(message: Warning | str, *rest: Any, **options: Any) -> None:
            found = re.match(r"Glyph (\d+) ", str(message))
            if found:
                _missing.add(chr(int(found[1])))
            else:
                show(message, *rest, **options)

        warnings.showwarning = note
        yield


class Sheet:
    """One picture: a title above, panels, and one line below on what to look for."""

    def __init__(self, title: str, subtitle: str, look: str, warning: str = "", width: float | None = None) -> None:
        """warning: what sets this run apart (diverged, interrupted), in a colour of its own beside the subtitle."""
        from matplotlib.figure import Figure

        self.width = theme().width if width is None else width
        self.figure: Figure = Figure(figsize=(self.width, 4.0), dpi=DPI)
        self._header, self._footer = (HEADER, FOOTER) if theme().titled else (0.0, 0.15)
        self._title, self._subtitle, self._look, self._warning = title, subtitle, look, warning
        self._remarks: list[str] = []

    def remark(self, text: str) -> None:
        """Say below the picture what is not shown as it is: thinned, sampled, left out."""
        if text not in self._remarks:
            self._remarks.append(text)

    def caption(self, look: str) -> None:
        """Say what to look for in the picture that is there, in place of the general line."""
        self._look = look

    def about(self, *parts: str) -> None:
        """Add to the subtitle: the layer, the epochs, the rows."""
        self._subtitle = " · ".join((self._subtitle, *(part for part in parts if part)))

    def grid(
        self,
        rows: int = 1,
        columns: int = 1,
        *,
        height: float = 4.2,
        left: float = 0.75,
        right: float = 0.25,
        gap: tuple[float, float] = (0.75, 0.85),
        bottom: float = 0.6,
        widths: Sequence[float] | None = None,
        heights: Sequence[float] | None = None,
        **options: Any,
    ) -> list[list[Axes]]:
        """Panels (rows x columns), in inches: height is that of a panel, gap what is between (rows, columns)."""
        row_heights = [height * share for share in (heights or [1.0] * rows)]
        room = self.width - left - right - gap[1] * (columns - 1)
        shares = np.array(widths or [1.0] * columns, float)
        column_widths = room * shares / shares.sum()
        total = self._header + 0.3 + sum(row_heights) + gap[0] * (rows - 1) + bottom + self._footer
        self.figure.set_size_inches(self.width, total)
        panels: list[list[Axes]] = []
        top = total - self._header - 0.3
        for row_height in row_heights:
            x, line = left, []
            for column_width in column_widths:
                box = (x / self.width, (top - row_height) / total, column_width / self.width, row_height / total)
                line.append(self.figure.add_axes(box, **options))
                x += column_width + gap[1]
            panels.append(line)
            top -= row_height + gap[0]
        return panels

    def message(self, text: str) -> None:
        """In place of panels: why there is nothing to see."""
        ((axes,),) = self.grid(height=2.2)
        blank(axes)
        axes.text(0.5, 0.5, fill(text, 90), ha="center", va="center", color=theme().grey, fontsize=12)

    def finish(self) -> Figure:
        """Write the title, the subtitle and the lines below, fitted to the width."""
        figure, total = self.figure, self.figure.get_size_inches()[1]
        if not theme().titled:
            return figure
        ink, grey = theme().ink, theme().grey
        room = self.width - 0.5
        x = 0.25 / self.width
        figure.text(
            x, 1 - 0.34 / total, fit(self._title, room, 14, bold=True), fontsize=14, fontweight="bold", color=ink
        )
        warning = fit(self._warning, 0.6 * room, 10, bold=True)
        used = text_width(warning, 10, bold=True) + 0.3 if warning else 0.0
        subtitle = fit(self._subtitle, room - used, 10)
        figure.text(x, 1 - 0.62 / total, subtitle, fontsize=10, color=grey)
        if warning:
            right = 1 - 0.25 / self.width
            figure.text(
                right, 1 - 0.62 / total, warning, fontsize=10, fontweight="bold", color=theme().warning, ha="right"
            )
        remarks = fit("; ".join(self._remarks), room, 8.5)
        figure.text(x, 0.3 / total, fit(f"What to look for: {self._look}", room, 10), fontsize=10, color=ink)
        figure.text(x, 0.1 / total, remarks, fontsize=8.5, color=grey)
        return figure


# --- letters


@lru_cache(maxsize=64)
def font(points: float, bold: bool = False, dpi: float = DPI, family: str = "DejaVu Sans") -> FreeTypeFont:
    """One of the fonts of the pictures, for measuring and for bitmaps; DejaVu Sans is among matplotlib's own files."""
    import matplotlib
    from PIL import ImageFont

    if family != "DejaVu Sans":
        path = font_file(family, bold)
        return ImageFont.truetype(str(path), points * dpi / 72, index=getattr(path, "face_index", 0))
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / name, points * dpi / 72)


def font_file(family: str, bold: bool = False) -> Any:
    """The file of an installed font."""
    from matplotlib.font_manager import FontProperties, findfont

    return findfont(FontProperties(family=[family], weight="bold" if bold else "normal"))


@cache
def characters(family: str) -> frozenset[int]:
    """The code points that an installed font has."""
    from matplotlib.font_manager import get_font

    return frozenset(get_font(font_file(family)).get_charmap())


def family_of(letter: str) -> str | None:
    """The first of the fonts that has a letter; None where no font has it."""
    if ord(letter) < PLAIN:
        return families()[0]
    return next((family for family in families() if ord(letter) in characters(family)), None)


def spans(text: str) -> list[tuple[str, str]]:
    """A text cut where the font changes: (family, part). What no font has is left to the first, which draws a box."""
    found: list[tuple[str, str]] = []
    for letter in text:
        family = family_of(letter) or families()[0]
        if found and found[-1][0] == family:
            family, part = found.pop()
            letter = part + letter
        found.append((family, letter))
    return found


def draw_text(draw: ImageDraw, x: float, y: float, text: str, points: float, bold: bool = False) -> None:
    """Write one line with its middle at y, white, in the fonts that have its letters, by Pillow."""
    first = font(points, bold)
    if text.isascii():
        draw.text((x, y), text, fill=255, font=first, anchor="lm")
        return
    ascent, descent = first.getmetrics()
    _missing.update(letter for letter in text if family_of(letter) is None)
    for family, part in spans(text):
        letters = font(points, bold, family=family)
        draw.text((x, y + (ascent - descent) / 2), part, fill=255, font=letters, anchor="ls")
        x += letters.getlength(part)


def text_width(text: str, points: float, bold: bool = False) -> float:
    """Inches, drawn by Pillow or by matplotlib, which does not round letters to pixels: the wider of the two."""
    parts = [(families()[0], text)] if text.isascii() else spans(text)

    def length(size: float) -> float:
        return sum(font(size, bold, family=family).getlength(part) for family, part in parts)

    return max(length(points), length(8 * points) / 8) / DPI


def widest(texts: Sequence[str], points: float) -> float:
    """The width in inches of the longest of some texts."""
    return max((text_width(text, points) for text in texts), default=0.0)


def first_that_fits(variants: Sequence[str], inches: float, points: float, bold: bool = False) -> str:
    """The first of some wordings, the longest first, that there is room for; the last one shortened where none is."""
    for text in variants:
        if text_width(one_line(text), points, bold) <= inches:
            return one_line(text)
    return fit(variants[-1], inches, points, bold)


def without_last_clauses(text: str) -> list[str]:
    """The text, then what is left of it without its last clauses, as long as that is half of it or more."""
    ends = [found.start() for found in re.finditer(r"[:;,] ", text) if 2 * found.start() >= len(text)]
    return [text, *(text[:end] for end in reversed(ends))]


def fit(text: str, inches: float, points: float, bold: bool = False, at_end: bool = False) -> str:
    """The text, shortened in its middle, or at its end, where it is wider than there is room."""
    text = one_line(text)
    if text_width(text, points, bold) <= inches:
        return text
    low, high = 0, len(text)
    while low < high:  # the most characters that fit
        middle = (low + high + 1) // 2
        if text_width(shortened(text, middle, at_end), points, bold) <= inches:
            low = middle
        else:
            high = middle - 1
    return shortened(text, low, at_end)


def shortened(text: str, length: int, at_end: bool = False) -> str:
    if len(text) <= length:
        return text
    if length < 1:
        return ""
    head = length - 1 if at_end else (length - 1) * 2 // 3
    return f"{text[:head]}…{text[len(text) - (length - 1 - head) :]}"


def fill(text: str, columns: int) -> str:
    return "\n".join(wrap(one_line(text), columns))


def short_number(value: float, _: Any = None) -> str:
    """As few characters as tell it: 0.01, 300, 1e-5."""
    if value == 0 or not np.isfinite(value):
        return f"{value:g}"
    if 1e-3 <= abs(value) < 1e5:
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa}e{int(exponent)}"


# --- axes


def log_axis(axis: Axis) -> None:
    """Make an axis logarithmic, with plain numbers at the powers of ten, or at 1, 2 and 5 where it spans few."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axes = axis.axes
    (axes.set_xscale if axis is axes.xaxis else axes.set_yscale)("log")
    low, high = sorted(axis.get_view_interval())
    if high <= 0 or low <= 0 or high / low > 60:
        axis.set_major_locator(LogLocator(numticks=9))
    else:
        axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=12))
    axis.set_major_formatter(FuncFormatter(short_number))
    axis.set_minor_formatter(NullFormatter())


def log_helps(*series: Array) -> bool:
    """Whether positive values span more than a factor 20: then equal factors tell more than equal differences."""
    values = np.concatenate([np.ravel(part) for part in series])
    values = values[np.isfinite(values)]
    return bool(len(values) and values.min() > 0 and values.max() > 20 * values.min())


def epoch_axis(axes: Axes, first: float, last: float) -> None:
    """Whole epochs along x, from the first to the last."""
    margin = 0.01 * max(1.0, last - first)
    axes.set_xlim(first - margin, max(last, first + 1) + margin)
    epoch_ticks(axes)


def epoch_ticks(axes: Axes, counted: str = "epoch") -> None:
    """Ticks at whole epochs, or steps, only, where the ends of the axis are set already."""
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8, min_n_ticks=1, steps=[1, 2, 5, 10]))
    axes.set_xlabel(counted)


def blank(axes: Axes) -> None:
    """No ticks, no frame."""
    axes.set_axis_off()


def symmetric_limit(*values: Array) -> float:
    """The end of a colour scale that is symmetric about zero: the 99.5 % quantile of |values|, never 0."""
    magnitudes = np.abs(np.concatenate([np.ravel(part) for part in values]))
    magnitudes = magnitudes[np.isfinite(magnitudes)]
    limit = float(np.quantile(magnitudes, SCALE_QUANTILE)) if len(magnitudes) else 0.0
    return limit or (float(magnitudes.max()) if len(magnitudes) else 0.0) or 1.0


def colour_bar(sheet: Sheet, image: Any, axes: Axes, label: str, **options: Any) -> Colorbar:
    """A narrow colour bar at the right of a panel; make the panel's right margin 0.9 inches at least."""
    box = axes.get_position()
    width = 0.14 / sheet.width
    bar = sheet.figure.add_axes((box.x1 + width, box.y0, width, box.height))
    colorbar = sheet.figure.colorbar(image, cax=bar, **options)
    bar.grid(False)
    colorbar.outline.set_visible(False)
    colorbar.set_label(label)
    return colorbar


def layer_styles(layers: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Colour, dashes and label of each layer of a network; the same in every picture of it."""
    shades = layer_shades(len(layers), theme())
    return {
        name: {"color": shades[i], "linestyle": DASHES[i % len(DASHES)], "label": name} for i, name in enumerate(layers)
    }


def layer_legend(sheet: Sheet, axes: Axes, names: Sequence[str], layers: Sequence[str]) -> None:
    """The legend of lines of `names`, some of the network's `layers`, right of a panel that leaves 1.3 inches there."""
    if not names:
        return
    if len(names) <= 14:
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.02), borderaxespad=0, handlelength=2.6)
        return
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    mappable = ScalarMappable(cmap=ListedColormap(list(layer_shades(len(layers), theme()))))
    mappable.set_clim(0, 1)
    bar = colour_bar(sheet, mappable, axes, "layer, first to last", ticks=[0, 1])
    bar.ax.set_yticklabels([layers[0], layers[-1]])
