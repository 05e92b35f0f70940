"""Say why a run does not learn, and which line of its YAML mends it; or look at a table before any training."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nn_scratch.cli import parser, run_script


def main(arguments):
    from nn_scratch.doctor.command import diagnose_command

    diagnose_command(arguments)


if __name__ == "__main__":
    cli = parser(
        __doc__,
        [
            "examples:",
            "  python script/diagnose.py                       the newest run",
            "  python script/diagnose.py digits-001 --fix      tries the patches, writes config/digits.fixed.yaml",
            "  python script/diagnose.py --data table.csv      before any training",
        ],
    )
    cli.add_argument("run", nargs="?", metavar="RUN", help="a folder, or its name under outputs/ (default: the newest)")
    cli.add_argument("--fix", action="store_true", help="try the patches on the same split with new seeds")
    cli.add_argument("--data", metavar="FILE", help="look at a table of data instead of a run")
    cli.add_argument("--target", metavar="COLUMN", help="with --data: the column to predict (default: the last)")
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")
    sys.exit(run_script(main, cli))
