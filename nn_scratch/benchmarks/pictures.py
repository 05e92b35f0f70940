"""Time to draw the default run, from `python` to the end of `visualize`, and the share of each part."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import run

DRAWN = {
    "all of it": (),
    "plots and page, no film": ("--no-film",),
    "one plot": ("--only", "curves"),
    "the page alone": ("--page-only",),
    "import of what draws": None,
}
IMPORTS = "import nn_scratch.visualize.film.scene, nn_scratch.visualize.web.page, matplotlib.figure"


def measure(*, repeats: int = 3) -> dict[str, Any]:
    """Medians of wall and CPU seconds, those of the encoder included; other processes add to the wall time."""
    results: dict[str, dict[str, list[float]]] = {name: {"wall": [], "cpu": []} for name in DRAWN}
    with tempfile.TemporaryDirectory() as outputs:
        run("-m", "nn_scratch", "train", "--quiet", "--outputs", outputs)
        (name,) = (path.name for path in Path(outputs).iterdir() if path.is_dir())
        for _ in range(repeats):
            for what, options in DRAWN.items():
                typed = ("-m", "nn_scratch", "visualize", name, "--outputs", outputs, "--quiet")
                wall, cpu = timed(*(("-c", IMPORTS) if options is None else (*typed, *options)))
                results[what]["wall"].append(wall)
                results[what]["cpu"].append(cpu)
    return {what: {kind: float(np.median(values)) for kind, values in both.items()} for what, both in results.items()}


def timed(*arguments: str) -> tuple[float, float]:
    """Wall and CPU seconds of a fresh Python process and its children."""
    before, started = os.times(), perf_counter()
    run(*arguments)
    wall, after = perf_counter() - started, os.times()
    return wall, after.children_user + after.children_system - before.children_user - before.children_system


def table(result: dict[str, Any]) -> str:
    lines = ["Seconds of `visualize` on the default run, a fresh process each, medians", ""]
    lines += ["| what | wall | CPU |", "|---|---|---|"]
    return "\n".join(lines + [f"| {name} | {both['wall']:.2f} | {both['cpu']:.2f} |" for name, both in result.items()])
