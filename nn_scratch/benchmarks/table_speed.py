"""Speed and memory on tables: reading against pandas, a whole command, predictions, and a file larger than memory.

Every ratio is of CPU times measured in turns in this run. What is compared with pandas needs pandas.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np

from nn_scratch.benchmarks.timing import ratio, take_turns
from nn_scratch.config.project import HOME
from nn_scratch.errors import EnvironmentFailure

ROWS, COLUMNS = 1_000_000, 10
TEXT_ROWS = 300_000  # of five columns of numbers and five of text
LIMIT = 500_000_000  # bytes of data that the process may hold, for a file of twice as many
WIDE = 500  # columns of that file


def measure(*, repeats: int = 3, rows: int = ROWS, limit: int | None = LIMIT) -> dict[str, Any]:
    """All figures; `limit`: bytes for the file larger than memory, None leaves that part out."""
    if sys.platform == "win32":
        raise EnvironmentFailure("benchmark tables: measures memory by calls that Windows lacks; use Linux or macOS")
    with tempfile.TemporaryDirectory(prefix="nn-scratch-") as place:
        folder = Path(place)
        numbers, texts, array = write_tables(folder, rows)
        found: dict[str, Any] = {
            "rows": rows,
            "columns": COLUMNS,
            "reading": {"numbers": reading(numbers, repeats), "text": reading(texts, repeats)},
            "command": whole_command(numbers, folder, rows),
        }
        run = folder / "small-001"
        child("train", f"data.source={numbers}", "train.epochs=1", SMALL, *LARGE_BATCH, folder=folder, name="small")
        found["predict"] = predicting(run, numbers, array, repeats)
        if limit is not None:
            found["larger_than_memory"] = larger_than_memory(folder, limit)
    return found


SMALL = "layers=[{type: dense, units: 16}]"
LARGE_BATCH = ("train.batch_size=1024", "diagnose.budget=0")


def write_tables(folder: Path, rows: int) -> tuple[Path, Path, Path]:
    """A CSV of numbers, one with text, and the first as .npy without its target."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, COLUMNS)).round(4)
    y = (X[:, 0] + rng.normal(size=rows) > 0).astype(int)
    numbers, texts, array = folder / "numbers.csv", folder / "text.csv", folder / "numbers.npy"
    np.savetxt(
        numbers,
        np.column_stack([X, y]),
        fmt=["%.4f"] * COLUMNS + ["%d"],
        delimiter=",",
        header=",".join([*(f"x{j}" for j in range(COLUMNS)), "y"]),
        comments="",
    )
    words = np.array([f"word {k}" for k in range(20)])[rng.integers(0, 20, (min(rows, TEXT_ROWS), 5))]
    with texts.open("w") as file:
        file.write("a,b,c,d,e,p,q,r,s,t,y\n")
        for row, entries, label in zip(X[:, :5].tolist(), words.tolist(), y.tolist(), strict=False):
            file.write(",".join([*map(repr, row), *entries, str(label)]) + "\n")
    np.save(array, X)
    return numbers, texts, array


def reading(path: Path, repeats: int) -> dict[str, Any]:
    """CPU seconds of reading a file as training does, and of pandas; and the ratio."""
    from nn_scratch.data.tables import load_table

    bursts = {"nn_scratch": timed(lambda: load_table(str(path), rng=np.random.default_rng(0)))}
    if find_spec("pandas") is not None:
        pandas = import_module("pandas")
        bursts["pandas"] = timed(lambda: pandas.read_csv(path))
    taken = take_turns(bursts, repeats)
    found: dict[str, Any] = {name: float(np.median(seconds)) for name, seconds in taken.items()}
    if "pandas" in taken:
        found["times_pandas"] = ratio(taken["nn_scratch"], taken["pandas"])["median"]
    return found


def timed(work: Callable[[], object]) -> Callable[[], float]:
    def burst() -> float:
        started = process_time()
        work()
        return process_time() - started

    return burst


def whole_command(path: Path, folder: Path, rows: int) -> dict[str, float]:
    """One epoch of the default config from the command to its end; memory is the peak of all that the process holds."""
    import resource  # not on Windows

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = perf_counter()
    peak = child("train", f"data.source={path}", "train.epochs=1", *LARGE_BATCH[:1], folder=folder, name="whole")
    wall = perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    array = rows * (COLUMNS + 1) * 8
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"wall_seconds": wall, "cpu_seconds": cpu, "peak_bytes": peak, "array_bytes": array}


