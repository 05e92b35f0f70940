"""Run the zoo, broken configs and healthy look-alikes, and print what the doctor found, missed and imagined."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nn_scratch.cli import parser, run_script


def main(arguments):
    from nn_scratch.doctor.command import zoo_command

    zoo_command(arguments)


if __name__ == "__main__":
    cli = parser(__doc__, ["examples:", "  python script/zoo.py", "  python script/zoo.py lr_too_high --seeds 1"])
    cli.add_argument("rules", nargs="*", metavar="RULE", help="the rules whose configs are run (default: all)")
    cli.add_argument("--seeds", type=int, default=5, metavar="N", help="seeds 1 to N (default: 5)")
    cli.add_argument("--jobs", type=int, metavar="N", help="processes (default: one a core)")
    sys.exit(run_script(main, cli))
