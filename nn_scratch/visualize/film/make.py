"""From runs to weights.mp4, with word of how far it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from nn_scratch.visualize.film.encoder import Encoder
from nn_scratch.visualize.film.scene import Film

Report = Callable[[int, int], None]  # frames done, frames in all


def write_film(film: Film, path: Path, report: Report) -> None:
    """Encode a film; raises EnvironmentFailure where the disk or the encoder fails, and leaves nothing then."""
    with Encoder(path, film.width, film.height, film.fps) as encoder:
        for frame in film.frames():
            encoder.write(frame)
            report(encoder.frames, film.count)
