"""The film's speed: against matplotlib's own animation of the same picture, and against the encoder alone.

All three end in the same encoder. The matplotlib film sets the data of the images, lines and texts of one figure and
lets `FuncAnimation.save` draw and write each frame, as its documentation shows; the encoder alone is fed frames that
were made before.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.config.resolve import load_config
from nn_scratch.experiments.train import train
from nn_scratch.metrics import Array
from nn_scratch.visualize.film.encoder import encode, ffmpeg
from nn_scratch.visualize.film.parts import CaptionPart, CurvePart, MatrixPart, NumberPart
from nn_scratch.visualize.film.scene import HEIGHT, WIDTH, Film
from nn_scratch.visualize.style import DPI, drawing
from nn_scratch.visualize.view import View

EPOCHS = 200  # frames of a turn, each a different picture
SLOW_FRAMES = 20  # frames of a turn of matplotlib's, which needs seconds for them


def measure(*, repeats: int = 5) -> dict[str, Any]:
    """Frames a second of the default config's film, over 200 epochs; medians of turns taken one after another."""
    with tempfile.TemporaryDirectory() as folder, every_core(), drawing():
        where = Path(folder)
        run = train(load_config(None, [f"train.epochs={EPOCHS - 1}"]), outputs=where)
        started = perf_counter()
        film = Film([View(run)], epochs_per_second=20, fps=20)
        prepared = perf_counter() - started
        made = [frame.copy() for frame, _ in zip(film.frames(), range(EPOCHS), strict=False)]
        path = where / "film.mp4"
        turns: dict[str, Callable[[], int]] = {
            "film": lambda: encode(path, WIDTH, HEIGHT, 20, first(film.frames(), EPOCHS)),
            "encoder": lambda: encode(path, WIDTH, HEIGHT, 20, made),
            "matplotlib": lambda: with_matplotlib(film, where / "slow.mp4", SLOW_FRAMES),
        }
        seconds: dict[str, list[float]] = {name: [] for name in turns}
        for _ in range(repeats):
            for name, turn in turns.items():
                started = perf_counter()
                frames = turn()
                seconds[name].append((perf_counter() - started) / frames)
    rates = {name: 1 / median(values) for name, values in seconds.items()}
    return {
        "repeats": repeats,
        "frames_per_second": rates,
        "times_matplotlib": median(a / b for a, b in zip(seconds["matplotlib"], seconds["film"], strict=True)),
        "share_of_encoder": median(a / b for a, b in zip(seconds["encoder"], seconds["film"], strict=True)),
        "seconds_before_first_frame": prepared,
    }


def table(result: dict[str, Any]) -> str:
    rates = result["frames_per_second"]
    return "\n".join(
        [
            f"The default film, {WIDTH} x {HEIGHT}, {EPOCHS} different frames; medians of {result['repeats']} turns",
            "",
            "| way | frames a second |",
            "|---|---|",
            f"| ours | {rates['film']:.0f} |",
            f"| the encoder alone, on frames made before | {rates['encoder']:.0f} |",
            f"| matplotlib.animation with its FFMpegWriter, the same picture | {rates['matplotlib']:.1f} |",
            "",
            f"ours / matplotlib's: {result['times_matplotlib']:.0f} times; "
            f"ours / the encoder alone: {result['share_of_encoder']:.0%}; "
            f"before the first frame: {result['seconds_before_first_frame']:.2f} s",
        ]
    )


def first(frames: Iterator[Array], count: int) -> Iterator[Array]:
    for frame, _ in zip(frames, range(count), strict=False):
        yield frame


@contextmanager
def every_core() -> Iterator[None]:
    """All cores of the machine, for us and for the encoder, as when a film is made; the rest of a benchmark has one."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, range(os.cpu_count() or 1))
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def with_matplotlib(film: Film, path: Path, frames: int) -> int:
    """The film's first frames by `FuncAnimation` and `FFMpegWriter`; returns how many."""
    import matplotlib
    from matplotlib.animation import FFMpegWriter, FuncAnimation

    matplotlib.rcParams["animation.ffmpeg_path"] = ffmpeg()
    figure = film.figure()
    updates = [update for part in film.parts if (update := moving(figure, part)) is not None]

    def draw(index: int) -> Sequence[Any]:
        for update in updates:
            update(index)
        return ()

    animation = FuncAnimation(figure, draw, frames=frames, init_func=lambda: (), blit=False)
    animation.save(path, writer=FFMpegWriter(fps=20), dpi=DPI)
    return frames


def moving(figure: Any, part: Any) -> Any:
    """A part of the film as artists of a figure, and the function that sets them to an epoch."""
    if isinstance(part, MatrixPart):
        return moving_matrix(figure, part)
    if isinstance(part, CurvePart):
        return moving_marker(figure, part)
    if isinstance(part, NumberPart):
        x, y = part.place
        text = figure.text(x / WIDTH, 1 - y / HEIGHT, "", ha="right", va="top", fontsize=part.points)
        return lambda index: text.set_text(part.texts[index])
    if isinstance(part, CaptionPart):
        texts = [
            figure.text(part.x / WIDTH, 1 - (part.y + part.LINE * (line + 0.5)) / HEIGHT, "", va="center")
            for line in range(part.LINES)
        ]

        def tell(index: int) -> None:
            for text, (line, _) in zip(texts, part.told(index), strict=False):
                text.set_text(line)

        return tell
    return None


def moving_matrix(figure: Any, part: MatrixPart) -> Any:
    from matplotlib.colors import ListedColormap

    cells = part.cells
    box = (cells.x / WIDTH, 1 - (cells.y + cells.height) / HEIGHT, cells.width / WIDTH, cells.height / HEIGHT)
    axes = figure.add_axes(box)
    axes.set_axis_off()
    image = axes.imshow(part.levels(0), cmap=ListedColormap(cells.palette.rgb), vmin=0, vmax=255, aspect="auto")
    return lambda index: image.set_data(part.levels(index))


def moving_marker(figure: Any, part: CurvePart) -> Any:
    from matplotlib.lines import Line2D

    top, bottom = (1 - y / HEIGHT for y in part.line)
    rule = Line2D([0, 0], [top, bottom], color="#888888", linewidth=1, transform=figure.transFigure)
    dots = [Line2D([0], [0], marker="o", color=colour, transform=figure.transFigure) for _, colour in part.marks]
    for artist in (rule, *dots):
        figure.add_artist(artist)

    def move(index: int) -> None:
        x = part.xs[index] / WIDTH
        rule.set_xdata([x, x])
        for dot, (ys, _) in zip(dots, part.marks, strict=True):
            dot.set_data([x], [1 - np.nan_to_num(ys[index]) / HEIGHT])

    return move
