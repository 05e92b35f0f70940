"""safetensors: the trained parameters as named tensors, without pickle."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.config.writer import dump_config
from nn_scratch.experiments.model import load_model
from nn_scratch.optional import optional
from nn_scratch.runs.files import write_output
from nn_scratch.runs.run import Run


def write(run: Run, folder: Path) -> list[Path]:
    """model.safetensors: hidden_1.W (inputs, outputs), hidden_1.b ..., running statistics, preprocessing.<name>.

    The metadata hold `config` (YAML) and `preprocessing` (JSON: columns, classes, targets). Raises
    EnvironmentFailure where safetensors is not installed.
    """
    save = optional("safetensors.numpy", "--to safetensors").save
    model = load_model(run)
    network = model.network
    arrays = model.preprocessing.to_arrays()
    words = str(arrays.pop("words").item())
    tensors = {**network.named(network.theta), **network.named_state(network.state)}
    tensors |= {f"preprocessing.{name}": values for name, values in arrays.items()}
    metadata = {
        "format": "nn_scratch",
        "run": run.name,
        "config": dump_config(config_from(run.config)),
        "preprocessing": json.dumps(json.loads(words), ensure_ascii=False),
    }
    path = folder / "model.safetensors"
    write_output(path, save({name: np.ascontiguousarray(values) for name, values in tensors.items()}, metadata))
    return [path]
