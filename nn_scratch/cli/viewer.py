"""The live page's server as a process of its own, beside a training."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import nn_scratch
from nn_scratch.errors import EnvironmentFailure

# the cores are for the training
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def start_viewer(folder: Path) -> str:
    """Start the page's server in a process of its own, which ends after the run; returns its address.

    It is in a session of its own, so that Ctrl-C reaches the training alone.
    """
    package = str(Path(nn_scratch.__file__).parents[1])
    paths = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
    command = [sys.executable, "-m", "nn_scratch", "visualize", "--live", "--until-ended", str(folder.resolve())]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, **ONE_THREAD, "PYTHONPATH": paths},
            start_new_session=True,
            text=True,
        )
    except OSError as error:
        raise EnvironmentFailure(f"--live: the viewer could not be started: {error.strerror}") from None
    assert process.stdout is not None
    with process.stdout as lines:
        line = lines.readline()
    if not line.startswith("live: "):
        raise EnvironmentFailure("--live: the viewer could not be started; train without --live")
    process.returncode = 0  # it keeps running on its own: no process waits for it
    return line.removeprefix("live: ").split("  ")[0].strip()
