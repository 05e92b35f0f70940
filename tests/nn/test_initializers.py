"""Initial weights have the distribution that their name and source say."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from nn_scratch.metrics import Array
from nn_scratch.nn.activations import ACTIVATIONS, Activation
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.memory import Memory, Scratch
from nn_scratch.nn.network import Network
from tests.nn.subjects import Case, cases

FANS = (120, 250)
# The same matrix by torch.nn.init, filled in place: f(init, W of shape (fan_out, fan_in), parameters)
TORCH: dict[str, Any] = {
    "he_normal": lambda init, W, gain=None: init.kaiming_normal_(W, nonlinearity="linear" if gain == 1.0 else "relu"),
    "he_uniform": lambda init, W: init.kaiming_uniform_(W, nonlinearity="relu"),
    "glorot_normal": lambda init, W: init.xavier_normal_(W),
    "glorot_uniform": lambda init, W: init.xavier_uniform_(W),
    "lecun_normal": lambda init, W: init.kaiming_normal_(W, nonlinearity="linear"),
    "lecun_uniform": lambda init, W: init.kaiming_uniform_(W, nonlinearity="linear"),
    "normal": lambda init, W, std=0.01, mean=0.0: init.normal_(W, mean, std),
    "uniform": lambda init, W, low=-0.05, high=0.05: init.uniform_(W, low, high),
    "zeros": lambda init, W: init.zeros_(W),
    "constant": lambda init, W, value=0.0: init.constant_(W, value),
    "orthogonal": lambda init, W: init.orthogonal_(W),
    "truncated_normal": lambda init, W, std=0.01, mean=0.0, cut=2.0: init.trunc_normal_(
        W, mean, std, mean - cut * std, mean + cut * std
    ),
}


def test_every_initializer_is_compared_with_pytorch() -> None:
    assert set(TORCH) == set(INITIALIZERS)


@pytest.mark.parametrize("case", cases(INITIALIZERS), ids=str)
def test_values_are_distributed_as_pytorch_draws_them(case: Case) -> None:
    """Kolmogorov-Smirnov: two samples of 30,000 of the same distribution differ by more than 0.0195 once in 10⁵."""
    torch = pytest.importorskip("torch", reason="PyTorch, the reference, is not installed: pip install .[reference]")
    from scipy.stats import ks_2samp

    ours = case.create().sample(FANS, np.random.default_rng(0))
    W = torch.empty(FANS[1], FANS[0], dtype=torch.float64)
    torch.manual_seed(0)
    TORCH[case.name](torch.nn.init, W, **case.parameters)
    assert ours.shape == FANS
    assert ours.dtype == np.float64
    assert ks_2samp(ours.ravel(), W.numpy().ravel()).statistic < 0.0195


@pytest.mark.parametrize("case", cases(INITIALIZERS), ids=str)
@pytest.mark.parametrize("fans", [FANS, FANS[::-1]])
def test_the_standard_deviation_is_the_one_declared(case: Case, fans: tuple[int, int]) -> None:
    """Of n values it varies by under std · √(κ - 1) / (2 √n), with a kurtosis κ of at most 3: 0.0041 std here."""
    initializer = case.create()
    values = initializer.sample(fans, np.random.default_rng(1))
    assert values.std() == pytest.approx(initializer.std(fans), rel=5 * 0.0041, abs=1e-15)


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("he_normal", 2 / 120),
        ("he_uniform", 2 / 120),
        ("glorot_normal", 2 / 370),
        ("glorot_uniform", 2 / 370),
        ("lecun_normal", 1 / 120),
        ("lecun_uniform", 1 / 120),
        ("orthogonal", 1 / 250),
    ],
)
def test_variances_are_those_of_the_papers(name: str, variance: float) -> None:
    assert INITIALIZERS.create(name).std(FANS) ** 2 == pytest.approx(variance)
    assert INITIALIZERS.create(name, gain=3.0).std(FANS) ** 2 == pytest.approx(
        9 * variance / (2 if name.startswith("he") else 1)
    )


@pytest.mark.parametrize("name", ["he_uniform", "glorot_uniform", "lecun_uniform"])
def test_uniform_values_end_at_root_3_standard_deviations(name: str) -> None:
    initializer = INITIALIZERS.create(name)
    edge = np.sqrt(3) * initializer.std(FANS)
    values = initializer.sample(FANS, np.random.default_rng(2))
    assert 0.999 * edge < values.max() <= edge
    assert -edge <= values.min() < -0.999 * edge


@pytest.mark.parametrize("fans", [(6, 6), (9, 4), (4, 9)])
def test_orthogonal_keeps_the_length_of_what_passes_the_narrow_way(fans: tuple[int, int]) -> None:
    W = INITIALIZERS.create("orthogonal", gain=3.0).sample(fans, np.random.default_rng(0))
    assert W.shape == fans
    product = W.T @ W if fans[0] >= fans[1] else W @ W.T
    np.testing.assert_allclose(product, 9 * np.eye(min(fans)), atol=1e-12)


def test_truncated_normal_keeps_within_its_cut() -> None:
    values = INITIALIZERS.create("truncated_normal", std=0.5, mean=1.0, cut=1.5).sample(FANS, np.random.default_rng(0))
    assert 0.25 <= values.min() < 0.26
    assert 1.74 < values.max() <= 1.75


def test_uniform_takes_its_ends_in_either_order() -> None:
    values = INITIALIZERS.create("uniform", low=3.0, high=-1.0).sample(FANS, np.random.default_rng(0))
    assert -1 <= values.min() < -0.99
    assert 2.99 < values.max() <= 3


# --- the default of each activation

GAINS = {  # he_normal's, where it is the default
    "relu": np.sqrt(2.0),
    "relu6": np.sqrt(2.0),
    "leaky_relu": np.sqrt(2 / (1 + 0.01**2)),
    "prelu": np.sqrt(2 / (1 + 0.25**2)),
}
GLOROT = {"identity", "sigmoid", "tanh", "softsign", "hard_tanh", "hard_sigmoid", "softmax"}
KEEPS_MEAN_SQUARE = {"elu", "celu", "gelu", "silu", "mish", "softplus", "hard_swish"}


def test_every_activation_has_its_default_listed() -> None:
    assert set(GAINS) | GLOROT | KEEPS_MEAN_SQUARE | {"selu"} == set(ACTIVATIONS)


def declared(f: Activation) -> tuple[str, float]:
    name, parameters = f.initializer
    return name, float(INITIALIZERS.create(name, **parameters).gain)


def test_defaults_are_those_of_the_sources() -> None:
    for name, gain in GAINS.items():
        assert declared(ACTIVATIONS.create(name)) == ("he_normal", pytest.approx(gain)), name
    for name in GLOROT:
        assert declared(ACTIVATIONS.create(name)) == ("glorot_uniform", 1.0), name
    assert declared(ACTIVATIONS.create("selu")) == ("lecun_normal", 1.0)


def values_of(f: Activation, Z: Array) -> Array:
    A = np.empty_like(Z)
    parameters = {name: np.zeros(shape) for name, shape in f.blocks(1).items()}
    f.initialize(parameters)
    noise, scratch = np.random.default_rng(0), Scratch(np.float64)
    f.bind(1, Memory(Z.shape[1], np.float64, False, (noise,), scratch, parameters, parameters))
    f.forward(Z.copy(), A)
    return A


WITH_GAIN = [case for case in cases(ACTIVATIONS) if declared(case.create())[0] in ("he_normal", "lecun_normal")]


def test_activations_with_a_gain_are_found() -> None:
    assert {case.name for case in WITH_GAIN} == set(GAINS) | KEEPS_MEAN_SQUARE | {"selu"}
    assert len(WITH_GAIN) >= 12


@pytest.mark.parametrize("case", WITH_GAIN, ids=str)
def test_the_gain_lets_a_signal_of_mean_square_1_leave_with_mean_square_1(case: Case) -> None:
    """E[f(gain · Z)²] = 1 for standard normal Z, integrated with SciPy's quadrature."""
    from scipy.integrate import quad
    from scipy.stats import norm

    f = case.create()
    gain = declared(f)[1]

    def density(z: float) -> float:
        return float(values_of(f, np.array([[gain * z]]))[0, 0] ** 2 * norm.pdf(z))

    mean_square = sum(quad(density, *ends)[0] for ends in [(-12, -3), (-3, 0), (0, 3), (3, 12)])
    assert mean_square == pytest.approx(1.0, rel=3e-4)


@pytest.mark.parametrize("name", sorted((set(GAINS) | KEEPS_MEAN_SQUARE | {"selu"}) - {"softplus"}))
def test_signal_and_gradient_pass_ten_layers_as_they_came(name: str) -> None:
    """With the default weights, within a factor of 2 each way, where the initializer is made for it."""
    layers = [Dense(300, ACTIVATIONS.create(name)) for _ in range(10)] + [Dense(300, Identity())]
    init, noise, values = np.random.default_rng(0).spawn(3)
    network = Network(layers, 300, init=init, noise=noise, dtype=np.float64)
    graph = network.on(100, training=True)
    X = np.ones((301, 100))
    X[:-1] = values.normal(size=(300, 100))
    graph.forward(X)
    graph.backward(values.normal(size=(300, 100)))
    first, last = graph.dense[0], graph.dense[-2]
    assert 0.5 < np.square(last.A).mean() / np.square(first.A).mean() < 2.0
    gradients = network.named(network.grad)
    ratio = np.linalg.norm(gradients["hidden_1.W"]) / np.linalg.norm(gradients["hidden_10.W"])
    assert 0.5 < ratio < 2.0
