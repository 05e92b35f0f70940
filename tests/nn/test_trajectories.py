"""Whole trainings of 50 steps agree with an independent implementation, in float64, to 1e-10 in every parameter.

The reference is PyTorch; optax for Lion, which PyTorch lacks; and formulas written out where both lack an entry.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES, Loss
from nn_scratch.nn.network import Network
from nn_scratch.nn.optimizers import OPTIMIZERS, Optimizer
from nn_scratch.nn.schedules import SCHEDULES
from tests.nn import torch_mirror
from tests.nn.subjects import Case, bound, cases
from tests.nn.torch_mirror import IDENTITY, Mirror, Spec, build

STEPS = 50
TOLERANCE = 1e-10
ROWS, BATCH, INPUTS, OUTPUTS = 22, 8, 3, 4  # three batches an epoch, the last of 6 rows
WITHOUT_TORCH = {"lion": "optax"}  # optimizers that PyTorch lacks, and where their reference comes from


@pytest.fixture(scope="session")
def t() -> Any:
    torch = pytest.importorskip("torch", reason="PyTorch, the reference, is not installed: pip install .[reference]")
    torch.set_num_threads(1)
    return torch


def test_every_entry_has_a_reference() -> None:
    assert set(torch_mirror.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(torch_mirror.LAYERS) == set(LAYERS)
    assert set(torch_mirror.LOSSES) == set(LOSSES)
    assert set(torch_mirror.OPTIMIZERS) | set(WITHOUT_TORCH) == set(OPTIMIZERS)
    assert set(torch_mirror.SCHEDULES) == set(SCHEDULES)


# --- training, ours and the reference's


@dataclass
class Rows:
    """Rows to train on: X (n, i); labels (n,) or targets (n, k) for the reference, Y (n, k) for us; weights (n,)."""

    X: np.ndarray
    target: np.ndarray
    Y: np.ndarray
    w: np.ndarray

    def batches(self) -> Iterator[Rows]:
        """STEPS batches, epoch after epoch, the last of each smaller; weights that sum to 1."""
        starts = range(0, len(self.X), BATCH)
        for step in range(STEPS):
            part = slice(starts[step % len(starts)], starts[step % len(starts)] + BATCH)
            w = self.w[part]
            yield Rows(self.X[part], self.target[part], self.Y[part], w / w.sum())


def rows_for(loss: Loss, outputs: int = OUTPUTS) -> Rows:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(ROWS, INPUTS))
    if loss.registered_name == "binary_cross_entropy":  # multi-label
        target = Y = rng.integers(2, size=(ROWS, outputs)).astype(float)
    elif loss.kinds == ("classification",):
        target = rng.integers(outputs, size=ROWS)
        Y = loss.targets(outputs)[target]
    else:
        target = Y = rng.poisson(1.5, (ROWS, outputs)) + 0.25 * (not loss.needs_counts)
    return Rows(X, target, np.asarray(Y, float), rng.uniform(0.2, 2.0, ROWS))


def start(specs: list[Spec]) -> Network:
    init, noise, values = np.random.default_rng(3).spawn(3)
    network = Network(build(specs), INPUTS, init=init, noise=noise, dtype=np.float64)
    network.theta += values.normal(0.0, 0.2, network.theta.size)  # so that biases, scales and shifts are not 0 or 1
    return network


def batch_evaluation(network: Network, loss: Loss, rows: Rows) -> Callable[[], float]:
    """Fills the network's gradient from a batch, and returns its loss."""
    n = len(rows.X)
    graph = network.on(n, training=True)
    loss = bound(loss, network.outputs, n)
    signal = np.vstack([rows.X.T, np.ones(n)])

    def evaluate() -> float:
        Z = graph.forward(signal)
        value = float(np.dot(loss.forward(Z, rows.Y.T), rows.w))
        graph.backward(loss.backward(Z, rows.Y.T, rows.w))
        return value

    return evaluate


