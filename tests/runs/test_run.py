"""What a run left behind, and what is said where it was damaged."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run
from tests.small import DENSE, config, rows

EPOCHS = 3
ANEW = "; train anew, or `train.py --resume` if the run did not end"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    layers = [DENSE, "batch_norm", {"type": "dense", "units": 4, "activation": "prelu"}]
    return train(config(rows(folder), layers=layers, train__epochs=EPOCHS), folder).path


@pytest.fixture
def run(whole: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(whole, tmp_path / "run"))


def test_everything_that_was_logged_is_read(whole: Path) -> None:
    run = Run(whole)
    assert run.name == "small-001"
    assert run.layer_names == ("hidden_1", "hidden_2", "output")
    assert run.parameter_names == (
        *("hidden_1.W", "hidden_1.b", "hidden_1.batch_norm.gamma", "hidden_1.batch_norm.beta"),
        *("hidden_2.W", "hidden_2.b", "hidden_2.slope", "output.W", "output.b"),
    )
    assert run.epochs.tolist() == [0, 1, 2, 3]
    assert run.metrics["epoch"].tolist() == [1, 2, 3]
    assert run.times["epoch"].tolist() == [1, 2, 3]
    assert run.layers["layer"].tolist() == list(run.layer_names) * 4
    assert run.weights("hidden_1.W").shape == (4, 3, 5)
    assert run.gradients("output.b").shape == (4, 3)
    assert run.activations("hidden_2").shape == (4, 36, 4)
    assert run.confusion("val").shape == (4, 3, 3)
    assert run.confusion("val").sum(axis=(1, 2)).tolist() == [12, 12, 12, 12]
    assert run.probe["X"].shape == (36, 3)
    assert run.predictions["test_output"].shape == (12, 3)
    assert run.config["train"]["epochs"] == 3
    assert run.diagnosis is None
    assert run.has("weights", "output.W")
    assert not run.has("weights", "output.V")


def test_tensors_cannot_be_written_to(whole: Path) -> None:
    with pytest.raises(ValueError, match="read-only"):
        Run(whole).weights("hidden_1.W")[...] = 0.0


def test_rows_beyond_the_last_commit_are_not_read(run: Path) -> None:
    committed = json.loads((run / "commit.json").read_text())
    for entry in committed["files"].values():
        entry["rows"] = {4: 3, 3: 2, 12: 9}.get(entry["rows"], entry["rows"])
    committed["tensor_epochs"] = [0, 1, 2]
    (run / "commit.json").write_text(json.dumps(committed))
    read = Run(run)
    assert read.metrics["epoch"].tolist() == [1, 2]
    assert len(read.weights("output.W")) == 3
    assert read.layers["epoch"].max() == 2


def test_what_was_not_logged_is_reported_with_what_was(whole: Path) -> None:
    with pytest.raises(UserError) as error:
        Run(whole).activations("outptu")
    assert str(error.value) == f"{whole}/activations/outptu.npy: not logged; did you mean 'activations/output.npy'?"


# --- damage


def rewrite(name: str, change: Callable[[Any], None]) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        document = json.loads((run / name).read_text())
        change(document)
        (run / name).write_text(json.dumps(document))

    return damage


def text(name: str, content: str) -> Callable[[Path], Any]:
    return lambda run: (run / name).write_text(content)


def line(name: str, number: int, change: Callable[[str], str]) -> Callable[[Path], None]:
    def damage(run: Path) -> None:
        lines = (run / name).read_text().splitlines()
        lines[number] = change(lines[number])
        (run / name).write_text("\n".join(lines) + "\n")

    return damage


def array(name: str, content: np.ndarray) -> Callable[[Path], None]:
    return lambda run: np.save(run / name, content, allow_pickle=True)


def arrays(name: str, **changes: np.ndarray | None) -> Callable[[Path], None]:
    """Arrays of an .npz in place of its own; None takes one away."""

    def damage(run: Path) -> None:
        with np.load(run / name) as archive:
            found = {**archive, **changes}
        np.savez(run / name, **{key: values for key, values in found.items() if values is not None})

    return damage


def fifo(run: Path) -> None:
    (run / "run.json").unlink()
    os.mkfifo(run / "run.json")


def folder_elsewhere(run: Path) -> None:
    (run / "weights").rename(run.parent / "elsewhere")
    (run / "weights").symlink_to(run.parent / "elsewhere")


DAMAGE: dict[str, tuple[Callable[[Path], Any], Callable[[Run], Any], str]] = {
    "no file": (lambda run: (run / "run.json").unlink(), lambda run: run.info, "run.json: no such file"),
    "a fifo": (fifo, lambda run: run.info, "run.json: no plain file"),
    "a folder that is a link": (
        folder_elsewhere,
        lambda run: run.weights("output.W"),
        "weights/output.W.npy: a symbolic link is not followed",
    ),
    "no JSON": (
        text("run.json", "{"),
        lambda run: run.info,
        "run.json: cannot be read (Expecting property name enclosed in double quotes: line 1 column 2 (char 1))",
    ),
    "NaN": (text("run.json", "[NaN]"), lambda run: run.info, "run.json: cannot be read (NaN is no JSON)"),
    "no mapping": (text("run.json", "[]"), lambda run: run.info, "run.json: it is not a mapping"),
    "a text for a number": (
        rewrite("run.json", lambda info: info.update(epochs="3")),
        lambda run: run.info,
        "run.json: epochs is not a whole number",
    ),
    "a score that is a list": (
        rewrite("run.json", lambda info: info["val"].update(loss=[])),
        lambda run: run.info,
        "run.json: val.loss is not a number",
    ),
    "a card without parts": (
        rewrite("data.json", lambda card: card.pop("parts")),
        lambda run: run.card,
        "data.json: parts is missing",
    ),
    "epochs that fall": (
        rewrite("commit.json", lambda committed: committed.update(tensor_epochs=[0, 2, 1, 3])),
        lambda run: run.epochs,
        "commit.json: tensor_epochs do not rise from 0",
    ),
    "rows without an epoch": (
        rewrite("commit.json", lambda committed: committed["files"]["weights/output.b.npy"].update(rows=3)),
        lambda run: run.epochs,
        "commit.json: weights/output.b.npy has 3 rows for 4 epochs",
    ),
    "a name that leads out": (
        rewrite("commit.json", lambda committed: committed["files"].update({"weights/../../x.npy": {"rows": 4}})),
        lambda run: [run.weights(name) for name in run.parameter_names],
        "commit.json: no name of a file: weights/../../x.npy",
    ),
    "an epoch twice": (
        line("metrics.csv", 2, lambda old: f"1{old[1:]}"),
        lambda run: run.metrics,
        "metrics.csv: its epochs are not 1, 2, 3 ...",
    ),
    "half an epoch": (
        line("metrics.csv", 1, lambda old: f"1.5{old[1:]}"),
        lambda run: run.metrics,
        "metrics.csv: cannot be read (epoch: not whole numbers)",
    ),
    "no such column": (
        line("metrics.csv", 0, lambda old: old.replace("val_loss", "loss")),
        lambda run: run.metrics,
        "metrics.csv: cannot be read (no column val_loss)",
    ),
    "too few rows": (
        text("metrics.csv", "epoch,step,lr,train_loss,val_loss\n1,5,0.1,1,1\n"),
        lambda run: run.metrics,
        "metrics.csv: cannot be read (1 rows, and 3 were committed)",
    ),
    "ragged rows": (
        line("metrics.csv", 1, lambda old: f"{old},0"),
        lambda run: run.metrics,
        "metrics.csv: cannot be read (rows of unequal length)",
    ),
    "words": (
        line("metrics.csv", 1, lambda old: old.replace("1,", "1,", 1)[:-3] + "abc"),
        lambda run: run.metrics,
        "metrics.csv: cannot be read (could not convert string to float: ",
    ),
    "a layer that comes and goes": (
        line("layers.csv", 2, lambda old: old.replace("hidden_2", "hidden_9")),
        lambda run: run.layers,
        "layers.csv: it has not one row of each layer an epoch, from epoch 0 on",
    ),
    "objects": (
        array("weights/output.W.npy", np.array([{}, {}])),
        lambda run: run.weights("output.W"),
        "weights/output.W.npy: cannot be read (no array of numbers or text: shape (2,), dtype object)",
    ),
    "text for numbers": (
        array("weights/output.W.npy", np.array(["a"])),
        lambda run: run.weights("output.W"),
        "weights/output.W.npy: cannot be read (not a log of numbers: shape (1,), dtype <U1)",
    ),
    "too few bytes": (
        array("weights/output.W.npy", np.zeros((2, 4, 3), np.float32)),
        lambda run: run.weights("output.W"),
        "weights/output.W.npy: cannot be read (224 bytes, too few for the 4 rows in commit.json)",
    ),
    "no array at all": (
        text("weights/output.W.npy", "hello, world"),
        lambda run: run.weights("output.W"),
        "weights/output.W.npy: cannot be read (the magic string is not correct; expected b'\\x93NUMPY', got b'hello,')",
    ),
    "no archive": (
        text("model.npz", "hello"),
        lambda run: run.model,
        "model.npz: cannot be read (File is not a zip file)",
    ),
    "no checkpoint": (
        text("checkpoint.npz", ""),
        lambda run: run.checkpoint(),
        "checkpoint.npz: cannot be read (File is not a zip file)",
    ),
    "no status of ours": (
        rewrite("run.json", lambda info: info.update(status="well")),
        lambda run: run.info,
        "run.json: status is none of running, finished, stopped, diverged, interrupted",
    ),
    "no threads": (
        rewrite("run.json", lambda info: info.pop("threads")),
        lambda run: run.info,
        "run.json: threads is missing",
    ),
    "diverged, and nowhere": (
        rewrite("run.json", lambda info: info.update(status="diverged")),
        lambda run: run.info,
        "run.json: status is diverged, and diverged does not say where",
    ),
    "a score of one part": (
        rewrite("run.json", lambda info: info["val"].pop("accuracy")),
        lambda run: run.info,
        "run.json: train, val and test have not the same scores",
    ),
    "a class that is not counted": (
        rewrite("data.json", lambda card: card["parts"]["val"]["class_counts"].pop("0")),
        lambda run: run.card,
        "data.json: parts.val.class_counts are not its rows by class",
    ),
    "classes of a regression": (
        rewrite("data.json", lambda card: card.update(task="regression")),
        lambda run: run.card,
        "data.json: classes are not those of a regression",
    ),
    "targets of classes": (
        rewrite("data.json", lambda card: card.update(task="regression", classes=None)),
        lambda run: run.card,
        "data.json: parts.train.target is not of each target",
    ),
    "no target": (
        rewrite("data.json", lambda card: card.update(target=[])),
        lambda run: run.card,
        "data.json: target is empty",
    ),
    "no majority": (
        rewrite("data.json", lambda card: card.pop("majority")),
        lambda run: run.card,
        "data.json: majority is missing",
    ),
    "a feature without figures": (
        rewrite("data.json", lambda card: card["feature_statistics"]["mean"].pop()),
        lambda run: run.card,
        "data.json: feature_statistics is not of each feature",
    ),
    "a panel without its width": (
        rewrite("signals.json", lambda signals: signals["start"]["layers"][1].pop("units")),
        lambda run: run.signals,
        "signals.json: start.layers[1].units is missing",
    ),
    "a mapping for a number": (
        rewrite("signals.json", lambda signals: signals["attainable"].update(split={})),
        lambda run: run.signals,
        "signals.json: attainable.split is not a number",
    ),
    "a step of one layer": (
        line("steps.csv", 2, lambda old: old.replace("hidden_2", "output")),
        lambda run: run.steps,
        "steps.csv: it has not one row of each layer a step",
    ),
    "a probe of one axis": (
        arrays("probe.npz", X=np.zeros(36)),
        lambda run: run.probe,
        "probe.npz: it does not hold X, y and rows of the probe",
    ),
    "a probe of one label": (
        arrays("probe.npz", y=np.array(1)),
        lambda run: run.probe,
        "probe.npz: it does not hold X, y and rows of the probe",
    ),
    "a class beyond the classes": (
        arrays("predictions.npz", val_y=np.full(12, 3)),
        lambda run: run.predictions,
        "predictions.npz: the predictions of val do not fit data.json",
    ),
    "a prediction too few": (
        arrays("predictions.npz", test_output=np.zeros((11, 3))),
        lambda run: run.predictions,
        "predictions.npz: the predictions of test do not fit data.json",
    ),
    "no predictions of a part": (
        arrays("predictions.npz", test_output=None),
        lambda run: run.predictions,
        "predictions.npz: the predictions of test do not fit data.json",
    ),
    "no YAML": (text("param.yaml", "- 1"), lambda run: run.config, "param.yaml:1:1: "),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_reported_in_one_line_that_names_the_file(name: str, run: Path) -> None:
    damage, read, told = DAMAGE[name]
    damage(run)
    with pytest.raises(UserError) as error:
        read(Run(run))
    (problem,) = error.value.problems
    expected = f"{run}/{told}"
    assert problem in (expected, f"{expected}{ANEW}") or (told[-2:] == ": " and problem.startswith(expected))


def test_files_an_older_run_lacks_are_nothing(run: Path) -> None:
    for name in ("signals.json", "predictions.npz"):
        (run / name).unlink()
    assert Run(run).signals == {}
    assert Run(run).predictions == {}


def test_predictions_of_numbers_are_of_each_target(tmp_path: Path) -> None:
    run = train(config(rows(tmp_path, classes=0), train__epochs=1), tmp_path).path
    assert Run(run).predictions["val_y"].shape == (12, 1)
    arrays("predictions.npz", val_y=np.zeros(12), val_output=np.zeros(12))(run)
    with pytest.raises(UserError) as error:
        _ = Run(run).predictions
    assert str(error.value) == f"{run}/predictions.npz: the predictions of val do not fit data.json{ANEW}"
