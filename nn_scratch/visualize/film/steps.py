"""The steps of a run that diverged before its first epoch was over: what grew, layer by layer, until it overflowed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.events import Event
from nn_scratch.visualize.view import View

MEASURES = {"grad_norm": "gradient norm", "update_norm": "update norm ‖Δθ‖", "param_norm": "weight norm ‖θ‖"}


@dataclass(frozen=True)
class Steps:
    """The logged steps: their numbers, losses, and norms by layer."""

    numbers: Array
    loss: Array
    norms: dict[str, Array]  # measure to (layers, steps)


def steps_of(view: View) -> Steps | None:
    """The steps of a run that diverged in its first logged epoch; None of any other run."""
    table = view.run.steps
    if view.status != "diverged" or len(view.run.epochs) > 1 or not view.layers:
        return None
    here = {layer: table["layer"] == layer for layer in view.layers}
    numbers = table["step"][here[view.layers[0]]].astype(int)
    if not len(numbers):
        return None
    norms = {
        measure: np.stack([table[measure][rows].astype(float) for rows in here.values()])
        for measure in MEASURES
        if measure in table
    }
    return Steps(numbers, table["loss"][here[view.layers[0]]].astype(float), norms)


def step_events(view: View, steps: Steps) -> list[Event]:
    """The loss of each step, and where the run ended."""
    events = [
        Event(0, f"loss {loss:.3g} before step {number}")
        for number, loss in zip(steps.numbers, steps.loss, strict=True)
    ]
    events = [Event(int(number), event.text) for number, event in zip(steps.numbers, events, strict=True)]
    return [*events, Event(int(steps.numbers[-1]), view.warning)]
