"""An ONNX file predicts as we do, from raw columns, for every activation, layer, loss and kind of column."""

from __future__ import annotations

import csv
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pytest

from nn_scratch import Model, Run
from nn_scratch.errors import EnvironmentFailure
from nn_scratch.export import export
from nn_scratch.export.to_onnx import LAYER_OPERATORS
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from nn_scratch.nn.losses import LOSSES
from tests.export.conftest import DENSE, expected, raw_rows, trained

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")

TOLERANCE = 1e-5


def outputs_of(run: Run, folder: Path, feeds: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    session = ort.InferenceSession(str(export(run.log, "onnx", folder)[0]), providers=["CPUExecutionProvider"])
    assert [put.name for put in session.get_inputs()] == list(Model.load(run).columns)
    assert all(put.shape == ["rows", 1] for put in session.get_inputs())
    return dict(zip([put.name for put in session.get_outputs()], session.run(None, feeds), strict=True))


def by_column(run: Run, X: np.ndarray) -> dict[str, np.ndarray]:
    return {name: X[:, [j]].astype(np.float64) for j, name in enumerate(Model.load(run).columns)}


def agrees(run: Run, folder: Path) -> float:
    """The largest difference from our own predictions, of the built-in data set's rows; labels are the same."""
    X = raw_rows(run)
    found, wanted = outputs_of(run, folder, by_column(run, X)), expected(run, X)
    if "prediction" in found:
        return float(np.abs(found["prediction"] - wanted).max() / np.abs(wanted).max())
    assert found["label"].tolist() == Model.load(run).predict(X).tolist()
    return float(np.abs(found["probabilities"] - wanted).max())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation(name: str, tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 12, "activation": name}, {"type": "dense", "units": 6, "activation": name}]
    assert agrees(trained(tmp_path, layers=layers), tmp_path) < TOLERANCE


PARAMETERS: dict[str, Any] = {
    "elu": {"alpha": 0.5},
    "celu": {"alpha": 2.0},
    "leaky_relu": {"slope": 0.3},
    "gelu": {"approximate": "tanh"},
}


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_of_an_activation(name: str, tmp_path: Path) -> None:
    layers = [{"type": "dense", "units": 12, "activation": {"type": name, **PARAMETERS[name]}}]
    assert agrees(trained(tmp_path, layers=layers), tmp_path) < TOLERANCE


LAYER_CASES: dict[str, list[Any]] = {
    "activation": [{"type": "activation", "activation": "mish"}],
    "alpha_dropout": ["alpha_dropout"],
    "batch_norm": ["batch_norm", {"type": "batch_norm", "affine": False, "eps": 0.01}],
    "dense": [{"type": "dense", "units": 5, "bias": False}],
    "dropout": [{"type": "dropout", "rate": 0.3}],
    "gaussian_noise": ["gaussian_noise"],
    "layer_norm": ["layer_norm", {"type": "layer_norm", "affine": False}],
    "residual": [{"type": "residual", "layers": ["batch_norm", DENSE, {"type": "residual", "layers": [DENSE]}]}],
    "rms_norm": ["rms_norm", {"type": "rms_norm", "affine": False, "eps": 0.1}],
}


def test_every_layer_has_an_operator() -> None:
    assert set(LAYER_CASES) == set(LAYERS) == set(LAYER_OPERATORS)


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer(name: str, tmp_path: Path) -> None:
    assert agrees(trained(tmp_path, layers=[DENSE, *LAYER_CASES[name], DENSE]), tmp_path) < TOLERANCE


@pytest.mark.parametrize("loss", [name for name in LOSSES if "classification" in LOSSES[name].kinds])
@pytest.mark.parametrize("source", ["iris", "breast_cancer"])
def test_every_loss_of_classes(loss: str, source: str, tmp_path: Path) -> None:
    assert agrees(trained(tmp_path, source, loss=loss), tmp_path) < TOLERANCE


@pytest.mark.parametrize("loss", [name for name in LOSSES if "regression" in LOSSES[name].kinds])
def test_every_loss_of_numbers(loss: str, tmp_path: Path) -> None:
    data = {"source": "diabetes", "target_scale": "none" if loss == "poisson" else "minmax", "scale": "minmax"}
    assert agrees(trained(tmp_path, data=data, loss=loss), tmp_path) < TOLERANCE


def test_float64_is_exported_as_float32(tmp_path: Path) -> None:
    assert agrees(trained(tmp_path, train={"epochs": 3, "dtype": "float64"}), tmp_path) < TOLERANCE


