"""Say why a run does not learn, and which line of its YAML mends it; or look at a table before any training."""

from __future__ import annotations

import argparse
from argparse import Namespace
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Table
from rich.text import Text

from nn_scratch.cli.output import add_fail_on, check_verdict
from nn_scratch.cli.printer import Printer
from nn_scratch.cli.slow_steps import SlowSteps
from nn_scratch.config.project import command, outputs_folder
from nn_scratch.errors import UserError
from nn_scratch.runs.folder import shown

if TYPE_CHECKING:  # --help has no need of them
    from nn_scratch.doctor.diagnosis import Diagnosis
    from nn_scratch.doctor.trials import Arm
    from nn_scratch.runs.run import Run

EXAMPLES = (
    "examples:",
    "  python script/diagnose.py                       the newest run",
    "  python script/diagnose.py digits-001 --fix      tries the patches, writes config/digits.fixed.yaml",
    "  python script/diagnose.py digits-001 --apply 2  writes config/digits.fixed.yaml with the second patch, untried",
    "  python script/diagnose.py --data table.csv      before any training",
    "  python script/diagnose.py --data table.csv data.target=price data.ignore=[id]",
)


def add_arguments(cli: argparse.ArgumentParser) -> None:
    cli.add_argument("run", nargs="?", metavar="RUN", help="a folder, or its name under outputs/ (default: the newest)")
    cli.add_argument(
        "--fix", action="store_true", help="search for the patches that mend it, on the same split with new seeds"
    )
    cli.add_argument(
        "--budget",
        type=int,
        metavar="STEPS",
        help="with --fix: training steps that it may take (default: the run's diagnose.fix_budget)",
    )
    cli.add_argument("--apply", type=int, metavar="N", help="write the config with patch N, without trying it")
    cli.add_argument(
        "overrides", nargs="*", metavar="data.KEY=VALUE", help="with --data: how the table is read, as for training"
    )
    cli.add_argument("--data", metavar="FILE", help="look at a table of data instead of a run")
    cli.add_argument("--target", metavar="COLUMN", help="with --data: the column to predict (default: the last)")
    add_fail_on(cli)
    cli.add_argument("--outputs", metavar="DIR", help="where runs are (default: outputs/ of the project)")


def main(arguments: Namespace) -> dict[str, Any]:
    """Diagnose a run, mend it, or look at a table before any training; returns the document of --json."""
    console = Printer()
    if arguments.data is not None:
        overrides = [*([arguments.run] if arguments.run else []), *arguments.overrides]
        if arguments.fix or arguments.apply is not None or any("=" not in override for override in overrides):
            raise UserError("--data: checks a file alone; leave out the run, --fix and --apply")
        arguments.overrides = overrides
        return data_command(arguments, console)
    if arguments.overrides:
        raise UserError(f"{arguments.overrides[0]}: only --data takes keys of a config; a run has a config of its own")
    from nn_scratch.runs.run import Run

    outputs = outputs_folder(arguments.outputs)
    run = Run.open(arguments.run, outputs) if arguments.run else Run.newest(outputs)
    if arguments.fix and arguments.apply is not None:
        raise UserError("--apply: writes one patch, and --fix searches for several; leave one of them out")
    if arguments.budget is not None and not (arguments.fix and arguments.budget >= 1):
        raise UserError(f"--budget {arguments.budget}: how many training steps --fix may take, 1 or more")
    if arguments.fix:
        diagnosis, outcome = fix_command(run, arguments.budget, console)
        return concluded(run, diagnosis, arguments, treatment=outcome)
    if arguments.apply is not None:
        return apply_command(run, arguments.apply, console)
    from nn_scratch.cli.diagnosis_text import rendered
    from nn_scratch.doctor.report import diagnose_and_keep

    console.say((run.name, "bold"))
    with SlowSteps(lambda line: console.say((line, "dim"))):
        diagnosis = diagnose_and_keep(run)
    console.print(rendered(diagnosis, run.config, run.as_typed), crop=False)
    if any(finding.patches for finding in diagnosis.findings):
        console.say("\nnext: ", (f"{command('diagnose')} {run.as_typed} --fix", "bold cyan"), " (or --apply 1)")
    return concluded(run, diagnosis, arguments)


def concluded(run: Run, diagnosis: Diagnosis, arguments: Namespace, **more: Any) -> dict[str, Any]:
    """The document of --json: the diagnosis with the run it is of; raises VerdictFailure where --fail-on is met."""
    document = {"run": run.name, "path": str(run.path), **diagnosis.to_json(), **more}
    check_verdict(arguments, {run.name: diagnosis.to_json()}, document)
    return document


