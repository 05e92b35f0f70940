"""Fresh Python processes, timed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from nn_scratch.config.project import HOME


def run(*arguments: str, folder: Path = HOME) -> str:
    """What a fresh interpreter prints, whatever its exit code."""
    done = subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, cwd=folder, check=False, timeout=600
    )
    return done.stdout


def seconds(*arguments: str) -> float:
    """Wall seconds from start to end."""
    started = perf_counter()
    run(*arguments)
    return perf_counter() - started
