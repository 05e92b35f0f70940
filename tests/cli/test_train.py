"""What `script/train.py` does with its arguments."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.cli import terminal as console
from nn_scratch.cli.train import main as train_command
from nn_scratch.errors import Diverged, UserError
from nn_scratch.runs.run import Run

NOTHING = {
    **dict.fromkeys(("config", "name", "resume", "seeds", "folds", "outputs")),
    **dict.fromkeys(("check", "find_lr", "watch", "print_gradients", "live"), False),
}
SMALL = ["data.source=iris", "layers=[{type: dense, units: 4}]", "train.epochs=2", "name=small"]


@pytest.fixture(autouse=True)
def peak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "matrix_peak", lambda dtype, size: 1e9)


def command(outputs: Path, *overrides: str, **given: Any) -> None:
    train_command(Namespace(**{**NOTHING, "outputs": str(outputs), **given}, overrides=list(overrides)))


def test_a_run_ends_with_its_diagnosis_and_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path, *SMALL)
    run = Run(tmp_path / "small-001")
    assert run.info["status"] == "finished"
    assert run.diagnosis is not None
    assert "doctor:" in capsys.readouterr().out
    assert run.diagnosis["verdict"] in ("healthy", "sick", "inconclusive")


def test_a_run_that_diverged_is_diagnosed_too(tmp_path: Path) -> None:
    with pytest.raises(Diverged):
        command(tmp_path, *SMALL, "optimizer={type: sgd, lr: 1e30}")
    diagnosis = Run(tmp_path / "small-001").diagnosis
    assert diagnosis is not None
    assert diagnosis["verdict"] == "sick"


def test_a_finished_run_goes_on_to_more_epochs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path, *SMALL)
    (tmp_path / "small-001" / "report.html").write_text("a page of two epochs")
    command(tmp_path, "train.epochs=5", resume=str(tmp_path / "small-001"))
    assert Run(tmp_path / "small-001").info["epochs"] == 5
    assert Run(tmp_path / "small-001").diagnosis is not None
    assert "report.html was drawn before these epochs; to draw it again:" in capsys.readouterr().out.replace("\n", " ")


@pytest.mark.parametrize("given", [{"config": "x.yaml"}, {"name": "x"}, {"seeds": 2}])
def test_a_run_goes_on_as_its_own_config_says(given: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        command(tmp_path, resume="small-001", **given)
    assert (
        str(error.value)
        == "--resume: takes train.epochs=N alone; everything else is read from the run's own param.yaml"
    )


def test_each_seed_is_a_run_of_its_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path, *SMALL, seeds=2)
    runs = [Run(tmp_path / "small-seeds-001" / "runs" / f"small-00{number}") for number in (1, 2)]
    assert [run.config["seed"] for run in runs] == [1, 2]
    assert capsys.readouterr().out.splitlines()[-1] == "runs: small-001, small-002"


# beyond what is stacked (`experiments.stacks`), so that a run in another process has the bytes of one in this
ALONE = ["data.source={type: moons, rows: 300}", "layers=[{type: dense, units: 64}, {type: dense, units: 64}]"]
ALONE += ["train.epochs=2", "train.batch_size=64", "name=small"]


@pytest.mark.parametrize("several", [{"seeds": 2}, {"folds": 2}], ids=["seeds", "folds"])
def test_runs_side_by_side_have_the_bytes_of_runs_one_after_another(several: dict[str, Any], tmp_path: Path) -> None:
    command(tmp_path, *ALONE, **several)
    (folder,) = tmp_path.glob("small-*-001")
    for number in (1, 2):
        run = Run(folder / "runs" / f"small-00{number}")
        assert run.info["stacked"] is None
        command(tmp_path / f"alone-{number}", config=str(run.path / "param.yaml"))
        alone = tmp_path / f"alone-{number}" / "small-001"
        names = {path.relative_to(alone) for path in alone.rglob("*") if path.is_file()}
        assert names == {path.relative_to(run.path) for path in run.path.rglob("*") if path.is_file()}
        assert len(names) > 20
        for name in names - {Path("run.json"), Path("times.csv")}:
            assert (run.path / name).read_bytes() == (alone / name).read_bytes(), name


def test_the_first_of_several_that_diverged_ends_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(Diverged) as error:
        command(tmp_path, *SMALL, "optimizer={type: sgd, lr: 1e30}", seeds=2)
    assert error.value.document is not None
    assert error.value.document["name"] == "small-001"
    said = capsys.readouterr().out
    assert "training small-001" in said
    assert "doctor: sick" in said
    assert "training small-002" not in said


def test_no_seeds_are_too_few(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--seeds 0: write 1 or more$"):
        command(tmp_path, *SMALL, seeds=0)


def test_a_check_of_a_sound_config_writes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command(tmp_path / "out", "data.source=iris", "layers=[{type: dense, units: 32}]", check=True)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "no problem found: train with the same command without --check"
    assert not (tmp_path / "out").exists()


def test_a_check_tells_each_problem(tmp_path: Path) -> None:
    with pytest.raises(UserError) as error:
        command(tmp_path, "data.source=iris", "layers=[]", "optimizer={type: sgd, lr: 1e-7}", check=True)
    assert error.value.problems
    assert all(problem.startswith("problem: ") for problem in error.value.problems)


def test_a_range_test_says_what_to_write_and_draws_its_curve(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command(tmp_path / "out", *SMALL, find_lr=True)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["small-find-lr.png"]
    told = capsys.readouterr().out
    assert "optimizer: {type: adam, lr: " in told
    assert told.splitlines()[-1].endswith("small-find-lr.png")
