"""Names from Keras, PyTorch, scikit-learn and elsewhere, and what they are called here.

`name_hint` and `key_hint` end the message about a name or a key that is unknown. Spelling does not matter: case,
underscores, hyphens and spaces are ignored, so that `LeakyReLU` and `leaky-relu` need no entry, nor do names that
differ from ours in nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from functools import cache
from typing import Any, get_args

from nn_scratch.config.value_schema import join, missing_space, show
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from nn_scratch.nn.optimizers import OPTIMIZERS
from nn_scratch.nn.schedules import SCHEDULES
from nn_scratch.registry import Registry
from nn_scratch.wording import did_you_mean

__all__ = ["KEYS", "NAMES", "key_hint", "name_hint"]

PERCEPTRON = "only layers of multi-layer perceptrons are available; write dense"
FLAT = "take it out; rows are flat already, and the width of the input comes from the data"
WIDTH = "take it out; the width of the input comes from the data"
IDX = "it is not built in; give the path of the folder with its IDX files, or write digits (8 x 8 pixels)"
OWN_TABLE = "it is not built in; give the path of its .csv or .npz"

# For each kind of registry: a name from elsewhere, and the name here; or, with a space in it, what to write instead.
NAMES: dict[str, dict[str, str]] = {
    "layer": {
        "linear": "dense",
        "lazy_linear": "dense",
        "fully_connected": "dense",
        "fc": "dense",
        "affine": "dense",
        "batch_normalization": "batch_norm",
        "batch_norm_1d": "batch_norm",
        "lazy_batch_norm_1d": "batch_norm",
        "bn": "batch_norm",
        "layer_normalization": "layer_norm",
        "ln": "layer_norm",
        "rms_normalization": "rms_norm",
        "dropout_1d": "dropout",
        "spatial_dropout_1d": "dropout",
        "gaussian_dropout": "dropout",
        "feature_alpha_dropout": "alpha_dropout",
        "noise": "gaussian_noise",
        "skip": "residual",
        "skip_connection": "residual",
        "residual_block": "residual",
        "add": "residual",
        "flatten": FLAT,
        "input": FLAT,
        "input_layer": FLAT,
        "sequential": "write its layers one after another",
        "output": "take it out; the last layer is written under output, and its width comes from the data",
        "conv_1d": PERCEPTRON,
        "conv_2d": PERCEPTRON,
        "max_pooling_2d": PERCEPTRON,
        "max_pool_2d": PERCEPTRON,
        "embedding": PERCEPTRON,
        "lstm": PERCEPTRON,
        "gru": PERCEPTRON,
        "rnn": PERCEPTRON,
        "attention": PERCEPTRON,
    },
    "activation": {
        "linear": "identity",
        "none": "identity",
        "swish": "silu",
        "hard_silu": "hard_swish",
        "logistic": "sigmoid",
        "expit": "sigmoid",
        "rectifier": "relu",
        "lrelu": "leaky_relu",
        "rrelu": "leaky_relu",
        "parametric_relu": "prelu",
        "soft_relu": "softplus",
        "quick_gelu": "silu",
        "gelu_tanh": "write {type: gelu, approximate: tanh}",
        "gelu_new": "write {type: gelu, approximate: tanh}",
        "log_softmax": "leave it out; cross_entropy takes logits",
        "log_sigmoid": "leave it out; binary_cross_entropy takes logits",
    },
    "initializer": {
        "glorot": "glorot_uniform",
        "xavier": "glorot_uniform",
        "xavier_uniform": "glorot_uniform",
        "xavier_normal": "glorot_normal",
        "he": "he_normal",
        "kaiming": "he_normal",
        "kaiming_normal": "he_normal",
        "kaiming_uniform": "he_uniform",
        "variance_scaling": "he_normal",
        "lecun": "lecun_normal",
        "random_normal": "normal",
        "gaussian": "normal",
        "random_uniform": "uniform",
        "trunc_normal": "truncated_normal",
        "zero": "zeros",
        "ones": "write {type: constant, value: 1}",
        "identity": "orthogonal",
        "identity_initializer": "orthogonal",
        "orthogonal_initializer": "orthogonal",
        "eye": "orthogonal",
    },
    "loss": {
        "categorical_cross_entropy": "cross_entropy",
        "sparse_categorical_cross_entropy": "cross_entropy",
        "cross_entropy_loss": "cross_entropy",
        "softmax_cross_entropy": "cross_entropy",
        "ce": "cross_entropy",
        "nll": "cross_entropy",
        "nll_loss": "cross_entropy",
        "log_loss": "cross_entropy",
        "kl_divergence": "cross_entropy",
        "bce": "binary_cross_entropy",
        "bce_loss": "binary_cross_entropy",
        "bce_with_logits": "binary_cross_entropy",
        "bce_with_logits_loss": "binary_cross_entropy",
        "sigmoid_cross_entropy": "binary_cross_entropy",
        "logistic": "binary_cross_entropy",
        "mean_squared_error": "mse",
        "mse_loss": "mse",
        "squared_error": "mse",
        "rmse": "mse",
        "l2": "mse",
        "l2_loss": "mse",
        "mean_absolute_error": "mae",
        "absolute_error": "mae",
        "l1": "mae",
        "l1_loss": "mae",
        "smooth_l1": "huber",
        "smooth_l1_loss": "huber",
        "huber_loss": "huber",
        "focal_loss": "focal",
        "categorical_focal_cross_entropy": "focal",
        "binary_focal_cross_entropy": "focal",
        "categorical_hinge": "hinge",
        "squared_hinge": "hinge",
        "hinge_loss": "hinge",
        "multi_margin_loss": "hinge",
        "poisson_nll_loss": "poisson",
        "poisson_loss": "poisson",
    },
    "optimizer": {
        "gradient_descent": "sgd",
        "gd": "sgd",
        "asgd": "write sgd, and train: {ema_decay: 0.99}",
        "momentum": "write {type: sgd, momentum: 0.9}",
        "nesterov": "write {type: sgd, momentum: 0.9, nesterov: true}",
        "nag": "write {type: sgd, momentum: 0.9, nesterov: true}",
        "amsgrad": "write {type: adam, amsgrad: true}",
        "sparse_adam": "adam",
        "adafactor": "adam",
        "lamb": "adamw",
        "bfgs": "lbfgs",
        "newton": "lbfgs",
        "ftrl": "adagrad",
        "rprop": "rmsprop",
    },
    "schedule": {
        "none": "constant",
        "constant_lr": "constant",
        "step_lr": "step",
        "step_decay": "step",
        "multi_step_lr": "multi_step",
        "piecewise_constant_decay": "multi_step",
        "exponential_lr": "exponential",
        "exponential_decay": "exponential",
        "cosine_annealing": "cosine",
        "cosine_annealing_lr": "cosine",
        "cosine_decay": "cosine",
        "cosine_annealing_warm_restarts": "write {type: cosine, period: 10}",
        "cosine_decay_restarts": "write {type: cosine, period: 10}",
        "polynomial_lr": "polynomial",
        "polynomial_decay": "polynomial",
        "linear": "polynomial",
        "linear_lr": "polynomial",
        "inverse_time_decay": "inverse_power",
        "invscaling": "inverse_power",
        "one_cycle_lr": "one_cycle",
        "cyclic_lr": "one_cycle",
        "reduce_lr_on_plateau": "reduce_on_plateau",
        "plateau": "reduce_on_plateau",
        "adaptive": "reduce_on_plateau",
        "warmup": "write {type: constant, warmup_epochs: 5}, or warmup_epochs in another schedule",
    },
    "data source": {
        "load_digits": "digits",
        "load_iris": "iris",
        "load_wine": "wine",
        "load_breast_cancer": "breast_cancer",
        "load_diabetes": "diabetes",
        "make_moons": "moons",
        "make_circles": "circles",
        "make_blobs": "blobs",
        "make_classification": "classification",
        "make_regression": "regression",
        "make_friedman1": "friedman",
        "friedman1": "friedman",
        "spirals": "spiral",
        "mnist": IDX,
        "fashion_mnist": IDX,
        "kmnist": IDX,
        "emnist": IDX,
        "cifar10": OWN_TABLE,
        "cifar100": OWN_TABLE,
        "titanic": OWN_TABLE,
        "boston": OWN_TABLE,
        "california_housing": OWN_TABLE,
    },
}

# A key from elsewhere, and the dotted key here; or, with a space in it, what to write instead. Of several the first
# counts whose last word the mapping at hand has.
KEYS: dict[str, tuple[str, ...]] = {
    "learning_rate": ("optimizer.lr",),
    "learning_rate_init": ("optimizer.lr",),
    "betas": ("optimizer.beta1",),
    "epsilon": ("optimizer.eps",),
    "optim": ("optimizer",),
    "solver": ("optimizer",),
    "scheduler": ("schedule",),
    "lr_scheduler": ("schedule",),
    "lr_schedule": ("schedule",),
    "learning_rate_schedule": ("schedule",),
    "warmup": ("schedule.warmup_epochs",),
    "loss_function": ("loss",),
    "loss_fn": ("loss",),
    "criterion": ("loss",),
    "objective": ("loss",),
    "smoothing": ("loss.label_smoothing",),
    "neurons": ("layers.units",),
    "num_neurons": ("layers.units",),
    "n_neurons": ("layers.units",),
    "nodes": ("layers.units",),
    "num_units": ("layers.units",),
    "hidden_size": ("layers.units",),
    "hidden_sizes": ("layers",),
    "hidden_dim": ("layers.units",),
    "hidden_units": ("layers.units",),
    "out_features": ("layers.units",),
    "output_dim": ("layers.units",),
    "width": ("layers.units",),
    "size": ("layers.units",),
    "hidden_layer_sizes": ("layers",),
    "hidden_layers": ("layers",),
    "hidden": ("layers",),
    "model": ("layers",),
    "network": ("layers",),
    "architecture": ("layers",),
    "act": ("layers.activation",),
    "activation_function": ("layers.activation",),
    "nonlinearity": ("layers.activation",),
    "kernel_initializer": ("layers.init",),
    "weight_init": ("layers.init",),
    "initializer": ("layers.init",),
    "initialization": ("layers.init",),
    "bias_initializer": ("layers.bias_init",),
    "use_bias": ("layers.bias",),
    "p": ("layers.rate",),
    "prob": ("layers.rate",),
    "drop_prob": ("layers.rate",),
    "dropout_rate": ("layers.rate",),
    "dropout": ("layers.rate",),
    "stddev": ("std",),
    "negative_slope": ("slope",),
    "elementwise_affine": ("layers.affine",),
    "weight_decay": ("regularize.l2",),
    "alpha": ("slope", "rho", "regularize.l2"),
    "penalty": ("regularize.l2",),
    "l2_reg": ("regularize.l2",),
    "l1_reg": ("regularize.l1",),
    "kernel_regularizer": ("regularize.l2",),
    "regularization": ("regularize",),
    "regularizer": ("regularize",),
    "clipnorm": ("regularize.clip_norm",),
    "global_clipnorm": ("regularize.clip_norm",),
    "max_grad_norm": ("regularize.clip_norm",),
    "gradient_clip": ("regularize.clip_norm",),
    "grad_clip": ("regularize.clip_norm",),
    "clipvalue": ("regularize.clip_value",),
    "max_iter": ("train.epochs",),
    "n_epochs": ("train.epochs",),
    "num_epochs": ("train.epochs",),
    "nb_epoch": ("train.epochs",),
    "max_epochs": ("train.epochs",),
    "training": ("train",),
    "minibatch_size": ("train.batch_size",),
    "batch": ("train.batch_size",),
    "bs": ("train.batch_size",),
    "gradient_accumulation_steps": ("train.accumulate",),
    "accumulation_steps": ("train.accumulate",),
    "early_stop": ("train.early_stopping",),
    "n_iter_no_change": ("train.early_stopping.patience",),
    "tol": ("train.early_stopping.min_delta",),
    "restore_best_weights": ("train.early_stopping.restore_best",),
    "ema": ("train.ema_decay",),
    "ema_momentum": ("train.ema_decay",),
    "precision": ("train.dtype",),
    "num_threads": ("train.threads",),
    "n_jobs": ("train.threads",),
    "validation_split": ("data.split.val",),
    "validation_fraction": ("data.split.val",),
    "val_split": ("data.split.val",),
    "validation": ("data.split.val",),
    "test_split": ("data.split.test",),
    "test_size": ("data.split.test",),
    "train_size": ("data.split.train",),
    "random_state": ("seed",),
    "random_seed": ("seed",),
    "dataset": ("data.source",),
    "file": ("data.source",),
    "path": ("data.source",),
    "csv": ("data.source",),
    "label": ("data.target",),
    "labels": ("data.target",),
    "target_column": ("data.target",),
    "drop": ("data.ignore",),
    "drop_columns": ("data.ignore",),
    "exclude": ("data.ignore",),
    "sample_weight": ("data.weight",),
    "class_weights": ("class_weight",),
    "normalize": ("data.scale",),
    "standardize": ("data.scale",),
    "scaler": ("data.scale",),
    "scaling": ("data.scale",),
    "impute": ("data.missing",),
    "power_t": ("schedule.power",),
    "max_fun": ("train.epochs",),
    "use_ema": ("train.ema_decay",),
    "nesterovs_momentum": ("optimizer.nesterov",),
    "warm_start": ("init_from",),
    "kernel_constraint": ("regularize.max_norm",),
    "max_constraint": ("regularize.max_norm",),
    "in_features": (WIDTH,),
    "num_features": (WIDTH,),
    "input_dim": (WIDTH,),
    "input_size": (WIDTH,),
    "input_shape": (WIDTH,),
    "n_inputs": (WIDTH,),
    "metrics": ("take it out; every epoch measures accuracy for classes, rmse and r2 for numbers",),
    "device": ("take it out; training runs on the CPU",),
    "run_name": ("name",),
    "experiment": ("name",),
}
PARTS: dict[str, Registry[Any]] = {"optimizer": OPTIMIZERS, "layers": LAYERS, "schedule": SCHEDULES, "loss": LOSSES}


def squashed(name: str) -> str:
    """The letters and digits of a name, in lower case."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def name_hint(kind: str, name: str, registered: Collection[str], more: Iterable[str] = ()) -> str:
    """The text to write in place of the unknown `name` of a `kind` of part: a synonym, the nearest, or all names.

    more: words that may stand there too.
    """
    before_colon = squashed(name.split(":")[0])
    if (hint := missing_space(name)) and (before_colon == "type" or before_colon in config_keys()[1]):
        return f"; {hint}"
    if instead := equivalent(kind, name, registered):
        return f"; {instead}" if " " in instead else f"; did you mean {instead!r}?"
    if kind == LAYERS.kind and (function := equivalent(ACTIVATIONS.kind, name, [*ACTIVATIONS])) in ACTIVATIONS:
        return f"; write {{type: activation, activation: {function}}}, or the activation of a dense layer"
    return did_you_mean(name, [*registered, *more])


