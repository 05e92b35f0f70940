"""Shared parts of the exported scripts: the arrays beside them, the data they name, predictions from outputs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from nn_scratch.experiments.model import Model
from nn_scratch.nn.losses.poisson import largest_log_rate
from nn_scratch.runs.files import check_output, write_npz, write_output

PARAMETERS = "parameters.npz"


def write_script(folder: Path, name: str, text: str, model: Model) -> list[Path]:
    """The script, and parameters.npz beside it, with float32 parameters and the preprocessing in float64."""
    network, preprocessing = model.network, model.preprocessing
    arrays = {**network.named(network.theta), **network.named_state(network.state)}
    arrays |= {"offset": preprocessing.offset, "scale": preprocessing.scale}
    arrays |= {"target_offset": preprocessing.target_offset, "target_scale": preprocessing.target_scale}
    if preprocessing.fill is not None:
        arrays["fill"] = preprocessing.fill
    path, parameters = folder / name, folder / PARAMETERS
    check_output(path)
    check_output(parameters)
    write_npz(parameters, arrays)
    write_output(path, text.encode())
    return [path, parameters]


def heading(name: str, tool: str) -> str:
    """The docstring of a script; the name of a folder may hold anything, and the script is code."""
    plain = re.sub(r"[^A-Za-z0-9._-]", "_", name)
    return (
        f'"""The network of {plain} {tool}, with its trained parameters.\n\n'
        '`predict(X)` gives probabilities, or values in the target\'s own units, as `predict` of nn_scratch does.\n"""'
    )


def words(values: Sequence[str]) -> str:
    """A list of texts as Python code, broken into lines."""
    lines, line = [], "   "
    for value in values:
        entry = f" {value!r},"
        if len(line) + len(entry) > 100:
            lines.append(line)
            line = "   "
        line += entry
    return "[\n" + "\n".join([*lines, line]) + "\n]" if values else "[]"


def named_data(model: Model) -> str:
    """The lines that say what goes in and what comes out."""
    preprocessing = model.preprocessing
    outputs = preprocessing.class_names or preprocessing.target_names
    return (
        f"# the columns of X, in order; a text column is one feature a category: 1 in its rows, 0 elsewhere\n"
        f"FEATURES = {words(preprocessing.feature_names)}\n"
        f"OUTPUTS = {words(outputs)}  # the columns of what `predict` returns\n"
    )


def prepared(model: Model) -> str:
    """The function that scales raw features."""
    fill = '    X = np.where(np.isnan(X), parameters["fill"], X)\n' if model.preprocessing.fill is not None else ""
    return (
        "def prepare(X):\n"
        '    """Raw features (rows, features) as the network was trained on them."""\n'
        "    X = np.asarray(X, np.float64)\n"
        f"{fill}"
        '    return ((X - parameters["offset"]) / parameters["scale"]).astype(np.float32)\n'
    )


def decoded(model: Model) -> str:
    """The body that turns outputs Z (rows, outputs) into what is predicted."""
    preprocessing, loss = model.preprocessing, model.loss.registered_name
    softmax = "    P = np.exp({0} - {0}.max(axis=1, keepdims=True))\n    return P / P.sum(axis=1, keepdims=True)\n"
    if preprocessing.task == "regression":
        rates = (
            f"    Z = np.exp(np.minimum(Z, {largest_log_rate(np.dtype(np.float32))}))\n" if loss == "poisson" else ""
        )
        return f'{rates}    return Z * parameters["target_scale"] + parameters["target_offset"]\n'
    if preprocessing.task == "multi_label":
        return "    return 1.0 / (1.0 + np.exp(-Z))\n"
    if loss == "binary_cross_entropy":
        if model.network.outputs == 1:
            return "    P = 1.0 / (1.0 + np.exp(-Z))\n    return np.concatenate([1.0 - P, P], axis=1)\n"
        return "    L = -np.logaddexp(0.0, -Z)\n" + softmax.format("L")
    if loss in ("cross_entropy", "focal", "hinge"):
        return softmax.format("Z")
    return (  # trained towards one-hot targets: the probabilities nearest to the outputs
        "    Z = Z - Z.max(axis=1, keepdims=True)\n"
        "    descending = -np.sort(-Z, axis=1)\n"
        "    sums = np.cumsum(descending, axis=1)\n"
        "    support = (1.0 + np.arange(1, Z.shape[1] + 1) * descending > sums).sum(axis=1, keepdims=True)\n"
        "    tau = (np.take_along_axis(sums, support - 1, axis=1) - 1.0) / support\n"
        "    return np.maximum(Z - tau, 0.0)\n"
    )


MAIN = """

if __name__ == "__main__":
    import sys

    np.savetxt(sys.stdout, predict(np.loadtxt(sys.argv[1], delimiter=",", skiprows=1, ndmin=2)), delimiter=",")
"""
