"""Cross-validation: every row is in one test, groups are never parted, and the folds' runs repeat by themselves."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.experiments.folds import fold_configs, write_folds
from nn_scratch.experiments.train import train
from tests.small import config


def table(folder: Path) -> Path:
    rng = np.random.default_rng(0)
    path = folder / "t.csv"
    rows = [
        f"{x:.3f},{g},2020-01-{1 + g:02d},{'ab'[int(x + g / 10 > 0.5)]}" for g in range(12) for x in rng.normal(size=5)
    ]
    path.write_text("\n".join(["x,who,when,y", *rows]) + "\n")
    return path


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def test_every_row_is_predicted_by_the_run_that_had_not_seen_it(tmp_path: Path) -> None:
    small = config(str(table(tmp_path)), data__target="y", train__epochs=1)
    runs = [train(folded, tmp_path / "out") for folded in fold_configs(small, 3)]
    folder = tmp_path
    write_folds(runs, folder)
    predictions = read(folder / "out_of_fold.csv")
    assert [int(row["row"]) for row in predictions] == list(range(1, 61))
    labels = [row["y"] for row in read(tmp_path / "t.csv")]
    assert [row["y"] for row in predictions] == labels
    folds = read(folder / "folds.csv")
    assert [row["run"] for row in folds] == [run.name for run in runs]
    for number, (run, fold) in enumerate(zip(runs, folds, strict=True), start=1):
        mine = [row for row in predictions if row["fold"] == str(number)]
        right = np.mean([row["y"] == row["prediction"] for row in mine])
        assert right == pytest.approx(run.info["test"]["accuracy"]) == pytest.approx(float(fold["accuracy"]))


def test_groups_are_never_parted(tmp_path: Path) -> None:
    small = config(
        str(table(tmp_path)),
        data__target="y",
        data__split={"by": "who"},
        train__epochs=1,
        data__columns={"x": "number"},
    )
    for folded in [small, *fold_configs(small, 3)]:
        run = train(folded, tmp_path / "out")
        held = {part: set(run.predictions[f"{part}_rows"] // 5) for part in ("val", "test")}
        assert not held["val"] & held["test"]
        for part in ("val", "test"):
            assert len(run.predictions[f"{part}_rows"]) == 5 * len(held[part])
        assert "who" not in [column["name"] for column in run.card["columns"]]


def test_the_last_rows_in_time_are_the_test(tmp_path: Path) -> None:
    small = config(str(table(tmp_path)), data__target="y", data__split={"by": "when"}, train__epochs=1)
    run = train(small, tmp_path / "out")
    assert run.predictions["test_rows"].min() > run.predictions["val_rows"].max()
    assert len(run.predictions["test_rows"]) % 5 == 0
    assert any("the first rows in time train, the last are the test" in notice for notice in run.info["notices"])


def test_fewer_than_two_folds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--folds 1: write 2 or more"):
        fold_configs(config(str(table(tmp_path))), 1)


def test_more_folds_than_groups_are_refused(tmp_path: Path) -> None:
    small = config(str(table(tmp_path)), data__target="y", data__split={"by": "who"})
    with pytest.raises(UserError, match=r"data.split.folds: 20 folds of 12 groups of 'who'; write 12 or fewer"):
        train(fold_configs(small, 20)[0], tmp_path / "out")


def test_the_note_on_groups_counts_those_of_all_parts(tmp_path: Path) -> None:
    small = config(str(table(tmp_path)), data__target="y", data__split={"by": "who"}, train__epochs=1)
    for folded in [small, *fold_configs(small, 3)]:
        run = train(folded, tmp_path / "out")
        sizes = [len(run.predictions[f"{part}_rows"]) for part in ("val", "test")]
        (told,) = (notice for notice in run.info["notices"] if notice.startswith("data.split.by: who: the 12 groups"))
        assert told.endswith(f"{sizes[0]} val, {sizes[1]} test)")
        assert sizes[1] > 0
