"""A run as the plots read it: the words and arrays that pictures need."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.errors import UserError
from nn_scratch.metrics import Array
from nn_scratch.runs.run import Run
from nn_scratch.visualize.style import shortened
from nn_scratch.wording import did_you_mean, one_line

SCORES = {"accuracy": "accuracy", "r2": "R²", "rmse": "RMSE", "mae": "MAE"}
NEEDED = {
    "metrics": ("epoch", "step", "lr", "train_loss", "val_loss"),
    "layers": ("epoch", "layer"),
    "steps": ("step", "epoch", "layer", "lr", "loss", "loss_after", "grad_dot_update"),
}
SAMPLE = 1 << 16  # entries of one tensor row that percentiles are taken from
CURVE_POINTS = 240  # epochs that a curve of percentiles passes through


NOTHING_LOGGED = "it ended before its first weights were on disk"


class NotForThisRun(Exception):
    """A plot has nothing to show of this run; the message names what it needs."""


@dataclass
class View:
    """A run, and the layer that was selected (None: all)."""

    run: Run
    layer: str | None = None

    def __post_init__(self) -> None:
        for name, table in (("metrics", self.run.metrics), ("layers", self.run.layers), ("steps", self.run.steps)):
            missing = [column for column in NEEDED[name] if column not in table]
            if missing:
                raise UserError(f"{self.run.path / name}.csv: no column {missing[0]!r}; train the run anew")
        for layer in self.run.layer_names:
            for kind, name in (("weights", f"{layer}.W"), ("gradients", f"{layer}.W"), ("activations", layer)):
                if self.run.has(kind, name) and self._tensor(kind, layer).ndim != 3:
                    raise UserError(f"{self.run.path / kind / name}.npy: not a row of matrices; train the run anew")
        if self.layer is not None and self.layer not in self.run.layer_names:
            known = did_you_mean(self.layer, self.run.layer_names)
            raise UserError(f"--layer {self.layer}: {self.name} has no such layer{known}")

    # --- words

    @property
    def name(self) -> str:
        return self.run.name

    @cached_property
    def letters(self) -> frozenset[str]:
        """The letters of all names that pictures may show: of the run, its data, its config."""
        return frozenset(f"{self.run.path}{self.run.config}{self.run.card}")

    @cached_property
    def data_name(self) -> str:
        """digits, moons, or the file's name."""
        data = self.run.config.get("data")
        source = data.get("source") if isinstance(data, dict) else None
        if isinstance(source, dict):
            source = source.get("type") or source.get("path")
        return shortened(one_line(Path(str(source)).name), 48)

    @cached_property
    def shape(self) -> str:
        """The widths from input to output: 64-128-64-10; the inner ones of a deep network left out."""
        widths = [str(width) for width in self.widths]
        return "-".join(widths if len(widths) <= 9 else [*widths[:4], "…", *widths[-4:]])

    @cached_property
    def widths(self) -> list[int]:
        found: list[int] = []
        for layer in self.run.layer_names:
            if self.run.has("weights", f"{layer}.W"):
                inputs, units = self.run.weights(f"{layer}.W").shape[1:]
                found += [units] if found else [inputs, units]
            elif self.run.has("activations", layer):
                found.append(self.run.activations(layer).shape[2])
        return found

    @property
    def status(self) -> str:
        return str(self.run.info.get("status"))

    @cached_property
    def epochs_asked(self) -> int:
        asked = self.run.info.get("epochs_asked")
        return asked if isinstance(asked, int) else self.last_epoch

    @cached_property
    def warning(self) -> str:
        """The warning that its figures show; empty when training came to its end."""
        done = f"{self.last_epoch:,} of {self.epochs_asked:,} epochs"
        if self.status == "diverged":
            how = self.run.info.get("diverged")
            if isinstance(how, dict):
                return f"diverged in epoch {how.get('epoch')}, step {how.get('step')}: {how.get('layer')}"
            return f"diverged after {done}"
        if self.status == "interrupted":
            return f"interrupted after {done}"
        if self.status == "running":
            return f"still running, or killed: {done} so far"
        return ""

    @property
    def subtitle(self) -> str:
        return f"{self.name} · {self.data_name} · {self.shape}" if self.widths else f"{self.name} · {self.data_name}"

    # --- the task

    @cached_property
    def task(self) -> str:
        return str(self.run.card.get("task"))

    @property
    def classifies(self) -> bool:
        return self.task == "classification"

    @cached_property
    def class_names(self) -> list[str]:
        return [one_line(str(name)) for name in self.run.card.get("classes") or ()]

    @cached_property
    def feature_names(self) -> list[str]:
        statistics = self.run.card.get("feature_statistics")
        names = statistics.get("name") if isinstance(statistics, dict) else None
        return [one_line(str(name)) for name in names or ()]

    @cached_property
    def target_names(self) -> list[str]:
        return [one_line(str(name)) for name in self.run.card.get("target") or ("target",)]

    @cached_property
    def image_shape(self) -> tuple[int, int] | None:
        shape = self.run.card.get("image_shape")
        if isinstance(shape, list) and len(shape) == 2 and all(isinstance(side, int) and side > 0 for side in shape):
            return shape[0], shape[1]
        return None

    @cached_property
    def score(self) -> str:
        """The score that curves show: accuracy, or r2."""
        return "accuracy" if self.classifies else "r2"

    # --- epochs

    @cached_property
    def metrics(self) -> dict[str, Array]:
        """metrics.csv with a row for epoch 0 in front, where run.json holds the scores before the first step."""
        metrics = self.run.metrics
        initial = self.run.info.get("initial")
        if not isinstance(initial, dict) or not all(name in initial for name in metrics if "_" in name):
            return metrics
        first = {name: number(initial.get(name)) for name in metrics}
        return {name: np.concatenate([[first[name] if "_" in name else 0], metrics[name]]) for name in metrics}

    @cached_property
    def last_epoch(self) -> int:
        epochs = self.run.metrics["epoch"]
        return int(epochs[-1]) if len(epochs) else 0

    @cached_property
    def best_epoch(self) -> int | None:
        """The epoch that early stopping kept, or else the one of the lowest validation loss."""
        kept = self.run.info.get("best_epoch")
        if isinstance(kept, int) and 0 < kept <= self.last_epoch:
            return kept
        losses = self.run.metrics["val_loss"]
        if not np.isfinite(losses).any():
            return None
        return int(self.run.metrics["epoch"][np.nanargmin(np.where(np.isfinite(losses), losses, np.inf))])

    @cached_property
    def span(self) -> str:
        return f"epochs 0 to {self.last_epoch:,}" if self.last_epoch else "epoch 0"

    @cached_property
    def logged_span(self) -> str:
        """The epochs whose weights, gradients and activations were kept."""
        epochs = self.run.epochs.tolist()
        if len(epochs) < 2:
            return "epoch 0" if epochs else ""
        some = f", {len(epochs):,} of them logged" if len(epochs) < epochs[-1] - epochs[0] + 1 else ""
        return f"epochs {epochs[0]} to {epochs[-1]:,}{some}"

    # --- layers

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The layers to draw: the one that was selected, or all."""
        return (self.layer,) if self.layer is not None else self.run.layer_names

    @cached_property
    def hidden(self) -> tuple[str, ...]:
        return tuple(name for name in self.layers if name != "output")

    def series(self, column: str) -> dict[str, tuple[Array, Array]]:
        """layers.csv: for each layer its epochs and a column's values."""
        table = self.run.layers
        if column not in table:
            raise NotForThisRun(f"layers.csv has no column {column}")
        return {
            layer: (table["epoch"][here], table[column][here])
            for layer in self.layers
            for here in [table["layer"] == layer]
        }

    def step_series(self, column: str) -> dict[str, tuple[Array, Array]]:
        """steps.csv: for each layer its steps and a column's values."""
        table = self.run.steps
        if column not in table:
            raise NotForThisRun(f"steps.csv has no column {column}")
        return {
            layer: (table["step"][here], table[column][here])
            for layer in self.layers
            for here in [table["layer"] == layer]
        }

    def _tensor(self, kind: str, layer: str) -> Array:
        if kind == "activations":
            return self.run.activations(layer)
        return (self.run.weights if kind == "weights" else self.run.gradients)(f"{layer}.W")

    def tensors(self, kind: str) -> dict[str, Array]:
        """The layers' "weights", "gradients" (of W) or "activations"; raises NotForThisRun when none was logged."""
        suffix = "" if kind == "activations" else ".W"
        found = {layer: self._tensor(kind, layer) for layer in self.layers if self.run.has(kind, f"{layer}{suffix}")}
        rows = len(self.run.epochs)
        if not rows:
            raise NotForThisRun(NOTHING_LOGGED)
        found = {layer: values[:rows] for layer, values in found.items() if values.size and len(values) >= rows}
        if not found:
            raise NotForThisRun(f"it needs log.{kind}: true")
        return found


def number(value: Any) -> float:
    """A number of a JSON file; nan for any other value."""
    if isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value):
        return float(value)
    return float("nan")


def thinned(rows: int, most: int) -> Array:
    """At most `most` of `rows` rows, evenly spread, the first and the last among them."""
    return np.unique(np.linspace(0, rows - 1, min(rows, most)).round().astype(np.int64))


def row_sample(row: Array, most: int = SAMPLE) -> Array:
    """The entries of one row of a tensor log, or evenly spread ones of them, flat and finite."""
    flat = np.asarray(row).reshape(-1)
    if flat.size > most:
        flat = flat[:: -(-flat.size // most)]
    if not np.isfinite(flat).all():
        flat = flat[np.isfinite(flat)]
    return flat
