"""Runs that are trained together leave the folders that they leave when they are trained alone."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.config.resolve import change_config, config_from
from nn_scratch.config.schema import Config
from nn_scratch.errors import UserError
from nn_scratch.experiments.build import build
from nn_scratch.experiments.parallel import train_or_diverged
from nn_scratch.experiments.stacks import (
    MOST_TOGETHER,
    Request,
    free,
    grouped,
    may_pay,
    pays,
    shape_key,
    train_requests,
)
from nn_scratch.experiments.train import Interrupted, Session, resume
from nn_scratch.runs.run import Run
from nn_scratch.training.observers import Observer, Scores
from nn_scratch.training.trainer import Trainer

TIMES = {"times.csv"}


def config(**changes: Any) -> Config:
    plain = config_from(
        {
            "name": "together",
            "data": {"source": "iris"},
            "layers": [{"type": "dense", "units": 8}, {"type": "dropout", "rate": 0.1}],
            "optimizer": {"type": "adam", "lr": 0.01},
            "train": {"epochs": 7, "batch_size": 16, "threads": 1},
        }
    )
    return change_config(plain, {key.replace("__", "."): value for key, value in changes.items()})


def together(configs: Sequence[Config], outputs: Path) -> list[Run]:
    runs: dict[int, Run] = {}
    for number, end in train_requests([Request(one, outputs / str(number)) for number, one in enumerate(configs)]):
        assert isinstance(end, Run), end
        runs[number] = end
    return [runs[number] for number in range(len(configs))]


def agree(one: Run, other: Run) -> None:
    """Every file but the times holds the same, numbers up to rounding."""
    files = {path.relative_to(one.path) for path in one.path.rglob("*") if path.is_file()}
    assert files == {path.relative_to(other.path) for path in other.path.rglob("*") if path.is_file()}
    assert {"metrics.csv", "layers.csv", "steps.csv", "signals.json", "weights/hidden_1.W.npy"} <= set(map(str, files))
    for name in files:
        a, b = one.path / name, other.path / name
        if name.suffix == ".npy":
            close(np.load(a), np.load(b), str(name))
        elif name.suffix == ".npz" and name.stem != "checkpoint":
            with np.load(a) as these, np.load(b) as those:
                assert set(these) == set(those)
                for key in these:
                    close(these[key], those[key], f"{name}: {key}")
        elif name.suffix == ".csv" and name.name not in TIMES:
            with a.open() as these, b.open() as those:
                for line, expected in zip(csv.reader(these), csv.reader(those), strict=True):
                    same([number(cell) for cell in line], [number(cell) for cell in expected], str(name))
        elif name.name in ("signals.json", "data.json", "commit.json"):
            same(json.loads(a.read_text()), json.loads(b.read_text()), str(name))
    for key in ("status", "epochs", "steps", "best_epoch", "initial", "train", "val", "test", "baselines", "diverged"):
        same(one.info[key], other.info[key], key)


def close(a: np.ndarray, b: np.ndarray, what: str) -> None:
    assert a.shape == b.shape, what
    assert a.dtype == b.dtype, what
    if a.dtype.kind == "f":
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-5 * max(1e-3, float(np.nanmax(np.abs(a), initial=0.0))))
    else:
        np.testing.assert_array_equal(a, b)


def number(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell


def same(a: Any, b: Any, what: str) -> None:
    assert type(a) is type(b), what
    if isinstance(a, dict):
        assert list(a) == list(b), what
        for key in a.keys() - {"bytes"}:  # of a CSV: how many digits its numbers have
            same(a[key], b[key], f"{what}.{key}")
    elif isinstance(a, list):
        assert len(a) == len(b), what
        for at, (x, y) in enumerate(zip(a, b, strict=True)):
            same(x, y, f"{what}[{at}]")
    elif isinstance(a, float):
        assert a == pytest.approx(b, rel=2e-3, abs=1e-5, nan_ok=True), what
    else:
        assert a == b, what


def test_a_run_trained_in_a_stack_is_the_run_trained_alone(tmp_path: Path) -> None:
    stopping = {"monitor": "train_loss", "patience": 2, "min_delta": 1e9}
    configs = [
        config(seed=1),
        config(seed=2, optimizer__lr=0.02, layers__1__rate=0.3, regularize__l2=0.01),
        config(seed=3, layers__0__init="normal", schedule={"type": "cosine"}, train__epochs=9),
        config(seed=4, optimizer__lr=1e30),
        config(seed=5, train__early_stopping=stopping),
    ]
    stacked = together(configs, tmp_path / "stacked")
    assert [run.info["stacked"] for run in stacked] == [5] * 5
    assert [run.info["status"] for run in stacked] == ["finished", "finished", "finished", "diverged", "stopped"]
    for number, one in enumerate(configs):
        alone = train_or_diverged(one, tmp_path / "alone" / str(number))
        assert alone.info["stacked"] is None
        agree(stacked[number], alone)


def test_folds_of_one_size_are_stacked_and_others_are_not(tmp_path: Path) -> None:
    folds = [config(data__split__folds=4, data__split__fold=fold) for fold in (1, 2, 3, 4)]
    runs = together(folds, tmp_path)
    rows = [run.card["parts"]["train"]["rows"] for run in runs]
    assert [run.info["stacked"] or 1 for run in runs] == [rows.count(n) for n in rows]
    assert max(rows.count(n) for n in rows) >= 2


def test_what_is_too_large_or_of_another_shape_is_trained_alone(tmp_path: Path) -> None:
    large = config(layers=[{"type": "dense", "units": 5000}], train__epochs=1)
    other = config(layers=[{"type": "dense", "units": 9}], train__epochs=1)
    runs = together([large, large, other, config(train__epochs=1)], tmp_path)
    assert [run.info["stacked"] for run in runs] == [None] * 4
    assert not pays(build(large))
    assert not may_pay(large)
    assert pays(build(other))


def test_a_config_that_fails_leaves_the_others(tmp_path: Path) -> None:
    bad = config(data__source=str(tmp_path / "none.csv"))
    ends = dict(train_requests([Request(one, tmp_path / "outputs") for one in (config(), bad, config(seed=2))]))
    assert isinstance(ends[1], UserError)
    assert [ends[number].info["stacked"] for number in (0, 2)] == [2, 2]


class StopAfter(Observer):
    def __init__(self, epoch: int) -> None:
        self._epoch = epoch

    def on_epoch_end(self, trainer: Trainer, scores: Scores, seconds: object) -> None:
        trainer.stop_requested = trainer.epoch >= self._epoch


def after_three(session: Session) -> Sequence[Observer]:
    return (StopAfter(3),)


def test_a_stacked_run_that_was_stopped_goes_on_alone(tmp_path: Path) -> None:
    requests = [Request(config(seed=seed), tmp_path / str(seed), after_three) for seed in (1, 2)]
    for number, end in train_requests(requests):
        assert isinstance(end, Interrupted)
        run = Run(requests[number].outputs / "together-001")
        assert run.committed["epoch"] == 3
        resumed = resume(run)
        assert (resumed.info["status"], resumed.info["epochs"], resumed.info["stacked"]) == ("finished", 7, 2)
        agree(resumed, train_or_diverged(requests[number].config, tmp_path / "alone" / str(number)))


def test_runs_that_were_stopped_after_the_same_epoch_go_on_together(tmp_path: Path) -> None:
    configs = [config(seed=seed, optimizer__lr=0.01 * seed) for seed in (1, 2, 3)]
    for at, _ in train_requests([Request(one, tmp_path, after_three) for one in configs]):
        assert Run(tmp_path / f"together-{at + 1:03d}").committed["epoch"] == 3
    folders = [tmp_path / f"together-{number:03d}" for number in (1, 2, 3)]
    changed = json.loads((folders[1] / "data.json").read_text()) | {"sha256": "of other data"}
    (folders[1] / "data.json").write_text(json.dumps(changed))
    later = [Request(one, tmp_path, folder=folder) for one, folder in zip(configs, folders, strict=True)]
    ends = dict(train_requests([*later, Request(config(seed=4), tmp_path)]))
    assert "the data have changed since together-002 began" in str(ends[1])
    for number in (0, 2):
        run = ends[number]
        assert isinstance(run, Run)
        assert (run.info["status"], run.info["epochs"]) == ("finished", 7)
        agree(run, train_or_diverged(configs[number], tmp_path / "alone" / str(number)))


def test_one_key_for_what_may_be_stacked() -> None:
    first = config(seed=1)
    assert shape_key(config(seed=2, optimizer__lr=0.5, layers__1__rate=0.9, regularize__l1=0.1)) == shape_key(first)
    assert shape_key(config(data__split__folds=3, data__split__fold=1)) == shape_key(
        config(data__split__folds=3, data__split__fold=2)
    )
    for other in (config(layers__0__units=9), config(optimizer={"type": "sgd"}), config(train__batch_size=8)):
        assert shape_key(other) != shape_key(first)
    assert shape_key(config(layers__0__units=5000)) is None
    assert free("layers.3.layers.0.rate")
    assert not free("layers.3.units")


@pytest.mark.parametrize(
    ("count", "processes", "sizes"),
    [(5, 1, [5]), (5, 2, [3, 2]), (200, 2, [50, 50, 50, 50]), (2, 8, [1, 1])],
)
def test_groups_are_shared_evenly_by_the_processes(count: int, processes: int, sizes: list[int]) -> None:
    groups = grouped(["same"] * count, processes)
    assert [len(group) for group in groups] == sizes
    assert max(sizes) <= MOST_TOGETHER
    assert sorted(number for group in groups for number in group) == list(range(count))
    assert grouped([None, "a", None, "a"], 1) == [[0], [1, 3], [2]]
