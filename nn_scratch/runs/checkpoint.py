"""The checkpoint: a trainer's state as plain arrays in one .npz, with what is on disk at that moment. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nn_scratch.runs.files import read_npz, write_npz

Array = NDArray[Any]

ARRAYS = ("theta", "grad", "state", "best_theta", "best_state", "average")


def save(path: Path, state: Mapping[str, Any], committed: Mapping[str, Any]) -> None:
    """Write a trainer's state (`Trainer.state`) and what commit.json is to say beside it."""
    arrays = {name: state[name] for name in ARRAYS if name in state}
    arrays |= {f"optimizer.{name}": value for name, value in state["optimizer"].items()}
    rest = {name: state[name] for name in ("counters", "schedule", "order", "noise")}
    arrays["rest"] = np.frombuffer(json.dumps({**rest, "committed": committed}).encode(), np.uint8)
    write_npz(path, arrays)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state, and what was committed with it. A damaged file raises what it will."""
    arrays = read_npz(path)
    rest = json.loads(arrays.pop("rest").tobytes())
    committed = rest.pop("committed")
    optimizer = {
        name.removeprefix("optimizer."): value for name, value in arrays.items() if name.startswith("optimizer.")
    }
    return {**{name: arrays[name] for name in ARRAYS if name in arrays}, "optimizer": optimizer, **rest}, committed
