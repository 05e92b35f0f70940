"""When a run may go on, and when that would be a lie."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.errors import Diverged, UserError
from nn_scratch.experiments import train as experiment
from nn_scratch.experiments.train import Interrupted, resume, train
from nn_scratch.runs import checkpoint
from nn_scratch.runs.run import Run
from tests.small import DENSE, config, contents, differing, rows, run_with_stops


def refused(run: Run, *overrides: str) -> str:
    before = contents(run)
    with pytest.raises(UserError) as error:
        resume(Run(run.path), overrides)
    assert contents(run) == before
    return str(error.value)


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", {"type": "polynomial", "power": 2.0}])
def test_a_schedule_that_was_planned_for_fewer_epochs_cannot_be_drawn_out(schedule: Any, tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), schedule=schedule, train__epochs=3), tmp_path)
    name = schedule if isinstance(schedule, str) else schedule["type"]
    assert refused(run, "train.epochs=6") == (
        f"train.epochs: the schedule {name} follows a plan of 3 epochs, which differs from one of 6; start a new run"
    )


@pytest.mark.parametrize(
    "schedule",
    [
        "exponential",
        {"type": "step", "step_size": 2},
        {"type": "cosine", "period": 2},
        {"type": "polynomial", "total": 4},
    ],
)
def test_a_schedule_that_knows_no_end_can(schedule: Any, tmp_path: Path) -> None:
    source = rows(tmp_path)
    short = train(config(source, schedule=schedule, train__epochs=3), tmp_path / "a")
    whole = train(config(source, schedule=schedule, train__epochs=6), tmp_path / "b")
    assert differing(resume(Run(short.path), ["train.epochs=6"]), whole) == []


def test_rows_that_have_changed_since_are_not_trained_on(tmp_path: Path) -> None:
    source = rows(tmp_path)
    run = train(config(source, train__epochs=2), tmp_path)
    rows(tmp_path, n=61)
    assert refused(run, "train.epochs=4") == (
        "data.source: the data have changed since small-001 began (rows); start a new run"
    )


def test_a_run_that_diverged_does_not_go_on(tmp_path: Path) -> None:
    wanted = config(rows(tmp_path, classes=0), optimizer__lr=1e20, train__epochs=9)
    with pytest.raises(Diverged):
        train(wanted, tmp_path)
    run = Run(tmp_path / "small-001")
    assert resume(run).info["status"] == "diverged"
    assert refused(run, "train.epochs=20") == (
        "train.epochs: small-001 diverged and cannot go on; start a new run with another config"
    )


def test_a_log_that_would_have_been_thinner_from_the_start_asks_for_more_room(tmp_path: Path) -> None:
    """A row of the tensors takes 8 kB: 1 MB holds one of every epoch of 100, not of 300."""
    source = rows(tmp_path, n=120)
    changes: dict[str, Any] = {
        "log__max_megabytes": 1,
        "train__batch_size": 72,
        "layers": [{"type": "dense", "units": 16}],
    }
    run = train(config(source, **changes, train__epochs=100), tmp_path / "a")
    assert run.info["log"]["stride"] == 1
    said = refused(run, "train.epochs=300")
    megabytes = int(said.partition("log.max_megabytes=")[2].partition(" ")[0])
    assert said == (
        "train.epochs: this run keeps its tensors every epoch, one of 300 epochs would not; "
        f"write log.max_megabytes={megabytes} beside it, or start a new run"
    )
    longer = resume(Run(run.path), ["train.epochs=300", f"log.max_megabytes={megabytes}"])
    changes["log__max_megabytes"] = megabytes
    assert differing(longer, train(config(source, **changes, train__epochs=300), tmp_path / "b")) == []


def test_a_run_killed_before_its_first_commit_starts_again_in_its_folder(tmp_path: Path) -> None:
    wanted = config(rows(tmp_path))
    whole = train(wanted, tmp_path / "a")
    begun = tmp_path / "b" / "small-001"
    begun.mkdir(parents=True)
    (begun / "param.yaml").write_bytes((whole.path / "param.yaml").read_bytes())
    (begun / "data.json.part").write_bytes(b"{")
    (begun / "lock").write_text("")
    assert differing(resume(Run(begun)), whole) == []


def test_seconds_are_those_of_all_processes(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=2), tmp_path)
    before = sum(float(np.sum(run.times[kind])) for kind in ("training", "evaluation", "logging"))
    longer = resume(Run(run.path), ["train.epochs=3"])
    assert longer.info["seconds"] > before
    assert longer.times["epoch"].tolist() == [1, 2, 3]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("theta", np.zeros(3, np.float32), "theta is no float32 array of shape "),
        ("theta", np.zeros((), np.float32), "theta is no float32 array of shape "),
        ("counters", {"epoch": 1, "run": 1}, "the counters are not those of this run"),
        ("counters", {"epoch": "1"}, "epoch is not a number that it could be"),
    ],
)
def test_a_checkpoint_of_something_else_is_reported(name: str, value: Any, told: str, tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=1), tmp_path)
    path = run.path / "checkpoint.npz"
    with np.load(path) as file:
        arrays = dict(file)
    if name in arrays:
        arrays[name] = value
    else:
        rest = json.loads(arrays["rest"].tobytes())
        rest[name] = rest[name] | value if len(value) == 1 else value
        arrays["rest"] = np.frombuffer(json.dumps(rest).encode(), np.uint8)
    np.savez(path, **arrays)
    said = refused(run, "train.epochs=2")
    assert said.startswith(f"{path}: cannot be read ({told}")
    assert said.endswith("); train anew, or `train.py --resume` if the run did not end")


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_after_the_last_epoch_ends_the_command_at_once_and_the_run_goes_on(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = config(rows(tmp_path))
    whole = train(wanted, tmp_path / "a")

    def interrupted(data: Any) -> dict[str, Any]:
        signal.raise_signal(getattr(signal, name))
        raise AssertionError("the signal came too late")

    with monkeypatch.context() as patched:
        patched.setattr(experiment, "data_checks", interrupted)
        with pytest.raises(Interrupted) as error:
            train(wanted, tmp_path / "b")
    run = Run(tmp_path / "b" / "small-001")
    assert str(error.value) == (
        f"stopped by {name} after the last epoch, before its scores; "
        f"to go on: python script/train.py --resume {run.path}"
    )
    assert error.value.exit_code == (130 if name == "SIGINT" else 143)
    assert run.info["status"] == "interrupted"
    assert differing(resume(run), whole) == []


@pytest.mark.parametrize("name", ["signals.json", "probe.npz"])
def test_what_was_made_before_the_first_step_is_made_again_where_it_was_deleted(name: str, tmp_path: Path) -> None:
    source = rows(tmp_path)
    whole = train(config(source, train__epochs=4), tmp_path / "a")
    short = train(config(source, train__epochs=2), tmp_path / "b")
    (short.path / name).unlink()
    assert differing(resume(Run(short.path), ["train.epochs=4"]), whole) == []


def test_a_damaged_document_is_reported_before_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(config(rows(tmp_path), train__epochs=2), tmp_path)
    (run.path / "signals.json").write_text("{}")
    monkeypatch.setattr(experiment, "_train", lambda *_: pytest.fail("it trained"))
    assert refused(run, "train.epochs=4").startswith(f"{run.path / 'signals.json'}: start is missing; ")


def test_one_cell_that_has_changed_since_is_found(tmp_path: Path) -> None:
    source = rows(tmp_path)
    run = train(config(source, train__epochs=2), tmp_path)
    arrays = dict(np.load(source))
    for seed in range(10):
        rng = np.random.default_rng(seed)
        X, (i, j) = arrays["X"].copy(), rng.integers(0, 60, 2)
        column = rng.integers(0, 3)
        X[[i, j], column] = X[[j, i], column]
        if i != j:
            np.savez(source, X=X, y=arrays["y"])
            assert refused(run, "train.epochs=4") == (
                "data.source: the data have changed since small-001 began (a value is another); start a new run"
            )
    np.savez(source, X=arrays["X"], y=arrays["y"])
    assert resume(Run(run.path), ["train.epochs=4"]).info["epochs"] == 4


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("lr: 0.1", "lr: 0.5", "optimizer.lr: 0.5, and the run was trained with 0.1"),
        ("seed: 42", "seed: 43", "seed: 43, and the run was trained with 42"),
        ("units: 4", "units: 6", "layers.1.units: 6, and the run was trained with 4"),
    ],
)
def test_a_config_that_was_edited_in_the_folder_is_not_gone_on_with(
    old: str, new: str, told: str, tmp_path: Path
) -> None:
    run, stops = run_with_stops(config(rows(tmp_path), train__epochs=6), tmp_path, [])
    assert stops == 0
    path = run.path / "param.yaml"
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))
    for overrides in ([], ["train.epochs=9"]):
        assert refused(run, *overrides) == (
            f"{path}: {told}; write that again, or start a new run with this file as its --config"
        )
    path.write_text(text)
    assert resume(Run(run.path), ["train.epochs=9"]).info["epochs"] == 9


def test_more_epochs_written_into_the_folder_s_config_are_those_of_an_override(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), schedule="cosine", train__epochs=3), tmp_path)
    path = run.path / "param.yaml"
    path.write_text(path.read_text().replace("epochs: 3", "epochs: 6"))
    assert refused(run).startswith("train.epochs: the schedule cosine follows a plan of 3 epochs")


def test_a_file_that_was_moved_is_found_where_the_config_now_says(tmp_path: Path) -> None:
    source = Path(rows(tmp_path))
    run = train(config(str(source), train__epochs=2), tmp_path)
    source.rename(tmp_path / "moved.npz")
    path = run.path / "param.yaml"
    path.write_text(path.read_text().replace("rows.npz", "moved.npz"))
    assert resume(Run(run.path), ["train.epochs=4"]).info["epochs"] == 4


def test_a_checkpoint_without_a_config_goes_on(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path), train__epochs=2), tmp_path)
    state, committed = run.checkpoint()
    checkpoint.save(run.path / "checkpoint.npz", state, committed)
    card = json.loads((run.path / "data.json").read_text())
    del card["sha256"]
    (run.path / "data.json").write_text(json.dumps(card))
    assert resume(Run(run.path), ["train.epochs=4"]).info["epochs"] == 4


@pytest.mark.parametrize("stops", [[3], [9, 40, 61], [70, 71, 111]])
def test_the_log_of_optimizer_steps_survives_stops(stops: list[int], tmp_path: Path) -> None:
    """The rows of the best and the last epoch, written at a stop, are not there twice when the run has gone on."""
    wanted = config(rows(tmp_path), optimizer="adam", train__epochs=25, layers=[DENSE, "batch_norm"])
    whole = train(wanted, tmp_path / "a")
    stopped, count = run_with_stops(wanted, tmp_path / "b", stops)
    assert count == len(stops)
    assert differing(whole, stopped) == []
    assert any(name.startswith("step/mean_square/") for name in contents(whole))
    further = resume(Run(stopped.path), ["train.epochs=33"])
    assert differing(train(config_with_epochs(wanted, 33), tmp_path / "c"), further) == []


def config_with_epochs(wanted: Any, epochs: int) -> Any:
    from nn_scratch.config.resolve import change_config

    return change_config(wanted, {"train.epochs": epochs})
