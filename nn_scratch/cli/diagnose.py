"""Say why a run does not learn, and which line of its YAML mends it; or look at a table before any training."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from nn_scratch.cli.printer import Printer
from nn_scratch.config.project import OUTPUTS, command
from nn_scratch.errors import UserError
from nn_scratch.runs.folder import shown

if TYPE_CHECKING:  # --help has no need of them
    from nn_scratch.doctor.trials import Arm
    from nn_scratch.runs.run import Run

EXAMPLES = (
    "examples:",
    "  python script/diagnose.py                       the newest run",
    "  python script/diagnose.py digits-001 --fix      tries the patches, writes config/digits.fixed.yaml",
    "  python script/diagnose.py --data table.csv      before any training",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("run", nargs="?", metavar="RUN", help="a folder, or its name under outputs/ (default: the newest)")
    cli.add_argument("--fix", action="store_true", help="try the patches on the same split with new seeds")
    cli.add_argument("--data", metavar="FILE", help="look at a table of data instead of a run")
    cli.add_argument("--target", metavar="COLUMN", help="with --data: the column to predict (default: the last)")
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")


def main(arguments: Namespace) -> None:
    """Diagnose a run, mend it, or look at a table before any training."""
    console = Printer()
    if arguments.data is not None:
        if arguments.run or arguments.fix:
            raise UserError("--data: looks at a file alone; leave out the run and --fix")
        data_command(arguments, console)
        return
    from nn_scratch.runs.run import Run

    outputs = Path(arguments.outputs) if arguments.outputs else OUTPUTS
    run = Run.open(arguments.run, outputs) if arguments.run else Run.newest(outputs)
    if arguments.fix:
        fix_command(run, console)
        return
    from nn_scratch.cli.diagnosis_text import rendered
    from nn_scratch.doctor.report import diagnose_and_keep

    console.say((run.name, "bold"))
    diagnosis = diagnose_and_keep(run)
    console.print(rendered(diagnosis, run.config, run.as_typed))
    if diagnosis.verdict == "sick":
        console.say("\nnext: ", (f"{command('diagnose')} {run.as_typed} --fix", "bold cyan"))


def fix_command(run: Run, console: Printer) -> None:
    """Search for the cure, show what was tried, and say what was written."""
    from nn_scratch.cli.diagnosis_text import rendered
    from nn_scratch.doctor.treatment import treat

    treatment = treat(run, told=lambda line: console.say((line, "dim")))
    console.print(rendered(treatment.diagnosis, run.config, run.as_typed))
    console.print()
    if treatment.before is not None:
        console.print(comparison(treatment.before, treatment.arms))
    console.print(Text(treatment.said, "bold"))
    if treatment.written is not None:
        console.say("next: ", (f"{command('train')} --config {shown(treatment.written)}", "bold cyan"))
    elif treatment.text:
        console.print(treatment.text)


def comparison(before: Arm, arms: Sequence[Arm]) -> Table:
    """Score with its spread over seeds, the gain over the run as it was with its interval, each class's recall, and
    what the doctor says: a candidate a row."""
    table = Table(box=None, pad_edge=False, header_style="dim", title="same split, new seeds")
    for title in ("", "seeds", "score", "gain [90 %]", "log loss", "recall of each class", "what the doctor says"):
        right = title in ("seeds", "score", "log loss")
        table.add_column(title, justify="right" if right else "left", overflow="fold")
    for arm in (before, *arms):
        says = ", ".join(sorted({trial.first_rule or trial.diagnosis.verdict for trial in arm.trials}))
        recall = " ".join(f"{name} {share:.2f}" for name, share in list(arm.recall().items())[:12])
        over = arm.over(before, held=True)
        gain = f"{over.score.mean:+.3f} [{over.score.low:+.3f}, {over.score.high:+.3f}]"
        spread = f" ± {arm.spread():.3f}" if len(arm.trials) > 1 else ""
        cells = (f"{arm.mean():.3f}{spread}", *(("", "") if arm is before else (gain, f"{-over.loss.mean:+.3f}")))
        table.add_row(arm.name, str(len(arm.trials)), *cells, recall, says)
    return table


def data_command(arguments: Namespace, console: Printer) -> None:
    """Look at a table, and print what is wrong with it."""
    from nn_scratch.cli.diagnosis_text import finding_lines
    from nn_scratch.doctor.table_checks import examine_file

    findings, told = examine_file(arguments.data, arguments.target)
    console.print(told)
    for number, finding in enumerate(findings, start=1):
        console.print()
        for line in finding_lines(finding, {}, number):
            console.print(line)
    if not findings:
        console.say(("nothing wrong was found", "bold green"))
