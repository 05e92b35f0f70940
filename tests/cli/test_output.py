"""What a pipeline sees: one JSON object, exit codes, silence, and a log."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.cli import COMMANDS
from nn_scratch.export import FORMATS

PROJECT = Path(__file__).resolve().parents[2]
SHORT = ("data.source=iris", "train.epochs=12", "optimizer.lr=0.01")


def typed(tmp_path: Path, *arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, whose runs are in tmp_path."""
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "COLUMNS": "100"}
    done = subprocess.run(
        [sys.executable, "-m", "nn_scratch", *arguments, "--outputs", str(tmp_path)],
        capture_output=True,
        text=True,
        env=environment,
        cwd=tmp_path,
    )
    assert done.returncode == code, done.stderr
    return done


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A good run and a sick one."""
    folder = tmp_path_factory.mktemp("outputs")
    typed(folder, "train", *SHORT, "--name", "good", "train.epochs=40", "--quiet")
    typed(folder, "train", *SHORT, "--name", "slow", "optimizer.lr=1e-6", "--quiet")
    return folder


def document(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(done.stdout)
    return found


PIPELINE = Path(__file__).with_name("pipeline.sh")


def test_a_shell_script_of_every_command_reads_objects_and_exit_codes(tmp_path: Path) -> None:
    if shutil.which("jq") is None:
        assert not os.environ.get("CI"), "jq is not installed"
        pytest.skip("jq is not installed")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    typed = ["sh", str(PIPELINE), sys.executable, "-m", "nn_scratch"]
    done = subprocess.run(typed, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout == "every command: one object, and the exit codes as documented\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_the_script_and_the_documentation_know_the_object_of_every_command(command: str) -> None:
    assert re.search(rf'"\$@" {command} .*--json', PIPELINE.read_text())
    assert re.search(rf"^\| `{command}` \| .*`", (PROJECT / "docs" / "python.md").read_text(), re.MULTILINE)


def test_a_training_is_one_object(tmp_path: Path) -> None:
    done = typed(tmp_path, "train", *SHORT, "--json")
    found = document(done)
    assert (found["status"], found["name"], found["epochs"]) == ("finished", "digits-001", 12)
    assert found["verdict"] == found["diagnosis"]["verdict"]
    assert 0 <= found["val"]["accuracy"] <= 1
    assert "epoch 12/12" in done.stderr


def test_a_run_says_where_it_came_from(outputs: Path) -> None:
    info = json.loads((outputs / "good-001" / "run.json").read_text())
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", info["started"])
    assert info["command"].startswith("nn_scratch train data.source=iris train.epochs=12")
    assert info["git_commit"] is None
    assert len(info["config_sha256"]) == len(info["data_sha256"]) == 64


def test_a_diagnosis_is_one_object(outputs: Path) -> None:
    found = document(typed(outputs, "diagnose", "slow-001", "--json"))
    assert (found["run"], found["verdict"]) == ("slow-001", "sick")
    assert found["findings"][0]["patches"]


@pytest.mark.parametrize(
    ("run", "level", "code"), [("slow-001", "sick", 4), ("slow-001", "warning", 4), ("good-001", "sick", 0)]
)
def test_a_verdict_can_fail_a_pipeline(outputs: Path, run: str, level: str, code: int) -> None:
    done = typed(outputs, "diagnose", run, "--json", "--fail-on", level, code=code)
    found = document(done)
    assert found["run"] == run
    if code:
        assert found["exit_code"] == 4
        assert done.stderr.endswith(f"--fail-on {level}: slow-001: sick: {found['findings'][0]['rule']}\n")


def test_a_training_fails_as_a_diagnosis_does(tmp_path: Path) -> None:
    done = typed(tmp_path, "train", *SHORT, "optimizer.lr=1e-6", "--fail-on", "sick", "--quiet", code=4)
    assert done.stdout == ""
    assert done.stderr == "--fail-on sick: digits-001: sick: lr_too_low\n"


def test_divergence_keeps_its_code_and_tells_of_the_run(tmp_path: Path) -> None:
    lr = ("optimizer.type=sgd", "optimizer.lr=1e30")
    done = typed(tmp_path, "train", "data.source=diabetes", *lr, "--json", "--fail-on", "sick", code=3)
    found = document(done)
    assert (found["status"], found["exit_code"]) == ("diverged", 3)
    assert found["error"].startswith("training diverged in epoch 1")


def test_an_error_is_an_object_too(tmp_path: Path) -> None:
    found = document(typed(tmp_path, "train", "data.source=irs", "--json", code=2))
    assert found["exit_code"] == 2
    assert "did you mean 'iris'" in found["error"]


def test_quiet_prints_errors_alone(outputs: Path) -> None:
    done = typed(outputs, "diagnose", "good-001", "--quiet")
    assert (done.stdout, done.stderr) == ("", "")
    assert "no such run" in typed(outputs, "diagnose", "god-001", "--quiet", code=2).stderr


def test_a_log_file_holds_what_is_printed_with_times(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    for _ in range(2):
        done = typed(tmp_path, "train", *SHORT, "--log-file", str(log))
    lines = log.read_text().splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d[+-]\d\d:\d\d", line) for line in lines)
    assert sum(" $ " in line for line in lines) == sum(line.endswith(" exit code 0") for line in lines) == 2
    told = [line[26:] for line in lines]
    assert all(line.rstrip() in told for line in done.stdout.splitlines() if line.strip())
    typed(tmp_path, "train", "--log-file", str(tmp_path / "no" / "log.txt"), code=1)


def test_seeds_share_a_folder(tmp_path: Path) -> None:
    found = document(typed(tmp_path, "train", *SHORT, "--seeds", "2", "--json"))
    assert [Path(run["path"]).relative_to(tmp_path).as_posix() for run in found["runs"]] == [
        "digits-seeds-001/runs/digits-001",
        "digits-seeds-001/runs/digits-002",
    ]
    for part in ("train", "val", "test"):
        losses = [run[part]["loss"] for run in found["runs"]]
        assert found["scores"][part]["loss"]["mean"] == pytest.approx(sum(losses) / 2)
        assert found["scores"][part]["loss"]["std"] == pytest.approx(abs(losses[0] - losses[1]) / 2**0.5)
    newest = document(typed(tmp_path, "diagnose", "--json"))
    assert newest["run"] == "digits-002"
    assert len(document(typed(tmp_path, "runs", "list", "digits-seeds-*", "--json"))["runs"]) == 2


# --- runs


def test_runs_are_listed(outputs: Path) -> None:
    found = document(typed(outputs, "runs", "--json", "--sort", "score"))["runs"]
    assert [run["name"] for run in found] == ["good-001", "slow-001"]
    assert found[0]["score"] > found[1]["score"]
    assert (found[0]["data"], found[0]["network"], found[0]["metric"]) == ("iris", "4-128-64-3", "accuracy")
    assert found[0]["bytes"] > 100_000
    printed = typed(outputs, "runs").stdout
    assert all(word in printed for word in ("good-001", "iris", "4-128-64-3", "sick", "2 runs"))
    sick = document(typed(outputs, "runs", "list", "*-001", "--verdict", "sick", "--json"))["runs"]
    assert [run["name"] for run in sick] == ["slow-001"]


def test_runs_are_compared(outputs: Path) -> None:
    found = document(typed(outputs, "runs", "compare", "good-001", "slow-001", "--json"))
    assert found["config"]["optimizer.lr"] == [0.01, 1e-6]
    assert found["verdicts"][1] == "sick"
    good, slow = found["scores"]["val accuracy"]
    printed = typed(outputs, "runs", "compare", "*-001").stdout
    (line,) = [line for line in printed.splitlines() if line.startswith("val accuracy")]
    assert line.split() == ["val", "accuracy", f"{good:.4g}", "*", f"{slow:.4g}"]


def test_runs_are_labelled(tmp_path: Path) -> None:
    typed(tmp_path, "train", *SHORT, "--quiet")
    typed(tmp_path, "runs", "tag", "digits-001", "first", "keep")
    typed(tmp_path, "runs", "tag", "digits-001", "keep", "--remove")
    typed(tmp_path, "runs", "note", "digits-*", "the", "baseline")
    (run,) = document(typed(tmp_path, "runs", "--tag", "first", "--json"))["runs"]
    assert (run["tags"], run["note"]) == (["first"], "the baseline")
    assert document(typed(tmp_path, "runs", "--tag", "keep", "--json"))["runs"] == []
    assert typed(tmp_path, "diagnose", "digits-001", "--quiet").stderr == ""


def test_only_runs_are_removed_and_only_when_it_is_meant(tmp_path: Path) -> None:
    typed(tmp_path, "train", *SHORT, "--quiet")
    mine = tmp_path / "digits-mine"
    mine.mkdir()
    (mine / "run.json").write_text("{}")
    (tmp_path / "digits-link").symlink_to(tmp_path / "digits-001")
    asked = typed(tmp_path, "runs", "rm", "digits-001", code=2)
    assert asked.stderr == "runs rm: would delete digits-001; write --yes to do so without being asked\n"
    assert (
        "is not a folder of its own with run.json"
        in typed(tmp_path, "runs", "rm", "digits-mine", "--yes", code=2).stderr
    )
    assert "not removed" in typed(tmp_path, "runs", "rm", "digits-link", "--yes", code=2).stderr
    assert (tmp_path / "digits-001" / "run.json").is_file()
    assert document(typed(tmp_path, "runs", "rm", "digits-0*", "--yes", "--json"))["removed"] == ["digits-001"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits-link", "digits-mine"]


def test_a_run_that_holds_files_of_the_user_is_not_removed(tmp_path: Path) -> None:
    typed(tmp_path, "train", *SHORT, "--quiet", "train.epochs=2")
    typed(tmp_path, "train", *SHORT, "--quiet", "train.epochs=2")
    run = tmp_path / "digits-001"
    (run / "notes.txt").write_text("mine")
    (run / "plots").mkdir()
    (run / "plots" / "mine.odt").write_text("mine")
    (run / "data").symlink_to(tmp_path)
    before = sorted(path.name for path in run.iterdir())
    refused = typed(tmp_path, "runs", "rm", "digits-*", "--yes", code=2).stderr
    files = "'data', 'notes.txt' and 'plots/mine.odt'"
    assert refused == f"digits-001: holds what is not the run's: {files}; move it elsewhere; not removed\n"
    assert sorted(path.name for path in run.iterdir()) == before
    assert (tmp_path / "digits-002" / "run.json").is_file()
    for mine in (run / "notes.txt", run / "plots" / "mine.odt", run / "data"):
        mine.rename(tmp_path / mine.name)
    typed(tmp_path, "runs", "rm", "digits-*", "--yes")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "mine.odt", "notes.txt"]


@pytest.mark.slow
def test_all_that_the_commands_write_into_a_run_is_removed_with_it(tmp_path: Path) -> None:
    rows = [f"{a},{a * a % 7},{'yes' if a % 3 else 'no'}" for a in range(60)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b,label", *rows, ""]))
    typed(tmp_path, "train", "data.source=./t.csv", "layers=[{type: dense, units: 3}]", "train.epochs=2", "name=run")
    for options in (["--gif", "--format", "png,svg,pdf"], ["--film-format", "webp"], ["--film-format", "frames"]):
        typed(tmp_path, "visualize", "run-001", *options)
    for form in FORMATS:
        typed(tmp_path, "export", "run-001", "--to", form)
    typed(tmp_path, "runs", "tag", "run-001", "first")
    typed(tmp_path, "diagnose", "run-001")
    (tmp_path / "run-001" / "weights.mp4.part").write_bytes(b"of a killed process")
    assert (tmp_path / "run-001" / "importance.csv").is_file()
    typed(tmp_path, "runs", "rm", "run-001", "--yes")
    assert [path.name for path in tmp_path.iterdir()] == ["t.csv"]


def test_the_last_run_of_a_group_takes_its_folder_with_it(tmp_path: Path) -> None:
    typed(tmp_path, "train", *SHORT, "--seeds", "2", "--quiet")
    typed(tmp_path, "runs", "rm", "digits-seeds-*", "--yes")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("space", "code", "why"),
    [
        ("optimizer.lr: [1e30, 1e35]", 3, "training diverged"),
        ("train.batch_size: [4, 8]", 2, "trial 1: sweep.metric: a run has no nosuch; write one of"),
    ],
)
def test_a_sweep_none_of_whose_trials_has_a_score_did_not_succeed(
    tmp_path: Path, space: str, code: int, why: str
) -> None:
    metric = "nosuch" if code == 2 else "val_accuracy"
    sweep = f"sweep={{method: grid, metric: {metric}, space: {{{space}}}}}"
    arguments = ("data.source=diabetes" if code == 3 else "data.source=iris", "optimizer.type=sgd", "train.epochs=3")
    for given in ((*arguments, sweep, "--name", "run"), ("--resume", "run-sweep-001")):
        done = typed(tmp_path, "sweep", *given, "--json", code=code)
        assert done.stderr.splitlines()[-1].startswith(f"run-sweep-001: none of 2 trials has a score; {why}")
        found = document(done)
        assert (found["exit_code"], found["best"], len(found["trials"])) == (code, [], 2)
    assert (tmp_path / "run-sweep-001" / "trials.csv").is_file()


def test_a_sweep_one_of_whose_trials_has_a_score_succeeds(tmp_path: Path) -> None:
    arguments = ("data.source=diabetes", "layers=[]", "optimizer.type=sgd", "train.epochs=3")
    done = typed(tmp_path, "sweep", *arguments, "sweep={method: grid, space: {optimizer.lr: [1e-4, 1e30]}}", "--json")
    found = document(done)
    assert (found["best"], [trial["status"] for trial in found["trials"]]) == ([1], ["finished", "diverged"])
