"""What an open live page costs the training beside it, and how long an epoch takes to it.

One run trains for a minute, in pairs of short turns: in one the page polls, in the other its timers are halted, and so
its server has nothing to do. While the page is given what it lacks, between two turns, the training waits.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import median_interval, spread
from nn_scratch.config.project import HOME
from nn_scratch.config.resolve import load_config
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.experiments.train import Session, train
from nn_scratch.metrics import Array
from nn_scratch.runs.viewers import WAITING_SECONDS
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

# the default network in longer epochs, more of them than the turns take
CONFIG = ("name=live", "train.batch_size=2", "train.epochs=2500", "log.max_megabytes=1000")
TURN_SECONDS = 4.0  # a commit or more
PAIRS_A_REPEAT = 2
PATIENCE_SECONDS = 20.0
# Timers that wait while `halted`, and when the page shows how many logged epochs: [seconds since 1970, epochs].
TIMERS = """
const later = setTimeout, waiting = [];
Object.assign(window, { halted: false, shown: [] });
window.resume = () => { halted = false; for (const work of waiting.splice(0)) work(); };
window.setTimeout = (work, wait) => later(() => (halted ? waiting.push(work) : work()), wait);
setInterval(() => {
  const epochs = window.nnPage?.epochs().length ?? 0;
  if (shown.at(-1)?.[1] !== epochs) shown.push([(performance.timeOrigin + performance.now()) / 1e3, epochs]);
}, 20);
"""


def live(browser: Any, folder: Path, repeats: int) -> dict[str, Any]:
    """The share by which an epoch lasts longer while the page polls, by the clock and by the training's CPU time; the
    seconds from the end of an epoch to its being on the page; CPU seconds of the server."""
    turns: list[Turns] = []

    def observers(session: Session) -> list[Observer]:
        turns.append(Turns(session.folder, browser, PAIRS_A_REPEAT * repeats))
        return [turns[0]]

    before = sum(os.times()[2:4])  # of processes that this one has waited for
    try:
        run = train(load_config(None, CONFIG), folder, observers)
    finally:
        for one in turns:
            one.close()
    (measured,) = turns
    server = sum(os.times()[2:4]) - before
    watched, alone = measured.seconds_an_epoch(watched=True), measured.seconds_an_epoch(watched=False)
    cost, cpu_cost = (median_interval(each) for each in (watched / alone - 1.0).T)
    return {
        "pairs": len(alone),
        "epoch_ms": float(np.median(alone[:, 0]) * 1e3),
        "cost": cost,
        "cpu_cost": cpu_cost,
        "delay_s": measured.delays(),
        "server_cpu_s": server,
        "seconds": float(run.info["seconds"]),
    }


class Turns(Observer):
    """Turns of a training, watched and not; the first pair, in which the page is opened, is not counted."""

    def __init__(self, folder: Path, browser: Any, pairs: int) -> None:
        self._folder, self._browser, self._pairs = folder, browser, pairs
        self._taken: dict[bool, list[tuple[float, float]]] = {True: [], False: []}
        self._ends: list[tuple[float, int]] = []  # in watched turns: seconds since 1970, and how many logged epochs
        self._server: subprocess.Popen[str] | None = None
        self._watched, self._epoch, self._began = True, 0, (0.0, 0.0)

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        now = perf_counter(), process_time()
        if self._server is None:
            if not (self._folder / "commit.json").exists():
                return
            self._open()
        elif now[0] - self._began[0] < TURN_SECONDS:
            if self._watched:
                self._ends.append((time.time(), trainer.epoch + 1))
            return
        else:
            epochs = trainer.epoch - self._epoch
            wall, cpu = ((end - start) / epochs for start, end in zip(self._began, now, strict=True))
            self._taken[self._watched].append((wall, cpu))
            if min(map(len, self._taken.values())) > self._pairs:
                trainer.end_requested = True
                return
            pair = len(self._taken[True]) + len(self._taken[False])
            self._switch(watched=(pair // 2 + pair) % 2 == 0)  # who begins alternates
        self._epoch, self._began = trainer.epoch, (perf_counter(), process_time())

    def _open(self) -> None:
        command = [sys.executable, "-m", "nn_scratch", "visualize", "--live", "--until-ended", str(self._folder)]
        self._server = subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=HOME, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
        assert self._server.stdout is not None
        line = self._server.stdout.readline()
        if not line.startswith("live: "):
            raise EnvironmentFailure("benchmark page: the server of the live page did not start")
        self._tab = self._browser.new_page()
        self._tab.add_init_script(TIMERS)
        self._tab.goto(line.split()[1])
        self._tab.evaluate("nnPage.ready")
        self._catch_up()

    def _switch(self, *, watched: bool) -> None:
        if watched == self._watched:
            return
        self._watched = watched
        if watched:
            self._tab.evaluate("resume()")
        self._catch_up()
        if not watched:
            self._tab.evaluate("() => { halted = true; }")
            time.sleep(2 * WAITING_SECONDS)  # until the request under way is answered, and training learns of no other
            on_page = self._on_page()  # later epochs are shown in a later turn
            self._ends = [end for end in self._ends if end[1] <= on_page]

    def _catch_up(self) -> None:
        """Wait until the page shows what is committed."""
        committed = len(json.loads((self._folder / "commit.json").read_text())["tensor_epochs"])
        wait_for(lambda: self._on_page() >= committed, self._tab)

    def _on_page(self) -> int:
        return int(self._tab.evaluate("nnPage.epochs().length"))

    def seconds_an_epoch(self, *, watched: bool) -> Array:
        """(turns, 2): by the clock and of CPU time."""
        return np.array(self._taken[watched][1 : self._pairs + 1])

    def delays(self) -> dict[str, float]:
        """Seconds from the end of an epoch of a watched turn to its being on the page: median and longest; count."""
        shown, counts = np.array(self._tab.evaluate("shown")).T
        ended, epochs = np.array(self._ends).T
        waited = shown[np.searchsorted(counts, epochs)] - ended
        return {"count": len(waited), "median": float(np.median(waited)), "longest": float(waited.max())}

    def close(self) -> None:
        if self._server is not None:
            self._server.kill()
            self._server.communicate()


def wait_for(reached: Callable[[], bool], tab: Any) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > until:
            raise EnvironmentFailure(f"benchmark page: nothing new on the live page for {PATIENCE_SECONDS:g} s")
        tab.wait_for_timeout(20)


def table(result: dict[str, Any]) -> str:
    delay = result["delay_s"]
    return "\n".join(
        [
            f"Live: epochs of {result['epoch_ms']:.0f} ms, medians of {result['pairs']} pairs of turns and their 95 % "
            "intervals",
            "",
            "| what | |",
            "|---|---|",
            f"| cost of an open page, by the clock | {spread(result['cost'], '.1%')} |",
            f"| by the training's CPU time | {spread(result['cpu_cost'], '.1%')} |",
            f"| CPU time of the server and its start, in {result['seconds']:.0f} s | {result['server_cpu_s']:.1f} s |",
            f"| from an epoch's end to the page | median {delay['median']:.1f} s, longest {delay['longest']:.1f} s, "
            f"of {delay['count']} |",
        ]
    )
