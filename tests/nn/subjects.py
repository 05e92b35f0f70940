"""What the registry-wide tests work on: every entry of every registry of nn_scratch.nn, found in the registries.

An entry is taken with its defaults; where other parameters reach other code, VARIANTS adds them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import numpy as np

from nn_scratch.nn.activations import ACTIVATIONS, Activation
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.layers import LAYERS, Layer
from nn_scratch.nn.layers.base import walk
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.nn.layers.residual import Residual
from nn_scratch.nn.losses import LOSSES, Loss
from nn_scratch.nn.memory import Memory
from nn_scratch.nn.network import Graph, Network
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.registry import Registry

Array = np.ndarray


@dataclass(frozen=True)
class Case:
    """An entry of a registry with some of its parameters given."""

    registry: Registry[Any]
    name: str
    parameters: dict[str, Any] = field(default_factory=dict)

    def create(self) -> Any:
        return self.registry.create(self.name, **self.parameters)

    def __str__(self) -> str:
        return self.name + "".join(f"-{key}={value}" for key, value in self.parameters.items())


VARIANTS: dict[str, dict[str, list[dict[str, Any]]]] = {
    "activation": {
        "elu": [{"alpha": 0.6}],
        "celu": [{"alpha": 0.5}],
        "gelu": [{"approximate": "tanh"}],
        "leaky_relu": [{"slope": 0.2}, {"slope": 0.0}],
        "prelu": [{"slope": -0.3}],
    },
    "layer": {
        "dropout": [{"rate": 0.3}],
        "alpha_dropout": [{"rate": 0.3}],
        "gaussian_noise": [{"std": 0.7}],
        "batch_norm": [{"affine": False}, {"momentum": 0.3, "eps": 0.05}],
        "layer_norm": [{"affine": False}, {"eps": 0.05}],
        "rms_norm": [{"affine": False}, {"eps": 0.05}],
    },
    "loss": {
        "cross_entropy": [{"label_smoothing": 0.2}],
        "focal": [{"gamma": 0.0}, {"gamma": 0.5}, {"gamma": 3.5}],
        "hinge": [{"margin": 0.4}],
        "huber": [{"delta": 0.3}],
    },
    "optimizer": {
        "sgd": [{"momentum": 0.9}, {"momentum": 0.9, "nesterov": True}],
        "rmsprop": [{"rho": 0.7, "eps": 1e-3}],
        "adagrad": [{"eps": 1e-2}],
        "adadelta": [{"rho": 0.7, "eps": 1e-3}],
        "adam": [{"beta1": 0.5, "beta2": 0.8, "eps": 1e-2}, {"amsgrad": True, "beta2": 0.5}],
        "adamw": [{"weight_decay": 0.3}, {"amsgrad": True, "beta2": 0.5}],
        "nadam": [{"momentum_decay": 0.1, "eps": 1e-2}],
        "radam": [{"beta2": 0.9, "eps": 1e-2}, {"beta2": 0.5}],
        "adamax": [{"beta1": 0.5, "beta2": 0.8, "eps": 1e-2}],
        "lion": [{"beta1": 0.5, "beta2": 0.8, "weight_decay": 0.3}],
        "lbfgs": [{"line_search": "none", "lr": 0.1}, {"line_search": "none", "lr": 0.1, "history_size": 2}],
    },
    "schedule": {
        "constant": [{"warmup_steps": 7}],
        "step": [{"step_size": 3, "gamma": 0.5}, {"step_size": 7, "by": "step"}],
        "multi_step": [{"milestones": [9, 2, 2], "gamma": 0.5, "warmup_epochs": 1}],
        "exponential": [{"gamma": 0.9, "by": "step"}],
        "polynomial": [{"power": 2.0, "by": "step"}, {"total": 5}],
        "inverse_power": [{"power": 1.0, "scale": 0.1}, {"by": "step", "warmup_steps": 3}],
        "cosine": [{"by": "step", "warmup_epochs": 1.5}, {"period": 3, "min_factor": 0.1, "period_growth": 2}],
        "one_cycle": [{"anneal": "linear", "pct_start": 0.45}, {"by": "epoch", "warmup_steps": 4}],
        "reduce_on_plateau": [{"patience": 1, "factor": 0.5, "cooldown": 1, "min_factor": 0.2}],
    },
    "initializer": {
        "he_normal": [{"gain": 1.0}],
        "normal": [{"std": 0.3, "mean": 1.0}],
        "uniform": [{"low": -1.0, "high": 3.0}],
        "truncated_normal": [{"std": 0.5, "mean": 1.0, "cut": 1.0}],
        "constant": [{"value": 0.7}],
    },
}
REQUIRED: dict[str, dict[str, Any]] = {"multi_step": {"milestones": [3, 6]}}
REGISTRIES: tuple[Registry[Any], ...] = (ACTIVATIONS, LAYERS, LOSSES, OPTIMIZERS, SCHEDULES, INITIALIZERS)


def cases(registry: Registry[Any]) -> list[Case]:
    """Every entry of a registry with its defaults, and its variants."""
    variants = VARIANTS[registry.kind]
    return [
        Case(registry, name, parameters)
        for name in registry
        for parameters in (REQUIRED.get(name, {}), *variants.get(name, []))
    ]


def hidden_layers(name: str, activation: Callable[[], Activation], width: int) -> list[Layer]:
    """The layers of a kind, 'width' in and out, in all their variants; those that hold an activation hold this one."""
    if name == "dense":
        return [Dense(width, activation()), Dense(width, activation(), bias=False)]
    if name == "activation":
        return [LAYERS.create(name, activation=activation())]
    if name == "residual":
        inner = [Dense(width + 2, activation()), LAYERS.create("layer_norm"), Dense(width, Identity())]
        return [Residual(inner), Residual([Residual([Dense(width, activation())]), LAYERS.create("dropout")])]
    return [case.create() for case in cases(LAYERS) if case.name == name]


KINKS: dict[str, tuple[float, ...]] = {
    "relu": (0.0,),
    "leaky_relu": (0.0,),
    "prelu": (0.0,),
    "relu6": (0.0, 6.0),
    "elu": (0.0,),
    "celu": (0.0,),
    "selu": (0.0,),
    "hard_tanh": (-1.0, 1.0),
    "hard_sigmoid": (-3.0, 3.0),
    "hard_swish": (-3.0, 3.0),
}
KINK_MARGIN = 1e-3  # how far from a kink every value stays: a hundred times what a central difference moves it


def distance_from_kinks(activation: Activation, Z: Array) -> float:
    kinks = KINKS.get(activation.registered_name, ())
    return float(min((np.abs(Z - kink).min() for kink in kinks), default=np.inf))


def loss_distance_from_kinks(loss: Loss, Z: Array, Y: Array) -> float:
    if loss.registered_name == "mae":
        return float(np.abs(Z - Y).min())
    if loss.registered_name == "huber":
        return float(np.abs(np.abs(Z - Y) - loss.delta).min())
    if loss.registered_name == "hinge":
        own = (Z * Y).sum(axis=0)
        return float(np.abs((Z - own + loss.margin)[Y == 0]).min())
    return np.inf


@dataclass
class Problem:
    """A bound network and loss, and a batch for them: X (i + 1, n), Y (k, n), w (n,)."""

    network: Network
    graph: Graph
    loss: Loss
    X: Array
    Y: Array
    w: Array

    def __post_init__(self) -> None:
        self.noise = self.network.noise.bit_generator.state
        self.state = self.network.state.copy()

    def outputs(self) -> Array:
        """Z, from the same random numbers and running statistics at every call."""
        self.network.noise.bit_generator.state = self.noise
        self.network.state[...] = self.state
        return self.graph.forward(self.X)

    def value(self) -> float:
        return float(np.dot(self.loss.forward(self.outputs(), self.Y), self.w))

    def gradient(self) -> Array:
        """∂L/∂θ by the backward passes, a copy; nan where none wrote any."""
        self.graph.grad.fill(np.nan)
        Z = self.outputs()
        self.graph.backward(self.loss.backward(Z, self.Y, self.w))
        return self.graph.grad.copy()

    def numeric_gradient(self, h: float = 1e-5) -> Array:
        """∂L/∂θ by central differences."""
        theta, numeric = self.network.theta, np.empty_like(self.network.theta)
        for i in range(theta.size):
            at = theta[i]
            theta[i] = at + h
            above = self.value()
            theta[i] = at - h
            numeric[i] = (above - self.value()) / (2 * h)
            theta[i] = at
        return numeric

    def distance_from_kinks(self) -> float:
        distances = [np.inf]
        for layer in walk(self.graph.layers):
            if hasattr(layer, "f"):
                layer.f.forward = _measuring(layer.f, distances)
        distances.append(loss_distance_from_kinks(self.loss, self.outputs(), self.Y))
        for layer in walk(self.graph.layers):
            if hasattr(layer, "f"):
                del layer.f.forward
        return min(distances)


def _measuring(f: Activation, distances: list[float]) -> Callable[[Array, Array], None]:
    forward = f.forward

    def measured(Z: Array, A: Array) -> None:
        distances.append(distance_from_kinks(f, Z))
        forward(Z, A)

    return measured


def targets_for(loss: Loss, outputs: int, rows: int, rng: np.random.Generator) -> Array:
    """Targets (outputs, rows) that the loss makes sense for."""
    if loss.kinds == ("classification",):
        return loss.targets(outputs)[rng.integers(outputs, size=rows)].T.copy()
    return rng.poisson(1.5, (outputs, rows)).astype(float) if loss.needs_counts else rng.normal(size=(outputs, rows))


def bound(loss: Loss, outputs: int, rows: int, dtype: Any = np.float64) -> Loss:
    loss.bind(outputs, Memory.for_rows(rows, dtype))
    return loss


def make_problem(
    layers: Callable[[], list[Layer]],
    loss: Callable[[], Loss],
    *,
    rows: int = 5,
    inputs: int = 3,
    training: bool = True,
) -> Problem:
    """The first of a row of random problems that keeps clear of every kink; float64, with uneven row weights."""
    for seed in count():
        problem = _random_problem(layers(), loss(), rows, inputs, training, np.random.default_rng(seed))
        if problem.distance_from_kinks() > KINK_MARGIN:
            return problem
        assert seed < 200, "no problem found that keeps clear of the kinks"
    raise AssertionError


def _random_problem(
    layers: list[Layer], loss: Loss, rows: int, inputs: int, training: bool, rng: np.random.Generator
) -> Problem:
    init, noise, values = rng.spawn(3)
    network = Network(layers, inputs, init=init, noise=noise, dtype=np.float64)
    network.theta += values.normal(0.0, 0.3, network.theta.size)  # so that biases, scales and shifts are not 0 or 1
    network.state += values.uniform(0.0, 0.5, network.state.size)
    X = np.ones((inputs + 1, rows))
    X[:-1] = values.normal(size=(inputs, rows))
    w = values.uniform(0.5, 1.5, rows)
    return Problem(
        network,
        network.on(rows, training=training),
        bound(loss, network.outputs, rows),
        X,
        targets_for(loss, network.outputs, rows, values),
        w / w.sum(),
    )


def gradient_errors(problem: Problem) -> Iterator[tuple[str, float]]:
    """The relative error of each parameter's gradient against central differences.

    Where a parameter's gradient is all but nothing (a bias before a batch normalization), relative to a thousandth of
    the whole gradient's norm.
    """
    numeric = problem.numeric_gradient()
    analytic = problem.network.named(problem.gradient())
    whole = float(np.linalg.norm(numeric))
    assert whole > 0
    for name, expected in problem.network.named(numeric).items():
        error = float(np.linalg.norm(analytic[name] - expected))
        yield name, error / max(float(np.linalg.norm(expected)), 1e-3 * whole)
