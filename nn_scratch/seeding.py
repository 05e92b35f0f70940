"""Independent random generators, one for each thing that is drawn."""

from __future__ import annotations

import numpy as np

# A generator's numbers depend on its place in this tuple alone: new names go at the end.
STREAMS = ("source", "split", "init", "order", "dropout", "probe")


def spawn_generators(seed: int) -> dict[str, np.random.Generator]:
    """One generator for each name of `STREAMS`, all from one seed (>= 0) and independent of each other.

    Drawing more from one changes nothing in the others, so that adding a layer changes no split.
    """
    children = np.random.SeedSequence(seed).spawn(len(STREAMS))
    return {name: np.random.default_rng(child) for name, child in zip(STREAMS, children, strict=True)}


def random_state(rng: np.random.Generator) -> int:
    """A seed for scikit-learn's `random_state`, drawn from `rng`."""
    return int(rng.integers(2**32))
