"""What `script/train.py` does, from its arguments on."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from nn_scratch.config.resolve import change_config, load_config
from nn_scratch.config.schema import Config
from nn_scratch.errors import UserError
from nn_scratch.runs.folder import OUTPUTS


def train_command(arguments: Namespace) -> None:
    """Train, resume, or train with several seeds."""
    outputs = Path(arguments.outputs) if arguments.outputs else OUTPUTS
    if arguments.resume:
        resume_run(arguments, outputs)
        return
    if arguments.seeds is not None and arguments.seeds < 1:
        raise UserError(f"--seeds {arguments.seeds}: write 1 or more")
    config = load_config(arguments.config, arguments.overrides, arguments.name)
    if arguments.seeds is None:
        train_run(config, arguments, outputs)
    else:
        train_seeds(config, arguments, outputs)


def train_run(config: Config, arguments: Namespace, outputs: Path) -> None:
    from nn_scratch.console import TrainingView
    from nn_scratch.experiment import train

    with TrainingView(print_gradients=arguments.print_gradients) as view:
        run = train(config, outputs, view.announce)
        view.conclude(run)


def resume_run(arguments: Namespace, outputs: Path) -> None:
    from nn_scratch.console import TrainingView
    from nn_scratch.experiment import resume
    from nn_scratch.runs.run import Run

    if arguments.config or arguments.name or arguments.seeds is not None:
        raise UserError("--resume: takes train.epochs=N alone; all else is said by the run's own param.yaml")
    with TrainingView(print_gradients=arguments.print_gradients) as view:
        run = resume(Run.open(arguments.resume, outputs), arguments.overrides, view.announce)
        view.conclude(run)


def train_seeds(config: Config, arguments: Namespace, outputs: Path) -> None:
    """The same config with the seeds 1 to N; each run keeps its folder."""
    from nn_scratch.console import TrainingView
    from nn_scratch.experiment import train

    runs = []
    with TrainingView(print_gradients=arguments.print_gradients) as view:
        for seed in range(1, arguments.seeds + 1):
            runs.append(train(change_config(config, {"seed": seed}), outputs, view.announce))
        view.seeds(runs)
