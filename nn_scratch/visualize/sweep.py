"""Pictures of a sweep."""

from pathlib import Path


def draw_sweep(swept) -> Path:
    return swept.folder / "sweep.html"
