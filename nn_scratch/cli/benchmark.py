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
    "profile",
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
PARTS = {
    "sweep": ("processes", "stacked", "local", "dask"),
    "page": ("frames", "live"),
    "tables": ("reading", "command", "predict", "large"),
}
REPEATS = 5
MATRIX_SUBJECTS = ("train", "profile", "logging", "stacked")  # which take workloads and threads
EXAMPLES = (
    "examples:",
    "  python script/benchmark.py train --workloads W1,W2",
    "  python script/benchmark.py sweep --parts processes,local --repeats 3",
    "  python script/benchmark.py page --parts live",
    "  python script/benchmark.py startup memory --json",
    "  python script/benchmark.py tables                reading, predicting, memory, a file larger than memory",
    "  python script/benchmark.py tables --parts reading,predict",
    "  python script/benchmark.py tables FOLDER         test scores on the tables of a folder",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("subjects", nargs="*", metavar="SUBJECT", help=f"{', '.join(SUBJECTS)}; tables [FOLDER]")
    cli.add_argument("--threads", type=int, default=1, help="cores and BLAS threads (default: 1)")
    cli.add_argument("--workloads", metavar="W1,W2,...", help="which networks (default: W1 to W5), or which tables")
    cli.add_argument("--parts", metavar="PART,...", help=f"{parts_of_subjects()} (default: all)")
    cli.add_argument("--repeats", type=int, help=f"repeats of every measurement (default: {REPEATS}; of tables: 3)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Measure the subjects and print a table of each; returns the measurements by subject."""
    if arguments.subjects[:1] == ["tables"]:
        return measure_tables(arguments)
    for subject in arguments.subjects:
        if subject not in SUBJECTS:
            raise UserError(f"{subject}: no such subject{did_you_mean(subject, (*SUBJECTS, 'tables'))}")
    parts = parts_by_subject(arguments)
    repeats = arguments.repeats or REPEATS
    if arguments.subjects not in (["sweep"], ["page"]):  # which measure processes, on every core
        pin(arguments.threads)  # before NumPy and its peers are imported: they read it then
    import importlib

    measured = {}
    for subject in arguments.subjects or SUBJECTS[:-1]:  # the page needs a browser: only when it is named
        module = importlib.import_module(f"nn_scratch.benchmarks.{subject}")
        options: dict[str, Any] = {"threads": arguments.threads} if subject in MATRIX_SUBJECTS else {}
        if arguments.workloads and subject in MATRIX_SUBJECTS:
            options["names"] = arguments.workloads.split(",")
        if subject in PARTS:
            options["parts"] = parts[subject]
        result = module.measure(repeats=repeats, **options)
        print(module.table(result) + "\n", flush=True)
        measured[subject] = result
    return measured


def parts_of_subjects() -> str:
    return "; ".join(f"of {subject}: {', '.join(parts)}" for subject, parts in PARTS.items())


def parts_by_subject(arguments: Namespace) -> dict[str, list[str]]:
    """The parts to be measured of each subject that has some: those named on the command line, else all."""
    named = arguments.parts.split(",") if arguments.parts else []
    subjects = [subject for subject in PARTS if subject in arguments.subjects] or list(PARTS)
    known = [part for subject in subjects for part in PARTS[subject]]
    for part in named:
        if part not in known:
            raise UserError(f"--parts {part}: no such part of {' or '.join(subjects)}{did_you_mean(part, known)}")
    chosen = {subject: [part for part in parts if part in named] for subject, parts in PARTS.items()}
    return {subject: chosen[subject] or list(parts) for subject, parts in PARTS.items()}


def measure_tables(arguments: Namespace) -> dict[str, Any]:
    """Speed and memory on tables; with a folder of tables, scores on them against the default and scikit-learn."""
    if len(arguments.subjects) > 2:
        raise UserError("tables: name one folder of tables at most: benchmark tables [FOLDER]")
    pin(arguments.threads)
    if len(arguments.subjects) == 1:
        from nn_scratch.benchmarks import table_speed

        speed = table_speed.measure(
            repeats=arguments.repeats or table_speed.REPEATS, parts=parts_by_subject(arguments)["tables"]
        )
        print(table_speed.table(speed), flush=True)
        return {"tables": speed}
    from nn_scratch.benchmarks import tables

    names = arguments.workloads.split(",") if arguments.workloads else None
    result = tables.measure(repeats=arguments.repeats or REPEATS, folder=arguments.subjects[1], names=names)
    print(tables.table(result), flush=True)
    return {"tables": result}


def pin(threads: int) -> None:
    """Restrict the process to `threads` cores and BLAS threads, for all libraries alike."""
    for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[variable] = str(threads)
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[-threads:])
