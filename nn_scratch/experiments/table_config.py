"""A config for a table: its columns with their types, and a network and a training that suit its size."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.config.writer import yaml_line
from nn_scratch.data.column_types import category_count
from nn_scratch.data.columns import Column
from nn_scratch.data.table import Table
from nn_scratch.metrics import Array
from nn_scratch.wording import one_line, plural, shortened

UNEVEN = 4.0  # times as many rows as the rarest class that the most frequent has, from which classes are weighted
LARGEST_WEIGHT = 2.0  # of a rare class: more of them are found, and the accuracy hardly falls
INIT = "glorot_uniform"  # smaller than he_normal, relu's own; on small tables it generalizes a little better
STEPS = 6000  # about how many a training takes at most
COMMENT_WIDTH = 28
VAL_SHARE = 0.15  # of the rows, and of the test as many


@dataclass(frozen=True)
class Settings:
    """Settings that follow from a table's size."""

    units: tuple[int, ...]
    batch_size: int
    epochs: int
    patience: int
    lr: float
    weight_decay: float
    ema_decay: float | None

    def overrides(self) -> dict[str, Any]:
        """The same as keys of a config."""
        return {
            "layers": [{"type": "dense", "units": units, "activation": "relu", "init": INIT} for units in self.units],
            "optimizer": {"type": "adamw", "lr": self.lr, "weight_decay": self.weight_decay},
            "schedule": {"type": "cosine"},
            "train": {
                "epochs": self.epochs,
                "batch_size": self.batch_size,
                "ema_decay": self.ema_decay,
                "early_stopping": {"monitor": "val_loss", "patience": self.patience, "restore_best": True},
            },
        }


