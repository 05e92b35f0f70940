"""How the logged epochs become frames: slow where something happens, fast where nothing does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.events import Event
from nn_scratch.visualize.view import thinned

MOST_EPOCHS = 1200  # that are shown, of a longer run
SECONDS = 12.0  # a film's usual length
SLOWEST, FASTEST = 2, 60  # epochs a second
LEAST_FPS = 8  # below it players stutter; frames are repeated
END_SECONDS = 2.0  # the last epoch is held
STOP_SECONDS = 0.8  # the film stops at an event
MOST_STOPS = 8


@dataclass(frozen=True)
class Pace:
    """How the logged epochs become frames."""

    rows: Array  # of the tensor logs, in order
    fps: int
    repeats: int  # frames an epoch
    hold: int  # further frames of the last one
    stops: Mapping[int, int] = field(default_factory=dict)  # further frames of an epoch in which something happens

    @property
    def frames(self) -> int:
        return len(self.rows) * self.repeats + self.hold + sum(self.stops.values())

    def times(self, index: int) -> int:
        """Frames of the film's epoch number `index`."""
        return self.repeats + self.stops.get(index, 0) + (self.hold if index == len(self.rows) - 1 else 0)


def pace(
    logged: int, epochs_per_second: float | None = None, fps: int | None = None, seconds: float | None = None
) -> Pace:
    """A film of 8 to 20 seconds unless set otherwise; every logged epoch unless there are too many."""
    rows = thinned(logged, MOST_EPOCHS)
    if seconds is not None:
        epochs_per_second = len(rows) / max(0.1, seconds - END_SECONDS)
    rate = epochs_per_second or min(FASTEST, max(SLOWEST, round(len(rows) / SECONDS)))
    if seconds is not None:
        fps = fps or (30 if rate > 15 else 24)
        most = max(1, round((seconds - END_SECONDS) * fps))
        rows = thinned(logged, min(MOST_EPOCHS, most))
        repeats = max(1, most // len(rows))
        return Pace(rows, fps, repeats, max(0, round(seconds * fps) - repeats * len(rows)))
    if fps is None:
        repeats = max(1, ceil(LEAST_FPS / rate))
        fps = max(1, round(rate * repeats))
    else:
        repeats = max(1, round(fps / rate))
    return Pace(rows, fps, repeats, round(END_SECONDS * fps))


def stops(events: Sequence[Sequence[Event]], epochs: Array, fps: int) -> dict[int, int]:
    """Further frames of the epochs of some events, so that a caption can be read when it comes."""
    last = len(epochs) - 1
    at = sorted({int(np.searchsorted(epochs, min(event.epoch, epochs[-1]))) for view in events for event in view})
    return {index: round(STOP_SECONDS * fps) for index in at[:MOST_STOPS] if 0 < index < last}
