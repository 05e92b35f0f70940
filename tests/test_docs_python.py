"""docs/python.md: its code runs, recipes with stand-ins for the tools; docs/api.md is current; a notebook runs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nn_scratch.cli.api_page import API_PATH, api_page

PROJECT = Path(__file__).resolve().parents[1]
TEXT = (PROJECT / "docs" / "python.md").read_text()


def test_the_api_page_is_current() -> None:
    assert API_PATH.read_text() == api_page(), "run: python -m nn_scratch.cli.api_page"


class Recorded:
    """A stand-in for a tool: a context that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []
        self.summary: dict[str, Any] = {}

    def __enter__(self) -> Recorded:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def log(self, scores: dict[str, float], step: int) -> None:
        self.told.append((step, scores))


class Study(Recorded):
    def optimize(self, objective: Any, n_trials: int) -> None:
        trial = SimpleNamespace(suggest_float=lambda name, low, high, log: low * (high / low) ** 0.5)
        self.told = [objective(trial) for _ in range(2)]


@pytest.mark.filterwarnings("ignore")
def test_the_code_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow, board, study = Recorded(), Recorded(), Study()
    fakes = {
        "mlflow": SimpleNamespace(start_run=lambda: mlflow, log_metrics=mlflow.log, log_params=mlflow.summary.update),
        "wandb": SimpleNamespace(init=lambda project: board),
        "optuna": SimpleNamespace(create_study=lambda direction: study),
    }
    for name, fake in fakes.items():
        monkeypatch.setitem(sys.modules, name, fake)  # type: ignore[arg-type]
    monkeypatch.setattr("nn_scratch.config.project.OUTPUTS", tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 6
    names: dict[str, Any] = {}
    for block in blocks:
        short = block.replace('{"data": {"source": "iris"}}', '{"data": {"source": "iris"}, "train": {"epochs": 3}}')
        exec(short, names)
    assert [step for step, _ in mlflow.told] == [1, 2, 3]
    assert mlflow.summary == {"lr": 0.001}
    assert board.told[-1][1]["epoch"] == 3
    assert board.summary["verdict"] in ("sick", "healthy", "inconclusive")
    assert all(0 <= score <= 1 for score in study.told)
    assert names["path"].name == "model.onnx"


def test_the_shell_commands_of_the_page_run(tmp_path: Path) -> None:
    if not Path("/usr/bin/jq").exists():
        pytest.skip("jq is not installed")
    (commands,) = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    (tmp_path / "param.yaml").write_text(
        "data: {source: iris}\ntrain: {epochs: 60}\noptimizer: {type: adam, lr: 0.01}\n"
    )
    python = f"{sys.executable} -m nn_scratch"
    script = commands.replace("nn-scratch", python).replace("config/param.yaml", "param.yaml")
    script = script.replace("--json --log-file", f"--outputs {tmp_path} --json --log-file")
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    done = subprocess.run(["sh", "-e", "-c", script], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "run.json").read_text())["verdict"] == "healthy"
    assert (tmp_path / "digits-001" / "export" / "model.onnx").is_file()
    assert "exit code 0" in (tmp_path / "train.log").read_text()


@pytest.mark.filterwarnings("ignore")
def test_a_notebook_shows_what_a_run_did(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    cells = [
        "from nn_scratch import train\n"
        f"run = train({{'data': {{'source': 'iris'}}, 'train': {{'epochs': 5}}}}, outputs={str(tmp_path)!r})",
        "run",
        "run.plot('curves')",
        "run.page(megabytes=0.3)",
        "run.compare(run)",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    client = nbclient.NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    )
    client.execute(env=environment)
    shown = [cell.outputs[-1]["data"] for cell in notebook.cells]
    assert "5/5 epochs" in shown[0]["text/html"]
    assert "<table>" in shown[1]["text/html"]
    assert shown[2]["image/png"].startswith("iVBOR")
    assert shown[3]["text/html"].startswith("<iframe sandbox=")
    assert "val loss" in shown[4]["text/html"]
