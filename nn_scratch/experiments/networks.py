"""The network and the loss that a config declares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nn_scratch.config.parts import Named, instantiate
from nn_scratch.config.schema import Config
from nn_scratch.data.preprocessing import Preprocessing
from nn_scratch.errors import UserError
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.layers.base import Layer, LayerError, walk
from nn_scratch.nn.losses import LOSSES, Loss
from nn_scratch.nn.network import Network

Generators = Mapping[str, np.random.Generator]

USUAL_LOSS = {"classification": "cross_entropy", "regression": "mse", "multi_label": "binary_cross_entropy"}


def build_network(config: Config, preprocessing: Preprocessing, generators: Generators) -> tuple[Network, Loss]:
    """The network with its initial values, and the loss it is trained with."""
    loss = build_loss(config, preprocessing)
    classes = len(preprocessing.class_names)
    outputs = loss.outputs(classes) if classes else len(preprocessing.target_names)
    output = config.output.but(units=outputs)
    if output.parameters["activation"] == "auto":
        output = output.but(activation=Named("identity"))
    layers = [instantiate(LAYERS, layer) for layer in (*config.layers, output)]
    try:
        network = Network(
            layers,
            preprocessing.n_features,
            init=generators["init"],
            noise=generators["dropout"],
            dtype=np.dtype(config.train.dtype),
        )
    except LayerError as error:
        raise UserError(f"{key_of(error.layer, layers)}.{error.key}: {error.reason}") from None
    return network, loss


def key_of(layer: Layer, layers: Sequence[Layer]) -> str:
    """Where the config has a layer: `layers[1].layers[0]` for the first in a block."""
    for index, found in enumerate(layers):
        if layer in walk([found]):
            return f"layers[{index}]" if layer is found else f"layers[{index}].{key_of(layer, found.layers)}"
    raise ValueError(f"{layer.name} is none of these layers")


def build_loss(config: Config, preprocessing: Preprocessing) -> Loss:
    task = preprocessing.task
    if not isinstance(config.loss, Named):
        return LOSSES.create(USUAL_LOSS[task])
    fitting = [name for name in LOSSES if task in LOSSES[name].kinds]
    if config.loss.type not in fitting:
        raise UserError(f"loss: {config.loss.type} is no loss for {task}; write auto, or one of: {', '.join(fitting)}")
    return instantiate(LOSSES, config.loss)
