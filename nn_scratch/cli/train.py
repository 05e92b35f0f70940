"""Train the network that a config declares, and log everything to outputs/<run>/."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn_scratch.cli.output import add_fail_on, check_verdict
from nn_scratch.config.project import command as project_command
from nn_scratch.config.project import outputs_folder
from nn_scratch.errors import Diverged, UserError
from nn_scratch.wording import plural

if TYPE_CHECKING:  # these take a while to import, and --help has none
    from nn_scratch.cli.terminal import TrainingView
    from nn_scratch.config.parts import Named
    from nn_scratch.config.schema import Config
    from nn_scratch.experiments.train import ObserverFactory, Session
    from nn_scratch.runs.run import Run
    from nn_scratch.training.observers import Observer


LARGE_FILE = 20  # megabytes, about a second's reading
EXAMPLES = (
    "examples:",
    "  python script/train.py",
    "  python script/train.py optimizer.lr=0.01 layers.0.units=64 --name wider",
    "  python script/train.py --config my.yaml --seeds 5",
    "  python script/train.py --config my.yaml --folds 5",
    "  python script/train.py --check",
    "  python script/train.py --resume digits-001 train.epochs=200",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("overrides", nargs="*", metavar="key=value", help="change a value of the config")
    cli.add_argument("--config", metavar="FILE", help="the config (default: config/param.yaml)")
    cli.add_argument("--name", help="replaces the config's name: the run is outputs/NAME-001")
    cli.add_argument("--check", action="store_true", help="check the config before a long run: gradients, loss, time")
    cli.add_argument("--find-lr", action="store_true", help="run a learning-rate range test and draw its curve")
    cli.add_argument("--resume", metavar="RUN", help="resume a run that was stopped, or extend one")
    cli.add_argument(
        "--folds", type=int, metavar="K", help="cross-validate: train K runs, each with another Kth of the rows as test"
    )
    cli.add_argument("--seeds", type=int, metavar="N", help="train with seeds 1 to N; print mean and spread")
    cli.add_argument("--print-gradients", action="store_true", help="print sample gradients of each layer")
    cli.add_argument("--watch", action="store_true", help="stop a run that does not learn, and name the cause")
    add_fail_on(cli)
    cli.add_argument("--live", action="store_true", help="serve the run's page to this machine while it trains")
    cli.add_argument("--outputs", metavar="DIR", help="folder of the runs (default: outputs/)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Train, resume, train with several seeds, or try a config out; returns the runs for --json."""
    outputs = outputs_folder(arguments.outputs)
    if arguments.check or arguments.find_lr:
        return try_out(arguments, outputs)
    if arguments.resume:
        return concluded([resume_run(arguments, outputs)], arguments)
    if arguments.seeds is not None and arguments.seeds < 1:
        raise UserError(f"--seeds {arguments.seeds}: write 1 or more")
    if arguments.seeds is not None and arguments.folds is not None:
        raise UserError("--folds: leave out --seeds; for other folds set seed=N")
    from nn_scratch.config.resolve import load_config

    config = load_config(arguments.config, arguments.overrides, arguments.name)
    if arguments.folds is not None:
        return concluded(train_folds(config, arguments, outputs), arguments)
    if arguments.seeds is None:
        return concluded([train_run(config, arguments, outputs)], arguments)
    return concluded(train_seeds(config, arguments, outputs), arguments)


def concluded(runs: Sequence[Run], arguments: Namespace) -> dict[str, Any]:
    """The document of --json: a run, or several; raises VerdictFailure where --fail-on is met."""
    documents = [run_document(run) for run in runs]
    several = arguments.seeds is not None or arguments.folds is not None
    document = {"runs": documents, "scores": spreads_of(documents)} if several else documents[0]
    diagnoses = {entry["name"]: entry["diagnosis"] for entry in documents if entry["diagnosis"] is not None}
    check_verdict(arguments, diagnoses, document)
    return document


