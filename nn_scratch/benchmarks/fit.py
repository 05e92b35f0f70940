"""The estimators' fit against `train.py`'s own loop without a log: the same network, rows, steps and evaluations."""

from __future__ import annotations

import gc
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import process_time
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import ratio, spread, take_turns
from nn_scratch.metrics import Array

# data set: its loader in scikit-learn, whether it is a classification, and the epochs of a fit
DATA = {
    "iris": ("load_iris", True, 200),
    "breast_cancer": ("load_breast_cancer", True, 200),
    "digits": ("load_digits", True, 100),
    "diabetes": ("load_diabetes", False, 200),
}


def measure(*, repeats: int = 15) -> dict[str, Any]:
    """CPU seconds of `fit` with scikit-learn's defaults, of the same network built and trained by its parts, and of
    the training loop alone, in turns."""
    from sklearn import datasets
    from sklearn.preprocessing import StandardScaler

    results = []
    for name, (load, classes, epochs) in DATA.items():
        X, y = getattr(datasets, load)(return_X_y=True)
        results.append(
            {"data": name, "epochs": epochs, **compared(StandardScaler().fit_transform(X), y, classes, epochs, repeats)}
        )
    return {"repeats": repeats, "results": results}


def compared(X: Array, y: Array, classes: bool, epochs: int, repeats: int) -> dict[str, Any]:
    """Milliseconds of a fit, and its time over that of the parts; both end with the same weights."""
    from nn_scratch import MLPClassifier, MLPRegressor
    from nn_scratch.training.observers import Observer

    estimator = MLPClassifier if classes else MLPRegressor
    loop: list[float] = []

    def fit() -> Array:
        model = estimator(max_iter=epochs, n_iter_no_change=np.inf, random_state=0)
        with quiet():
            weights: Array = model.fit(X, y).coefs_[0]
        return weights

    def parts() -> Array:
        built = built_as_by_fit(X, y, classes, epochs)
        started = process_time()
        built.trainer.run(Observer())
        loop.append(process_time() - started)
        weights: Array = built.network.named(built.network.theta)["hidden_1.W"]
        return weights

    assert np.array_equal(fit(), parts()), "the two do not train alike"
    loop.clear()
    seconds = take_turns({"fit": lambda: timed(fit), "parts": lambda: timed(parts)}, repeats)
    return {
        "milliseconds": float(np.median(seconds["fit"]) * 1e3),
        "over_parts": ratio(seconds["fit"], seconds["parts"]),
        "over_loop": ratio(seconds["fit"], np.array(loop[1:])),  # the first is the warm-up's
    }


def built_as_by_fit(X: Array, y: Array, classes: bool, epochs: int) -> Any:
    """The network and trainer that `train.py` builds from a config with scikit-learn's defaults."""
    from nn_scratch.config.resolve import config_from
    from nn_scratch.data.arrays import data_from_arrays
    from nn_scratch.data.table import Task, numbered_names
    from nn_scratch.experiments.build import build

    labels = np.unique(y) if classes else None
    outputs = 1 if labels is None or len(labels) == 2 else len(labels)
    task: Task = "regression" if labels is None else "classification"
    batch, width = min(200, len(X)), 100
    # scikit-learn's squared error is half of ours, its L2 penalty a share of half the squared weights of a batch
    half = 2.0 if labels is None else 1.0
    values = {
        "seed": int(np.random.RandomState(0).randint(np.iinfo(np.int32).max)),
        "data": {
            "source": "./arrays.npz",
            "task": task,
            "shuffle": False,
            "stratify": False,
            "scale": "none",
            "target_scale": "none",
            "split": {"train": 1.0, "val": 0.0, "test": 0.0},
        },
        "layers": [{"type": "dense", "units": width, "activation": "relu", **initial(X.shape[1], width)}],
        "output": initial(width, outputs),
        "loss": "mse" if labels is None else "binary_cross_entropy" if outputs == 1 else "cross_entropy",
        "optimizer": {"type": "adam", "lr": 0.001, "eps": 1e-8 * half},
        "regularize": {"l2": 1e-4 * half / batch},
        "train": {"epochs": epochs, "batch_size": batch, "dtype": "float64"},
    }
    data = data_from_arrays(
        X,
        np.asarray(y, np.float64).reshape(-1, 1) if labels is None else np.searchsorted(labels, y).astype(np.int64),
        None,
        train_rows=len(X),
        task=task,
        class_names=() if labels is None else tuple(map(str, labels)),
        target_names=("y",),
        feature_names=numbered_names(X.shape[1]),
        dtype=X.dtype,
    )
    return build(config_from(values), data)


def initial(fan_in: int, fan_out: int) -> dict[str, Any]:
    """scikit-learn's initial weights before a ReLU: uniform within the square root of 6 over the sum of the fans."""
    bound = float(np.sqrt(6.0 / (fan_in + fan_out)))
    uniform = {"type": "uniform", "low": -bound, "high": bound}
    return {"init": uniform, "bias_init": dict(uniform)}


def timed(work: Callable[[], Any]) -> float:
    """CPU seconds; other processes of the machine add nothing to them."""
    gc.collect()
    started = process_time()
    work()
    return process_time() - started


@contextmanager
def quiet() -> Iterator[None]:
    """Without the warning that the number of epochs was reached."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def table(result: dict[str, Any]) -> str:
    lines = [
        f"fit of the estimators over the same training by `train.py`'s parts without a log, CPU time, medians of "
        f"{result['repeats']} turns",
        "",
        "| data | epochs | fit | over build and loop | over the loop alone |",
        "|---|---|---|---|---|",
    ]
    for row in result["results"]:
        parts, loop = row["over_parts"], row["over_loop"]
        lines.append(
            f"| {row['data']} | {row['epochs']} | {row['milliseconds']:.1f} ms | {spread(parts, '.3f')} | "
            f"{spread(loop, '.3f')} |"
        )
    return "\n".join(lines)
