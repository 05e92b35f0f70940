"""The lower bounds of requirements.txt are true: the tests pass in a virtual environment of exactly those versions.

`python -m tests.bounds --python python3.11` makes one and runs a choice of the tests in it; `--highest` installs what
is newest instead, which shows whether another Python can be used.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CHOICE = [  # what touches each of the dependencies: training, resuming, pictures, film, configs, tables, the terminal
    *("tests/cli", "tests/config", "tests/data", "tests/experiments/test_train.py", "tests/experiments/test_resume.py"),
    *("tests/runs", "tests/visualize", "tests/test_metrics.py", "tests/robustness/test_signals.py"),
]
TOOLS = ["pytest", "pytest-xdist", "hypothesis", "jsonschema"]  # of the tests, in any version


def lowest(requirements: str) -> list[str]:
    """The requirements with each lower bound as the only version: numpy>=2.0 becomes numpy==2.0."""
    found = re.findall(r"^([A-Za-z0-9_-]+)>=([0-9.]+)", requirements, re.MULTILINE)
    assert len(found) == len([line for line in requirements.splitlines() if line and not line.startswith("#")])
    return [f"{name}=={version}" for name, version in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the interpreter (default: this one)")
    parser.add_argument("--highest", action="store_true", help="the newest versions instead of the lowest")
    parser.add_argument("tests", nargs="*", default=CHOICE, help="what is run (default: a choice)")
    options = parser.parse_args()
    requirements = (ROOT / "requirements.txt").read_text()
    wanted = ["-r", "requirements.txt"] if options.highest else lowest(requirements)
    with tempfile.TemporaryDirectory(prefix="nn_scratch-bounds-") as folder:
        python = Path(folder) / "bin" / "python"
        subprocess.run([options.python, "-m", "venv", folder], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *wanted, *TOOLS], check=True, cwd=ROOT)
        subprocess.run([python, "-m", "pip", "freeze"], check=True)
        command = [python, "-m", "pytest", "-q", "-n", "2", "-m", "not slow", "-p", "no:cacheprovider", *options.tests]
        return subprocess.run(command, check=False, cwd=ROOT).returncode


if __name__ == "__main__":
    sys.exit(main())