def our_training(
    network: Network, loss: Case, optimizer: Optimizer, batches: list[Rows], factors: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """The named parameters after every step."""
    optimizer.bind(network.theta, network.grad)
    for rows, factor in zip(batches, factors, strict=True):
        evaluate = batch_evaluation(network, loss.create(), rows)
        value = evaluate()
        lr = optimizer.lr * float(factor)
        if optimizer.full_batch:
            optimizer.step_with(lr, value, evaluate)
        else:
            optimizer.step(lr)
        yield {name: view.copy() for name, view in network.named(network.theta).items()}


def reference_training(
    t: Any, mirror: Mirror, loss: Case, optimizer: Any, batches: list[Rows], rates: list[float] | None = None
) -> Iterator[dict[str, np.ndarray]]:
    for step, rows in enumerate(batches):
        if rates is not None:
            optimizer.param_groups[0]["lr"] = rates[step]

        def closure(rows: Rows = rows) -> Any:
            optimizer.zero_grad()
            losses = torch_mirror.LOSSES[loss.name](t, mirror(rows.X), t.tensor(rows.target), **loss.parameters)
            value = (losses * t.tensor(rows.w)).sum()
            value.backward()
            return value

        optimizer.step(closure)
        yield {name: tensor.detach().numpy().copy() for name, tensor in mirror.tensors.items()}


def assert_agree(ours: Iterator[dict[str, np.ndarray]], reference: Iterator[dict[str, np.ndarray]]) -> int:
    """At every step, in every parameter; and training must have moved them. Returns the number of steps."""
    steps, first, last = 0, None, None
    for steps, (mine, theirs) in enumerate(zip(ours, reference, strict=True), start=1):
        assert mine.keys() == theirs.keys()
        for name in mine:
            difference = np.abs(mine[name] - theirs[name]).max()
            assert difference <= TOLERANCE, f"step {steps}: {name} is off by {difference:.1e}"
        first, last = first or mine, mine
    assert first is not None
    assert last is not None
    assert max(np.abs(last[name] - first[name]).max() for name in first) > 1e-4
    return steps


def compare(
    t: Any,
    specs: list[Spec],
    loss: Case = Case(LOSSES, "mse"),  # noqa: B008 (frozen)
    optimizer: Case = Case(OPTIMIZERS, "sgd", {"lr": 0.05, "momentum": 0.8}),  # noqa: B008
) -> tuple[Network, Mirror]:
    network = start(specs)
    mirror = Mirror(t, specs, network)
    rows = rows_for(loss.create())
    full_batch = OPTIMIZERS[optimizer.name].full_batch
    batches = [Rows(rows.X, rows.target, rows.Y, rows.w / rows.w.sum())] * STEPS if full_batch else [*rows.batches()]
    make = torch_mirror.OPTIMIZERS[optimizer.name]
    steps = assert_agree(
        our_training(network, loss, optimizer.create(), batches, np.ones(STEPS)),
        reference_training(t, mirror, loss, make(t, list(mirror.tensors.values()), **optimizer.parameters), batches),
    )
    assert steps == STEPS
    return network, mirror


def around(*middle: Spec) -> list[Spec]:
    return [
        ("dense", {"units": 5, "activation": ("tanh", {})}),
        *middle,
        ("dense", {"units": OUTPUTS, "activation": IDENTITY}),
    ]


# --- what is compared


@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
def test_activations(t: Any, case: Case) -> None:
    f = (case.name, case.parameters)
    compare(t, [("dense", {"units": 6, "activation": f}), ("dense", {"units": OUTPUTS, "activation": f})])


def layer_specs() -> dict[str, list[Spec]]:
    """Networks, a layer of each kind and variant within; with its name."""
    tanh: Spec = ("tanh", {})
    special: dict[str, list[dict[str, Any]]] = {
        "dense": [{"units": 4, "activation": tanh}, {"units": 4, "activation": tanh, "bias": False}],
        "activation": [{"activation": ("prelu", {})}],
        "residual": [
            {"layers": [("dense", {"units": 4, "activation": tanh}), ("dense", {"units": 5, "activation": IDENTITY})]},
            {"layers": [("layer_norm", {}), ("residual", {"layers": [("dense", {"units": 5, "activation": tanh})]})]},
            {"layers": [("dropout", {"rate": 0.3}), ("batch_norm", {})]},
        ],
    }
    layers = [(name, parameters) for name, every in special.items() for parameters in every]
    layers += [(case.name, case.parameters) for case in cases_without(special)]
    return {f"{name}-{i}": around((name, parameters)) for i, (name, parameters) in enumerate(layers)} | {
        f"{name}-on-the-input": [(name, parameters), *around()]
        for name, parameters in layers
        if "layers" not in parameters and name != "dense"
    }


def cases_without(names: dict[str, Any]) -> list[Case]:
    return [
        Case(LAYERS, name, parameters)
        for name in LAYERS
        if name not in names
        for parameters in [case.parameters for case in cases_of_layer(name)]
    ]


def cases_of_layer(name: str) -> list[Case]:
    return [case for case in cases(LAYERS) if case.name == name]


@pytest.mark.parametrize("name", layer_specs())
def test_layers(t: Any, name: str) -> None:
    network, mirror = compare(t, layer_specs()[name])
    X = np.random.default_rng(0).normal(size=(9, INPUTS))
    ours = network.on(9, training=False).forward(np.vstack([X.T, np.ones(9)])).T
    theirs = mirror(X, training=False).detach().numpy()
    assert np.abs(ours - theirs).max() <= TOLERANCE, "in evaluation mode"


def test_a_layer_of_every_kind_is_compared() -> None:
    assert {name for specs in layer_specs().values() for name, _ in specs} == set(LAYERS)


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
def test_losses(t: Any, case: Case) -> None:
    compare(t, around(), loss=case)


@pytest.mark.parametrize(
    "case",
    [case for case in cases(OPTIMIZERS) if case.name not in WITHOUT_TORCH and case != Case(OPTIMIZERS, "lbfgs")],
    ids=str,
)
def test_optimizers(t: Any, case: Case) -> None:
    compare(t, around(), loss=Case(LOSSES, "cross_entropy"), optimizer=case)


def numpy_gradient(t: Any, mirror: Mirror, loss: Case, rows: Rows) -> tuple[float, dict[str, np.ndarray]]:
    for tensor in mirror.tensors.values():
        tensor.grad = None
    losses = torch_mirror.LOSSES[loss.name](t, mirror(rows.X), t.tensor(rows.target), **loss.parameters)
    value = (losses * t.tensor(rows.w)).sum()
    value.backward()
    return value.item(), {name: tensor.grad.numpy().copy() for name, tensor in mirror.tensors.items()}


def test_lion(t: Any) -> None:
    """Against optax, fed with PyTorch's gradients."""
    optax = pytest.importorskip("optax", reason="optax, the reference, is not installed: pip install .[reference]")
    import jax

    loss = Case(LOSSES, "cross_entropy")
    compared = 0
    for case in cases(OPTIMIZERS):
        if case.name != "lion":
            continue
        compared += 1
        network = start(around())
        mirror = Mirror(t, around(), network)
        batches = [*rows_for(loss.create()).batches()]
        p = {"lr": 1e-4, "beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0} | case.parameters

        def reference(mirror: Mirror = mirror, batches: list[Rows] = batches, p: dict[str, float] = p) -> Any:
            lion = optax.lion(p["lr"], b1=p["beta1"], b2=p["beta2"], weight_decay=p["weight_decay"])
            parameters = {name: jax.numpy.array(tensor.detach().numpy()) for name, tensor in mirror.tensors.items()}
            state = lion.init(parameters)
            for rows in batches:
                _, gradient = numpy_gradient(t, mirror, loss, rows)
                updates, state = lion.update(gradient, state, parameters)
                parameters = optax.apply_updates(parameters, updates)
                for name, value in parameters.items():
                    mirror.tensors[name].data = t.tensor(np.array(value))
                yield {name: np.array(value) for name, value in parameters.items()}

        with jax.enable_x64(True):
            assert_agree(our_training(network, loss, case.create(), batches, np.ones(STEPS)), reference())
    assert compared == 2


def test_lbfgs_with_its_line_search(t: Any) -> None:
    """Against the textbook: H multiplied out as a matrix from the latest ten pairs (Nocedal and Wright, 7.19)."""
    from scipy.optimize import line_search

    loss = Case(LOSSES, "mse")
    specs = around()
    network = start(specs)
    mirror = Mirror(t, specs, network)
    rows = rows_for(loss.create())
    batch = Rows(rows.X, rows.target, rows.Y, rows.w / rows.w.sum())
    names, shapes = list(mirror.tensors), [tuple(tensor.shape) for tensor in mirror.tensors.values()]
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])

    def at(x: np.ndarray) -> tuple[float, np.ndarray]:
        for name, shape, values in zip(names, shapes, np.split(x, ends[:-1]), strict=True):
            mirror.tensors[name].data = t.tensor(values.reshape(shape))
        value, gradient = numpy_gradient(t, mirror, loss, batch)
        return value, np.concatenate([gradient[name].ravel() for name in names])

    def reference() -> Iterator[dict[str, np.ndarray]]:
        x = np.concatenate([mirror.tensors[name].detach().numpy().ravel() for name in names])
        eye, pairs = np.eye(x.size), []
        for _ in range(STEPS):
            value, g = at(x)
            if pairs:
                s, y = pairs[-1]
                H = eye * (s @ y) / (y @ y)
                for s, y in pairs[-10:]:
                    V = eye - np.outer(y, s) / (y @ s)
                    H = V.T @ H @ V + np.outer(s, s) / (y @ s)
                d = -H @ g
            else:
                d = -g * min(1.0, 1.0 / np.abs(g).sum())
            length = line_search(lambda z: at(z)[0], lambda z: at(z)[1], x, d, g, value)[0]
            x_next = x + length * d
            pairs.append((x_next - x, at(x_next)[1] - g))
            x = x_next
            yield dict(
                zip(names, (v.reshape(s) for v, s in zip(np.split(x, ends[:-1]), shapes, strict=True)), strict=True)
            )

    optimizer = OPTIMIZERS.create("lbfgs")
    assert_agree(our_training(network, loss, optimizer, [batch] * STEPS, np.ones(STEPS)), reference())


