"""A file of twice the memory that the process may take is trained on, in a process of its own."""

import os
import subprocess
import sys

import numpy as np
import pytest

CHILD = """
import json, resource, sys, threading
from pathlib import Path
from nn_scratch.config.resolve import load_config
from nn_scratch.data import array_files
from nn_scratch.experiments.train import train

def config(source):
    changes = ["train.epochs=1", "train.batch_size=1024", "layers=[{type: dense, units: 8}]", "diagnose.budget=0"]
    return load_config(None, [f"data.source=./{source}.npy", *changes])

def data_bytes():
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmData"))
    return 1024 * int(line.split()[1])

train(config("small"), Path("small"))  # what is imported, and the buffers of BLAS, are there from here on
threading.stack_size(1 << 18)  # the limit counts stacks whole, though next to nothing of them is used
limit = data_bytes() + int(sys.argv[1])
resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
if sys.argv[2] == "in memory":
    array_files.free_memory = lambda: None
run = train(config("large"), Path("large"))
print(*json.loads((run.path / "data.json").read_text())["notices"], sep="\\n")
"""


def run(memory: int, columns: int, how: str) -> subprocess.CompletedProcess[str]:
    """Train on a file of twice `memory` bytes where the process may take so much beyond its imports."""
    rng = np.random.default_rng(0)
    for name, rows in (("small", 12_000), ("large", 2 * memory // (8 * columns))):
        values = np.lib.format.open_memmap(f"{name}.npy", mode="w+", dtype=np.float64, shape=(rows, columns))
        for start in range(0, rows, 10_000):
            block = rng.normal(size=values[start : start + 10_000].shape)
            block[:, -1] = block[:, 0] > 0
            values[start : start + 10_000] = block
    command = [sys.executable, "-c", CHILD, str(memory), how]
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}  # each thread has a buffer
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the data of a process")
@pytest.mark.parametrize(
    ("memory", "columns"), [(32_000_000, 50), pytest.param(500_000_000, 500, marks=pytest.mark.slow)]
)
def test_a_file_of_twice_the_memory_is_trained_on_from_disk(memory, columns):
    done = run(memory, columns, "as free memory has it")
    assert done.returncode == 0, done.stderr
    assert "of features stay on disk, since memory would not hold them" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits the data of a process")
def test_the_limit_of_memory_holds():
    done = run(32_000_000, 50, "in memory")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].endswith("large.npy: too large for this machine's memory")
