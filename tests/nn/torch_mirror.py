"""The same networks, losses, optimizers and schedules in PyTorch (float64): an independent implementation.

`t` is the module torch, handed in by the tests, so that the tables can be counted where PyTorch is not installed. A
network is described by a list of (name, parameters) pairs; activations within it likewise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from nn_scratch.nn.activations import ACTIVATIONS as OUR_ACTIVATIONS
from nn_scratch.nn.layers import LAYERS as OUR_LAYERS
from nn_scratch.nn.layers import Layer

Spec = tuple[str, dict[str, Any]]
IDENTITY: Spec = ("identity", {})

# --- activations: f(t, Z, parameters of the config); prelu's slope is a learned parameter, `s`

ACTIVATIONS: dict[str, Callable[..., Any]] = {
    "identity": lambda t, Z: Z,
    "relu": lambda t, Z: t.nn.functional.relu(Z),
    "relu6": lambda t, Z: t.nn.functional.relu6(Z),
    "leaky_relu": lambda t, Z, slope=0.01: t.nn.functional.leaky_relu(Z, slope),
    "prelu": lambda t, Z, s, slope=0.25: t.nn.functional.prelu(Z, s),
    "elu": lambda t, Z, alpha=1.0: t.nn.functional.elu(Z, alpha),
    "celu": lambda t, Z, alpha=1.0: t.nn.functional.celu(Z, alpha),
    "selu": lambda t, Z: t.nn.functional.selu(Z),
    "sigmoid": lambda t, Z: t.sigmoid(Z),
    "tanh": lambda t, Z: t.tanh(Z),
    "softsign": lambda t, Z: t.nn.functional.softsign(Z),
    "hard_tanh": lambda t, Z: t.nn.functional.hardtanh(Z),
    "hard_sigmoid": lambda t, Z: t.nn.functional.relu6(Z + 3) / 6,  # hardsigmoid's own backward rounds 1/6 to float32
    "gelu": lambda t, Z, approximate="none": t.nn.functional.gelu(Z, approximate=approximate),
    "silu": lambda t, Z: t.nn.functional.silu(Z),
    "mish": lambda t, Z: t.nn.functional.mish(Z),
    "softplus": lambda t, Z: t.nn.functional.softplus(Z, threshold=1e9),  # without the switch to a straight line
    "hard_swish": lambda t, Z: t.nn.functional.hardswish(Z),
    "softmax": lambda t, Z: t.softmax(Z, dim=1),
}

# --- layers: f(mirror, X (n, i), parameters of the config) -> (n, o), drawing its own tensors from the mirror


def dense(
    mirror: Mirror,
    X: Any,
    units: int,
    activation: Spec = IDENTITY,
    bias: bool = True,
    trainable: bool = True,
) -> Any:
    Z = X @ mirror.tensor("W")
    return mirror.activate(Z + mirror.tensor("b") if bias else Z, activation)


def dropout(mirror: Mirror, X: Any, rate: float = 0.5) -> Any:
    return X * mirror.kept(X, rate) / (1 - rate) if mirror.training else X


def alpha_dropout(mirror: Mirror, X: Any, rate: float = 0.5) -> Any:
    """Klambauer et al. 2017, section on dropout: the affine map that keeps mean 0 and variance 1."""
    if not mirror.training:
        return X
    kept = 1 - rate
    floor = -1.0507009873554805 * 1.6732632423543772
    a = (kept + floor**2 * kept * (1 - kept)) ** -0.5
    b = -a * (1 - kept) * floor
    d = mirror.kept(X, rate)
    return a * (X * d + floor * (1 - d)) + b


def gaussian_noise(mirror: Mirror, X: Any, std: float = 0.1) -> Any:
    return X + std * mirror.normal(X) if mirror.training else X


def batch_norm(mirror: Mirror, X: Any, momentum: float = 0.1, eps: float = 1e-5, affine: bool = True) -> Any:
    return mirror.t.nn.functional.batch_norm(
        X,
        mirror.running("running_mean"),
        mirror.running("running_var"),
        mirror.tensor("gamma") if affine else None,
        mirror.tensor("beta") if affine else None,
        training=mirror.training,
        momentum=momentum,
        eps=eps,
    )


def layer_norm(mirror: Mirror, X: Any, eps: float = 1e-5, affine: bool = True) -> Any:
    weight = (mirror.tensor("gamma"), mirror.tensor("beta")) if affine else (None, None)
    return mirror.t.nn.functional.layer_norm(X, X.shape[1:], *weight, eps=eps)


def rms_norm(mirror: Mirror, X: Any, eps: float | None = None, affine: bool = True) -> Any:
    return mirror.t.nn.functional.rms_norm(X, X.shape[1:], mirror.tensor("gamma") if affine else None, eps=eps)


LAYERS: dict[str, Callable[..., Any]] = {
    "dense": dense,
    "activation": lambda mirror, X, activation: mirror.activate(X, activation),
    "residual": lambda mirror, X, layers: X + mirror.through(X, layers),
    "dropout": dropout,
    "alpha_dropout": alpha_dropout,
    "gaussian_noise": gaussian_noise,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
}


class Mirror:
    """A network's function in PyTorch, from copies of our parameters, running statistics and random numbers."""

    def __init__(self, t: Any, specs: list[Spec], network: Any) -> None:
        self.t, self.specs, self.training = t, specs, True
        self.names = [layer.name for layer in network.every_layer]
        self.tensors = {
            name: t.tensor(np.ascontiguousarray(value), requires_grad=True)
            for name, value in network.named(network.theta).items()
        }
        self.running_statistics = {
            name: t.tensor(value.copy()) for name, value in network.named_state(network.state).items()
        }
        self.rng = np.random.default_rng()
        self.rng.bit_generator.state = network.noise.bit_generator.state

    def __call__(self, X: np.ndarray, training: bool = True) -> Any:
        self.training, self._place = training, iter(self.names)
        return self.through(self.t.tensor(X), self.specs)

    def through(self, X: Any, specs: list[Spec]) -> Any:
        for name, parameters in specs:
            self.name = next(self._place)
            X = LAYERS[name](self, X, **parameters)
        return X

    def activate(self, Z: Any, activation: Spec) -> Any:
        name, parameters = activation
        learned = {"s": self.tensor("slope")} if name == "prelu" else {}
        return ACTIVATIONS[name](self.t, Z, **learned, **parameters)

    def tensor(self, name: str) -> Any:
        return self.tensors[f"{self.name}.{name}"]

    def running(self, name: str) -> Any:
        return self.running_statistics[f"{self.name}.{name}"]

    def kept(self, X: Any, rate: float) -> Any:
        """1 where a value is kept: 16 bits of the generator's 64-bit words a value reach the rate's share of 2^16."""
        rows, features = X.shape
        words = self.rng.bit_generator.random_raw(-(-rows * features // 4))
        bits = [int(word) >> shift & 0xFFFF for word in words for shift in (0, 16, 32, 48)][: rows * features]
        return self.t.tensor([float(value >= round(rate * 65536)) for value in bits]).double().reshape(features, rows).T

    def normal(self, X: Any) -> Any:
        return self.t.tensor(self.rng.standard_normal((X.shape[1], X.shape[0]))).T


def build(specs: list[Spec]) -> list[Layer]:
    """Our layers of the same description."""
    return [OUR_LAYERS.create(name, **dict(_parts(parameters))) for name, parameters in specs]


def _parts(parameters: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in parameters.items():
        if key == "layers":
            yield key, build(value)
        elif key == "activation":
            yield key, OUR_ACTIVATIONS.create(value[0], **value[1])
        else:
            yield key, value


# --- losses: f(t, Z (n, k), target, parameters of the config) -> (n,); target: labels (n,), or Y (n, k)


def focal(t: Any, Z: Any, y: Any, gamma: float = 2.0) -> Any:
    """Lin et al. 2017, equation 4: FL = -(1 - p_t)^γ log p_t."""
    log_p = t.log_softmax(Z, dim=1).gather(1, y[:, None])[:, 0]
    return -((1 - log_p.exp()) ** gamma) * log_p


LOSSES: dict[str, Callable[..., Any]] = {
    "cross_entropy": lambda t, Z, y, label_smoothing=0.0: t.nn.functional.cross_entropy(
        Z, y, reduction="none", label_smoothing=label_smoothing
    ),
    "binary_cross_entropy": lambda t, Z, Y: t.nn.functional.binary_cross_entropy_with_logits(
        Z, Y, reduction="none"
    ).mean(1),
    "focal": focal,
    "hinge": lambda t, Z, y, margin=1.0: t.nn.functional.multi_margin_loss(Z, y, p=1, margin=margin, reduction="none"),
    "mse": lambda t, Z, Y: t.nn.functional.mse_loss(Z, Y, reduction="none").mean(1),
    "mae": lambda t, Z, Y: t.nn.functional.l1_loss(Z, Y, reduction="none").mean(1),
    "huber": lambda t, Z, Y, delta=1.0: t.nn.functional.huber_loss(Z, Y, reduction="none", delta=delta).mean(1),
    "log_cosh": lambda t, Z, Y: t.log(t.cosh(Z - Y)).mean(1),
    "poisson": lambda t, Z, Y: t.nn.functional.poisson_nll_loss(
        Z, Y, log_input=True, full=False, reduction="none"
    ).mean(1),
}

# --- optimizers: f(t, tensors, parameters of the config); what is not given is left to PyTorch's own default


def betas(t: Any, tensors: Any, beta1: float = 0.9, beta2: float = 0.999, **rest: Any) -> dict[str, Any]:
    return {"params": tensors, "betas": (beta1, beta2), **rest}


def lbfgs(t: Any, tensors: Any, line_search: str, history_size: int = 10, **rest: Any) -> Any:
    """One iteration a step, at a fixed length: PyTorch's line search is another than SciPy's."""
    assert line_search == "none"
    return t.optim.LBFGS(tensors, max_iter=1, tolerance_grad=0, tolerance_change=0, history_size=history_size, **rest)


OPTIMIZERS: dict[str, Callable[..., Any]] = {
    "sgd": lambda t, tensors, lr=0.01, **rest: t.optim.SGD(tensors, lr=lr, **rest),
    "rmsprop": lambda t, tensors, lr=0.001, rho=0.9, **rest: t.optim.RMSprop(tensors, lr=lr, alpha=rho, **rest),
    "adagrad": lambda t, tensors, **rest: t.optim.Adagrad(tensors, **rest),
    "adadelta": lambda t, tensors, **rest: t.optim.Adadelta(tensors, **rest),
    "adam": lambda t, tensors, **rest: t.optim.Adam(**betas(t, tensors, **rest)),
    "adamw": lambda t, tensors, **rest: t.optim.AdamW(**betas(t, tensors, **rest)),
    "nadam": lambda t, tensors, **rest: t.optim.NAdam(**betas(t, tensors, **rest)),
    "radam": lambda t, tensors, **rest: t.optim.RAdam(**betas(t, tensors, **rest)),
    "adamax": lambda t, tensors, **rest: t.optim.Adamax(**betas(t, tensors, **rest)),
    "lbfgs": lbfgs,
}

# --- schedules: f(t, optimizer, total, parameters of the config); total: epochs or steps, in the schedule's own unit


def polynomial(t: Any, optimizer: Any, total_time: int, power: float = 1.0, total: int | None = None) -> Any:
    return t.optim.lr_scheduler.PolynomialLR(optimizer, total_iters=total or total_time, power=power)


def cosine(
    t: Any,
    optimizer: Any,
    total_time: int,
    min_factor: float = 0.0,
    period: int | None = None,
    period_growth: int = 1,
) -> Any:
    lr = optimizer.param_groups[0]["lr"]
    if period is None:
        return t.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=total_time, eta_min=min_factor * lr)
    return t.optim.lr_scheduler.CosineAnnealingWarmRestarts(
        optimizer, T_0=period, T_mult=period_growth, eta_min=min_factor * lr
    )


def one_cycle(t: Any, optimizer: Any, total_time: int, anneal: str = "cos", **rest: Any) -> Any:
    lr = optimizer.param_groups[0]["lr"]
    return t.optim.lr_scheduler.OneCycleLR(
        optimizer, max_lr=lr, total_steps=total_time, anneal_strategy=anneal, cycle_momentum=False, **rest
    )


def reduce_on_plateau(t: Any, optimizer: Any, total_time: int, min_factor: float = 0.0, **rest: Any) -> Any:
    lr = optimizer.param_groups[0]["lr"]
    return t.optim.lr_scheduler.ReduceLROnPlateau(optimizer, min_lr=min_factor * lr, eps=0, **rest)


SCHEDULES: dict[str, Callable[..., Any]] = {
    "constant": lambda t, optimizer, total: t.optim.lr_scheduler.ConstantLR(optimizer, factor=1.0),
    "step": lambda t, optimizer, total, step_size=10, **rest: t.optim.lr_scheduler.StepLR(optimizer, step_size, **rest),
    "multi_step": lambda t, optimizer, total, milestones, **rest: t.optim.lr_scheduler.MultiStepLR(
        optimizer, milestones, **rest
    ),
    "exponential": lambda t, optimizer, total, gamma=0.95: t.optim.lr_scheduler.ExponentialLR(optimizer, gamma),
    "polynomial": polynomial,
    "inverse_power": lambda t, optimizer, total, power=0.5, scale=1.0: t.optim.lr_scheduler.LambdaLR(
        optimizer, lambda time: (1.0 + scale * time) ** -power
    ),
    "cosine": cosine,
    "one_cycle": one_cycle,
    "reduce_on_plateau": reduce_on_plateau,
}
