"""Reads everything there is in a run's folder, as a script that server.py can run."""

from __future__ import annotations

import sys
from operator import attrgetter, methodcaller
from pathlib import Path

import numpy as np

from nn_scratch.cli.process import parser, run_script
from nn_scratch.experiments.model import load_model
from nn_scratch.runs.run import Run

DOCUMENTS = ("config", "info", "card", "signals", "committed", "diagnosis")
TABLES = ("metrics", "layers", "steps", "times")
ARRAYS = ("epochs", "layer_names", "parameter_names", "probe", "predictions", "model")


def tensors(kind):  # type: ignore[no-untyped-def]
    """A reader of every entry of the tensors of a kind."""

    def read(run):  # type: ignore[no-untyped-def]
        names = {"weights": run.parameter_names, "gradients": run.parameter_names, "confusion": ("train", "val")}
        for name in names.get(kind, run.layer_names):
            if run.has(kind, name):
                np.sum(getattr(run, kind)(name))

    return read


READERS = {
    **{name: attrgetter(name) for name in (*DOCUMENTS, *TABLES, *ARRAYS)},
    **{kind: tensors(kind) for kind in ("weights", "gradients", "activations", "confusion")},
    "checkpoint": methodcaller("checkpoint"),
    "load_model": load_model,
}


def main(arguments):  # type: ignore[no-untyped-def]
    from nn_scratch.errors import NNScratchError

    run = Run(Path(arguments.run))
    problems = []
    for name, read in READERS.items():
        try:
            with np.errstate(all="ignore"):
                read(run)
        except NNScratchError as error:
            problems.append(f"{name}: {error}")
    print("\n".join(problems))


if __name__ == "__main__":
    cli = parser(__doc__ or "")
    cli.add_argument("run")
    sys.exit(run_script(main, cli))
