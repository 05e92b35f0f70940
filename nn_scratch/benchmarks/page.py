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
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import seconds
from nn_scratch.benchmarks.timing import median_interval, spread
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
LIVE = ("train", "train.epochs=400", "--name", "paired")  # some seconds: the page is open for most of them


def measure(*, repeats: int = 5, parts: Sequence[str]) -> dict[str, Any]:
    """frames: milliseconds of frames, of the first view and from scrubbing to paint; live: seconds of training with
    --live over those without, in turns, with a page that polls and with none."""
    chromium = shutil.which("chromium")
    if chromium is None:
        raise EnvironmentFailure("benchmark page: needs chromium (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        measures = {"frames": in_browser, "live": live}
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


def live(browser: Any, folder: Path, repeats: int) -> dict[str, Any]:
    """Seconds of training with `--live`, with an open page and without, over those of training alone, in turns whose
    order is reversed each time; the longest that an epoch took to the page."""
    delays: list[float] = []

    def watched() -> float:
        seconds, delay = watched_seconds(browser, folder / "watched")
        delays.append(delay)
        return seconds

    turns = {
        "alone": lambda: trained_seconds(folder / "alone"),
        "served": lambda: trained_seconds(folder / "served", "--live"),
        "watched": watched,
    }
    taken: dict[str, list[float]] = {name: [] for name in turns}
    for repeat in range(repeats):
        for name in list(turns)[:: 1 if repeat % 2 == 0 else -1]:
            taken[name].append(turns[name]())
    alone = np.array(taken["alone"])
    cost = {name: median_interval(np.array(taken[name]) / alone - 1.0) for name in ("served", "watched")}
    return {"repeats": repeats, "seconds": float(np.median(alone)), "cost": cost, "delay_s": float(np.max(delays))}


def trained_seconds(outputs: Path, *options: str) -> float:
    seconds("-m", "nn_scratch", *LIVE, *options, "--outputs", str(outputs))
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
    tables = {"frames": frames_table, "live": live_table}
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


def live_table(result: dict[str, Any]) -> str:
    cost = result["cost"]
    return "\n".join(
        [
            f"Live: training of {result['seconds']:.1f} s, medians of {result['repeats']} turns",
            "",
            "| what | median and its 95 % interval |",
            "|---|---|",
            f"| cost of --live without a page | {spread(cost['served'], '.1%')} |",
            f"| cost of --live with an open page | {spread(cost['watched'], '.1%')} |",
            f"| the longest an epoch took to the page | {result['delay_s']:.1f} s |",
        ]
    )