def fix_command(run: Run, budget: int | None, console: Printer) -> tuple[Diagnosis, dict[str, Any]]:
    """Search for the cure, show what was tried, and say what was written."""
    from nn_scratch.cli.diagnosis_text import rendered
    from nn_scratch.doctor.report import diagnose_and_keep
    from nn_scratch.doctor.treatment import treat

    with SlowSteps(lambda line: console.say((line, "dim"))):
        diagnosis = diagnose_and_keep(run)
    console.print(rendered(diagnosis, run.config, run.as_typed), crop=False)
    console.print()
    treatment = treat(run, diagnosis, report=lambda line: console.say((line, "dim")), budget=budget)
    if treatment.before is not None:
        console.print(comparison(treatment.before, treatment.arms))
    console.say((treatment.outcome, "bold"))
    if treatment.written is not None:
        console.say("next: ", (f"{command('train')} --config {shown(treatment.written)}", "bold cyan"))
    elif treatment.text:
        for line in treatment.text.splitlines():
            console.say(line)
    written = None if treatment.written is None else str(treatment.written)
    return diagnosis, {"said": treatment.outcome, "written": written}


def apply_command(run: Run, number: int, console: Printer) -> dict[str, Any]:
    """Write the run's config with one patch of its diagnosis."""
    from nn_scratch.config.project import CONFIGS
    from nn_scratch.doctor.report import patches_of
    from nn_scratch.doctor.treatment import applied, write_config

    patches = patches_of(run)
    if not 1 <= number <= len(patches):
        there = f"there are patches 1 to {len(patches)}" if patches else "the diagnosis has no patch"
        raise UserError(f"--apply {number}: {there}; {command('diagnose')} {run.as_typed} lists them")
    rule, patch = patches[number - 1]
    text = applied(run, rule, patch, f"patch {number} of the diagnosis of {run.name}; it has not been tried")
    path, problem = write_config(text, str(run.config["name"]), CONFIGS, run.path)
    for line in text.splitlines():
        console.say((line, "dim"))
    console.say((f"patch {number} is in {shown(path)}{problem}", "bold"))
    console.say("next: ", (f"{command('train')} --config {shown(path)}", "bold cyan"))
    return {"run": run.name, "rule": rule, "patch": patch.to_json(), "written": str(path)}


def comparison(before: Arm, arms: Sequence[Arm]) -> Group:
    """The candidates by number, each with its diagnosis, and a row of figures.

    Mean and spread of the score over seeds, the gain over the run as it was with its interval, the change of the log
    loss, the worst class's recall.
    """
    lines = [Text(f"{number}: {arm.name} ({verdicts(arm)})") for number, arm in enumerate(arms, start=1)]
    table = Table(box=None, pad_edge=False, header_style="dim")
    for title in ("", "seeds", "score", "gain", "90 % interval", "log loss", "worst recall"):
        table.add_column(title, justify="left" if title in ("", "90 % interval") else "right", no_wrap=True)
    for number, arm in enumerate((before, *arms)):
        over = arm.over(before, held=True)
        interval = f"{over.score.low:+.2f} to {over.score.high:+.2f}"
        gain = (f"{over.score.mean:+.3f}", interval, f"{-over.loss.mean:+.3f}") if number else ("", "", "")
        spread = f" ± {arm.spread():.3f}" if len(arm.trials) > 1 else ""
        recall = min(arm.recall().values(), default=None)
        table.add_row(
            str(number) if number else "as it was",
            str(len(arm.trials)),
            f"{arm.mean():.3f}{spread}",
            *gain,
            "" if recall is None else f"{recall:.2f}",
        )
    return Group(*lines, Text("same split, the same new seeds for all:", "dim"), table)


def verdicts(arm: Arm) -> str:
    """The diagnosis of a candidate's trials: the causes, or the verdict."""
    return ", ".join(sorted({trial.first_rule or trial.diagnosis.verdict for trial in arm.trials}))


def data_command(arguments: Namespace, console: Printer) -> dict[str, Any]:
    """Look at a table, and print what is wrong with it."""
    from nn_scratch.cli.diagnosis_text import finding_lines
    from nn_scratch.doctor.table_checks import examine_file

    with SlowSteps(lambda line: console.say((line, "dim"))):
        examined = examine_file(arguments.data, arguments.target, arguments.overrides)
    findings = examined.findings
    console.say(examined.summary)
    for notice in examined.notices:
        console.say(("note:", "yellow"), f" {notice}")
    for number, finding in enumerate(findings, start=1):
        console.print()
        for line in finding_lines(finding, {}, number):
            console.print(line, crop=False)
    if not findings:
        console.say(("nothing wrong was found", "bold green"))
    sick = any(finding.severity == "critical" for finding in findings)
    found = {"verdict": "sick" if sick else "healthy", "findings": [finding.to_json() for finding in findings]}
    document = {"data": arguments.data, "notices": list(examined.notices), **found}
    check_verdict(arguments, {arguments.data: found}, document)
    return document
