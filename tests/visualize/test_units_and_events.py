"""When a unit dies, and what is told of it."""

import numpy as np

from nn_scratch.visualize.events import Event, deaths_of, events_of
from nn_scratch.visualize.units import Lives, active_share
from nn_scratch.visualize.view import View


def test_a_unit_is_dead_when_it_is_zero_on_every_probe_row():
    activations = np.zeros((2, 4, 3), np.float32)
    activations[0, :, 0] = 1.0  # always active, then dead
    activations[:, 2, 1] = -0.5  # active on one row in four, in both epochs
    life = Lives("hidden_1", np.array([0, 5]), active_share(activations))
    assert life.active.tolist() == [[1.0, 0.25, 0.0], [0.0, 0.25, 0.0]]
    assert life.dead.tolist() == [[False, False, True], [True, False, True]]
    assert life.died.tolist() == [[False, False, False], [True, False, False]]


def test_deaths_are_reported_with_the_epoch_and_the_unit():
    active = np.ones((4, 5), np.float32)
    active[:, 4] = 0.0
    active[2:, 1] = 0.0
    active[3:, [0, 2]] = 0.0
    life = Lives("hidden_1", np.array([0, 10, 20, 30]), active)
    assert deaths_of(life) == [
        Event(0, "hidden_1: 1 unit dead from the start"),
        Event(20, "hidden_1: unit 1 dies, silent on every probe row"),
        Event(30, "hidden_1: 2 units die, silent on every probe row"),
    ]


def test_many_deaths_are_reported_as_shares():
    active = np.tril(np.ones((11, 10), np.float32))[::-1]  # a unit an epoch, from the second row on
    told = [event.text for event in deaths_of(Lives("hidden_1", np.arange(11), active))]
    assert told[0] == "hidden_1: the first unit dies"
    assert told[-1] == "hidden_1: 90% of its units are dead"


def test_the_best_epoch_the_rate_and_findings_are_events(own):
    run = own("classes")
    run.metrics["val_loss"][:] = [3.0, 1.0, 2.0, 2.5]
    run.metrics["lr"][:] = [0.1, 0.1, 0.01, 0.01]
    run.__dict__["diagnosis"] = {
        "findings": [{"rule": "overfit", "because": "it learns\nby heart", "where": {"epoch": 4}}, {"where": None}, 3]
    }
    told = [event for event in events_of(View(run)) if "unit" not in event.text]
    assert told == [
        Event(2, "lowest validation loss, 1"),
        Event(3, "learning rate from 0.1 to 0.01"),
        Event(4, "doctor: overfit: it learns by heart"),
    ]


def test_a_gliding_schedule_is_no_event(own):
    run = own("classes")
    run.metrics["lr"][:] = [0.1, 0.04, 0.01, 0.001]
    assert not [event for event in events_of(View(run)) if "learning rate" in event.text]


def test_a_best_epoch_that_was_never_scored_is_passed_over(own):
    run = own("classes")
    run.__dict__["info"] = run.info | {"best_epoch": 99}
    run.metrics["val_loss"][:] = [3.0, 1.0, 2.0, 2.5]
    assert View(run).best_epoch == 2
