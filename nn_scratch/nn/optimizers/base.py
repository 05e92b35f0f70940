"""What an optimizer is: an update of one flat vector of parameters from one flat vector of gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from nn_scratch.nn.memory import Array
from nn_scratch.registry import Registry

BLOCK = 1 << 16  # elements that are updated together: several passes over them find them in the cache


class Optimizer(ABC):
    """θ ← θ - update(g), for parameters θ and gradients g of shape (p,), layers unknown.

    `bind` is called once, with the vectors that live as long as training; `step(lr)` updates θ in place.
    slots: the names of the vectors kept between steps (momenta, second moments), all zero at the start.
    """

    registered_name: ClassVar[str]
    slots: ClassVar[tuple[str, ...]] = ()
    lr: float

    def bind(self, theta: Array, grad: Array) -> None:
        self.steps = 0
        self.memory = {slot: np.zeros_like(theta) for slot in self.slots}
        work = np.empty(min(BLOCK, theta.size), theta.dtype)
        self.blocks = []
        for start in range(0, theta.size, BLOCK):
            part = slice(start, start + BLOCK)
            size = theta[part].size
            vectors = (theta[part], grad[part], *(vector[part] for vector in self.memory.values()), work[:size])
            self.blocks.append(vectors)

    @abstractmethod
    def step(self, lr: float) -> None:
        """One update at the learning rate `lr`; `self.steps` counts them, from 1 within the first call."""

    def state(self) -> dict[str, Array]:
        """What resuming needs: copies of the kept vectors, and the number of steps taken."""
        return {"steps": np.array(self.steps), **{name: vector.copy() for name, vector in self.memory.items()}}

    def restore(self, state: dict[str, Array]) -> None:
        self.steps = int(state["steps"])
        for name, vector in self.memory.items():
            vector[...] = state[name]


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
