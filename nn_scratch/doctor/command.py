"""What `script/diagnose.py` does, from its arguments on."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from nn_scratch.errors import UserError
from nn_scratch.runs.folder import OUTPUTS, shown

if TYPE_CHECKING:  # --help has no need of them
    from nn_scratch.doctor.treatment import Arm
    from nn_scratch.runs.run import Run


def diagnose_command(arguments: Namespace) -> None:
    """Diagnose a run, mend it, or look at a table before any training."""
    console = Console()
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
    from nn_scratch.doctor.report import diagnose_and_keep
    from nn_scratch.doctor.words import rendered

    console.print(f"[bold]{escape(run.name)}[/]", highlight=False)
    diagnosis = diagnose_and_keep(run)
    console.print(rendered(diagnosis, run.config), highlight=False)
    if diagnosis.verdict == "sick":
        console.print(f"\nnext: [bold cyan]python script/diagnose.py {escape(run.as_typed)} --fix[/]", highlight=False)


def fix_command(run: Run, console: Console) -> None:
    """Try the patches, show before and after, and say what was written."""
    from nn_scratch.doctor.treatment import treat
    from nn_scratch.doctor.words import rendered

    treatment = treat(run)
    console.print(rendered(treatment.diagnosis, run.config), highlight=False)
    console.print()
    if treatment.before is not None:
        console.print(comparison((treatment.before, *treatment.arms)))
    console.print(f"[bold]{escape(treatment.said)}[/]", highlight=False)
    if treatment.written is not None:
        console.print(
            f"next: [bold cyan]python script/train.py --config {escape(shown(treatment.written))}[/]", highlight=False
        )


def comparison(arms: Sequence[Arm]) -> Table:
    """Score with its spread over seeds, the worst class's recall, and what the doctor says, an arm a row."""
    table = Table(box=None, pad_edge=False, header_style="dim", title="same split, new seeds")
    for title in ("", "score", "recall of each class", "what the doctor says"):
        table.add_column(title, justify="right" if title == "score" else "left", overflow="fold")
    for arm in arms:
        says = ", ".join(sorted({trial.first_rule or trial.verdict for trial in arm.trials}))
        recall = " ".join(f"{escape(name)} {share:.2f}" for name, share in list(arm.recall().items())[:12])
        table.add_row(escape(arm.name), f"{arm.mean():.3f} ± {arm.spread():.3f}", recall, says)
    return table


def data_command(arguments: Namespace, console: Console) -> None:
    """Look at a table, and print what is wrong with it."""
    from nn_scratch.doctor.table_doctor import examine_file
    from nn_scratch.doctor.words import finding_lines

    findings, told = examine_file(arguments.data, arguments.target)
    console.print(told, highlight=False)
    for number, finding in enumerate(findings, start=1):
        console.print()
        for line in finding_lines(finding, {}, number):
            console.print(line, highlight=False)
    if not findings:
        console.print("[bold green]nothing wrong was found[/]")


def zoo_command(arguments: Namespace) -> None:
    """Run the zoo and print a table: found, missed, false alarms."""
    from nn_scratch.doctor.zoo import exhibits, tour
    from nn_scratch.errors import did_you_mean

    if arguments.seeds < 1:
        raise UserError(f"--seeds {arguments.seeds}: write 1 or more")
    everything = exhibits()
    rules = sorted({exhibit.rule for exhibit in everything})
    for name in arguments.rules:
        if name not in rules:
            raise UserError(f"{name}: the zoo has no such rule{did_you_mean(name, rules)}")
    chosen = [exhibit for exhibit in everything if not arguments.rules or exhibit.rule in arguments.rules]
    outcomes = tour(chosen, range(1, arguments.seeds + 1), arguments.jobs)
    table = Table(box=None, pad_edge=False, header_style="dim", title=f"the zoo, {arguments.seeds} seeds each")
    for title in ("config", "found", "missed", "false alarms", "named instead"):
        table.add_column(title, justify="right" if title in ("found", "missed", "false alarms") else "left")
    for outcome in outcomes:
        seeds, right = len(outcome.diagnoses), outcome.right
        wanted = "" if outcome.exhibit.healthy else outcome.exhibit.rule
        others = ", ".join(sorted({name or "nothing" for name in outcome.named if name != wanted}))
        counts = ("", "", f"{seeds - right}") if outcome.exhibit.healthy else (f"{right}", f"{seeds - right}", "")
        table.add_row(outcome.exhibit.name, *counts, others)
    console = Console()
    console.print(table)
    broken = [outcome for outcome in outcomes if not outcome.exhibit.healthy]
    healthy = [outcome for outcome in outcomes if outcome.exhibit.healthy]
    console.print(
        f"found {sum(o.right for o in broken)} of {sum(len(o.diagnoses) for o in broken)}, "
        f"false alarms {sum(len(o.diagnoses) - o.right for o in healthy)} of "
        f"{sum(len(o.diagnoses) for o in healthy)}",
        highlight=False,
    )
