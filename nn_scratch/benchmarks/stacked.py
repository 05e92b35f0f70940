"""Networks trained together against one after another, and against JAX's vmap of a scanned epoch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.util import find_spec
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import Burst, ratio, spread, take_turns
from nn_scratch.benchmarks.train import jax_update
from nn_scratch.benchmarks.workloads import WORKLOADS, Timekeeper, Workload, data, train_epochs, trainer
from nn_scratch.experiments.stacks import MOST_ENTRIES, MOST_TOGETHER
from nn_scratch.training.stacked import StackedTrainer
from nn_scratch.training.trainer import Trainer

NETWORKS = 64
SINGLE_NETWORKS = 4  # of those trained one after another: their mean is that of all
SIZES = (4, 16)  # networks of a stack in the table by shape
SHAPES = tuple(
    Workload("", sizes, 32, 50)
    for sizes in (
        (4, 16, 3),
        (2, 16, 16, 2),
        (30, 32, 16, 2),
        (64, 32, 10),
        (64, 64, 32, 10),
        (30, 128, 64, 2),
        (64, 128, 64, 10),
    )
)


def measure(
    names: Iterable[str] = ("W1", "W2"), *, threads: int = 1, repeats: int = 5, networks: int = NETWORKS
) -> dict[str, Any]:
    """Microseconds a step of one network, of SGD and Adam, float32; evaluation and logs are left out."""
    from threadpoolctl import threadpool_limits

    results = []
    with threadpool_limits(limits=threads):
        for name in names:
            for optimizer in ("sgd", "adam"):
                results.append(_measure(WORKLOADS[name], optimizer, networks, repeats))
        shapes = [by_shape(shape, repeats) for shape in SHAPES]
    return {"threads": threads, "repeats": repeats, "networks": networks, "results": results, "shapes": shapes}


def _measure(workload: Workload, optimizer: str, networks: int, repeats: int) -> dict[str, Any]:
    X, y = data(workload)
    singles = [trainer(workload, optimizer, X, y, seed)[0] for seed in range(SINGLE_NETWORKS)]
    made = [trainer(workload, optimizer, X, y, seed)[0] for seed in range(networks)]
    stacks = stacks_of(made)

    bursts = {"single": one_by_one(singles, workload), "stacked": together(stacks, workload)}
    if find_spec("jax") is not None:
        bursts["jax"] = jax_vmap(workload, optimizer, X, y, networks)
    seconds = take_turns(bursts, repeats)
    return {
        "workload": workload.name,
        "shape": workload.shape,
        "optimizer": optimizer,
        "at_once": len(stacks[0].trainers),
        "microseconds": {name: float(np.median(values) * 1e6) for name, values in seconds.items()},
        "over_single": ratio(seconds["single"], seconds["stacked"]),
        "over_jax": ratio(seconds["jax"], seconds["stacked"]) if "jax" in seconds else None,
    }


def stacks_of(made: Sequence[Trainer]) -> list[StackedTrainer]:
    """The trainers in stacks of as many networks as experiments put together."""
    at_once = min(len(made), MOST_TOGETHER, max(1, MOST_ENTRIES // made[0].network.theta.size))
    return [StackedTrainer(made[start : start + at_once]) for start in range(0, len(made), at_once)]


def one_by_one(trainers: Sequence[Trainer], workload: Workload) -> Burst:
    """Seconds a step of one network, of an epoch of each."""

    def burst() -> float:
        keeper = Timekeeper()
        for one in trainers:
            train_epochs(one, keeper, 1)
        return keeper.training / (len(trainers) * workload.steps)

    return burst


def together(stacks: Sequence[StackedTrainer], workload: Workload) -> Burst:
    """Seconds a step of one network, of an epoch of each stack."""
    networks = sum(len(stack.trainers) for stack in stacks)

    def burst() -> float:
        return sum(stack.train_epoch() * len(stack.trainers) for stack in stacks) / (networks * workload.steps)

    return burst


def by_shape(workload: Workload, repeats: int) -> dict[str, Any]:
    """How many times as fast stacks of some networks are as the same networks one by one, with Adam."""
    X, y = data(workload)

    def made(networks: int) -> list[Trainer]:
        return [trainer(workload, "adam", X, y, seed)[0] for seed in range(networks)]

    bursts = {"single": one_by_one(made(SINGLE_NETWORKS), workload)}
    bursts |= {str(size): together([StackedTrainer(made(size))], workload) for size in SIZES}
    seconds = take_turns(bursts, repeats)
    parameters = sum((a + 1) * b for a, b in pairwise(workload.sizes))
    return {
        "shape": workload.shape,
        "batch": workload.batch,
        "parameters_times_rows": parameters * workload.batch,
        "over_single": {str(size): ratio(seconds["single"], seconds[str(size)]) for size in SIZES},
    }


def jax_vmap(workload: Workload, optimizer: str, X: Any, y: Any, networks: int) -> Burst:
    """Seconds a step of one network, of an epoch of all of them compiled into one call."""
    import jax
    import jax.numpy as jnp

    start, update = jax_update(workload, optimizer)
    noise = jax.random.split(jax.random.PRNGKey(0), networks)
    theta = jax.vmap(lambda key: jax.tree.map(lambda p: p + 1e-3 * jax.random.normal(key, p.shape), start[0]))(noise)
    zeros = jax.tree.map(jnp.zeros_like, theta)
    states = {"now": jax.tree.map(jnp.copy, (theta, zeros, zeros, jnp.zeros(networks)))}
    inputs, labels = jnp.asarray(X), jnp.asarray(y)

    def whole_epoch(state: Any, order: Any) -> Any:
        def body(state: Any, rows: Any) -> Any:
            return update(state, inputs[rows], labels[rows]), None

        return jax.lax.scan(body, state, order)[0]

    scan = jax.jit(jax.vmap(whole_epoch), donate_argnums=0)
    generator = np.random.default_rng(0)

    def burst() -> float:
        orders = np.stack([generator.permutation(len(X)) for _ in range(networks)])
        orders = orders.reshape(networks, workload.steps, workload.batch)
        started = perf_counter()
        states["now"] = scan(states["now"], jnp.asarray(orders))
        jax.block_until_ready(states["now"])
        return (perf_counter() - started) / (workload.steps * networks)

    return burst


def table(result: dict[str, Any]) -> str:
    lines = [
        f"{result['networks']} networks in stacks that fit the cache, {result['threads']} thread(s), float32; "
        "medians of "
        f"{result['repeats']} turns; times per network and step",
        "",
        "| network | optimizer | networks a stack | one by one | together | one by one / together | JAX vmap + scan / "
        "together |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in result["results"]:
        micro, single, jax = row["microseconds"], row["over_single"], row["over_jax"]
        against_jax = "-" if jax is None else spread(jax)
        lines.append(
            f"| {row['workload']} {row['shape']} | {row['optimizer']} | {row['at_once']} | {micro['single']:.1f} µs | "
            f"{micro['stacked']:.2f} µs | {spread(single)} | "
            f"{against_jax} |"
        )
    lines += [
        "",
        "Where a stack pays: one by one / together, with Adam",
        "",
        "| network, batch | parameters x rows | " + " | ".join(f"{size} together" for size in SIZES) + " |",
        "|---|---|" + "---|" * len(SIZES),
    ]
    for row in result["shapes"]:
        ratios = " | ".join(spread(row["over_single"][str(size)]) for size in SIZES)
        lines.append(f"| {row['shape']}, {row['batch']} | {row['parameters_times_rows']:,} | {ratios} |")
    return "\n".join(lines)
