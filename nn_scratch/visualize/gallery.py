"""Draws plots into files."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn_scratch.runs.files import make_folder, write_whole
from nn_scratch.visualize.plot import Plot
from nn_scratch.visualize.style import DPI, drawing
from nn_scratch.visualize.view import NotForThisRun, View

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def draw_plots(
    view: View, chosen: Sequence[Plot], folder: Path, svg: bool = False
) -> Iterator[tuple[Plot, Path | str]]:
    """Draw each plot to folder/<name>.png (and .svg); yields it with its path, or with why it is not for this run."""
    make_folder(folder)
    for plot in chosen:
        try:
            with drawing():
                path = save(plot.draw(view), folder / plot.name, svg)
        except NotForThisRun as reason:
            yield plot, str(reason)
            continue
        yield plot, path


def save(figure: Figure, stem: Path, svg: bool = False) -> Path:
    """Write stem.png, and stem.svg where it is wanted; returns the path of the PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    path = stem.with_name(f"{stem.name}.png")
    # less squeezing than zlib's usual: a third larger, several times as fast
    png: dict[str, Any] = {"format": "png", "dpi": DPI, "pil_kwargs": {"compress_level": 3}}
    write_whole(path, lambda file: figure.savefig(file, **png))
    if svg:
        vector: dict[str, Any] = {"format": "svg", "metadata": {"Date": None}}
        write_whole(stem.with_name(f"{stem.name}.svg"), lambda file: figure.savefig(file, **vector))
    return path
