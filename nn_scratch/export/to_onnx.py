"""ONNX: the network with its preprocessing inside.

The graph has one input for each column of the table that was trained on, named as it, of shape (rows, 1): see
`onnx_columns`. Outputs: `label` and `probabilities` (rows, classes) in the order of
data.json; of several labels `label` and `probabilities` (rows, labels); of a regression `prediction` (rows, targets).
Opset 20, ai.onnx.ml 3, IR 9. The network computes in float32, scaling in double.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.export.onnx_columns import columns_of, scaled_features
from nn_scratch.export.onnx_graph import DOUBLE, FLOAT, INT64, STRING, Graph
from nn_scratch.metrics import Array
from nn_scratch.nn.activations import Activation
from nn_scratch.nn.activations.exponential import SELU_ALPHA, SELU_SCALE
from nn_scratch.nn.layers import Layer
from nn_scratch.nn.losses.poisson import largest_log_rate
from nn_scratch.optional import optional
from nn_scratch.runs.files import write_output
from nn_scratch.runs.run import Run


def write(run: Run, folder: Path) -> list[Path]:
    """model.onnx; raises EnvironmentFailure where onnx is not installed."""
    path = folder / "model.onnx"
    write_output(path, as_onnx(load_model(run), run.name))
    return [path]


def as_onnx(model: Model, name: str) -> bytes:
    """The serialized ONNX model of a trained network with its preprocessing."""
    onnx = optional("onnx", "--to onnx")
    graph = Graph(onnx)
    columns = columns_of(model.preprocessing)
    features = scaled_features(graph, model.preprocessing)
    Z = network_outputs(graph, model, features)
    outputs = decoded(graph, model, Z, taken={name for name, _ in columns})
    metadata = {"task": model.preprocessing.task, "classes": "\n".join(model.preprocessing.class_names)}
    content: bytes = graph.serialized(name, columns, outputs, metadata)
    return content


# --- the network


def network_outputs(graph: Graph, model: Model, X: str) -> str:
    """Outputs Z (rows, outputs)."""
    network = model.network
    values = {name: np.array(view) for name, view in network.named(network.theta).items()}
    values |= {name: np.array(view) for name, view in network.named_state(network.state).items()}
    for layer in network.layers:
        X = layer_output(graph, layer, values, X)
    return X


def layer_output(graph: Graph, layer: Layer, values: dict[str, Array], X: str) -> str:
    """A layer in evaluation mode, of signals (rows, features)."""
    own = {
        name.removeprefix(f"{layer.name}."): value
        for name, value in values.items()
        if name.startswith(f"{layer.name}.")
    }
    kind = layer.registered_name
    if kind not in LAYER_OPERATORS:
        raise UserError(f"--to onnx: there is no operator for the layer {kind}")
    if kind == "residual":
        inner = X
        for one in layer.layers:
            inner = layer_output(graph, one, values, inner)
        return graph.add("Add", X, inner)
    return LAYER_OPERATORS[kind](graph, layer, own, X)


def dense(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    inputs = [X, graph.constant(own["W"]), *([graph.constant(own["b"])] if "b" in own else [])]
    return activated(graph, layer.f, own, graph.add("Gemm", *inputs))


def activation_layer(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    return activated(graph, layer.f, own, X)


def batch_norm(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    ones, zeros = np.ones(layer.inputs), np.zeros(layer.inputs)
    names = [own.get("gamma", ones), own.get("beta", zeros), own["running_mean"], own["running_var"]]
    return graph.add("BatchNormalization", X, *map(graph.constant, names), epsilon=float(layer.eps))


def layer_norm(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    gamma, beta = own.get("gamma", np.ones(layer.inputs)), own.get("beta", np.zeros(layer.inputs))
    inputs = (X, graph.constant(gamma), graph.constant(beta))
    return graph.add("LayerNormalization", *inputs, axis=-1, epsilon=float(layer.eps))


def rms_norm(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    epsilon = float(np.finfo(np.float32).eps) if layer.eps is None else layer.eps
    square = graph.add("ReduceMean", graph.add("Mul", X, X), graph.constant([-1], np.int64), keepdims=1)
    root = graph.add("Sqrt", graph.add("Add", square, graph.constant(epsilon)))
    scaled = graph.add("Div", X, root)
    return graph.add("Mul", scaled, graph.constant(own["gamma"])) if "gamma" in own else scaled


def nothing(graph: Graph, layer: Any, own: dict[str, Array], X: str) -> str:
    """A layer that acts in training alone."""
    return X


LAYER_OPERATORS: dict[str, Callable[[Graph, Any, dict[str, Array], str], str]] = {
    "dense": dense,
    "activation": activation_layer,
    "batch_norm": batch_norm,
    "layer_norm": layer_norm,
    "rms_norm": rms_norm,
    "dropout": nothing,
    "alpha_dropout": nothing,
    "gaussian_noise": nothing,
    "residual": nothing,  # see `layer_output`
}

# operators that are the activation as it stands, with their attributes
SIMPLE: dict[str, tuple[str, Callable[[Any], dict[str, Any]]]] = {
    "celu": ("Celu", lambda f: {"alpha": f.depth}),
    "elu": ("Elu", lambda f: {"alpha": f.depth}),
    "gelu": ("Gelu", lambda f: {"approximate": f.approximate}),
    "hard_sigmoid": ("HardSigmoid", lambda f: {"alpha": 1.0 / 6.0, "beta": 0.5}),
    "hard_swish": ("HardSwish", lambda f: {}),
    "leaky_relu": ("LeakyRelu", lambda f: {"alpha": f.slope}),
    "mish": ("Mish", lambda f: {}),
    "relu": ("Relu", lambda f: {}),
    "selu": ("Selu", lambda f: {"alpha": SELU_ALPHA, "gamma": SELU_SCALE}),
    "sigmoid": ("Sigmoid", lambda f: {}),
    "softmax": ("Softmax", lambda f: {"axis": -1}),
    "softplus": ("Softplus", lambda f: {}),
    "softsign": ("Softsign", lambda f: {}),
    "tanh": ("Tanh", lambda f: {}),
}
CLIPPED = {"relu6": (0.0, 6.0), "hard_tanh": (-1.0, 1.0)}


def activated(graph: Graph, f: Activation, own: dict[str, Array], Z: str) -> str:
    """f(Z)."""
    name = f.registered_name
    if name == "identity":
        return Z
    if name == "silu":
        return graph.add("Mul", Z, graph.add("Sigmoid", Z))
    if name == "prelu":
        return graph.add("PRelu", Z, graph.constant(own["slope"]))
    if name in CLIPPED:
        return graph.add("Clip", Z, *map(graph.constant, CLIPPED[name]))
    if name not in SIMPLE:
        raise UserError(f"--to onnx: there is no operator for the activation {name}")
    operator, attributes = SIMPLE[name]
    return graph.add(operator, Z, **attributes(f))


# --- predictions


def decoded(graph: Graph, model: Model, Z: str, taken: set[str]) -> list[tuple[str, int, int | None]]:
    """Add what is predicted, from Z (rows, outputs); returns the graph's outputs."""

    def named(output: str) -> str:
        """The output's name, unless a column has it."""
        while output in taken:
            output += "_"
        return output

    preprocessing = model.preprocessing
    if preprocessing.task == "regression":
        values = Z
        if model.loss.registered_name == "poisson":
            most = graph.constant(largest_log_rate(np.dtype(np.float32)))
            values = graph.add("Exp", graph.add("Min", Z, most))
        values = graph.add("Cast", values, to=DOUBLE)
        values = graph.add("Mul", values, graph.constant(preprocessing.target_scale[None], np.float64))
        offset = graph.constant(preprocessing.target_offset[None], np.float64)
        output = graph.add("Add", values, offset, output=named("prediction"))
        return [(output, DOUBLE, len(preprocessing.target_names))]
    label, share = named("label"), named("probabilities")
    if preprocessing.task == "multi_label":
        graph.add("Sigmoid", Z, output=share)
        known = graph.add("GreaterOrEqual", share, graph.constant(0.5))
        graph.add("Cast", known, to=INT64, output=label)
        return [(label, INT64, len(preprocessing.target_names)), (share, FLOAT, len(preprocessing.target_names))]
    class_probabilities(graph, model, Z, share)
    best = graph.add("ArgMax", share, axis=1, keepdims=0)
    names = preprocessing.class_names
    graph.add(
        "LabelEncoder",
        best,
        output=label,
        domain="ai.onnx.ml",
        keys_int64s=list(range(len(names))),
        values_strings=list(names),
    )
    return [(label, STRING, None), (share, FLOAT, len(names))]


