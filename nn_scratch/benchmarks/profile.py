"""Where the time of a training step goes: matrix products, the fixed cost of NumPy's calls, arithmetic, and Python."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from time import perf_counter
from types import FrameType
from typing import Any
from unittest.mock import patch

import numpy as np

from nn_scratch.benchmarks.workloads import WORKLOADS, Workload, data, trainer
from nn_scratch.metrics import Array
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.training.batches import Batches
from nn_scratch.training.gradient_steps import Step

OPTIMIZER = "adam"
STEPS = 200  # of each repeat
CALLS = 100  # of which the time of one is taken
FUNCTIONS = (np.ufunc, type(np.copyto))  # calls of these Python's profiler does not see; it sees those of methods
Call = tuple[Any, tuple[Any, ...], dict[str, Any]]
OWNERS = (np.ndarray, np.ufunc, np.random.BitGenerator)
Part = tuple[str, Callable[[Any], Any]]  # a name, and what makes its result of that of the part before


def measure(names: Iterable[str] = ("W1", "W2", "default"), *, threads: int = 1, repeats: int = 5) -> dict[str, Any]:
    """Microseconds and NumPy calls of the parts of a training step, in the order in which they run."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=threads), np.errstate(all="ignore"):
        results = [profiled(WORKLOADS[name], STEPS * repeats) for name in names]
    return {"threads": threads, "optimizer": OPTIMIZER, "steps": STEPS * repeats, "results": results}


def profiled(workload: Workload, steps: int) -> dict[str, Any]:
    X, y = data(workload)
    made, _ = trainer(workload, OPTIMIZER, X, y)
    batches = Batches(made.train_examples, workload.batch)
    order = np.random.default_rng(0).permutation(len(X))[: batches.steps * workload.batch]
    step = Step(made.network, made.loss, workload.batch)
    parts = parts_of_a_step(step, made.optimizer, batches.chunk(order)[0], made.network.grad)
    turn(parts)  # leaves in the layers what their products take
    products = products_of([layer for layer in step.graph.layers if isinstance(layer, Dense)])
    beside: list[Part] = [
        (f"rows of {batches.steps} batches gathered, a batch's share", lambda _: batches.chunk(order)),
        ("products", lambda _: [product() for product in products]),
        ("others", lambda _: [function(*arguments, **options) for function, arguments, options in others]),
        ("calls", lambda _: few_numbers(CALLS)),
    ]
    *counts, gather_calls = [len(calls) for calls in calls_of([*parts, beside[0]])]
    others = [call for calls in calls_of(parts) for call in calls if call is not None]
    seconds = np.median([turn(parts + beside) for _ in range(steps)], axis=0)  # all in turns: alike under load
    *each, gather, gemm, rest, fixed = (seconds * 1e6).tolist()
    rows = [
        {"part": name, "calls": calls, "microseconds": time}
        for (name, _), calls, time in zip(
            [beside[0], *parts],
            [gather_calls / batches.steps, *counts],
            [gather / batches.steps, *each],
            strict=True,
        )
    ]
    total, calls = sum(row["microseconds"] for row in rows), sum(row["calls"] for row in rows)
    of_calls = len(others) * fixed / CALLS
    share = {"products": gemm / total, "calls": of_calls / total, "arithmetic": (rest - of_calls) / total}
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "batch": workload.batch,
        "parts": rows,
        "microseconds": total,
        "calls": calls,
        "call_microseconds": fixed / CALLS,
        "shares": share | {"python": 1.0 - sum(share.values())},
    }


def few_numbers(calls: int) -> None:
    """Calls of NumPy in which the arithmetic is nothing."""
    a, b = np.ones((2, 8), np.float32)
    for _ in range(calls):
        np.multiply(a, b, out=b)


