"""scikit-learn: a script that rebuilds the network as a pipeline of its scaler and its own multi-layer perceptron."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nn_scratch.errors import UserError
from nn_scratch.experiments.model import Model, load_model
from nn_scratch.export.scripts import PARAMETERS, heading, named_data, write_script
from nn_scratch.runs.run import Run

ACTIVATIONS = {"identity": "identity", "relu": "relu", "sigmoid": "logistic", "tanh": "tanh"}
NO_EFFECT = ("dropout", "alpha_dropout", "gaussian_noise")


def write(run: Run, folder: Path) -> list[Path]:
    """model_sklearn.py and parameters.npz; raises UserError for layers and losses that scikit-learn has not."""
    model = load_model(run)
    return write_script(folder, "model_sklearn.py", script(model, run.name), model)


def suited(model: Model) -> str:
    """The one activation of the hidden layers, by scikit-learn's name."""
    layers = [layer for layer in model.network.layers if layer.registered_name not in NO_EFFECT]
    for layer in layers:
        if layer.registered_name != "dense":
            raise UserError(f"--to sklearn: scikit-learn has no {layer.registered_name}; --to onnx takes every layer")
    hidden = {layer.f.registered_name for layer in model.network.dense[:-1]}
    if len(hidden) > 1 or not hidden <= set(ACTIVATIONS) or model.network.dense[-1].f.registered_name != "identity":
        raise UserError(
            "--to sklearn: scikit-learn has one activation for all hidden layers (identity, relu, sigmoid or tanh) and "
            "none on the output; --to onnx takes every activation"
        )
    if not hidden:
        raise UserError("--to sklearn: scikit-learn needs a hidden layer; --to onnx takes every network")
    if not all(layer.bias for layer in model.network.dense):
        raise UserError("--to sklearn: scikit-learn has no layer without biases; --to onnx takes every network")
    loss, task = model.loss.registered_name, model.preprocessing.task
    several = loss == "binary_cross_entropy" and task == "classification" and model.network.outputs > 1
    if (
        loss not in ("cross_entropy", "binary_cross_entropy", "focal", "hinge") and task == "classification"
    ) or several:
        raise UserError(f"--to sklearn: scikit-learn has no {loss} of classes; --to onnx takes every loss")
    return ACTIVATIONS[hidden.pop()]


@dataclass(frozen=True)
class OutputLines:
    """The lines of the script that depend on the task."""

    activation: str  # scikit-learn's name of the output activation
    predict: str  # the body of predict()
    single_logit: str = ""  # makes one logit of the two of a classification
    classes: str = ""  # the class labels
    target: str = ""  # the scaler of the target

    @property
    def fitted(self) -> str:
        """What stands for having been fitted to targets."""
        return self.classes + self.target


def regression_end(model: Model) -> OutputLines:
    return OutputLines(
        activation="exp" if model.loss.registered_name == "poisson" else "identity",
        predict="    pipeline, target = build()\n"
        "    Z = pipeline.predict(X).reshape(len(X), -1)\n"
        "    return target.inverse_transform(Z)\n",
        target='\n    target = StandardScaler()\n    target.mean_ = parameters["target_offset"]'
        '\n    target.scale_ = parameters["target_scale"]'
        "\n    target.var_, target.n_features_in_ = target.scale_**2, len(target.mean_)",
    )


def classification_end(model: Model) -> OutputLines:
    """Of classes, and of several labels."""
    several, two = model.preprocessing.task == "multi_label", len(model.preprocessing.class_names) == 2
    labels = "np.arange(len(OUTPUTS))" if several else "np.array(OUTPUTS)"
    fitted = "np.eye(len(OUTPUTS), dtype=int)" if several else "network.classes_"
    difference = ""
    if two and not several and model.network.outputs == 2:
        # scikit-learn has one logit for two classes: the difference of the network's two
        difference = "\n    network.coefs_[-1] = network.coefs_[-1][:, 1:] - network.coefs_[-1][:, :1]"
        difference += "\n    network.intercepts_[-1] = network.intercepts_[-1][1:] - network.intercepts_[-1][:1]"
    return OutputLines(
        activation="logistic" if several or two else "softmax",
        predict="    return build().predict_proba(X)\n",
        single_logit=difference,
        classes=f"\n    network.classes_ = {labels}\n    network._label_binarizer = LabelBinarizer().fit({fitted})",
    )


def script(model: Model, name: str) -> str:
    """The text of the script."""
    activation, network, preprocessing = suited(model), model.network, model.preprocessing
    sizes = tuple(layer.outputs for layer in network.dense[:-1])
    kind = "MLPRegressor" if preprocessing.task == "regression" else "MLPClassifier"
    weights = ", ".join(f'parameters["{layer.name}.W"].astype(float)' for layer in network.dense)
    biases = ", ".join(f'parameters["{layer.name}.b"].astype(float)' for layer in network.dense)
    ends = regression_end(model) if preprocessing.task == "regression" else classification_end(model)
    impute, pipeline = "", "make_pipeline(scaler, network)"
    if preprocessing.fill is not None:
        impute = '\n    imputer = SimpleImputer().fit(np.vstack([parameters["fill"]] * 2))'
        pipeline = "make_pipeline(imputer, scaler, network)"
    return f'''{heading(name, "as a scikit-learn pipeline")}

from pathlib import Path

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.neural_network import {kind}
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import LabelBinarizer, StandardScaler

with np.load(Path(__file__).with_name("{PARAMETERS}")) as file:
    parameters = dict(file)
{named_data(model)}

def build():
    """The fitted pipeline{", and the scaler of the target" if ends.target else ""}."""
    scaler = StandardScaler()
    scaler.mean_, scaler.scale_ = parameters["offset"], parameters["scale"]
    scaler.var_, scaler.n_features_in_ = scaler.scale_**2, len(FEATURES)
    network = {kind}(hidden_layer_sizes={sizes!r}, activation="{activation}")
    network.coefs_ = [{weights}]
    network.intercepts_ = [{biases}]{ends.single_logit}
    network.n_layers_, network.n_features_in_ = len(network.coefs_) + 1, len(FEATURES)
    network.n_outputs_, network.out_activation_ = network.coefs_[-1].shape[1], "{ends.activation}"{ends.fitted}{impute}
    return {pipeline}{", target" if ends.target else ""}


def predict(X):
    """Predictions (rows, outputs) for raw features (rows, features)."""
    X = np.asarray(X, float)
{ends.predict}'''