def equivalent(kind: str, name: str, registered: Iterable[str]) -> str:
    """Our name for `name`, or with a space in it what to write instead; empty where nothing is known."""
    ours = {squashed(one): one for one in registered}
    ours |= {squashed(one): instead for one, instead in NAMES.get(kind, {}).items()}
    return ours.get(squashed(name), "")


def key_hint(key: str, value: Any, fields: Collection[str]) -> str:
    """The text to write in place of an unknown key of a mapping that has `fields`; value: its plain value."""
    if hint := missing_space(key):
        return f"; {hint}"
    if here := own_name(key, fields):
        return f"; did you mean {here!r}?"
    known = _known_as(key)
    if known and " " in known[0]:
        return f"; {known[0]}"
    sections, by_key = config_keys()
    if key in by_key.get(squashed(key.rpartition(".")[2]), []):  # dotted, as in overrides of the command line
        return f"; write {in_place(key, value)}"
    elsewhere = [place for place in known if place.split(".")[0] in sections] or by_key.get(squashed(key), [])
    if len(elsewhere) == 1:
        return f"; did you mean {elsewhere[0]} ({in_place(elsewhere[0], value)})?"
    return f"; did you mean {join(elsewhere)}?" if elsewhere else did_you_mean(key[:100], fields)


def own_name(key: str, fields: Collection[str]) -> str:
    """Which of `fields` a key stands for, as another library or another spelling names it; "" for none."""
    same = next((field for field in fields if squashed(field) == squashed(key)), "")
    # of data.split.train the top level has "train", too, but as another key: it has the first step already
    steps = (place.split(".") for place in _known_as(key))
    meant = (step[-1] for step in steps if step[-1] in fields and (len(step) == 1 or step[0] not in fields))
    return same or next(meant, "")


