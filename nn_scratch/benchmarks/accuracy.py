"""Test accuracy against scikit-learn's MLPClassifier: same rows, same scaling, same widths, same number of epochs."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from nn_scratch.benchmarks.workloads import Timekeeper
from nn_scratch.config.resolve import load_config
from nn_scratch.experiments.build import build

SOURCES = ("digits", "wine", "breast_cancer")


def measure(*, repeats: int = 20) -> dict[str, Any]:
    """The default config on three data sets, with the seeds 1 to `repeats`; the split changes with the seed."""
    return {"seeds": repeats, "results": [_measure(source, repeats) for source in SOURCES]}


def _measure(source: str, repeats: int) -> dict[str, Any]:
    pairs = np.array([_one_seed(source, seed) for seed in range(1, repeats + 1)])
    difference = pairs[:, 0] - pairs[:, 1]
    return {
        "source": source,
        "ours": float(pairs[:, 0].mean()),
        "scikit_learn": float(pairs[:, 1].mean()),
        "difference": float(difference.mean()),
        "standard_error": float(difference.std(ddof=1) / np.sqrt(repeats)),
    }


def _one_seed(source: str, seed: int) -> tuple[float, float]:
    """Test accuracy of ours and of scikit-learn's."""
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    built = build(load_config(None, [f"data.source={source}", f"seed={seed}"]))
    train, test = built.data.train, built.data.test
    with threadpool_limits(limits=1), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the warning that max_iter was reached
        built.trainer.run(Timekeeper())
        built.trainer.settle()
        peer = MLPClassifier(
            tuple(layer.outputs for layer in built.network.dense[:-1]),
            learning_rate_init=built.trainer.optimizer.lr,
            batch_size=built.trainer.batch_size,
            max_iter=built.trainer.epochs,
            n_iter_no_change=built.trainer.epochs,
            random_state=seed,
        ).fit(train.X, train.y)
    return built.evaluator(test)()["accuracy"], float(peer.score(test.X, test.y))


def table(result: dict[str, Any]) -> str:
    lines = [
        f"Mean test accuracy over {result['seeds']} seeds, beside scikit-learn's MLPClassifier, same widths and epochs",
        "",
        "| data | ours | scikit-learn | paired difference ± standard error |",
        "|---|---|---|---|",
    ]
    lines += [
        f"| {row['source']} | {row['ours']:.4f} | {row['scikit_learn']:.4f} | "
        f"{row['difference']:+.4f} ± {row['standard_error']:.4f} |"
        for row in result["results"]
    ]
    return "\n".join(lines)
