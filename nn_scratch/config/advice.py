"""What a config may say and had better not: it trains, with a warning, because people learn from what goes wrong."""

from __future__ import annotations

from collections.abc import Iterator

from nn_scratch.config.parts import Named, instantiate
from nn_scratch.config.schema import Config
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.optimizers import OPTIMIZERS

__all__ = ["unwise"]

LARGE_LR = 100  # times the optimizer's default
LARGE_PENALTY = 0.5
LARGE_DROPOUT = 0.8


def unwise(config: Config) -> list[str]:
    """A line for each unwise choice, as `optimizer.lr: 40 is ...`; none of them keeps a run from training."""
    return [f"{key}: {advice}" for key, advice in _unwise(config)]


def _unwise(config: Config) -> Iterator[tuple[str, str]]:
    if config.data.stratify and not config.data.shuffle and config.data.task != "regression":
        yield "data.stratify", "has no effect with data.shuffle: false, which leaves the rows in their places"
    yield from _of_layers(config.layers, "layers")
    activation = config.output.parameters["activation"]
    if isinstance(activation, Named) and activation.type != "identity":
        yield "output.activation", f"{activation.type} is applied before the loss, which expects none; write auto"
    yield from _of_optimizer(config.optimizer)
    for key in ("l1", "l2"):
        penalty = getattr(config.regularize, key)
        if penalty > LARGE_PENALTY:
            yield f"regularize.{key}", f"{penalty:g} outweighs the data; 0.00001 to 0.01 is usual"


def _of_layers(layers: list[Named], key: str) -> Iterator[tuple[str, str]]:
    for index, layer in enumerate(layers):
        here = f"{key}[{index}]"
        init = layer.parameters.get("init")
        if isinstance(init, Named) and instantiate(INITIALIZERS, init).std((100, 100)) == 0:
            yield (
                f"{here}.init",
                f"{init.type} makes all units of the layer alike, and alike they stay; write he_normal",
            )
        rate = layer.parameters.get("rate", 0.0)
        if rate > LARGE_DROPOUT:
            yield f"{here}.rate", f"{rate:g} of the values are dropped; 0.1 to 0.5 is usual"
        yield from _of_layers(layer.parameters.get("layers", []), f"{here}.layers")


def _of_optimizer(optimizer: Named) -> Iterator[tuple[str, str]]:
    usual = {declared.name: declared.default for declared in OPTIMIZERS.parameters(optimizer.type)}
    lr = optimizer.parameters["lr"]
    if lr > LARGE_LR * usual["lr"]:
        yield (
            "optimizer.lr",
            f"{lr:g} is {lr / usual['lr']:g} times the usual rate of {optimizer.type}, {usual['lr']:g}",
        )
    if optimizer.parameters.get("nesterov") and not optimizer.parameters.get("momentum"):
        yield "optimizer.nesterov", "has no effect without momentum; write momentum: 0.9 beside it"
