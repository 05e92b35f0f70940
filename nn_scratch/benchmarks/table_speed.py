"""Speed and memory on tables: reading against pandas, a whole command, predictions, and a file larger than memory.

Every ratio is of CPU times measured in turns in this run. What is compared with pandas needs pandas.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
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
from nn_scratch.metrics import Array

ROWS, COLUMNS = 1_000_000, 10
TEXT_ROWS = 100_000  # of five columns of numbers and five of text
PREDICT_ROWS = 300_000
REPEATS = 3
LIMIT = 500_000_000  # bytes of data that the process may hold, for a file of twice as many
WIDE = 500  # columns of that file
PARTS = ("reading", "command", "predict", "large")
SMALL = "layers=[{type: dense, units: 16}]"
SAMPLE_SECONDS = 0.02  # from one look at the memory of processes to the next
LARGE_BATCH = ("train.batch_size=1024", "diagnose.budget=0")


def measure(
    *, repeats: int = REPEATS, parts: Collection[str] = PARTS, rows: int = ROWS, limit: int = LIMIT
) -> dict[str, Any]:
    """The figures of these parts; `limit`: bytes for the file larger than memory."""
    if sys.platform == "win32":
        raise EnvironmentFailure("benchmark tables: measures memory by calls that Windows lacks; use Linux or macOS")
    found: dict[str, Any] = {"rows": rows, "columns": COLUMNS, "repeats": repeats}
    with tempfile.TemporaryDirectory(prefix="nn-scratch-") as place:
        folder = Path(place)
        X, y = values_of(rows)
        numbers = folder / "numbers.csv"
        if not {*parts} <= {"large"}:
            write_numbers(numbers, X, y)
        if "reading" in parts:
            text = folder / "text.csv"
            write_text(text, X, y)
            found["reading"] = {"numbers": reading(numbers, repeats), "text": reading(text, repeats)}
        if "command" in parts:
            found["command"] = whole_command(numbers, folder, rows)
        if "predict" in parts:
            found["predict"] = predicting(folder, X[:PREDICT_ROWS], y[:PREDICT_ROWS], repeats)
        if "large" in parts:
            found["larger_than_memory"] = larger_than_memory(folder, limit)
    return found


def values_of(rows: int) -> tuple[Array, Array]:
    """Features (rows, COLUMNS) of four decimals, and two classes that one of them tells."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(rows, COLUMNS)).round(4)
    return X, (X[:, 0] + rng.normal(size=rows) > 0).astype(int)


def write_numbers(path: Path, X: Array, y: Array) -> None:
    np.savetxt(
        path,
        np.column_stack([X, y]),
        fmt=["%.4f"] * COLUMNS + ["%d"],
        delimiter=",",
        header=",".join([*(f"x{j}" for j in range(COLUMNS)), "y"]),
        comments="",
    )


def write_text(path: Path, X: Array, y: Array) -> None:
    n = min(len(X), TEXT_ROWS)
    words = np.array([f"word {k}" for k in range(20)])[np.random.default_rng(1).integers(0, 20, (n, 5))]
    with path.open("w") as file:
        file.write("a,b,c,d,e,p,q,r,s,t,y\n")
        for row, entries, label in zip(X[:n, :5].tolist(), words.tolist(), y.tolist(), strict=False):
            file.write(",".join([*map(repr, row), *entries, str(label)]) + "\n")


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
    """One epoch of the default config from the command to its end; memory is the peak of all that its processes hold,
    in a second run.

    libraries_bytes: the part of it that NumPy, SciPy and scikit-learn take by being imported.
    """
    import resource  # not on Windows

    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = perf_counter()
    command = ("train", f"data.source={path}", "train.epochs=1", *LARGE_BATCH[:1])
    peak = child(*command, folder=folder, name="whole")
    wall = perf_counter() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    array = rows * (COLUMNS + 1) * 8
    libraries = peak_of([sys.executable, "-c", LIBRARIES])
    with peak_of_processes() as peaks:
        child(*command, folder=folder, name="again")
    return {
        "wall_seconds": wall,
        "cpu_seconds": cpu,
        "peak_bytes": max(peak, *peaks),
        "libraries_bytes": libraries,
        "array_bytes": array,
    }


