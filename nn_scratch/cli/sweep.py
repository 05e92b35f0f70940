"""Train the settings that a config's `sweep:` block declares, side by side, and rank them."""

from __future__ import annotations

import argparse
from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nn_scratch.cli.slow_steps import LOGGER, announced
from nn_scratch.config.project import command, outputs_folder
from nn_scratch.errors import Diverged, NNScratchError

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from nn_scratch.experiments.sweeps.rows import Row
    from nn_scratch.experiments.sweeps.sweep import Swept

EXAMPLES = (
    "examples:",
    "  python script/sweep.py --config config/sweep.yaml",
    "  python script/sweep.py 'sweep={trials: 20, space: {optimizer.lr: {log: [1e-4, 0.1]}}}'",
    "  python script/sweep.py --config config/sweep.yaml sweep.trials=50 --jobs 2",
    "  python script/sweep.py --resume digits-sweep-001",
)
SHOWN_TRIALS = 10


class NoScore(NNScratchError):
    """No trial of a sweep has a score; document: what --json prints all the same.

    exit_code: that of the first trial that failed, or where all diverged that of a run that diverges.
    """

    def __init__(self, swept: Swept, document: dict[str, Any]) -> None:
        from nn_scratch.runs.folder import shown

        failed = next((row for row in swept.rows if row.exit_code), None)
        why = "training diverged" if failed is None else f"trial {failed.trial}: {failed.error}"
        super().__init__(f"{shown(swept.folder)}: none of {len(swept.rows)} trials has a score; {why}")
        self.exit_code = Diverged.exit_code if failed is None else failed.exit_code
        self.document = document


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("overrides", nargs="*", metavar="key=value", help="change a value of the config")
    cli.add_argument("--config", metavar="FILE", help="the config (default: config/param.yaml of the project)")
    cli.add_argument("--name", help="replaces the config's name: the sweep is outputs/NAME-sweep-001")
    cli.add_argument("--resume", metavar="SWEEP", help="resume a sweep that was stopped")
    cli.add_argument("--jobs", type=int, metavar="N", help="processes (default: one per core)")
    cli.add_argument("--dask", metavar="ADDRESS", help="run the trials on a Dask cluster, such as tcp://host:8786")
    cli.add_argument("--outputs", metavar="DIR", help="where sweeps are written (default: outputs/ of the project)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Run or resume a sweep, print its best trials and draw its page; raises NoScore where no trial has a score."""
    from rich.console import Console

    from nn_scratch.config.resolve import load_config
    from nn_scratch.errors import UserError
    from nn_scratch.experiments.parallel import processes
    from nn_scratch.experiments.sweeps.sweep import resume_sweep, sweep

    outputs = outputs_folder(arguments.outputs)
    if arguments.jobs is not None and arguments.jobs < 1:
        raise UserError(f"--jobs {arguments.jobs}: write 1 or more")
    processes(arguments.jobs)  # refused before a folder is made
    console = Console()
    progress = Progress(console)
    if arguments.resume:
        if arguments.config or arguments.name or arguments.overrides:
            raise UserError("--resume: takes no config and no overrides; the sweep's own param.yaml is used")
        folder = find_sweep(arguments.resume, outputs)
        with announced(arguments):
            LOGGER.info("resuming the trials")
            swept = resume_sweep(folder, jobs=arguments.jobs, dask=arguments.dask, report=progress.row)
    else:
        config = load_config(arguments.config, arguments.overrides, arguments.name)
        with announced(arguments):
            LOGGER.info("training the first trials")
            swept = sweep(
                config, outputs, jobs=arguments.jobs, dask=arguments.dask, report=progress.row, begun=progress.begun
            )
    with announced(arguments):
        LOGGER.info("comparing the trials")
        conclude(swept, console)
    document = {
        "sweep": str(swept.folder),
        "metric": swept.metric,
        "trials": [asdict(row) for row in swept.rows],
        "best": [row.trial for row in swept.ranked],
        "best_run": None if swept.best_run is None else str(swept.best_run.path),
    }
    if swept.rows and not swept.ranked:
        raise NoScore(swept, document)
    return document


def find_sweep(name: str, outputs: Path) -> Path:
    """A sweep's folder: a path, or its name under outputs/."""
    from nn_scratch.errors import UserError
    from nn_scratch.wording import did_you_mean

    for folder in (Path(name), outputs / name):
        if (folder / "rows").is_dir():
            return folder
    known = [path.parent.name for path in outputs.glob("*/rows")]
    raise UserError(f"{name}: is not a sweep under {outputs}{did_you_mean(Path(name).name, known)}")


class Progress:
    """A line a trial as each ends."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._of = ""

    def begun(self, swept: Swept) -> None:
        from rich.markup import escape

        from nn_scratch.runs.folder import shown

        sweep = swept.sweep
        self._of = f" of {sweep.trials}" if sweep.trials is not None and sweep.method != "grid" else ""
        seeds = f", {sweep.seeds} seeds each" if sweep.seeds > 1 else ""
        self._console.print(
            f"[bold]sweep[/] {escape(shown(swept.folder))}: {sweep.method} over {escape(', '.join(swept.keys))}{seeds}",
            highlight=False,
            soft_wrap=True,
        )
        if not sweep.log_tensors:
            self._console.print(
                "[yellow]note:[/] trials log no weights, gradients and activations; sweep.log_tensors=true logs them",
                highlight=False,
                soft_wrap=True,
            )

    def row(self, row: Row) -> None:
        from rich.markup import escape

        from nn_scratch.experiments.sweeps.sweep import as_cell

        values = "  ".join(f"{key}={as_cell(value)}" for key, value in row.values.items())
        score = f"{row.metric} {row.mean:.4g}" if row.scores else ""
        text = f"trial {row.trial}{self._of}  {row.status}  {score}  {values}  {row.error}"
        self._console.print(escape(" ".join(text.split())), highlight=False, soft_wrap=True)


def conclude(swept: Swept, console: Console) -> None:
    """The best trials, which of them are within the spread of the seeds, and the next command."""
    from rich.markup import escape

    from nn_scratch.experiments.sweeps.rows import indistinguishable
    from nn_scratch.runs.folder import shown
    from nn_scratch.visualize.sweep import draw_sweep

    counts: dict[str, int] = {}
    for row in swept.rows:
        counts[row.status] = counts.get(row.status, 0) + 1
    summary = ", ".join(f"{number} {status}" for status, number in counts.items())
    console.print(f"{len(swept.rows)} trials: {summary}", highlight=False)
    console.print(best_table(swept))
    near = indistinguishable(swept.rows, swept.minimize)
    if len(near) > 1:
        console.print(
            f"{len(near)} trials are within two standard errors of the best: {', '.join(map(str, near[:12]))}"
            f"{' ...' if len(near) > 12 else ''}; which of them is best, {swept.sweep.seeds} seeds cannot tell",
            highlight=False,
            soft_wrap=True,
        )
    elif swept.sweep.seeds == 1 and len(swept.rows) > 1:
        console.print(
            "[yellow]note:[/] each setting was trained once, and a lucky seed may win; "
            f"compare the best again: {command('sweep')} ... sweep.seeds=5",
            highlight=False,
            soft_wrap=True,
        )
    if swept.best_run is not None:
        console.print(
            f"trials were trained together; the best one, once more alone: {escape(shown(swept.best_run.path))}",
            highlight=False,
            soft_wrap=True,
        )
    if any(row.to_repeat for row in swept.rows):
        console.print(
            f"[yellow]note:[/] some trials failed because of this machine; once that is mended, {command('sweep')} "
            f"--resume {escape(shown(swept.folder))} runs them again",
            highlight=False,
            soft_wrap=True,
        )
    page = draw_sweep(swept)
    console.print(
        f"written: {escape(shown(swept.folder))}/ (trials.csv, best.yaml, {page.name})", highlight=False, soft_wrap=True
    )
    if swept.ranked:
        best = shown(swept.folder / "best.yaml")
        console.print(
            f"next: [bold cyan]{command('train')} --config {escape(best)}[/]", highlight=False, soft_wrap=True
        )


def best_table(swept: Swept) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("trial", swept.metric, *swept.keys):
        table.add_column(escape(title), justify="right", no_wrap=title == swept.metric, overflow="fold")
    for row in swept.ranked[:SHOWN_TRIALS]:
        spread = f" ± {row.std:.2g}" if len(row.scores) > 1 else ""
        values = [escape(short_cell(row.values[key])) if key in row.values else "" for key in swept.keys]
        table.add_row(str(row.trial), f"{row.mean:.4g}{spread}", *values)
    return table


def short_cell(value: Any) -> str:
    """A value with so many digits as a terminal has room for; trials.csv has all."""
    from nn_scratch.experiments.sweeps.sweep import as_cell

    return f"{value:.3g}" if isinstance(value, float) else as_cell(value)