def spreads_of(documents: Sequence[dict[str, Any]]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Mean and sample standard deviation over runs of each score, by part; None of what fewer than 1 or 2 runs have."""
    from statistics import fmean, stdev

    scores: dict[str, dict[str, dict[str, float | None]]] = {}
    for part in ("train", "val", "test"):
        for name, value in (documents[0].get(part) or {}).items():
            if value is not None and not isinstance(value, (int, float)):
                continue  # recall, a number a class
            found = [(document.get(part) or {}).get(name) for document in documents]
            known = [number for number in found if number is not None]
            scores.setdefault(part, {})[name] = {
                "mean": fmean(known) if known else None,
                "std": stdev(known) if len(known) > 1 else None,
            }
    return scores


def run_document(run: Run) -> dict[str, Any]:
    """run.json with the run's path and the diagnosis."""
    from nn_scratch.runs.run import Run

    read = Run(run.path)  # anew: its diagnosis was written after it was read
    verdict = None if read.diagnosis is None else read.diagnosis["verdict"]
    return {**read.info, "path": str(read.path), "verdict": verdict, "diagnosis": read.diagnosis}


def try_out(arguments: Namespace, outputs: Path) -> dict[str, Any]:
    """Check a config (--check), or run a learning-rate range test (--find-lr); returns what was found."""
    flag = "--check" if arguments.check else "--find-lr"
    for other, given in (
        ("--find-lr", arguments.check and arguments.find_lr),
        ("--resume", arguments.resume),
        ("--seeds", arguments.seeds is not None),
        ("--folds", arguments.folds is not None),
    ):
        if given:
            raise UserError(f"{flag}: applies to a config and not to a run; leave out {other}")
    from nn_scratch.config.resolve import load_config

    config = load_config(arguments.config, arguments.overrides, arguments.name)
    return check_config(config, outputs) if arguments.check else find_rate(config, outputs)


def check_config(config: Config, outputs: Path) -> dict[str, Any]:
    """Print the findings of a check; raises UserError with its problems."""
    from nn_scratch.cli.printer import Printer
    from nn_scratch.cli.terminal import show_check
    from nn_scratch.experiments.build import build
    from nn_scratch.experiments.dry_run import check
    from nn_scratch.experiments.train import with_absolute_paths

    built = build(with_absolute_paths(config, outputs))
    checked = check(built)
    console = Printer()
    show_check(console, built, checked)
    document = {"name": config.name, **asdict(checked)}
    if checked.problems:
        failure = UserError([f"problem: {problem}" for problem in checked.problems])
        failure.document = document
        raise failure
    console.say(("no problem found", "bold"), ": train with the same command without --check")
    return document


def find_rate(config: Config, outputs: Path) -> dict[str, Any]:
    """Draw the curve of a learning-rate range test, print the suggested optimizer, and return both."""
    from threadpoolctl import threadpool_limits

    from nn_scratch.cli.printer import Printer
    from nn_scratch.experiments.build import build
    from nn_scratch.experiments.lr_range_test import find_lr
    from nn_scratch.experiments.train import with_absolute_paths
    from nn_scratch.runs.files import disk_errors
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.lr_curve import draw

    built = build(with_absolute_paths(config, outputs))
    with threadpool_limits(limits=built.threads, user_api="blas"):
        test = find_lr(built)
    path = outputs / f"{config.name}-find-lr.png"
    with disk_errors(outputs):
        outputs.mkdir(parents=True, exist_ok=True)
    how = f"{config.optimizer.type}, {plural(built.trainer.step_rows, 'row')} per step"
    draw(test, f"{config.name} · {built.data.card['origin']} · {how}", path)
    console = Printer()
    for notice in built.notices:
        console.say(("note:", "yellow"), f" {notice}")
    if test.suggestion is None:
        console.print("the loss decreases at no learning rate; run --check to find the reason")
    else:
        lowest = test.rates[test.smoothed.argmin()]
        console.print(
            f"the loss is lowest at a learning rate of {lowest:.2g}; a tenth of it is suggested for training:\n"
            f"optimizer: {as_written(config.optimizer.but(lr=test.suggestion))}",
        )
    console.print(f"the curve: {shown(path)}", soft_wrap=True)
    steps = {name: getattr(test, name).tolist() for name in ("rates", "losses", "smoothed")}
    return {"name": config.name, "suggestion": test.suggestion, "curve": str(path), **steps}


def as_written(optimizer: Named) -> str:
    """An optimizer as it stands in a config, without parameters at their defaults."""
    from nn_scratch.config.writer import yaml_line
    from nn_scratch.nn.optimizers import OPTIMIZERS

    defaults = {declared.name: declared.default for declared in OPTIMIZERS.parameters(optimizer.type)}
    given = {name: value for name, value in optimizer.parameters.items() if name == "lr" or value != defaults[name]}
    return yaml_line({"type": optimizer.type, **given})


def with_verdict(
    view: TrainingView,
    start: Callable[[ObserverFactory], Run],
    conclude: Callable[[Run], None] = lambda run: None,
    *,
    watch: bool,
    live: bool = False,
) -> Run:
    """Train, and print the doctor's verdict, whether the run finished or diverged."""
    from nn_scratch.cli.diagnosis_text import brief
    from nn_scratch.cli.viewer import start_viewer
    from nn_scratch.doctor.report import diagnose_and_keep
    from nn_scratch.doctor.watch import watch_session
    from nn_scratch.runs.run import Run

    sessions: list[Session] = []

    def observers_of(session: Session) -> Sequence[Observer]:
        sessions.append(session)
        observers = view.observers(session)
        if live:
            view.console.say(f"live: {start_viewer(session.folder)}")
        return [*observers, watch_session(session)] if watch else observers

    try:
        run = start(observers_of)
    except Diverged as error:
        view.close()
        diverged = Run(sessions[-1].folder)
        view.console.print(brief(diagnose_and_keep(diverged, sessions[-1].built.data), diverged.config))
        error.document = run_document(diverged)
        raise
    view.close()
    if sessions or run.diagnosis is None:  # else nothing was trained: a finished run was to go on no further
        data = sessions[-1].built.data if sessions else None
        view.console.print(brief(diagnose_and_keep(run, data), run.config))
    else:
        done = f"nothing left to do: {plural(run.info['epochs'], 'epoch')} of {run.info['epochs_asked']:,} done"
        view.console.print(f"{done}; more: --resume {run.as_typed} train.epochs=N")
    conclude(run)
    return run


def train_run(config: Config, arguments: Namespace, outputs: Path) -> Run:
    from nn_scratch.cli.terminal import TrainingView
    from nn_scratch.experiments.train import train_beside_checks

    with TrainingView(print_gradients=arguments.print_gradients) as view:
        start = partial(train_beside_checks, config, outputs)
        return with_verdict(view, start, view.conclude, watch=arguments.watch, live=arguments.live)


def resume_run(arguments: Namespace, outputs: Path) -> Run:
    from nn_scratch.cli.terminal import TrainingView
    from nn_scratch.experiments.train import resume
    from nn_scratch.runs.run import Run

    if arguments.config or arguments.name or arguments.seeds is not None or arguments.folds is not None:
        raise UserError("--resume: takes train.epochs=N alone; everything else is read from the run's own param.yaml")
    with TrainingView(print_gradients=arguments.print_gradients) as view:
        begun = Run.open(arguments.resume, outputs)
        epochs = begun.info["epochs"] if (begun.path / "run.json").exists() else 0
        start = partial(resume, begun, arguments.overrides)
        run = with_verdict(view, start, view.conclude, watch=arguments.watch, live=arguments.live)
        if run.info["epochs"] != epochs and (run.path / "report.html").exists():
            again = f"{project_command('visualize')} {run.as_typed} --page-only"
            view.console.say(f"report.html was drawn before these epochs; to draw it again: {again}")
        return run


def train_seeds(config: Config, arguments: Namespace, outputs: Path) -> list[Run]:
    """The same config with the seeds 1 to N; the runs share a folder, <name>-seeds-001/runs/."""
    from nn_scratch.cli.terminal import TrainingView
    from nn_scratch.config.resolve import change_config
    from nn_scratch.experiments.train import with_absolute_paths
    from nn_scratch.runs.folder import GROUPED, new_folder, shown

    config = with_absolute_paths(config, outputs)
    configs = [change_config(config, {"seed": seed}) for seed in range(1, arguments.seeds + 1)]
    folder = new_folder(f"{config.name}-seeds", outputs) / GROUPED
    with TrainingView(print_gradients=arguments.print_gradients) as view:
        runs = train_several(configs, folder, view, arguments)
        view.console.say("written to ", (f"{shown(folder)}/", "bold"))
        view.spreads(runs, "seed")
    return runs


def train_folds(config: Config, arguments: Namespace, outputs: Path) -> list[Run]:
    """A run for each fold as the test, below <name>-folds-001/; writes what each predicts for the rows it held out."""
    from nn_scratch.cli.terminal import TrainingView
    from nn_scratch.experiments.folds import fold_configs, write_folds
    from nn_scratch.experiments.train import with_absolute_paths
    from nn_scratch.runs.folder import GROUPED, new_folder, shown

    configs = fold_configs(with_absolute_paths(config, outputs), arguments.folds)
    folder = new_folder(f"{config.name}-folds", outputs)
    with TrainingView(print_gradients=arguments.print_gradients) as view:
        runs = train_several(configs, folder / GROUPED, view, arguments)
        write_folds(runs, folder)
        view.console.say("written to ", (f"{shown(folder)}/", "bold"), ": folds.csv, out_of_fold.csv, runs/")
        view.spreads(runs, "fold")
    return runs


def train_several(configs: Sequence[Config], folder: Path, view: TrainingView, arguments: Namespace) -> list[Run]:
    """A run of each config in `folder`: side by side in processes where that is faster, else one after another.

    The first that diverges, in their order, raises Diverged.
    """
    from nn_scratch.experiments.train import train

    if side_by_side(configs, arguments):
        runs = list(trained_side_by_side(configs, folder, view, arguments))
        (runs[-1].path / "run.json").touch()  # the last is the newest run, whichever ended last
        return runs
    return [
        with_verdict(view, partial(train, config, folder), watch=arguments.watch, live=arguments.live and not number)
        for number, config in enumerate(configs)
    ]


def side_by_side(configs: Sequence[Config], arguments: Namespace) -> bool:
    """Whether runs are trained in several processes: not where each uses all cores, or reads a large table."""
    import os

    from nn_scratch.experiments.build import build

    sources = (configs[0].data.source, configs[0].data.test_source)
    large = any(
        isinstance(source, str) and not (Path(source).is_file() and Path(source).stat().st_size < LARGE_FILE * 1e6)
        for source in sources
    )
    if len(configs) == 1 or arguments.live or large or (os.cpu_count() or 1) == 1:
        return False
    return build(configs[0]).threads == 1


def trained_side_by_side(
    configs: Sequence[Config], folder: Path, view: TrainingView, arguments: Namespace
) -> Iterator[Run]:
    from nn_scratch.experiments.parallel import Job, run_all
    from nn_scratch.experiments.train import remove_if_empty
    from nn_scratch.runs.folder import new_folder
    from nn_scratch.runs.run import Run

    folders = [new_folder(config.name, folder) for config in configs]
    jobs = []
    for config, path in zip(configs, folders, strict=True):
        output = JobOutput(arguments.print_gradients, arguments.watch, view.console.width)
        jobs.append(Job(config, output.conclude, observers=output.observers, outputs=folder, folder=path))
    try:
        for path, text, failure in run_all(jobs, stack=True):
            view.console.file.write(text)
            if failure is not None:
                failure.document = run_document(Run(path))
                raise failure
            yield Run(path)
    finally:
        for path in folders:
            remove_if_empty(path)


class JobOutput:
    """The output of a run in another process as text: the same lines as in this one, without colours."""

    def __init__(self, print_gradients: bool, watch: bool, width: int) -> None:
        self._print_gradients, self._watch, self._width = print_gradients, watch, width

    def observers(self, session: Session) -> Sequence[Observer]:
        from nn_scratch.cli.printer import Printer
        from nn_scratch.cli.terminal import TrainingView
        from nn_scratch.doctor.watch import watch_session

        self._text = StringIO()
        console = Printer(file=self._text, width=self._width)
        self._view = TrainingView(print_gradients=self._print_gradients, console=console)
        observers = self._view.observers(session)
        return [*observers, watch_session(session)] if self._watch else observers

    def conclude(self, run: Run) -> tuple[Path, str, Diverged | None]:
        """The run's folder, what was printed, and how it diverged."""
        from nn_scratch.cli.diagnosis_text import brief
        from nn_scratch.doctor.report import diagnose_and_keep

        self._view.console.print(brief(diagnose_and_keep(run), run.config))
        found = run.info["diverged"]
        failure = None if found is None else Diverged(*(found[name] for name in ("epoch", "step", "layer", "what")))
        return run.path, self._text.getvalue(), failure