# --- schedules

EPOCHS, STEPS_PER_EPOCH = 17, 3
SCORES = [5.0, 4.0, 4.0, 4.1, 3.9999, 3.0, 3.5, 3.5, 3.5, 3.5, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0, 1.0]  # val_loss an epoch


def reference_rates(t: Any, case: Case, lr: float) -> list[float]:
    """The learning rate of each step by PyTorch's scheduler; warm-up by its LinearLR, before it."""
    parameters = dict(case.parameters)
    by = parameters.pop("by", "step" if case.name in ("one_cycle", "constant") else "epoch")
    warmup = round(parameters.pop("warmup_epochs", 0) * STEPS_PER_EPOCH) + parameters.pop("warmup_steps", 0)
    steps = EPOCHS * STEPS_PER_EPOCH
    total = steps - warmup if by == "step" else -(-(steps - warmup) // STEPS_PER_EPOCH)

    def optimizer_of(rate: float) -> Any:
        return t.optim.SGD([t.zeros(1, requires_grad=True)], lr=rate)

    def rate_of(optimizer: Any) -> float:
        return float(optimizer.param_groups[0]["lr"])

    optimizer = optimizer_of(lr)
    scheduler = torch_mirror.SCHEDULES[case.name](t, optimizer, total, **parameters)
    rates: list[float] = []
    if warmup:
        warming = optimizer_of(rate_of(optimizer))
        rise = t.optim.lr_scheduler.LinearLR(warming, start_factor=1 / (warmup + 1), total_iters=warmup)
        for _ in range(warmup):
            rates.append(rate_of(warming))
            warming.step()
            rise.step()
    for step in range(steps - warmup):
        rates.append(rate_of(optimizer))
        optimizer.step()
        epoch_ended = (step + 1) % STEPS_PER_EPOCH == 0
        if case.name == "reduce_on_plateau":
            if epoch_ended:
                scheduler.step(SCORES[step // STEPS_PER_EPOCH])
        elif (by == "step" or epoch_ended) and step + 1 < steps - warmup:
            scheduler.step()
    return rates


def our_factors(case: Case) -> np.ndarray:
    """Asked for epoch by epoch, as the trainer does."""
    schedule = case.create()
    schedule.bind(STEPS_PER_EPOCH, EPOCHS)
    factors = []
    for epoch in range(EPOCHS):
        first = epoch * STEPS_PER_EPOCH
        factors.append(schedule.factors(np.arange(first, first + STEPS_PER_EPOCH)))
        schedule.epoch_ended({"val_loss": SCORES[epoch], "epoch": epoch + 1})
    return np.concatenate(factors)


@pytest.mark.parametrize("case", cases(SCHEDULES), ids=str)
def test_schedules(t: Any, case: Case) -> None:
    lr = 0.2
    rates, factors = reference_rates(t, case, lr), our_factors(case)
    assert factors.shape == (EPOCHS * STEPS_PER_EPOCH,)
    np.testing.assert_allclose(lr * factors, rates, rtol=1e-12, atol=1e-15)

    network = start(around())
    mirror = Mirror(t, around(), network)
    loss = Case(LOSSES, "cross_entropy")
    batches = [*rows_for(loss.create()).batches()]
    sgd = OPTIMIZERS.create("sgd", lr=lr, momentum=0.5)
    reference = t.optim.SGD(list(mirror.tensors.values()), lr=lr, momentum=0.5)
    assert_agree(
        our_training(network, loss, sgd, batches, factors[:STEPS]),
        reference_training(t, mirror, loss, reference, batches, rates[:STEPS]),
    )
