"""Train the network that a config declares, and log everything to outputs/<run>/."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from nn_scratch.cli import parser, run_script


def main(arguments):
    from nn_scratch.commands import train_command

    train_command(arguments)


if __name__ == "__main__":
    cli = parser(
        __doc__,
        [
            "examples:",
            "  python script/train.py",
            "  python script/train.py optimizer.lr=0.01 layers.0.units=64 --name wider",
            "  python script/train.py --config my.yaml --seeds 5",
            "  python script/train.py --check",
            "  python script/train.py --resume digits-001 train.epochs=200",
        ],
    )
    cli.add_argument("overrides", nargs="*", metavar="key=value", help="change a value of the config")
    cli.add_argument("--config", metavar="FILE", help="the config (default: config/param.yaml of the project)")
    cli.add_argument("--name", help="replaces the config's name: the run is outputs/NAME-001")
    cli.add_argument("--check", action="store_true", help="look at the config before a long run: gradients, loss, time")
    cli.add_argument("--find-lr", action="store_true", help="find a learning rate by a short trial; draws its curve")
    cli.add_argument("--resume", metavar="RUN", help="go on with a run that was stopped, or further than it went")
    cli.add_argument("--seeds", type=int, metavar="N", help="train N runs, seeds 1 to N; print mean and spread")
    cli.add_argument("--print-gradients", action="store_true", help="print some gradients of each layer now and then")
    cli.add_argument("--watch", action="store_true", help="stop a run that learns nothing, and say why")
    cli.add_argument("--outputs", metavar="DIR", help="where runs are written (default: outputs/ of the project)")
    sys.exit(run_script(main, cli))
