"""PyTorch: a short script that rebuilds the network layer by layer and loads its parameters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.export.scripts import MAIN, PARAMETERS, decoded, heading, named_data, prepared, write_script
from nn_scratch.nn.activations import Activation
from nn_scratch.nn.layers import Layer
from nn_scratch.nn.layers.base import walk
from nn_scratch.runs.run import Run

MODULES = {
    "celu": "nn.CELU(alpha={0.depth!r})",
    "elu": "nn.ELU(alpha={0.depth!r})",
    "gelu": "nn.GELU(approximate={0.approximate!r})",
    "hard_sigmoid": "nn.Hardsigmoid()",
    "hard_swish": "nn.Hardswish()",
    "hard_tanh": "nn.Hardtanh()",
    "leaky_relu": "nn.LeakyReLU({0.slope!r})",
    "mish": "nn.Mish()",
    "relu": "nn.ReLU()",
    "relu6": "nn.ReLU6()",
    "selu": "nn.SELU()",
    "sigmoid": "nn.Sigmoid()",
    "silu": "nn.SiLU()",
    "softmax": "nn.Softmax(dim=-1)",
    "softplus": "nn.Softplus()",
    "softsign": "nn.Softsign()",
    "tanh": "nn.Tanh()",
}
RESIDUAL = '''
class Residual(nn.Sequential):
    """X + F(X)."""

    def forward(self, X):
        return X + super().forward(X)

'''
NOISE = '''
class GaussianNoise(nn.Module):
    """Adds noise while training."""

    def __init__(self, std):
        super().__init__()
        self.std = std

    def forward(self, X):
        return X + self.std * torch.randn_like(X) if self.training else X

'''


def write(run: Run, folder: Path) -> list[Path]:
    """model_torch.py and parameters.npz."""
    model = load_model(run)
    return write_script(folder, "model_torch.py", script(model, run.name), model)


def script(model: Model, name: str) -> str:
    """The text of the script."""
    places: list[tuple[str, str]] = []
    lines = modules(model.network.layers, "", places, "        ")
    kinds = {layer.registered_name for layer in walk(model.network.layers)}
    classes = (RESIDUAL if "residual" in kinds else "") + (NOISE if "gaussian_noise" in kinds else "")
    names = "".join(f"    {key!r}: {parameter!r},\n" for key, parameter in places)
    return f'''{heading(name, "in PyTorch")}

from pathlib import Path

import numpy as np
import torch
from torch import nn

with np.load(Path(__file__).with_name("{PARAMETERS}")) as file:
    parameters = dict(file)
{named_data(model)}
# the module's name of each parameter; a Linear holds the transpose of W (inputs, outputs)
NAMES = {{
{names}}}

{classes}
def build():
    """The network in evaluation mode."""
    network = nn.Sequential(
{lines}    )
    state = {{key: torch.tensor(parameters[name].T.copy()).float() for key, name in NAMES.items()}}
    network.load_state_dict(state, strict=False)
    return network.eval()


{prepared(model)}

def predict(X):
    """Predictions (rows, outputs) for raw features (rows, features)."""
    with torch.no_grad():
        Z = build()(torch.from_numpy(prepare(X))).double().numpy()
{decoded(model)}{MAIN}'''


def modules(layers: Sequence[Layer], prefix: str, places: list[tuple[str, str]], indent: str) -> str:
    """The arguments of nn.Sequential, a line each; adds where parameters go to `places`."""
    lines: list[str] = []
    for layer in layers:
        for text, parameters in of_layer(layer, f"{prefix}{len(lines)}.", places, indent):
            here = f"{prefix}{len(lines)}."
            places += [(here + key, f"{layer.name}.{parameter}") for key, parameter in parameters.items()]
            lines.append(f"{indent}{text},\n")
    return "".join(lines)


def of_layer(layer: Any, here: str, places: list[tuple[str, str]], indent: str) -> list[tuple[str, dict[str, str]]]:
    """The modules of a layer, each with its parameters: torch's names to ours."""
    norm = {"weight": "gamma", "bias": "beta"} if getattr(layer, "affine", False) else {}
    match layer.registered_name:
        case "dense":
            given = {"weight": "W"} | ({"bias": "b"} if layer.bias else {})
            bias = "" if layer.bias else ", bias=False"
            return [(f"nn.Linear({layer.inputs}, {layer.outputs}{bias})", given), *activation(layer.f, layer.outputs)]
        case "activation":
            return activation(layer.f, layer.outputs) or [("nn.Identity()", {})]
        case "batch_norm":
            text = (
                f"nn.BatchNorm1d({layer.inputs}, eps={layer.eps!r}, momentum={layer.momentum!r}, affine={layer.affine})"
            )
            return [(text, {**norm, "running_mean": "running_mean", "running_var": "running_var"})]
        case "layer_norm":
            return [(f"nn.LayerNorm({layer.inputs}, eps={layer.eps!r}, elementwise_affine={layer.affine})", norm)]
        case "rms_norm":
            given = {"weight": "gamma"} if layer.affine else {}
            return [(f"nn.RMSNorm({layer.inputs}, eps={layer.eps!r}, elementwise_affine={layer.affine})", given)]
        case "dropout":
            return [(f"nn.Dropout({layer.rate!r})", {})]
        case "alpha_dropout":
            return [(f"nn.AlphaDropout({layer.rate!r})", {})]
        case "gaussian_noise":
            return [(f"GaussianNoise({layer.std!r})", {})]
        case "residual":
            inner = modules(layer.layers, here, places, indent + "    ")
            return [(f"Residual(\n{inner}{indent})", {})]
    raise UserError(f"--to torch: there is no module for the layer {layer.registered_name}")


def activation(f: Activation, units: int) -> list[tuple[str, dict[str, str]]]:
    name = f.registered_name
    if name == "identity":
        return []
    if name == "prelu":
        return [(f"nn.PReLU({units})", {"weight": "slope"})]
    if name not in MODULES:
        raise UserError(f"--to torch: there is no module for the activation {name}")
    return [(MODULES[name].format(f), {})]
