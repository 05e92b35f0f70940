"""Small runs to draw: trained in a moment, or made to be what a plot has to cope with."""

import json
import shutil
import signal
from pathlib import Path

import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.errors import Diverged
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run


def pytest_configure() -> None:
    """Ctrl-C is tested in child processes, which inherit that SIGINT is ignored (nohup, a job in the background),
    but not a handler."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def a_command_leaves_the_process_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command called within the tests' own process sets no handlers there, and no thread that ends it by a signal."""
    monkeypatch.setattr("nn_scratch.cli.process.harden_process", list)


DENSE = {"type": "dense", "units": 6, "activation": "relu"}


def trained(outputs: Path, name: str, source: object, **changes: object) -> Run:
    values = {
        "name": name,
        "data": {"source": source},
        "layers": [DENSE, {"type": "dense", "units": 3, "activation": "tanh"}],
        "optimizer": {"type": "adam", "lr": 0.01},
        "train": {"epochs": 4, "batch_size": 16},
        "log": {"probe_rows": 40},
    } | changes
    try:
        return train(config_from(values), outputs)
    except Diverged:
        return Run(outputs / f"{name}-001")


def edit_json(path: Path, **changes: object) -> None:
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Run]:
    """A run of each kind; no test writes into them (see `own`)."""
    outputs = tmp_path_factory.mktemp("outputs")
    moons = {"type": "moons", "rows": 120}
    found = {
        "classes": trained(outputs, "classes", "wine"),
        "images": trained(outputs, "images", "digits", train={"epochs": 2, "batch_size": 200}),
        "regression": trained(outputs, "regression", {"type": "diabetes"}),
        "plane": trained(outputs, "plane", moons),
        "linear": trained(outputs, "linear", "iris", layers=[]),
        "diverged": trained(outputs, "diverged", {"type": "diabetes"}, optimizer={"type": "sgd", "lr": 1e30}),
    }
    found["killed"] = killed_at_birth(found["plane"], outputs / "killed-001")
    return found


def killed_at_birth(run: Run, folder: Path) -> Run:
    """The folder of a process that was killed before its first weights were on disk."""
    shutil.copytree(run.path, folder)
    for name in ("predictions.npz", "model.npz"):
        (folder / name).unlink()
    committed = json.loads((folder / "commit.json").read_text())
    for entry in committed["files"].values():
        entry["rows"] = 0
    edit_json(folder / "commit.json", tensor_epochs=[], epoch=0, step=0, files=committed["files"])
    edit_json(folder / "run.json", status="running", epochs=0, initial=None, name="killed-001")
    return Run(folder)


@pytest.fixture
def own(runs: dict[str, Run], tmp_path: Path):
    """A copy of one of the runs, to write into: own("classes")."""

    def copy(kind: str) -> Run:
        folder = tmp_path / "outputs" / runs[kind].path.name
        shutil.copytree(runs[kind].path, folder)
        return Run(folder)

    return copy
