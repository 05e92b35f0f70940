"""The checkpoint: a trainer's state as plain arrays in one .npz, with what is on disk at that moment. No pickle."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.metrics import Array
from nn_scratch.runs.documents import MOST_COUNT
from nn_scratch.runs.files import read_npz, write_npz

ARRAYS = ("theta", "grad", "state", "best_theta", "best_state", "average", "step_best", "step_last")


def save(
    path: Path, state: Mapping[str, Any], committed: Mapping[str, Any], config: Mapping[str, Any] | None = None
) -> None:
    """Write a trainer's state (`Trainer.state`), what commit.json is to say beside it, and the config as it is run."""
    arrays = {name: state[name] for name in ARRAYS if name in state}
    arrays |= {f"optimizer.{name}": value for name, value in state["optimizer"].items()}
    rest = {name: state[name] for name in ("counters", "schedule", "order", "noise")}
    arrays["rest"] = np.frombuffer(json.dumps({**rest, "committed": committed, "config": config}).encode(), np.uint8)
    write_npz(path, arrays)


def load(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """The state, and what was committed with it. A damaged file may raise any exception."""
    arrays = read_npz(path)
    rest = json.loads(arrays.pop("rest").tobytes())
    rest.pop("config", None)
    committed = rest.pop("committed")
    optimizer = {
        name.removeprefix("optimizer."): value for name, value in arrays.items() if name.startswith("optimizer.")
    }
    return {**{name: arrays[name] for name in ARRAYS if name in arrays}, "optimizer": optimizer, **rest}, committed


def load_config(path: Path) -> dict[str, Any] | None:
    """The plain values of the config that the run was training with; None in a checkpoint of an earlier version."""
    rest = json.loads(read_npz(path, ("rest",))["rest"].tobytes())
    config: dict[str, Any] | None = rest.get("config")
    return config


def check(state: Mapping[str, Any], trainer: Mapping[str, Any]) -> None:
    """Raise ValueError unless a state that was loaded is one that a trainer of such a state can take up."""
    for name in ("theta", "grad", "state", *(name for name in ("average",) if name in trainer)):
        check_array(name, state.get(name), trainer[name])
    if "best_theta" in state:
        check_array("best_theta", state["best_theta"], trainer["theta"])
        check_array("best_state", state.get("best_state"), trainer["state"])
    if state["optimizer"].keys() != trainer["optimizer"].keys():
        raise ValueError("its optimizer is another")
    for name, values in trainer["optimizer"].items():
        if name != "pairs":  # of L-BFGS: as many as there are by now
            check_array(name, state["optimizer"][name], values)
    for name in ("counters", "schedule"):
        found, expected = state[name], trainer[name]
        if not isinstance(found, dict) or found.keys() != expected.keys():
            raise ValueError(f"the {name} are not those of this run")
        for key, value in expected.items():
            fits = is_count(found[key]) if isinstance(value, int) else isinstance(found[key], int | float)
            if not fits:
                raise ValueError(f"{key} is not a number that it could be")


def is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < MOST_COUNT


def check_array(name: str, found: Any, expected: Array) -> None:
    if found is None or found.shape != expected.shape or found.dtype != expected.dtype:
        raise ValueError(f"{name} is no {expected.dtype} array of shape {expected.shape}")
