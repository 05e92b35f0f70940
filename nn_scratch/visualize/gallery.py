"""Draws plots into files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn_scratch.errors import UserError
from nn_scratch.runs.files import make_folder, write_whole
from nn_scratch.visualize.palette import PAGE, Theme
from nn_scratch.visualize.plot import Plot
from nn_scratch.visualize.style import DPI, drawing, forget_missing, missing
from nn_scratch.visualize.view import NotForThisRun, View
from nn_scratch.wording import listed

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")


@dataclass(frozen=True)
class Output:
    """How pictures are written."""

    formats: tuple[str, ...] = ("png",)  # the first is the one that is reported
    dpi: int = DPI
    theme: Theme = PAGE


def draw_plots(
    view: View, chosen: Sequence[Plot], folder: Path, output: Output = Output(), panel: str | None = None
) -> Iterator[tuple[Plot, Path | str]]:
    """Draw each plot to folder/<name>.png, or in the formats of `output`.

    Yields it with its path, or with the reason why it does not fit the run. panel: the title of the only panel to keep.
    """
    make_folder(folder)
    for plot in chosen:
        try:
            path = with_every_letter(partial(draw_one, plot, view, folder / plot.name, output, panel), output, view)
        except NotForThisRun as reason:
            yield plot, str(reason)
            continue
        yield plot, path


def draw_one(plot: Plot, view: View, stem: Path, output: Output, panel: str | None) -> Path:
    return save(plot.draw(view), stem, output, panel)


def with_every_letter(draw: Callable[[], Path], output: Output, view: View) -> Path:
    """Draw with the fonts that the run's names need; once more, with all of them, where the rows have other letters."""
    lacked = missing()
    with drawing(output.theme, view.letters):
        path = draw()
    if missing() != lacked:
        forget_missing(missing() - lacked)
        with drawing(output.theme):
            path = draw()
    return path


def save(figure: Figure, stem: Path, output: Output = Output(), panel: str | None = None) -> Path:
    """Write stem.png, or the formats of `output`; returns the path of the first. Call within `drawing`."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    options: dict[str, Any] = {"dpi": output.dpi}
    if panel is not None:
        axes = panel_of(figure, panel, stem.name)
        options["bbox_inches"] = alone(figure, axes)
        stem = stem.with_name(f"{stem.name}-{axes.get_title(loc='left').split(' ')[0].strip(',:;')}")
    paths = [stem.with_name(f"{stem.name}.{kind}") for kind in output.formats]
    for path in paths:
        write(figure, path, options)
    return paths[0]


EXTRA: dict[str, dict[str, Any]] = {
    # less compression than zlib's default: a third larger, several times as fast
    "png": {"pil_kwargs": {"compress_level": 3}},
    "svg": {"metadata": {"Date": None}},
    "pdf": {"metadata": {"CreationDate": None}},
}


def write(figure: Figure, path: Path, options: dict[str, Any]) -> None:
    kind = path.suffix[1:]
    write_whole(path, lambda file: figure.savefig(file, format=kind, **options, **EXTRA[kind]))


def panel_of(figure: Figure, panel: str, plot: str) -> Axes:
    """The panel whose title begins with a name; UserError with the titles there are."""
    titled = {axes.get_title(loc="left"): axes for axes in figure.axes if axes.get_title(loc="left")}
    for title, axes in titled.items():
        if title.lower().startswith(panel.lower()):
            return axes
    known = listed(titled, 20) if titled else "none has a title"
    raise UserError([f"--only {plot}:{panel}: no such panel; its panels: {known}"])


def alone(figure: Figure, axes: Axes) -> Any:
    """Hide all but a panel with its colour bar and legend; returns the box to save, in inches."""
    from matplotlib.transforms import Bbox

    kept = [axes, *(other for other in figure.axes if other.get_label() == "<colorbar>" and beside(axes, other))]
    for artist in [*figure.texts, *figure.axes]:
        artist.set_visible(artist in kept)
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    box = Bbox.union([found for part in kept if (found := part.get_tightbbox(renderer)) is not None])
    return box.padded(6).transformed(figure.dpi_scale_trans.inverted())


def beside(axes: Axes, bar: Axes) -> bool:
    """Whether a colour bar stands at the right of a panel, at its height."""
    panel, other = axes.get_position(), bar.get_position()
    return bool(0 <= other.x0 - panel.x1 < 0.05 and abs(other.y0 - panel.y0) < 0.01)
