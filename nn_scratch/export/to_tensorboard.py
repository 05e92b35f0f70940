"""TensorBoard: the log of a run as scalars and histograms."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.resolve import config_from
from nn_scratch.config.writer import dump_config
from nn_scratch.optional import optional
from nn_scratch.runs.files import disk_errors, make_folder
from nn_scratch.runs.run import Run

MOST_HISTOGRAMS = 200  # epochs of each tensor; of more they are evenly spread
SUFFIX = ".nn_scratch"  # of the files that this module writes, and those that it replaces
NOT_SCORES = ("epoch", "step", "lr")
PER_LAYER = ("W_norm", "dW_norm", "update_ratio", "dead_share", "saturated_share")


def write(run: Run, folder: Path) -> list[Path]:
    """tensorboard/<run>/: what `tensorboard --logdir` shows, with epochs as steps.

    Scalars: each score (loss/train, loss/val ...), the learning rate, and norms a layer; histograms: weights, gradients
    and activations of the logged epochs; the config as text. Raises EnvironmentFailure where
    tensorboardX is not installed.
    """
    tensorboard = optional("tensorboardX", "--to tensorboard")
    target = folder / "tensorboard" / run.name
    make_folder(folder / "tensorboard")
    make_folder(target)
    with disk_errors(target):
        for earlier in target.glob(f"*{SUFFIX}"):  # tools show all events of a folder: they would be there twice
            earlier.unlink()
    seconds = clock(run)
    with tensorboard.SummaryWriter(str(target), write_to_disk=True, filename_suffix=SUFFIX) as writer:
        scalars(writer, run, seconds)
        histograms(writer, run, seconds)
        text = dump_config(config_from(run.config))
        writer.add_text("config", "```yaml\n" + text + "```", 0, walltime=float(seconds[0]))
    return [target]


def clock(run: Run) -> Any:
    """(epochs + 1,) the time of each epoch's end, in seconds since 1970."""
    end = (run.path / "run.json").stat().st_mtime
    times = np.nansum([run.times[name] for name in ("training", "evaluation", "logging")], axis=0)
    return end - times.sum() + np.concatenate([[0.0], np.cumsum(times)])


def scalars(writer: Any, run: Run, seconds: Any) -> None:
    metrics = run.metrics
    for column, values in metrics.items():
        if column in ("epoch", "step"):
            continue
        part, _, score = column.partition("_")
        tag = column if column in NOT_SCORES else f"{score}/{part}"
        for epoch, value in zip(metrics["epoch"].tolist(), values.tolist(), strict=True):
            if np.isfinite(value):
                writer.add_scalar(tag, value, epoch, walltime=float(seconds[epoch]))
    layers = run.layers
    for column in PER_LAYER:
        for epoch, layer, value in zip(layers["epoch"].tolist(), layers["layer"], layers[column].tolist(), strict=True):
            if np.isfinite(value) and epoch < len(seconds):
                writer.add_scalar(f"{column}/{layer}", value, epoch, walltime=float(seconds[epoch]))


def histograms(writer: Any, run: Run, seconds: Any) -> None:
    shown = np.unique(np.linspace(0, len(run.epochs) - 1, min(len(run.epochs), MOST_HISTOGRAMS)).astype(int))
    logged = dict.fromkeys(("weights", "gradients"), run.parameter_names) | {"activations": run.layer_names}
    for kind, names in logged.items():
        for name in names:
            if not run.has(kind, name):
                continue
            rows = getattr(run, kind)(name)
            for row in shown.tolist():
                values = np.asarray(rows[row], np.float64)
                epoch = int(run.epochs[row])
                if values.size and np.isfinite(values).all():
                    writer.add_histogram(f"{kind}/{name}", values, epoch, walltime=float(seconds[epoch]))
