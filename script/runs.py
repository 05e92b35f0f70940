"""List, remove, label and compare runs."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nn_scratch.cli import run_command

if __name__ == "__main__":
    sys.exit(run_command("runs"))
