"""How much memory training takes beyond the process after its imports, on Linux."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from nn_scratch.benchmarks.children import run

ROWS = 60_000  # as many as MNIST has, of 784 features

CHILD = """
import json, sys
import sklearn.linear_model, sklearn.metrics, sklearn.neighbors
from nn_scratch.config.resolve import load_config
from nn_scratch.experiments.train import train
from pathlib import Path
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * int(next(line for line in lines if line.startswith("VmHWM")).split()[1])
before = peak()
layers = "layers=[{type: dense, units: 256}, {type: dense, units: 128}]"
config = load_config(None, ["data.source=" + sys.argv[1], layers, "train.epochs=1", "train.batch_size=128"])
train(config, Path(sys.argv[2]))
print(json.dumps({"before": before, "peak": peak()}))
"""


def measure(*, repeats: int = 1) -> dict[str, Any]:
    """Bytes: the data as float32, the peak of one epoch of 784-256-128-10, and what it is above the imports."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "data.npz")
        generator = np.random.default_rng(0)
        np.savez(file, X=generator.random((ROWS, 784), dtype=np.float32), y=generator.integers(0, 10, ROWS))
        found = json.loads(run("-c", CHILD, str(file), folder))
    data = ROWS * 784 * np.dtype(np.float32).itemsize
    return {"data": data, "above_imports": found["peak"] - found["before"], "allowed": 2 * data + 150_000_000}


def table(result: dict[str, Any]) -> str:
    megabytes = {name: value / 1e6 for name, value in result.items()}
    return (
        f"Memory of training 784-256-128-10 on {ROWS:,} rows: {megabytes['above_imports']:,.0f} MB above the process "
        f"after its imports; the data are {megabytes['data']:,.0f} MB, the goal {megabytes['allowed']:,.0f} MB"
    )
