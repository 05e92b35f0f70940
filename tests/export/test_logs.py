"""safetensors and TensorBoard hold what the run's folder holds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from nn_scratch.errors import UserError
from nn_scratch.export import FORMATS, export
from tests.export.conftest import DENSE, trained


def test_safetensors_hold_the_parameters_and_the_preprocessing(tmp_path: Path) -> None:
    pytest.importorskip("safetensors")
    from safetensors import safe_open

    run = trained(tmp_path, layers=[DENSE, "batch_norm"])
    (path,) = export(run.log, "safetensors")
    assert path == run.path / "export" / "model.safetensors"
    with safe_open(str(path), "numpy") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no dict)
    np.testing.assert_array_equal(tensors["hidden_1.W"], run.log.model["parameters/hidden_1.W"])
    assert "hidden_1.batch_norm.running_mean" in tensors
    assert tensors["preprocessing.offset"].shape == (4,)
    assert json.loads(metadata["preprocessing"])["class_names"] == ["setosa", "versicolor", "virginica"]
    assert "optimizer: {type: adam, lr: 0.03" in metadata["config"]


def test_tensorboard_reads_back_scores_and_histograms(tmp_path: Path) -> None:
    pytest.importorskip("tensorboardX")
    accumulators = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = trained(tmp_path)
    for _ in range(2):  # the second replaces the first
        (folder,) = export(run.log, "tensorboard")
    events = accumulators.EventAccumulator(str(folder), size_guidance={"scalars": 0, "histograms": 0}).Reload()
    losses = [event.value for event in events.Scalars("loss/val")]
    np.testing.assert_allclose(losses, run.metrics["val_loss"], rtol=1e-6)
    assert [event.step for event in events.Histograms("weights/hidden_1.W")] == run.epochs.tolist()
    assert {"gradients/output.b", "activations/hidden_2"} <= set(events.Tags()["histograms"])


def test_a_format_that_is_not_known(tmp_path: Path) -> None:
    assert len(FORMATS) == 6
    with pytest.raises(UserError, match=r"^--to onx: no such format; did you mean 'onnx'\?$"):
        export(trained(tmp_path).log, "onx")
