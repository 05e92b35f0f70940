"""Small runs with a known fault, trained once a session."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nn_scratch.config.resolve import config_from
from nn_scratch.errors import Diverged
from nn_scratch.experiments.train import train
from nn_scratch.runs.run import Run

BASE: dict[str, Any] = {
    "name": "case",
    "data": {"source": {"type": "blobs", "rows": 300, "classes": 3, "noise": 1.0}},
    "layers": [{"type": "dense", "units": 16, "activation": "relu"}],
    "optimizer": {"type": "adam", "lr": 0.01},
    "train": {"epochs": 20},
    "log": {"probe_rows": 64},
}

Trained = Callable[..., Run]


@pytest.fixture
def trained(tmp_path: Path) -> Trained:
    """Trains BASE with its sections replaced; a run that diverges is returned as it stands."""

    def go(**sections: Any) -> Run:
        try:
            return train(config_from({**BASE, **sections}), tmp_path)
        except Diverged:
            return Run.newest(tmp_path)

    return go
