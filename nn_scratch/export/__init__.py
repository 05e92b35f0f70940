"""A run's model or log in the formats of other tools.

Each module writes one format: `write(run, folder)` makes its files in a folder and returns their paths, the main one
first. What it needs beyond the core is an extra of the same name.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from nn_scratch.errors import UserError
from nn_scratch.runs.files import make_folder
from nn_scratch.runs.run import Run
from nn_scratch.wording import did_you_mean

FORMATS = {
    "onnx": "the model with its preprocessing, for ONNX Runtime and others",
    "safetensors": "the trained parameters as named tensors",
    "tensorboard": "the log: curves, and histograms of weights, gradients and activations",
    "torch": "a script that rebuilds the network in PyTorch and loads its parameters",
    "keras": "a script that rebuilds the network in Keras and loads its parameters",
    "sklearn": "a script that rebuilds the network as a scikit-learn pipeline, where scikit-learn has its layers",
}


def export(run: Run, to: str, folder: Path | None = None) -> list[Path]:
    """Write a run's model or log in another format; returns the files, the main one first.

    folder: where to; None: export/ in the run's folder. EnvironmentFailure without the package of the format; UserError
    for a format that is not known, a run without a trained model, and a network that the format cannot hold.
    """
    if to not in FORMATS:
        raise UserError(f"--to {to}: no such format{did_you_mean(to, FORMATS)}")
    target = run.path / "export" if folder is None else folder
    module = import_module(f"nn_scratch.export.to_{to}")
    make_folder(target)
    written: list[Path] = module.write(run, target)
    return written