def _known_as(key: str) -> list[str]:
    """The places of the keys that other libraries name so."""
    return _places().get(squashed(key), [])


@cache
def _places() -> dict[str, list[str]]:
    """By the squashed name that other libraries give a key, its places here."""
    found: dict[str, list[str]] = {}
    for name, places in KEYS.items():
        found.setdefault(squashed(name), []).extend(places)
    return found


def in_place(dotted: str, value: Any) -> str:
    """A value at its dotted key as it stands in YAML: optimizer: {lr: 0.001}."""
    section, *keys = dotted.split(".")
    text = "..." if isinstance(value, dict | list) else show(value)
    if section == "layers" and not keys:
        return "layers: [{type: dense, units: 64}]"
    for key in reversed(keys):
        text = f"{{{key}: {text}}}"
    if section in PARTS and keys:
        takers = [name for name in PARTS[section] if keys[0] in (p.name for p in PARTS[section].parameters(name))]
        kind = next((usual for usual in ("dense", "dropout") if usual in takers), takers[0])
        if kind not in ("adam", "constant"):  # what a mapping without a type is taken for
            text = f"{{type: {kind}, {text[1:]}"
    return f"{section}: [{text}]" if section == "layers" else f"{section}: {text}"


@cache
def config_keys() -> tuple[frozenset[str], dict[str, list[str]]]:
    """The keys of a config's top level; and by each key's last word, squashed, the dotted keys that end in it."""
    from nn_scratch.config.schema import Config

    places: dict[str, list[str]] = {}
    for dotted in dict.fromkeys([*_keys_of(Config, ""), *_keys_of_parts()]):
        places.setdefault(squashed(dotted.rsplit(".", 1)[-1]), []).append(dotted)
    return frozenset(Config.model_fields), places


def _keys_of(section: Any, before: str) -> Iterator[str]:
    for name, info in section.model_fields.items():
        yield before + name
        for member in (info.annotation, *get_args(info.annotation)):
            if hasattr(member, "model_fields"):
                yield from _keys_of(member, f"{before}{name}.")


def _keys_of_parts() -> Iterator[str]:
    for section, registry in PARTS.items():
        for name in registry:
            yield from (f"{section}.{declared.name}" for declared in registry.parameters(name))
