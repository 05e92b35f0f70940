"""The film as an animated GIF or WebP, or as numbered PNG files, for places that do not play MP4; through imageio."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.errors import EnvironmentFailure
from nn_scratch.metrics import Array
from nn_scratch.runs.files import disk_errors, write_bytes
from nn_scratch.visualize.film.scene import Film
from nn_scratch.visualize.palette import CLASSES, RUNS, TRAIN, VAL
from nn_scratch.visualize.view import thinned

MOST_PICTURES = 300  # of an animation, which is held in memory until it is written
WIDTH = 960  # pixels of a GIF or WebP at most: at full size it would be large
NAMED = (TRAIN, VAL, *CLASSES, *RUNS[:2])  # small in the picture, and not to be mistaken


def write_animation(film: Film, kind: str, folder: Path, report: Callable[[int, int], None]) -> Path:
    """Write weights.gif, weights.webp, or weights-frames/ with a PNG for each epoch; returns the path.

    Each picture is shown as long as in the film. Raises EnvironmentFailure where the disk or the encoder fails.
    """
    if kind == "frames":
        return write_frames(film, folder / "weights-frames", report)
    from imageio import v3 as imageio

    path = folder / f"weights.{kind}"
    shown = thinned(len(film.pace.rows), MOST_PICTURES)
    ends = np.append(shown[1:], len(film.pace.rows))
    times = [
        1000 * sum(film.pace.times(at) for at in range(start, end)) / film.fps
        for start, end in zip(shown, ends, strict=True)
    ]
    pictures = [smaller(film.picture(int(index))) for index in counted(shown, report)]
    if kind == "gif":
        pictures = few_colours(pictures)
    file = io.BytesIO()
    options: dict[str, Any] = {"duration": times, "loop": 0, "plugin": "pillow", "extension": f".{kind}"}
    try:
        imageio.imwrite(file, np.stack(pictures), **options)
    except (OSError, ValueError) as error:
        raise EnvironmentFailure(f"{path}: the {kind} could not be written: {str(error).splitlines()[0]}") from None
    write_bytes(path, file.getvalue())
    return path


def write_frames(film: Film, folder: Path, report: Callable[[int, int], None]) -> Path:
    """A folder of PNG files, an epoch each; what it held of an earlier film is replaced."""
    from imageio import v3 as imageio

    if folder.is_symlink():
        raise EnvironmentFailure(f"{folder}: a symbolic link is not followed; remove it")
    part = folder.with_name(f"{folder.name}.part")
    with disk_errors(part):
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for index in counted(np.arange(len(film.pace.rows)), report):
            imageio.imwrite(part / f"{index:05d}.png", film.picture(int(index)), plugin="pillow")
        if folder.exists():
            shutil.rmtree(folder)
        part.replace(folder)
    return folder


def counted(indices: Array, report: Callable[[int, int], None]) -> Iterator[int]:
    for done, index in enumerate(indices.tolist(), start=1):
        yield index
        report(done, len(indices))


def few_colours(pictures: list[Array]) -> list[Array]:
    """The pictures in the same 255 colours without dithering: what stays as it is then takes no room in a GIF."""
    from matplotlib.colors import to_rgb
    from PIL import Image

    sample = np.concatenate([pictures[0], pictures[len(pictures) // 2], pictures[-1]])
    palette = Image.fromarray(sample).quantize(255 - len(NAMED), method=Image.Quantize.MEDIANCUT)
    found = palette.getpalette() or []
    found = found[: 3 * (255 - len(NAMED))]
    named = [round(255 * part) for colour in NAMED for part in to_rgb(colour)]  # too rare for the median cut
    palette.putpalette(found + named)
    return [
        np.asarray(Image.fromarray(picture).quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB"))
        for picture in pictures
    ]


def smaller(picture: Array) -> Array:
    """At most WIDTH pixels wide, by averaging over areas."""
    from PIL import Image

    height, width = picture.shape[:2]
    if width <= WIDTH:
        return picture
    size = WIDTH, round(height * WIDTH / width)
    return np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BOX))
