"""Warnings about valid configs that are unlikely to train well; they do not keep a run from training."""

from __future__ import annotations

from collections.abc import Iterator

from nn_scratch.config.parts import Named, instantiate
from nn_scratch.config.schema import Config, Train
from nn_scratch.nn.initializers import INITIALIZERS
from nn_scratch.nn.optimizers import OPTIMIZERS

__all__ = ["unwise"]

LARGE_LR = 100  # times the optimizer's default
LARGE_PENALTY = 0.5
LARGE_DROPOUT = 0.8
NOISE = frozenset({"dropout", "alpha_dropout", "gaussian_noise"})


def unwise(config: Config) -> list[str]:
    """A line for each questionable choice, as `optimizer.lr: 40 is ...`."""
    return [f"{key}: {advice}" for key, advice in _unwise(config)]


def _unwise(config: Config) -> Iterator[tuple[str, str]]:
    yield from _of_layers(config.layers, "layers")
    every = (*_every(config.layers), config.output)
    if not any(layer.parameters.get("trainable", layer.type.endswith("_norm")) for layer in every):
        yield "layers", "none is trainable, nor is the output, so nothing is learned; write trainable: true in one"
    yield from _of_alpha_dropout(config.layers, "layers", None)
    activation = config.output.parameters["activation"]
    if isinstance(activation, Named) and activation.type != "identity":
        yield "output.activation", f"{activation.type} is applied before the loss, which expects none; write auto"
    yield from _of_optimizer(config.optimizer)
    if OPTIMIZERS[config.optimizer.type].full_batch:
        yield from _of_full_batch(config)
    yield from _of_max_norm(config)
    yield from _of_training(config)
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
                f"{init.type} makes all units of the layer equal, and they stay equal; write he_normal",
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


def _of_alpha_dropout(layers: list[Named], key: str, activation: str | None) -> Iterator[tuple[str, str]]:
    """`activation`: that of the layer before the first of the layers, where it is known."""
    for index, layer in enumerate(layers):
        here = f"{key}[{index}]"
        if layer.type == "alpha_dropout" and activation not in (None, "selu"):
            yield here, f"alpha_dropout keeps mean and variance after selu alone, not after {activation}; write dropout"
        yield from _of_alpha_dropout(layer.parameters.get("layers", []), f"{here}.layers", activation)
        own = layer.parameters.get("activation")
        if isinstance(own, Named):
            activation = own.type
        elif layer.type not in NOISE:
            activation = None


def _every(layers: list[Named]) -> Iterator[Named]:
    for layer in layers:
        yield layer
        yield from _every(layer.parameters.get("layers", []))


def _of_full_batch(config: Config) -> Iterator[tuple[str, str]]:
    kind = config.optimizer.type
    usual = Train()
    noisy = sorted({layer.type for layer in _every(config.layers)} & NOISE)
    if noisy:
        yield (
            "optimizer",
            f"the line search of {kind} needs a loss without noise; leave out {' and '.join(noisy)}",
        )
    for name in ("batch_size", "accumulate"):
        if getattr(config.train, name) != getattr(usual, name):
            yield f"train.{name}", f"has no effect: {kind} takes all training rows at every step"
    for name in ("clip_norm", "clip_value"):
        if getattr(config.regularize, name) is not None:
            yield f"regularize.{name}", f"has no effect: the line search of {kind} needs the gradient as it is"


def _of_max_norm(config: Config) -> Iterator[tuple[str, str]]:
    if config.regularize.max_norm is None:
        return
    dense = [layer for layer in _every(config.layers) if layer.type == "dense"]
    if not any(layer.parameters["trainable"] for layer in (*dense, config.output)):
        yield "regularize.max_norm", "has no effect: it bounds dense layers, and none is trainable; write null"
    elif not dense:
        yield (
            "regularize.max_norm",
            "there is no hidden dense layer, so it bounds the weights of the output alone; "
            "add a layer such as {type: dense, units: 64}, or write null",
        )


def _of_training(config: Config) -> Iterator[tuple[str, str]]:
    train, warmup = config.train, config.schedule.parameters.get("warmup_epochs", 0)
    if train.batch_size == 1 and any(layer.type == "batch_norm" for layer in _every(config.layers)):
        yield (
            "train.batch_size",
            "1 row has no variance, so batch_norm has no statistics of a batch; write 16 or more",
        )
    if train.early_stopping is not None and train.early_stopping.patience >= train.epochs:
        yield (
            "train.early_stopping.patience",
            f"{train.early_stopping.patience} epochs without improvement cannot pass in train.epochs: {train.epochs}",
        )
    if warmup >= train.epochs:
        yield "schedule.warmup_epochs", f"{warmup:g} is all of train.epochs: {train.epochs}; a tenth of it is usual"
    if config.regularize.l2 > 0 and config.optimizer.parameters.get("weight_decay"):
        yield "regularize.l2", f"{config.optimizer.type} has weight_decay beside it, to the same end; write 0.0"
