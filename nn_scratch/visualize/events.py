"""The events of a run, epoch by epoch, in words: the film's captions and the page's list of events."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from nn_scratch.visualize.units import Lives, lives
from nn_scratch.visualize.view import NotForThisRun, View
from nn_scratch.wording import one_line, plural

MOST_NAMED = 4  # epochs of a layer in which deaths are listed one by one; of more, when shares are passed
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9)
JUMP = 1.5  # factor of the learning rate from one epoch to the next that counts as a change


@dataclass(frozen=True, order=True)
class Event:
    """Something worth a caption when it happens."""

    epoch: int
    text: str
    kind: str = field(default="end", compare=False)  # best, stop, rate, death, finding, or end


def events_of(view: View) -> list[Event]:
    """All events of a run, by epoch."""
    return sorted({*milestones(view), *rate_changes(view), *deaths(view), *findings(view)})


def milestones(view: View) -> list[Event]:
    events = []
    best, kept = view.best_epoch, view.run.info.get("best_epoch")
    if best is not None:
        loss = float(view.run.metrics["val_loss"][view.run.metrics["epoch"] == best][0])
        what = (
            f"validation loss {loss:.4g}, kept by early stopping"
            if best == kept
            else f"lowest validation loss, {loss:.4g}"
        )
        events.append(Event(best, what, "best"))
    if view.status == "stopped":
        events.append(Event(view.last_epoch, "early stopping: the validation score no longer improved", "stop"))
    if view.warning:
        events.append(Event(view.last_epoch, f"the last whole one; {view.warning}"))
    return events


def rate_changes(view: View) -> list[Event]:
    """Jumps of the learning rate; a schedule that glides has none."""
    epochs, rates = view.run.metrics["epoch"], view.run.metrics["lr"]
    events: list[Event] = []
    if len(rates) > 2 and np.count_nonzero(np.diff(rates)) > len(rates) / 2:
        return events
    for before, after, epoch in zip(rates[:-1], rates[1:], epochs[1:], strict=True):
        if before > 0 and after > 0 and max(before / after, after / before) >= JUMP:
            events.append(Event(int(epoch), f"learning rate from {before:.3g} to {after:.3g}", "rate"))
    return events


def deaths(view: View) -> list[Event]:
    """Units that fall silent on every probe row, told one by one where they are few."""
    try:
        layers = lives(view)
    except NotForThisRun:
        return []
    return [event for life in layers.values() for event in deaths_of(life)]


def deaths_of(life: Lives) -> list[Event]:
    if life.units == 0:
        return []
    events = []
    if life.dead[0].any():
        count = plural(int(life.dead[0].sum()), "unit")
        events.append(Event(int(life.epochs[0]), f"{life.layer}: {count} dead from the start", "death"))
    rows = np.flatnonzero(life.died.any(axis=1))
    if len(rows) <= MOST_NAMED:
        for row in rows:
            units = np.flatnonzero(life.died[row])
            again = " again" if len(units) == 1 and life.died[:row, units[0]].any() else ""
            which = f"unit {units[0]} dies{again}" if len(units) == 1 else f"{len(units)} units die"
            events.append(Event(int(life.epochs[row]), f"{life.layer}: {which}, silent on every probe row", "death"))
        return events
    share = life.dead.mean(axis=1)
    events.append(Event(int(life.epochs[rows[0]]), f"{life.layer}: the first unit dies", "death"))
    for limit in SHARES:
        passed = np.flatnonzero(share >= limit)
        if len(passed) and passed[0] > 0 and share[0] < limit:
            epoch, text = int(life.epochs[passed[0]]), f"{life.layer}: {limit:.0%} of its units are dead"
            events.append(Event(epoch, text, "death"))
    return events


def findings(view: View) -> list[Event]:
    """The doctor's findings that have an epoch."""
    diagnosis = view.run.diagnosis
    found = diagnosis.get("findings") if diagnosis else None
    events = []
    for finding in found if isinstance(found, list) else ():
        where = finding.get("where") if isinstance(finding, dict) else None
        epoch = where.get("epoch") if isinstance(where, dict) else None
        if isinstance(epoch, int) and not isinstance(epoch, bool) and epoch >= 0:
            text = f"doctor: {finding.get('rule')}: {finding.get('because')}"
            events.append(Event(min(epoch, view.last_epoch), one_line(text), "finding"))
    return events