def parts_of_a_step(step: Step, optimizer: Any, batch: Any, grad: Array) -> list[Part]:
    """A step of the trainer as parts, each of which takes the result of the one before."""
    layers, loss = step.graph.layers, step.loss
    return [
        (f"{layers[0].name}: forward", lambda _: layers[0].forward(batch.X)),
        *((f"{layer.name}: forward", layer.forward) for layer in layers[1:]),
        (f"{loss.registered_name}: backward", lambda Y: loss.backward(Y[:-1], batch.Y, batch.w)),
        *((f"{layer.name}: backward", layer.backward) for layer in layers[::-1]),
        ("whether the gradient is finite", lambda _: grad.dot(grad)),
        (optimizer.registered_name, lambda _: optimizer.step(0.0)),  # a fitted batch has tiny gradients: slow
    ]


def products_of(layers: list[Dense]) -> list[Callable[[], Any]]:
    """The matrix products of dense layers, forward and backward, into arrays of their own."""
    pairs = []
    for layer in layers:
        pairs += [(layer.Wb, layer.X), (layer.dZ, layer.X.mT)]
        if layer.needs_dX:
            pairs.append((layer.Wb.mT, layer.dZ))

    def product(A: Array, B: Array) -> Callable[[], Any]:
        out = A.dot(B)
        return lambda: A.dot(B, out=out)

    return [product(A, B) for A, B in pairs]


def turn(parts: list[Part]) -> list[float]:
    """Seconds of each part of one step."""
    result: Any = None
    times = [perf_counter()]
    for _, run in parts:
        result = run(result)
        times.append(perf_counter())
    return np.diff(times).tolist()


def calls_of(parts: list[Part]) -> list[list[Call | None]]:
    """What each part calls of NumPy: functions with their arguments; None for each method of an array."""
    result, calls = None, []
    for _, run in parts:
        with recorded() as seen:
            result = run(result)
        calls.append(seen)
    return calls


@contextmanager
def recorded() -> Iterator[list[Call | None]]:
    """The calls of NumPy's functions and of the methods of its arrays, as `calls_of`."""
    seen: list[Call | None] = []

    def see(frame: FrameType, event: str, called: Any) -> None:
        if event == "c_call" and isinstance(getattr(called, "__self__", None), OWNERS):
            seen.append(None)

    class Recorded:
        def __init__(self, function: Any) -> None:
            self._function = function

        def __call__(self, *arguments: Any, **options: Any) -> Any:
            seen.append((self._function, arguments, options))
            return self._function(*arguments, **options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._function, name)

    with ExitStack() as patches:
        for name, function in list(vars(np).items()):
            if isinstance(function, FUNCTIONS):
                patches.enter_context(patch.object(np, name, Recorded(function)))
        sys.setprofile(see)
        try:
            yield seen
        finally:
            sys.setprofile(None)


def table(result: dict[str, Any]) -> str:
    lines = [
        f"A step with {result['optimizer']}, {result['threads']} thread(s), medians of {result['steps']} steps",
        "(products and the other functions of NumPy are measured alone; fixed cost: that of calls on eight numbers)",
        "",
        "| network (batch) | µs | calls | µs a call | matrix products | other functions: fixed cost | their arithmetic "
        "| Python, other methods |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in result["results"]:
        shares = " | ".join(f"{row['shares'][key]:.0%}" for key in ("products", "calls", "arithmetic", "python"))
        lines.append(
            f"| {row['workload']} {row['shape']} ({row['batch']}) | {row['microseconds']:.1f} | {row['calls']:.1f} | "
            f"{row['call_microseconds']:.2f} | {shares} |"
        )
    for row in result["results"]:
        lines += ["", f"| {row['workload']}: part of the step | calls | µs | share |", "|---|---|---|---|"]
        lines += [
            f"| {part['part']} | {part['calls']:.1f} | {part['microseconds']:.1f} | "
            f"{part['microseconds'] / row['microseconds']:.0%} |"
            for part in row["parts"]
        ]
    return "\n".join(lines)
