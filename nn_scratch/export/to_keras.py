"""Keras: a short script that rebuilds the network layer by layer and loads its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.export.scripts import MAIN, PARAMETERS, decoded, heading, named_data, prepared, write_script
from nn_scratch.nn.activations import Activation
from nn_scratch.nn.layers import Layer
from nn_scratch.runs.run import Run

ACTIVATIONS = {
    "celu": "layers.Activation(lambda Z: keras.activations.celu(Z, alpha={0.depth!r}))",
    "elu": "layers.ELU(alpha={0.depth!r})",
    "gelu": "layers.Activation(lambda Z: keras.activations.gelu(Z, approximate={1}))",
    "hard_sigmoid": 'layers.Activation("hard_sigmoid")',
    "hard_swish": 'layers.Activation("hard_silu")',
    "hard_tanh": 'layers.Activation("hard_tanh")',
    "leaky_relu": "layers.LeakyReLU(negative_slope={0.slope!r})",
    "mish": 'layers.Activation("mish")',
    "relu": 'layers.Activation("relu")',
    "relu6": 'layers.Activation("relu6")',
    "selu": 'layers.Activation("selu")',
    "sigmoid": 'layers.Activation("sigmoid")',
    "silu": 'layers.Activation("silu")',
    "softmax": 'layers.Activation("softmax")',
    "softplus": 'layers.Activation("softplus")',
    "softsign": 'layers.Activation("softsign")',
    "tanh": 'layers.Activation("tanh")',
}


def write(run: Run, folder: Path) -> list[Path]:
    """model_keras.py and parameters.npz."""
    model = load_model(run)
    return write_script(folder, "model_keras.py", script(model, run.name), model)


def script(model: Model, name: str) -> str:
    """The text of the script."""
    lines = calls(model.network.layers)
    return f'''{heading(name, "in Keras")}

from pathlib import Path

import keras
import numpy as np
from keras import layers

with np.load(Path(__file__).with_name("{PARAMETERS}")) as file:
    parameters = dict(file)
{named_data(model)}

def loaded(layer, X, *names):
    """Apply a layer, with these parameters, to X."""
    Y = layer(X)
    if names:
        layer.set_weights([parameters[name] for name in names])
    return Y


def build():
    """The network."""
    inputs = X = keras.Input(({model.network.inputs},))
{lines}    return keras.Model(inputs, X)


{prepared(model)}

def predict(X):
    """Predictions (rows, outputs) for raw features (rows, features)."""
    Z = np.asarray(build().predict(prepare(X), verbose=0), np.float64)
{decoded(model)}{MAIN}'''


def calls(layers: Sequence[Layer], depth: int = 0) -> str:
    """A line for each layer that is applied to X."""
    text = ""
    for layer in layers:
        if layer.registered_name == "residual":
            skip = f"skip_{depth}"
            text += f"    {skip} = X\n{calls(layer.layers, depth + 1)}    X = layers.Add()([{skip}, X])\n"
            continue
        for made, names in of_layer(layer):
            given = "".join(f", {layer.name + '.' + name!r}" for name in names)
            text += f"    X = loaded({made}, X{given})\n"
    return text


def of_layer(layer: Any) -> list[tuple[str, list[str]]]:
    """The Keras layers of a layer, each with the names of its parameters in Keras's order."""
    affine = getattr(layer, "affine", False)
    match layer.registered_name:
        case "dense":
            bias = "" if layer.bias else ", use_bias=False"
            made = f"layers.Dense({layer.outputs}{bias})"
            return [(made, ["W", "b"] if layer.bias else ["W"]), *activation(layer.f)]
        case "activation":
            return activation(layer.f)
        case "batch_norm":
            made = f"layers.BatchNormalization(momentum={1 - layer.momentum!r}, epsilon={layer.eps!r}"
            made += f", center={affine}, scale={affine})"
            return [(made, [*(["gamma", "beta"] if affine else []), "running_mean", "running_var"])]
        case "layer_norm":
            made = f"layers.LayerNormalization(epsilon={layer.eps!r}, center={affine}, scale={affine})"
            return [(made, ["gamma", "beta"] if affine else [])]
        case "rms_norm" if affine:
            epsilon = float(np.finfo(np.float32).eps) if layer.eps is None else layer.eps
            return [(f"layers.RMSNormalization(epsilon={epsilon!r})", ["gamma"])]
        case "dropout":
            return [(f"layers.Dropout({layer.rate!r})", [])]
        case "alpha_dropout":
            return [(f"layers.AlphaDropout({layer.rate!r})", [])]
        case "gaussian_noise":
            return [(f"layers.GaussianNoise({layer.std!r})", [])]
    raise UserError(f"--to keras: there is no layer for {layer.registered_name} as it is here")


def activation(f: Activation) -> list[tuple[str, list[str]]]:
    name = f.registered_name
    if name == "identity":
        return []
    if name == "prelu":
        return [("layers.PReLU()", ["slope"])]
    if name not in ACTIVATIONS:
        raise UserError(f"--to keras: there is no layer for the activation {name}")
    return [(ACTIVATIONS[name].format(f, getattr(f, "approximate", "") == "tanh"), [])]
