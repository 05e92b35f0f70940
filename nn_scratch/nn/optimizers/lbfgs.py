"""L-BFGS: Newton's method with a curvature learned from the latest steps."""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Callable
from typing import Annotated, Literal

import numpy as np
from annotated_types import Ge, Gt

from nn_scratch.metrics import Array
from nn_scratch.nn.optimizers.base import OPTIMIZERS, Optimizer
from nn_scratch.registry import Doc

MIN_CURVATURE = 1e-10  # pairs with yᵀs at or below it are not used (PyTorch's bound)


@OPTIMIZERS.register("lbfgs")
class LBFGS(Optimizer):
    """θ ← θ + α d, d = -lr H g, with H an estimate of the inverse Hessian and α found by a line search.

    H comes from the latest pairs of steps s = Δθ and changes of the gradient y = Δg, by the two-loop recursion; its
    scale is that of the latest pair, sᵀy / yᵀy. Without pairs d = -lr g min(1, 1 / ‖g‖₁).
    The line search is SciPy's, for the strong Wolfe conditions (c₁ = 1e-4, c₂ = 0.9). Where it fails, the
    pairs are discarded and the gradient's direction is tried; where that fails too, θ stays. s is the difference of
    two θ, so that a projection after the update (`regularize.max_norm`) is part of it.
    Source: Nocedal 1980, Updating quasi-Newton matrices with limited storage; Liu and Nocedal 1989.
    In practice: for small data and small networks, where it needs far fewer steps than any other. A step is over all
    training rows and evaluates them about 1 to 3 times; noise between evaluations (dropout) misleads it.
    """

    full_batch = True
    slots = ("previous_gradient", "previous_theta")

    def __init__(
        self,
        lr: Annotated[float, Gt(0), Doc("first step length of the line search; 1 is the quasi-Newton step")] = 1.0,
        history_size: Annotated[int, Ge(1), Doc("number of pairs that H is computed from")] = 10,
        line_search: Annotated[
            Literal["strong_wolfe", "none"], Doc("none: α = 1 always, as PyTorch's default; may diverge")
        ] = "strong_wolfe",
    ) -> None:
        self.lr, self.history_size, self.line_search = lr, history_size, line_search

    def bind(self, theta: Array, grad: Array) -> None:
        super().bind(theta, grad)
        self.theta, self.grad = theta, grad
        self.pairs: deque[tuple[Array, Array]] = deque(maxlen=self.history_size)
        self.evaluations = 0  # of the loss and its gradient over all rows, those before the steps included

    def step(self, lr: float | Array) -> None:
        """The update without a line search."""
        self.steps += 1
        self._remember()
        np.add(self.theta, lr * self._direction(), out=self.theta)

    def step_with(self, lr: float, loss: float, evaluate: Callable[[], float]) -> None:
        if self.line_search == "none":
            self.step(lr)
            return
        self.steps += 1
        self.evaluations += 1
        self._remember()
        start, gradient = self.theta.copy(), self.grad.copy()
        direction = lr * self._direction()
        length = self._search(start, gradient, direction, loss, evaluate)
        if length is None and self.pairs:
            self.pairs.clear()
            np.copyto(self.grad, gradient)
            direction = lr * self._direction()
            length = self._search(start, gradient, direction, loss, evaluate)
        np.copyto(self.grad, gradient)
        np.add(start, direction * (length or 0.0), out=self.theta)

    def _remember(self) -> None:
        """Keep the pair of the previous step: the change of θ that was made, and that of the gradient."""
        if self.steps > 1:
            s, y = self.theta - self.memory["previous_theta"], self.grad - self.memory["previous_gradient"]
            if np.dot(y, s) > MIN_CURVATURE:
                self.pairs.append((s, y))
        np.copyto(self.memory["previous_theta"], self.theta)
        np.copyto(self.memory["previous_gradient"], self.grad)

    def _direction(self) -> Array:
        """-H g, by the two-loop recursion."""
        d = -self.grad
        if not self.pairs:
            size = float(np.abs(d).sum())
            return d * min(1.0, 1.0 / size) if size > 0 else d
        along = []
        for s, y in reversed(self.pairs):
            along.append(np.dot(s, d) / np.dot(y, s))
            d -= along[-1] * y
        s, y = self.pairs[-1]
        d *= np.dot(y, s) / np.dot(y, y)
        for (s, y), a in zip(self.pairs, reversed(along), strict=True):
            d += (a - np.dot(y, d) / np.dot(y, s)) * s
        return d

    def _search(
        self, start: Array, gradient: Array, direction: Array, loss: float, evaluate: Callable[[], float]
    ) -> float | None:
        """The length α to go from `start` along `direction`; None where the line search finds none."""
        from scipy.optimize import line_search

        latest = loss

        def visit(x: Array) -> float:
            nonlocal latest
            x = x.astype(self.theta.dtype)
            if not np.array_equal(x, self.theta):
                np.copyto(self.theta, x)
                latest = evaluate()
                self.evaluations += 1
            return latest if np.isfinite(latest) else np.inf

        def slope(x: Array) -> Array:
            visit(x)
            return self.grad.copy()

        np.copyto(self.theta, start)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="The line search algorithm")
            length = line_search(visit, slope, start, direction, gradient, loss, c1=1e-4, c2=0.9)[0]
        return None if length is None else float(length)

    def state(self) -> dict[str, Array]:
        pairs = np.array(self.pairs, self.theta.dtype).reshape(len(self.pairs), 2, self.theta.size)
        return {**super().state(), "pairs": pairs}

    def restore(self, state: dict[str, Array]) -> None:
        if "previous_theta" not in state:  # a checkpoint of version 0.1, which keeps Δθ
            state = {**state, "previous_theta": self.theta - state["previous_update"]}
        super().restore(state)
        self.pairs.clear()
        self.pairs.extend((s.copy(), y.copy()) for s, y in state["pairs"])
