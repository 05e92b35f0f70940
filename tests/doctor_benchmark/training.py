"""Trains a case: with its log, to be diagnosed, or without, to be scored."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.errors import Diverged
from nn_scratch.experiments.build import build
from nn_scratch.experiments.model import decode_outputs
from nn_scratch.experiments.train import train
from nn_scratch.metrics import balanced_accuracy_from, confusion_counts, regression_scores
from nn_scratch.nn.activations.rectifiers import Identity
from nn_scratch.nn.layers.dense import Dense
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import ObserverList
from tests.doctor_benchmark.case import Case
from tests.doctor_benchmark.tables import placed

LOG = {"max_megabytes": 24}  # temporary folders; wide networks' tensors are thinned, as a user's would be


@dataclass(frozen=True)
class Scores:
    """val and test: balanced accuracy, or R² (0 where it is negative); of a run that diverged, what chance gives."""

    val: float
    test: float
    diverged: bool = False


def config_of(case: Case, seed: int | None = None, healthy: bool = False) -> Config:
    """The config of the case at a seed (its own), with the fault unless `healthy`."""
    plain = placed({**case.config, "name": "case", "seed": case.seed if seed is None else seed}, case.tables)
    config = config_from(plain)
    changes = placed_changes(case) if not healthy else {}
    return change_config(config, changes) if changes else config


def placed_changes(case: Case) -> dict[str, Any]:
    """The changes with the paths of the tables they name."""
    paths = {key: value for key, value in case.changes.items() if key in ("data.source", "data.test_source")}
    data = placed({"data": {key.removeprefix("data."): value for key, value in paths.items()}}, case.tables)["data"]
    return {**case.changes, **{f"data.{key}": value for key, value in data.items()}}


def score(config: Config, wrong_gradient: Mapping[str, str] | None = None) -> Scores:
    """Train without a log, and score the validation and the test rows."""
    with planted(wrong_gradient):
        built = build(config)
        diverged = False
        try:
            built.trainer.run(ObserverList([]))
        except Diverged:
            diverged = True
    data = built.data
    if diverged:
        chance = 1 / len(data.class_names) if data.class_names else 0.0
        return Scores(chance, chance, diverged=True)
    found = []
    for part in (data.val, data.test):
        if not len(part):
            found.append(float("nan"))
            continue
        evaluator = built.evaluator(part)
        with np.errstate(all="ignore"):
            evaluator()
            output = decode_outputs(evaluator.outputs, built.loss, data.preprocessing)
        if data.class_names:
            k = len(data.class_names)
            found.append(balanced_accuracy_from(confusion_counts(part.y, output.argmax(axis=1), k)))
        else:
            r2 = regression_scores(data.preprocessing.target_inverse(part.y), output)["r2"]
            found.append(max(0.0, r2) if np.isfinite(r2) else 0.0)
    return Scores(*found)


def logged_run(case: Case, folder: Path) -> Run:
    """Train the case as a user would, its log in a new folder under `folder`."""
    config = change_config(config_of(case), {f"log.{key}": value for key, value in LOG.items()})
    try:
        return train(config, folder)
    except Diverged:
        return Run.newest(folder)


@contextmanager
def planted(wrong: Mapping[str, str] | None) -> Iterator[None]:
    """A dense layer whose backward is wrong: how is sign, rolled, scaled or no_derivative."""
    if wrong is None:
        yield
        return
    right = Dense.backward

    def backward(self: Dense, dA: Any) -> Any:
        if getattr(self, "name", None) != wrong["layer"]:
            return right(self, dA)
        how = wrong["how"]
        if how == "no_derivative":  # dZ = dA: as if f were the identity
            f, self.f = self.f, Identity()
            dX = right(self, dA)
            self.f = f
            return dX
        dX = right(self, dA)
        if how == "sign":
            np.negative(self.dWb, out=self.dWb)
        elif how == "rolled":
            self.dWb[...] = np.roll(self.dWb, 1, axis=0)
        elif how == "dX_sign":
            np.negative(dX, out=dX)
        else:
            raise ValueError(how)
        return dX

    Dense.backward = backward  # type: ignore[method-assign]
    try:
        yield
    finally:
        Dense.backward = right  # type: ignore[method-assign]
