"""The page's speed: frames while it plays, first view, scrub to paint; the live view's delay and its cost on training.

Measured in Debian's chromium on this machine, on a run of 100,000 weights and 100 epochs made for it.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import seconds
from nn_scratch.config.project import HOME
from nn_scratch.config.resolve import load_config
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.train import train
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
LIVE = ("train", "train.epochs=4000", "--name", "paired")  # some ten seconds: the page is open for most of them


def measure(*, repeats: int = 5) -> dict[str, Any]:
    """Milliseconds of frames, of the first view and from scrubbing to paint; seconds of training with and without
    --live, in turns, with a page that polls."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise EnvironmentFailure("benchmark page: needs chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        result = in_browser(browser, Path(folder), repeats) | live(browser, Path(folder), repeats)
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


def live(browser: Any, folder: Path, repeats: int) -> dict[str, Any]:
    """Training with a page that is open and polls against training alone, in pairs; delays of epochs on the page."""
    ratios, delays = [], []
    for _ in range(repeats):
        alone = trained_seconds(folder / "alone")
        watched, delay = watched_seconds(browser, folder / "watched")
        ratios.append(watched / alone)
        delays.append(delay)
    return {"live_cost": float(np.median(ratios)) - 1.0, "live_delay_s": float(np.max(delays))}


def trained_seconds(outputs: Path) -> float:
    seconds("-m", "nn_scratch", *LIVE, "--outputs", str(outputs))
    return run_seconds(outputs)


def run_seconds(outputs: Path) -> float:
    newest = max(outputs.glob("paired-*"))
    return float(json.loads((newest / "run.json").read_text())["seconds"])


def watched_seconds(browser: Any, outputs: Path) -> tuple[float, float]:
    """Seconds of a training that is watched, and the longest that a committed epoch took to be on the page."""
    command = [sys.executable, "-m", "nn_scratch", *LIVE, "--live", "--outputs", str(outputs)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HOME) as process:
        assert process.stdout is not None
        address = next(line for line in process.stdout if line.startswith("live: ")).split()[1]
        folder = max(outputs.glob("paired-*"))
        tab = browser.new_page()
        tab.goto(address)
        waited: dict[int, float] = {}
        longest = 0.0
        while process.poll() is None:
            rows = committed_rows(folder)
            waited.setdefault(rows, time.monotonic())
            shown = epochs_shown(tab)
            for known in [known for known in waited if known <= shown]:
                longest = max(longest, time.monotonic() - waited.pop(known))
            tab.wait_for_timeout(50)
        tab.close()
        process.stdout.read()
    return run_seconds(outputs), longest


def epochs_shown(tab: Any) -> int:
    from playwright.sync_api import Error

    try:
        return int(tab.evaluate("window.nnPage && nnPage.live ? nnPage.epochs().length : 0"))
    except Error:  # the page is being loaded
        return 0


def committed_rows(folder: Path) -> int:
    try:
        return len(json.loads((folder / "commit.json").read_text())["tensor_epochs"])
    except (OSError, ValueError):
        return 0


def table(result: dict[str, Any]) -> str:
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
            f"| live: the longest an epoch took to the page, s | {result['live_delay_s']:.1f} | |",
            f"| live: what it costs training, paired runs | {100 * result['live_cost']:.0f} % | |",
        ]
    )