def settings_for(training_rows: int) -> Settings:
    """Wider networks and larger batches for more rows; about as many steps for all of them."""
    batch = 32 if training_rows < 2_000 else 64 if training_rows < 10_000 else 128 if training_rows < 100_000 else 1024
    steps = max(1, round(training_rows / batch))
    epochs = int(np.clip(round(STEPS / steps, -1), 10, 200))
    return Settings(
        units=(128, 64) if training_rows < 2_000 else (128, 128) if training_rows < 10_000 else (256, 128),
        batch_size=batch,
        epochs=epochs,
        patience=max(5, epochs // 4),
        lr=0.0007 if training_rows < 2_000 else 0.002,
        weight_decay=0.01,
        ema_decay=0.98,
    )


def weights_for(table: Table) -> dict[str, float] | None:
    """A weight for each class that is rare: the root of how many times rarer it is than the most frequent, up to 2."""
    if table.task != "classification":
        return None
    counts = np.bincount(table.y, minlength=len(table.class_names))
    if counts.max() <= UNEVEN * max(1, counts.min()):
        return None
    weights = np.minimum(np.sqrt(counts.max() / np.maximum(counts, 1)), LARGEST_WEIGHT)
    return {
        name: round(float(weight), 2) for name, weight in zip(table.class_names, weights, strict=True) if weight > 1.2
    }


def config_for(table: Table, source: str, name: str) -> str:
    """The YAML of a config for a table, with a comment for what was found in it.

    source: the file as the user typed it.
    """
    rows = len(table.X)
    settings = settings_for(round(0.7 * rows))
    targets = list(table.target_names)
    weights = weights_for(table)
    monitor, watched = ("val_loss", "the validation") if validates(table) else ("train_loss", "the training")
    stratify = "classes in the same shares in train, val and test" if table.class_names else "classes only: no effect"
    lines = [
        "# yaml-language-server: $schema=param.schema.json",
        "#",
        f"# A network for {one_line(source)}: {plural(rows, 'row')}, {plural(len(table.columns), 'column')} used.",
        "",
        f"name: {yaml_line(name)}",
        "seed: 42",
        "data:",
        f"  source: {yaml_line(source)}",
        f"  target: {yaml_line(targets[0] if len(targets) == 1 else targets)}",
        *(f"  # {line}" for line in _target_lines(table)),
        f"  task: {table.task}",
        "  # Types of the columns as they are found; one that is set here replaces it: number, text, date or ignore.",
        *_column_lines(table),
        "  na_values: []             # what stands for a missing value, in addition to NA, NaN, null, None, ? and -",
        "  missing: auto             # numbers: mean, marked where informative; text: a category of its own",
        f"  split: {{train: 0.7, val: {VAL_SHARE}, test: {VAL_SHARE}}}",
        "  shuffle: true             # false: the rows stay in order, the last are the test",
        f"  stratify: true            # {stratify}",
        "  scale: standard           # features to mean 0 and standard deviation 1",
        "  target_scale: standard    # the target of a regression, likewise",
        "layers:                     # their units by the number of rows",
        *(f"  - {{type: dense, units: {units}, activation: relu, init: {INIT}}}" for units in settings.units),
        "loss: auto",
        *_weight_lines(table, weights),
        f"optimizer: {{type: adamw, lr: {settings.lr}, weight_decay: {settings.weight_decay}}}",
        "schedule: {type: cosine}    # the rate falls to 0",
        "train:",
        f"  epochs: {settings.epochs}",
        f"  batch_size: {settings.batch_size}",
        f"  ema_decay: {yaml_line(settings.ema_decay)}           # a moving average of the weights is scored and kept",
        f"  early_stopping:           # ends when {watched} rows are predicted no better; the best epoch is kept",
        f"    {{monitor: {monitor}, patience: {settings.patience}, restore_best: true, min_delta: 0.0}}",
        "log: {every: 1, weights: true, gradients: true, activations: true, probe_rows: 256, max_megabytes: 500}",
    ]
    return "\n".join(lines) + "\n"


def validates(table: Table) -> bool:
    """Whether the split that the config has leaves rows to validate with."""
    return round(VAL_SHARE * len(table.X)) > 0


def _target_lines(table: Table) -> list[str]:
    if table.task == "classification":
        counts = np.bincount(table.y, minlength=len(table.class_names))
        order = np.argsort(-counts, kind="stable")[:12]
        shown = ", ".join(f"{_shown(table.class_names[k])} {counts[k]:,}" for k in order)
        more = f" and {len(counts) - 12:,} more" if len(counts) > 12 else ""
        return [f"{len(counts)} classes: {shown}{more}", f"({one_line(table.task_rule)})"]
    low, high = table.y.min(axis=0), table.y.max(axis=0)
    found = [f"{_shown(name)}: {a:g} to {b:g}" for name, a, b in zip(table.target_names, low, high, strict=True)]
    return [*found, f"({one_line(table.task_rule)})"]


def _column_lines(table: Table) -> list[str]:
    left_out = dict(table.left_out)
    lines = ["  columns:" if left_out else "  columns: {}"]
    lines += [
        f"    {yaml_line(name) + ': ignore':<{COMMENT_WIDTH}}# {one_line(reason)}" for name, reason in left_out.items()
    ]
    for j, column in enumerate(table.columns):
        gaps = int(np.isnan(table.X[:, j]).sum()) if table.X.dtype.kind == "f" else 0
        missing = f"; {gaps:,} of {len(table.X):,} missing" if gaps else ""
        kind = column.kind if column.kind in ("number", "text", "date") else f"number ({column.kind})"
        entry = f"{yaml_line(one_line(column.name))}: {kind}"
        lines.append(f"    # {entry:<{COMMENT_WIDTH - 2}}  {_found(column, table.X[:, j])}{missing}")
    return lines


def _found(column: Column, values: Array) -> str:
    if column.kind == "text":
        shown = ", ".join(_shown(category) for category in column.categories[:5])
        more = ", ..." if len(column.categories) > 5 else ""
        return f"{category_count(len(column.categories))}: {shown}{more}"
    low, high = np.nanmin(values), np.nanmax(values)
    if column.kind == "date":
        days = np.array([low, high]).astype(np.int64).astype("datetime64[D]")
        return f"{days[0]} to {days[1]}"
    return "no and yes" if column.kind == "boolean" else f"{low:g} to {high:g}"


def _shown(text: str) -> str:
    return shortened(one_line(text), 30)


def _weight_lines(table: Table, weights: dict[str, float] | None) -> list[str]:
    if table.task != "classification":
        return ["class_weight: null"]
    if weights is None:
        return ["class_weight: null          # no class is rare"]
    return [
        "# The classes are uneven: rare ones count for more. balanced finds more of them yet, and lowers the accuracy;",
        "# null counts every row the same.",
        f"class_weight: {yaml_line(weights)}",
    ]


def default_name(path: Path) -> str:
    """The name of a table's runs and of its config, from that of its file."""
    stem = path.name.split(".")[0]
    kept = "".join(letter if letter.isascii() and (letter.isalnum() or letter in "._-") else "_" for letter in stem)
    return (kept.strip("._-") or "table")[:64]
