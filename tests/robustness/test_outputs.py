"""What a command writes replaces nothing but a regular file of its own, and nothing it reads."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.runs.files import write_output
from nn_scratch.runs.run import Run
from tests.robustness.processes import ROOT, Job, Scripts, without_slow_steps
from tests.robustness.test_surroundings import SHORT


@pytest.fixture(scope="module")
def run(scripts: Scripts, tmp_path_factory: pytest.TempPathFactory) -> Path:
    outputs = tmp_path_factory.mktemp("outputs")
    assert scripts.train(outputs, *SHORT).code == 0
    np.save(outputs / "rows.npy", np.full((3, 4), 0.1))
    return outputs / "run-001"


def a_link(path: Path) -> None:
    (path.parent / "victim").write_text("precious")
    path.symlink_to(path.parent / "victim")


def a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


OCCUPANTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "a folder": (Path.mkdir, "a folder"),
    "a pipe": (lambda path: os.mkfifo(path), "a pipe"),
    "a symbolic link": (a_link, "a symbolic link"),
    "a link that leads nowhere": (lambda path: path.symlink_to("nowhere"), "a symbolic link"),
    "a socket": (a_socket, "a socket"),
}


@pytest.mark.parametrize("what", OCCUPANTS)
def test_predictions_replace_nothing_but_a_regular_file(
    what: str, run: Path, scripts: Scripts, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket has to be short
    make, kind = OCCUPANTS[what]
    make(Path("out.csv"))
    before = os.lstat("out.csv")
    job = Job("predict.py", [str(run), str(run.parent / "rows.npy"), "--out", "out.csv"], str(tmp_path))
    ended = scripts.run(job)
    assert ended.code == 2
    assert ended.output == f"out.csv: is {kind}, which is not replaced; name a new file or a regular one\n"
    assert os.path.samestat(before, os.lstat("out.csv"))
    if what == "a symbolic link":
        assert Path("victim").read_text() == "precious"


def test_a_device_is_not_replaced() -> None:
    with pytest.raises(UserError, match=r"^/dev/null: is a device, which is not replaced; name a new file"):
        write_output(Path("/dev/null"), b"rows")


@pytest.mark.parametrize("out", [".", "..", "/"])
def test_a_folder_is_no_file_to_write(out: str, run: Path, scripts: Scripts, tmp_path: Path) -> None:
    ended = scripts.run(Job("predict.py", [str(run), str(run.parent / "rows.npy"), "--out", out], str(tmp_path)))
    assert ended.code == 2
    assert len(ended.output.splitlines()) == 1


@pytest.mark.parametrize("how", ["by its name", "by another path", "by a hard link", "the model", "the config"])
def test_predictions_do_not_replace_what_they_are_made_from(
    how: str, run: Path, scripts: Scripts, tmp_path: Path
) -> None:
    rows = tmp_path / "rows.csv"
    names = Run(run).card["feature_statistics"]["name"]
    rows.write_text(",".join(names) + "\n" + "0.1,0.2,0.3,0.4\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "hard.csv").hardlink_to(rows)
    out = {
        "by its name": rows,
        "by another path": tmp_path / "folder" / ".." / "rows.csv",
        "by a hard link": tmp_path / "hard.csv",
        "the model": run / "model.npz",
        "the config": run / "param.yaml",
    }[how]
    before = out.read_bytes()
    ended = scripts.run(Job("predict.py", [str(run), str(rows), "--out", str(out)], str(tmp_path)))
    assert ended.code == 2
    if out.suffix == ".csv":  # others are refused for their suffix
        assert ended.output == f"{out}: is read by this command, and would be replaced; name another file\n"
    assert out.read_bytes() == before


def test_a_folder_that_is_not_there_is_named(run: Path, scripts: Scripts, tmp_path: Path) -> None:
    out = tmp_path / "gone" / "out.csv"
    ended = scripts.run(Job("predict.py", [str(run), str(run.parent / "rows.npy"), "--out", str(out)], str(tmp_path)))
    assert (ended.code, ended.output) == (2, f"{out}: no such folder: {out.parent}\n")


def test_a_regular_file_is_replaced(run: Path, scripts: Scripts, tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    out.write_text("of yesterday")
    ended = scripts.run(Job("predict.py", [str(run), str(run.parent / "rows.npy"), "--out", str(out)], str(tmp_path)))
    assert ended.code == 0, ended.output
    assert out.read_text().startswith("prediction,")


@pytest.mark.parametrize("linked", ["compare-run-001-other-001", "compare-run-001-other-001/plots"])
def test_a_comparison_is_not_written_through_a_link(linked: str, run: Path, scripts: Scripts, tmp_path: Path) -> None:
    outputs, elsewhere = tmp_path / "outputs", tmp_path / "elsewhere"
    elsewhere.mkdir()
    for name in ("run-001", "other-001"):
        (outputs / name).mkdir(parents=True)
        for path in run.rglob("*"):
            if path.is_file():
                copy = outputs / name / path.relative_to(run)
                copy.parent.mkdir(parents=True, exist_ok=True)
                copy.write_bytes(path.read_bytes())
    (outputs / linked).parent.mkdir(exist_ok=True)
    (outputs / linked).symlink_to(elsewhere)
    ended = scripts.run(Job("visualize.py", [str(outputs / "run-001"), str(outputs / "other-001")], str(tmp_path)))
    assert ended.code == 1
    assert ended.output.splitlines()[-1] == f"{outputs / linked}: a symbolic link is not followed"
    assert list(elsewhere.iterdir()) == []


# --- logs


@pytest.mark.parametrize("name", ["param.yaml", "metrics.csv", "model.npz"])
def test_a_log_is_appended_to_logs_alone(name: str, run: Path, scripts: Scripts, tmp_path: Path) -> None:
    path = run / name
    before = path.read_bytes()
    ended = scripts.run(Job("diagnose.py", [str(run), "--log-file", str(path)], str(tmp_path)))
    assert (ended.code, ended.output) == (2, f"{path}: holds something other than a log of commands; name a new file\n")
    assert path.read_bytes() == before


def test_a_log_grows_and_holds_no_control_characters(run: Path, scripts: Scripts, tmp_path: Path) -> None:
    (tmp_path / "empty.txt").touch()
    for times in (1, 2):
        job = Job("diagnose.py", [str(run), "--log-file", "empty.txt", "--outputs", "a\x1b[2J\udce9"], str(tmp_path))
        assert scripts.run(job).code == 0
        text = (tmp_path / "empty.txt").read_text()
        assert text.count(" $ ") == text.count("exit code 0") == times
        assert text.replace("\n", "").isprintable()


def test_a_log_does_not_wait_for_the_reader_of_a_pipe(run: Path, scripts: Scripts, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    ended = scripts.run(Job("diagnose.py", [str(run), "--log-file", "pipe"], str(tmp_path)))
    assert (ended.code, ended.output) == (1, "pipe: cannot be written (No such device or address)\n")
    for device in ("/dev/null", "/dev/stderr"):
        ended = scripts.run(Job("diagnose.py", [str(run), "--log-file", device], str(tmp_path)))
        assert ended.code == 0, ended.output


# --- exports

WRITTEN = {"torch": ["model_torch.py", "parameters.npz"], "safetensors": ["model.safetensors"], "onnx": ["model.onnx"]}


@pytest.mark.parametrize(("to", "name"), [(to, name) for to, names in WRITTEN.items() for name in names])
def test_exports_replace_nothing_but_regular_files(
    to: str, name: str, run: Path, scripts: Scripts, tmp_path: Path
) -> None:
    pytest.importorskip(to if to != "torch" else "numpy")  # a script for PyTorch is written without it
    (tmp_path / "victim").write_text("precious")
    (tmp_path / name).symlink_to("victim")
    job = Job("export.py", [str(run), "--to", to, "--out", "."], str(tmp_path))
    ended = scripts.run(job)
    assert ended.code == 2
    assert ended.output == f"{name}: is a symbolic link, which is not replaced; name a new file or a regular one\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "victim"])
    assert (tmp_path / "victim").read_text() == "precious"
    (tmp_path / name).unlink()
    for _ in range(2):
        ended = scripts.run(job)
        assert ended.code == 0, ended.output


def test_events_for_tensorboard_leave_what_else_is_in_their_folder(run: Path, tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")  # whose threads a forked process would lack
    command = [sys.executable, str(ROOT / "script" / "export.py"), str(run), "--to", "tensorboard", "--out", "."]

    def exported() -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)

    folder = tmp_path / "tensorboard" / run.name
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("precious")
    (folder / "events.out.tfevents.1.mine").write_text("of another tool")
    for _ in range(2):
        assert exported().returncode == 0
        assert (folder / "notes.txt").read_text() == "precious"
        assert (folder / "events.out.tfevents.1.mine").read_text() == "of another tool"
        assert len(list(folder.iterdir())) == 3
    elsewhere = tmp_path / "elsewhere"
    folder.rename(elsewhere)
    folder.symlink_to(elsewhere)
    done = exported()
    said = without_slow_steps(done.stderr)
    assert (done.returncode, said) == (1, f"tensorboard/{run.name}: a symbolic link is not followed\n")
    assert len(list(elsewhere.iterdir())) == 3


def test_a_home_folder_that_no_shell_has_written_out_is_found(tmp_path: Path) -> None:
    """A shell writes out ~ in `--outputs ~/runs`, but not in `--outputs=~/runs`, and nobody does in code."""
    home, here = tmp_path / "home", tmp_path / "here"
    for folder in (home, here):
        folder.mkdir()
    (home / "own.yaml").write_text("{name: own, data: {source: iris}, layers: [], train: {epochs: 1}}")
    np.save(home / "rows.npy", np.full((3, 4), 0.1))
    with Scripts(HOME=str(home)) as scripts:
        common = ["--outputs=~/runs", "--log-file=~/log.txt"]
        for script, arguments in (
            ("train.py", ["--config=~/own.yaml", *common]),
            ("predict.py", ["~/runs/own-001", "~/rows.npy", "--out=~/predicted.csv", "--log-file=~/log.txt"]),
            ("diagnose.py", ["own-001", *common]),
            ("export.py", ["own-001", "--to=torch", "--out=~/exported", *common]),
            ("visualize.py", ["own-001", "--only=curves", *common]),
            ("runs.py", ["list", *common]),
        ):
            ended = scripts.run(Job(script, arguments, str(here)))
            assert ended.code == 0, ended.output
    assert {path.name for path in home.iterdir()} >= {"runs", "log.txt", "predicted.csv", "exported"}
    assert list(here.iterdir()) == []
