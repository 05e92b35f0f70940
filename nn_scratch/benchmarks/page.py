"""The page's speed: frames while it plays, first view, scrub to paint; the live view's delay and its cost on training.

Measured in Debian's chromium on this machine, on a run of 100,000 weights and 100 epochs made for it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.benchmarks import live_page
from nn_scratch.config.resolve import load_config
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.train import train
from nn_scratch.optional import optional
from nn_scratch.visualize.view import View
from nn_scratch.visualize.web.page import page

WIDE = ("data.source=digits", "layers=[{type: dense, units: 512}, {type: dense, units: 128}]", "train.epochs=100")
WIDE_LOG = ("log.gradients=false", "train.batch_size=256")
FRAMES = """async () => {
  const times = [];
  nnPage.go({v: 'weights', l: 'hidden_2', k: 'W', e: 0});
  const last = nnPage.epochs().at(-1);
  let before = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < 120; frame++) {
    nnPage.go({e: frame % (last + 1)});
    const now = await new Promise(requestAnimationFrame);
    times.push(now - before);
    before = now;
  }
  return times;
}"""
SCRUB = """async () => {
  const times = [];
  for (let k = 0; k < 30; k++) {
    const started = performance.now();
    nnPage.go({e: (k * 37) % 100});
    await new Promise(requestAnimationFrame);
    times.push(performance.now() - started);
  }
  return times;
}"""


def measure(*, repeats: int = 5, parts: Sequence[str]) -> dict[str, Any]:
    """frames: milliseconds of frames, of the first view and from scrubbing to paint; live: what a
    page that polls costs the training beside it, in turns."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise EnvironmentFailure("benchmark page: needs chromium (apt-get install chromium)")
    sync_playwright = optional("playwright.sync_api", "benchmark page").sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        measures = {"frames": in_browser, "live": live_page.live}
        result = {part: measures[part](browser, Path(folder), repeats) for part in parts}
        browser.close()
    return result


def in_browser(browser: Any, folder: Path, repeats: int) -> dict[str, Any]:
    run = train(load_config(None, [*WIDE, *WIDE_LOG]), folder)
    path = folder / "page.html"
    path.write_text(page(View(run), megabytes=40.0), encoding="utf-8")
    first, frames, scrubs = [], [], []
    for _ in range(repeats):
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        started = time.perf_counter()
        tab.goto(path.as_uri())
        tab.evaluate("nnPage.ready")
        first.append(1e3 * (time.perf_counter() - started))
        frames += tab.evaluate(FRAMES)
        scrubs += tab.evaluate(SCRUB)
        tab.close()
    weights = int(run.info["parameters"])
    return {
        "weights": weights,
        "epochs": len(run.epochs),
        "frame_ms": [float(np.median(frames)), float(np.percentile(frames, 95))],
        "scrub_ms": [float(np.median(scrubs)), float(np.percentile(scrubs, 95))],
        "first_view_ms": float(np.median(first)),
    }


def table(result: dict[str, Any]) -> str:
    tables = {"frames": frames_table, "live": live_page.table}
    return "\n\n".join(tables[part](found) for part, found in result.items())


def frames_table(result: dict[str, Any]) -> str:
    frame, scrub = result["frame_ms"], result["scrub_ms"]
    return "\n".join(
        [
            f"The page of {result['weights']:,} weights and {result['epochs']} logged epochs, in chromium",
            "",
            "| what | median | 95th percentile |",
            "|---|---|---|",
            f"| frame while the epochs play, ms | {frame[0]:.1f} | {frame[1]:.1f} |",
            f"| from scrubbing to paint, ms | {scrub[0]:.1f} | {scrub[1]:.1f} |",
            f"| first view, ms | {result['first_view_ms']:.0f} | |",
        ]
    )
