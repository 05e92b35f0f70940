"""The exported scripts rebuild the network in PyTorch, Keras and scikit-learn, and predict as we do."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from nn_scratch import Run
from nn_scratch.errors import UserError
from nn_scratch.export import export
from nn_scratch.nn.activations import ACTIVATIONS
from nn_scratch.nn.layers import LAYERS
from tests.export.conftest import DENSE, expected, raw_rows, trained
from tests.export.test_onnx import LAYER_CASES


def predicted(run: Run, to: str, folder: Path) -> np.ndarray:
    """What the script of a run predicts for the rows of its data set."""
    path = export(run.log, to, folder)[0]
    spec = importlib.util.spec_from_file_location("exported", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: np.ndarray = module.predict(raw_rows(run))
    return found


@pytest.fixture(params=["torch", "keras"])
def tool(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    pytest.importorskip("torch")
    pytest.importorskip(request.param)
    return str(request.param)


def wide(names: list[str]) -> list[dict[str, Any]]:
    return [{"type": "dense", "units": 6, "activation": name} for name in names]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("names", [list(ACTIVATIONS)[:10], list(ACTIVATIONS)[10:]], ids=["first", "last"])
def test_every_activation(tool: str, names: list[str], tmp_path: Path) -> None:
    run = trained(tmp_path, layers=wide(names), optimizer={"type": "adam", "lr": 0.001})
    np.testing.assert_allclose(predicted(run, tool, tmp_path), expected(run, raw_rows(run)), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
def test_every_layer(tool: str, tmp_path: Path) -> None:
    cases = {
        name: layers if tool == "torch" or name != "rms_norm" else layers[:1] for name, layers in LAYER_CASES.items()
    }
    assert set(cases) == set(LAYERS)
    layers = [DENSE, *(layer for name in cases if name != "dense" for layer in cases[name]), *cases["dense"]]
    run = trained(tmp_path, layers=layers)
    np.testing.assert_allclose(predicted(run, tool, tmp_path), expected(run, raw_rows(run)), atol=1e-5)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("source", "loss"),
    [
        ("iris", "mse"),
        ("iris", "binary_cross_entropy"),
        ("breast_cancer", "binary_cross_entropy"),
        ("diabetes", "huber"),
        ({"type": "diabetes"}, "mse"),
    ],
)
def test_predictions_come_as_ours(tool: str, source: Any, loss: str, tmp_path: Path) -> None:
    run = trained(tmp_path, source, loss=loss)
    np.testing.assert_allclose(predicted(run, tool, tmp_path), expected(run, raw_rows(run)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("source", "loss", "activation"),
    [
        ("iris", "auto", "relu"),
        ("breast_cancer", "auto", "tanh"),
        ("breast_cancer", "binary_cross_entropy", "sigmoid"),
        ("diabetes", "auto", "identity"),
    ],
)
def test_a_plain_network_is_a_pipeline_of_scikit_learns(
    source: str, loss: str, activation: str, tmp_path: Path
) -> None:
    layers = [{"type": "dense", "units": 9, "activation": activation}, {"type": "dropout", "rate": 0.1}]
    run = trained(tmp_path, source, loss=loss, layers=[*layers, *layers])
    np.testing.assert_allclose(predicted(run, "sklearn", tmp_path), expected(run, raw_rows(run)), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([DENSE, "batch_norm"], "--to sklearn: scikit-learn has no batch_norm; --to onnx takes every layer"),
        ([], "--to sklearn: scikit-learn needs a hidden layer; --to onnx takes every network"),
        (
            wide(["relu", "tanh"]),
            "--to sklearn: scikit-learn has one activation for all hidden layers (identity, relu, sigmoid or tanh) and "
            "none on the output; --to onnx takes every activation",
        ),
    ],
    ids=["layer", "none", "activation"],
)
def test_what_scikit_learn_has_not_is_named(layers: list[Any], message: str, tmp_path: Path) -> None:
    run = trained(tmp_path, layers=layers)
    with pytest.raises(UserError) as error:
        export(run.log, "sklearn")
    assert str(error.value) == message


def test_a_folder_of_any_name_writes_no_code(tmp_path: Path) -> None:
    run = trained(tmp_path)
    odd = tmp_path / '"""; raise SystemExit(9)  # '
    run.path.rename(odd)
    text = export(Run(odd).log, "sklearn", tmp_path / "there")[0].read_text()
    assert "SystemExit(9)" not in text.replace("SystemExit_9_", "")
    compile(text, "script", "exec")
