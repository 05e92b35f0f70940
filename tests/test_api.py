"""The Python API: what `from nn_scratch import ...` gives."""

from __future__ import annotations

import doctest
import inspect
import re
import subprocess
import sys
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris

import nn_scratch
from nn_scratch import Model, Run, diagnose, estimators, load_config, predict, resume, train, treat, visualize
from nn_scratch.cli.api_page import API_PATH
from nn_scratch.errors import UserError
from nn_scratch.training.observers import Observer

IRIS = {"name": "iris", "data": {"source": "iris"}, "train": {"epochs": 12}, "optimizer": {"type": "adam", "lr": 0.01}}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return train(IRIS, outputs=tmp_path_factory.mktemp("outputs"))


def test_importing_the_package_imports_nothing_else() -> None:
    code = (
        "import sys, nn_scratch; print([m for m in sys.modules if m.split('.')[0] in ('numpy', 'sklearn', 'pydantic')])"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_every_public_name_is_there_and_documented() -> None:
    for name in nn_scratch.__all__:
        assert getattr(nn_scratch, name).__doc__
    with pytest.raises(AttributeError, match="module 'nn_scratch' has no attribute 'trian'"):
        _ = nn_scratch.trian  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def globs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the examples of docstrings take as given, as docs/api.md says."""
    folder = tmp_path_factory.mktemp("examples")
    X, y = load_iris(return_X_y=True)
    iris = {"data": {"source": "iris"}, "train": {"epochs": 40}}
    given: dict[str, Any] = {"folder": folder, "run": train(iris, name="iris", outputs=folder), "X": X, "y": y}
    return {**given, "np": np, "Observer": Observer, "MLPClassifier": estimators.MLPClassifier}


def documented() -> dict[str, Any]:
    """Every public name, and every public method and property, with its docstring."""
    found: dict[str, Any] = {}
    for name in set(nn_scratch.__all__) - {"__version__"}:
        part = nn_scratch.__getattr__(name)
        found[name] = inspect.getdoc(part)
        if inspect.isclass(part):
            for base in reversed(part.__mro__):
                if base.__module__.startswith("nn_scratch"):
                    found |= {f"{name}.{member}": described(getattr(base, member)) for member in public(base)}
    return found


def public(base: type) -> list[str]:
    return [
        name
        for name, member in vars(base).items()
        if not name.startswith("_")
        and (callable(member) or isinstance(member, property | cached_property | classmethod))
    ]


def described(member: Any) -> str | None:
    return inspect.getdoc(getattr(member, "func", member))


def test_the_public_names_are_those_of_the_api_page() -> None:
    names = documented()
    assert {"Run.weights", "Run.diagnosis", "Model.load", "MLPClassifier.fit", "MLPRegressor.predict", "sweep"} <= set(
        names
    )
    page = API_PATH.read_text()
    assert [name for name in names if not re.search(rf"^##+ {re.escape(name)}$", page, re.MULTILINE)] == []


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(documented()))
def test_every_public_docstring_has_an_example_that_is_right(name: str, globs: dict[str, Any]) -> None:
    text = documented()[name]
    assert text, f"{name} has no docstring"
    example = doctest.DocTestParser().get_doctest(text, dict(globs), name, None, None)
    assert example.examples, f"{name} has no example"
    told: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=told.append)
    assert not told, "".join(told)


def test_a_config_is_a_mapping_a_path_or_overrides(tmp_path: Path) -> None:
    path = tmp_path / "my.yaml"
    path.write_text("data: {source: wine}\ntrain: {epochs: 3}\n")
    by_path = load_config(path, ["train.epochs=4"], name="mine")
    by_values = load_config({"data": {"source": "wine"}}, {"train.epochs": 4}, name="mine")
    assert by_path == by_values == load_config(by_path)
    with pytest.raises(UserError, match=r"^trian: unknown key; did you mean 'train'\?$"):
        load_config({"trian": {}})
    with pytest.raises(UserError, match=r"^overrides: write a list: \['train.epochs=3'\]$"):
        load_config(IRIS, "train.epochs=3")


def test_a_callback_can_end_training(tmp_path: Path) -> None:
    stopped = train(IRIS, outputs=tmp_path, on_epoch_end=lambda epoch, scores: scores["epoch"] == 4)
    assert (stopped.status, stopped.info["epochs"]) == ("stopped", 4)


def test_a_run_shows_its_log(run: Run) -> None:
    assert run.weights("hidden_1").shape == run.gradients("hidden_1.W").shape == (13, 4, 128)
    assert run.weights("hidden_1.b").shape == (13, 128)
    assert run.activations("output").shape[0] == len(run.epochs) == 13
    assert run.metrics["val_accuracy"].shape == (12,)
    assert Run(run.path).config == run.config
    assert Run(run.name, run.path.parent).path == run.path
    with pytest.raises(UserError, match="no such plot; did you mean 'curves'"):
        run.plot("curvs")


def test_a_run_can_be_seen_in_a_notebook(run: Run) -> None:
    assert run.plot("curves")._repr_png_()[:4] == b"\x89PNG"
    page = run.page(megabytes=0.4)
    assert 1000 < len(page.html) < 440_000 < len(run.page(megabytes=5).html)
    assert page._repr_html_().startswith('<iframe sandbox="allow-scripts allow-downloads"')
    table = run._repr_html_()
    assert "<script" not in table
    assert f"{run.info['val']['accuracy']:.4g}" in table
    assert run.diagnosis.summary.split(":")[0] in run._repr_html_()


def test_runs_are_compared(run: Run, tmp_path: Path) -> None:
    other = train(IRIS, {"optimizer.lr": 1e-5}, outputs=tmp_path)
    table = run.compare(other)
    assert table.to_json()["config"] == {"optimizer.lr": [0.01, 1e-5]}
    (accuracy,) = [best for heading, _, best in table.rows if heading == "val accuracy"]
    assert accuracy == 0
    assert " *" in str(table)
    assert "<b>" in table._repr_html_()


def test_a_run_is_diagnosed_treated_and_drawn(tmp_path: Path) -> None:
    sick = train(IRIS, {"optimizer.lr": 1e-6}, outputs=tmp_path)
    assert diagnose(sick).verdict == diagnose(sick.path).verdict == "sick"
    unaffordable = treat(sick, tmp_path, budget=1)
    assert unaffordable.written is None
    assert unaffordable.outcome.startswith("nothing was tried: ")
    treated = treat(sick, tmp_path)
    assert treated.written == tmp_path / "iris.fixed.yaml"
    written = visualize(sick, film=False)
    assert written[-1] == sick.path / "report.html"
    assert len(written) > 8


def test_a_run_goes_on(tmp_path: Path) -> None:
    first = train(IRIS, outputs=tmp_path)
    assert resume(first).info["epochs"] == 12
    assert resume(first, {"train.epochs": 14}).info["epochs"] == 14


TABLE = "age,town,weight,grade\n" + "\n".join(
    f"{20 + i % 30},{'Ulm' if i % 2 else 'Köln'},{60 + (7 * i) % 40},{'good' if i % 2 else 'poor'}" for i in range(80)
)


def test_rows_are_predicted_whatever_they_stand_in(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "table.csv"
    path.write_text(TABLE)
    trained = train({**IRIS, "data": {"source": str(path)}, "train": {"epochs": 30}}, outputs=tmp_path)
    model = Model.load(trained)
    assert (model.task, model.columns, model.class_names) == (
        "classification",
        ("age", "town", "weight"),
        ("good", "poor"),
    )
    by_file = model.predict_proba(path)
    frame = pandas.read_csv(path)
    np.testing.assert_array_equal(model.predict_proba(frame), by_file)
    np.testing.assert_array_equal(model.predict_proba(frame.to_dict("list")), by_file)
    assert predict(trained, frame[:2]).tolist() == ["poor", "good"]
    with pytest.raises(UserError, match="weight"):
        model.predict(frame.drop(columns="weight"))
    with pytest.raises(UserError, match=r"^rows: an array \(1, 1\) of int64; the model takes \(rows, 4\) numbers"):
        model.predict([[1]])


def test_numbers_are_predicted_in_their_own_units(tmp_path: Path) -> None:
    trained = train({"data": {"source": "diabetes"}, "train": {"epochs": 20}}, outputs=tmp_path)
    from sklearn.datasets import load_diabetes

    X, y = load_diabetes(return_X_y=True)
    predicted = predict(trained, X)
    assert predicted.shape == (442,)
    assert abs(predicted.mean() - y.mean()) < 20
    with pytest.raises(UserError, match="a regression has no classes"):
        Model.load(trained).predict_proba(X)


def test_visualize_can_be_called_before_and_after_its_package_is_imported() -> None:
    code = (
        "from nn_scratch import visualize as before\n"
        "import nn_scratch.visualize.style\n"
        "from nn_scratch import visualize as after\n"
        "from nn_scratch.api import visualize\n"
        "assert before is visualize and callable(after)\n"
        "try: after('no such run')\n"
        "except Exception as error: print(type(error).__name__)\n"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == "UserError\n"
