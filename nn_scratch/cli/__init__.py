"""The command line: one module per command, the process around it, and the console output.

The module of a command has a docstring, `EXAMPLES`, `add_arguments(parser)` and `main(arguments)`, which returns the
document of --json. It imports slow modules inside its functions, so that --help is quick.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

COMMANDS = {
    "init": "write a config below the working directory",
    "train": "train the network that a config declares",
    "visualize": "draw a run: plots, film, page; or compare runs",
    "diagnose": "name the cause when a run does not learn",
    "predict": "predict new rows with a trained network",
    "sweep": "train many settings side by side and rank them",
    "runs": "list, remove, label and compare runs",
    "export": "write a run's model or log in the format of another tool",
    "zoo": "train the zoo of faults and diagnose each",
    "benchmark": "measure speed against other libraries",
}


def run_command(name: str, arguments: Sequence[str] | None = None, program: str | None = None) -> int:
    """Run one command and return its exit code.

    arguments: those of the process unless given. program: how the command is typed, for its usage line.
    """
    from importlib import import_module

    from nn_scratch.cli.output import add_output_arguments
    from nn_scratch.cli.process import parser, run_script
    from nn_scratch.config.project import as_typed

    module = import_module(f"nn_scratch.cli.{name}")
    cli = parser(module.__doc__ or "", [as_typed(line) for line in module.EXAMPLES], program)
    module.add_arguments(cli)
    add_output_arguments(cli)
    return run_script(module.main, cli, arguments)


def main(arguments: Sequence[str] | None = None) -> int:
    """`nn-scratch COMMAND ...` and `python -m nn_scratch COMMAND ...`; returns the exit code."""
    from nn_scratch import __version__
    from nn_scratch.wording import did_you_mean, visible

    program = "python -m nn_scratch" if sys.argv[0].endswith("__main__.py") else "nn-scratch"
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["--version"]:
        print(f"nn-scratch {__version__}")
        return 0
    if not given or given[0] in ("-h", "--help"):
        width = max(map(len, COMMANDS))
        print(f"usage: {program} COMMAND ...\n")
        print("\n".join(f"  {name:<{width}}  {summary}" for name, summary in COMMANDS.items()))
        print(f"\n{program} COMMAND --help lists the arguments of a command")
        return 0 if given else 2
    name, *rest = given
    if name not in COMMANDS:
        print(visible(f"{program} {name}: no such command{did_you_mean(name, COMMANDS)}"), file=sys.stderr)
        return 2
    return run_command(name, rest, f"{program} {name}")
