"""Training steps against scikit-learn, PyTorch and JAX, where they are installed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import Burst, ratio, spread, take_turns
from nn_scratch.benchmarks.workloads import (
    OPTIMIZERS_MEASURED,
    WORKLOADS,
    Timekeeper,
    Workload,
    data,
    train_epochs,
    trainer,
)
from nn_scratch.experiments.machine import matrix_peak
from nn_scratch.metrics import Array

PEERS = ("scikit-learn", "torch eager", "torch fused", "jax step", "jax scan")


def ours(workload: Workload, optimizer: str, X: Array, y: Array) -> Burst:
    made, _ = trainer(workload, optimizer, X, y)

    def burst() -> float:
        keeper = Timekeeper()
        train_epochs(made, keeper, 1)
        return keeper.training / workload.steps

    return burst


def scikit_learn(workload: Workload, optimizer: str, X: Array, y: Array) -> Burst:
    """MLPClassifier.partial_fit: one pass over the rows in batches, on the same float32 data."""
    from sklearn.neural_network import MLPClassifier

    parameters = dict(OPTIMIZERS_MEASURED[optimizer])
    net = MLPClassifier(
        workload.sizes[1:-1],
        solver=optimizer,
        learning_rate_init=parameters["lr"],
        momentum=parameters.get("momentum", 0.9),
        nesterovs_momentum=False,
        alpha=0.0,
        batch_size=workload.batch,
    )
    classes = np.arange(workload.sizes[-1])

    def burst() -> float:
        started = perf_counter()
        net.partial_fit(X, y, classes=classes)
        return (perf_counter() - started) / workload.steps

    return burst


def torch_eager(workload: Workload, optimizer: str, X: Array, y: Array, **how: bool) -> Burst:
    """The loop of PyTorch's own tutorials, on tensors that are in memory, batches by index."""
    import torch
    from torch import nn

    layers: list[Any] = []
    for inputs, units in pairwise(workload.sizes):
        layers += [nn.Linear(inputs, units), nn.ReLU()]
    if workload.dropout:
        layers.insert(2, nn.Dropout(workload.dropout))
    net = nn.Sequential(*layers[:-1])
    kinds = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}
    optim = kinds[optimizer](net.parameters(), **OPTIMIZERS_MEASURED[optimizer], **how)
    criterion = nn.CrossEntropyLoss()
    inputs, labels = torch.from_numpy(X), torch.from_numpy(y)

    def burst() -> float:
        order = torch.randperm(len(inputs))
        started = perf_counter()
        for start in range(0, len(inputs), workload.batch):
            rows = order[start : start + workload.batch]
            optim.zero_grad()
            criterion(net(inputs[rows]), labels[rows]).backward()
            optim.step()
        return (perf_counter() - started) / workload.steps

    return burst


def jax_update(workload: Workload, optimizer: str) -> tuple[Any, Any]:
    """The state before training, and a function (state, X, y) of one step that returns the state after it."""
    import jax
    import jax.numpy as jnp

    generator = np.random.default_rng(0)
    theta = [
        (jnp.asarray(generator.normal(0, (2 / i) ** 0.5, (i, o)), jnp.float32), jnp.zeros(o, jnp.float32))
        for i, o in pairwise(workload.sizes)
    ]
    parameters = OPTIMIZERS_MEASURED[optimizer]
    zeros = jax.tree.map(jnp.zeros_like, theta)

    def loss(theta: Any, X: Any, y: Any) -> Any:
        for W, b in theta[:-1]:
            X = jax.nn.relu(X @ W + b)
        W, b = theta[-1]
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(X @ W + b), y[:, None], 1))

    def update(state: Any, X: Any, y: Any) -> Any:
        theta, m, s, t = state
        g = jax.grad(loss)(theta, X, y)
        t = t + 1
        if optimizer == "sgd":
            m = jax.tree.map(lambda m, g: parameters["momentum"] * m + g, m, g)
            theta = jax.tree.map(lambda p, m: p - parameters["lr"] * m, theta, m)
        else:
            m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
            s = jax.tree.map(lambda s, g: 0.999 * s + 0.001 * g * g, s, g)
            c1, c2 = 1 - 0.9**t, 1 - 0.999**t
            theta = jax.tree.map(
                lambda p, m, s: p - parameters["lr"] * (m / c1) / (jnp.sqrt(s / c2) + 1e-8), theta, m, s
            )
        return theta, m, s, t

    return (theta, zeros, zeros, 0.0), update


