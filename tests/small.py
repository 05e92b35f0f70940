"""Small runs for the tests of training: tables of random rows, and configs that are trained on them in a moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.config.schema import Config
from nn_scratch.experiments.build import Built, build
from nn_scratch.experiments.predict import predict_to
from nn_scratch.experiments.train import Interrupted, Session, resume, train
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

VOLATILE = {"run.json", "times.csv"}  # what times and the machine stand in
DENSE = {"type": "dense", "units": 5, "activation": "tanh"}


def predict_file(run: Run, file: str, out: Path | None = None) -> tuple[str, tuple[str, ...]]:
    """The predictions for every row of a file as CSV text, which is also written to `out`; and notices."""
    text = StringIO()
    predicted = predict_to(run, file, text)
    if out is not None:
        predict_to(run, file, out)
    return text.getvalue(), predicted.notices


class Quiet(Observer):
    """An observer that does nothing; `watches_steps` as it is given."""

    def __init__(self, watches_steps: bool = False) -> None:
        self.watches_steps = watches_steps


def rows(folder: Path, n: int = 60, features: int = 3, classes: int = 3, **more: np.ndarray) -> str:
    """The path of an .npz of random rows that can be learned: classes, or with `classes=0` numbers."""
    rng = np.random.default_rng(5)
    X = rng.normal(size=(n, features))
    S = X @ rng.normal(size=(features, max(1, classes))) + 0.3 * rng.normal(size=(n, max(1, classes)))
    y = S.argmax(axis=1) if classes else S[:, 0]
    path = folder / "rows.npz"
    np.savez(path, X=X, y=y, **more)
    return str(path)


def config(source: str | Mapping[str, Any], **changes: Any) -> Config:
    """A config for these rows; keys of sections with two underscores: train__epochs=3."""
    values: dict[str, Any] = {
        "name": "small",
        "data": {"source": source, "split": {"train": 0.6, "val": 0.2, "test": 0.2}},
        "layers": [DENSE, {"type": "dense", "units": 4}],
        "optimizer": {"type": "sgd", "lr": 0.1},
        "train": {"epochs": 4, "batch_size": 8},
    }
    for key, value in changes.items():
        *path, last = key.split("__")
        section = values
        for part in path:
            section = section.setdefault(part, {})
        section[last] = value
    return config_from(values)


def trained(built: Built, observer: Observer | None = None) -> Built:
    built.trainer.run(observer or Quiet())
    built.trainer.settle()
    return built


def built(source: str | Mapping[str, Any], **changes: Any) -> Built:
    return build(config(source, **changes))


class StopAt(Quiet):
    """Asks for a stop at the first chance after these steps, each once."""

    def __init__(self, steps: Sequence[int]) -> None:
        super().__init__()
        self.steps = list(steps)

    def on_pause(self, trainer: Trainer) -> None:
        if self.steps and trainer.step >= self.steps[0]:
            self.steps.pop(0)
            trainer.stop_requested = True

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: Mapping[str, float]) -> None:
        self.on_pause(trainer)


def run_with_stops(config: Config, outputs: Path, steps: Sequence[int]) -> tuple[Run, int]:
    """Train a run that is stopped at these steps and resumed each time; and how often it was stopped."""
    stop, folder, stops = StopAt(steps), [], 0

    def observers_of(session: Session) -> Sequence[Observer]:
        folder[:] = [session.folder]
        # the recorder commits on a pause that asks for a stop, so this observer has to come first
        return [stop]

    start: Callable[[], Run] = lambda: train(config, outputs, observers_of)  # noqa: E731
    while True:
        try:
            return start(), stops
        except Interrupted:
            stops += 1
            run = Run(folder[0])
            start = lambda run=run: resume(run, observers=observers_of)  # noqa: E731


def contents(run: Run) -> dict[str, bytes]:
    """Every file of a run but those that hold times."""
    return {
        str(path.relative_to(run.path)): path.read_bytes()
        for path in sorted(run.path.rglob("*"))
        if path.is_file() and path.name not in VOLATILE
    }


def differing(a: Run, b: Run) -> list[str]:
    """The files in which two runs differ."""
    one, other = contents(a), contents(b)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
