"""Measure speed against other libraries, the cost of logging, start-up time, memory, the film, and accuracy."""

from __future__ import annotations

import argparse
import os
from argparse import Namespace
from typing import Any

from nn_scratch.errors import UserError
from nn_scratch.wording import did_you_mean

SUBJECTS = (
    "train",
    "logging",
    "startup",
    "memory",
    "fit",
    "sync",
    "video",
    "pictures",
    "accuracy",
    "sweep",
    "stacked",
    "page",
)
SWEEP_PARTS = ("processes", "stacked", "local", "dask")
MATRIX_SUBJECTS = ("train", "logging", "stacked")  # which take workloads and threads
EXAMPLES = (
    "examples:",
    "  python script/benchmark.py train --workloads W1,W2",
    "  python script/benchmark.py sweep --parts processes,local --repeats 3",
    "  python script/benchmark.py startup memory --json",
    "  python script/benchmark.py tables                reading, predicting, memory, a file larger than memory",
    "  python script/benchmark.py tables FOLDER         test scores on the tables of a folder",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)}; tables [FOLDER]")
    cli.add_argument("--threads", type=int, default=1, help="cores and BLAS threads (default: 1)")
    cli.add_argument("--workloads", metavar="W1,W2,...", help="which networks (default: W1 to W5), or which tables")
    cli.add_argument("--parts", metavar="PART,...", help=f"of sweep: {', '.join(SWEEP_PARTS)} (default: all)")
    cli.add_argument("--repeats", type=int, default=5, help="repeats of every measurement (default: 5)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Measure the subjects and print a table of each; returns the measurements by subject."""
    if arguments.subjects[:1] == ["tables"]:
        return measure_tables(arguments)
    for subject in arguments.subjects:
        if subject not in SUBJECTS:
            raise UserError(f"{subject}: no such subject{did_you_mean(subject, (*SUBJECTS, 'tables'))}")
    parts = arguments.parts.split(",") if arguments.parts else list(SWEEP_PARTS)
    for part in parts:
        if part not in SWEEP_PARTS:
            raise UserError(f"--parts {part}: no such part of sweep{did_you_mean(part, SWEEP_PARTS)}")
    if arguments.subjects not in (["sweep"], ["page"]):  # which measure processes, on every core
        pin(arguments.threads)  # before NumPy and its peers are imported: they read it then
    import importlib

    measured = {}
    for subject in arguments.subjects or SUBJECTS[:-1]:  # the page needs a browser: only when it is named
        module = importlib.import_module(f"nn_scratch.benchmarks.{subject}")
        options: dict[str, Any] = {"threads": arguments.threads} if subject in MATRIX_SUBJECTS else {}
        if arguments.workloads and subject in MATRIX_SUBJECTS:
            options["names"] = arguments.workloads.split(",")
        if subject == "sweep":
            options["parts"] = parts
        result = module.measure(repeats=arguments.repeats, **options)
        print(module.table(result) + "\n", flush=True)
        measured[subject] = result
    return measured


def measure_tables(arguments: Namespace) -> dict[str, Any]:
    """Speed and memory on tables; with a folder of tables, scores on them against the default and scikit-learn."""
    if len(arguments.subjects) > 2:
        raise UserError("tables: name one folder of tables at most: benchmark tables [FOLDER]")
    pin(arguments.threads)
    if len(arguments.subjects) == 1:
        from nn_scratch.benchmarks import table_speed

        speed = table_speed.measure(repeats=arguments.repeats)
        print(table_speed.table(speed), flush=True)
        return {"tables": speed}
    from nn_scratch.benchmarks import tables

    names = arguments.workloads.split(",") if arguments.workloads else None
    result = tables.measure(repeats=arguments.repeats, folder=arguments.subjects[1], names=names)
    print(tables.table(result), flush=True)
    return {"tables": result}


def pin(threads: int) -> None:
    """Restrict the process to `threads` cores and BLAS threads, for all libraries alike."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])