# On Linux ru_maxrss of a process that was just started is that of the one that started it; VmHWM is its own.
PEAK = """
import resource, sys
from pathlib import Path
status = Path("/proc/self/status")
found = [line for line in status.read_text().splitlines() if line.startswith("VmHWM")] if status.exists() else []
most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print("peak", 1024 * int(found[0].split()[1]) if found else most, file=sys.stderr)
"""
LIBRARIES = f"""
import nn_scratch.experiments.train, sklearn.linear_model, sklearn.neighbors, sklearn.tree
{PEAK}"""
CHILD = f"""
import resource, sys
limit = int(sys.argv[1])
if limit:
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
from nn_scratch.cli import main
code = main(sys.argv[2:])
{PEAK}
sys.exit(code)
"""


def child(*arguments: str, folder: Path, name: str = "", limit: int = 0) -> int:
    """Run a command in a process of its own, quietly; returns its peak memory in bytes."""
    more = ["--outputs", str(folder), *(["--name", name] if name else [])]
    return peak_of([sys.executable, "-c", CHILD, str(limit), *arguments, *more, "--quiet"])


@contextmanager
def peak_of_processes() -> Iterator[list[int]]:
    """A list that gets the most bytes that the processes below this one hold together, on Linux. Shared pages count
    once."""
    peaks, ended = [0], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            peaks[0] = max(peaks[0], sum(map(held_by, processes_below(os.getpid()))))

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        yield peaks
    finally:
        ended.set()
        sampler.join()


def processes_below(pid: int) -> list[int]:
    """The children of a process, and theirs; [] where the system does not say."""
    found: list[int] = []
    for tasks in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, tasks.read_text().split()):
                found += [child, *processes_below(child)]
    return found


def held_by(pid: int) -> int:
    """Bytes of a process, of shared pages its share; 0 where the system does not say."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return 1024 * int(line.split()[1])
    return 0


def peak_of(command: list[str]) -> int:
    """Run a process that ends by printing its peak memory; returns that, in bytes."""
    done = subprocess.run(command, capture_output=True, text=True, cwd=HOME, check=False)
    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
    if done.returncode:
        error = next((line for line in done.stderr.splitlines() if not line.startswith("peak")), last)
        raise EnvironmentFailure(f"{' '.join(command[4:])[:80]}: exit code {done.returncode}: {error}")
    return int(last.split()[1])


def predicting(folder: Path, X: Array, y: Array, repeats: int) -> dict[str, float]:
    """CPU seconds of a CSV to a CSV against reading it alone, and rows a CPU second of an .npy before writing."""
    from nn_scratch.data.tables import load_table, open_rows
    from nn_scratch.experiments.model import load_model
    from nn_scratch.experiments.predict import predict_to
    from nn_scratch.runs.run import Run

    path, array = folder / "predict.csv", folder / "predict.npy"
    write_numbers(path, X, y)
    np.save(array, X)
    child("train", f"data.source={path}", "train.epochs=1", SMALL, *LARGE_BATCH, folder=folder, name="small")
    opened = Run(folder / "small-001")
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
    rng = np.random.default_rng(0)
    values = rng.normal(size=(10_000, WIDE))
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": (n, WIDE)})
        for start in range(0, n, len(values)):
            block = values[: n - start]
            block += 0.01  # so that no row is another's equal
            block[:, -1] = block[:, 0] + rng.normal(size=len(block)) > 0
            file.write(block.tobytes())
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
    lines = [f"Tables of {result['rows']:,} rows and {result['columns']} columns (CPU time)", ""]
    for what, found in result.get("reading", {}).items():
        against = f", {found['times_pandas']:.2f} times pandas" if "times_pandas" in found else " (pandas is not there)"
        lines.append(f"reading, {what}: {found['nn_scratch']:.2f} s{against}")
    if command := result.get("command"):
        array = command["array_bytes"]
        pandas = result.get("reading", {}).get("numbers", {}).get("pandas")
        against = "" if pandas is None else f" ({command['wall_seconds'] / pandas:.1f} times pandas' reading)"
        lines.append(
            f"one epoch, from the command to its end: {command['wall_seconds']:.1f} s{against}, "
            f"{command['cpu_seconds']:.1f} s of CPU; peak memory {command['peak_bytes'] / array:.1f} times the array, "
            f"{command['libraries_bytes'] / array:.1f} of them for libraries"
        )
    if predict := result.get("predict"):
        lines += [
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