def class_probabilities(graph: Graph, model: Model, Z: str, output: str) -> None:
    loss, outputs = model.loss.registered_name, model.network.outputs
    if loss == "binary_cross_entropy" and outputs == 1:
        P = graph.add("Sigmoid", Z)
        graph.add("Concat", graph.add("Sub", graph.constant(1.0), P), P, axis=1, output=output)
    elif loss == "binary_cross_entropy":  # shares of the sum: softmax of log sigmoid(Z)
        logarithm = graph.add("Neg", graph.add("Softplus", graph.add("Neg", Z)))
        graph.add("Softmax", logarithm, axis=-1, output=output)
    elif loss in ("cross_entropy", "focal", "hinge"):
        graph.add("Softmax", Z, axis=-1, output=output)
    else:
        nearest_probabilities(graph, Z, outputs, output)


def nearest_probabilities(graph: Graph, Z: str, outputs: int, output: str) -> None:
    """The probabilities nearest to outputs that were trained towards one-hot targets (see losses/regression.py)."""
    last = graph.constant([-1], np.int64)
    Z = graph.add("Sub", Z, graph.add("ReduceMax", Z, last, keepdims=1))
    descending = "/descending"
    graph.nodes.append(
        graph.onnx.helper.make_node("TopK", [Z, graph.constant([outputs], np.int64)], [descending, "/order"], axis=-1)
    )
    sums = graph.add("CumSum", descending, graph.constant(1, np.int64))
    counts = graph.constant(np.arange(1, outputs + 1)[None])
    bound = graph.add("Add", graph.constant(1.0), graph.add("Mul", counts, descending))
    above = graph.add("Cast", graph.add("Greater", bound, sums), to=INT64)
    support = graph.add("ReduceSum", above, last, keepdims=1)
    place = graph.add("Sub", support, graph.constant(1, np.int64))
    excess = graph.add("Sub", graph.add("GatherElements", sums, place, axis=1), graph.constant(1.0))
    tau = graph.add("Div", excess, graph.add("Cast", support, to=FLOAT))
    graph.add("Relu", graph.add("Sub", Z, tau), output=output)