def jax_bursts(workload: Workload, optimizer: str, X: Array, y: Array) -> tuple[Burst, Burst]:
    """A compiled step called batch by batch, and a whole epoch compiled into one call."""
    import jax
    import jax.numpy as jnp

    generator = np.random.default_rng(0)
    start, update = jax_update(workload, optimizer)

    def whole_epoch(state: Any, inputs: Any, labels: Any, order: Any) -> Any:
        def body(state: Any, rows: Any) -> Any:
            return update(state, inputs[rows], labels[rows]), None

        return jax.lax.scan(body, state, order)[0]

    step, scan = jax.jit(update, donate_argnums=0), jax.jit(whole_epoch, donate_argnums=0)
    inputs, labels = jnp.asarray(X), jnp.asarray(y)
    states = {kind: jax.tree.map(jnp.copy, start) for kind in ("step", "scan")}

    def order() -> Array:
        return generator.permutation(len(X)).reshape(workload.steps, workload.batch)

    def by_step() -> float:
        rows_of_steps = order()
        started = perf_counter()
        for rows in rows_of_steps:
            states["step"] = step(states["step"], X[rows], y[rows])
        jax.block_until_ready(states["step"])
        return (perf_counter() - started) / workload.steps

    def by_scan() -> float:
        rows_of_steps = jnp.asarray(order())
        started = perf_counter()
        states["scan"] = scan(states["scan"], inputs, labels, rows_of_steps)
        jax.block_until_ready(states["scan"])
        return (perf_counter() - started) / workload.steps

    return by_step, by_scan


def contenders(workload: Workload, optimizer: str, threads: int) -> dict[str, Burst]:
    X, y = data(workload)
    bursts: dict[str, Burst] = {"ours": ours(workload, optimizer, X, y)}
    if not workload.dropout:  # scikit-learn has none, and the networks for JAX are written without
        bursts["scikit-learn"] = scikit_learn(workload, optimizer, X, y)
    for add in (_add_torch,) if workload.dropout else (_add_torch, _add_jax):
        try:
            add(bursts, workload, optimizer, X, y, threads)
        except ImportError:
            continue
    return bursts


Add = Callable[[dict[str, Burst], Workload, str, Array, Array, int], None]


def _add_torch(bursts: dict[str, Burst], workload: Workload, optimizer: str, X: Array, y: Array, threads: int) -> None:
    import torch

    torch.set_num_threads(threads)
    bursts["torch eager"] = torch_eager(workload, optimizer, X, y)
    bursts["torch fused"] = torch_eager(workload, optimizer, X, y, fused=True)


def _add_jax(bursts: dict[str, Burst], workload: Workload, optimizer: str, X: Array, y: Array, threads: int) -> None:
    bursts["jax step"], bursts["jax scan"] = jax_bursts(workload, optimizer, X, y)


def measure(names: Iterable[str] = WORKLOADS, *, threads: int = 1, repeats: int = 5) -> dict[str, Any]:
    """Every workload with both optimizers; the caller has set the number of threads of the process."""
    from threadpoolctl import threadpool_limits

    from nn_scratch.experiments.machine import matrix_flop

    results = []
    with threadpool_limits(limits=threads), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        peak = matrix_peak()
        for name in names:
            workload = WORKLOADS[name]
            for optimizer in OPTIMIZERS_MEASURED:
                seconds = take_turns(contenders(workload, optimizer, threads), repeats)
                own = seconds.pop("ours")
                results.append(
                    {
                        "workload": name,
                        "shape": workload.shape,
                        "batch": workload.batch,
                        "optimizer": optimizer,
                        "microseconds": float(np.median(own) * 1e6),
                        "mfu": matrix_flop(workload.sizes, workload.batch) / float(np.median(own)) / peak,
                        "ratios": {peer: ratio(values, own) for peer, values in seconds.items()},
                    }
                )
    return {"threads": threads, "repeats": repeats, "peak_gflops": peak / 1e9, "results": results}


def table(result: dict[str, Any]) -> str:
    """Markdown: a row a workload and optimizer, peer's time over ours."""
    lines = [
        f"Peer's time / ours, {result['threads']} thread(s), medians of {result['repeats']} turns "
        f"(sgemm peak here: {result['peak_gflops']:.0f} GFLOP/s)",
        "",
        "| network (batch) | optimizer | µs a step | MFU | " + " | ".join(PEERS) + " |",
        "|---|---|---|---|" + "---|" * len(PEERS),
    ]
    for row in result["results"]:
        cells = []
        for peer in PEERS:
            found = row["ratios"].get(peer)
            cells.append("-" if found is None else spread(found))
        lines.append(
            f"| {row['workload']} {row['shape']} ({row['batch']}) | {row['optimizer']} | {row['microseconds']:,.1f} | "
            f"{row['mfu']:.0%} | " + " | ".join(cells) + " |"
        )
    return "\n".join(lines)
