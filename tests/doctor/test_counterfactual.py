"""Paired retraining: what it finds, what it costs, and that it is the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nn_scratch.doctor.counterfactual import Counterfactuals
from nn_scratch.runs.run import Run
from tests.doctor.conftest import Trained


def contents(run: Run) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in sorted(run.path.rglob("*")) if path.is_file()}


def test_a_patch_that_mends_gains_and_one_that_does_nothing_does_not(trained: Trained) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6}, diagnose={"budget": 2000})
    questions = Counterfactuals(run)
    mended, same = questions.ask({"optimizer.lr": 0.01}, 600), questions.ask({"regularize.l2": 1e-9}, 600)
    assert mended is not None
    assert same is not None
    assert mended.low > 0.1
    assert mended.loss.low > 0.1
    assert mended.low < mended.mean < mended.high
    assert same.low < 0 < same.high
    assert abs(same.mean) < 0.01


def test_the_budget_is_kept_and_what_was_asked_is_reported(trained: Trained) -> None:
    run = trained()
    before = contents(run)
    questions = Counterfactuals(run)
    assert questions.budget == run.info["steps"]
    gain = questions.ask({"optimizer.lr": 0.02})
    assert gain is not None
    assert gain.share == 1.0  # as long as the run, which is the other arm
    assert gain.steps == run.info["steps"]
    assert questions.left == 0
    assert questions.ask({"optimizer.lr": 0.03}) is None
    assert [entry["set"] for entry in questions.to_json()["asked"]] == [{"optimizer.lr": 0.02}]
    assert questions.to_json()["steps"] == run.info["steps"]
    assert contents(run) == before


def test_a_smaller_share_of_the_budget_trains_both_arms_for_less(trained: Trained) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    questions = Counterfactuals(run)
    gain = questions.ask({"optimizer.lr": 0.02}, questions.budget // 2)
    assert gain is not None
    assert gain.share == pytest.approx(0.25, abs=0.01)
    assert gain.steps <= questions.budget // 2 + 2
    assert gain.low > 0


def test_what_shows_over_a_whole_training_alone_is_not_asked_of_a_part_of_one(trained: Trained) -> None:
    questions = Counterfactuals(trained())
    assert questions.ask({"optimizer.lr": 0.02}, questions.budget // 2, whole=True) is None
    assert questions.left == questions.budget
    assert questions.ask({"optimizer.lr": 0.02}, whole=True) is not None


def test_a_change_that_ends_training_early_is_compared_with_the_whole_run(trained: Trained) -> None:
    questions = Counterfactuals(trained())
    half = questions.budget // 2
    stop = {"train.early_stopping": {"monitor": "val_loss", "patience": 2}}
    gain = questions.ask(stop, half, whole=True, ends=half)
    assert gain is not None
    assert gain.share == 1.0
    assert 0 < gain.steps <= half


def test_the_same_run_gives_the_same_answer(trained: Trained) -> None:
    run = trained()
    answers = [Counterfactuals(run, 1000).ask({"train.batch_size": 16}) for _ in range(2)]
    assert answers[0] == answers[1]


def test_a_budget_of_0_asks_nothing(trained: Trained) -> None:
    assert Counterfactuals(trained(diagnose={"budget": 0})).ask({"optimizer.lr": 0.02}) is None


def test_a_run_that_diverged_is_compared_by_what_knows_the_classes_alone(trained: Trained) -> None:
    run = trained(optimizer={"type": "sgd", "lr": 1e30})
    assert run.info["status"] == "diverged"
    gain = Counterfactuals(run).ask({"optimizer.lr": 0.1})
    assert gain is not None
    assert gain.low > 0.3


def test_progress_shows_in_the_loss_where_r2_is_below_the_floor(trained: Trained) -> None:
    source = {"type": "diabetes"}
    run = trained(
        data={"source": source, "target_scale": "none"}, optimizer={"type": "sgd", "lr": 1e-9}, train={"epochs": 3}
    )
    gain = Counterfactuals(run).ask({"optimizer.lr": 1e-5})
    assert gain is not None
    assert abs(gain.mean) < 1e-9
    assert gain.loss.low > 0.003


def copied_target(folder: Path) -> str:
    rng = np.random.default_rng(0)
    x, noise = rng.normal(size=(2, 300))
    y = x + 2 * noise
    lines = ["x,copy,kind,y", *(f"{a:.6f},{b:.6f},{'pq'[int(b > 0)]},{b:.6f}" for a, b in zip(x, y, strict=True))]
    path = folder / "copied.csv"
    path.write_text("\n".join(lines) + "\n")
    return str(path)


def test_leaving_out_a_copy_of_the_target_shows_what_it_gave(trained: Trained, tmp_path: Path) -> None:
    run = trained(data={"source": copied_target(tmp_path)})
    questions = Counterfactuals(run, 4000)
    without = questions.without_columns(["copy", "kind"], 2000)
    harmless = questions.without_columns(["kind"], 2000)
    assert without is not None
    assert harmless is not None
    assert without.high < -0.4
    assert harmless.mean == pytest.approx(0, abs=0.02)


def test_rows_with_wrong_labels_are_better_left_out(trained: Trained, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    X = rng.normal(size=(400, 2))
    y = (X[:, 0] > 0).astype(int)
    wrong = rng.choice(400, 120, replace=False)
    y[wrong] = 1 - y[wrong]
    np.savez(tmp_path / "rows.npz", X=X, y=y)
    layers = [{"type": "dense", "units": 64}]
    run = trained(data={"source": str(tmp_path / "rows.npz")}, layers=layers, train={"epochs": 60})
    gain = Counterfactuals(run).without_rows(wrong)
    assert gain is not None
    assert gain.rows < 120
    assert gain.low > 0


def test_data_that_have_changed_are_not_asked(trained: Trained, tmp_path: Path) -> None:
    path = copied_target(tmp_path)
    run = trained(data={"source": path})
    Path(path).write_text(Path(path).read_text() + "0.1,0.2,p,0.2\n")
    questions = Counterfactuals(run)
    assert questions.ask({"optimizer.lr": 0.02}) is None
    assert questions.why_not == "the data have changed since the run"
