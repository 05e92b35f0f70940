"""Fresh Python processes, timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from nn_scratch.config.project import HOME
from nn_scratch.errors import EnvironmentFailure


def run(*arguments: str, folder: Path = HOME, code: int = 0) -> str:
    """The standard output of a fresh interpreter. Raises EnvironmentFailure if its exit code is not `code`."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=folder, check=False, timeout=600
    )
    if done.returncode != code:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise EnvironmentFailure(f"python {' '.join(arguments)[:60]}: exit code {done.returncode}: {last}")
    return done.stdout


def seconds(*arguments: str, code: int = 0) -> float:
    """Wall seconds from start to end."""
    started = perf_counter()
    run(*arguments, code=code)
    return perf_counter() - started
