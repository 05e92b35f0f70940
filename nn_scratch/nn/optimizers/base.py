"""The base class of optimizers: an update of one flat vector of parameters from one flat vector of gradients."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Lt

from nn_scratch.metrics import Array
from nn_scratch.registry import Doc, Registry

BLOCK = 1 << 16  # elements that are updated together: several passes over them find them in the cache

Rate = Annotated[float, Gt(0), Doc("learning rate")]
Epsilon = Annotated[float, Gt(0), Doc("added to the denominator")]
Beta1 = Annotated[float, Ge(0), Lt(1), Doc("β₁, the share of the mean that is kept")]
Beta2 = Annotated[float, Ge(0), Lt(1), Doc("β₂, the share of the mean square that is kept")]


class Optimizer(ABC):
    """θ ← θ - update(g), for parameters θ and gradients g of shape (p,), layers unknown.

    `bind` is called once, with the vectors that live as long as training; `step(lr)` updates θ in place.
    slots: the names of the vectors kept between steps (momenta, second moments), all zero at the start.
    workspaces: how many vectors for intermediate results each block comes with.
    full_batch: every step needs the gradient over all training rows, and is taken by `step_with`.
    """

    registered_name: ClassVar[str]
    slots: ClassVar[tuple[str, ...]] = ()
    workspaces: ClassVar[int] = 1
    full_batch: ClassVar[bool] = False
    lr: float

    def bind(self, theta: Array, grad: Array) -> None:
        """theta, grad: (p,); or (K, p) for a stack of K networks, whose `step` takes one learning rate, or (K, 1)."""
        self.steps, self.dtype, self.stack = 0, theta.dtype, theta.shape[:-1]
        self.memory = {slot: np.zeros_like(theta) for slot in self.slots}
        if self.stack:
            work = np.empty((self.workspaces, *theta.shape), theta.dtype)
            self.blocks: list[tuple[Array, ...]] = [(theta, grad, *self.memory.values(), *work)]
            return
        work = np.empty((self.workspaces, min(BLOCK, theta.size)), theta.dtype)
        self.blocks = []
        for start in range(0, theta.size, BLOCK):
            part = slice(start, start + BLOCK)
            size = theta[part].size
            vectors = (theta[part], grad[part], *(v[part] for v in self.memory.values()), *work[:, :size])
            self.blocks.append(vectors)

    def scalar(self, value: float | Array) -> Array:
        """A number as NumPy multiplies with it fastest: an array without axes, of the parameters' dtype.

        Learning rates (K, 1) of a stack of networks keep their shape; one number for all is faster.
        """
        return np.asarray(value, self.dtype)

    @abstractmethod
    def step(self, lr: float | Array) -> None:
        """One update at the learning rate `lr`; `self.steps` counts them, from 1 within the first call."""

    def step_with(self, lr: float, loss: float, evaluate: Callable[[], float]) -> None:
        """One update of an optimizer that may evaluate several θ (`full_batch`).

        On entry the gradient is that at θ, and `loss` the loss there, both over all rows and penalties included;
        `evaluate` computes both at the current θ, and returns the loss.
        """
        self.step(lr)

    def write_moments(self, out: Array) -> None:
        """Write the slots' values after the latest step into `out` (slots, p), as the equations define them."""
        for row, vector in zip(out, self.memory.values(), strict=True):
            row[...] = vector

    def state(self) -> dict[str, Array]:
        """The state for resuming: copies of the kept vectors, and the number of steps taken."""
        return {"steps": np.array(self.steps), **{name: vector.copy() for name, vector in self.memory.items()}}

    def restore(self, state: dict[str, Array]) -> None:
        self.steps = int(state["steps"])
        for name, vector in self.memory.items():
            vector[...] = state[name]


OPTIMIZERS: Registry[Optimizer] = Registry("optimizer")
