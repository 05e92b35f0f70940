"""The lives of units: on how many probe rows each is active, when it dies, and whether it comes back."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.visualize.view import NotForThisRun, View


@dataclass(frozen=True)
class Lives:
    """One hidden layer's units over the logged epochs.

    active: (logged epochs, units), the share of probe rows on which a unit is not zero.
    """

    layer: str
    epochs: Array
    active: Array

    @property
    def units(self) -> int:
        return int(self.active.shape[1])

    @cached_property
    def dead(self) -> Array:
        """(logged epochs, units): zero on every probe row."""
        dead: Array = self.active == 0
        return dead

    @cached_property
    def died(self) -> Array:
        """(logged epochs, units): dead, and not in the epoch before; nothing in the first row."""
        died = np.zeros_like(self.dead)
        died[1:] = self.dead[1:] & ~self.dead[:-1]
        return died

    @cached_property
    def revived(self) -> Array:
        """(logged epochs, units): alive, and dead in the epoch before."""
        revived = np.zeros_like(self.dead)
        revived[1:] = ~self.dead[1:] & self.dead[:-1]
        return revived


def lives(view: View) -> dict[str, Lives]:
    """The hidden layers' units; raises NotForThisRun where activations were not logged or there is no hidden layer."""
    tensors = {layer: values for layer, values in view.tensors("activations").items() if layer != "output"}
    if not tensors:
        raise NotForThisRun("it needs a hidden layer")
    return {layer: Lives(layer, view.run.epochs, active_share(values)) for layer, values in tensors.items()}


def active_share(activations: Array) -> Array:
    """(logged epochs, units) from (logged epochs, probe rows, units), row by row."""
    rows, examples, units = activations.shape
    share = np.empty((rows, units), np.float32)
    for row in range(rows):
        share[row] = np.count_nonzero(activations[row], axis=0)
    share /= max(1, examples)
    return share
