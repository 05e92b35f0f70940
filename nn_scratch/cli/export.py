"""Write a run's model or log for another tool: ONNX, safetensors, TensorBoard, PyTorch, Keras, scikit-learn."""

from __future__ import annotations

import argparse
from argparse import Namespace
from typing import Any

from nn_scratch.cli.process import say
from nn_scratch.cli.slow_steps import LOGGER, announced

EXAMPLES = (
    "examples:",
    "  python script/export.py digits-001 --to onnx",
    "  python script/export.py digits-001 --to torch --out elsewhere/",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    from nn_scratch.export import FORMATS

    cli.add_argument("run", metavar="RUN", help="a run's folder, or its name under outputs/")
    known = "; ".join(f"{name}: {summary}" for name, summary in FORMATS.items())
    cli.add_argument("--to", metavar="FORMAT", required=True, help=known)
    cli.add_argument("--out", metavar="DIR", help="where to (default: export/ in the run's folder)")
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")


def main(arguments: Namespace) -> dict[str, Any]:
    from nn_scratch.config.project import outputs_folder
    from nn_scratch.export import export
    from nn_scratch.paths import expanded
    from nn_scratch.runs.folder import shown
    from nn_scratch.runs.run import Run

    run = Run.open(arguments.run, outputs_folder(arguments.outputs))
    with announced(arguments):
        LOGGER.info(f"exporting for {arguments.to}")
        written = export(run, arguments.to, expanded(arguments.out) if arguments.out else None)
    for path in written:
        say(shown(path))
    return {"run": run.name, "to": arguments.to, "written": [str(path) for path in written]}
