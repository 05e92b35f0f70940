"""Sweeps as a whole: rows, rungs, stops, and what the page holds."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import change_config, config_from, load_config
from nn_scratch.config.schema import Config
from nn_scratch.errors import EnvironmentFailure, UserError
from nn_scratch.experiments.sweeps import sweep as sweeping
from nn_scratch.experiments.sweeps.importance import importance
from nn_scratch.experiments.sweeps.rows import Row, indistinguishable, read_rows
from nn_scratch.experiments.sweeps.space import dimensions
from nn_scratch.experiments.sweeps.sweep import Swept, Table, open_sweep, resume_sweep, rung_epochs, sweep
from nn_scratch.experiments.train import train, train_stacked
from nn_scratch.runs.run import Run
from nn_scratch.visualize.sweep import SWEEP_PLOTS, draw_sweep

SPACE = {"optimizer.lr": {"log": [1e-3, 1e-1]}, "layers.0.units": [2, 4]}


def config(name: str = "small", space: dict[str, Any] = SPACE, **more: Any) -> Config:
    train_ = {"epochs": more.pop("epochs", 3), "batch_size": 32}
    return config_from(
        {
            "name": name,
            "data": {"source": more.pop("source", "iris")},
            "layers": [{"type": "dense", "units": 4}],
            "train": train_,
            "schedule": {"type": "cosine"},
            "sweep": {"space": space, "trials": 4, **more},
        }
    )


def table(swept: Swept) -> list[dict[str, str]]:
    with (swept.folder / "trials.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_is_formatted_once_however_often_the_table_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    formatted: list[object] = []
    as_cell = sweeping.as_cell
    monkeypatch.setattr(sweeping, "as_cell", lambda value: formatted.append(value) or as_cell(value))
    swept = Swept(tmp_path, config())
    kept = Table(swept, None)
    for trial in (3, 1, 2):
        kept.add(Row(trial, 0, "val_accuracy", {"optimizer.lr": 0.01 * trial}, "finished", [0.1 * trial], 1))
    kept.add(Row(2, 1, "val_accuracy", {"optimizer.lr": 0.02}, "finished", [0.9], 3))
    assert formatted == [0.03, 0.01, 0.02, 0.02]
    assert [(row["trial"], row["val_accuracy"], row["epochs"]) for row in table(swept)] == [
        ("1", "0.1", "1"),
        ("2", "0.9", "3"),
        ("3", "0.3", "1"),
    ]
    assert load_config(tmp_path / "best.yaml").optimizer.parameters["lr"] == 0.02


def test_a_sweep_leaves_a_row_and_a_run_a_trial_and_the_best_config(tmp_path: Path) -> None:
    told: list[Row] = []
    swept = sweep(config(seeds=2), tmp_path, jobs=1, report=told.append)
    assert swept.folder.name == "small-sweep-001"
    rows = table(swept)
    assert [row["trial"] for row in rows] == ["1", "2", "3", "4"]
    assert list(rows[0]) == ["trial", "status", "val_accuracy", "val_accuracy_std", "seeds", "epochs", *SPACE]
    assert {row["status"] for row in rows} == {"finished"}
    assert [row.trial for row in told] == [1, 2, 3, 4]
    runs = [Run(swept.folder / "runs" / name) for row in swept.rows for name in row.runs]
    assert len(runs) == 8
    for row in swept.rows:
        scores = [Run(swept.folder / "runs" / name).info["val"]["accuracy"] for name in row.runs]
        assert row.scores == scores
    best = load_config(swept.folder / "best.yaml")
    assert best.optimizer.parameters["lr"] == swept.ranked[0].values["optimizer.lr"]
    assert best.sweep is None


def test_the_same_sweep_gives_the_same_rows_with_any_number_of_processes(tmp_path: Path) -> None:
    one, two = (sweep(config(), tmp_path / str(jobs), jobs=jobs) for jobs in (1, 2))
    assert (one.folder / "trials.csv").read_bytes() == (two.folder / "trials.csv").read_bytes()


def test_the_best_of_stacked_trials_is_trained_once_more_alone(tmp_path: Path) -> None:
    swept = sweep(config(space={"optimizer.lr": {"log": [1e-3, 1e-1]}}), tmp_path, jobs=1)
    trials = [Run(swept.folder / "runs" / row.runs[0]) for row in swept.rows]
    assert [run.info["stacked"] for run in trials] == [4] * 4
    best = swept.best_run
    assert best is not None
    assert (best.name, best.info["stacked"]) == ("best-001", None)
    assert best.info["val"]["loss"] == pytest.approx(trials[swept.ranked[0].trial - 1].info["val"]["loss"], rel=1e-4)
    assert (best.path / "weights" / "hidden_1.W.npy").is_file()
    again = resume_sweep(swept.folder, jobs=1)
    assert again.best_run is not None
    assert again.best_run.path == best.path


def test_a_sweep_goes_on_with_what_has_no_row(tmp_path: Path) -> None:
    whole = sweep(config(), tmp_path, jobs=1)
    expected = (whole.folder / "trials.csv").read_bytes()
    (whole.folder / "rows" / "00002.0.json").unlink()
    (whole.folder / "rows" / "00004.0.json").write_text('{"trial": 4,')  # no row, whatever it was
    shutil.rmtree(whole.folder / "runs" / "trial-0004-seed-42-001")
    told: list[Row] = []
    again = resume_sweep(whole.folder, jobs=1, report=told.append)
    assert {row.trial for row in told} <= {2, 4}
    assert 2 in {row.trial for row in told}
    assert len(again.rows) == 4
    assert (whole.folder / "trials.csv").read_bytes() == expected


def test_trials_that_the_machine_made_fail_run_again_when_the_sweep_goes_on(tmp_path: Path) -> None:
    whole = sweep(config(), tmp_path, jobs=1)
    expected = (whole.folder / "trials.csv").read_bytes()
    runs = whole.folder / "runs"
    first, second = whole.rows[:2]
    for row in (first, second):
        shutil.rmtree(runs / row.runs[0])
    (runs / first.runs[0]).write_text("a file in the place of a run's folder")
    (whole.folder / "rows" / "00001.0.json").unlink()
    (whole.folder / "rows" / "00002.0.json").unlink()
    failed = resume_sweep(whole.folder, jobs=1).rows[0]
    assert (failed.status, failed.exit_code, failed.to_repeat) == ("failed", EnvironmentFailure.exit_code, True)
    (runs / first.runs[0]).unlink()
    told: list[Row] = []
    again = resume_sweep(whole.folder, jobs=1, report=told.append)
    assert [row.trial for row in told] == [1]
    assert [row.status for row in again.rows] == ["finished"] * 4
    assert (whole.folder / "trials.csv").read_bytes() == expected


@pytest.mark.parametrize("name", ["rows", "runs"])
def test_a_link_in_place_of_a_sweeps_folder_is_not_followed(tmp_path: Path, name: str) -> None:
    whole = sweep(config(), tmp_path, jobs=1)
    (whole.folder / name).rename(tmp_path / "elsewhere")
    (whole.folder / name).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(EnvironmentFailure, match=f"{name}: a symbolic link is not followed$"):
        resume_sweep(whole.folder, jobs=1)


def test_a_diverged_and_a_failed_trial_are_rows(tmp_path: Path) -> None:
    space = {
        "optimizer.lr": [0.01, 1e30],
        "data.split": [{"train": 0.7, "val": 0.15, "test": 0.15}, {"train": 0.9, "val": 0.0, "test": 0.1}],
    }
    swept = sweep(config(space=space, method="grid", source="diabetes"), tmp_path, jobs=1)
    by_status = {row.status: row for row in swept.rows}
    assert "diverged" in by_status
    assert by_status["failed"].error.startswith("sweep.metric: a run has no val_r2; write one of: train_loss")
    assert len(table(swept)) == 4


def test_every_rung_of_halving_is_stacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    together: list[int] = []

    def counted(members: list[Any]) -> list[Any]:
        together.append(len(members))
        return train_stacked(members)

    monkeypatch.setattr("nn_scratch.experiments.stacks.train_stacked", counted)
    space = {"optimizer.lr": {"log": [1e-3, 1e-1]}}
    swept = sweep(config(method="halving", trials=18, epochs=9, first_epochs=1, space=space), tmp_path, jobs=1)
    assert together == [18, 6, 2]
    for row in swept.rows:
        (name,) = row.runs
        run = Run(swept.folder / "runs" / name)
        assert run.info["epochs"] == row.epochs
        assert run.info["stacked"] == 18
        whole = train(change_config(config_from(run.config), {"name": name}), tmp_path / "whole")
        for column in ("train_loss", "val_loss"):
            assert run.metrics[column] == pytest.approx(whole.metrics[column][: row.epochs], rel=1e-4)


def test_halving_trains_the_better_ones_on_exactly_as_whole_runs(tmp_path: Path) -> None:
    swept = sweep(config(method="halving", trials=9, epochs=9), tmp_path, jobs=1)
    epochs = sorted(row.epochs for row in swept.rows)
    assert epochs == [1] * 6 + [3] * 2 + [9]
    best = swept.ranked[0]
    assert best.status == "finished"
    paused = Run(swept.folder / "runs" / best.runs[0])
    whole = train(config_from(paused.config), tmp_path / "whole")
    for name in ("metrics.csv", "model.npz", "layers.csv"):
        assert (paused.path / name).read_bytes() == (whole.path / name).read_bytes()


@pytest.mark.parametrize(
    ("options", "trials", "epochs", "ends"),
    [
        ({"reduction": 3}, 9, 9, [1, 3, 9]),
        ({"reduction": 2}, 8, 60, [7, 14, 28, 56, 60]),
        ({"first_epochs": 20}, 9, 60, [20, 60]),
        ({"first_epochs": 100}, 9, 60, [60]),
    ],
)
def test_rungs_end_at_the_whole_budget(options: dict[str, Any], trials: int, epochs: int, ends: list[int]) -> None:
    sweep_ = config(method="halving", **options).sweep
    assert sweep_ is not None
    assert rung_epochs(sweep_, trials, epochs) == ends


def test_the_time_ends_a_sweep_between_two_trials(tmp_path: Path) -> None:
    swept = sweep(config(trials=None, minutes=1e-9), tmp_path, jobs=1)
    assert swept.rows == []
    assert table(swept) == []


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({}, "sweep: is missing; write one, as in {space: {optimizer.lr: {log: [1e-4, 0.1]}}}"),
        (
            {"sweep": {"space": {"optimizer.lr": [-1.0]}}},
            "sweep.space.optimizer.lr: optimizer.lr: must be a number above 0, not -1.0",
        ),
    ],
)
def test_nothing_is_written_where_nothing_can_be_tried(values: dict[str, Any], problem: str, tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        sweep(config_from(values), tmp_path / "outputs")
    assert str(error.value) == problem
    assert not (tmp_path / "outputs").exists()


def test_what_is_no_sweep_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is not a sweep; its folder holds no"):
        open_sweep(tmp_path)


def row(trial: int, *scores: float) -> Row:
    return Row(trial, 0, "val_accuracy", {"optimizer.lr": 0.01 * trial}, "finished", list(scores))


def test_trials_that_seeds_cannot_tell_from_the_best_are_named() -> None:
    rows = [row(1, 0.90, 0.92, 0.94), row(2, 0.91, 0.92, 0.94), row(3, 0.5, 0.5, 0.5), row(4, 0.89, 0.90, 0.92)]
    assert indistinguishable(rows, minimize=False) == [2, 1]
    assert indistinguishable([row(1, 0.9), row(2, 0.91)], minimize=False) == []


def test_the_key_that_decides_is_the_important_one() -> None:
    base = config(space={"optimizer.lr": {"log": [1e-3, 1e-1]}, "layers.0.units": {"range": [1, 64]}}).sweep
    assert base is not None
    searched = dimensions(base)
    rows = []
    for trial in range(40):
        shares = ((trial * 0.618) % 1, (trial * 0.755) % 1)
        values = {d.key: d.at(share) for d, share in zip(searched, shares, strict=True)}
        place = next(shares[i] for i, d in enumerate(searched) if d.key == "optimizer.lr")
        rows.append(Row(trial, 0, "val_accuracy", values, "finished", [1 - (place - 0.5) ** 2]))
    shares_of = importance(searched, rows)
    assert shares_of["optimizer.lr"] > 0.8
    assert shares_of["layers.0.units"] < 0.1
    assert importance(searched, rows[:5]) == {}


def test_the_page_holds_every_picture_and_every_trial(tmp_path: Path) -> None:
    swept = sweep(config(trials=9, seeds=2), tmp_path, jobs=1)
    page = draw_sweep(swept)
    text = page.read_text()
    assert page.name == "sweep.html"
    assert text.count("data:image/png;base64,") == len(SWEEP_PLOTS) == 5
    assert text.count("<tr>") == 1 + 9
    for name in SWEEP_PLOTS:
        assert (swept.folder / "plots" / f"{name}.png").stat().st_size > 5000


def test_a_sweep_without_a_score_is_drawn(tmp_path: Path) -> None:
    swept = sweep(config(space={"optimizer.lr": [1e30, 1e31]}, source="diabetes", trials=2), tmp_path, jobs=1)
    assert {row.status for row in swept.rows} == {"diverged"}
    assert "No trial has a score." in draw_sweep(swept).read_text()


def test_rows_are_json_that_anything_reads(tmp_path: Path) -> None:
    swept = sweep(config(trials=1), tmp_path, jobs=1)
    (path,) = (swept.folder / "rows").iterdir()
    assert json.loads(path.read_text())["status"] == "finished"
    assert len(read_rows(swept.folder)) == 1
