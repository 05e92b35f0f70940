"""Buffers: allocated once, shared without harm, never growing."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from threading import Thread

import numpy as np
import pytest

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.activations.sigmoids import Tanh
from nn_scratch.nn.layers import LAYERS, Layer
from nn_scratch.nn.layers.base import walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.losses.regression import MeanSquaredError
from nn_scratch.nn.memory import Memory, Scratch
from nn_scratch.nn.network import Graph, Network
from nn_scratch.nn.optimizers import OPTIMIZERS
from tests.nn.subjects import Case, bound, cases, hidden_layers, targets_for

WIDTH = 4


def everything() -> list[Layer]:
    """One network with every layer in every variant, every activation in every variant, and unequal widths."""
    layers: list[Layer] = []
    for name in LAYERS:
        layers += [Dense(WIDTH, Tanh()), *hidden_layers(name, Tanh, WIDTH)]
    for i, case in enumerate(cases(ACTIVATIONS)):
        layers += [Dense(3 + i % 4, case.create()), LAYERS.create("activation", activation=case.create())]
    return [*layers, Dense(3, Identity())]


def network_of(layers: list[Layer], dtype: type = np.float64, inputs: int = 3) -> Network:
    init, noise = np.random.default_rng(0).spawn(2)
    return Network(layers, inputs, init=init, noise=noise, dtype=dtype)


def signal(rows: int, inputs: int = 3, dtype: type = np.float64) -> Array:
    X = np.ones((inputs + 1, rows), dtype)
    X[:-1] = np.random.default_rng(rows).normal(size=(inputs, rows))
    return X


def run(network: Network, rows: int, training: bool, dtype: type = np.float64) -> tuple[Array, Array]:
    """Outputs and gradient for Y = 0."""
    graph = network.on(rows, training=training)
    loss = bound(MeanSquaredError(), network.outputs, rows, dtype)
    Z = graph.forward(signal(rows, network.inputs, dtype))
    graph.backward(loss.backward(Z, np.zeros_like(Z), 1.0 / rows))
    return Z.copy(), graph.grad.copy()


@pytest.mark.parametrize("training", [True, False])
def test_layers_that_share_work_space_do_not_disturb_each_other(
    training: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = run(network_of(everything()), 5, training)
    monkeypatch.setattr(Scratch, "_slice", lambda self, use, shape, dtype: np.zeros(shape, dtype))
    apart = run(network_of(everything()), 5, training)
    np.testing.assert_array_equal(shared[0], apart[0])
    np.testing.assert_array_equal(shared[1], apart[1])


@pytest.mark.parametrize("training", [True, False])
def test_nothing_is_left_in_shared_work_space_between_two_calls(training: bool) -> None:
    expected = run(network_of(everything()), 5, training)
    network = network_of(everything())
    graph = network.on(5, training=training)

    def spoil() -> None:
        for (use, _), pool in graph.scratch.pools.items():
            if use == "work":
                pool[...] = np.nan if pool.dtype.kind == "f" else True

    def spoiled(call: Callable[[Array], Array]) -> Callable[[Array], Array]:
        def called(signal: Array) -> Array:
            result = call(signal)
            spoil()
            return result

        return called

    for layer in walk(graph.layers):
        layer.forward, layer.backward = spoiled(layer.forward), spoiled(layer.backward)  # type: ignore[method-assign]
    outputs, gradient = run(network, 5, training)
    np.testing.assert_array_equal(outputs, expected[0])
    np.testing.assert_array_equal(gradient, expected[1])


def test_zeros_that_are_shared_stay_zeros() -> None:
    network = network_of(everything())
    run(network, 5, True)
    pools = network.on(5, training=True).scratch.pools
    assert {use for use, _ in pools} == {"zeros", "work"}
    assert all(not pool.any() for (use, _), pool in pools.items() if use == "zeros")


def test_graphs_for_several_batch_sizes_do_not_disturb_each_other() -> None:
    """A full batch, a partial last one, one row and evaluation, forward and backward taking turns."""
    kinds = [(5, True), (3, True), (1, True), (5, False), (7, False)]
    alone = {kind: run(network_of(everything()), *kind) for kind in kinds}

    together = network_of(everything())
    random_state, state = together.noise.bit_generator.state, together.state.copy()
    graphs = {kind: together.on(kind[0], training=kind[1]) for kind in kinds}
    outputs = {}
    for kind, graph in graphs.items():
        together.noise.bit_generator.state = random_state
        together.state[...] = state
        outputs[kind] = graph.forward(signal(kind[0]))
    for (rows, training), graph in graphs.items():
        Z = outputs[rows, training]
        expected_outputs, expected_gradient = alone[rows, training]
        np.testing.assert_array_equal(Z, expected_outputs)
        loss = bound(MeanSquaredError(), together.outputs, rows)
        graph.backward(loss.backward(Z, np.zeros_like(Z), 1.0 / rows))
        np.testing.assert_array_equal(graph.grad, expected_gradient)


def test_threads_share_no_buffers() -> None:
    """Each has a graph of its own, which goes once the thread has ended and another asks for one."""
    network = network_of(everything())
    found: dict[str, list[Graph]] = {}

    def ask(name: str) -> None:
        found[name] = [network.on(5, training=False) for _ in range(2)]

    ask("here")
    for name in ("first", "second"):
        thread = Thread(target=ask, args=(name,))
        thread.start()
        thread.join()
    assert all(one is again for one, again in found.values())
    assert len({id(graph) for graph, _ in found.values()}) >= 2
    assert found["here"][0] is network.on(5, training=False)
    assert not np.shares_memory(found["here"][0].forward(signal(5)), found["first"][0].forward(signal(5)))


def test_a_probe_leaves_the_gradient_of_training_alone() -> None:
    network = network_of(everything())
    run(network, 5, True)
    before = network.grad.copy()
    probe = network.probe(6)
    probe.forward(signal(6))
    probe.backward(np.ones((network.outputs, 6)))
    np.testing.assert_array_equal(network.grad, before)
    assert np.any(probe.grad)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_keeps_the_dtype_of_its_network(name: str, dtype: type) -> None:
    layers = [*hidden_layers(name, Tanh, 3), Dense(2, Identity())]
    network = network_of(layers, dtype)
    Z, gradient = run(network, 5, True, dtype)
    assert Z.dtype == gradient.dtype == network.theta.dtype == network.state.dtype == dtype
    for layer in walk(network.on(5, training=True).layers):
        arrays = [value for value in vars(layer).values() if isinstance(value, np.ndarray)]
        assert {array.dtype for array in arrays} <= {np.dtype(dtype), np.dtype(bool)}


def test_float32_follows_float64() -> None:
    single, double = (run(network_of(everything_calm(), dtype), 5, True, dtype) for dtype in (np.float32, np.float64))
    np.testing.assert_allclose(single[0], double[0], rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(single[1], double[1], rtol=1e-2, atol=1e-4 * np.abs(double[1]).max())


def everything_calm() -> list[Layer]:
    """As `everything`, without the layers that draw numbers (float32 draws others)."""
    return [
        layer
        for layer in everything()
        if not any(hasattr(inner, "rate") or hasattr(inner, "std") for inner in walk([layer]))
    ]


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loss_keeps_the_dtype_of_its_network(case: Case, dtype: type) -> None:
    rng = np.random.default_rng(0)
    loss = bound(case.create(), 3, 4, dtype)
    Z, Y = rng.normal(size=(3, 4)).astype(dtype), targets_for(loss, 3, 4, rng).astype(dtype)
    w = np.full(4, 0.25, dtype)
    assert loss.forward(Z, Y).dtype == loss.backward(Z, Y, w).dtype == dtype
    assert loss.forward(Z, Y).shape == (4,)
    assert loss.backward(Z, Y, w).shape == (3, 4)


# --- no growth, and no temporaries the size of a signal

ROWS = 5_000  # a signal is then far larger than the fixed buffers that NumPy itself works with


def growth(call: Callable[[], object], warm: int = 12, calls: int = 60) -> tuple[int, int]:
    """Bytes that are kept after many calls, and the most that a call held on top while it ran.

    The least of three rounds: a leak shows in each of them, what the interpreter does on the side in one.
    """
    rounds = []
    tracemalloc.start()
    for _ in range(3):
        for _ in range(warm):
            call()
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        for _ in range(calls):
            call()
        after, peak = tracemalloc.get_traced_memory()
        rounds.append((after - before, peak - before))
    tracemalloc.stop()
    return min(kept for kept, _ in rounds), min(held for _, held in rounds)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("training", [True, False])
def test_memory_does_not_grow_with_the_steps_of_a_layer(name: str, training: bool) -> None:
    rows, width = ROWS, 8
    network = network_of([Dense(width, Tanh()), *hidden_layers(name, Tanh, width), Dense(2, Identity())])
    graph, X, dZ = network.on(rows, training=training), signal(rows), np.ones((2, rows))

    def step() -> None:
        graph.forward(X)
        graph.backward(dZ)

    kept, held = growth(step)
    assert kept < 1_000
    assert held < rows * width * 8 / 2  # half a signal


@pytest.mark.parametrize("case", cases(ACTIVATIONS), ids=str)
def test_memory_does_not_grow_with_the_steps_of_an_activation(case: Case) -> None:
    rows, width = ROWS, 8
    network = network_of([Dense(width, case.create()), Dense(2, Identity())])
    graph, X, dZ = network.on(rows, training=True), signal(rows), np.ones((2, rows))

    def step() -> None:
        graph.forward(X)
        graph.backward(dZ)

    kept, held = growth(step)
    assert kept < 1_000
    assert held < rows * width * 8 / 2


@pytest.mark.parametrize("case", cases(LOSSES), ids=str)
def test_memory_does_not_grow_with_the_steps_of_a_loss(case: Case) -> None:
    rows, outputs = ROWS, 8
    rng = np.random.default_rng(0)
    loss = bound(case.create(), outputs, rows)
    Z, Y, w = rng.normal(size=(outputs, rows)), targets_for(loss, outputs, rows, rng), np.full(rows, 1.0 / rows)

    def step() -> None:
        loss.forward(Z, Y)
        loss.backward(Z, Y, w)

    kept, held = growth(step)
    assert kept < 1_000
    assert held < rows * outputs * 8 / 2


@pytest.mark.parametrize("case", cases(OPTIMIZERS), ids=str)
def test_memory_does_not_grow_with_the_steps_of_an_optimizer(case: Case) -> None:
    size = 5_000
    theta = np.random.default_rng(0).normal(size=size)
    grad = np.zeros(size)
    optimizer = case.create()
    optimizer.bind(theta, grad)

    def evaluate() -> float:
        np.multiply(theta, 0.1, out=grad)
        grad[0] += np.sin(theta[0])
        return float(0.05 * np.dot(theta, theta) - np.cos(theta[0]))

    def step() -> None:
        loss = evaluate()
        if optimizer.full_batch:
            optimizer.step_with(0.01, loss, evaluate)
        else:
            optimizer.step(0.01)

    kept, held = growth(step)
    assert kept < 1_000
    if not optimizer.full_batch:
        assert held < size * 8 / 10


def test_memory_for_a_loss_is_that_of_its_rows() -> None:
    memory = Memory.for_rows(3, np.float32)
    assert memory.rows == 3
    assert memory.signal(2).shape == (3, 3)
    assert memory.empty(2, 3).dtype == np.float32