CHILD = """
import json, resource, sys
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
from nn_scratch.cli import main
code = main(sys.argv[2:])
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print("peak", peak, file=sys.stderr)
sys.exit(code)
"""


def child(*arguments: str, folder: Path, name: str = "", limit: int = 0) -> int:
    """Run a command in a process of its own, quietly; returns its peak memory in bytes."""
    more = ["--outputs", str(folder), *(["--name", name] if name else [])]
    command = [sys.executable, "-c", CHILD, str(limit), *arguments, *more, "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=HOME, check=False)
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if done.returncode:
        error = next((line for line in done.stderr.splitlines() if not line.startswith("peak")), last)
        raise EnvironmentFailure(f"{' '.join(arguments)[:80]}: exit code {done.returncode}: {error}")
    return int(last.split()[1])


def predicting(run: Path, path: Path, array: Path, repeats: int) -> dict[str, float]:
    """CPU seconds of a CSV to a CSV against reading it alone, and rows a CPU second of an .npy before writing."""
    from nn_scratch.data.tables import load_table, open_rows
    from nn_scratch.experiments.model import load_model
    from nn_scratch.experiments.predict import predict_to
    from nn_scratch.runs.run import Run

    opened = Run(run)
    model = load_model(opened)
    rows = 0

    def predict_array() -> None:
        nonlocal rows
        rows = sum(len(model.predict(block.X)) for block in open_rows(array, model.preprocessing).blocks())

    taken = take_turns(
        {
            "reading": timed(lambda: load_table(str(path), rng=np.random.default_rng(0))),
            "csv": timed(lambda: predict_to(opened, str(path), StringIO())),
            "npy": timed(predict_array),
        },
        repeats,
    )
    return {
        "csv_over_reading": ratio(taken["csv"], taken["reading"])["median"],
        "npy_rows_a_second": rows / float(np.median(taken["npy"])),
    }


def larger_than_memory(folder: Path, limit: int) -> dict[str, Any]:
    """Train, diagnose, predict and draw the page of a file of twice the bytes that the process may hold."""
    path, n = folder / "large.npy", 2 * limit // (8 * WIDE)
    values = np.lib.format.open_memmap(path, mode="w+", dtype=np.float64, shape=(n, WIDE))
    rng = np.random.default_rng(0)
    for start in range(0, n, 10_000):
        block = rng.normal(size=(min(10_000, n - start), WIDE))
        block[:, -1] = block[:, 0] + rng.normal(size=len(block)) > 0
        values[start : start + len(block)] = block
    values.flush()
    del values
    commands = {
        "train": ("train", f"data.source={path}", "train.epochs=1", SMALL, *LARGE_BATCH),
        "diagnose": ("diagnose", "large-001"),
        "diagnose --data": ("diagnose", "--data", str(path)),
        "predict": ("predict", "large-001", str(path), "--out", str(folder / "predictions.csv")),
        "visualize": ("visualize", "large-001", "--no-film"),
    }
    peaks = {}
    for name, arguments in commands.items():
        peaks[name] = child(*arguments, folder=folder, name="large" if name == "train" else "", limit=limit)
    return {"limit": limit, "file_bytes": path.stat().st_size, "peak_bytes": peaks}


# ---- the report ----


def table(result: dict[str, Any]) -> str:
    command, predict = result["command"], result["predict"]
    lines = [f"Tables of {result['rows']:,} rows and {result['columns']} columns (CPU time)", ""]
    for what, found in result["reading"].items():
        against = f", {found['times_pandas']:.2f} times pandas" if "times_pandas" in found else " (pandas is not there)"
        lines.append(f"reading, {what}: {found['nn_scratch']:.2f} s{against}")
    lines += [
        f"one epoch, from the command to its end: {command['wall_seconds']:.1f} s, {command['cpu_seconds']:.1f} s of "
        f"CPU; peak memory {command['peak_bytes'] / command['array_bytes']:.1f} times the array",
        f"predict, CSV to CSV: {predict['csv_over_reading']:.2f} times reading alone",
        f"predict, .npy before writing: {predict['npy_rows_a_second']:,.0f} rows/s",
    ]
    if larger := result.get("larger_than_memory"):
        peaks = ", ".join(f"{name} {peak / 1e6:,.0f} MB" for name, peak in larger["peak_bytes"].items())
        lines.append(
            f"an .npy of {larger['file_bytes'] / 1e6:,.0f} MB where {larger['limit'] / 1e6:,.0f} MB are allowed, peak "
            f"memory: {peaks}"
        )
    return "\n".join(lines)
