"""Treatment: what is tried, what is kept, and what is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from nn_scratch.config.resolve import config_from, load_config
from nn_scratch.doctor import Finding, Patch
from nn_scratch.doctor.treatment import candidates, chosen, treat
from nn_scratch.doctor.watch import Watch, watch_session
from nn_scratch.experiments.train import Session, train
from tests.doctor.conftest import BASE, Trained


def test_a_healthy_run_is_left_alone(trained: Trained, tmp_path: Path) -> None:
    treatment = treat(trained(), tmp_path / "config")
    assert treatment.said == "nothing to mend: the verdict is healthy"
    assert treatment.arms == ()
    assert not (tmp_path / "config").exists()


def test_a_patch_that_helps_is_written_with_what_it_changes(trained: Trained, tmp_path: Path) -> None:
    run = trained(optimizer={"type": "adam", "lr": 1e-6})
    treatment = treat(run, tmp_path, jobs=1)
    assert treatment.before is not None
    assert treatment.best is not None
    assert treatment.best.mean() > treatment.before.mean() + 0.1
    assert treatment.written == tmp_path / "case.fixed.yaml"
    text = treatment.written.read_text()
    assert text.startswith("# Mended by the doctor: lr_too_low.")
    assert "#   - optimizer.lr: 1e-06\n#   + optimizer.lr: " in text
    fixed = load_config(treatment.written)
    assert fixed.optimizer.parameters["lr"] == treatment.best.patch.set["optimizer.lr"]  # type: ignore[union-attr]
    assert fixed.layers == config_from(run.config).layers


def test_wrong_labels_are_said_to_be_the_datas_fault(trained: Trained, tmp_path: Path) -> None:
    source = {"type": "blobs", "rows": 500, "classes": 3, "noise": 1.0, "label_noise": 0.3}
    treatment = treat(trained(data={"source": source}), tmp_path, jobs=1)
    assert treatment.diagnosis.findings[0].rule == "label_noise"
    assert "the fault is in the data" in treatment.said.lower()


def critical(*patches: Patch) -> Finding:
    return Finding("lr_too_high", "critical", 0.9, "first_steps", "it is", patches=patches)


def test_at_most_three_candidates_the_likeliest_first_and_no_two_alike() -> None:
    lower, lowest = Patch({"optimizer.lr": 0.1}, "a"), Patch({"optimizer.lr": 0.01}, "b")
    other = Patch({"data.scale": "minmax"}, "c")
    found = candidates([critical(lower, lowest, lower), critical(other)], config_from(BASE))
    assert [dict(patch.set) for patch in found] == [
        {"optimizer.lr": 0.1},
        {"optimizer.lr": 0.01},
        {"optimizer.lr": 0.1, "data.scale": "minmax"},
    ]


def test_a_patch_that_does_not_fit_the_config_is_no_candidate() -> None:
    assert candidates([critical(Patch({"layers.7.units": 3}, "there is no such layer"))], config_from(BASE)) == []


@pytest.mark.parametrize(("lr", "stops"), [(1e-12, True), (0.01, False)])
def test_the_watch_stops_a_run_that_learns_nothing(tmp_path: Path, lr: float, stops: bool) -> None:
    watches: list[Watch] = []

    def observers_of(session: Session) -> list[Watch]:
        watches.append(watch_session(session))
        return watches

    layers = [{"type": "dense", "units": 16, "activation": "relu", "init": "zeros"}] if stops else BASE["layers"]
    config = config_from({**BASE, "optimizer": {"type": "adam", "lr": lr}, "layers": layers, "train": {"epochs": 40}})
    run = train(config, tmp_path, observers_of)
    assert (run.info["epochs"] < 40) == stops
    assert (watches[0].stopped is not None) == stops
    assert any(notice.startswith("--watch: stopped in epoch 8 of 40: ") for notice in run.info["notices"]) == stops


@pytest.mark.parametrize(
    ("scores", "kept"),
    [([0.8, 0.81, 0.79], 0), ([0.8, 0.83, 0.9], 2), ([float("nan"), 0.5], 1), ([0.9], 0), ([0.8, float("nan")], 0)],
)
def test_a_later_patch_is_kept_where_it_is_clearly_better(scores: list[float], kept: int) -> None:
    assert chosen(scores) == kept