def test_several_targets_and_several_labels(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    np.savez(tmp_path / "numbers.npz", X=X, y=X[:, :2] * [3.0, 100.0])
    np.savez(tmp_path / "labels.npz", X=X, y=(X[:, :2] > 0).astype(int))
    numbers = trained(tmp_path, str(tmp_path / "numbers.npz"))
    found = outputs_of(numbers, tmp_path, by_column(numbers, X))["prediction"]
    np.testing.assert_allclose(found, expected(numbers, X), rtol=1e-5, atol=1e-4)
    labels = trained(tmp_path, data={"source": str(tmp_path / "labels.npz"), "task": "multi_label"})
    found = outputs_of(labels, tmp_path, by_column(labels, X))
    np.testing.assert_allclose(found["probabilities"], expected(labels, X), atol=TOLERANCE)
    np.testing.assert_array_equal(found["label"], Model.load(labels).predict(X))


def table_feeds(path: Path, texts: tuple[str, ...]) -> dict[str, np.ndarray]:
    with path.open() as file:
        rows = list(csv.DictReader(file))
    feeds: dict[str, np.ndarray] = {}
    for name in list(rows[0])[:-1]:
        cells = [row[name] for row in rows]
        if name in texts:
            feeds[name] = np.array(cells, dtype=object)[:, None]
        else:
            feeds[name] = np.array([float(cell) if cell else np.nan for cell in cells])[:, None]
    return feeds


def test_text_and_missing_numbers(table: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, data={"source": str(table), "missing": "mean"})
    feeds = table_feeds(table, ("colour", "shape"))
    assert np.isnan(feeds["age"]).any()
    found = outputs_of(run, tmp_path, feeds)
    model = Model.load(run)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(table), atol=TOLERANCE)
    assert found["label"].tolist() == model.predict(table).tolist()


def every_kind(path: Path) -> None:
    """A table with a column of every kind, most of them with missing values."""
    random = Random(0)
    rows = []
    for i in range(200):
        moment = datetime(1962, 1, 1) + timedelta(days=random.randrange(20_000), minutes=random.randrange(1440))
        row = {
            "moment": f"{moment:%Y-%m-%d %H:%M}" if i % 13 else "",
            "iso": f"{moment:%Y-%m-%dT%H:%M:%S}",
            "day_first": f"{moment:%d.%m.%Y}" if i % 11 else "NA",
            "month_first": f"{moment:%m/%d/%Y}",
            "clock": f"{moment:%H:%M}" if i % 17 else "",
            "answer": ("", "no", "yes", "yes")[i % 4],
            "colour": ("red", "dark blue", "green", "")[i % 4],
            "number": "" if i % 5 == 0 else f"{random.random():.3f}",
            "whole": i % 7,
            "target": "late" if (moment.month > 6) ^ (i % 9 == 0) ^ (i % 5 == 0) else "early",
        }
        rows.append(row)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)


def test_every_kind_of_column(tmp_path: Path) -> None:
    path = tmp_path / "kinds.csv"
    every_kind(path)
    run = trained(tmp_path, str(path))
    columns = Model.load(run)._model.preprocessing.columns
    assert {column.kind for column in columns} == {"number", "boolean", "text", "date", "time"}
    assert any(column.marked for column in columns)
    texts = ("moment", "iso", "day_first", "month_first", "clock", "answer", "colour")
    found = outputs_of(run, tmp_path, table_feeds(path, texts))
    model = Model.load(run)
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(path), atol=TOLERANCE)
    assert found["label"].tolist() == model.predict(path).tolist()


def test_a_category_that_training_did_not_have(table: Path, tmp_path: Path) -> None:
    run = trained(tmp_path, str(table))
    row: dict[str, Any] = {"size": 1.0, "colour": "violet", "age": 30.0, "shape": "round"}
    texts = ("colour", "shape")
    feeds = {name: np.array([[value]], dtype=object if name in texts else float) for name, value in row.items()}
    wanted = Model.load(run).predict_proba({name: [value] for name, value in row.items()})
    np.testing.assert_allclose(outputs_of(run, tmp_path, feeds)["probabilities"], wanted, atol=TOLERANCE)


def test_a_column_may_be_called_as_an_output_is(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("label,x,y\n" + "\n".join(f"{i % 7},{i % 5},{'ab'[i % 2]}" for i in range(60)))
    run = trained(tmp_path, str(path))
    assert set(outputs_of(run, tmp_path, table_feeds(path, ()))) == {"label_", "probabilities"}


def test_without_onnx_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = trained(tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(EnvironmentFailure) as error:
        export(run.log, "onnx")
    assert str(error.value) == "--to onnx: needs onnx, which is not installed: pip install onnx"
